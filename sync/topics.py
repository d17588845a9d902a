"""Every topic: which kinds of state it touches, which queues it fills. The pipeline on one page."""

from __future__ import annotations

from typing import NamedTuple
from uuid import UUID

EVERYONE = UUID(int=0)  # The scope of what all users see, and the audience of all sockets.


class Queue(NamedTuple):
    """Jobs of one sort."""

    name: str
    is_whole: bool = False  # one job for an entry, not one for each of its entities


class Topic(NamedTuple):
    touches: tuple[str, ...] = ()  # kinds, each with a SELECT in sql/projections
    queues: tuple[Queue, ...] = ()


METADATA = Queue("metadata")
THUMBNAIL = Queue("thumbnail")
FILE_REMOVAL = Queue("file_removal", is_whole=True)
QUEUES = {queue.name: queue for queue in (METADATA, THUMBNAIL, FILE_REMOVAL)}

# An entry names one scope and the keys in it; for each kind touched these make its state rows.
TOPICS = {
    # scope: the user; keys: the user
    "user.created": Topic(("user", "auth_user")),
    "user.updated": Topic(("user", "auth_user")),
    "user.deleted": Topic(("user", "auth_user")),
    # scope: the user; keys: rows of user_metadata
    "user_metadata.changed": Topic(("user_metadata",)),
    # scope: the user; keys: sessions or API keys
    "session.created": Topic(),
    "session.deleted": Topic(),
    "api_key.created": Topic(),
    "api_key.updated": Topic(),
    "api_key.deleted": Topic(),
    # scope: the owner; keys: assets
    "asset.uploaded": Topic(("asset", "asset_exif", "auth_user"), (METADATA,)),
    "asset.metadata_requested": Topic((), (METADATA,)),
    "asset.metadata_extracted": Topic(("asset", "asset_exif"), (THUMBNAIL,)),
    "asset.thumbnail_made": Topic(("asset",)),
    "asset.updated": Topic(("asset", "asset_exif")),
    "asset.hidden": Topic(("asset",)),
    "asset.trashed": Topic(("asset",)),
    "asset.restored": Topic(("asset",)),
    "asset.deleted": Topic(("asset", "asset_exif", "auth_user"), (FILE_REMOVAL,)),
    # scope: the owner; keys: rows of asset_metadata
    "asset_metadata.changed": Topic(("asset_metadata",)),
    # scope: everyone; keys: everyone
    "config.changed": Topic(),
}


def touching(topics: list[str]) -> dict[str, list[str]]:
    """Kind → those of the topics that touch it."""
    kinds = dict.fromkeys(kind for topic in topics for kind in TOPICS[topic].touches)
    return {kind: [t for t in topics if kind in TOPICS[t].touches] for kind in kinds}


def routes(topics: list[str]) -> list[tuple[str, Queue]]:
    """Pairs of topic and queue."""
    return [(topic, queue) for topic in topics for queue in TOPICS[topic].queues]
