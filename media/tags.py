"""EXIF, IPTC and XMP tags of a file as plain Python values."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import exiv2  # type: ignore[import-untyped]

# A number is a float; a fraction over zero is None.
Tag = str | list[float | None]

# The XMP library inside exiv2 keeps global state.
_one_at_a_time = threading.Lock()

exiv2.XmpParser.initialize()
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
            tag = self._tags.get(name)
            if isinstance(tag, str) and (text := tag.strip()):
                return text
        return None

    def numbers(self, name: str) -> list[float | None]:
        """Return all numbers of a tag; XMP keeps numbers as text, `71/10` among it."""
        tag = self._tags.get(name, [])
        return [_number(tag)] if isinstance(tag, str) else tag

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
        """Add tags; a name that is there already keeps the last value."""
        self._tags.update(tags)


def read(path: Path) -> Tags:
    """Read what can be read; a file that exiv2 does not understand has no tags."""
    return _read(str(path), "exifData", "xmpData", "iptcData")


def read_sidecar(path: Path) -> Tags:
    """Read an XMP file in any Unicode encoding; exiv2 itself knows only UTF-8."""
    data = path.read_bytes()
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace").encode()
    # exiv2 also translates XMP to EXIF, and loses the time zones on the way.
    return _read(data.removeprefix(b"\xef\xbb\xbf"), "xmpData")


def _read(source: str | bytes, *kinds: str) -> Tags:
    tags = Tags()
    with _one_at_a_time:
        try:
            image = exiv2.ImageFactory.open(source)
            image.readMetadata()
        except exiv2.Exiv2Error:
            return tags
        tags.width, tags.height = image.pixelWidth() or None, image.pixelHeight() or None
        if image.iccProfileDefined():
            tags.profile = bytes(image.iccProfile().data())
        for kind in kinds:
            tags.update(_tags(getattr(image, kind)()))
        tags.lens = _printed(exiv2.lensName, image.exifData())
        tags.iso = _printed(exiv2.isoSpeed, image.exifData())
        tags.maker_note = _maker_note(image.exifData())
    return tags


def _maker_note(data: Any) -> bytes:
    """What only its maker can read; empty if there is none, or if exiv2 took it apart."""
    found = data.findKey(exiv2.ExifKey("Exif.Photo.MakerNote"))
    value = found.value() if found != data.end() else None
    return bytes(value.data()) if isinstance(value, exiv2.DataValue) else b""


def _tags(data: Any) -> Iterator[tuple[str, Tag]]:
    for datum in data:
        # Maker notes can hold megabytes; nothing here is that long.
        if datum.size() <= 65536:
            try:
                yield datum.key(), _tag(datum.value())
            except (exiv2.Exiv2Error, UnicodeError, ValueError):
                continue


def _tag(value: Any) -> Tag:
    if isinstance(value, exiv2.LangAltValue):
        languages = dict(value.items())
        return _clean(languages.get("x-default") or next(iter(languages.values()), ""))
    if isinstance(value, exiv2.XmpArrayValue):
        return [_number(item) for item in value]
    if isinstance(value, exiv2.RationalValue | exiv2.URationalValue):
        return [above / below if below else None for above, below in value]
    if isinstance(value, exiv2.UShortValue | exiv2.ShortValue | exiv2.ULongValue | exiv2.LongValue):
        return [float(number) for number in value]
    return _clean(value.toString())


def _clean(text: str) -> str:
    """Drop what Postgres and JSON refuse: zero bytes and halves of characters."""
    return text.split("\0", 1)[0].encode("utf-8", "replace").decode()


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
    except (exiv2.Exiv2Error, UnicodeError):
        return None
    return None if not text or text.startswith(("(", "Unknown", "----", "n/a")) else text
