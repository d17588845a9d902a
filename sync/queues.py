"""The queues by the names that Immich has for them, and how much at once each may do."""

from __future__ import annotations

from sync import topics
from sync.config import Config

# Immich's queue of each of ours, and the job in it.
NAMES = {
    topics.METADATA.name: ("metadataExtraction", "AssetExtractMetadata"),
    topics.EDIT.name: ("editor", "AssetEditThumbnailGeneration"),
    topics.THUMBNAIL.name: ("thumbnailGeneration", "AssetGenerateThumbnails"),
    topics.PERSON_THUMBNAIL.name: ("thumbnailGeneration", "PersonGenerateThumbnail"),
    topics.FILE_REMOVAL.name: ("backgroundTask", "FileDelete"),
}
CONFIGURED = {
    "metadataExtraction": "metadata_extraction",
    "editor": "editor",
    "thumbnailGeneration": "thumbnail_generation",
    "backgroundTask": "background_task",
}


def list_ours(name: str) -> list[str]:
    """Our queues that make up one of Immich's; none where nothing of it is done here."""
    return [ours for ours, (theirs, _) in NAMES.items() if theirs == name]


def concurrency(config: Config, queue: str) -> int:
    """How many jobs of a queue of ours one process does at a time."""
    name, _ = NAMES[queue]
    limit: int = getattr(config.job, CONFIGURED[name]).concurrency
    return limit
