"""What is forgotten after a while, and that no device takes it for still there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from contextlib import aclosing
from datetime import timedelta
from uuid import UUID

import psycopg
import pytest

from sql import writes
from sync import checkpoints, retention, sequencer, tail
from sync.feeds import REQUESTS as EVERY_REQUEST
from sync.operations import assets, users
from sync.retention import Pruned
from sync.stream import stream
from tests.sync.library import ask, ask_one, new_asset, new_user, sequence, until
from tests.sync.replica import REQUESTS, Direct, Replica, Unremembered, new_session


class Phone(Direct):
    """As the stream endpoint serves it: also noted since when it may hold something."""

    requests: Collection[str] = REQUESTS

    async def stream(self) -> AsyncIterator[bytes]:
        async with self.database.read() as connection:
            acks = await checkpoints.list_acks(connection, self.session_id)
        async with self.database.write() as tx:
            await retention.begin_copy(tx, self.session_id, self.requests)
        if tuple(self.requests) == tuple(REQUESTS):
            blocks = super().stream()
        else:
            blocks = stream(self.database, self.user_id, self.requests, acks)
        async with aclosing(blocks):  # type: ignore[type-var]
            async for block in blocks:
                yield block


async def new_phone(database, actor) -> Replica:
    return Replica(Phone(database, actor.user_id, await new_session(database, actor.user_id)))


@pytest.fixture
def pass_days(database):
    """As if all that was noted of time were so much longer ago."""

    async def pass_days(days: int) -> None:
        async with database.write() as tx:
            await tx.execute(
                "UPDATE log_part SET began_at = began_at - %(ago)s, cut_at = cut_at - %(ago)s",
                {"ago": timedelta(days=days)},
            )

    return pass_days


@pytest.fixture
def forget(database, pass_days):
    """So many days go by, in which a cut is due, and then a night comes."""

    async def forget(days: int) -> Pruned:
        await pass_days(7)
        before = await retention.prune(database)
        await pass_days(days)
        after = await retention.prune(database)
        return Pruned(*map(sum, zip(before, after, strict=True)))

    return forget


async def delete(database, actor, *asset_ids: UUID) -> None:
    async with database.write() as tx:
        await assets.delete_assets(tx, actor, list(asset_ids))
    await sequence(database)


async def tombstones(database) -> int:
    count: int = await ask_one(database, "SELECT count(*) FROM state WHERE is_gone")
    return count


async def agrees(database, actor, phone: Replica) -> None:
    fresh = Replica(Unremembered(database, actor.user_id))
    await fresh.pull()
    assert phone.dump() == fresh.dump()


async def test_every_request_has_a_bit_of_its_own():
    assert set(retention.BITS) >= EVERY_REQUEST
    assert len(set(retention.BITS.values())) == len(retention.BITS)
    assert max(retention.BITS.values()) < 10**18, "an ack must hold it"


async def test_the_log_is_cut_and_old_parts_go_whole(database, alice, forget):
    asset_id = await new_asset(database, alice)
    await sequence(database)
    await ask(database, "DELETE FROM job RETURNING pos")
    assert (await forget(32)).parts == 1

    assert await ask_one(database, "SELECT count(*) FROM log") == 0
    async with database.write() as tx:
        await assets.trash_assets(tx, alice, [asset_id])
    assert await sequence(database) == 3
    async with database.read() as connection:
        assert [entry.pos for entry in await tail.read(connection, 0)] == [3]
    assert await ask_one(database, "SELECT tableoid::regclass::text FROM log") == "log_3"


async def test_a_part_that_a_job_needs_stays(database, alice, forget):
    await new_asset(database, alice)
    await sequence(database)
    assert (await forget(400)).parts == 0
    assert await ask_one(database, "SELECT count(*) FROM log") == 2
    await new_asset(database, alice)
    await sequence(database)
    await ask(database, "DELETE FROM job WHERE pos = 3 RETURNING pos")
    assert (await forget(400)).parts == 1  # not the older one
    assert [row["pos"] for row in await ask(database, "SELECT pos FROM log")] == [1, 2]


async def test_what_is_young_stays(database, alice, forget):
    asset_id = await new_asset(database, alice)
    await sequence(database)
    await delete(database, alice, asset_id)
    before = await tombstones(database)
    await ask(database, "DELETE FROM job RETURNING pos")
    assert await forget(30) == (0, 0, 0)
    assert await tombstones(database) == before > 0
    assert await ask_one(database, "SELECT count(*) FROM log") == 3


async def test_a_night_with_nothing_to_do_writes_nothing(database, alice, forget):
    await new_asset(database, alice)
    await sequence(database)
    await forget(100)
    transactions = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"
    before = await ask_one(database, transactions)
    assert await retention.prune(database) == (0, 0, 0)
    assert await ask_one(database, transactions) == before


async def test_whoever_reads_the_log_for_hours_is_not_waited_for(database, alice, pass_days):
    await sequence(database)
    await pass_days(8)
    async with database.snapshot() as dump:
        await dump.execute("SELECT count(*) FROM log")
        assert await retention.prune(database) == (0, 0, 0)
        await new_asset(database, alice)
        assert await sequence(database) == 2
    await retention.prune(database)
    assert await ask_one(database, "SELECT count(*) FROM log_part") == 2


async def test_a_device_in_touch_is_never_reset_though_it_was_never_sent_a_delete(
    database, alice, bob, forget
):
    """It has no cursor for deletes at all, and tombstones of others go."""
    await new_asset(database, alice)
    await sequence(database)
    phone = await new_phone(database, alice)
    await phone.pull()
    for _ in range(5):
        asset_id = await new_asset(database, bob)
        await sequence(database)
        await delete(database, bob, asset_id)
        await phone.pull()
        assert (await forget(32)).tombstones > 0
        await phone.pull()
    assert phone.wipes == 0
    await agrees(database, alice, phone)


async def test_tombstones_wait_for_a_device_that_comes_back(database, alice, forget):
    kept, gone = [await new_asset(database, alice) for _ in range(2)]
    await sequence(database)
    phone, other = await new_phone(database, alice), await new_phone(database, alice)
    await phone.pull()
    await delete(database, alice, gone)
    await other.pull()
    assert (await forget(70))[1:] == (0, 0)

    await phone.pull()
    assert phone.wipes == 0
    assert "AssetDeleteV1" in phone.types()
    await agrees(database, alice, phone)
    assert (await forget(32)).tombstones > 0
    await phone.pull()
    assert phone.wipes == 0
    assert (str(kept),) in phone.dump()["asset"]


async def test_a_device_that_stays_away_too_long_starts_anew(database, alice, forget):
    gone = await new_asset(database, alice)
    await sequence(database)
    phone, other = await new_phone(database, alice), await new_phone(database, alice)
    await phone.pull()
    await delete(database, alice, gone)
    await other.pull()
    pruned = await forget(91)
    assert pruned.sessions == 1 and pruned.tombstones > 0
    flags = "SELECT id FROM session WHERE is_pending_sync_reset"
    assert await ask(database, flags) == [{"id": phone.source.session_id}]

    await phone.pull()
    await other.pull()
    assert (phone.wipes, other.wipes) == (1, 0)
    await agrees(database, alice, phone)
    await forget(91)
    await phone.pull()
    assert phone.wipes == 1  # away again, but nothing went meanwhile


async def test_the_flag_is_not_all_that_protects(database, alice, forget):
    """Acks that were deleted, a flag that was lost: what was sent once may still be there."""
    gone = await new_asset(database, alice)
    await sequence(database)
    phone = await new_phone(database, alice)
    await phone.pull(cut=4, send=ignore)
    assert (str(gone),) in phone.dump()["asset"]
    await delete(database, alice, gone)
    await forget(91)
    await ask(database, "UPDATE session SET is_pending_sync_reset = false RETURNING 1 AS one")

    await phone.pull()
    assert phone.wipes == 1
    assert phone.dump()["asset"] == {}


async def ignore(ack: str) -> None:
    """An ack that is lost on its way."""


async def test_acks_deleted_by_type_do_not_hide_what_was_there(database, alice, forget):
    gone = await new_asset(database, alice)
    await sequence(database)
    phone = await new_phone(database, alice)
    await phone.pull()
    await delete(database, alice, gone)
    async with database.write() as tx:
        await checkpoints.delete_acks(tx, phone.source.session_id)
    await forget(91)
    await phone.pull()
    assert phone.wipes == 1
    await agrees(database, alice, phone)


async def test_a_stream_that_was_cut_off_does_not_count(database, alice, forget):
    gone = await new_asset(database, alice)
    await sequence(database)
    phone = await new_phone(database, alice)
    await phone.pull()
    await delete(database, alice, gone)
    assert not await phone.pull(cut=0)
    assert (await forget(70))[1:] == (0, 0)
    await phone.pull()
    assert phone.wipes == 0
    await agrees(database, alice, phone)


async def test_where_a_copy_began_is_noted_once(database, alice, forget):
    """Not by each stream: a later one that was cut off says nothing of what was there before."""
    gone = await new_asset(database, alice)
    await sequence(database)
    phone = await new_phone(database, alice)
    await phone.pull(cut=4, send=ignore)
    await delete(database, alice, gone)
    phone.source.requests = ["AssetsV2"]
    assert not await phone.pull(cut=0)
    phone.source.requests = REQUESTS
    assert (await forget(70))[1:] == (0, 0)
    await phone.pull()
    assert phone.wipes == 0
    await agrees(database, alice, phone)


async def test_a_type_asked_for_anew_is_no_reason_to_start_anew(database, alice, forget):
    asset_id = await new_asset(database, alice)
    await sequence(database)
    phone = await new_phone(database, alice)
    phone.source.requests = ["UsersV1"]
    await phone.pull()
    await delete(database, alice, asset_id)
    await phone.pull()
    await forget(91)
    phone.source.requests = ["UsersV1", "AssetsV2"]
    await phone.pull()
    assert phone.wipes == 0


async def test_what_one_stream_completed_says_nothing_of_another(database, alice, forget):
    asset_id = await new_asset(database, alice)
    await sequence(database)
    phone = await new_phone(database, alice)
    phone.source.requests = ["UsersV1", "AssetsV2"]
    await phone.pull()
    await delete(database, alice, asset_id)
    phone.source.requests = ["UsersV1"]
    await phone.pull()
    await forget(91)
    await phone.pull()
    assert phone.wipes == 0
    phone.source.requests = ["UsersV1", "AssetsV2"]
    await phone.pull()
    assert phone.wipes == 1
    assert phone.dump()["asset"] == {}


async def test_an_open_stream_sees_what_it_needs_while_it_is_pruned(database, alice, forget):
    first, second = [await new_asset(database, alice) for _ in range(2)]
    await sequence(database)
    phone = await new_phone(database, alice)
    await phone.pull()
    await delete(database, alice, first, second)
    async with database.read() as connection:
        acks = await checkpoints.list_acks(connection, phone.source.session_id)
    async with aclosing(stream(database, alice.user_id, REQUESTS, acks)) as blocks:
        sent = await anext(blocks)
        assert (await forget(91)).sessions == 1
        sent += b"".join([block async for block in blocks])
    assert sent.count(b"AssetDeleteV1") >= 2
    for line in sent.splitlines():  # Its acks come late.
        await phone.source.ack(line.rpartition(b'"ack":"')[2].rstrip(b'"}').decode())
    await phone.pull()
    assert phone.wipes == 1
    await agrees(database, alice, phone)


async def test_no_pass_runs_while_tombstones_go(database, alice):
    asset_id = await new_asset(database, alice)
    await sequence(database)
    async with database.write() as tx:
        await assets.trash_assets(tx, alice, [asset_id])
    async with database.session() as connection:
        async with database.write() as tx:
            await writes.retention.hold_head(tx)
            passing = asyncio.create_task(sequencer.sequence(connection))
            await until(
                lambda: ask_one(database, "SELECT count(*) FROM pg_locks WHERE NOT granted")
            )
            assert not passing.done()
        assert await passing == 3


async def test_a_key_that_comes_back_after_its_tombstone_went_is_new(database, alice, forget):
    phone = await new_phone(database, alice)
    for _ in range(3):
        async with database.write() as tx:
            await users.set_metadata(tx, alice.user_id, "onboarding", {})
        await sequence(database)
        await phone.pull()
        async with database.write() as tx:
            await users.delete_metadata(tx, alice.user_id, "onboarding")
        await sequence(database)
        await phone.pull()
        assert (await forget(32)).tombstones == 1
        await agrees(database, alice, phone)
    assert phone.wipes == 0


async def test_many_tombstones_go_in_bounded_steps(database, forget, monkeypatch):
    monkeypatch.setattr(retention, "TOMBSTONES_MAX", 3)
    actor = await new_user(database)
    ids = [await new_asset(database, actor) for _ in range(7)]
    await sequence(database)
    await delete(database, actor, *ids)
    before = await tombstones(database)
    assert (await forget(32)).tombstones == before
    assert await tombstones(database) == 0


async def test_the_schema_lets_no_position_be_without_a_part(database, dsn):
    with psycopg.connect(dsn) as connection:
        connection.execute(
            "INSERT INTO log VALUES (9007199254740993, now(), 'x', %(id)s, '{}', '{}', '')",
            {"id": UUID(int=0)},
        )


async def test_as_long_as_nothing_is_old_nothing_goes(database, alice):
    phone = await new_phone(database, alice)
    asset_id = await new_asset(database, alice)
    await sequence(database)
    await phone.pull()
    await delete(database, alice, asset_id)

    assert await retention.prune(database) == Pruned(0, 0, 0)
    assert await ask_one(database, "SELECT pos FROM log_floor") == 0
    assert await tombstones(database) > 0
