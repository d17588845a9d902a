"""Acks that arrive after what they tell of was forgotten count for nothing, and harm nobody."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest

from sync import checkpoints, doctor
from sync.actor import Actor
from sync.operations import assets
from tests.fix_phones import OverHttp
from tests.sync.library import ask_one, new_asset, until
from tests.sync.oracle import truth
from tests.sync.replica import Replica


@pytest.fixture
async def carol(sign_in):
    return await sign_in("Carol")


@pytest.fixture
async def actor(carol):
    return Actor(UUID(carol.user["id"]))


@pytest.fixture
async def phone(database, carol, actor):
    """It holds some assets, and all acks of its first stream are on their way: `phone.late`."""
    for _ in range(3):
        await new_asset(database, actor)
    phone = Replica(OverHttp(carol))
    phone.late = await pull_without_acks(phone)
    return phone


async def pull_without_acks(phone) -> list[str]:
    acks: list[str] = []

    async def keep(ack: str) -> None:
        acks.append(ack)

    await phone.pull(send=keep)
    assert any(ack.startswith("AssetV2|") for ack in acks)
    return acks


async def arrive(phone, acks) -> None:
    for ack in acks:
        await phone.source.ack(ack)


async def acks_of(client) -> dict[str, str]:
    return {row["type"]: row["ack"] for row in (await client.get("/api/sync/ack")).json}


async def session_of(client) -> UUID:
    return UUID((await client.get("/api/sessions")).json[0]["id"])


async def converges(database, actor, phone) -> None:
    """It gets all there is, and then knows that it has it."""
    await phone.pull()
    async with database.read() as connection:
        expected = await truth(connection, actor.user_id)
    assert expected["asset"]
    assert phone.dump() == expected
    await phone.pull()
    assert phone.types() == []


# How a device is told to start anew.


async def by_its_owner(database, client) -> None:
    path = f"/api/sessions/{await session_of(client)}"
    assert (await client.put(path, {"isPendingSyncReset": True})).status == 200


async def by_the_doctor(database, client) -> None:
    async with database.write() as tx:
        await doctor.start_anew(tx, await session_of(client))


async def by_a_foreign_ack(database, client) -> None:
    answer = await client.post("/api/sync/ack", {"acks": [f"AssetV2|{uuid4()}.1"]})
    assert answer.status == 204


TOLD = [by_its_owner, by_the_doctor, by_a_foreign_ack]


@pytest.mark.parametrize("told", TOLD)
async def test_acks_that_arrive_after_the_reset_is_acked(database, carol, actor, phone, told):
    await told(database, carol)

    async def send(ack: str) -> None:
        await phone.source.ack(ack)
        if ack.startswith("SyncResetV1"):
            await arrive(phone, phone.late)
            assert await acks_of(carol) == {}

    await phone.pull(send=send)
    assert phone.wipes == 1
    await arrive(phone, phone.late)
    await converges(database, actor, phone)
    assert phone.wipes == 1


@pytest.mark.parametrize("told", TOLD)
async def test_acks_that_arrive_before_the_reset_is_acked(database, carol, actor, phone, told):
    await told(database, carol)
    await arrive(phone, phone.late)
    await converges(database, actor, phone)
    assert phone.wipes == 1


async def test_acks_of_two_copies_ago(database, carol, actor, phone):
    late = phone.late
    for wipes in (1, 2):
        await by_its_owner(database, carol)
        await phone.pull()
        assert phone.wipes == wipes
        acks = await acks_of(carol)
        await arrive(phone, late)
        assert await acks_of(carol) == acks
        late = [*acks.values(), *late]
    await converges(database, actor, phone)
    assert phone.wipes == 2


@pytest.mark.parametrize("is_first", [True, False])
async def test_a_copy_thrown_away_by_the_device_itself(database, carol, actor, phone, is_first):
    """It forgets its database, and has all its acks deleted."""
    if is_first:
        await arrive(phone, phone.late)
    assert (await carol.delete("/api/sync/ack", {})).status == 204
    await arrive(phone, phone.late)
    assert await acks_of(carol) == {}
    await converges(database, actor, Replica(OverHttp(carol)))


async def test_a_stream_that_resets_by_itself(database, carol, actor, phone):
    again = Replica(OverHttp(carol))
    answer = await carol.post("/api/sync/stream", {"types": ["UsersV1"], "reset": True})
    assert answer.status == 200
    await arrive(phone, phone.late)
    assert await acks_of(carol) == {}
    await converges(database, actor, again)


@pytest.mark.parametrize("is_first", [True, False])
async def test_types_that_are_asked_for_once_more(database, carol, actor, phone, is_first):
    """Late acks bring none of them back; what other types had acked stays."""
    if is_first:
        await arrive(phone, phone.late)
    before = await acks_of(carol)
    types = ["AssetV2", "AssetExifV1"]
    assert (await carol.delete("/api/sync/ack", {"types": types})).status == 204
    await arrive(phone, phone.late)
    kept = await acks_of(carol)
    assert set(kept) == set(before) - set(types)

    await phone.pull()
    assert phone.types().count("AssetV2") == phone.types().count("AssetExifV1") == 3
    assert ("UserV1" in phone.types()) is not is_first
    await converges(database, actor, phone)
    assert phone.wipes == 0


async def test_a_kind_that_the_doctor_repairs(database, carol, phone):
    await arrive(phone, phone.late)
    async with database.write() as tx:
        await doctor.repair(tx, await session_of(carol), "AssetsV2")
    await arrive(phone, phone.late)
    await phone.pull()
    assert phone.types() == ["AssetV2"] * 3


async def test_a_stream_that_was_open_when_the_copy_was_reset(database, carol, actor, phone):
    """What it sent may be in the copy or not, so nothing of it counts; the other stream's does."""
    await by_its_owner(database, carol)
    await carol.post("/api/sync/ack", {"acks": ["SyncResetV1|reset"]})
    other = Replica(OverHttp(carol))
    newer = await pull_without_acks(other)
    await arrive(phone, phone.late)
    assert await acks_of(carol) == {}
    await arrive(other, newer)
    acks = await acks_of(carol)
    await arrive(phone, phone.late)
    assert await acks_of(carol) == acks
    await converges(database, actor, other)
    assert phone.wipes == 0


