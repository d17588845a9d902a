"""One stream: pages, acks, resets, and what holds over HTTP."""

from __future__ import annotations

import asyncio
import gzip
import json
from contextlib import aclosing
from uuid import UUID

import aiohttp
import pytest

from sql import lines
from sync import checkpoints, retention, sequencer
from sync import stream as streams
from sync.actor import Actor
from sync.errors import Invalid
from sync.feeds import FEEDS, REPLACED, REQUESTS, TYPES
from sync.operations import asset_metadata, assets, sessions, users
from sync.stream import settle, stream
from tests.sync import replica
from tests.sync.library import ask_one, new_asset, new_user, sequence
from tests.sync.oracle import truth
from tests.sync.replica import Replica, new_replica, new_session

ELSEWHERE = "3f2b8c1e-5d74-4a96-8e0b-6c1f9a2d7e53"  # another database


async def read(database, actor, acks=None, requests=("AssetsV2",)):
    """The lines of one stream; `acks` maps types to positions of this epoch, or to Acks."""
    blocks = [b async for b in stream(database, actor.user_id, requests, acks or {})]
    return [json.loads(line) for line in b"".join(blocks).splitlines()]


async def acks_of(database, session_id):
    async with database.read() as connection:
        return await checkpoints.list_acks(connection, session_id)


async def send(database, session_id, *acks):
    async with database.write() as tx:
        await checkpoints.save_acks(tx, session_id, acks)


async def epoch(database):
    return await ask_one(database, "SELECT epoch FROM log_head")


def positions(some):
    return [int(line["ack"].rpartition(".")[2]) for line in some]


async def test_every_line_acks_what_is_before_it_and_the_last_of_its_type_the_head(database, alice):
    for _ in range(3):
        await new_asset(database, alice)
    async with database.write() as tx:
        await users.set_metadata(tx, alice.user_id, "onboarding", {})
    await sequence(database)  # 1 user, 2 to 4 assets, 5 metadata

    *some, complete = await read(database, alice)
    assert positions(some) == [1, 2, 5]
    asked = retention.bits(["AssetsV2"])
    assert complete["ack"] == f"SyncCompleteV1|{await epoch(database)}.5.{asked}.0"


async def test_a_position_is_acked_only_when_all_of_it_was_sent(database, alice):
    phone = await new_replica(database, alice.user_id)
    ids = [await new_asset(database, alice) for _ in range(3)]
    await sequence(database)
    await phone.pull()
    async with database.write() as tx:
        await assets.trash_assets(tx, alice, ids)  # one entry, three assets
    await sequence(database)

    for cut in (1, 2):
        await phone.pull(cut=cut)
        assert phone.types() == ["AssetV2"] * cut
    await phone.pull()
    assert phone.types() == ["AssetV2"] * 3
    await phone.pull()
    assert phone.types() == []


@pytest.mark.parametrize("together", [1, 2, 3, 4])
@pytest.mark.parametrize("count", [1, 2, 3, 4, 6, 7])
async def test_pages_break_between_positions_only(database, alice, monkeypatch, count, together):
    """Pages of three lines; entries of one to four lines; cut after each line."""
    monkeypatch.setattr(lines, "PAGE_LINES", 3)
    for _ in range(count):
        ids = [await new_asset(database, alice) for _ in range(together)]
        async with database.write() as tx:
            await assets.trash_assets(tx, alice, ids)
    await sequence(database)
    async with database.read() as connection:
        expected = await truth(connection, alice.user_id)

    whole = await new_replica(database, alice.user_id)
    await whole.pull()
    sent = [data["id"] for type_, data, _ in whole.heard if type_ == "AssetV2"]
    assert len(sent) == len(set(sent)) == count * together
    assert whole.dump() == expected
    await whole.pull()
    assert whole.types() == []

    patient = await new_replica(database, alice.user_id)
    for cut in range(1, len(whole.heard) + count * together * 2 + 4):
        if await patient.pull(cut=cut):
            break
    await patient.pull()
    assert patient.dump() == expected
    await patient.pull()
    assert patient.types() == []


