"""ICC colour profiles: the name inside."""

from __future__ import annotations

from struct import error as StructError
from struct import unpack_from


def description(profile: bytes) -> str | None:
    """Return the profile's description, e.g. `Display P3`; None where there is none to read.

    Layout after ICC.1: a table of tags at byte 128, then `desc` as either plain text (version 2)
    or a list of translations (version 4), of which the first is taken.
    """
    try:
        (count,) = unpack_from(">I", profile, 128)
        for index in range(min(count, 100)):
            signature, offset, size = unpack_from(">4sII", profile, 132 + 12 * index)
            if signature == b"desc":
                return _text(profile[offset : offset + size])
    except StructError:
        return None
    return None


def _text(tag: bytes) -> str | None:
    if tag[:4] == b"desc":
        (length,) = unpack_from(">I", tag, 8)
        text = tag[12 : 12 + length].decode("latin-1")
    elif tag[:4] == b"mluc":
        length, offset = unpack_from(">II", tag, 20)
        text = tag[offset : offset + length].decode("utf-16-be", "replace")
    else:
        return None
    return text.strip("\0 ") or None
