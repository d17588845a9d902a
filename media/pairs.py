"""What tells that pictures and films were taken as one: they bear the same identifier."""

from __future__ import annotations

import re
from collections.abc import Mapping
from struct import error as StructError
from struct import unpack_from

from media.tags import Tags

_HEADER = b"Apple iOS\0"
_ENTRIES_AT = 14  # After the header, a version and the byte order.
_BURST_UUID, _CONTENT_IDENTIFIER, _ASCII = 0x000B, 0x0011, 2
_FILM_KEYS = ("com.apple.quicktime.content.identifier", "content.identifier")
# In use they are UUIDs; so short and plain that any other text is not one.
_IDENTIFIER = re.compile(r"[0-9A-Za-z-]{8,64}")


def of_still(own: Tags, beside: Tags) -> str | None:
    """From the maker's own part of EXIF; else from XMP, where copies have no agreed namespace."""
    own_word = _in_maker_note(own.maker_note, _CONTENT_IDENTIFIER)
    copies = (of.text(*of.names(".ContentIdentifier")) for of in (beside, own))
    return next(filter(None, map(_checked, (own_word, *copies))), None)


def of_burst(own: Tags, beside: Tags) -> str | None:
    """What all pictures have that were taken while one button was held, as Google or Apple say."""
    names = (".BurstID", ".BurstUUID", ".CameraBurstID", ".MediaUniqueID")
    copies = (of.text(*of.names(name)) for name in names for of in (beside, own))
    own_word = _in_maker_note(own.maker_note, _BURST_UUID)
    return next(filter(None, map(_checked, (own_word, *copies))), None)


def of_film(own: Mapping[str, str]) -> str | None:
    """From the film's tags, named in lower case."""
    return next((found for key in _FILM_KEYS if (found := _checked(own.get(key)))), None)


def _in_maker_note(note: bytes, wanted: int) -> str | None:
    """A text in a directory as in TIFF, big-endian; its offsets count from the start of the note.

    Source: exiftool's tables of Apple's tags.
    """
    if not note.startswith(_HEADER) or note[12:14] != b"MM":
        return None
    try:
        (entries,) = unpack_from(">H", note, _ENTRIES_AT)
        for number in range(entries):
            tag, kind, size, at = unpack_from(">HHII", note, _ENTRIES_AT + 2 + 12 * number)
            if tag == wanted and kind == _ASCII:
                return note[at : at + size].split(b"\0", 1)[0].decode("ascii", "replace")
    except StructError:
        return None
    return None


def _checked(identifier: str | None) -> str | None:
    found = (identifier or "").strip()
    return found if _IDENTIFIER.fullmatch(found) else None