async def test_a_stream_shows_one_moment_although_it_takes_long(database, alice, monkeypatch):
    monkeypatch.setattr(lines, "PAGE_LINES", 2)
    old = [await new_asset(database, alice, bytes([n])) for n in range(6)]
    await sequence(database)
    phone = await new_replica(database, alice.user_id)
    async with aclosing(stream(database, alice.user_id, replica.REQUESTS, {})) as blocks:
        first = await anext(blocks)
        async with database.write() as tx:
            await assets.delete_assets(tx, alice, old)
        await new_asset(database, alice, bytes([0]))
        await sequence(database)
        rest = b"".join([block async for block in blocks])
    shown = [json.loads(line) for line in (first + rest).splitlines()]
    assert sorted(line["data"]["id"] for line in shown if line["type"] == "AssetV2") == sorted(
        map(str, old)
    )
    assert shown[-1]["ack"].endswith(f".7.{retention.bits(replica.REQUESTS)}.0")

    await phone.pull()
    assert len(phone.dump()["asset"]) == 1


async def test_bytes_deleted_and_uploaded_again_fit_under_the_unique_key(database, alice):
    phone = await new_replica(database, alice.user_id)
    old = await new_asset(database, alice, b"x")
    await sequence(database)
    await phone.pull()
    async with database.write() as tx:
        await assets.delete_assets(tx, alice, [old])
    new = await new_asset(database, alice, b"x")
    await sequence(database)
    await phone.pull()
    assert list(phone.dump()["asset"]) == [(str(new),)]


async def test_an_empty_stream_is_one_line_and_only_what_was_asked_for_is_sent(database, alice):
    await new_asset(database, alice)
    await sequence(database)
    kinds = {feed.type for feed in FEEDS if feed.request == "AssetExifsV1"}
    sent = await read(database, alice, requests=["AssetExifsV1"])
    assert {line["type"] for line in sent} == kinds | {"SyncCompleteV1"}
    assert [line["type"] for line in await read(database, alice, requests=[])] == ["SyncCompleteV1"]
    nothing_yet = sorted(REQUESTS - {feed.request for feed in FEEDS})
    sent = await read(database, alice, requests=nothing_yet)
    assert [line["type"] for line in sent] == ["SyncCompleteV1"]


async def test_nobody_sees_anothers_lines(database, alice, bob):
    await new_asset(database, alice)
    async with database.write() as tx:
        await users.set_metadata(tx, alice.user_id, "onboarding", {})
    await sequence(database)
    sent = await read(database, bob, requests=replica.REQUESTS)
    assert [line["type"] for line in sent] == ["AuthUserV1", "UserV1", "UserV1", "SyncCompleteV1"]
    assert sent[0]["data"]["id"] == str(bob.user_id)


async def test_a_cursor_of_another_history_starts_over(database, alice):
    phone = await new_replica(database, alice.user_id)
    await new_asset(database, alice)
    await sequence(database)
    await phone.pull()
    assert phone.wipes == 0
    async with database.read() as connection:
        await connection.execute("UPDATE log_head SET epoch = gen_random_uuid()")
    await phone.pull()
    assert (phone.wipes, phone.types()[0]) == (1, "AuthUserV1")
    await phone.pull()
    assert (phone.wipes, phone.types()) == (1, [])


async def test_a_cursor_beyond_the_head_starts_over(database, alice):
    """What a snapshot of the disk put back would leave, if nothing else told."""
    await sequence(database)
    for beyond in ("AssetV2|{}.3", "AlbumUserBackfillV1|{}.1.2.9"):
        phone = await new_replica(database, alice.user_id)
        await send(database, phone.source.session_id, beyond.format(await epoch(database)))
        await phone.pull()
        assert phone.wipes == 1


async def test_acks_never_go_back_and_the_last_of_a_request_counts(database, alice):
    session_id = await new_session(database, alice.user_id)
    await new_asset(database, alice)
    await sequence(database)
    now = await epoch(database)
    await send(database, session_id, f"AssetV2|{now}.1", f"AssetV2|{now}.2", f"UserV1|{now}.1")
    await send(database, session_id, f"AssetV2|{now}.1")
    await send(database, session_id)
    kept = await acks_of(database, session_id)
    assert {type_: ack.pos for type_, ack in kept.items()} == {"AssetV2": 2, "UserV1": 1}
    assert checkpoints.format_ack("AssetV2", kept["AssetV2"]) == f"AssetV2|{now}.2"


