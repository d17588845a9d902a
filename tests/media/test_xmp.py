"""XMP in which properties are replaced: whatever it looks like, and whatever it was meant to do."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import msgspec
import pytest

from media import xmp
from media.xmp import EMPTY, RDF, Array, Malformed, Name, Packet
from tests.media.test_metadata import PHOTOS, SIDECAR, needs_photos, read
from tests.media.test_regions import ANNA, BEN, regions
from tests.media.test_sidecar import FOREIGN

A, B, C = [Name("http://a.example/", "a", name) for name in "abc"]
TITLE = Name("http://purl.org/dc/elements/1.1/", "dc", "title")
VALUES = {
    A: " <&>\"'\r\n\x0b\N{GRINNING FACE} ",
    B: Array("Seq", ["1,2", ""]),
    C: Array("Alt", [""]),
}

PACKETS = {
    "nothing": EMPTY,
    "closed at once": f'<rdf:RDF xmlns:rdf="{RDF}"/>',
    "closed at once, within another": f'<x:x xmlns:x="x"><rdf:RDF xmlns:rdf="{RDF}"  /></x:x>',
    "another prefix, quotes within quotes, what is inside of others": f"""
        <r:RDF xmlns:r='{RDF}' xmlns:y="http://a.example/"><!-- y:a="1" -->
        <r:Description r:about='u"' y:b=' y:a="2" >' y:d="3"><y:a r:parseType="Resource"><y:b/>
        </y:a><y:e><r:Description><y:c>deep</y:c></r:Description></y:e></r:Description></r:RDF>""",
    "the same twice": f"""<r:RDF xmlns:r="{RDF}" xmlns:y="http://a.example/">
        <r:Description y:a="1"/><r:Description y:a="2" y:d="3"><y:b/></r:Description></r:RDF>""",
    "from others": FOREIGN,
}


@pytest.mark.parametrize("packet", PACKETS.values(), ids=PACKETS)
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_what_is_put_in_is_there_and_comes_out_again(packet: str | bytes, encoding: str) -> None:
    text = packet if isinstance(packet, str) else packet.decode()
    data = text.strip().encode(encoding)

    changed = Packet(data).replace(VALUES)

    assert changed is not None
    assert [Packet(changed).texts(name) for name in VALUES] == [
        [" <&>\"'\r\n\N{GRINNING FACE} "],
        ["1,2", ""],
        [""],
    ]
    assert Packet(changed).replace(VALUES) is None
    without = Packet(changed).replace(dict.fromkeys(VALUES))
    assert without is not None
    assert [Packet(without).texts(name) for name in VALUES] == [None] * 3
    for kept in ("y:d", "deep", "darktable:params", "Der Titel"):
        assert (kept in text) == (kept.encode() in without)


def test_a_declared_encoding_is_heeded() -> None:
    text = f'<?xml version="1.0" encoding="ISO-8859-1"?>{FOREIGN.replace("Der", "Größe")}'

    changed = Packet(text.encode("latin-1")).replace({A: "ü"})

    assert changed is not None
    assert Packet(changed).texts(TITLE) == ["Größe Titel"]
    assert Packet(changed).texts(A) == ["ü"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0" * 9,
        b"<x/>",
        FOREIGN.encode()[:-80],
        FOREIGN.encode().replace(b"Der", b"\xff"),
        f'<?xml version="1.0" encoding="x-none"?>{FOREIGN}'.encode(),
        f'<!DOCTYPE x [<!ENTITY a "{"a" * 9999}">]>{FOREIGN}'.encode(),
        f'<x:x xmlns:x="x">{"<x:x>" * 200}{"</x:x>" * 200}</x:x>'.encode(),
        f'<x:x xmlns:x="x">{"<x:x/>" * 100_001}</x:x>'.encode(),
        f'<rdf:RDF xmlns:rdf="{RDF}"><rdf:Bag/></rdf:RDF>'.encode(),
        b'<?xml version="1.0" ' + b"encoding='a' " * 100_000,
        b"<a " * 100_000,
    ],
    ids=lambda data: data[:20],
)
def test_what_cannot_be_kept_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed):
        Packet(data)


@pytest.mark.parametrize("seed", range(40))
def test_whatever_became_of_it_nothing_else_is_raised(
    seed: int, jpeg: Path, tmp_path: Path
) -> None:
    chance = random.Random(seed)
    path = tmp_path / "a.xmp"
    for whole in (FOREIGN.encode(), regions(ANNA, BEN), SIDECAR.encode("utf-16")):
        data = bytearray(whole)
        for _ in range(chance.randint(1, 8)):
            at = chance.randrange(len(data))
            match chance.randrange(4):
                case 0:
                    data[at] = chance.randrange(256)
                case 1:
                    del data[at : at + chance.randrange(60)]
                case 2:
                    data[at:at] = data[at - 40 : at]
                case _:
                    data[at:at] = chance.choice([b"<", b">", b'"', b"\0", b"nan", b"9" * 400])
        path.write_bytes(data)
        msgspec.msgpack.encode(read(jpeg, path))
        with suppress(Malformed):
            changed = Packet(bytes(data)).replace(VALUES)
            assert changed is None or Packet(changed).replace(VALUES) is None


@needs_photos
@pytest.mark.parametrize("year", ["2000", "2010", "2020"])
def test_real_sidecars_stay_as_they_are(year: str) -> None:
    data = (PHOTOS / f"metadata/xmp/dates/{year}.xmp").read_bytes()
    before = xmp.in_utf8(data, errors="strict")

    changed = Packet(data).replace({A: "1"})
    assert changed is not None

    # What is new is one block; around it, nothing is.
    head, _, rest = changed.partition(b'<rdf:Description rdf:about=""\n  xmlns:rdf')
    assert before == head + rest.partition(b"</rdf:Description>\n")[2]
