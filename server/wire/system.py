"""The server itself as Immich's JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from server.context import VERSION
from server.wire import iso
from sql import reads
from storage import media_types
from sync.config import Config

RELEASES = "https://github.com/immich-app/immich/releases"
UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")
# What clients may show a door to. Only what is behind it already is true.
MISSING = (
    "configFile", "duplicateDetection", "facialRecognition", "ocr", "smartSearch",
)  # fmt: skip

Shown = dict[str, Any]


def format_version() -> str:
    return ".".join(map(str, VERSION))


def show_version() -> Shown:
    """ServerVersionResponseDto."""
    major, minor, patch = VERSION
    return {"major": major, "minor": minor, "patch": patch, "prerelease": None}


def show_about(build: str, *, is_licensed: bool) -> Shown:
    """ServerAboutResponseDto."""
    version = f"v{format_version()}"
    return {
        "version": version,
        "versionUrl": f"{RELEASES}/tag/{version}",
        "licensed": is_licensed,
        "build": build,
    }


def show_apk_links() -> Shown:
    """ServerApkLinksDto: the app that fits this server."""
    folder = f"{RELEASES}/download/v{format_version()}"
    return {
        "arm64v8a": f"{folder}/app-arm64-v8a-release.apk",
        "armeabiv7a": f"{folder}/app-armeabi-v7a-release.apk",
        "universal": f"{folder}/app-release.apk",
        "x86_64": f"{folder}/app-x86_64-release.apk",
    }


def show_features(config: Config) -> Shown:
    """ServerFeaturesDto."""
    return dict.fromkeys(MISSING, False) | {
        "email": config.notifications.smtp.enabled,
        "importFaces": config.metadata.faces.import_,
        "map": config.map.enabled,
        "oauth": config.oauth.enabled,
        "oauthAutoLaunch": config.oauth.enabled and config.oauth.auto_launch,
        "realtimeTranscoding": config.ffmpeg.realtime.enabled,
        "reverseGeocoding": config.reverse_geocoding.enabled,
        "search": True,
        "passwordLogin": config.password_login.enabled,
        "sidecar": True,
        "trash": config.trash.enabled,
    }


def show_config(config: Config, *, is_initialized: bool, is_onboarded: bool) -> Shown:
    """ServerConfigDto."""
    return {
        "externalDomain": config.server.external_domain,
        "isInitialized": is_initialized,
        "isOnboarded": is_onboarded,
        "loginPageMessage": config.server.login_page_message,
        "maintenanceMode": False,
        "mapDarkStyleUrl": config.map.dark_style,
        "mapLightStyleUrl": config.map.light_style,
        "minFaces": config.machine_learning.facial_recognition.min_faces,
        "oauthButtonText": config.oauth.button_text,
        "publicUsers": config.server.public_users,
        "trashDays": config.trash.days,
        "userDeleteDelay": config.user.delete_delay,
    }


def show_storage(total: int, used: int, available: int) -> Shown:
    """ServerStorageResponseDto, of bytes. Some may be neither used nor available: root's."""
    return {
        "diskSize": format_bytes(total),
        "diskSizeRaw": total,
        "diskUse": format_bytes(used),
        "diskUseRaw": used,
        "diskAvailable": format_bytes(available),
        "diskAvailableRaw": available,
        "diskUsagePercentage": round(100 * used / total, 2) if total else 0.0,
    }


def show_media_types() -> Shown:
    """ServerMediaTypesResponseDto."""
    return {
        "image": media_types.IMAGE_EXTENSIONS,
        "video": media_types.VIDEO_EXTENSIONS,
        "sidecar": media_types.SIDECAR_EXTENSIONS,
    }


def show_statistics(rows: Iterable[reads.users.usage_by_user_row]) -> Shown:
    """ServerStatsResponseDto."""
    users: list[Shown] = [
        {
            "userId": row["id"],
            "userName": row["name"],
            "photos": row["photos"],
            "videos": row["videos"],
            "usage": row["usage"],
            "usagePhotos": row["usage_photos"],
            "usageVideos": row["usage_videos"],
            "quotaSizeInBytes": row["quota_bytes"],
        }
        for row in rows
    ]
    names = ("photos", "videos", "usage", "usagePhotos", "usageVideos")
    sums = {name: sum(user[name] for user in users) for name in names}
    return {**sums, "usageByUser": users}


def show_version_history(rows: Iterable[reads.settings.list_versions_row]) -> list[Shown]:
    """ServerVersionHistoryResponseDto[]."""
    return [
        {"id": row["id"], "version": row["version"], "createdAt": iso(row["created_at"])}
        for row in rows
    ]


def format_bytes(count: int) -> str:
    """`1.5 TiB`, `512 B`."""
    size, unit = float(count), 0
    while size >= 1024 and unit + 1 < len(UNITS):
        size, unit = size / 1024, unit + 1
    return f"{size:.{1 if unit else 0}f} {UNITS[unit]}"
