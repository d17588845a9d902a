"""From an uploaded file to renditions on disk and rows in the database."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from sql import Database
from storage import paths
from sync import sequencer, tail
from sync.actor import Actor
from sync.operations import assets, tags
from tests.fix_media import SENT, Library
from tests.media.films import film
from tests.media.pictures import distance, opened, scene


async def test_an_upload_ends_with_facts_and_renditions(library: Library, portrait: bytes) -> None:
    asset_id = await library.upload(portrait)

    await library.work()

    asset = await library.asset(asset_id)
    assert (asset["width"], asset["height"], asset["orientation"]) == (40, 60, "6")
    assert (asset["exif_image_width"], asset["exif_image_height"]) == (60, 40)
    assert asset["file_created_at"] == datetime(2020, 6, 1, 10, tzinfo=UTC)
    assert asset["local_date_time"] == datetime(2020, 6, 1, 12)
    assert (asset["time_zone"], asset["make"]) == ("UTC+2", "Canon")
    assert asset["modify_date"] == SENT
    assert len(asset["thumbhash"]) > 15
    for path, kind in zip(library.renditions(asset_id), ("WEBP", "JPEG"), strict=True):
        picture = opened(path.read_bytes())
        assert (picture.format, picture.size) == (kind, (40, 60))
        assert distance(picture, scene(40, 60)) < 4


async def test_the_sidecar_is_read(library: Library, portrait: bytes) -> None:
    sidecar = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
        <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
        <rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/>
        </rdf:RDF></x:xmpmeta>"""
    asset_id = await library.upload(portrait, sidecar=sidecar)

    await library.work()

    assert (await library.asset(asset_id))["rating"] == 4


async def test_a_damaged_picture_keeps_its_facts_and_gets_a_reason(
    library: Library, portrait: bytes
) -> None:
    asset_id = await library.upload(portrait[:-200])

    await library.work()

    asset = await library.asset(asset_id)
    assert (asset["make"], asset["thumbhash"], asset["deleted_at"]) == ("Canon", None, None)
    job = await library.row("SELECT * FROM job WHERE entity_id = %(id)s", asset_id)
    assert job is not None and "The JPEG file is damaged or incomplete" in job["last_error"]


async def test_a_film_ends_with_facts_and_renditions(library: Library, tmp_path: Path) -> None:
    path = film(
        tmp_path / "a.mov",
        [scene(60, 40)] * 15,
        tags={"com.apple.quicktime.creationdate": "2020-06-01T12:00:00+0200"},
        options={"movflags": "use_metadata_tags"},
    )
    asset_id = await library.upload(path.read_bytes(), kind="VIDEO")

    await library.work()

    asset = await library.asset(asset_id)
    assert (asset["width"], asset["height"], asset["duration_ms"]) == (60, 40, 1500)
    assert (asset["fps"], asset["time_zone"]) == (10, "UTC+2")
    assert asset["local_date_time"] == datetime(2020, 6, 1, 12)
    assert len(asset["thumbhash"]) > 15
    for rendition in library.renditions(asset_id):
        assert distance(opened(rendition.read_bytes()), scene(60, 40)) < 4


async def test_a_damaged_film_keeps_what_was_sent_and_gets_a_reason(library: Library) -> None:
    asset_id = await library.upload(b"\0\0\0\x10ftypmp42 and so on", kind="VIDEO")

    await library.work()

    asset = await library.asset(asset_id)
    assert (asset["file_created_at"], asset["thumbhash"]) == (SENT, None)
    job = await library.row("SELECT * FROM job WHERE entity_id = %(id)s", asset_id)
    assert job is not None and "The film is damaged or incomplete" in job["last_error"]


async def test_deleting_removes_all_files(library: Library, portrait: bytes) -> None:
    asset_id = await library.upload(portrait)
    await library.work()
    thumbnail, preview = library.renditions(asset_id)
    original = paths.resolve(library.root, (await library.asset(asset_id))["original_key"])
    assert all(path.exists() for path in (thumbnail, preview, original))

    async with library.database.write() as tx:
        await assets.delete_assets(tx, Actor(library.owner_id), [asset_id])
    await library.work()

    assert not any(path.exists() for path in (thumbnail, preview, original))


async def test_an_asset_deleted_meanwhile_is_no_failure(library: Library, portrait: bytes) -> None:
    asset_id = await library.upload(portrait)
    async with library.database.session() as connection:
        await sequencer.sequence(connection)
    async with library.database.write() as tx:
        await assets.delete_assets(tx, Actor(library.owner_id), [asset_id])

    await library.work()

    assert await library.row("SELECT * FROM job WHERE entity_id = %(id)s", asset_id) is None


# The process.


@asynccontextmanager
async def media_process(dsn: str, root: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "media"),
        env=os.environ | {"DATABASE_URL": dsn, "HELIOGRAPH_DATA": str(root)},
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def until(database: Database, is_it: Callable[[tail.Entry], bool]) -> None:
    async for entries in tail.follow(database, 0):
        if any(is_it(entry) for entry in entries):
            return


async def test_the_process_works_and_stops_when_told(
    library: Library, portrait: bytes, dsn: str, sequencing: None
) -> None:
    async with media_process(dsn, library.root) as process:
        asset_id = await library.upload(portrait)
        await until(
            library.database,
            lambda entry: entry.topic == "asset.thumbnail_made" and entry.entity_ids == [asset_id],
        )
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0

    assert all(path.exists() for path in library.renditions(asset_id))


async def test_the_process_writes_what_people_say(
    library: Library, portrait: bytes, dsn: str, sequencing: None
) -> None:
    asset_id = await library.upload(portrait)
    owner = Actor(library.owner_id)
    async with media_process(dsn, library.root):
        async with library.database.write() as tx:
            await assets.update_assets(tx, owner, [asset_id], exif={"rating": 4})
            (tag_id,) = await tags.upsert_tags(tx, owner, ["a"])
            await tags.tag_assets(tx, owner, [tag_id], [asset_id])
        written = library.root / f"{(await library.asset(asset_id))['original_key']}.xmp"
        await until(library.database, lambda entry: entry.topic == "asset.sidecar_written")
        async with library.database.write() as tx:
            await tags.rename_tag(tx, owner, tag_id, "b")
        await until(
            library.database,
            lambda entry: entry.topic == "asset.sidecar_written" and b">b<" in written.read_bytes(),
        )

    assert b"Rating>4<" in written.read_bytes()


async def test_what_a_killed_process_left_is_done_by_the_next(
    library: Library, portrait: bytes, dsn: str, sequencing: None
) -> None:
    ids = {await library.upload(portrait) for _ in range(20)}
    made: set[UUID] = set()

    def note(entry: tail.Entry) -> bool:
        made.update(entry.entity_ids if entry.topic == "asset.thumbnail_made" else ())
        return bool(made)

    async with media_process(dsn, library.root) as process:
        await until(library.database, note)
        process.kill()
        await process.wait()
    async with media_process(dsn, library.root):
        await until(library.database, lambda entry: note(entry) and made == ids)

    async with library.database.read() as connection:
        cursor = await connection.execute(
            b"SELECT count(*) AS jobs, (SELECT count(*) FROM log WHERE topic = %s) AS entries"
            b"  FROM job",
            ["asset.thumbnail_made"],
        )
        assert await cursor.fetchone() == {"jobs": 0, "entries": 20}