@pytest.mark.parametrize(
    ("ack", "message"),
    [
        ("Nonsense|1", "Invalid ack type: Nonsense"),
        ("AssetV2", "Invalid ack: AssetV2"),
        ("AssetV2|", "Invalid ack: AssetV2"),
        ("AssetV2|018f|complete", "Invalid ack: AssetV2"),
        (f"AssetV2|{ELSEWHERE}.x", "Invalid ack: AssetV2"),
        (f"AssetV2|{ELSEWHERE}.-1", "Invalid ack: AssetV2"),
        (f"AssetV2|{ELSEWHERE}.{1 << 63}", "Invalid ack: AssetV2"),
        (f"AssetV2|{ELSEWHERE}.{'9' * 5000}", "Invalid ack: AssetV2"),
        (f"AlbumUserBackfillV1|{ELSEWHERE}.1.3.2", "Invalid ack: AlbumUserBackfillV1"),
    ],
)
async def test_a_wrong_ack_is_refused_and_all_with_it(database, alice, ack, message):
    session_id = await new_session(database, alice.user_id)
    good = f"UserV1|{await epoch(database)}.0"
    with pytest.raises(Invalid, match=message.replace("|", r"\|")):
        await send(database, session_id, good, ack)
    assert await acks_of(database, session_id) == {}


async def test_an_ack_of_another_history_asks_for_a_reset(database, alice):
    phone = await new_replica(database, alice.user_id)
    await sequence(database)
    await phone.pull()
    await phone.source.ack(f"AssetV2|{ELSEWHERE}.1")
    await phone.pull()
    assert phone.wipes == 1


async def test_forgotten_types_are_sent_again_and_a_reset_sends_all(database, alice):
    phone = await new_replica(database, alice.user_id)
    await new_asset(database, alice)
    await sequence(database)
    await phone.pull()
    everything = phone.types()
    async with database.write() as tx:
        await checkpoints.delete_acks(tx, phone.source.session_id, ["AssetV2", "UserV1"])
    await phone.pull()
    assert phone.types() == ["UserV1", "AssetV2"]
    async with database.write() as tx:
        await checkpoints.delete_acks(tx, phone.source.session_id)
    await phone.pull()
    assert phone.types() == everything
    async with database.write() as tx:
        await sessions.set_pending_reset(tx, alice, phone.source.session_id, is_pending=True)
    await phone.pull()
    assert (phone.wipes, phone.types()) == (1, everything)
    await phone.pull()
    assert (phone.wipes, phone.types()) == (1, [])


async def test_who_is_too_slow_is_cut_off(database, alice, monkeypatch):
    await sequence(database)
    monkeypatch.setattr(streams, "STREAM_SECONDS_MAX", 0)
    with pytest.raises(streams.TooSlow):
        await read(database, alice, requests=["UsersV1"])


async def test_a_stream_that_is_left_holds_no_connection(database, alice, monkeypatch):
    monkeypatch.setattr(lines, "PAGE_LINES", 1)
    for _ in range(4):
        await new_asset(database, alice)
    await sequence(database)
    async with aclosing(stream(database, alice.user_id, ["AssetsV2"], {})) as blocks:
        await anext(blocks)
        await anext(blocks)
    busy = """SELECT count(*) FROM pg_stat_activity
               WHERE datname = current_database() AND state LIKE 'idle in transaction%%'"""
    assert await ask_one(database, busy) == 0


async def test_settling_waits_for_what_was_committed_and_for_nothing_else(database, alice):
    await sequence(database)
    async with database.write() as open_:
        await users.update_profile(open_, alice, name="Later")
        await asyncio.wait_for(settle(database), 1)  # not committed: not waited for
    waiting = asyncio.create_task(settle(database))
    running = asyncio.create_task(sequencer.run(database))
    await waiting
    assert await ask_one(database, "SELECT pos FROM log_head") == 2
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_without_a_sequencer_it_answers_with_what_there_is(database, alice, monkeypatch):
    monkeypatch.setattr(streams, "SETTLE_SECONDS_MAX", 0.01)
    await settle(database)
    assert await ask_one(database, "SELECT pos FROM log_head") == 0


