"""The live channel: one ordered flow of what a stream would give, as it happens."""

from __future__ import annotations

import asyncio
from uuid import UUID

import aiohttp
import pytest

from server import live
from sync import live as following
from sync.actor import Actor
from sync.operations import albums, assets, partners
from sync.stream import stream
from tests.fix_channels import PLENTY, Channel
from tests.sync.library import an_upload, ask_one, new_asset
from tests.sync.replica import REQUESTS, Replica


def actor(client) -> Actor:
    return Actor(UUID(client.user["id"]))


def types(lines) -> list[str]:
    return [line["type"] for line in lines[:-1]]


# Who gets in


@pytest.mark.parametrize(
    "carry",
    [
        lambda token: {"Authorization": f"Bearer {token}"},
        lambda token: {"x-immich-user-token": token},
        lambda token: {"Cookie": f"immich_access_token={token}"},
    ],
)
async def test_a_session_gets_in_by_each_of_its_carriers(alice, connect, database, carry):
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    async with connect(**carry(token)) as channel:
        version, user_id, session_id = await channel.expect("hello")
    assert (version, user_id) == (1, alice.user["id"])
    assert session_id == str(await ask_one(database, "SELECT id FROM session"))


async def test_a_session_gets_in_by_its_first_frame(alice, connect):
    async with connect() as channel:
        await channel.say("auth", alice.headers["Authorization"].removeprefix("Bearer "))
        _, user_id, _ = await channel.expect("hello")
    assert user_id == alice.user["id"]


@pytest.mark.parametrize("frame", [("auth", "wrong"), ("credit", 5)])
async def test_nobody_else_does(connect, frame):
    async with connect() as channel:
        await channel.say(*frame)
        code, _ = await channel.expect("error")
        assert (code, await channel.closed()) == (4401, 4401)


async def test_a_wrong_token_is_refused_at_the_door(anonymous, connect):
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        async with connect(Authorization="Bearer wrong"):
            pass
    assert refusal.value.status == 401


async def test_an_api_key_is_refused_as_in_the_stream(alice, connect):
    key = (await alice.post("/api/api-keys", {"name": "a", "permissions": ["all"]})).json
    with pytest.raises(aiohttp.WSServerHandshakeError) as refusal:
        async with connect(**{"x-api-key": key["secret"]}):
            pass
    assert refusal.value.status == 403


async def test_what_is_no_websocket_is_refused(alice):
    assert (await alice.get("/api/sync/live")).status == 400


async def test_who_says_nothing_is_sent_away(connect, monkeypatch):
    monkeypatch.setattr(live, "GREETING_SECONDS", 0.01)
    async with connect() as channel:
        await channel.expect("error")
        assert await channel.closed() == 4401


async def test_who_asks_for_nothing_is_sent_away(alice, connect, monkeypatch):
    monkeypatch.setattr(live, "GREETING_SECONDS", 0.01)
    async with connect(alice) as channel:
        await channel.expect("hello")
        await channel.expect("error")
        assert await channel.closed() == 4400


async def test_a_session_that_ends_takes_its_channel_along(alice, follow):
    async with follow(alice) as channel:
        await alice.post("/api/auth/logout")
        assert await channel.expect("error") == [4401, "The session ended"]
        assert await channel.closed() == 4401


async def test_another_session_that_ends_does_not(alice, follow, log_in, database):
    other = await log_in(alice)
    async with follow(alice) as channel, follow(other) as gone:
        await other.post("/api/auth/logout")
        assert await gone.expect("error") == [4401, "The session ended"]
        await new_asset(database, actor(alice))
        assert "AssetV2" in types(await channel.round())


# What is sent


async def test_first_comes_what_the_stream_sends(alice, follow, database):
    for _ in range(3):
        await new_asset(database, actor(alice))
    plain = (await alice.post("/api/sync/stream", {"types": REQUESTS})).data
    async with follow(alice) as channel:
        assert b"".join(frame[1] for frame in channel.frames[1:]) == plain


async def test_then_what_happens_in_order_and_nothing_twice(alice, follow, database):
    async with follow(alice) as channel:
        made = []
        for _ in range(5):
            made.append(await new_asset(database, actor(alice)))
            assert types(await channel.round()).count("AssetV2") == 1
        async with database.write() as tx:
            await assets.delete_assets(tx, actor(alice), made)
        lines = await channel.round()
        assert types(lines).count("AssetDeleteV1") == 5


async def test_what_others_do_is_not_told(alice, bob, follow, database):
    async with follow(alice, "AssetsV2", "AssetExifsV1") as channel:
        await new_asset(database, actor(bob))
        mine = await new_asset(database, actor(alice))
        lines = await channel.round()
        assert [line["data"]["id"] for line in lines if line["type"] == "AssetV2"] == [str(mine)]


