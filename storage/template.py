"""The language of storage templates, and the names that come of it: safe on any disk. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import count
from typing import NamedTuple
from unicodedata import category, normalize
from uuid import UUID

from storage import paths

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
TEMPLATE_CHARACTERS_MAX = 2000
FOLDERS_MAX = 20
CHOICES_MAX = 30
KEY_BYTES_MAX = 1000  # Disks take 4,096 with the folder that all of it is in.
# Disks take 255: here come +1, the extension, and .xmp of a sidecar.
PART_BYTES_MAX = 200

_TAG = re.compile(r"\{\{\{([^{}]*)\}\}\}|\{\{([^{}]*)\}\}")
_FORBIDDEN = re.compile(r'[/\\?<>:*|"]')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)  # on Windows
_NUMBER = re.compile(r"(\+[1-9]\d*)?")
# One way to write each, whatever a camera calls its files.
_EXTENSIONS = {
    "jpeg": "jpg", "jpe": "jpg", "tif": "tiff", "3gpp": "3gp", "mpeg": "mpg", "mpe": "mpg",
    "m2ts": "mts", "m2t": "mts",
}  # fmt: skip


class BadTemplate(ValueError):
    """What was written is no template; the text says where it goes wrong."""


class Subject(NamedTuple):
    """What a template can tell of an asset; of a moving part, what is known of its still."""

    asset_id: UUID
    type: str  # IMAGE or VIDEO
    file_name: str
    taken_at: datetime  # by the clock on the wall there
    album: str | None = None
    album_start: datetime | None = None
    album_end: datetime | None = None
    make: str | None = None
    model: str | None = None
    lens_model: str | None = None


class Name(NamedTuple):
    key: str
    fold: bytes  # the same for names that one folder may take for the same


class Place(NamedTuple):
    """Where a file belongs: the first of its names that is free."""

    stem: str  # a key without its extension
    extension: str

    def names(self) -> Iterator[Name]:
        """`a.jpg`, `a+1.jpg`, `a+2.jpg`, ..."""
        for number in count():
            key = f"{self.stem}+{number}.{self.extension}" if number else self.first
            yield Name(key, fold(key))

    def holds(self, key: str) -> bool:
        """Whether that is one of its names."""
        end = f".{self.extension}"
        if not key.startswith(self.stem) or not key.endswith(end):
            return False
        return _NUMBER.fullmatch(key[len(self.stem) : -len(end)]) is not None

    @property
    def first(self) -> str:
        return f"{self.stem}.{self.extension}"


class _Choice(NamedTuple):
    name: str
    if_so: list[_Node]
    if_not: list[_Node]


class _Value(NamedTuple):
    name: str


_Node = str | _Value | _Choice

_FORMATS: dict[str, Callable[[datetime], str]] = {
    "y": lambda at: str(at.year),
    "yy": lambda at: f"{at.year % 100:02}",
    "M": lambda at: str(at.month),
    "MM": lambda at: f"{at.month:02}",
    "MMM": lambda at: MONTHS[at.month - 1][:3],
    "MMMM": lambda at: MONTHS[at.month - 1],
    "W": lambda at: str(at.isocalendar().week),
    "WW": lambda at: f"{at.isocalendar().week:02}",
    "d": lambda at: str(at.day),
    "dd": lambda at: f"{at.day:02}",
    "h": lambda at: str(at.hour % 12 or 12),
    "hh": lambda at: f"{at.hour % 12 or 12:02}",
    "H": lambda at: str(at.hour),
    "HH": lambda at: f"{at.hour:02}",
    "m": lambda at: str(at.minute),
    "mm": lambda at: f"{at.minute:02}",
    "s": lambda at: str(at.second),
    "ss": lambda at: f"{at.second:02}",
    "SSS": lambda at: f"{at.microsecond // 1000:03}",
}
_TELLERS: dict[str, Callable[[Subject, str], str | None]] = {
    "filename": lambda subject, _: subject.file_name.rpartition(".")[0] or subject.file_name,
    "ext": lambda _, extension: extension,
    "filetype": lambda subject, _: "IMG" if subject.type == "IMAGE" else "VID",
    "filetypefull": lambda subject, _: subject.type,
    "assetId": lambda subject, _: str(subject.asset_id),
    "assetIdShort": lambda subject, _: str(subject.asset_id)[-12:],
    # Without its dots, as Immich has it: who comes from there finds the same folders.
    "album": lambda subject, _: (subject.album or "").replace(".", ""),
    "make": lambda subject, _: subject.make,
    "model": lambda subject, _: subject.model,
    "lensModel": lambda subject, _: subject.lens_model,
}
_ALBUM_DATES = ("album-startDate-", "album-endDate-")
DATE_TOKENS = tuple(_FORMATS)
TOKENS = (
    *DATE_TOKENS, *_TELLERS, *(f"{which}{token}" for which in _ALBUM_DATES for token in _FORMATS),
)  # fmt: skip


class Template:
    """What an administrator wrote, understood. Raises BadTemplate."""

    def __init__(self, text: str) -> None:
        if len(text) > TEMPLATE_CHARACTERS_MAX:
            raise BadTemplate(f"it is longer than {TEMPLATE_CHARACTERS_MAX} characters")
        self._nodes = _Parser(text).parse()
        if _count_slashes(self._nodes) > FOLDERS_MAX:
            raise BadTemplate(f"it has more than {FOLDERS_MAX} folders")
        self.needs_album_dates = any(which in text for which in _ALBUM_DATES)

    def place(self, subject: Subject, *, extension: str, folder: str, owner_id: UUID) -> Place:
        """`library/<folder>/...`; the owner's id for a folder of which nothing is left."""
        extension = _EXTENSIONS.get(extension.lower(), extension.lower())
        *folders, last = _render(self._nodes, subject, extension).split("/")
        parts = [_part(folder) or str(owner_id), *map(_part, folders)]
        parts = [part for part in parts if part]
        parts.append(_part(last) or str(subject.asset_id))
        bytes_max = min(PART_BYTES_MAX, KEY_BYTES_MAX // len(parts))
        return Place("/".join([paths.LIBRARY, *(_fit(p, bytes_max) for p in parts)]), extension)


def fold(key: str) -> bytes:
    """Tells what is another file everywhere: also where upper and lower case are one."""
    return hashlib.sha256(normalize("NFC", normalize("NFC", key).casefold()).encode()).digest()


def fold_beside(key: str) -> bytes:
    """The same; a sidecar is where its original is."""
    return fold(paths.beside(key))


class _Parser:
    """Literal text, `{{token}}`, `{{#if token}}…{{else}}…{{/if}}`, `{{else if token}}`."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._choices = 0
        self._tag = ""  # what ended the nodes that were read last; empty: the text did

    def parse(self) -> list[_Node]:
        nodes = self._read_nodes()
        if self._tag:
            raise BadTemplate(f"{{{{{self._tag}}}}} stands outside of any {{{{#if}}}}")
        return nodes

    def _read_nodes(self) -> list[_Node]:
        nodes: list[_Node] = []
        while True:
            found = _TAG.search(self._text, self._at)
            literal = self._text[self._at : found.start() if found else None]
            if "{{" in literal or "}}" in literal:
                raise BadTemplate("there is a {{ or }} without its other half")
            if literal:
                nodes.append(literal)
            if found is None:
                self._at, self._tag = len(self._text), ""
                return nodes
            self._at = found.end()
            self._tag = " ".join((found[1] or found[2] or "").split())
            if self._tag.startswith(("/", "else")):
                return nodes
            nodes.append(self._read_choice() if self._tag.startswith("#") else self._value())

    def _value(self) -> _Value:
        return _Value(_known(self._tag))

    def _read_choice(self) -> _Choice:
        word, _, name = self._tag.partition(" ")
        if word != "#if":
            raise BadTemplate(f"there is no {{{{{word}}}}}")
        return self._read_branches(_known(name))

    def _read_branches(self, name: str) -> _Choice:
        self._choices += 1
        if self._choices > CHOICES_MAX:
            raise BadTemplate(f"there are more than {CHOICES_MAX} choices in it")
        if_so, if_not = self._read_nodes(), list[_Node]()
        if self._tag.startswith("else if "):
            return _Choice(name, if_so, [self._read_branches(_known(self._tag[8:]))])
        if self._tag == "else":
            if_not = self._read_nodes()
        if self._tag != "/if":
            raise BadTemplate(f"{{{{#if {name}}}}} does not end with {{{{/if}}}}")
        return _Choice(name, if_so, if_not)


def _known(name: str) -> str:
    if name not in TOKENS:
        raise BadTemplate(f"there is no {{{{{name}}}}}")
    return name


def _count_slashes(nodes: Sequence[_Node]) -> int:
    total = 0
    for node in nodes:
        if isinstance(node, str):
            total += node.count("/")
        elif isinstance(node, _Choice):
            total += max(_count_slashes(node.if_so), _count_slashes(node.if_not))
    return total


def _render(nodes: Sequence[_Node], subject: Subject, extension: str) -> str:
    texts = []
    for node in nodes:
        if isinstance(node, str):
            texts.append(node)
        elif isinstance(node, _Value):
            texts.append(_tell(node.name, subject, extension))
        else:
            is_so = bool(_tell(node.name, subject, extension))
            texts.append(_render(node.if_so if is_so else node.if_not, subject, extension))
    return "".join(texts)


def _tell(name: str, subject: Subject, extension: str) -> str:
    """A value, which makes no folders of its own; empty where there is none."""
    if name in _TELLERS:
        return _printable(_FORBIDDEN.sub("", _TELLERS[name](subject, extension) or ""))
    at: datetime | None = subject.taken_at
    for which, of_album in zip(_ALBUM_DATES, (subject.album_start, subject.album_end), strict=True):
        if name.startswith(which):
            name, at = name.removeprefix(which), of_album if subject.album else None
    return _FORMATS[name](at) if at else ""


def _printable(text: str) -> str:
    """Without what nobody sees; all kinds of blanks become the common one."""
    kept = (" " if category(c) == "Zs" else c for c in normalize("NFC", text))
    return normalize("NFC", "".join(c for c in kept if c.isprintable()))


def _part(text: str) -> str:
    """One folder's name, or a file's; never hidden, and nowhere a device. Empty: nothing left."""
    name = _printable(_FORBIDDEN.sub("", text)).strip(" .")
    return f"_{name}" if _RESERVED.fullmatch(name) else name


def _fit(name: str, bytes_max: int) -> str:
    cut = name.encode()[:bytes_max].decode(errors="ignore")
    return cut.rstrip(" .")
