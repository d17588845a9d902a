"""Who makes films over: several workers and servers, which die, are busy, and have little room."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from asyncio.subprocess import PIPE
from uuid import UUID, uuid4

import pytest
from aiohttp.test_utils import TestServer

from media import hls_stream
from server import segments
from server.api import hls
from server.app import build_app
from server.context import Context
from storage import streams
from sync.config import Config
from sync.config import load as load_config


@pytest.fixture
async def film(alice, clock_film):
    return (await alice.upload(clock_film(), "a.mp4")).json["id"]


@pytest.fixture
async def start_process(dsn, root):
    """A worker in a process of its own, as the supervisor starts it."""
    started = []

    async def start_process():
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "media", stdout=PIPE,
            env=os.environ | {"DATABASE_URL": dsn, "HELIOGRAPH_DATA": str(root)},
        )  # fmt: skip
        started.append(process)
        async with asyncio.timeout(60):
            assert (await process.stdout.readline()).strip() == b"ready"
        return process

    yield start_process
    for process in started:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def workers(query):
    return [row["worker"] for row in await query("SELECT worker FROM video_stream")]


async def test_another_worker_goes_on_for_one_that_was_killed(
    switched_on, start_process, start_worker, alice, watch, film, query
):
    process = await start_process()
    player = await watch(alice, film)
    assert (await player.fetch(0)).status == 200
    (first,) = await workers(query)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    await start_worker()

    assert (await player.fetch(3)).status == 200
    assert (await player.fetch(0)).status == 200
    (second,) = await workers(query)
    assert first != second


async def test_a_process_that_is_told_to_stop_leaves_nothing(
    switched_on, start_process, alice, watch, film, root
):
    process = await start_process()
    player = await watch(alice, film)
    assert (await player.fetch(1)).status == 200
    process.terminate()
    async with asyncio.timeout(5):
        assert await process.wait() == 0

    assert streams.list_sessions(root) == []


async def test_one_of_several_workers_makes_it_and_any_server_sends_it(
    switched_on, start_worker, alice, watch, film, database, root, query
):
    for _ in range(3):
        await start_worker()
    async with database.read() as connection:
        config = await load_config(connection)
    other = TestServer(build_app(Context(database, root, None, config)))
    await other.start_server()
    try:
        player = await watch(alice, film)
        here = player.client
        player.client = here.using()
        player.client.headers, player.client.url = here.headers, str(other.make_url("")).rstrip("/")
        assert [(await player.fetch(n)).status for n in (2, 0, 1, 3)] == [200] * 4
        player.client = here
        assert (await player.fetch(1)).status == 200
    finally:
        await other.close()
    assert len(set(await workers(query))) == 1


async def test_who_asks_goes_before_who_does_not(
    realtime, alice, watch, film, execute, monkeypatch
):
    monkeypatch.setattr(hls, "WAIT_SECONDS", 1.0)
    players = [await watch(alice, film) for _ in range(3)]
    assert [(await player.fetch(0)).status for player in players[:2]] == [200, 200]

    refused = await players[2].fetch(0)
    assert (refused.status, refused.message) == (503, hls.TOO_BUSY)
    await execute(
        "UPDATE video_stream SET used_at = now() - interval '11 seconds' WHERE id = %s",
        UUID(players[0].session),
    )
    monkeypatch.setattr(hls, "WAIT_SECONDS", 20.0)
    assert (await players[2].fetch(0)).status == 200


async def test_no_more_is_made_than_will_be_wanted_soon(
    realtime, alice, watch, film, root, monkeypatch
):
    monkeypatch.setattr(hls_stream, "AHEAD", 2)
    player = await watch(alice, film)
    for number in (0, 1):
        assert (await player.fetch(number)).status == 200

    found = {n for _, n, _ in streams.list_segments(root, UUID(player.session))}
    assert {0, 1} <= found <= {0, 1, 2}


async def test_what_was_watched_makes_room_and_is_made_again(
    realtime, alice, watch, film, root, monkeypatch
):
    player = await watch(alice, film)
    first = await player.fetch(0)
    monkeypatch.setattr(hls_stream, "BYTES_MAX", 2 * len(first.data))
    monkeypatch.setattr(hls_stream, "AHEAD", 1)
    for number in (1, 2, 3):
        assert (await player.fetch(number)).status == 200
        sizes = [size for _, _, size in streams.list_segments(root, UUID(player.session))]
        assert sum(sizes) <= 3 * len(first.data)

    assert 0 not in {n for _, n, _ in streams.list_segments(root, UUID(player.session))}
    again = await player.fetch(0)
    assert again.status == 200


async def test_what_the_dead_left_is_removed(
    realtime, alice, watch, film, database, root, execute, query
):
    player = await watch(alice, film)
    await player.fetch(0)
    left = uuid4()
    streams.write(root, streams.segment_key(left, 2, 0), b"left")
    stale = await watch(alice, film)
    await execute(
        "UPDATE video_stream SET used_at = now() - interval '61 minutes' WHERE id = %s",
        UUID(stale.session),
    )
    await segments.remove_leftovers(Context(database, root, None, Config()))

    assert streams.list_sessions(root) == [UUID(player.session)]
    assert len(await query("SELECT FROM video_stream")) == 1
    assert (await player.fetch(0)).status == 200