async def test_new_users_are_told_to_all(alice, sign_in, follow):
    async with follow(alice) as channel:
        carol = await sign_in("Carol")
        (line, *_) = await channel.round()
        assert (line["type"], line["data"]["id"]) == ("UserV1", carol.user["id"])


async def test_partners_see_each_other_from_the_grant_to_its_end(alice, bob, follow, database):
    old = await new_asset(database, actor(bob))
    user = UUID(alice.user["id"])
    async with follow(alice) as channel:
        async with database.write() as tx:
            await partners.create_partner(tx, actor(bob), user)
        lines = await channel.round()
        assert old in [UUID(x["data"]["id"]) for x in lines if "PartnerAssetB" in x["type"]]

        new = await new_asset(database, actor(bob))
        lines = await channel.round()
        assert [x["data"]["id"] for x in lines if x["type"] == "PartnerAssetV2"] == [str(new)]

        async with database.write() as tx:
            await partners.delete_partner(tx, actor(bob), user)
        assert types(await channel.round()).count("PartnerAssetDeleteV1") == 2


async def test_members_see_what_is_done_to_the_assets_of_an_album(alice, bob, follow, database):
    shown = await new_asset(database, actor(bob))
    async with database.write() as tx:
        album_id = await albums.create_album(tx, actor(bob), "a")
        await albums.add_assets(tx, actor(bob), album_id, [shown])
    async with follow(alice) as channel:
        async with database.write() as tx:
            user = UUID(alice.user["id"])
            await albums.share_album(tx, actor(bob), album_id, [user], role="viewer")
        assert "AlbumAssetBackfillV2" in types(await channel.round())

        async with database.write() as tx:
            await assets.update_assets(tx, actor(bob), [shown], exif={"description": "new"})
        lines = await channel.round()
        assert "AlbumAssetUpdateV2" in types(lines)
        assert "new" in [line["data"].get("description") for line in lines]


