"""Tags in files: which forms there are, and what becomes of them in an owner's library."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

import exiv2
import pytest

from sync.actor import Actor
from sync.operations import renditions, tags
from tests.fix_media import Library
from tests.media.pictures import scene
from tests.media.test_metadata import PHOTOS, needs_photos, read, tag

LISTED = "Xmp.digiKam.TagsList"
HIERARCHY = "Xmp.lr.hierarchicalSubject"
SUBJECT = "Xmp.dc.subject"
KEYWORDS = "Iptc.Application2.Keywords"

SIDECAR = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:digiKam="http://www.digikam.org/ns/1.0/">
<digiKam:TagsList><rdf:Seq>{}</rdf:Seq></digiKam:TagsList>
</rdf:Description></rdf:RDF></x:xmpmeta>"""


def sidecar(*words: str) -> bytes:
    return SIDECAR.format("".join(f"<rdf:li>{word}</rdf:li>" for word in words)).encode()


def put(path: Path, words: dict[str, Sequence[str]]) -> bytes:
    """Write lists, in IPTC as one record for each; return the file."""
    image = exiv2.ImageFactory.open(str(path))
    image.readMetadata()
    for name, values in words.items():
        if name == KEYWORDS:
            for value in values:
                image.iptcData().add(exiv2.IptcKey(name), exiv2.StringValue(value))
        else:
            array = exiv2.XmpArrayValue(exiv2.TypeId.xmpBag)
            for value in values:
                array.append(value)
            image.xmpData().add(exiv2.XmpKey(name), array)
    image.writeMetadata()
    return path.read_bytes()


FORMS: list[tuple[str, dict[str, Sequence[str]], list[str]]] = [
    ("a list with slashes", {LISTED: ["Places/Norway", "Snow"]}, ["Places/Norway", "Snow"]),
    ("bars part, slashes do not", {HIERARCHY: ["a|b/c", "d"]}, ["a/b|c", "d"]),
    ("keywords", {KEYWORDS: ["Frost", "Yard"]}, ["Frost", "Yard"]),
    ("one keyword with levels", {KEYWORDS: ["a/b"]}, ["a/b"]),
    ("subjects", {SUBJECT: ["Marie, Curie", "x"]}, ["Marie, Curie", "x"]),
    (
        "the list before all else",
        {LISTED: ["a/b"], HIERARCHY: ["c|d"], KEYWORDS: ["e"], SUBJECT: ["f"]},
        ["a/b"],
    ),
    ("the hierarchy before words", {HIERARCHY: ["c|d"], KEYWORDS: ["e"]}, ["c/d"]),
    ("keywords before subjects", {KEYWORDS: ["e"], SUBJECT: ["f"]}, ["e"]),
    ("each once, tidy", {LISTED: ["a", " a ", "/b//c/", " ", "2024"]}, ["2024", "a", "b/c"]),
    ("none that is too long", {LISTED: ["x" * 501, "y" * 500]}, ["y" * 500]),
    ("none", {}, []),
]


@pytest.mark.parametrize(
    ("words", "expected"), [row[1:] for row in FORMS], ids=[r[0] for r in FORMS]
)
def test_forms(words: dict[str, Sequence[str]], expected: list[str], jpeg: Path) -> None:
    put(jpeg, words)

    assert read(jpeg).tags == expected


@pytest.mark.parametrize(
    ("charset", "data", "words"),
    [
        (b"\x1b%G", "Größe".encode(), "Größe"),
        (None, "Größe".encode(), "Größe"),
        (None, "Größe € ½".encode("cp1252"), "Größe € ½"),
        (b"\x1b.A", "Größe".encode("latin-1"), "Größe"),
        (b"\x1b-B", "Łódź".encode("iso8859-2"), "Łódź"),
        (b"\x1b-L", "Москва".encode("iso8859-5"), "Москва"),
    ],
)
def test_words_in_any_encoding(charset: bytes | None, data: bytes, words: str, jpeg: Path) -> None:
    records = [(1, 90, charset)] if charset else []
    records += [(2, 25, data), (2, 120, data)]
    iptc = b"".join(
        bytes([0x1C, record, number]) + len(value or b"").to_bytes(2, "big") + (value or b"")
        for record, number, value in records
    )
    block = b"8BIM\x04\x04\0\0" + len(iptc).to_bytes(4, "big") + iptc + b"\0" * (len(iptc) % 2)
    segment = b"Photoshop 3.0\0" + block
    picture = jpeg.read_bytes()
    jpeg.write_bytes(
        picture[:2] + b"\xff\xed" + (len(segment) + 2).to_bytes(2, "big") + segment + picture[2:]
    )

    found = read(jpeg)

    assert (found.tags, found.description) == ([words], words)


def test_a_sidecar_s_list_wins_and_an_empty_one_too(jpeg: Path, tmp_path: Path) -> None:
    put(jpeg, {LISTED: ["own"], KEYWORDS: ["word"]})
    beside = tmp_path / "a.xmp"
    beside.write_bytes(sidecar("a/b"))
    assert read(jpeg, beside).tags == ["a/b"]
    beside.write_bytes(sidecar())
    assert read(jpeg, beside).tags == []
    beside.write_bytes(b"")
    assert read(jpeg, beside).tags == ["own"]


