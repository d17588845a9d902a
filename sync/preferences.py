"""What a user prefers: kept is only what differs from the defaults, as the apps mirror it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Groups = Mapping[str, Mapping[str, Any]]

DEFAULTS: Groups = {
    "albums": {"defaultAssetOrder": "desc"},
    "cast": {"gCastEnabled": False},
    "download": {"archiveSize": 4 * 1024**3, "includeEmbeddedVideos": False},
    "emailNotifications": {"enabled": True, "albumInvite": True, "albumUpdate": True},
    "folders": {"enabled": False, "sidebarWeb": False},
    "memories": {"enabled": True, "duration": 5, "sidebarWeb": False},
    "people": {"enabled": True, "sidebarWeb": False, "minimumFaces": 3},
    "purchase": {"showSupportBadge": True, "hideBuyButtonUntil": "2022-02-12T00:00:00.000Z"},
    "ratings": {"enabled": False},
    "recentlyAdded": {"sidebarWeb": False},
    "sharedLinks": {"enabled": True, "sidebarWeb": False},
    "tags": {"enabled": False, "sidebarWeb": False},
}


def complete(kept: Groups) -> dict[str, dict[str, Any]]:
    """With the defaults for all that was not changed."""
    return {name: {**group, **kept.get(name, {})} for name, group in DEFAULTS.items()}


def change(kept: Groups, changes: Groups) -> dict[str, dict[str, Any]]:
    """What to keep after some fields of some groups were set."""
    changed = {}
    for name, defaults in DEFAULTS.items():
        group = {**kept.get(name, {}), **changes.get(name, {})}
        differing = {key: value for key, value in group.items() if value != defaults.get(key)}
        if differing:
            changed[name] = differing
    return changed