def test_feeds_have_an_order_that_applies():
    """Deletes of children first, users last; then changes, parents first."""
    order = [feed.type for feed in FEEDS]
    assert len(FEEDS) == len({(feed.request, feed.cursor or feed.type) for feed in FEEDS})
    twice = {type_ for type_ in order if order.count(type_) > 1}
    # Of two cursors; of two requests each.
    assert twice == {"AssetDeleteV1", "AlbumDeleteV1", "AssetFaceDeleteV1"}
    assert {feed.request for feed in FEEDS} <= REQUESTS
    assert set(order) <= TYPES
    assert set(REPLACED) <= REQUESTS
    assert set(REPLACED.values()) <= REQUESTS
    changes = [feed.type for feed in FEEDS if feed.field is None]
    assert changes.index("UserV1") < changes.index("AssetV2") < changes.index("AssetExifV1")
    assert order.index("AssetDeleteV1") < order.index("AssetV2")
    assert order[-1] == "UserDeleteV1"


class Served:
    """The stream and the acks over HTTP, as the app calls them."""

    def __init__(self, http, client):
        self.http, self.client, self.encodings = http, client, []

    async def stream(self):
        url, body = f"{self.client.url}/api/sync/stream", {"types": replica.REQUESTS}
        headers = {**self.client.headers, "Accept-Encoding": "gzip"}
        async with self.http.post(url, json=body, headers=headers) as response:
            assert response.status == 200
            assert response.content_type == "application/jsonlines+json"
            self.encodings.append(response.headers.get("Content-Encoding"))
            yield gzip.decompress(await response.read())

    async def ack(self, ack):
        answer = await self.client.post("/api/sync/ack", {"acks": [ack]})
        assert answer.status == 204


async def test_over_http_and_gzip_a_phone_converges(database, alice, bob, sign_in):
    carol = await sign_in("Carol")
    actor = Actor(UUID(carol.user["id"]))
    ids = [await new_asset(database, actor) for _ in range(5)]
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        phone = Replica(Served(http, carol))
        await phone.pull()  # settles first: nothing was sequenced on purpose
        async with database.write() as tx:
            await asset_metadata.set_metadata(tx, actor, [(ids[1], "mobile-app", {})])
            await assets.delete_assets(tx, actor, ids[:1])
        await phone.pull(cut=2)
        await phone.pull()
        async with database.read() as connection:
            assert phone.dump() == await truth(connection, actor.user_id)
        await phone.pull()
        assert phone.types() == []
        assert phone.source.encodings == ["gzip"] * 4

        answer = await carol.put(
            f"/api/sessions/{await session_of(carol)}", {"isPendingSyncReset": True}
        )
        assert answer.status == 200
        await phone.pull()
    assert phone.wipes == 1
    async with database.read() as connection:
        assert phone.dump() == await truth(connection, actor.user_id)


async def session_of(client):
    return (await client.get("/api/sessions")).json[0]["id"]


async def test_a_new_user_is_shown_to_all(database, alice, bob):
    phone = await new_replica(database, bob.user_id)
    await sequence(database)
    await phone.pull()
    guest = await new_user(database, "Guest")
    await sequence(database)
    await phone.pull()
    assert phone.types() == ["UserV1"]
    async with database.write() as tx:
        await users.delete_user(tx, guest.user_id)
    await sequence(database)
    await phone.pull()
    assert phone.types() == ["UserDeleteV1"]


async def test_the_next_version_of_the_contract_is_served(database, alice):
    await sequence(database)

    user, complete = await read(database, alice, requests=["AuthUsersV2", "AssetFacesV3"])

    assert (user["type"], user["data"]["oauthId"]) == ("AuthUserV2", None)
    assert complete["type"] == "SyncCompleteV1"