class Source:
    """Where a replica takes its streams from: each is one round. Acks go by the same socket."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    async def stream(self):
        is_whole = False
        while not is_whole:
            kind, value = await self.channel.next()
            if kind == "lines":
                is_whole = b'"SyncCompleteV1"' in value
                yield value

    async def ack(self, ack: str) -> None:
        await self.channel.say("ack", [ack])


async def test_who_follows_ends_where_who_starts_fresh_does(alice, bob, connect, database):
    """Through what two users do to each other, with acks on the way."""
    me, other = actor(alice), actor(bob)

    async def upload(tx, owner):
        return await assets.record_upload(tx, owner.user_id, an_upload())

    async with connect(alice) as channel, connect(alice) as late:
        await channel.expect("hello")
        await late.expect("hello")
        await channel.say("subscribe", REQUESTS, None, PLENTY)
        phone = Replica(Source(channel))
        await phone.pull()
        async with database.write() as tx:
            mine, first, second = [await upload(tx, owner) for owner in (me, other, other)]
        await phone.pull()
        async with database.write() as tx:
            album_id = await albums.create_album(tx, other, "a")
            await albums.add_assets(tx, other, album_id, [first])
            await albums.share_album(tx, other, album_id, [me.user_id], role="editor")
        await phone.pull()
        async with database.write() as tx:
            await partners.create_partner(tx, other, me.user_id)
        await phone.pull()
        async with database.write() as tx:
            await assets.update_assets(tx, other, [second], visibility="archive")
        await phone.pull()
        async with database.write() as tx:
            await albums.add_assets(tx, me, album_id, [mine])
            await albums.add_assets(tx, other, album_id, [await upload(tx, other)])
        await phone.pull()
        async with database.write() as tx:
            await partners.delete_partner(tx, other, me.user_id)
        await phone.pull()
        await late.say("subscribe", REQUESTS, [], PLENTY)
        fresh = Replica(Source(late))
        await fresh.pull()
    assert phone.dump() == fresh.dump()
    assert len(phone.dump()["asset"]) == 3


async def test_only_what_concerns_a_user_is_looked_for(alice, bob, follow, database, monkeypatch):
    """And once for all the channels of that user."""
    rounds = []
    monkeypatch.setattr(following, "stream", lambda *given: rounds.append(given) or stream(*given))
    async with follow(alice) as one, follow(alice) as two:
        assert len(rounds) == 2
        for _ in range(3):
            await new_asset(database, actor(bob))
        mine = await new_asset(database, actor(alice))
        heard = [await channel.round() for channel in (one, two)]
        assert heard[0] == heard[1]
        assert str(mine) in [line["data"].get("id") for line in heard[0]]
        assert len(rounds) == 3


async def test_it_survives_the_loss_of_its_connections(alice, follow, database):
    async with follow(alice) as channel:
        await ask_one(
            database,
            "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        await new_asset(database, actor(alice))
        assert "AssetV2" in types(await channel.round())


# Cursors


async def test_acks_are_kept_as_those_of_the_stream(alice, follow, database):
    for _ in range(2):
        await new_asset(database, actor(alice))
    async with follow(alice, "AssetsV2") as channel:
        first, last = (line["ack"] for line in channel.first if line["type"] == "AssetV2")
        await channel.say("ack", [last])
        assert await channel.expect("acked") == [1]
        await channel.say("ack", [first])  # Never backwards.
        assert await channel.expect("acked") == [2]
        await channel.say("ack", ["AssetV2|nonsense"])
        assert await channel.expect("refused") == [3, "Invalid ack: AssetV2"]
    assert (await alice.get("/api/sync/ack")).json == [{"type": "AssetV2", "ack": last}]


async def test_a_channel_goes_on_from_the_acks_of_its_session_or_from_others(
    alice, follow, database
):
    await new_asset(database, actor(alice))
    async with follow(alice, "AssetsV2") as channel:
        acks = [line["ack"] for line in channel.first]
    async with follow(alice, "AssetsV2", acks=acks) as channel:
        assert types(channel.first) == []
    async with follow(alice, "AssetsV2") as channel:
        assert types(channel.first) == ["AssetV2"]
        await channel.say("ack", acks)
        await channel.expect("acked")
    async with (
        follow(alice, "AssetsV2") as channel,
        follow(alice, "AssetsV2", acks=[]) as all_of_it,
    ):
        assert types(channel.first) == []
        assert types(all_of_it.first) == ["AssetV2"]


async def test_several_channels_of_one_session_all_hear_all(alice, follow, database):
    async with follow(alice) as one, follow(alice) as two:
        for _ in range(3):
            await new_asset(database, actor(alice))
            heard = [await channel.round() for channel in (one, two)]
            assert heard[0] == heard[1]
            for channel in (one, two):
                await channel.say("ack", [line["ack"] for line in heard[0]])
                await channel.expect("acked")


async def test_a_reset_that_was_asked_for_starts_anew_when_it_is_acked(alice, connect, database):
    await new_asset(database, actor(alice))
    session = (await alice.get("/api/sessions")).json[0]["id"]
    await alice.put(f"/api/sessions/{session}", {"isPendingSyncReset": True})
    async with connect(alice) as channel:
        await channel.expect("hello")
        await channel.say("subscribe", ["AssetsV2"], None, PLENTY)
        assert await channel.expect("reset") == []
        await channel.say("ack", ["SyncResetV1|reset"])
        assert await channel.expect("acked") == [1]
        assert types(await channel.round()) == ["AssetV2"]


async def test_a_database_that_was_put_back_resets_open_channels(alice, follow, database):
    await new_asset(database, actor(alice))
    async with follow(alice, "AssetsV2") as channel:
        async with database.write() as tx:
            await tx.execute(b"UPDATE log_head SET epoch = gen_random_uuid()")
            await tx.execute(b"NOTIFY log")
        assert await channel.expect("reset") == []
        await channel.say("ack", ["SyncResetV1|reset"])
        await channel.expect("acked")
        assert types(await channel.round()) == ["AssetV2"]


# What is not understood


@pytest.mark.parametrize(
    "frame",
    [
        ("subscribe", ["AssetsV1"], None, 1),
        ("subscribe", ["Nonsense"], None, 1),
        ("subscribe", ["AssetsV2"], ["Nonsense|1"], 1),
        ("subscribe", ["AssetsV2"], None, -1),
        ("subscribe", ["AssetsV2"]),
        ("credit", 0),
        ("auth", "again"),
        ("nonsense",),
        (),
    ],
)
async def test_a_frame_that_makes_no_sense_ends_the_channel(alice, connect, frame):
    async with connect(alice) as channel:
        await channel.expect("hello")
        await channel.say(*frame)
        code, _ = await channel.expect("error")
        assert (code, await channel.closed()) == (4400, 4400)


async def test_text_ends_the_channel(alice, connect):
    async with connect(alice) as channel:
        await channel.expect("hello")
        await channel.socket.send_str("[]")
        await channel.expect("error")
        assert await channel.closed() == 4400


async def test_to_subscribe_twice_makes_no_sense(alice, follow):
    async with follow(alice) as channel:
        await channel.say("subscribe", ["AssetsV2"], None, 1)
        assert await channel.expect("error") == [4400, "Not now: subscribe"]


async def test_when_the_server_goes_channels_are_told(alice, follow, server):
    async with follow(alice) as channel:
        closing = asyncio.create_task(server.close())
        assert await channel.closed() == 1001
        await channel.socket.close()
        await closing