async def test_an_ack_that_is_being_saved_when_the_copy_is_forgotten(database, carol, phone):
    """Who forgets waits for it, and forgets it too."""
    session_id = await session_of(carol)
    async with database.write() as tx:
        await checkpoints.save_acks(tx, session_id, phone.late)
        deleting = asyncio.create_task(carol.delete("/api/sync/ack", {}))
        await waits(database)
    assert (await deleting).status == 204
    assert await acks_of(carol) == {}


async def test_an_ack_that_comes_while_the_copy_is_being_forgotten(database, carol, phone):
    session_id = await session_of(carol)
    async with database.write() as tx:
        await checkpoints.reset(tx, session_id)
        arriving = asyncio.create_task(arrive(phone, phone.late[:1]))
        await waits(database)
    await arriving
    assert await acks_of(carol) == {}


async def waits(database) -> None:
    """Return when somebody waits for another's transaction."""
    query = """SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event = 'transactionid'"""
    await until(lambda: ask_one(database, query))


async def test_a_session_that_never_started_anew_acks_as_ever(database, carol, actor, phone):
    """So acks that phones were given by an older server hold."""
    epoch = await ask_one(database, "SELECT epoch FROM log_head")
    head = await ask_one(database, "SELECT pos FROM log_head")
    assert f"AssetV2|{epoch}.{head}" in phone.late
    await arrive(phone, phone.late)
    await phone.pull()
    assert (phone.types(), phone.wipes) == ([], 0)


@pytest.mark.parametrize("place", ["{}:1.1", "{}:999999999.1"])
async def test_an_ack_of_a_copy_that_never_was_leads_to_a_reset(
    database, carol, actor, phone, place
):
    """As one would be that comes from what a restored database does not know."""
    epoch = await ask_one(database, "SELECT epoch FROM log_head")
    await arrive(phone, [f"AssetV2|{place.format(epoch)}"])
    await converges(database, actor, phone)
    assert phone.wipes == 1


@pytest.mark.parametrize("place", ["{}:.1", "{}:0.1", "{}:-1.1", "{}:1x.1", "{}:1", "{}:1:1.1"])
async def test_a_generation_that_makes_no_sense_is_refused(database, carol, phone, place):
    epoch = await ask_one(database, "SELECT epoch FROM log_head")
    answer = await carol.post("/api/sync/ack", {"acks": [f"AssetV2|{place.format(epoch)}"]})
    assert answer.status == 400
    assert answer.json["message"] == "Invalid ack: AssetV2"


# The live channel


async def test_a_channel_that_was_open_when_the_copy_was_reset(database, carol, actor, follow):
    for _ in range(2):
        await new_asset(database, actor)
    async with follow(carol) as old:
        await by_its_owner(database, carol)
        await carol.post("/api/sync/ack", {"acks": ["SyncResetV1|reset"]})
        await old.say("ack", [line["ack"] for line in old.first])
        assert await old.expect("acked") == [1]
        assert await acks_of(carol) == {}
        async with follow(carol) as new:
            assert [line["type"] for line in new.first] == [line["type"] for line in old.first]
            await new.say("ack", [line["ack"] for line in new.first])
            assert await new.expect("acked") == [1]
            kept = await acks_of(carol)
            assert kept.keys() == {line["type"] for line in new.first}

            await new_asset(database, actor)
            line, _ = (await old.round())[0], await new.round()
            await old.say("ack", [line["ack"]])
            assert await old.expect("acked") == [2]
            assert await acks_of(carol) == kept


async def test_a_channel_that_was_reset_goes_on_in_the_new_generation(
    database, carol, actor, connect, follow
):
    await new_asset(database, actor)
    async with follow(carol) as channel:
        late = [line["ack"] for line in channel.first]
    await by_its_owner(database, carol)
    async with connect(carol) as channel:
        await channel.expect("hello")
        await channel.say("subscribe", ["AssetsV2", "UsersV1"], None, 1 << 20)
        assert await channel.expect("reset") == []
        await channel.say("ack", ["SyncResetV1|reset"])
        assert await channel.expect("acked") == [1]
        lines = await channel.round()
        await channel.say("ack", late)
        assert await channel.expect("acked") == [2]
        assert await acks_of(carol) == {}
        await channel.say("ack", [line["ack"] for line in lines])
        assert await channel.expect("acked") == [3]
    assert set(await acks_of(carol)) == {line["type"] for line in lines}


async def test_who_tells_from_where_to_start_is_believed(database, carol, actor, follow, connect):
    """These are not late: they say what the client has now."""
    asset_id = await new_asset(database, actor)
    async with follow(carol) as channel:
        own = {line["ack"].partition("|")[0]: line["ack"] for line in channel.first}
    assert (await carol.delete("/api/sync/ack", {})).status == 204
    async with database.write() as tx:
        await assets.trash_assets(tx, actor, [asset_id])
    async with follow(carol, acks=list(own.values())) as channel:
        assert [line["type"] for line in channel.first] == ["AssetV2", "SyncCompleteV1"]
        await channel.say("ack", [line["ack"] for line in channel.first])
        assert await channel.expect("acked") == [1]
    assert set(await acks_of(carol)) == {"AssetV2", "SyncCompleteV1"}
