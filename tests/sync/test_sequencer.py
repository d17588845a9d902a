"""What one pass does, who may do it, and when history begins anew."""

from __future__ import annotations

import asyncio

import pytest

from sql import Database, Disconnected, writes
from sync import log, sequencer, tail
from sync.operations import asset_metadata, assets, users
from sync.topics import FILE_REMOVAL, METADATA
from tests.sync.library import an_upload, ask, ask_one, new_asset, new_user, sequence, until
from tests.sync.replica import new_replica


async def test_a_pass_numbers_in_the_order_of_staging_without_a_gap(database, alice):
    async with database.write() as late:
        await users.set_metadata(late, alice.user_id, "onboarding", {})  # staged first
        await users.update_profile(late, alice, name="A")
        bob = await new_user(database)
        assert await sequence(database) == 2  # both users; the open transaction is not seen
    await new_asset(database, bob)
    assert await sequence(database) == 5

    rows = await ask(database, "SELECT pos, topic FROM log ORDER BY pos")
    assert [row["pos"] for row in rows] == [1, 2, 3, 4, 5]
    assert [row["topic"] for row in rows][2:] == [
        "user_metadata.changed",
        "user.updated",
        "asset.uploaded",
    ]


async def test_what_was_rolled_back_never_happened(database, alice):
    await sequence(database)
    with pytest.raises(ZeroDivisionError):
        async with database.write() as tx:
            await users.update_profile(tx, alice, name="Eve")
            raise ZeroDivisionError
    assert await sequence(database) is None
    assert await ask_one(database, "SELECT count(*) FROM log") == 1


async def test_an_idle_pass_writes_nothing(database, alice):
    async with database.session() as connection:
        assert await sequencer.sequence(connection) == 1
        async with connection.transaction():
            assert await sequencer.sequence(connection) is None
            cursor = await connection.execute("SELECT pg_current_xact_id_if_assigned() AS xid")
            assert (await cursor.fetchone())["xid"] is None


async def test_a_pass_shows_one_moment(database, alice):
    """What commits while a pass runs is neither numbered nor shown by it."""

    async def shown_name():
        return await ask_one(
            database, "SELECT data::json ->> 'name' FROM state WHERE kind = 'user'"
        )

    async with database.session() as connection, database.read() as other:
        async with other.transaction():
            await other.execute("LOCK TABLE state")
            passing = asyncio.create_task(sequencer.sequence(connection))
            await waits(database, "INSERT INTO state")
            async with database.write() as tx:
                await users.update_profile(tx, alice, name="Second")
        assert await passing == 1
        assert await shown_name() == "Alice"
        assert await sequencer.sequence(connection) == 2
        assert await shown_name() == "Second"


async def test_two_who_sequence_at_once_do_not_number_twice(database, alice):
    """Only one leads; but if a lock were lost, the database still refuses the second."""
    async with database.session() as first, database.session() as second:
        async with first.transaction():
            assert await sequencer.sequence(first) == 1
            passing = asyncio.create_task(sequencer.sequence(second))
            await waits(database, "DELETE FROM log_staging")
        with pytest.raises(Disconnected):
            await passing
        assert await sequencer.sequence(second) is None
    assert await ask_one(database, "SELECT count(*) FROM log") == 1


async def test_a_pass_that_fails_leaves_no_trace(database, alice):
    await new_asset(database, alice)
    async with database.read() as connection:
        await connection.execute("ALTER TABLE job ADD CONSTRAINT shut CHECK (queue <> 'metadata')")
    with pytest.raises(Exception, match="shut"):
        await sequence(database)
    assert await ask_one(database, "SELECT pos FROM log_head") == 0
    assert await ask_one(database, "SELECT count(*) FROM log_staging") == 2
    assert await ask_one(database, "SELECT count(*) FROM state") == 0

    async with database.read() as connection:
        await connection.execute("ALTER TABLE job DROP CONSTRAINT shut")
    assert await sequence(database) == 2


async def test_state_stands_at_the_last_entry_that_touched_it(database, alice):
    asset_id = await new_asset(database, alice)
    async with database.write() as tx:
        await assets.trash_assets(tx, alice, [asset_id])
        await assets.restore_assets(tx, alice, [asset_id])
    assert await sequence(database) == 4

    rows = await ask(database, "SELECT kind, pos, key FROM state WHERE scope = %s", alice.user_id)
    assert {row["kind"]: row["pos"] for row in rows} == {
        "asset": 4,
        "asset_exif": 2,
        "auth_user": 2,
    }


async def test_what_came_and_went_between_two_passes_leaves_nothing(database, alice):
    """Nothing in the database tells any more what its delete line would have to say."""
    asset_id = await new_asset(database, alice)
    await sequence(database)
    phone = await new_replica(database, alice.user_id)
    await phone.pull()
    async with database.write() as tx:
        await asset_metadata.set_metadata(tx, alice, [(asset_id, "mobile-app", {})])
        await users.set_metadata(tx, alice.user_id, "onboarding", {})
    async with database.write() as tx:
        await asset_metadata.delete_metadata(tx, alice, [(asset_id, "mobile-app")])
        await users.delete_metadata(tx, alice.user_id, "onboarding")
    await sequence(database)

    await phone.pull()
    assert phone.types() == []
    assert await ask_one(database, "SELECT count(*) FROM state WHERE is_gone") == 0


