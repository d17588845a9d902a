"""Films from their upload to what they are played as, whoever stops or is deleted meanwhile."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from threading import Event
from typing import Any
from uuid import UUID

import pytest

from media import consumers, transcode
from media.consumers import transcode_consumer
from storage import paths
from sync import sequencer, tail, worker
from sync.actor import Actor
from sync.config import FFmpeg
from sync.operations import assets, renditions
from tests.fix_media import Library
from tests.media.films import film, silence
from tests.media.pictures import scene
from tests.media.test_transcode import SCENE, assert_it_plays
from tests.media.test_worker import media_process, until

JOB = "SELECT * FROM job WHERE queue = 'transcode' AND entity_id = %(id)s"


@pytest.fixture
def work(library: Library) -> Callable[[], Any]:
    async def work() -> None:
        """What waits for pictures, and for films."""
        with ThreadPoolExecutor(1) as executor:
            consumer = transcode_consumer(library.database, library.root, executor)
            await library.work()
            await worker.drain(library.database, "transcode", consumer)
            await library.work()

    return work


def is_about(topic: str, asset_id: UUID, entry: tail.Entry) -> bool:
    return entry.topic == topic and entry.entity_ids == [asset_id]


async def encoded(library: Library, asset_id: UUID) -> Path | None:
    row = await library.row(
        "SELECT key FROM asset_file WHERE asset_id = %(id)s AND type = 'encoded_video'", asset_id
    )
    return paths.resolve(library.root, row["key"]) if row else None


async def test_an_upload_that_browsers_do_not_play_is_made_over(
    library: Library,
    work: Callable[[], Any],
    tmp_path: Path,
) -> None:
    data = film(tmp_path / "a.avi", [SCENE] * 10, codec="mpeg4", sound="mp2").read_bytes()
    asset_id = await library.upload(data, kind="VIDEO")

    await work()

    path = await encoded(library, asset_id)
    assert path
    assert_it_plays(path)
    assert paths.is_ours(str(path.relative_to(library.root)))

    async with library.database.write() as tx:
        await renditions.request_transcodes(tx, library.owner_id, [asset_id])
    await work()

    again = await encoded(library, asset_id)
    assert again and again != path
    assert again.exists() and not path.exists()

    async with library.database.write() as tx:
        await assets.delete_assets(tx, Actor(library.owner_id), [asset_id])
    await work()

    assert not again.exists()


async def test_one_that_they_play_is_not(
    library: Library,
    work: Callable[[], Any],
    tmp_path: Path,
) -> None:
    data = film(tmp_path / "a.mp4", [SCENE] * 10, sound="aac").read_bytes()
    asset_id = await library.upload(data, kind="VIDEO")

    await work()

    assert await encoded(library, asset_id) is None
    assert not await library.row(JOB, asset_id)


async def test_one_that_is_deleted_meanwhile_is_not_made_to_its_end(
    library: Library,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, is_stopped = Event(), Event()

    def endless(path: Path, target: Path, settings: FFmpeg, stopping: Event) -> bool:
        begun.set()
        stopping.wait()
        is_stopped.set()
        raise transcode.Stopped

    monkeypatch.setattr(transcode, "transcode", endless)
    monkeypatch.setattr(consumers, "WATCH_SECONDS", 0.05)
    data = film(tmp_path / "a.avi", [SCENE] * 3, codec="mpeg4").read_bytes()
    asset_id = await library.upload(data, kind="VIDEO")
    await library.work()
    with ThreadPoolExecutor(1) as executor:
        consumer = transcode_consumer(library.database, library.root, executor)
        work = asyncio.create_task(worker.drain(library.database, "transcode", consumer))
        await asyncio.to_thread(begun.wait)
        row = await library.row(JOB, asset_id)
        assert row and row["claimed_until"]  # as the queue shows what is active

        async with library.database.write() as tx:
            await assets.delete_assets(tx, Actor(library.owner_id), [asset_id])

        assert await work == 1
        await asyncio.to_thread(is_stopped.wait)
    assert not await library.row(JOB, asset_id)


async def test_who_stops_amid_a_film_leaves_it_to_the_next(
    library: Library,
    work: Callable[[], Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun, convert = Event(), transcode._convert

    def tell(*arguments: Any) -> None:
        begun.set()
        convert(*arguments)

    monkeypatch.setattr(transcode, "_convert", tell)
    data = film(tmp_path / "a.avi", [scene(1280, 720)] * 150, codec="mpeg4").read_bytes()
    asset_id = await library.upload(data, kind="VIDEO")
    await library.work()
    folder = paths.resolve(library.root, paths.preview(library.owner_id, asset_id)).parent
    with ThreadPoolExecutor(1) as executor:
        consumer = transcode_consumer(library.database, library.root, executor)
        first = asyncio.create_task(worker.drain(library.database, "transcode", consumer))
        await asyncio.to_thread(begun.wait)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        row = await library.row(JOB, asset_id)
        assert row and (row["attempts"], row["claimed_by"], row["claimed_until"]) == (0, None, None)
    assert not list(folder.glob("*_encoded.mp4"))

    await work()

    assert await encoded(library, asset_id)


async def test_the_process_makes_it_over_and_stops_amid_the_next(
    library: Library,
    tmp_path: Path,
    dsn: str,
    sequencing: None,
) -> None:
    short = film(tmp_path / "a.avi", [SCENE] * 10, codec="mpeg4").read_bytes()
    long = film(tmp_path / "b.avi", [scene(1280, 720)] * 150, codec="mpeg4").read_bytes()
    async with media_process(dsn, library.root) as process:
        asset_id = await library.upload(short, kind="VIDEO")
        following = await library.upload(long, kind="VIDEO")
        for topic, id_ in (
            ("asset.transcoded", asset_id),
            ("asset.transcode_requested", following),
        ):
            await until(library.database, partial(is_about, topic, id_))
        process.send_signal(signal.SIGTERM)
        assert await process.wait() == 0

    path = await encoded(library, asset_id)
    assert path
    assert_it_plays(path, sounds=False)
    if not await encoded(library, following):
        assert await library.row(JOB, following)  # for the process that comes next


async def test_photos_are_never_made_over(
    library: Library,
    work: Callable[[], Any],
    tmp_path: Path,
) -> None:
    SCENE.save(tmp_path / "a.jpg")
    asset_id = await library.upload((tmp_path / "a.jpg").read_bytes())
    await library.work()
    async with library.database.session() as connection:
        await sequencer.sequence(connection)

    assert not await library.row(JOB, asset_id)


async def test_sound_alone_stays_what_it_is_and_says_why_it_has_no_picture(
    library: Library, work: Callable[[], Any], tmp_path: Path
) -> None:
    data = silence(tmp_path / "a.mp4").read_bytes()
    asset_id = await library.upload(data, kind="VIDEO")

    await work()

    asset = await library.asset(asset_id)
    assert (asset["width"], asset["thumbhash"]) == (None, None)
    assert paths.resolve(library.root, asset["original_key"]).read_bytes() == data
    assert await encoded(library, asset_id) is None  # It is played as it is.
    job = await library.row("SELECT * FROM job WHERE entity_id = %(id)s", asset_id)
    assert job and job["dead_at"]
    assert job["last_error"] == "There is no moving picture in this file"


async def test_what_is_dropped_for_being_playable_is_remembered(
    library: Library, work: Callable[[], Any], tmp_path: Path
) -> None:
    data = film(tmp_path / "a.mp4", [SCENE] * 10, sound="aac").read_bytes()
    asset_id = await library.upload(data, kind="VIDEO")

    await work()

    noted = await library.row("SELECT * FROM playable_film WHERE asset_id = %(id)s", asset_id)
    assert noted and noted["policy"] == FFmpeg().policy