@needs_photos
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("metadata/tags/picasa.jpg", ["Frost", "Yard"]),
        ("metadata/faces/portrait.jpg", ["People/Marie Curie", "People/Pierre Curie"]),
        ("metadata/rating/mongolels.jpg", []),
    ],
)
def test_real_words(name: str, expected: list[str]) -> None:
    assert read(PHOTOS / name).tags == expected


# In the library.


async def names(library: Library, asset_id: UUID) -> list[str]:
    row = await library.row(
        """SELECT coalesce(array_agg(tag.value ORDER BY tag.value), '{}') AS names
             FROM tag JOIN tag_asset ON tag_asset.tag_id = tag.id
            WHERE tag_asset.asset_id = %(id)s""",
        asset_id,
    )
    assert row is not None
    return list(row["names"])


async def read_again(library: Library, asset_id: UUID, *words: str) -> None:
    """After another program wrote these words."""
    row = await library.row(
        "SELECT key FROM asset_file WHERE asset_id = %(id)s AND type = 'sidecar'", asset_id
    )
    assert row is not None
    (library.root / row["key"]).write_bytes(sidecar(*words))
    async with library.database.write() as tx:
        await renditions.request_metadata(tx, library.owner_id, [asset_id])
    await library.work()


async def test_the_owner_has_the_tags_with_all_above_them(library: Library, jpeg: Path) -> None:
    data = put(jpeg, {LISTED: ["Places/Norway/Oslo", "Snow"]})
    one, other = [await library.upload(data) for _ in range(2)]

    await library.work()

    assert (
        await names(library, one) == await names(library, other) == ["Places/Norway/Oslo", "Snow"]
    )
    row = await library.row(
        """SELECT array_agg(tag.value || '<' || coalesce(above.value, '') ORDER BY tag.value) 
                      AS tree
             FROM tag LEFT JOIN tag AS above ON above.id = tag.parent_id
            WHERE tag.owner_id = %(id)s""",
        library.owner_id,
    )
    assert row is not None and row["tree"] == [
        "Places<",
        "Places/Norway<Places",
        "Places/Norway/Oslo<Places/Norway",
        "Snow<",
    ]


async def test_a_word_follows_the_file(library: Library, portrait: bytes) -> None:
    asset_id = await library.upload(portrait, sidecar=sidecar("a", "b"))
    await library.work()

    await read_again(library, asset_id, "b", "c")

    assert await names(library, asset_id) == ["b", "c"]


async def test_a_person_s_word_stays(library: Library, portrait: bytes) -> None:
    alice = Actor(library.owner_id)
    asset_id = await library.upload(portrait, sidecar=sidecar("a", "b"))
    await library.work()
    async with library.database.write() as tx:
        given, taken = await tags.upsert_tags(tx, alice, ["mine", "a"])
        await tags.tag_assets(tx, alice, [given], [asset_id])
        await tags.untag_assets(tx, alice, taken, [asset_id])

    async with library.database.write() as tx:
        await renditions.request_metadata(tx, library.owner_id, [asset_id])
    await library.work()

    assert await names(library, asset_id) == ["b", "mine"]


async def test_a_tag_that_both_gave_stays(library: Library, portrait: bytes) -> None:
    alice = Actor(library.owner_id)
    asset_id = await library.upload(portrait, sidecar=sidecar("a", "b"))
    await library.work()
    async with library.database.write() as tx:
        (tag_id,) = await tags.upsert_tags(tx, alice, ["a"])
        assert await tags.tag_assets(tx, alice, [tag_id], [asset_id]) == []

    await read_again(library, asset_id)

    assert await names(library, asset_id) == ["a"]


async def test_a_tag_that_was_renamed_or_deleted_does_not_return(
    library: Library,
    jpeg: Path,
) -> None:
    alice = Actor(library.owner_id)
    asset_id = await library.upload(put(jpeg, {LISTED: ["a", "b"]}))
    await library.work()
    async with library.database.write() as tx:
        first, second = await tags.upsert_tags(tx, alice, ["a", "b"])
        await tags.rename_tag(tx, alice, first, "x")
        await tags.delete_tag(tx, alice, second)

    async with library.database.write() as tx:
        await renditions.request_metadata(tx, library.owner_id, [asset_id])
    await library.work()

    assert await names(library, asset_id) == ["x"]


def test_a_film_s_sidecar_has_words(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    scene(60, 40).save(path)
    beside = tmp_path / "a.xmp"
    beside.write_bytes(sidecar("a"))

    assert read(path, beside).tags == ["a"]


@pytest.mark.parametrize(
    ("tags_", "expected"),
    [
        ({"Xmp.GCamera.BurstID": "aaaa-1111"}, "aaaa-1111"),
        ({"Xmp.GCreations.CameraBurstID": "bbbb-2222"}, "bbbb-2222"),
        ({}, None),
    ],
)
def test_a_burst_has_one_id(tags_: dict[str, str], expected: str | None, jpeg: Path) -> None:
    exiv2.XmpProperties.registerNs("http://ns.google.com/photos/1.0/camera/", "GCamera")
    exiv2.XmpProperties.registerNs("http://ns.google.com/photos/1.0/creations/", "GCreations")

    assert read(tag(jpeg, tags_)).burst_id == expected