async def test_a_word_that_comes_back_has_its_old_key(database, alice):
    for _ in range(2):
        async with database.write() as tx:
            await users.set_metadata(tx, alice.user_id, "onboarding", {})
        await sequence(database)
        async with database.write() as tx:
            await users.delete_metadata(tx, alice.user_id, "onboarding")
        await sequence(database)
    (row,) = await ask(database, "SELECT data, gone FROM state WHERE kind = 'user_metadata'")
    assert row["data"] is None
    assert '"key":"onboarding"' in row["gone"]


async def test_jobs_are_for_each_entity_or_for_the_entry(database, alice):
    first, second = [await new_asset(database, alice) for _ in range(2)]
    await sequence(database)
    async with database.write() as tx:
        await assets.delete_assets(tx, alice, [first, second])
    await sequence(database)

    rows = await ask(database, "SELECT queue, pos, entity_id FROM job ORDER BY pos")
    assert [tuple(row.values()) for row in rows] == [
        (METADATA.name, 2, first),
        (METADATA.name, 3, second),
        (FILE_REMOVAL.name, 4, alice.user_id),
    ]


async def test_a_pass_announces_the_head_and_the_queues(database, alice):
    async with database.listen("log") as heads, database.listen("job") as queues:
        await new_asset(database, alice)
        await sequence(database)
        assert [n.payload async for n in heads.notifies(timeout=5, stop_after=1)] == ["2"]
        assert [n.payload async for n in queues.notifies(timeout=5, stop_after=1)] == ["metadata"]


async def test_a_loop_sequences_what_others_commit_and_another_takes_its_place(dsn, database):
    async with Database(dsn) as beside:
        first = asyncio.create_task(sequencer.run(database))
        await leads(database)
        second = asyncio.create_task(sequencer.run(beside))
        follower = tail.follow(database, after=0)
        await new_user(beside)  # its own sequencer only stands by, and passes it on
        assert len(await asyncio.wait_for(anext(follower), 5)) == 1

        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        await new_user(database)
        assert len(await asyncio.wait_for(anext(follower), 5)) == 1
        second.cancel()
        await asyncio.gather(second, return_exceptions=True)
        await follower.aclose()


# The session that holds the lock, and the one that hears the pokes.
VICTIMS = {
    "leading": "pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1)",
    "hearing": "query = 'LISTEN staged'",
}


@pytest.mark.parametrize("victim", VICTIMS)
async def test_a_lost_connection_of_the_leader_is_made_anew(database, sequencing, victim):
    before = await leads(database)
    await ask(
        database,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        f" WHERE datname = current_database() AND {VICTIMS[victim]}",
    )
    await until(lambda: leads(database), is_met=lambda leader: leader != before)
    follower = tail.follow(database, after=0)
    await new_user(database)
    assert len(await asyncio.wait_for(anext(follower), 10)) == 1
    await follower.aclose()


async def test_a_pass_that_cannot_be_done_is_tried_until_it_can(
    database, alice, sequencing, monkeypatch, caplog
):
    monkeypatch.setattr(sequencer, "RETRY_SECONDS", 0.01)
    async with database.read() as connection:
        await connection.execute("ALTER TABLE job ADD CONSTRAINT shut CHECK (queue <> 'metadata')")
    await new_asset(database, alice)

    async def has_failed_twice():
        return caplog.text.count("could not do a pass") > 1

    await until(has_failed_twice)
    assert await ask_one(database, "SELECT count(*) FROM job") == 0
    async with database.read() as connection:
        await connection.execute("ALTER TABLE job DROP CONSTRAINT shut")
    assert await until(lambda: ask_one(database, "SELECT count(*) FROM job")) == 1


async def test_a_restored_database_begins_a_new_epoch_once(database):
    async def epoch():
        return await ask_one(database, "SELECT epoch FROM log_head")

    made = await epoch()
    async with database.session() as connection:
        assert await writes.sequencer.renew_epoch(connection) == 1  # this history begins here
        begun = await epoch()
        assert begun != made
        assert await writes.sequencer.renew_epoch(connection) == 0
        await connection.execute("CREATE TABLE old AS TABLE log_head; DROP TABLE log_head")
        await connection.execute("ALTER TABLE old RENAME TO log_head")  # as a dump comes back
        assert await writes.sequencer.renew_epoch(connection) == 1
    assert await epoch() != begun


async def test_a_long_entry_is_split_so_that_no_position_is_long(database, alice):
    many = [an_upload() for _ in range(log.IDS_MAX + 1)]
    async with database.write() as tx:
        await log.stage(tx, "asset.updated", alice.user_id, [one.asset_id for one in many])
        await log.stage(tx, "asset.updated", alice.user_id, [])
    await sequence(database)
    rows = await ask(database, "SELECT cardinality(entity_ids) AS ids FROM log ORDER BY pos")
    assert [row["ids"] for row in rows] == [1, log.IDS_MAX, 1]


async def waits(database, statement: str) -> None:
    """Return when that statement hangs on a lock."""
    query = """SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                  AND query LIKE '%%' || %s || '%%'"""
    await until(lambda: ask_one(database, query, statement))


async def leads(database) -> int:
    """The backend that leads, as soon as one does and hears."""
    query = """SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = database
                WHERE locktype = 'advisory' AND granted AND datname = current_database()
                  AND EXISTS (SELECT 1 FROM pg_stat_activity AS other
                               WHERE other.datname = pg_database.datname
                                 AND other.query = 'LISTEN staged')"""
    return (await until(lambda: ask(database, query)))[0]["pid"]
