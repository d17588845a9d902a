"""Films that show all around."""

from __future__ import annotations

from struct import unpack

from av import VideoFrame
from av.buffer import Buffer

# By the number with which FFmpeg's AVSphericalMapping begins; a tile is cut out of the first.
_PROJECTIONS = {0: "EQUIRECTANGULAR", 1: "CUBEMAP", 2: "EQUIRECTANGULAR"}


def projection(frame: VideoFrame) -> str | None:
    """How the world is laid out in it, as Immich writes that; None: it is a film like any other."""
    data = frame.side_data.get("SPHERICAL")
    return _PROJECTIONS.get(unpack("=i", bytes(data)[:4])[0]) if isinstance(data, Buffer) else None
