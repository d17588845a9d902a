"""The queues by the names that Immich has for them, and how much at once each may do."""

from __future__ import annotations

from typing import Literal, get_args

from sync import topics
from sync.config import Config

Name = Literal[
    "thumbnailGeneration", "metadataExtraction", "videoConversion", "faceDetection",
    "facialRecognition", "smartSearch", "duplicateDetection", "backgroundTask",
    "storageTemplateMigration", "migration", "search", "sidecar", "library", "notifications",
    "backupDatabase", "ocr", "workflow", "integrityCheck", "editor",
]  # fmt: skip
IMMICH: tuple[Name, ...] = get_args(Name)
# Immich's queue of each of ours, and the job in it.
NAMES = {
    topics.METADATA.name: ("metadataExtraction", "AssetExtractMetadata"),
    topics.EDIT.name: ("editor", "AssetEditThumbnailGeneration"),
    topics.THUMBNAIL.name: ("thumbnailGeneration", "AssetGenerateThumbnails"),
    topics.TRANSCODE.name: ("videoConversion", "AssetEncodeVideo"),
    topics.PERSON_THUMBNAIL.name: ("thumbnailGeneration", "PersonGenerateThumbnail"),
    topics.STORAGE_TEMPLATE.name: ("storageTemplateMigration", "StorageTemplateMigrationSingle"),
    topics.SIDECAR.name: ("sidecar", "SidecarWrite"),
    topics.TAG_SIDECARS.name: ("sidecar", "SidecarQueueAll"),
    topics.FILE_REMOVAL.name: ("backgroundTask", "FileDelete"),
    topics.MAIL.name: ("notifications", "SendMail"),
    topics.WORKFLOW.name: ("workflow", "WorkflowAssetTrigger"),
}
CONFIGURED = {
    "metadataExtraction": "metadata_extraction",
    "editor": "editor",
    "thumbnailGeneration": "thumbnail_generation",
    "videoConversion": "video_conversion",
    "backgroundTask": "background_task",
    "notifications": "notifications",
    "sidecar": "sidecar",
    "workflow": "workflow",
}
# What Immich has no setting for.
FIXED = {"storageTemplateMigration": 2}


def name_of(queue: str) -> str:
    """What Immich calls the queue that one of ours is a part of."""
    name, _ = NAMES[queue]
    return name


def job_of(queue: str) -> str:
    """What Immich calls a job of a queue of ours."""
    _, job = NAMES[queue]
    return job


def list_ours(name: str) -> list[str]:
    """Our queues that make up one of Immich's; none where nothing of it is done here."""
    return [ours for ours, (theirs, _) in NAMES.items() if theirs == name]


def concurrency(config: Config, queue: str) -> int:
    """How many jobs of a queue of ours one process does at a time."""
    name = name_of(queue)
    if name in FIXED:
        return FIXED[name]
    limit: int = getattr(config.job, CONFIGURED[name]).concurrency
    return limit
