"""Renditions of a picture as somebody edited it: cropped, rotated, mirrored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyvips  # type: ignore[import-untyped]

from media import images
from media.images import Renditions


def render(path: Path, edits: Sequence[Mapping[str, Any]]) -> Renditions:
    """What `images.render` makes, of what is left after the edits, and a JPEG of all of that.

    Each edit is `{"action": "crop" | "rotate" | "mirror", "parameters": …}`. They follow one
    another; what is cropped is told in pixels of the upright original. Raises UnreadableImage.
    """
    with images.upright(path, images.LONGEST_SIDE) as pixels:
        for edit in edits:
            pixels = _apply(pixels.copy_memory(), edit["action"], edit["parameters"])
        pixels = pixels.copy_memory()
        size = max(images.form.preview.size, images.form.thumbnail.size)
        shown = images.fit(pixels, size).copy_memory()
        thumbnail, placeholder = images.encode_thumbnail(shown)
        return Renditions(
            pixels.width,
            pixels.height,
            placeholder,
            thumbnail,
            images.encode_preview(shown),
            images.encode_jpeg(pixels),
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
