"""Properties of an XMP packet, replaced so that all else in it stays byte for byte as it was."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import NamedTuple
from xml.parsers import expat
from xml.sax.saxutils import escape, quoteattr

from storage.media_types import SIDECAR_BYTES_MAX

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XML = "http://www.w3.org/XML/1998/namespace"
OURS = (
    "https://heliograph.invalid/ns/1.0/"  # for the names of time zones, which XMP has no place for
)
EMPTY = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    '<x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
    f'<rdf:RDF xmlns:rdf="{RDF}">\n</rdf:RDF>\n'
    '</x:xmpmeta>\n<?xpacket end="w"?>\n'
).encode()
ELEMENTS_MAX, DEPTH_MAX = 100_000, 100
_DECLARATION_BYTES = 1024

_RDF, _DESCRIPTION, _ABOUT, _ITEM = [(RDF, n) for n in ("RDF", "Description", "about", "li")]
_ARRAYS = [(RDF, kind) for kind in ("Alt", "Bag", "Seq")]
_LANGUAGE = (XML, "lang")
_DECLARATION = re.compile(rb"<\?xml\s[^>]*?(?:\bencoding\s*=\s*[\"']([\w.-]+)[\"'][^>]*)?\?>\s*")
_TAG = re.compile(rb"<[^\s/>]+(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
_ATTRIBUTE = re.compile(rb"\s+([^\s=/>]+)\s*=\s*(?:\"[^\"]*\"|'[^']*')")
# What XML is written in. Python knows more: some of it refuses to replace what is wrong, or takes
# time that grows with the square of the length.
_CHARACTERS = re.compile(
    r"(us-)?ascii|utf-?8|iso[-_]?8859|latin|windows|cp\d|ibm|koi8|mac|gb|big5|euc|s(hift)?[-_]?jis",
    re.IGNORECASE,
)
_NOT_IN_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


class Malformed(Exception):
    """It is no XMP, so none of it can be replaced."""


class Name(NamedTuple):
    """A property: its namespace, the short word for that, and what it is called in it."""

    namespace: str
    prefix: str
    name: str


class Array(NamedTuple):
    """Texts in a Bag or a Seq; in an Alt, one for all languages."""

    kind: str
    texts: Sequence[str]


Value = str | Array
Key = tuple[str, str]


class Packet:
    """XMP in any encoding of XML. Raises Malformed."""

    def __init__(self, data: bytes) -> None:
        if len(data) > SIDECAR_BYTES_MAX:
            raise Malformed(f"It has more than {SIDECAR_BYTES_MAX} bytes")
        try:
            self._data = in_utf8(data, errors="strict")
            top = next(_find(_parse(self._data), _RDF), None)
        except (expat.ExpatError, UnicodeError, LookupError) as problem:
            raise Malformed(str(problem)) from problem
        if top is None or any(node.key != _DESCRIPTION for node in top.inner):
            raise Malformed("It holds no rdf:RDF with descriptions")
        self._top = top

    def texts(self, name: Name) -> list[str] | None:
        """Return the texts of a property; None where there is none, or no simple one."""
        found = list(self._properties(name))
        return found[0].texts if found else None

    def replace(self, values: Mapping[Name, Value | None]) -> bytes | None:
        """Return the packet with these values, without what is None; None if it is so already."""
        if all(self._holds(name, value) for name, value in values.items()):
            return None
        parts, at = [], 0
        for start, end in self._spans(values):
            parts.append(self._data[at:start])
            at = end
        before, opening, closing = self._place()
        kept = {name: value for name, value in values.items() if value is not None}
        block = _describe(self._about(), kept) if kept else b""
        rest = self._data[before + len(opening) :] if opening else self._data[before:]
        parts += [self._data[at:before], b">" if opening else b"", block, closing, rest]
        return b"".join(parts)

    def _properties(self, name: Name) -> Iterator[_Property]:
        key = (name.namespace, name.name)
        for description in self._top.inner:
            yield from (one for one in _properties(description) if one.key == key)

    def _holds(self, name: Name, value: Value | None) -> bool:
        found = list(self._properties(name))
        if value is None or len(found) != 1:
            return not found and value is None
        texts = [value] if isinstance(value, str) else value.texts
        is_array = isinstance(value, Array)
        return found[0].texts == [*map(_allowed, texts)] and found[0].is_array == is_array

    def _spans(self, names: Collection[Name]) -> Iterator[tuple[int, int]]:
        """Tell what to leave out, in order: properties, or descriptions that lose all of theirs."""
        keys = {(name.namespace, name.name) for name in names}
        spans = []
        for description in self._top.inner:
            own = _properties(description)
            lost = [one.span for one in own if one.key in keys]
            spans += [description.span] if lost and len(lost) == len(own) else lost
        for start, end in sorted(spans):
            while self._data[start - 1 : start].isspace():
                start -= 1
            yield start, end

    def _place(self) -> tuple[int, bytes, bytes]:
        """Where to add: before the end of rdf:RDF, or in place of a `/>`, and what ends it then."""
        if self._top.closing is not None:
            return self._top.closing, b"", b""
        start, end = self._top.span
        name = re.split(rb"[\s/]", self._data[start + 1 : end], maxsplit=1)[0]
        return end - 2, b"/>", b"</" + name + b">"

    def _about(self) -> str:
        """All descriptions are of one thing, which may have a name."""
        names = (one.value for node in self._top.inner for one in node.marks if one.key == _ABOUT)
        return next(names, "")


def in_utf8(data: bytes, *, errors: str) -> bytes:
    """Return XML without a byte order mark and without the declaration of another encoding."""
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "")):
        if data.startswith(mark):
            data = data.decode(encoding, errors).encode() if encoding else data[len(mark) :]
            declared = _DECLARATION.match(data[:_DECLARATION_BYTES])
            return data[declared.end() :] if declared else data
    for start, encoding in ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be")):
        if data.startswith(start):
            return in_utf8(b"\xef\xbb\xbf" + data.decode(encoding, errors).encode(), errors=errors)
    declared = _DECLARATION.match(data[:_DECLARATION_BYTES])
    if declared is None:
        return data
    encoding = (declared[1] or b"utf-8").decode()
    if not _CHARACTERS.match(encoding):
        raise LookupError(f"{encoding} is none that XML is written in")
    return data[declared.end() :].decode(encoding, errors).encode()


@dataclass(slots=True)
class _Mark:
    """An attribute."""

    key: Key
    value: str
    span: tuple[int, int]  # with the blanks before it


@dataclass(slots=True)
class _Node:
    """An element, and where in the bytes it is."""

    key: Key
    marks: list[_Mark]
    span: tuple[int, int]
    closing: int | None = None  # where its end begins; None: it is written `<a/>`
    text: str = ""
    inner: list[_Node] = field(default_factory=list)


@dataclass(slots=True)
class _Property:
    key: Key
    span: tuple[int, int]
    texts: list[str] | None  # None: it is built in another way
    is_array: bool


def _properties(description: _Node) -> list[_Property]:
    marks = [
        _Property(mark.key, mark.span, [mark.value], False)
        for mark in description.marks
        if mark.key[0] not in (RDF, XML, "")
    ]
    return marks + [
        _Property(node.key, node.span, _texts(node), bool(_array(node)))
        for node in description.inner
    ]


def _array(node: _Node) -> _Node | None:
    is_array = len(node.inner) == 1 and node.inner[0].key in _ARRAYS
    return node.inner[0] if is_array else None


def _texts(node: _Node) -> list[str] | None:
    array = _array(node)
    if any(mark.key[0] != XML for mark in node.marks) or (node.inner and array is None):
        return None
    if array is None:
        return [node.text]
    if any(item.inner or item.key != _ITEM for item in array.inner):
        return None
    return [
        item.text
        for item in array.inner
        if array.key != _ARRAYS[0]
        or any((mark.key, mark.value.lower()) == (_LANGUAGE, "x-default") for mark in item.marks)
    ]


def _find(node: _Node, key: Key) -> Iterator[_Node]:
    if node.key == key:
        yield node
    for inner in node.inner:
        yield from _find(inner, key)


def _parse(data: bytes) -> _Node:
    """Read XML in UTF-8; what it declares of a document type, which can explode, is refused."""
    outside = _Node(("", ""), [], (0, len(data)))
    path, elements = [outside], count(1)
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.namespace_prefixes = True
    parser.buffer_text = True

    def begin(name: str, values: dict[str, str]) -> None:
        start = parser.CurrentByteIndex
        tag = _TAG.match(data, start)
        if tag is None or len(path) > DEPTH_MAX or next(elements) > ELEMENTS_MAX:
            raise Malformed("It is too large, too deep, or cut off")
        node = _Node(_key(name), list(_marks(tag, values)), tag.span())
        path[-1].inner.append(node)
        path.append(node)

    def finish(name: str) -> None:
        node, at = path.pop(), parser.CurrentByteIndex
        if not data.endswith(b"/>", *node.span):
            node.closing = at
            node.span = (node.span[0], data.index(b">", at) + 1)

    def add(text: str) -> None:
        path[-1].text += text

    def refuse(*_: object) -> None:
        raise Malformed("It declares a document type")

    parser.StartElementHandler = begin
    parser.EndElementHandler = finish
    parser.CharacterDataHandler = add
    parser.StartDoctypeDeclHandler = refuse
    parser.Parse(data, True)
    return outside


def _marks(tag: re.Match[bytes], values: Mapping[str, str]) -> Iterator[_Mark]:
    """The attributes of a start tag, whose values the parser found by their full names."""
    by_raw_name = {":".join(reversed(name.split(" ")[1:])): name for name in values if " " in name}
    for found in _ATTRIBUTE.finditer(tag[0]):
        name = by_raw_name.get(found[1].decode())
        if name is None:
            continue
        start, end = found.span()
        yield _Mark(_key(name), values[name], (tag.start() + start, tag.start() + end))


def _key(name: str) -> Key:
    """From `namespace name prefix`, or a name alone."""
    parts = name.split(" ")
    return (parts[0], parts[1]) if len(parts) > 1 else ("", name)


def _describe(about: str, values: Mapping[Name, Value]) -> bytes:
    namespaces = {"rdf": RDF} | {name.prefix: name.namespace for name in values}
    declared = "".join(f"\n  xmlns:{word}={quoteattr(uri)}" for word, uri in namespaces.items())
    lines = "".join(_element(name, value) for name, value in values.items())
    return (
        f"<rdf:Description rdf:about={quoteattr(about)}{declared}>\n{lines}</rdf:Description>\n"
    ).encode()


def _element(name: Name, value: Value) -> str:
    tag = f"{name.prefix}:{name.name}"
    if isinstance(value, str):
        return f"  <{tag}>{_escaped(value)}</{tag}>\n"
    language = ' xml:lang="x-default"' if value.kind == "Alt" else ""
    items = "".join(f"<rdf:li{language}>{_escaped(text)}</rdf:li>" for text in value.texts)
    return f"  <{tag}><rdf:{value.kind}>{items}</rdf:{value.kind}></{tag}>\n"


def _escaped(text: str) -> str:
    return escape(_allowed(text), {"\r": "&#13;"})


def _allowed(text: str) -> str:
    """Without what no XML can hold."""
    return _NOT_IN_XML.sub("", text)
