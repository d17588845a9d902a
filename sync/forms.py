"""As what renditions are made: in words that change with the settings a picture depends on."""

from __future__ import annotations

from itertools import product
from typing import NamedTuple

from sync.config import Fullsize, Image, Rendition


class Nature(NamedTuple):
    """What of an original decides which of the settings matter to it."""

    is_wide: bool = False  # has more colours than sRGB
    is_raw: bool = False
    is_shown_by_browsers: bool = True


def made_as(settings: Image, nature: Nature) -> str:
    """Another only if the same original would be shown by other files."""
    words = [
        _words(settings.thumbnail.format, settings.thumbnail.size, settings.thumbnail),
        _words(settings.preview.format, settings.preview.size, settings.preview),
    ]
    if nature.is_wide:
        words.append(settings.colorspace)
    if nature.is_raw:
        words.append("embedded" if settings.extract_embedded else "developed")
    if not nature.is_shown_by_browsers:
        whole = settings.fullsize
        words.append(_words(whole.format, "whole", whole) if whole.enabled else "not whole")
    return ", ".join(words)


def current(settings: Image) -> list[str]:
    """Of originals of every nature; what is made as anything else is out of date."""
    natures = product((False, True), repeat=len(Nature._fields))
    return [made_as(settings, Nature(*nature)) for nature in natures]


def is_progressive(one: Rendition | Fullsize) -> bool:
    """WebP is never."""
    return one.progressive and one.format == "jpeg"


def _words(format_: str, size: int | str, one: Rendition | Fullsize) -> str:
    steps = " progressive" if is_progressive(one) else ""
    return f"{format_} {size} {one.quality}{steps}"
