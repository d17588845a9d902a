"""A stack is seen by partners as long as its first asset is: its line names that one."""

from __future__ import annotations

from importlib import resources

import pytest

from sync.operations import assets, live_photos, partners, stacks
from tests.operations.state import differences
from tests.sync.library import ask, new_asset, sequence
from tests.sync.replica import new_replica
from tests.sync.test_sharing import act, check, sync


@pytest.fixture
async def ids(database, alice):
    return [await new_asset(database, alice) for _ in range(3)]


@pytest.fixture
async def stack_id(database, alice, bob, ids):
    async with database.write() as tx:
        await partners.create_partner(tx, alice, bob.user_id)
        stack_id = await stacks.create_stack(tx, alice, ids)
    await sequence(database)
    return stack_id


@pytest.fixture
async def phone(database, bob, stack_id):
    """It sees the stack."""
    phone = await new_replica(database, bob.user_id)
    await sync(database, phone)
    assert list(phone.dump()["stack"]) == [(str(stack_id),)]
    return phone


@pytest.fixture
def elevated(alice):
    return alice._replace(is_elevated=True)


def heard(phone) -> list[str]:
    return [type_ for type_ in phone.types() if "Stack" in type_]


@pytest.mark.parametrize("visibility", ["locked", "archive"])
async def test_it_goes_and_comes_with_its_first(
    database, elevated, ids, phone, stack_id, visibility
):
    await act(database, assets.update_assets, elevated, ids[:1], visibility=visibility)
    await sync(database, phone)
    assert heard(phone) == ["PartnerStackDeleteV1"]
    assert phone.dump()["stack"] == {}
    assert str(ids[0]) not in str(phone.heard).replace(f"'assetId': '{ids[0]}'", "")

    await act(database, assets.update_assets, elevated, ids[:1], visibility="timeline")
    await sync(database, phone)
    assert heard(phone) == ["PartnerStackV1"]
    assert phone.dump()["stack"][(str(stack_id),)]["primaryAssetId"] == str(ids[0])
    assert await differences(database) == []


async def test_its_owner_always_sees_it(database, elevated, ids, stack_id):
    phone = await new_replica(database, elevated.user_id)
    for visibility in ("timeline", "locked", "archive", "timeline"):
        await act(database, assets.update_assets, elevated, ids[:1], visibility=visibility)
        await sync(database, phone)
        assert list(phone.dump()["stack"]) == [(str(stack_id),)]


async def test_it_stays_when_another_is_locked_away(database, elevated, ids, phone):
    await act(database, assets.update_assets, elevated, ids[1:], visibility="locked")
    await sync(database, phone)
    assert heard(phone) == []


async def test_it_goes_and_comes_when_another_becomes_its_first(
    database, elevated, ids, phone, stack_id
):
    await act(database, assets.update_assets, elevated, ids[1:2], visibility="locked")
    await sync(database, phone)
    await act(database, stacks.update_stack, elevated, stack_id, ids[1])
    await sync(database, phone)
    assert heard(phone) == ["PartnerStackDeleteV1"]
    await act(database, stacks.update_stack, elevated, stack_id, ids[2])
    await sync(database, phone)
    assert heard(phone) == ["PartnerStackV1"]


async def test_it_goes_with_a_still_that_takes_its_first_along(database, elevated, bob, phone):
    """The moving part of a live photo goes where its still does: here it stands for a stack."""
    video = await new_asset(database, elevated, type="VIDEO", duration_ms=2500)
    still = await new_asset(database, elevated)
    mate = await new_asset(database, elevated)
    await act(database, stacks.create_stack, elevated, [video, mate])
    await act(database, live_photos.link_live_photo, elevated, still, video)
    await sync(database, phone)
    assert len(phone.dump()["stack"]) == 2

    await act(database, assets.update_assets, elevated, [still], visibility="locked")
    await sync(database, phone)
    assert heard(phone) == ["PartnerStackDeleteV1"]
    await act(database, assets.update_assets, elevated, [still], visibility="timeline")
    await sync(database, phone)
    assert heard(phone) == ["PartnerStackV1"]


async def test_it_goes_and_comes_when_its_first_is_linked_to_what_is_locked_and_parted(
    database, elevated, phone
):
    video = await new_asset(database, elevated, type="VIDEO", duration_ms=2500)
    mate, still = [await new_asset(database, elevated) for _ in range(2)]
    await act(database, stacks.create_stack, elevated, [video, mate])
    await sync(database, phone)
    await act(database, assets.update_assets, elevated, [still], visibility="locked")
    await act(database, live_photos.link_live_photo, elevated, still, video)
    await sync(database, phone)
    assert heard(phone) == ["PartnerStackDeleteV1"]

    await act(database, assets.update_assets, elevated, [still], visibility="timeline")
    await sync(database, phone)
    assert heard(phone) == ["PartnerStackV1"]
    await act(database, assets.update_assets, elevated, [still], visibility="archive")
    await act(
        database, live_photos.link_live_photo, elevated, still, None
    )  # as archived as the still
    await sync(database, phone)
    assert heard(phone) == ["PartnerStackDeleteV1"]
    assert len(phone.dump()["stack"]) == 1


async def test_nobody_is_told_of_a_stack_they_never_saw(database, elevated, bob, ids):
    async with database.write() as tx:
        await partners.create_partner(tx, elevated, bob.user_id)
        await assets.update_assets(tx, elevated, ids[:1], visibility="locked")
        stack_id = await stacks.create_stack(tx, elevated, ids)
    await sequence(database)
    phone = await new_replica(database, bob.user_id)
    await sync(database, phone)
    await act(database, stacks.delete_stack, elevated, stack_id)
    await sync(database, phone)
    assert heard(phone) == []


async def test_an_upgrade_takes_back_what_was_shown(database, elevated, ids, phone):
    """As the migration does it, for stacks that were projected when all reached partners."""
    await act(database, assets.update_assets, elevated, ids[:1], visibility="locked")
    await ask(database, "UPDATE state SET reach = 2 WHERE kind = 'stack' RETURNING 1 AS one")
    await phone.pull()
    await check_is_stale(database, phone)
    async with database.write() as tx:
        await tx.execute(upgrade())
    await sequence(database)
    await phone.pull()
    await check(database, phone)


async def check_is_stale(database, phone) -> None:
    with pytest.raises(AssertionError):
        await check(database, phone)


def upgrade() -> bytes:
    """What it stages; the rest of it can be done only once."""
    text = resources.files("sql").joinpath("schema/0005_generation.sql").read_text()
    return text[text.index("INSERT INTO log_staging") :].encode()
