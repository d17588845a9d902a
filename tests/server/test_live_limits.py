"""The live channel: how much, how fast, to whom not any more; and its page in the docs."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import get_args
from uuid import UUID

import aiohttp
import msgspec
import pytest

from server import live, live_frames
from sync import stream as streams
from sync.actor import Actor
from sync.operations import users
from tests.fix_channels import PLENTY, SECONDS_MAX
from tests.sync.library import new_asset, until
from tests.sync.replica import REQUESTS


def actor(client) -> Actor:
    return Actor(UUID(client.user["id"]))


async def test_nothing_is_sent_beyond_the_credit(alice, connect, database):
    for _ in range(5):
        await new_asset(database, actor(alice))
    plain = (await alice.post("/api/sync/stream", {"types": ["AssetsV2"]})).data
    heard = b""
    async with connect(alice) as channel:
        await channel.expect("hello")
        await channel.say("subscribe", ["AssetsV2"], None, 0)
        assert await channel.expect("blocked") == [1]
        given = 1
        await channel.say("credit", 1)
        while heard != plain:
            kind, value = await channel.next()
            if kind == "lines":
                assert value.endswith(b"\n")
                heard += value
                assert len(heard) <= given
            else:
                assert kind == "blocked"
                assert value > given - len(heard)
                await channel.say("credit", value - given + len(heard))
                given = len(heard) + value


async def test_who_grants_nothing_holds_nothing_and_goes_on_where_it_was(
    alice, connect, database, monkeypatch
):
    """In the middle of a page; only a position that may not be whole is sent again."""
    monkeypatch.setattr(live, "STALL_SECONDS", 0.01)
    monkeypatch.setattr(live, "FRAME_BYTES_MIN", 1)
    made = [await new_asset(database, actor(alice)) for _ in range(20)]
    async with connect(alice) as channel:
        await channel.expect("hello")
        await channel.say("subscribe", ["AssetsV2"], None, 4000)
        (lines,) = await channel.expect("lines")
        (needed,) = await channel.expect("blocked")
        assert await channel.expect("blocked") == [needed]  # The round was cut meanwhile.
        await channel.say("credit", PLENTY)
        lines = [*map(json.loads, lines.splitlines()), *await channel.round()]
    sent = [line["data"]["id"] for line in lines if line["type"] == "AssetV2"]
    assert list(dict.fromkeys(sent)) == [str(id_) for id_ in made]
    assert len(sent) == len(made) + 1


async def test_a_long_page_comes_in_frames_of_whole_lines(alice, follow, database, monkeypatch):
    monkeypatch.setattr(live, "FRAME_BYTES_MAX", 2000)
    for _ in range(20):
        await new_asset(database, actor(alice))
    async with follow(alice, "AssetsV2") as channel:
        sizes = [len(frame[1]) for frame in channel.frames if frame[0] == "lines"]
        assert len(sizes) > 3
        assert max(sizes) <= 2000


async def test_a_line_longer_than_a_frame_comes_alone(alice, follow, database, monkeypatch):
    monkeypatch.setattr(live, "FRAME_BYTES_MAX", 100)
    await new_asset(database, actor(alice))
    async with follow(alice, "AssetsV2") as channel:
        assert [frame[1].count(b"\n") for frame in channel.frames if frame[0] == "lines"] == [1, 1]


async def test_who_reads_nothing_is_hung_up_on(alice, connect, database, monkeypatch):
    """One line of eight megabytes does not fit into what lies between."""
    monkeypatch.setattr(live, "SEND_SECONDS", 0.1)
    async with database.write() as tx:
        user = UUID(alice.user["id"])
        await users.set_metadata(tx, user, "onboarding", {"text": "a" * (8 << 20)})
    async with connect(alice) as channel:
        await channel.expect("hello")
        transport = channel.socket._response.connection.transport
        transport.pause_reading()
        await channel.say("subscribe", ["UserMetadataV1"], None, PLENTY)
        await until(open_channels, is_met=lambda count: count == 0)
        transport.resume_reading()
        message = await channel.socket.receive(timeout=SECONDS_MAX)
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def open_channels() -> int:
    tasks = (task.get_coro().__qualname__ for task in asyncio.all_tasks())
    return sum(name.startswith("Channel.") for name in tasks)


async def test_who_answers_no_ping_is_hung_up_on(alice, anonymous, monkeypatch):
    monkeypatch.setattr(live, "HEARTBEAT_SECONDS", 0.05)
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(
            f"{anonymous.url}/api/sync/live", headers=alice.headers, autoping=False
        ) as socket,
    ):
        async with asyncio.timeout(SECONDS_MAX):
            kinds = [message.type async for message in socket]
    assert kinds[0] is aiohttp.WSMsgType.BINARY
    assert set(kinds[1:]) == {aiohttp.WSMsgType.PING}
    assert socket.close_code == 1006


async def test_a_round_that_takes_too_long_ends_the_channel(alice, connect, monkeypatch):
    monkeypatch.setattr(streams, "STREAM_SECONDS_MAX", -1)
    async with connect(alice) as channel:
        await channel.expect("hello")
        await channel.say("subscribe", REQUESTS, None, PLENTY)
        code, _ = await channel.expect("error")
        assert (code, await channel.closed()) == (4408, 4408)


async def test_a_message_that_is_too_long_ends_the_channel(alice, connect):
    async with connect(alice) as channel:
        await channel.expect("hello")
        await channel.say("ack", ["a" * live.HEARD_BYTES_MAX])
        assert await channel.closed() == 1009


ROWS = re.compile(r"^\| `((?:[0-9a-f]{2} ?)+)` \| `(\[.*\])` \|$", re.M)


def test_the_examples_of_the_page_are_what_is_said():
    page = (Path(__file__).parents[2] / "docs/live.md").read_text()
    names = set()
    for code, text in ROWS.findall(page):
        data = bytes.fromhex(code)
        frame = msgspec.msgpack.decode(data)
        kind = KINDS[frame[0]]
        shown = [one.decode() if isinstance(one, bytes) else one for one in frame]
        assert shown == json.loads(text.replace("\\|", "|"))
        assert live_frames.encode(msgspec.msgpack.decode(data, type=kind)) == data
        names.add(frame[0])
    assert names == KINDS.keys()


KINDS = {
    kind.__struct_config__.tag: kind
    for kind in (*get_args(live_frames.Heard), *get_args(live_frames.Said))
}


@pytest.mark.parametrize(
    "code",
    [
        live_frames.GOING_AWAY,
        live_frames.INVALID,
        live_frames.UNAUTHENTICATED,
        live_frames.TOO_SLOW,
    ],
)
def test_the_page_knows_each_code(code):
    page = (Path(__file__).parents[2] / "docs/live.md").read_text()
    assert f"| {code} |" in page
