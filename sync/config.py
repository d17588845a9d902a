"""Every setting an administrator has, with its default, and how it is read."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

from sql import Connection, reads
from sync.errors import Invalid

Count = Annotated[int, Meta(ge=0, le=2**53 - 1)]
Natural = Annotated[int, Meta(ge=1, le=2**53 - 1)]
Integer = Annotated[int, Meta(ge=-(2**53) + 1, le=2**53 - 1)]
Percent = Annotated[int, Meta(ge=1, le=100)]
Address = Annotated[str, Meta(pattern=r"^https?://\S+$")]
# One job more than cores: while it waits for Postgres, every core has work.
CORES = len(os.sched_getaffinity(0))
ImageFormat = Literal["jpeg", "webp"]
VideoCodec = Literal["h264", "hevc", "vp9", "av1"]
AudioCodec = Literal["mp3", "aac", "opus", "pcm_s16le"]
Container = Literal["mov", "mp4", "ogg", "webm"]
# Slowest first, as x264 calls them.
Preset = Literal[
    "veryslow", "slower", "slow", "medium", "fast", "faster", "veryfast", "superfast", "ultrafast",
]  # fmt: skip


class Group(Struct, frozen=True, kw_only=True, rename="camel"):
    """Settings that belong together, named on the wire as the contract names them."""


class DatabaseBackup(Group, frozen=True):
    enabled: bool = True
    cron_expression: str = "0 02 * * *"
    keep_last_amount: Natural = 14


class Backup(Group, frozen=True):
    database: DatabaseBackup = DatabaseBackup()


class Realtime(Group, frozen=True):
    enabled: bool = False
    resolutions: tuple[Literal[480, 720, 1080, 1440, 2160], ...] = (480, 720, 1080)
    video_codecs: tuple[VideoCodec, ...] = ("h264", "hevc")


class FFmpeg(Group, frozen=True):
    crf: Annotated[int, Meta(ge=0, le=51)] = 23
    threads: Count = 0
    preset: Preset = "ultrafast"
    target_video_codec: VideoCodec = "h264"
    accepted_video_codecs: tuple[VideoCodec, ...] = ("h264",)
    target_audio_codec: AudioCodec = "aac"
    accepted_audio_codecs: tuple[AudioCodec, ...] = ("aac", "mp3", "opus")
    accepted_containers: tuple[Container, ...] = ("mov", "ogg", "webm")
    target_resolution: Annotated[str, Meta(pattern=r"^(original|[1-9]\d{0,4})$")] = "720"
    max_bitrate: Annotated[str, Meta(pattern=r"^\s*\d{1,9}(\.\d+)?\s*[kKmM]?\s*$")] = "0"
    bframes: Annotated[int, Meta(ge=-1, le=16)] = -1
    refs: Annotated[int, Meta(ge=0, le=6)] = 0
    gop_size: Count = 0
    temporal_aq: bool = field(default=False, name="temporalAQ")
    cq_mode: Literal["auto", "cqp", "icq"] = "auto"
    two_pass: bool = False
    preferred_hw_device: str = "auto"
    transcode: Literal["all", "optimal", "bitrate", "required", "disabled"] = "required"
    tonemap: Literal["hable", "mobius", "reinhard", "disabled"] = "hable"
    accel: Literal["nvenc", "qsv", "vaapi", "rkmpp", "disabled"] = "disabled"
    accel_decode: bool = False
    realtime: Realtime = Realtime()

    @property
    def policy(self) -> str:
        """What decides whether a film is made over, in words that change with it."""
        codecs = (self.accepted_video_codecs, self.accepted_audio_codecs)
        choices = ["+".join(sorted(names)) for names in (*codecs, self.accepted_containers)]
        return " ".join([self.transcode, *choices, self.target_resolution, self.max_bitrate])


class Rendition(Group, frozen=True):
    format: ImageFormat
    size: Natural  # pixels of the short side
    quality: Percent = 80
    progressive: bool = False


class Fullsize(Group, frozen=True):
    enabled: bool = False
    format: ImageFormat = "jpeg"
    quality: Percent = 80
    progressive: bool = False


class Image(Group, frozen=True):
    thumbnail: Rendition = Rendition(format="webp", size=250)
    preview: Rendition = Rendition(format="jpeg", size=1440)
    fullsize: Fullsize = Fullsize()
    colorspace: Literal["srgb", "p3"] = "srgb"
    extract_embedded: bool = True  # To develop takes seconds and looks like no camera made it.


class Cron(Group, frozen=True):
    enabled: bool = True
    cron_expression: str = "0 03 * * *"


class ChecksumCheck(Cron, frozen=True):
    time_limit: Count = 60 * 60 * 1000  # milliseconds
    percentage_limit: Annotated[float, Meta(ge=0, le=1)] = 1


class IntegrityChecks(Group, frozen=True):
    missing_files: Cron = Cron()
    untracked_files: Cron = Cron()
    checksum_files: ChecksumCheck = ChecksumCheck()


class Queue(Group, frozen=True):
    concurrency: Natural


class Job(Group, frozen=True):
    background_task: Queue = Queue(concurrency=5)
    smart_search: Queue = Queue(concurrency=2)
    metadata_extraction: Queue = Queue(concurrency=max(5, CORES + 1))
    face_detection: Queue = Queue(concurrency=2)
    search: Queue = Queue(concurrency=5)
    sidecar: Queue = Queue(concurrency=5)
    library: Queue = Queue(concurrency=5)
    migration: Queue = Queue(concurrency=5)
    thumbnail_generation: Queue = Queue(concurrency=max(3, CORES + 1))
    video_conversion: Queue = Queue(concurrency=1)
    notifications: Queue = Queue(concurrency=5)
    ocr: Queue = Queue(concurrency=1)
    workflow: Queue = Queue(concurrency=5)
    editor: Queue = Queue(concurrency=2)
    integrity_check: Queue = Queue(concurrency=1)


class LibraryScan(Cron, frozen=True):
    cron_expression: str = "0 0 * * *"


class LibraryWatch(Group, frozen=True):
    enabled: bool = False


class Library(Group, frozen=True):
    scan: LibraryScan = LibraryScan()
    watch: LibraryWatch = LibraryWatch()


class Logging(Group, frozen=True):
    enabled: bool = True
    level: Literal["verbose", "debug", "log", "warn", "error", "fatal"] = "log"


class AvailabilityChecks(Group, frozen=True):
    enabled: bool = True
    interval: Integer = 30_000  # milliseconds
    timeout: Integer = 2_000


class Clip(Group, frozen=True):
    enabled: bool = True
    model_name: str = "ViT-B-32__openai"


class DuplicateDetection(Group, frozen=True):
    enabled: bool = True
    max_distance: Annotated[float, Meta(ge=0.001, le=0.1)] = 0.01


class FacialRecognition(Group, frozen=True):
    enabled: bool = True
    model_name: str = "buffalo_l"
    min_score: Annotated[float, Meta(ge=0.1, le=1)] = 0.7
    max_distance: Annotated[float, Meta(ge=0.1, le=2)] = 0.5
    min_faces: Natural = 3


class Ocr(Group, frozen=True):
    enabled: bool = True
    model_name: str = "PP-OCRv5_mobile"
    min_detection_score: Annotated[float, Meta(ge=0.1, le=1)] = 0.5
    min_recognition_score: Annotated[float, Meta(ge=0.1, le=1)] = 0.8
    max_resolution: Natural = 736


class MachineLearning(Group, frozen=True):
    enabled: bool = False
    urls: Annotated[tuple[str, ...], Meta(min_length=1)] = ("http://immich-machine-learning:3003",)
    availability_checks: AvailabilityChecks = AvailabilityChecks()
    clip: Clip = Clip()
    duplicate_detection: DuplicateDetection = DuplicateDetection()
    facial_recognition: FacialRecognition = FacialRecognition()
    ocr: Ocr = Ocr()


class Map(Group, frozen=True):
    enabled: bool = True
    light_style: Address = "https://tiles.immich.cloud/v1/style/light.json"
    dark_style: Address = "https://tiles.immich.cloud/v1/style/dark.json"


class Faces(Group, frozen=True):
    import_: bool = field(default=False, name="import")


class Metadata(Group, frozen=True):
    faces: Faces = Faces()


class NewVersionCheck(Group, frozen=True):
    enabled: bool = False
    channel: Literal["stable", "releaseCandidate"] = "stable"


class NightlyTasks(Group, frozen=True):
    start_time: Annotated[str, Meta(pattern=r"^(?:[01]\d|2[0-3]):[0-5]\d$")] = "00:00"
    database_cleanup: bool = True
    missing_thumbnails: bool = True
    cluster_new_faces: bool = True
    generate_memories: bool = True
    sync_quota_usage: bool = True


class SmtpTransport(Group, frozen=True):
    host: str = ""
    port: Annotated[int, Meta(ge=0, le=65535)] = 587
    secure: bool = False
    username: str = ""
    password: str = ""
    ignore_cert: bool = False


class Smtp(Group, frozen=True):
    enabled: bool = False
    from_: str = field(default="", name="from")
    reply_to: str = ""
    transport: SmtpTransport = SmtpTransport()


class Notifications(Group, frozen=True):
    smtp: Smtp = Smtp()


class OAuth(Group, frozen=True):
    enabled: bool = False
    issuer_url: str = ""
    client_id: str = ""
    client_secret: str = ""
    scope: str = "openid email profile"
    button_text: str = "Login with OAuth"
    auto_launch: bool = False
    auto_register: bool = True
    prompt: str = ""
    timeout: Natural = 30_000  # milliseconds
    token_endpoint_auth_method: Literal["client_secret_post", "client_secret_basic"] = (
        "client_secret_post"
    )
    signing_algorithm: str = "RS256"
    profile_signing_algorithm: str = "none"
    storage_label_claim: str = "preferred_username"
    storage_quota_claim: str = "immich_quota"
    role_claim: str = "immich_role"
    default_storage_quota: Count | None = None  # GiB
    mobile_override_enabled: bool = False
    mobile_redirect_uri: str = ""
    end_session_endpoint: str = ""
    account_management_url: str = ""
    allow_insecure_requests: bool = False


class Switch(Group, frozen=True):
    enabled: bool = True


class Server(Group, frozen=True):
    external_domain: Annotated[str, Meta(pattern=r"^(https?://\S+)?$")] = ""
    login_page_message: str = ""
    public_users: bool = True


class StorageTemplate(Group, frozen=True):
    enabled: bool = False
    hash_verification_enabled: bool = True
    template: str = "{{y}}/{{y}}-{{MM}}-{{dd}}/{{filename}}"


class EmailTemplates(Group, frozen=True):
    welcome_template: str = ""
    album_invite_template: str = ""
    album_update_template: str = ""


class Templates(Group, frozen=True):
    email: EmailTemplates = EmailTemplates()


class Theme(Group, frozen=True):
    custom_css: str = ""


class Trash(Group, frozen=True):
    enabled: bool = True
    days: Count = 30


class User(Group, frozen=True):
    delete_delay: Natural = 7  # days


class Config(Group, frozen=True):
    """All settings: AdminConfigDto."""

    backup: Backup = Backup()
    ffmpeg: FFmpeg = FFmpeg()
    image: Image = Image()
    integrity_checks: IntegrityChecks = IntegrityChecks()
    job: Job = Job()
    library: Library = Library()
    logging: Logging = Logging()
    machine_learning: MachineLearning = MachineLearning()
    map: Map = Map()
    metadata: Metadata = Metadata()
    new_version_check: NewVersionCheck = NewVersionCheck()
    nightly_tasks: NightlyTasks = NightlyTasks()
    notifications: Notifications = Notifications()
    oauth: OAuth = OAuth()
    password_login: Switch = Switch()
    reverse_geocoding: Switch = Switch()
    server: Server = Server()
    storage_template: StorageTemplate = StorageTemplate()
    templates: Templates = Templates()
    theme: Theme = Theme()
    trash: Trash = Trash()
    user: User = User()


LEVELS = {
    "verbose": logging.DEBUG,
    "debug": logging.DEBUG,
    "log": logging.INFO,
    "warn": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
}


def follow_logging(settings: Logging) -> None:
    """Have this process say no less and no more than that."""
    level = LEVELS[settings.level] if settings.enabled else logging.CRITICAL + 1
    logging.getLogger().setLevel(level)


async def load(connection: Connection) -> Config:
    """The settings in force. Raises Invalid when one has a value that it cannot have."""
    kept = {row["name"]: row["value"] for row in await reads.settings.list_settings(connection)}
    return build(kept)


def build(changes: Mapping[str, Any]) -> Config:
    """The defaults, but for some values by their paths: `{"trash.days": 3}`. Raises Invalid."""
    whole: dict[str, Any] = msgspec.to_builtins(Config())
    for path, value in changes.items():
        *groups, name = path.split(".")
        inner = whole
        for group in groups:
            inner = inner.get(group, {})
        if not isinstance(inner, dict) or name not in inner or isinstance(inner[name], dict):
            raise Invalid(f"There is no setting {path}")
        inner[name] = value
    try:
        return msgspec.convert(whole, Config)
    except msgspec.ValidationError as error:
        raise Invalid(str(error)) from error


def by_path(config: Config) -> dict[str, Any]:
    """Each setting by its path, as in JSON: `{"trash.days": 30, ...}`."""
    return dict(_flatten(msgspec.json.decode(msgspec.json.encode(config)), ""))


def _flatten(values: Mapping[str, Any], above: str) -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        path = f"{above}{name}"
        if isinstance(value, dict):
            yield from _flatten(value, f"{path}.")
        else:
            yield path, value
