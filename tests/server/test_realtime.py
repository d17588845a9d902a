"""Sockets hear what happens, when it happened, and only what is theirs."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID, uuid4

import aiohttp
import psycopg
import pytest
from aiohttp.test_utils import TestServer

from server import realtime
from server.app import build_app
from server.context import Context
from server.events import SINGLES_MAX, TELLERS
from sql import Disconnected
from sync.config import Config
from sync.operations import assets, live_photos, renditions, system
from sync.operations.rendition_files import File
from sync.topics import TOPICS
from tests.server.sockets import actor, mark

MOMENT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.fixture
def upload(database):
    """Record an asset as if it had come, with its metadata, as of a user."""

    async def upload(owner, *, visibility: str = "timeline", type: str = "IMAGE") -> UUID:
        owner_id, asset_id = UUID(owner.user["id"]), uuid4()
        async with database.write() as tx:
            await assets.record_upload(
                tx,
                owner_id,
                assets.Upload(
                    asset_id=asset_id,
                    type=type,
                    original_key=f"upload/{asset_id}.jpg",
                    original_file_name="a.jpg",
                    checksum=asset_id.bytes + b"1234",
                    file_bytes=7,
                    file_created_at=MOMENT,
                    file_modified_at=MOMENT,
                    visibility=visibility,
                ),
            )
        return asset_id

    return upload


@pytest.fixture
def show(database):
    """Record the thumbnail of an asset."""

    async def show(asset_id: UUID) -> None:
        async with database.write() as tx:
            await renditions.record_thumbnail(
                tx,
                asset_id,
                thumbhash=b"hash",
                width=40,
                height=30,
                files={
                    "thumbnail": File(f"thumbs/{asset_id}_thumbnail.webp", 1),
                    "preview": File(f"thumbs/{asset_id}_preview.jpeg", 1),
                },
            )

    return show


def test_every_topic_has_a_teller_or_none():
    assert TELLERS.keys() == TOPICS.keys()


# What they hear


async def test_an_upload_is_told_when_its_thumbnail_is_made(database, alice, listen, upload, show):
    socket = await listen(alice)
    asset_id = await upload(alice)
    await mark(database, socket)
    assert "on_upload_success" not in socket.names

    await show(asset_id)

    (shown,) = await socket.next("on_upload_success")
    (lines,) = await socket.next("AssetUploadReadyV2")
    assert shown["id"] == str(asset_id)
    assert shown["ownerId"] == alice.user["id"]
    assert shown["thumbhash"] == "aGFzaA=="
    data = {line["type"]: line["data"] for line in await alice.sync("AssetsV2", "AssetExifsV1")}
    assert lines == {"asset": data["AssetV2"], "exif": data["AssetExifV1"]}


async def test_only_a_first_thumbnail_is_an_upload(database, alice, listen, upload, show):
    socket = await listen(alice)
    asset_id = await upload(alice)
    await show(asset_id)
    await show(asset_id)
    await mark(database, socket)

    assert socket.names.count("on_upload_success") == 1
    assert socket.names.count("AssetUploadReadyV2") == 1


@pytest.mark.parametrize(
    ("visibility", "is_told"),
    [("timeline", True), ("archive", True), ("hidden", False), ("locked", False)],
)
async def test_what_is_not_shown_is_not_told(
    database, alice, listen, upload, show, visibility, is_told
):
    socket = await listen(alice)
    await show(await upload(alice, visibility=visibility))
    await mark(database, socket)

    assert ("on_upload_success" in socket.names) == is_told
    assert ("AssetUploadReadyV2" in socket.names) == is_told


async def test_others_hear_nothing_of_my_assets(database, alice, bob, listen, upload, show):
    hers, his = await listen(alice), await listen(bob)
    asset_id = await upload(alice)
    await show(asset_id)
    async with database.write() as tx:
        await assets.trash_assets(tx, actor(alice), [asset_id])
    await mark(database, hers, his)

    assert "on_asset_trash" in hers.names
    assert his.names == ["on_server_version", "on_config_update"]


async def test_all_sockets_of_a_user_hear(database, alice, listen, upload, show):
    phone, page = await listen(alice), await listen(alice)
    asset_id = await upload(alice)
    await show(asset_id)

    for socket in (phone, page):
        (shown,) = await socket.next("on_upload_success")
        assert shown["id"] == str(asset_id)


async def test_a_described_asset_is_told_a_favourite_is_not(database, alice, listen, upload):
    socket = await listen(alice)
    asset_id = await upload(alice)
    async with database.write() as tx:
        await assets.update_assets(tx, actor(alice), [asset_id], is_favorite=True)
    await mark(database, socket)
    assert "on_asset_update" not in socket.names

    async with database.write() as tx:
        await assets.update_assets(tx, actor(alice), [asset_id], exif={"description": "a lake"})

    (shown,) = await socket.next("on_asset_update")
    assert (shown["id"], shown["exifInfo"]["description"]) == (str(asset_id), "a lake")


async def test_many_updates_are_told_each_and_very_many_as_one(database, alice, listen, upload):
    socket = await listen(alice)
    ids = [await upload(alice) for _ in range(SINGLES_MAX + 1)]
    async with database.write() as tx:
        await assets.update_assets(tx, actor(alice), ids[1:], is_favorite=True, is_bulk=True)
    await mark(database, socket)
    told = [heard[1]["id"] for heard in socket.heard if heard[0] == "on_asset_update"]
    assert sorted(told) == sorted(map(str, ids[1:]))

    socket.heard.clear()
    async with database.write() as tx:
        await assets.update_assets(tx, actor(alice), ids, is_favorite=False, is_bulk=True)
    await mark(database, socket)

    assert socket.heard == [("on_album_update", alice.user["id"]), ("on_config_update",)]


async def test_trash_and_restore_are_one_event_with_one_list(database, alice, listen, upload):
    socket = await listen(alice)
    ids = sorted([await upload(alice), await upload(alice)])
    async with database.write() as tx:
        await assets.trash_assets(tx, actor(alice), ids)
    async with database.write() as tx:
        await assets.restore_assets(tx, actor(alice), ids)

    (trashed,) = await socket.next("on_asset_trash")
    (restored,) = await socket.next("on_asset_restore")
    assert sorted(trashed) == sorted(restored) == [str(id_) for id_ in ids]


async def test_restoring_everything_is_not_told(database, alice, listen, upload):
    asset_id = await upload(alice)
    async with database.write() as tx:
        await assets.trash_assets(tx, actor(alice), [asset_id])
    socket = await listen(alice)
    async with database.write() as tx:
        await assets.restore_some(tx, actor(alice))
    await mark(database, socket)

    assert "on_asset_restore" not in socket.names


async def test_each_deleted_asset_is_told_very_many_as_one(database, alice, listen, upload):
    socket = await listen(alice)
    few = [await upload(alice) for _ in range(3)]
    many = [await upload(alice) for _ in range(SINGLES_MAX + 1)]
    async with database.write() as tx:
        await assets.delete_assets(tx, actor(alice), few)
    assert {(await socket.next("on_asset_delete"))[0] for _ in few} == set(map(str, few))

    async with database.write() as tx:
        await assets.delete_assets(tx, actor(alice), many)
    (gone,) = await socket.next("on_asset_trash")
    assert set(gone) == set(map(str, many))
    assert socket.names.count("on_asset_delete") == 3


async def test_the_moving_part_of_a_photo_is_told_as_hidden(database, alice, listen, upload):
    socket = await listen(alice)
    video = await upload(alice, type="VIDEO")
    still = await upload(alice)
    async with database.write() as tx:
        await live_photos.link_live_photo(tx, actor(alice), still, video)

    assert await socket.next("on_asset_hidden") == (str(video),)


async def test_what_cannot_be_told_does_not_silence_what_follows(
    database, alice, listen, upload, monkeypatch, caplog
):
    asked = asyncio.Event()

    def fail(*_):
        asked.set()
        raise RuntimeError("broken")

    socket = await listen(alice)
    monkeypatch.setitem(TELLERS, "asset.trashed", fail)
    asset_id = await upload(alice)
    async with database.write() as tx:
        await assets.trash_assets(tx, actor(alice), [asset_id])
    async with asyncio.timeout(10):
        await asked.wait()
    await mark(database, socket)

    assert "Not told" in caplog.text
    assert socket.names == ["on_server_version", "on_config_update"]


# Many servers


@pytest.fixture
async def second(database, root):
    """Another server on the same database; its configuration was read long ago."""
    serving = TestServer(build_app(Context(database, root, None, Config())))
    await serving.start_server()
    yield serving
    await serving.close()


async def test_each_server_tells_its_own_sockets(
    database, alice, url, second, open_socket, upload, show
):
    here = await open_socket(url, **alice.headers)
    there = await open_socket(str(second.make_url("")).rstrip("/"), **alice.headers)
    asset_id = await upload(alice)
    await show(asset_id)

    for socket in (here, there):
        (shown,) = await socket.next("on_upload_success")
        assert shown["id"] == str(asset_id)
        assert socket.names.count("on_upload_success") == 1


async def test_a_setting_changed_at_one_server_reaches_the_other(
    database, alice, anonymous, second, open_socket
):
    there = anonymous.using()
    there.url = str(second.make_url("")).rstrip("/")
    socket = await open_socket(there.url, **alice.headers)
    assert (await there.get("/api/server/config")).json["trashDays"] == 30

    async with database.write() as tx:
        await system.change_config(tx, {"trash.days": 3})

    assert await socket.next("on_config_update") == ()
    assert (await there.get("/api/server/config")).json["trashDays"] == 3


async def test_telling_goes_on_after_the_database_was_away(dsn, database, alice, listen, upload):
    socket = await listen(alice)
    first, second = await upload(alice), await upload(alice)
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        for asset_id in (first, second):
            is_trashed = False
            while not is_trashed:
                with suppress(Disconnected):
                    async with database.write() as tx:
                        await assets.trash_assets(tx, actor(alice), [asset_id])
                    is_trashed = True
            await connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

    assert await socket.next("on_asset_trash") == ([str(first)],)
    assert await socket.next("on_asset_trash") == ([str(second)],)


async def test_a_server_starts_with_what_was_set_meanwhile(database, root, anonymous):
    stale = Context(database, root, None, Config())
    async with database.write() as tx:
        await system.change_config(tx, {"trash.days": 3})
    async with TestServer(build_app(stale)):
        assert stale.config.trash.days == 3


# Who reads slowly


@pytest.fixture
async def raw(url):
    """An open app that reads only when it is asked to."""
    async with aiohttp.ClientSession() as http:

        async def raw(client) -> aiohttp.ClientWebSocketResponse:
            socket = await http.ws_connect(
                f"{url}/api/socket.io/?EIO=4&transport=websocket", headers=client.headers
            )
            await socket.send_str("40")
            async with asyncio.timeout(10):
                while "on_server_version" not in await socket.receive_str():
                    pass
            return socket

        yield raw


async def read_events(socket) -> list[tuple[str, object]]:
    """What was sent before the next `on_config_update`."""
    heard = []
    async with asyncio.timeout(30):
        while (frame := await socket.receive_str()) != '42["on_config_update"]':
            name, *arguments = json.loads(frame.removeprefix("42"))
            heard.append((name, *arguments))
    return heard


@pytest.fixture
def shout(database, alice, upload):
    """Tell a user more than the buffers of a connection hold, while another socket listens."""

    async def shout(witness) -> None:
        asset_id = await upload(alice)
        for number in range(40):
            long = f"{number}:".ljust(600_000, "a")
            async with database.write() as tx:
                await assets.update_assets(tx, actor(alice), [asset_id], exif={"description": long})
            (shown,) = await witness.next("on_asset_update")
            assert shown["exifInfo"]["description"] == long

    return shout


async def test_a_slow_socket_loses_events_and_is_told_so_once(
    database, alice, raw, listen, shout, upload
):
    slow, witness = await raw(alice), await listen(alice)
    await slow.receive_str()  # the witness's greeting
    await shout(witness)

    first = await slow.receive_str()
    assert first.startswith('42["on_asset_update"')
    heard = []
    async with asyncio.timeout(30):
        while not (frame := await slow.receive_str()).startswith('42["on_album_update"'):
            heard.append(frame)
    assert len(heard) < 35
    assert json.loads(frame[2:]) == ["on_album_update", alice.user["id"]]

    # It has caught up, and hears all that comes.
    asset_id = await upload(alice)
    async with database.write() as tx:
        await assets.trash_assets(tx, actor(alice), [asset_id])
    await mark(database, witness)
    assert await read_events(slow) == [("on_asset_trash", [str(asset_id)])]


async def test_a_stuck_socket_is_hung_up_on(alice, raw, listen, shout, monkeypatch):
    monkeypatch.setattr(realtime, "STUCK_SECONDS", 0.1)
    stuck, witness = await raw(alice), await listen(alice)
    await shout(witness)

    async with asyncio.timeout(30):
        while not stuck.closed:
            await stuck.receive()
    assert stuck.close_code in (aiohttp.WSCloseCode.ABNORMAL_CLOSURE, None)


def frame(text: str):
    return realtime.Frame(realtime.MESSAGE, text)


async def test_an_outbox_is_bounded_in_frames_and_in_characters():
    hint, outbox = frame("hint"), realtime.Outbox()
    outbox.bind(hint, lambda: None)
    for number in range(realtime.FRAMES_MAX + 10):
        await outbox.put(frame(str(number)))
    await outbox.put(None)  # the end gets through

    taken = [outbox.get_nowait() for _ in range(outbox.qsize())]
    assert [one.data for one in taken[:-1]] == [str(n) for n in range(realtime.FRAMES_MAX)]
    assert taken[-1] is None
    assert outbox.get_nowait() is hint
    assert outbox.empty()

    large = frame("a" * (realtime.CHARACTERS_MAX // 3))
    for _ in range(5):
        await outbox.put(large)
    assert outbox.qsize() == 3
    assert [outbox.get_nowait() for _ in range(4)] == [large, large, large, hint]


async def test_what_is_too_large_for_an_outbox_goes_alone():
    outbox = realtime.Outbox()
    huge = frame("a" * (realtime.CHARACTERS_MAX + 1))
    await outbox.put(huge)
    await outbox.put(frame("lost"))

    assert outbox.get_nowait() is huge
    assert outbox.empty()
    await outbox.put(frame("next"))
    assert outbox.get_nowait().data == "next"


async def test_an_outbox_that_lost_a_frame_takes_no_other_before_it_is_empty():
    outbox = realtime.Outbox()
    outbox.bind(frame("hint"), lambda: None)
    for number in range(realtime.FRAMES_MAX + 1):
        await outbox.put(frame(str(number)))
    outbox.get_nowait()
    await outbox.put(frame("late"))

    rest = [outbox.get_nowait().data for _ in range(realtime.FRAMES_MAX)]
    assert rest[-1] == "hint"
    assert "late" not in rest
