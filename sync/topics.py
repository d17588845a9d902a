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
EDIT = Queue("edit")
THUMBNAIL = Queue("thumbnail")
TRANSCODE = Queue("transcode")
PERSON_THUMBNAIL = Queue("person_thumbnail")
SIDECAR = Queue("sidecar")
TAG_SIDECARS = Queue("tag_sidecars", is_whole=True)
MAIL = Queue("mail")
STORAGE_TEMPLATE = Queue("storage_template")  # where that is enabled
WORKFLOW = Queue("workflow")  # of users who have workflows
FILE_REMOVAL = Queue("file_removal", is_whole=True)
ALL = (
    MAIL, METADATA, EDIT, THUMBNAIL, TRANSCODE, PERSON_THUMBNAIL, STORAGE_TEMPLATE, WORKFLOW,
    SIDECAR, TAG_SIDECARS, FILE_REMOVAL,
)  # fmt: skip
QUEUES = {queue.name: queue for queue in ALL}

# What is sent to apps, and what tells of albums, and of assets in them.
LINES = (
    "user", "auth_user", "user_metadata", "partner", "asset", "asset_exif", "asset_metadata",
    "asset_edit", "asset_ocr", "asset_face", "person", "stack", "memory", "memory_asset", "album",
    "album_user", "album_asset", "album_view", "album_grant",
)  # fmt: skip

