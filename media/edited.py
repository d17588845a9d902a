"""Renditions of a picture as somebody edited it: cropped, rotated, mirrored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyvips  # type: ignore[import-untyped]

from media import images
from media.images import Renditions
from sync.forms import Nature


def render(path: Path, edits: Sequence[Mapping[str, Any]]) -> Renditions:
    """What `images.render` makes, of what is left after the edits, and always the whole of that.

    Each edit is `{"action": "crop" | "rotate" | "mirror", "parameters": …}`. They follow one
    another; what is cropped is told in pixels of the upright original. Raises UnreadableImage.
    """
    settings = images.form.settings
    with images.upright(path, images.LONGEST_SIDE, settings) as pixels:
        for edit in edits:
            pixels = _apply(pixels.copy_memory(), edit["action"], edit["parameters"])
        pixels = pixels.copy_memory()
        shown = images.fit(pixels, images.shown_size(settings), settings).copy_memory()
        return images.rendered(
            shown,
            (pixels.width, pixels.height),
            settings,
            Nature(),
            images.encode(pixels, settings.fullsize),
        )


def _apply(pixels: pyvips.Image, action: str, how: Mapping[str, Any]) -> pyvips.Image:
    match action:
        case "crop":
            return pixels.crop(how["x"], how["y"], how["width"], how["height"])
        case "rotate":
            return pixels.rot(f"d{how['angle']}")
        case "mirror":
            return pixels.fliphor() if how["axis"] == "horizontal" else pixels.flipver()
    raise ValueError(action)
