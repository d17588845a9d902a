"""Releases of this program as Immich's JSON, and which of two is the newer one."""

from __future__ import annotations

import re
from importlib.metadata import version
from typing import Any, NamedTuple

VERSION = re.compile(r"v?(\d{1,9})\.(\d{1,9})\.(\d{1,9})(?:[.-]?[a-z]+[.-]?(\d{1,9}))?")
PARTS = ("major", "minor", "patch")
NEVER_CHECKED = {"checkedAt": None, "releaseVersion": None}


class Release(NamedTuple):
    major: int
    minor: int
    patch: int
    prerelease: int | None = None  # `-rc.2` is 2; such a one comes before what it leads to

    def is_newer_than(self, other: Release) -> bool:
        return self._place() > other._place()

    def _place(self) -> tuple[int, int, int, bool, int]:
        return *self[:3], self.prerelease is None, self.prerelease or 0


def parse(text: str) -> Release | None:
    """Of a tag, `v1.2.3` or `1.2.3-rc.4`; None for what names no release."""
    if (found := VERSION.fullmatch(text.strip())) is None:
        return None
    major, minor, patch, prerelease = found.groups()
    return Release(int(major), int(minor), int(patch), int(prerelease) if prerelease else None)


OURS = parse(version("heliograph")) or Release(0, 0, 0)


def show_release(checked_at: str, tag: str, ours: Release = OURS) -> dict[str, Any] | None:
    """ReleaseEventV1; None where the tag is none."""
    release = parse(tag)
    if release is None:
        return None
    return {
        "isAvailable": release.is_newer_than(ours),
        "checkedAt": checked_at,
        "serverVersion": ours._asdict(),
        "releaseVersion": release._asdict(),
        "type": _step(ours, release),
    }


def _step(ours: Release, release: Release) -> str | None:
    """How far it is to a newer one: ReleaseType."""
    if not release.is_newer_than(ours):
        return None
    for name, before, after in zip(PARTS, ours, release, strict=False):
        if before != after:
            return name if release.prerelease is None else f"pre{name}"
    return "patch" if release.prerelease is None else "prerelease"
