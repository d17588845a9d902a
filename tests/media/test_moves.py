"""Originals go where the storage template says, and are never anywhere else than rows say."""

from __future__ import annotations

import asyncio
import errno
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from media import moves
from sql import Database, Transaction
from storage import paths
from storage.template import Name, fold
from sync.actor import Actor
from sync.operations import albums, assets, renditions, storage_template, users
from sync.worker import Job, Record
from tests.media.moving import DAYS, JOBS, TAKEN, Home
from tests.sync.library import FOUND, until

OTHER_DAY = datetime(2023, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
async def home(database: Database, tmp_path: Path) -> Home:
    home = Home(database, tmp_path)
    await home.set(enabled=True)
    return home


@pytest.fixture
async def alice(database: Database) -> UUID:
    async with database.write() as tx:
        return await users.create_user(
            tx, email="alice@example.org", name="Alice", storage_label="alice"
        )


@pytest.fixture
async def bob(database: Database) -> UUID:
    async with database.write() as tx:
        return await users.create_user(tx, email="bob@example.org", name="Bob")


@pytest.fixture
def no_links(monkeypatch: pytest.MonkeyPatch) -> None:
    def link(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, "another disk")

    monkeypatch.setattr(os, "link", link)


@pytest.fixture(params=["link", "copy"])
def either_way(request: pytest.FixtureRequest) -> None:
    if request.param == "copy":
        request.getfixturevalue("no_links")


@pytest.mark.usefixtures("either_way")
async def test_an_original_goes_with_its_sidecar(home: Home, alice: UUID) -> None:
    asset_id = await home.upload(alice, b"picture", "IMG_1.JPEG", sidecar=b"<x/>")

    await home.move()

    assert await home.key(asset_id) == "library/alice/2024/2024-05-06/IMG_1.jpg"
    assert home.stored() == [
        "library/alice/2024/2024-05-06/IMG_1.jpg", "library/alice/2024/2024-05-06/IMG_1.jpg.xmp"
    ]  # fmt: skip
    await home.assert_level()
    assert not (home.root / "upload" / str(alice)).exists()


@pytest.mark.usefixtures("either_way")
async def test_the_time_of_a_file_goes_with_it(home: Home, alice: UUID) -> None:
    asset_id = await home.upload(alice, b"picture")
    path = paths.resolve(home.root, await home.key(asset_id))
    os.utime(path, ns=(10**18, 10**18))

    await home.move()

    moved = paths.resolve(home.root, await home.key(asset_id))
    assert moved.stat().st_mtime_ns == 10**18


async def test_who_has_no_label_has_a_folder_by_the_id(home: Home, bob: UUID) -> None:
    asset_id = await home.upload(bob, b"picture")
    await home.move()
    assert (await home.key(asset_id)).startswith(f"library/{bob}/2024/")


async def test_an_upload_is_moved_once_it_is_known(home: Home, alice: UUID) -> None:
    asset_id = await home.upload(alice, b"picture")
    await home.work()
    assert paths.is_ours(await home.key(asset_id))
    async with home.database.write() as tx:
        await renditions.record_metadata(tx, asset_id, FOUND)
    await home.work()

    day = FOUND.local_date_time
    assert await home.place(asset_id) == f"{day:%Y}/{day:%Y-%m-%d}/IMG.jpg"


async def test_nothing_is_moved_where_that_is_not_wanted(home: Home, alice: UUID) -> None:
    moved = await home.upload(alice, b"one")
    await home.move()
    await home.set(enabled=False)
    kept = await home.upload(alice, b"other")

    await home.move()

    assert await home.place(moved) == "2024/2024-05-06/IMG.jpg"
    assert paths.is_ours(await home.key(kept))
    await home.assert_level()


async def test_switched_off_meanwhile_it_stays(home: Home, alice: UUID) -> None:
    asset_id = await home.upload(alice, b"one")
    await home.request()
    await home.work(is_removing=False)
    await home.set(template="{{filename}}")
    await home.request()
    await home.set(enabled=False)
    await home.work()
    assert await home.place(asset_id) == "2024/2024-05-06/IMG.jpg"


async def test_what_lies_outside_or_is_thrown_away_stays(home: Home, alice: UUID) -> None:
    outside, trashed, extracted = [
        await home.upload(alice, name.encode(), name) for name in ("a.jpg", "b.jpg", "c.mp4")
    ]
    await home.execute("UPDATE asset SET is_extracted = true WHERE id = %s", extracted)
    await home.execute(
        "UPDATE asset SET library_id = gen_random_uuid(), original_key = %s WHERE id = %s",
        "library/elsewhere.jpg", outside,
    )  # fmt: skip
    async with home.database.write() as tx:
        await assets.trash_assets(tx, Actor(alice), [trashed])

    await home.move()

    assert await home.key(outside) == "library/elsewhere.jpg"
    assert paths.is_ours(await home.key(trashed))
    assert paths.is_ours(await home.key(extracted))


@pytest.mark.usefixtures("either_way")
async def test_of_many_with_one_name_each_gets_one(home: Home, alice: UUID) -> None:
    ids = [await home.upload(alice, b"%d" % number) for number in range(25)]

    await home.move()

    wanted = {"IMG.jpg", *(f"IMG+{number}.jpg" for number in range(1, 25))}
    assert {(await home.place(id_)).rpartition("/")[2] for id_ in ids} == wanted
    before = await home.claimed()
    await home.move()
    assert await home.claimed() == before
    await home.assert_level()


async def test_names_that_some_disks_take_for_one_are_two(home: Home, alice: UUID) -> None:
    for number, name in enumerate(("\u00e9.jpg", "E\u0301.JPG", "stra\u00dfe.jpg", "STRASSE.jpg")):
        await home.upload(alice, b"%d" % number, name)

    await home.move()

    assert len({key.casefold() for key in home.stored()}) == 4
    assert sum("+1" in key for key in home.stored()) == 2
    await home.assert_level()


async def create_album(tx: Transaction, actor: Actor, name: str, ids: list[UUID]) -> None:
    album_id = await albums.create_album(tx, actor, name)
    await albums.add_assets(tx, actor, album_id, ids)


async def test_a_film_is_beside_its_still(home: Home, alice: UUID) -> None:
    film = await home.upload(
        alice, b"film", "mov-7.MOV", type="VIDEO", visibility="hidden", file_created_at=OTHER_DAY
    )
    still = await home.upload(alice, b"still", "IMG_7.HEIC", live_photo_video_id=film)
    async with home.database.write() as tx:
        await create_album(tx, Actor(alice), "Trip", [still])
    await home.set(template="{{album}}/{{y}}/{{filetype}}/{{filename}}")

    await home.move()

    assert await home.place(still) == "Trip/2024/IMG/IMG_7.heic"
    assert await home.place(film) == "Trip/2024/IMG/IMG_7.mov"
    await home.assert_level()


async def test_what_was_said_since_moves_it_again(home: Home, alice: UUID) -> None:
    asset_id = await home.upload(alice, b"picture", sidecar=b"<x/>")
    await home.move()
    async with home.database.write() as tx:
        await assets.update_assets(tx, Actor(alice), [asset_id], taken_at=OTHER_DAY)
    await home.move()
    assert await home.place(asset_id) == "2023/2023-01-02/IMG.jpg"
    assert not (home.root / "library/alice/2024").exists()

    await home.set(template="{{#if album}}{{album}}/{{album-startDate-yy}}{{/if}}/{{filename}}")
    async with home.database.write() as tx:
        await create_album(tx, Actor(alice), "A.B", [asset_id])
    await home.move()
    assert await home.place(asset_id) == "AB/23/IMG.jpg"
    await home.set(template=DAYS)
    await home.move()
    assert await home.place(asset_id) == "2023/2023-01-02/IMG.jpg"
    await home.assert_level()


async def test_back_before_the_former_name_was_removed(home: Home, alice: UUID) -> None:
    asset_id = await home.upload(alice, b"picture", sidecar=b"<x/>")
    await home.move()
    for template in ("{{filename}}", DAYS):
        await home.set(template=template)
        await home.request()
        await home.work(is_removing=False)

    await home.work()
    await home.move()

    assert await home.place(asset_id) == "2024/2024-05-06/IMG.jpg"
    await home.assert_level()


async def test_a_file_of_whomever_is_not_touched(home: Home, alice: UUID) -> None:
    folder = home.root / "library/alice/2024/2024-05-06"
    folder.mkdir(parents=True)
    (folder / "IMG.jpg").write_bytes(b"somebody's")
    (folder / "IMG+1.jpg.xmp").write_bytes(b"somebody's too")
    (folder / "IMG+2.jpg").mkdir()
    asset_id = await home.upload(alice, b"picture", sidecar=b"<x/>")

    await home.move()
    await home.clean()

    assert await home.place(asset_id) == "2024/2024-05-06/IMG+3.jpg"
    assert (folder / "IMG.jpg").read_bytes() == b"somebody's"
    assert (folder / "IMG+1.jpg.xmp").read_bytes() == b"somebody's too"
    assert {path.name for path in folder.iterdir()} == {
        "IMG.jpg", "IMG+1.jpg.xmp", "IMG+2.jpg", "IMG+3.jpg", "IMG+3.jpg.xmp"
    }  # fmt: skip


async def test_a_damaged_original_stays_and_the_reason_is_told(home: Home, alice: UUID) -> None:
    asset_id = await home.upload(alice, b"picture")
    key = await home.key(asset_id)
    paths.resolve(home.root, key).write_bytes(b"pict")

    await home.move()

    assert await home.key(asset_id) == key
    (job,) = await home.query(JOBS)
    assert job["dead_at"] and job["last_error"] == (
        f"It stays where it is: {key} has 4 bytes, not 7"
    )


@pytest.mark.usefixtures("no_links")
async def test_a_copy_is_compared_where_that_is_wanted(home: Home, alice: UUID) -> None:
    asset_id = await home.upload(alice, b"picture")
    key = await home.key(asset_id)
    paths.resolve(home.root, key).write_bytes(b"pixture")

    await home.move()
    assert await home.key(asset_id) == key
    assert home.stored() == [key]

    await home.set(hashVerificationEnabled=False)
    await home.move()
    assert await home.place(asset_id) == "2024/2024-05-06/IMG.jpg"


async def test_a_missing_original_is_told(home: Home, alice: UUID) -> None:
    asset_id = await home.upload(alice, b"picture")
    paths.resolve(home.root, await home.key(asset_id)).unlink()

    await home.move()

    (job,) = await home.query(JOBS)
    assert "FileNotFoundError" in job["last_error"]


async def test_what_is_deleted_leaves_nothing(home: Home, alice: UUID) -> None:
    ids = [await home.upload(alice, b"%d" % number, sidecar=b"<x/>") for number in range(3)]
    await home.move()
    async with home.database.write() as tx:
        await assets.delete_assets(tx, Actor(alice), ids)

    await home.work()

    assert home.stored() == []
    assert [path.name for path in (home.root / "library").iterdir()] == [paths.INCOMING]
    await home.assert_level()


async def test_what_is_deleted_on_its_way_leaves_nothing(
    home: Home, alice: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset_id = await home.upload(alice, b"picture", sidecar=b"<x/>")
    record = moves._record

    async def delete_and_record(tx: Transaction, **given: Any) -> None:
        async with home.database.write() as other:
            await assets.delete_assets(other, Actor(alice), [asset_id])
        await record(tx, **given)

    monkeypatch.setattr(moves, "_record", delete_and_record)
    await home.move()

    assert home.stored() == []
    await home.assert_level()


async def test_a_sidecar_written_on_the_way_is_not_lost(
    home: Home, alice: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset_id = await home.upload(alice, b"picture", sidecar=b"<old/>")
    record = moves._record

    async def write_and_record(tx: Transaction, **given: Any) -> None:
        key = paths.sidecar(await home.key(asset_id))
        paths.resolve(home.root, key).unlink()
        paths.resolve(home.root, key).write_bytes(b"<new/>")
        await home.execute("UPDATE asset_file SET updated_at = clock_timestamp()")
        monkeypatch.undo()
        await record(tx, **given)

    monkeypatch.setattr(moves, "_record", write_and_record)
    await home.move()

    (row,) = await home.query("SELECT key FROM asset_file")
    assert paths.resolve(home.root, row["key"]).read_bytes() == b"<new/>"
    assert paths.is_placed(row["key"])
    await home.assert_level()


async def test_a_sidecar_that_comes_later_follows(home: Home, alice: UUID) -> None:
    asset_id = await home.upload(alice, b"picture")
    former = paths.sidecar(await home.key(asset_id))
    await home.move()
    path = paths.resolve(home.root, former)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"<x/>")
    await home.execute(
        "INSERT INTO asset_file (asset_id, type, key) VALUES (%s, 'sidecar', %s)", asset_id, former
    )

    await home.move()

    assert home.stored()[1] == "library/alice/2024/2024-05-06/IMG.jpg.xmp"
    await home.assert_level()


async def test_a_name_is_not_removed_once_somebody_has_it(home: Home, alice: UUID) -> None:
    """The removal of a name that is late finds it taken anew."""
    first = await home.upload(alice, b"one", sidecar=b"<one/>")
    await home.move()
    key = await home.key(first)
    async with home.database.write() as tx:
        await assets.delete_assets(tx, Actor(alice), [first])
    await home.work()
    second = await home.upload(alice, b"other", sidecar=b"<other/>")
    await home.move()
    assert await home.key(second) == key

    with ThreadPoolExecutor(1) as executor:
        async with home.database.write() as tx:
            keys = [key, paths.sidecar(key)]
            await moves.remove_placed(tx, home.root, executor, keys)

    await home.assert_level()


async def test_nobody_takes_a_name_while_it_is_removed(home: Home, alice: UUID) -> None:
    asset_id = await home.upload(alice, b"picture")
    wanted = f"library/alice/{datetime(2024, 5, 6):%Y/%Y-%m-%d}/IMG.jpg"
    with ThreadPoolExecutor(1) as executor:
        async with home.database.write() as tx:
            await moves.remove_placed(tx, home.root, executor, [paths.sidecar(wanted)])
            name = Name(wanted, fold(wanted))
            await storage_template.hold_names(tx, [name])
            moving = asyncio.create_task(home.move())
            waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
            await until(lambda: home.query(waiting))
            assert paths.is_ours(await home.key(asset_id))
            await storage_template.forget_names(tx, [name.fold])
    await moving

    assert await home.key(asset_id) == wanted
    await home.assert_level()


async def test_the_janitor_waits_for_what_is_on_its_way(
    home: Home, alice: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    asset_id = await home.upload(alice, b"picture", sidecar=b"<x/>")
    former = await home.key(asset_id)

    async def fail(tx: Transaction, **_: Any) -> None:
        raise OSError("The power is gone")

    monkeypatch.setattr(moves, "_record", fail)
    await home.move()
    async with home.database.write() as tx:
        assert await storage_template.drop_stale(tx) == 0
    assert [key.split("/")[0] for key in home.stored()] == ["library", "upload", "upload"]

    await home.execute("DELETE FROM job WHERE queue = 'storage_template'")
    await home.clean()

    assert home.stored() == [former, paths.sidecar(former)]
    await home.assert_level()


async def test_the_janitor_leaves_what_somebody_has(home: Home, alice: UUID) -> None:
    await home.upload(alice, b"picture", sidecar=b"<x/>")
    await home.move()
    await home.execute("UPDATE storage_name SET state = 'reserved'")
    before = home.stored()

    await home.clean()

    assert home.stored() == before == await home.claimed()


async def test_a_job_begins_again_whose_original_was_moved(home: Home, alice: UUID) -> None:
    asset_id = await home.upload(alice, b"picture")
    job = Job(1, asset_id, 1, TAKEN, alice, "asset.uploaded", {})
    read: list[str] = []

    async def consume(job: Job) -> Record:
        key = await home.key(asset_id)
        if not read:
            await home.move()
        read.append(key)
        data = paths.resolve(home.root, key).read_bytes()
        assert data == b"picture"
        return lambda tx: record_nothing()

    await moves.follow(home.database, consume)(job)
    assert [key.split("/")[0] for key in read] == ["upload", "library"]

    paths.resolve(home.root, read[-1]).unlink()
    await home.execute("UPDATE storage_name SET at = at - interval '1 hour'")
    with pytest.raises(FileNotFoundError):
        await moves.follow(home.database, consume)(job)
    assert len(read) == 3


async def record_nothing() -> None:
    pass
