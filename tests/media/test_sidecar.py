"""Sidecars: what people say is in them, whatever else was, and a rescan reads the same again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from uuid import UUID

import exiv2
import pytest

from media import beside
from sync.actor import Actor
from sync.operations import assets, jobs, renditions, tags
from sync.worker import Job
from tests.fix_media import Library
from tests.media.test_keywords import put
from tests.media.test_metadata import SIDECAR
from tests.operations.state import differences

SHOWN = """SELECT asset.file_created_at, asset.local_date_time, exif.date_time_original,
                  exif.description, exif.rating, exif.latitude, exif.longitude, exif.time_zone,
                  exif.city, ARRAY(SELECT tag.value FROM tag_asset
                                     JOIN tag ON tag.id = tag_asset.tag_id
                                    WHERE tag_asset.asset_id = asset.id ORDER BY 1) AS tags
             FROM asset JOIN asset_exif AS exif ON exif.asset_id = asset.id
            WHERE asset.id = %(id)s"""
# As a database that was put together from the files alone would have it.
FORGET = """WITH forgotten AS (UPDATE asset_exif SET edited = '{}', tags = '{}'
                                WHERE asset_id = %(id)s),
                 untagged AS (DELETE FROM tag_asset WHERE asset_id = %(id)s)
            SELECT"""
FOREIGN = """<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><!-- kept -->
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Other 1.0">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:darktable="http://darktable.sf.net/" darktable:history_end="7"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="2">
   <darktable:history><rdf:Seq><rdf:li darktable:params="gz04&#10;"/></rdf:Seq></darktable:history>
   <dc:title><rdf:Alt><rdf:li xml:lang="x-default">Der Titel</rdf:li></rdf:Alt></dc:title>
   <dc:subject><rdf:Bag><rdf:li>theirs</rdf:li></rdf:Bag></dc:subject>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta><?xpacket end="w"?>"""

TEXT = exiv2.TypeId.xmpText
VIENNA = timezone(timedelta(hours=2))
Update = Callable[..., Any]


def a_job(asset_id: UUID) -> Job:
    return Job(0, asset_id, 1, datetime.now(UTC), asset_id, "asset.sidecar_requested", {})


@pytest.fixture
def update(library: Library) -> Update:
    """What a person says: as in the API, and `tags`, all that the asset shall have."""

    async def update(asset_id: UUID, **said: Any) -> None:
        owner = Actor(library.owner_id)
        wanted = said.pop("tags", None)
        async with library.database.write() as tx:
            if said:
                await assets.update_assets(tx, owner, [asset_id], **said)
            if wanted is not None:
                ids = await tags.upsert_tags(tx, owner, wanted)
                await tags.tag_assets(tx, owner, ids, [asset_id])
        await library.work()

    return update


@pytest.fixture
def shown(library: Library) -> Callable[..., Any]:
    async def shown(asset_id: UUID) -> dict[str, Any]:
        row = await library.row(SHOWN, asset_id)
        assert row is not None
        return row

    return shown


async def sidecar_of(library: Library, asset_id: UUID) -> Path | None:
    row = await library.row(
        "SELECT key FROM asset_file WHERE asset_id = %(id)s AND type = 'sidecar'", asset_id
    )
    return library.root / row["key"] if row else None


async def rescan(library: Library, asset_id: UUID) -> None:
    async with library.database.write() as tx:
        await renditions.request_metadata(tx, library.owner_id, [asset_id])
    await library.work()


def as_others_read(path: Path | None) -> dict[str, str]:
    assert path is not None
    image = exiv2.ImageFactory.open(path.read_bytes())
    image.readMetadata()
    return {
        datum.key(): datum.toString() if datum.typeId() == TEXT else datum.print()
        for datum in image.xmpData()
        if datum.count()
    }


SAID: list[tuple[str, dict[str, Any], dict[str, str]]] = [
    (
        "description",
        {"exif": {"description": 'Straße <& "x">\nzwei\r\n日本 😀'}},
        {"Xmp.dc.description": 'lang="x-default" Straße <& "x">\nzwei\r\n日本 😀'},
    ),
    ("no description", {"exif": {"description": ""}}, {}),
    ("rating", {"exif": {"rating": 4}}, {"Xmp.xmp.Rating": "4"}),
    ("no rating", {"exif": {"rating": None}}, {"Xmp.xmp.Rating": "0"}),
    (
        "place",
        {"exif": {"latitude": 48.20827312345678, "longitude": -0.1}},
        {"Xmp.exif.GPSLatitude": "48,12.49638740740680N", "Xmp.exif.GPSLongitude": "0,6.0W"},
    ),
    (
        "small place",
        {"exif": {"latitude": -1e-7, "longitude": 180.0}},
        {"Xmp.exif.GPSLatitude": "0,0.0000060S", "Xmp.exif.GPSLongitude": "180,0.0E"},
    ),
    (
        "date",
        {"taken_at": datetime(2021, 7, 1, 8, 30, 5, 120000, tzinfo=VIENNA)},
        {"Xmp.exif.DateTimeOriginal": "2021-07-01T08:30:05.120000+02:00"},
    ),
    (
        "date in UTC",
        {"taken_at": datetime(1066, 10, 14, tzinfo=UTC)},
        {"Xmp.exif.DateTimeOriginal": "1066-10-14T00:00:00+00:00"},
    ),
    (
        "zone",
        {"time_zone": "America/St_Johns"},
        {
            "Xmp.exif.DateTimeOriginal": "2020-06-01T07:30:00-02:30",
            "Xmp.heliograph.TimeZone": "America/St_Johns",
        },
    ),
    (
        "an hour that comes twice",
        {"taken_at": datetime(2021, 10, 31, 2, 30, tzinfo=UTC), "time_zone": "Europe/Vienna"},
        {"Xmp.exif.DateTimeOriginal": "2021-10-31T03:30:00+01:00"},
    ),
    (
        "a zone of the sun",
        {"taken_at": datetime(1880, 1, 1, 12, tzinfo=UTC), "time_zone": "Europe/Vienna"},
        {"Xmp.exif.DateTimeOriginal": "1880-01-01T13:05:21"},
    ),
    (
        "shift",
        {"shift": timedelta(days=-1)},
        {"Xmp.exif.DateTimeOriginal": "2020-05-31T12:00:00+02:00"},
    ),
    (
        "tags",
        {"tags": ["Places/Norway", "a|b", "Snow"]},
        {
            "Xmp.digiKam.TagsList": "Places/Norway, Snow, a|b",
            "Xmp.lr.hierarchicalSubject": "Places|Norway, Snow, a/b",
            "Xmp.dc.subject": "Norway, Snow, a|b",
        },
    ),
]


@pytest.mark.parametrize(("said", "read"), [row[1:] for row in SAID], ids=[row[0] for row in SAID])
async def test_what_is_said_is_written_and_read_again(
    said: dict[str, Any],
    read: dict[str, str],
    library: Library,
    update: Update,
    shown: Callable[..., Any],
    portrait: bytes,
) -> None:
    asset_id = await library.upload(portrait)
    await library.work()
    original = library.root / (await library.asset(asset_id))["original_key"]
    before = original.read_bytes()
    await update(asset_id, **said)
    wanted = await shown(asset_id)

    beside = await sidecar_of(library, asset_id)
    assert beside == original.with_name(f"{original.name}.xmp")
    assert read == {name: as_others_read(beside).get(name) for name in read}
    assert original.read_bytes() == before

    await rescan(library, asset_id)
    assert await shown(asset_id) == wanted
    await library.row(FORGET, asset_id)
    await rescan(library, asset_id)
    assert await shown(asset_id) == wanted
    assert await differences(library.database) == []


async def test_all_at_once_and_again(
    library: Library,
    update: Update,
    shown: Callable[..., Any],
    portrait: bytes,
) -> None:
    asset_id = await library.upload(portrait, sidecar=SIDECAR.encode("utf-16"))
    await library.work()
    for rating in (1, 5):
        await update(
            asset_id,
            exif={"description": "x", "rating": rating, "latitude": 1.5, "longitude": 2.5},
            taken_at=datetime(2001, 2, 3, 4, 5, 6, tzinfo=VIENNA),
            tags=["a", f"b/{rating}"],
        )
    wanted = await shown(asset_id)

    await library.row(FORGET, asset_id)
    await rescan(library, asset_id)

    assert await shown(asset_id) == wanted
    path = await sidecar_of(library, asset_id)
    assert path is not None
    assert path.read_text().count("<rdf:Description") == 2
    assert as_others_read(path)["Xmp.xmp.CreateDate"] == "2010-09-27T14:35:33+02:00"


async def test_what_others_wrote_stays(
    library: Library,
    update: Update,
    portrait: bytes,
) -> None:
    asset_id = await library.upload(portrait, sidecar=FOREIGN.encode())
    await library.work()

    await update(asset_id, exif={"description": "new", "rating": 3}, tags=["a/b"])
    path = await sidecar_of(library, asset_id)
    assert path is not None
    text = path.read_text()
    for kept in (
        "<!-- kept -->",
        'x:xmptk="Other 1.0"',
        'darktable:history_end="7"',
        '<darktable:history><rdf:Seq><rdf:li darktable:params="gz04&#10;"/></rdf:Seq>',
        "Der Titel",
    ):
        assert kept in text
    assert 'xmp:Rating="2"' not in text
    assert as_others_read(path)["Xmp.dc.subject"] == "theirs, b"
    assert as_others_read(path)["Xmp.xmp.Rating"] == "3"

    async with library.database.write() as tx:
        (tag_id,) = await tags.upsert_tags(tx, Actor(library.owner_id), ["a/b"])
        await tags.untag_assets(tx, Actor(library.owner_id), tag_id, [asset_id])
    await library.work()
    assert as_others_read(path)["Xmp.dc.subject"] == "theirs"
    assert as_others_read(path)["Xmp.lr.hierarchicalSubject"] == "theirs"


@pytest.mark.parametrize("broken", [b"<x:xmpmeta <<<", b"<x/>", b"\xff\xfe\x00"])
async def test_a_sidecar_that_is_none_stays(
    broken: bytes,
    library: Library,
    update: Update,
    portrait: bytes,
) -> None:
    asset_id = await library.upload(portrait, sidecar=broken)
    await library.work()

    await update(asset_id, exif={"rating": 3})

    path = await sidecar_of(library, asset_id)
    assert path is not None and path.read_bytes() == broken
    job = await library.row(
        "SELECT last_error FROM job WHERE queue = 'sidecar' AND entity_id = %(id)s", asset_id
    )
    assert job is not None and "The sidecar stays as it is" in job["last_error"]


async def test_no_explosion(library: Library, update: Update, portrait: bytes) -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>' + FOREIGN.split("?>", 1)[1].replace(
        "Der", "&a;"
    )
    asset_id = await library.upload(portrait, sidecar=bomb.encode())
    await library.work()
    await update(asset_id, exif={"rating": 3})

    path = await sidecar_of(library, asset_id)
    assert path is not None and path.read_text() == bomb


async def test_nothing_is_written_of_what_nobody_said(
    library: Library,
    update: Update,
    jpeg: Path,
) -> None:
    asset_id = await library.upload(put(jpeg, {"Xmp.digiKam.TagsList": ["a"]}))
    await library.work()
    await update(asset_id, is_favorite=True, visibility="archive")

    assert await sidecar_of(library, asset_id) is None


async def test_tags_that_are_renamed_or_deleted_are_so_in_the_files(
    library: Library,
    update: Update,
    shown: Callable[..., Any],
    jpeg: Path,
) -> None:
    owner = Actor(library.owner_id)
    picture = put(jpeg, {"Xmp.digiKam.TagsList": ["a/b", "c"]})
    ids = [await library.upload(picture)]
    await library.work()
    ids.append(await library.upload(picture))
    await library.work()
    async with library.database.write() as tx:
        top, gone = await tags.upsert_tags(tx, owner, ["a", "c"])
        await tags.rename_tag(tx, owner, top, "x")
        await tags.delete_tag(tx, owner, gone)
    await library.work()

    for asset_id in ids:
        read = as_others_read(await sidecar_of(library, asset_id))
        assert read["Xmp.digiKam.TagsList"] == "x/b"
        await library.row(FORGET, asset_id)
        await rescan(library, asset_id)
        assert (await shown(asset_id))["tags"] == ["x/b"]


async def test_no_tags_at_all_is_a_word_too(
    library: Library,
    shown: Callable[..., Any],
    jpeg: Path,
) -> None:
    asset_id = await library.upload(put(jpeg, {"Xmp.dc.subject": ["a"]}))
    await library.work()
    async with library.database.write() as tx:
        (tag_id,) = await tags.upsert_tags(tx, Actor(library.owner_id), ["a"])
        await tags.untag_assets(tx, Actor(library.owner_id), tag_id, [asset_id])
    await library.work()

    await library.row(FORGET, asset_id)
    await rescan(library, asset_id)

    assert (await shown(asset_id))["tags"] == []


async def test_what_is_lost_or_not_begun_is_made_when_asked_for(
    library: Library,
    update: Update,
    portrait: bytes,
) -> None:
    ids = [await library.upload(portrait) for _ in range(3)]
    await library.work()
    for asset_id in ids[:2]:
        await update(asset_id, exif={"rating": 3}, tags=["a"])
    paths = [await sidecar_of(library, asset_id) for asset_id in ids]
    assert paths[0] and paths[1] and not paths[2]
    before = paths[1].read_bytes()
    paths[0].unlink()
    await library.row("DELETE FROM asset_file WHERE asset_id = %(id)s RETURNING 1 AS one", ids[1])
    paths[1].unlink()
    await library.row(
        "UPDATE asset_exif SET is_unwritten = true WHERE asset_id = %(id)s RETURNING 1 AS one",
        ids[1],
    )

    async def request(*, is_forced: bool) -> None:
        async with library.database.write() as tx:
            await jobs.request(tx, "sidecar", UUID(int=0), is_forced=is_forced)
        await library.work()

    await request(is_forced=False)
    assert not paths[0].exists()
    assert b"Rating>3<" in paths[1].read_bytes()
    await request(is_forced=True)
    assert paths[0].read_bytes() == before
    assert await sidecar_of(library, ids[2]) is None


async def test_the_last_word_is_written_whoever_is_late(
    library: Library,
    update: Update,
    portrait: bytes,
) -> None:
    """Two writers at once, and a reader: what each of them had read is not what is said now."""
    asset_id = await library.upload(portrait)
    await library.work()
    await update(asset_id, exif={"description": "first"})
    source = await library.row("SELECT * FROM asset WHERE id = %(id)s", asset_id)
    assert source is not None
    late = beside.sidecar_consumer(library.database, library.root, None)
    async with library.database.write() as tx:
        await assets.update_assets(
            tx, Actor(library.owner_id), [asset_id], exif={"description": "second"}
        )
    record = await late(a_job(asset_id))
    await update(asset_id, exif={"description": "third"})
    async with library.database.write() as tx:
        await record(tx)
    await library.work()

    path = await sidecar_of(library, asset_id)
    assert as_others_read(path)["Xmp.dc.description"] == 'lang="x-default" third'
