"""What can be wrong with a file, in words for a person."""

from __future__ import annotations

from sync.worker import Hopeless

MAX_PIXELS = 200_000_000


class UnreadableImage(Hopeless):
    """Nothing can be made from this file; the message tells why."""


def refuse_too_many_pixels(width: int, height: int) -> None:
    """Raise UnreadableImage for what would take too much memory, before it is decoded."""
    if width * height > MAX_PIXELS:
        raise UnreadableImage(
            f"The picture has {width} x {height} pixels; "
            f"more than {MAX_PIXELS // 1_000_000} megapixels are not opened"
        )
