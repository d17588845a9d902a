"""Faces that other programs marked: where they are, and whose they become."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from sql import reads
from sync.actor import Actor
from sync.operations import people, renditions, system, users
from sync.operations.from_files import Face
from sync.operations.people import Box
from tests.fix_media import Library
from tests.media import pictures
from tests.media.pictures import scene
from tests.media.test_metadata import PHOTOS, needs_photos, read

REGION = """<rdf:li rdf:parseType="Resource"><mwg-rs:Name>{name}</mwg-rs:Name>
<mwg-rs:Type>{kind}</mwg-rs:Type>
<mwg-rs:Area stArea:x="{x}" stArea:y="{y}" stArea:w="{w}" stArea:h="{h}"
 stArea:unit="{unit}"/></rdf:li>"""
REGIONS = """<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/"
 xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#"
 xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#">
<mwg-rs:Regions rdf:parseType="Resource">
<mwg-rs:AppliedToDimensions stDim:w="{width}" stDim:h="{height}" stDim:unit="pixel"/>
<mwg-rs:RegionList><rdf:Bag>{regions}</rdf:Bag></mwg-rs:RegionList></mwg-rs:Regions>
</rdf:Description></rdf:RDF></x:xmpmeta>"""
ANNA = {"name": "Anna", "x": 0.25, "y": 0.4, "w": 0.2, "h": 0.3}
BEN = {"name": "Ben", "x": 0.75, "y": 0.5, "w": 0.2, "h": 0.3}


def regions(*faces: dict[str, Any], width: int = 400, height: int = 300) -> bytes:
    marked = (REGION.format(**{"kind": "Face", "unit": "normalized", **face}) for face in faces)
    return REGIONS.format(width=width, height=height, regions="".join(marked)).encode()


@pytest.fixture
def marked(tmp_path: Path) -> Callable[..., list[Face]]:
    """The faces read of a picture of 400 x 300 with such a sidecar."""

    def marked(*faces: dict[str, Any], orientation: int = 1, **details: Any) -> list[Face]:
        path, beside = tmp_path / "a.jpg", tmp_path / "a.xmp"
        scene(400, 300).save(path, exif=pictures.exif(orientation).tobytes())
        beside.write_bytes(regions(*faces, **details))
        return list(read(path, beside).faces or ())

    return marked


def test_a_box_is_in_pixels(marked: Callable[..., list[Face]]) -> None:
    assert marked(ANNA, BEN) == [
        Face("Anna", Box(400, 300, 60, 75, 140, 165)),
        Face("Ben", Box(400, 300, 260, 105, 340, 195)),
    ]


# Where the stored (0.25, 0.4) with sides of 0.2 by 0.3 is when the picture stands upright.
UPRIGHT = {
    1: Box(400, 300, 60, 75, 140, 165),
    2: Box(400, 300, 260, 75, 340, 165),
    3: Box(400, 300, 260, 135, 340, 225),
    4: Box(400, 300, 60, 135, 140, 225),
    5: Box(300, 400, 75, 60, 165, 140),
    6: Box(300, 400, 135, 60, 225, 140),
    7: Box(300, 400, 135, 260, 225, 340),
    8: Box(300, 400, 75, 260, 165, 340),
}


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_a_box_turns_with_its_picture(orientation: int, marked: Callable[..., list[Face]]) -> None:
    (face,) = marked(ANNA, orientation=orientation)

    assert face.box == pytest.approx(UPRIGHT[orientation], abs=1)


def test_what_is_no_named_face_is_left_out(marked: Callable[..., list[Face]]) -> None:
    assert [
        face.name
        for face in marked(
            ANNA | {"name": " "},
            ANNA | {"kind": "Focus"},
            ANNA | {"kind": "BarCode"},
            ANNA | {"name": "Rex", "kind": "Pet"},
            ANNA | {"w": 0},
            ANNA | {"x": "nan"},
            ANNA | {"x": 3},
            BEN | {"x": 0.99},
        )
    ] == ["Rex", "Ben"]


def test_pixels_are_pixels_and_an_edge_is_the_end(marked: Callable[..., list[Face]]) -> None:
    anna = {"name": "Anna", "x": 390, "y": 10, "w": 40, "h": 40, "unit": "pixel"}

    assert marked(anna) == [Face("Anna", Box(400, 300, 370, 0, 400, 30))]
    assert marked(ANNA, width=0, height=0)[0].box == Box(400, 300, 60, 75, 140, 165)


@needs_photos
@pytest.mark.parametrize("name", ["portrait.jpg", "portrait-orientation-6.jpg"])
def test_real_portraits(name: str) -> None:
    assert read(PHOTOS / "metadata/faces" / name).faces == [
        Face("Marie Curie", Box(840, 700, 261, 146, 356, 284)),
        Face("Pierre Curie", Box(840, 700, 536, 83, 618, 252)),
    ]


# In the library.


async def set_import(library: Library, is_on: bool) -> None:
    async with library.database.write() as tx:
        await system.change_config(tx, {"metadata.faces.import": is_on})


@pytest.fixture
async def upload(library: Library) -> Callable[..., Any]:
    """A picture with these faces beside it, in a library that takes them over."""
    await set_import(library, True)
    data = io.BytesIO()
    scene(400, 300).save(data, "jpeg")

    async def upload(*faces: dict[str, Any]) -> UUID:
        asset_id = await library.upload(data.getvalue(), sidecar=regions(*faces))
        await library.work()
        return asset_id

    return upload


@pytest.fixture
def faces_in(library: Library) -> Callable[..., Any]:
    """Those that are shown in an asset, from the left: whose, who saw it, and where it begins."""

    async def faces_in(asset_id: UUID) -> list[tuple[str | None, str, int]]:
        row = await library.row(
            """SELECT coalesce(jsonb_agg(jsonb_build_array(person.name, face.source_type, face.x1)
                                         ORDER BY face.x1), '[]') AS faces
                 FROM asset_face AS face LEFT JOIN person ON person.id = face.person_id
                WHERE face.asset_id = %(id)s AND face.deleted_at IS NULL""",
            asset_id,
        )
        assert row is not None
        return [tuple(face) for face in row["faces"]]

    return faces_in


async def names(library: Library) -> list[str]:
    row = await library.row(
        """SELECT array_agg(name ORDER BY name) AS names FROM person
            WHERE owner_id = %(id)s AND face_id IS NOT NULL""",
        library.owner_id,
    )
    assert row is not None
    return list(row["names"] or ())


async def test_nobody_is_looked_for_unless_that_is_set(
    library: Library,
    upload: Callable[..., Any],
    faces_in: Callable[..., Any],
) -> None:
    await set_import(library, False)
    asset_id = await upload(ANNA)
    assert await faces_in(asset_id) == []

    await set_import(library, True)
    await read_anew(library, asset_id, ANNA)
    assert await faces_in(asset_id) == [("Anna", "exif", 60)]

    await set_import(library, False)
    await read_anew(library, asset_id)
    assert await faces_in(asset_id) == [("Anna", "exif", 60)]


async def test_people_are_those_of_that_name(
    library: Library,
    upload: Callable[..., Any],
    faces_in: Callable[..., Any],
) -> None:
    async with library.database.write() as tx:
        await people.create_person(tx, Actor(library.owner_id), name="ANNA", is_hidden=True)
        stranger = await users.create_user(tx, email="bob@example.com", name="Bob")
        await people.create_person(tx, Actor(stranger), name="Ben")

    one, other = await upload(ANNA, BEN), await upload(BEN | {"name": "ben"})

    assert await faces_in(one) == [("ANNA", "exif", 60), ("Ben", "exif", 260)]
    assert await faces_in(other) == [("Ben", "exif", 260)]
    assert await names(library) == ["ANNA", "Ben"]


async def test_faces_follow_the_file(
    library: Library,
    upload: Callable[..., Any],
    faces_in: Callable[..., Any],
) -> None:
    asset_id = await upload(ANNA, BEN)

    await read_anew(library, asset_id, BEN | {"name": "Carl"})

    assert await faces_in(asset_id) == [("Carl", "exif", 260)]
    assert await names(library) == ["Carl"]


async def test_people_s_words_stay(
    library: Library,
    upload: Callable[..., Any],
    faces_in: Callable[..., Any],
) -> None:
    owner = Actor(library.owner_id)
    asset_id = await upload(ANNA, BEN)
    async with library.database.write() as tx:
        zoe = await people.create_person(tx, owner, name="Zoe")
        annas, bens = [
            row["id"]
            for row in await reads.people.list_seen(
                tx, asset_id=asset_id, viewer_id=library.owner_id
            )
        ]
        await people.reassign_face(tx, owner, annas, zoe)
        await people.delete_face(tx, owner, bens, force=False)
        await people.create_face(tx, owner, asset_id, zoe, Box(400, 300, 0, 0, 30, 30))

    await read_anew(library, asset_id, ANNA, BEN)
    assert await faces_in(asset_id) == [("Zoe", "manual", 0), ("Zoe", "exif", 60)]

    await read_anew(library, asset_id)
    assert await faces_in(asset_id) == [("Zoe", "manual", 0)]


async def test_a_face_that_was_seen_already_only_gets_the_name(
    library: Library,
    upload: Callable[..., Any],
    faces_in: Callable[..., Any],
) -> None:
    asset_id = await upload()
    async with library.database.write() as tx:
        await people.record_faces(tx, asset_id, [Box(800, 600, 125, 155, 275, 325)])

    await read_anew(library, asset_id, ANNA)

    assert await faces_in(asset_id) == [("Anna", "machine-learning", 125)]
    await read_anew(library, asset_id)
    assert await faces_in(asset_id) == [("Anna", "machine-learning", 125)]


async def read_anew(library: Library, asset_id: UUID, *faces: dict[str, Any]) -> None:
    """After another program marked these."""
    row = await library.row(
        "SELECT key FROM asset_file WHERE asset_id = %(id)s AND type = 'sidecar'", asset_id
    )
    assert row is not None
    (library.root / row["key"]).write_bytes(regions(*faces))
    async with library.database.write() as tx:
        await renditions.request_metadata(tx, library.owner_id, [asset_id])
    await library.work()