# An entry names one scope and the keys in it; for each kind touched these make its state rows.
TOPICS = {
    # scope: the user; keys: the user
    "user.created": Topic(("user", "auth_user")),
    "user.updated": Topic(("user", "auth_user")),
    "user.deleted": Topic(("user", "auth_user")),
    "user.trashed": Topic(("user", "auth_user")),
    "user.restored": Topic(("user", "auth_user")),
    "user.image_dropped": Topic((), (FILE_REMOVAL,)),
    "user.welcome_requested": Topic((), (MAIL,)),
    # scope: who is asked; keys: requests
    "cluster_group_request.created": Topic(),
    "cluster_group_request.deleted": Topic(),
    # scope: the user; keys: rows of user_metadata
    "user_metadata.changed": Topic(("user_metadata",)),
    # scope: the user; keys: sessions or API keys
    "session.created": Topic(),
    "session.deleted": Topic(),
    "api_key.created": Topic(),
    "api_key.updated": Topic(),
    "api_key.deleted": Topic(),
    # scope: the owner; keys: assets
    "asset.uploaded": Topic(("asset", "asset_exif", "auth_user"), (METADATA, WORKFLOW)),
    "asset.metadata_requested": Topic((), (METADATA,)),
    "asset.thumbnail_requested": Topic((), (THUMBNAIL,)),
    "asset.file_deleted": Topic((), (FILE_REMOVAL,)),
    "asset.metadata_extracted": Topic(
        ("asset", "asset_exif", "album_view"), (STORAGE_TEMPLATE, WORKFLOW)
    ),
    "asset.move_requested": Topic((), (STORAGE_TEMPLATE,)),
    "asset.moved": Topic((), (FILE_REMOVAL,)),
    "asset.thumbnail_made": Topic(("asset", "album_view")),
    "asset.transcode_requested": Topic((), (TRANSCODE,)),
    "asset.transcoded": Topic((), (FILE_REMOVAL,)),
    "asset.updated": Topic(("asset", "asset_exif", "album_view")),
    "asset.hidden": Topic(("asset", "asset_exif", "album_view")),
    "asset.trashed": Topic(("asset", "album_view")),
    "asset.restored": Topic(("asset", "album_view")),
    "asset.deleted": Topic(("asset", "asset_exif", "auth_user"), (FILE_REMOVAL,)),
    # scope: the owner; keys: rows of asset_metadata
    "asset_metadata.changed": Topic(("asset_metadata",)),
    # scope: the owner; keys: rows of asset_edit
    "asset_edit.changed": Topic(("asset_edit",)),
    # scope: the owner; keys: assets
    "asset.edit_requested": Topic((), (EDIT,)),
    "asset.sidecar_requested": Topic((), (SIDECAR,)),
    "asset.sidecar_written": Topic(),
    "asset.edit_made": Topic(("asset", "album_view"), (FILE_REMOVAL,)),
    # scope: the owner; keys: rows of asset_ocr, of asset_face
    "asset_ocr.changed": Topic(("asset_ocr",)),
    "asset_face.changed": Topic(("asset_face",)),
    # scope: the album; keys: the album, users, or assets
    "album.created": Topic(("album",)),
    "album.updated": Topic(("album",)),
    "album.deleted": Topic(("album",)),
    "album.shared": Topic(("album_user",)),
    "album.unshared": Topic(("album_user",)),
    "album.role_changed": Topic(("album_user",)),
    "album.assets_added": Topic(("album_asset", "album_view")),
    "album.assets_removed": Topic(("album_asset", "album_view")),
    # scope: the user whose view changes; keys: albums
    "album_access.granted": Topic(("album_grant",)),
    "album_access.revoked": Topic(("album_grant",)),
    # scope: either side; keys: rows of partner
    "partner.created": Topic(("partner",)),
    "partner.updated": Topic(("partner",)),
    "partner.deleted": Topic(("partner",)),
    # scope: the user whose view changes; keys: users who share their libraries
    "partner_access.granted": Topic(("partner_grant",)),
    "partner_access.revoked": Topic(("partner_grant",)),
    # scope: the owner; keys: stacks
    "stack.created": Topic(("stack",)),
    "stack.updated": Topic(("stack",)),
    "stack.deleted": Topic(("stack",)),
    # scope: the owner; keys: memories, or rows of memory_asset
    "memory.created": Topic(("memory",)),
    "memory.updated": Topic(("memory",)),
    "memory.deleted": Topic(("memory",)),
    "memory_asset.changed": Topic(("memory_asset",)),
    # scope: the owner; keys: tags, or assets
    "tag.created": Topic(),
    "tag.updated": Topic(),
    "tag.deleted": Topic(),
    "tag.assets_tagged": Topic((), (WORKFLOW, SIDECAR)),
    "tag.assets_untagged": Topic((), (SIDECAR,)),
    # scope: the owner; keys: the owner
    "tag.sidecars_requested": Topic((), (TAG_SIDECARS,)),
    # scope: the album; keys: activities
    "activity.created": Topic(),
    "activity.deleted": Topic(),
    # scope: who made it; keys: shared links
    "shared_link.created": Topic(),
    "shared_link.updated": Topic(),
    "shared_link.deleted": Topic(),
    # scope: the owner; keys: people
    "person.created": Topic(("person",)),
    "person.updated": Topic(("person",)),
    "person.deleted": Topic(("person",)),
    "person.face_changed": Topic(("person",), (PERSON_THUMBNAIL,)),
    "person.thumbnail_requested": Topic((), (PERSON_THUMBNAIL,)),
    "person.thumbnail_made": Topic(("person",)),
    # scope: the owner; keys: the owner
    "person.thumbnail_dropped": Topic((), (FILE_REMOVAL,)),
    # scope and keys: those of lines that jam an app, or do not any more
    "sync.quarantined": Topic(LINES),
    "sync.released": Topic(LINES),
    # scope: the user; keys: notifications
    "notification.created": Topic((), (MAIL,)),
    "notification.updated": Topic(),
    "notification.deleted": Topic(),
    # scope: the owner; keys: workflows
    "workflow.created": Topic(),
    "workflow.updated": Topic(),
    "workflow.deleted": Topic(),
    # scope: everyone; keys: everyone
    "config.changed": Topic(),
    "system_metadata.changed": Topic(),
    "release.found": Topic(),
    "job.started": Topic(),
    "queue.paused": Topic(),
    "queue.resumed": Topic(),
    "queue.emptied": Topic(),
    # scope: the owner; keys: libraries
    "library.created": Topic(),
    "library.updated": Topic(),
    "library.deleted": Topic(),
    # scope: everyone; keys: everyone
    "backup.created": Topic(),
    "backup.failed": Topic(),
    "backup.uploaded": Topic(),
    "backup.deleted": Topic(),
    "backup.restored": Topic(),
    "maintenance.started": Topic(),
    "maintenance.ended": Topic(),
    "integrity.checked": Topic(),
    "integrity.resolved": Topic(),
    "storage_name.dropped": Topic((), (FILE_REMOVAL,)),
}


def touching(topics: list[str]) -> dict[str, list[str]]:
    """Kind → those of the topics that touch it."""
    kinds = dict.fromkeys(kind for topic in topics for kind in TOPICS[topic].touches)
    return {kind: [t for t in topics if kind in TOPICS[t].touches] for kind in kinds}


def routes(topics: list[str]) -> list[tuple[str, Queue]]:
    """Pairs of topic and queue."""
    return [(topic, queue) for topic in topics for queue in TOPICS[topic].queues]
