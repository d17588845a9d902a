"""What of the configuration this server honours; all else it refuses to change."""

from __future__ import annotations

from collections.abc import Collection

from sync import queues, schedule
from sync.config import Config, VideoCodec
from sync.errors import Invalid

# By path: a setting, or a group of them. Of two that a setting is in, the smaller one decides.
HONOURED = (
    "backup.database",
    "ffmpeg.acceptedAudioCodecs",
    "ffmpeg.acceptedContainers",
    "ffmpeg.acceptedVideoCodecs",
    "ffmpeg.bframes",
    "ffmpeg.cqMode",
    "ffmpeg.crf",
    "ffmpeg.gopSize",
    "ffmpeg.maxBitrate",
    "ffmpeg.preset",
    "ffmpeg.realtime",
    "ffmpeg.refs",
    "ffmpeg.targetAudioCodec",
    "ffmpeg.targetResolution",
    "ffmpeg.targetVideoCodec",
    "ffmpeg.threads",
    "ffmpeg.tonemap",
    "ffmpeg.transcode",
    "ffmpeg.twoPass",
    "image",
    "integrityChecks",
    "logging",
    "map",
    "metadata.faces.import",
    "newVersionCheck",
    "nightlyTasks.databaseCleanup",
    "nightlyTasks.generateMemories",
    "nightlyTasks.missingThumbnails",
    "nightlyTasks.startTime",
    "nightlyTasks.syncQuotaUsage",
    "notifications.smtp",
    "oauth",
    "passwordLogin",
    "reverseGeocoding",
    "server",
    "storageTemplate",
    "templates.email",
    "theme",
    "trash",
    "user.deleteDelay",
    *(f"job.{name}.concurrency" for name in queues.CONFIGURED),
)
# The others, and why.
REFUSED = {
    "ffmpeg": "films are decoded and encoded by the processor: no graphics card is used",
    "ffmpeg.temporalAQ": "only NVIDIA's encoders have it, and films are encoded by the processor",
    "job": "nothing works in this queue",
    "library": "external libraries are not scanned",
    "machineLearning": "there is no machine learning",
    "oauth.accountManagementUrl": "no app is told of it",
    "nightlyTasks.clusterNewFaces": "there is no machine learning",
}
TWO_PASSES: tuple[VideoCodec, ...] = ("h264", "hevc")


def check(config: Config, changed: Collection[str]) -> None:
    """These changes of it, by path, can be honoured. Raises Invalid."""
    for path in sorted(changed):
        if not is_honoured(path):
            raise Invalid(f"Changing {path} is not supported here: {reason_against(path)}")
    if config.ffmpeg.two_pass and config.ffmpeg.target_video_codec not in TWO_PASSES:
        raise Invalid(
            f"ffmpeg.twoPass is not supported here for {config.ffmpeg.target_video_codec}: "
            f"only {' and '.join(TWO_PASSES)} are encoded in two passes"
        )
    for expression in (
        config.backup.database.cron_expression,
        config.integrity_checks.missing_files.cron_expression,
        config.integrity_checks.untracked_files.cron_expression,
        config.integrity_checks.checksum_files.cron_expression,
    ):
        if not schedule.is_cron(expression):
            raise Invalid(f"Invalid cron expression {expression}")


def is_honoured(path: str) -> bool:
    return _smallest_group(path) in HONOURED


def reason_against(path: str) -> str | None:
    """Why a setting cannot be changed; None where nobody thought of it."""
    return REFUSED.get(_smallest_group(path))


def _smallest_group(path: str) -> str:
    groups = [one for one in (*HONOURED, *REFUSED) if f"{path}.".startswith(f"{one}.")]
    return max(groups, key=len, default="")
