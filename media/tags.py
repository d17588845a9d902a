"""EXIF, IPTC and XMP tags of a file as plain Python values."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import exiv2  # type: ignore[import-untyped]

from media import xmp

# A number is a float; a fraction over zero is None. Lists of text are tuples.
Tag = str | tuple[str, ...] | list[float | None]

# How IPTC names the characters it is written in, where they are not Unicode's (ISO 2022, ISO-IR).
_CHARSETS = {
    "\x1b.A": "iso8859-1",
    **{f"\x1b-{final}": f"iso8859-{part}" for part, final in enumerate("ABCDLGFHM", 1)},
}

# What exiv2 throws over damaged files: errors of its own and of C++.
_FAULTS = (
    *(exiv2.Exiv2Error, ArithmeticError, LookupError),
    *(MemoryError, RuntimeError, ValueError),
)

# The XMP library inside exiv2 keeps global state.
_one_at_a_time = threading.Lock()

exiv2.XmpParser.initialize()
exiv2.XmpProperties.registerNs(xmp.OURS, "heliograph")
exiv2.LogMsg.setLevel(exiv2.LogMsg.Level.mute)


class Tags:
    """Tags by exiv2's names (`Exif.Photo.FNumber`), with what the container itself says."""

    def __init__(self) -> None:
        self.width: int | None = None
        self.height: int | None = None
        self.profile: bytes | None = None
        self.lens: str | None = None
        self.iso: str | None = None
        self.maker_note = b""
        self._tags: dict[str, Tag] = {}

    def text(self, *names: str) -> str | None:
        """Return the first of these tags that holds more than blanks."""
        for name in names:
            for part in self.texts(name) or ():
                if text := part.strip():
                    return text
        return None

    def texts(self, name: str) -> list[str] | None:
        """Return all texts of a tag; None where there is no such tag, which may also be empty."""
        tag = self._tags.get(name)
        if isinstance(tag, str):
            return [tag]
        return list(tag) if isinstance(tag, tuple) else None

    def numbers(self, name: str) -> list[float | None]:
        """Return all numbers of a tag; XMP keeps numbers as text, `71/10` among it."""
        tag = self._tags.get(name, [])
        if isinstance(tag, list):
            return tag
        return [_number(text) for text in ([tag] if isinstance(tag, str) else tag)]

    def number(self, *names: str) -> float | None:
        """Return the first number of the first of these tags that has one."""
        for name in names:
            for number in self.numbers(name)[:1]:
                if number is not None:
                    return number
        return None

    def names(self, ending: str) -> list[str]:
        """Name the tags that end so, of whatever namespace."""
        return [name for name in self._tags if name.endswith(ending)]

    def update(self, tags: Iterable[tuple[str, Tag]]) -> None:
        """Add tags; of a name that is there already the last value counts, or in IPTC all."""
        for name, tag in tags:
            former = self.texts(name)
            if former and isinstance(tag, str) and name.startswith("Iptc."):
                self._tags[name] = (*former, tag)
            else:
                self._tags[name] = tag


def read(path: Path) -> Tags:
    """Read what can be read; a file that exiv2 does not understand has no tags."""
    return _read(str(path), "exifData", "xmpData", "iptcData")


def read_sidecar(path: Path) -> Tags:
    """Read an XMP file in any encoding; exiv2 itself knows only UTF-8."""
    try:
        data = xmp.in_utf8(path.read_bytes(), errors="replace")
    except LookupError:
        return Tags()
    # exiv2 also translates XMP to EXIF, and loses the time zones on the way.
    return _read(data, "xmpData")


def _read(source: str | bytes, *kinds: str) -> Tags:
    tags = Tags()
    with _one_at_a_time:
        try:
            image = exiv2.ImageFactory.open(source)
            image.readMetadata()
        except _FAULTS:
            return tags
        tags.width, tags.height = image.pixelWidth() or None, image.pixelHeight() or None
        if image.iccProfileDefined():
            tags.profile = bytes(image.iccProfile().data())
        for kind in kinds:
            data = getattr(image, kind)()
            tags.update(_tags(data, _charset(data) if kind == "iptcData" else None))
        tags.lens = _printed(exiv2.lensName, image.exifData())
        tags.iso = _printed(exiv2.isoSpeed, image.exifData())
        tags.maker_note = _maker_note(image.exifData())
    return tags


def _maker_note(data: Any) -> bytes:
    """What only its maker can read; empty if there is none, or if exiv2 took it apart."""
    found = data.findKey(exiv2.ExifKey("Exif.Photo.MakerNote"))
    value = found.value() if found != data.end() else None
    return bytes(value.data()) if isinstance(value, exiv2.DataValue) else b""


def _charset(data: Any) -> str | None:
    found = data.findKey(exiv2.IptcKey("Iptc.Envelope.CharacterSet"))
    return _CHARSETS.get(found.toString()) if found != data.end() else None


def _tags(data: Any, charset: str | None) -> Iterator[tuple[str, Tag]]:
    for datum in data:
        # Maker notes can hold megabytes; nothing here is that long.
        if datum.size() <= 65536:
            try:
                value = datum.value()
                if charset and isinstance(value, exiv2.StringValue):
                    yield datum.key(), _clean(bytes(value.data()).decode(charset, "replace"))
                else:
                    yield datum.key(), _tag(value)
            except _FAULTS:
                continue


def _tag(value: Any) -> Tag:
    if isinstance(value, exiv2.LangAltValue):
        languages = dict(value.items())
        return _clean(languages.get("x-default") or next(iter(languages.values()), ""))
    if isinstance(value, exiv2.XmpArrayValue):
        return tuple(_clean(value[place]) for place in range(len(value)))
    if isinstance(value, exiv2.RationalValue | exiv2.URationalValue):
        return [above / below if below else None for above, below in value]
    if isinstance(value, exiv2.UShortValue | exiv2.ShortValue | exiv2.ULongValue | exiv2.LongValue):
        return [float(number) for number in value]
    return _clean(value.toString())


def _clean(text: str) -> str:
    """Drop what Postgres and JSON refuse: zero bytes and halves of characters.

    What is no UTF-8 came from the days before it: then nearly all wrote what Windows did.
    """
    text = text.split("\0", 1)[0]
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-8", "surrogateescape").decode("cp1252", "replace")
    return text


def _number(text: str) -> float | None:
    above, _, below = text.partition("/")
    try:
        number = float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        return None
    return number if abs(number) < float("inf") else None


def _printed(find: Callable[[Any], Any], data: Any) -> str | None:
    """Return what exiv2 makes of the codes in a maker's own tags."""
    try:
        datum = find(data)
        text = _clean(datum.print(data)).strip() if datum is not None else ""
    except _FAULTS:
        return None
    return None if not text or text.startswith(("(", "Unknown", "----", "n/a")) else text
