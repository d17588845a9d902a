"""How often people are seen is kept right, whatever happens to pictures and faces at once."""

from __future__ import annotations

import asyncio
import contextlib
import random

import pytest

from sync.errors import Invalid
from sync.operations import assets, people
from sync.operations.people import Box
from tests.operations.state import differences
from tests.sync.library import ask, new_asset, sequence

VISIBILITIES = ("timeline", "archive", "hidden", "locked")


def a_box(chance):
    x = chance.randint(0, 80)
    return Box(100, 100, x, x, x + 20, x + 20)


async def draw(tx, actor, some, who, chance):
    await people.create_face(tx, actor, some[0], who[0], a_box(chance))


async def find(tx, actor, some, who, chance):
    await people.record_faces(tx, some[0], [a_box(chance) for _ in range(chance.randint(0, 3))])


async def give(tx, actor, some, who, chance):
    await people.reassign_faces(tx, actor, who[0], [(asset, who[1]) for asset in some])


async def deny(tx, actor, some, who, chance):
    (face,) = await _faces(tx, some[0])
    await people.delete_face(tx, actor, face, force=chance.random() < 0.5)


async def merge(tx, actor, some, who, chance):
    await people.hand_over_faces(tx, actor, who[1:3], who[0])
    await people.merge_people(tx, actor, who[0], who[1:3])
    await people.create_person(tx, actor)


async def part(tx, actor, some, who, chance):
    await people.delete_people(tx, actor, who[:1])
    await people.create_person(tx, actor)


async def move(tx, actor, some, who, chance):
    await assets.update_assets(tx, actor, some, visibility=chance.choice(VISIBILITIES))


async def trash(tx, actor, some, who, chance):
    await assets.trash_assets(tx, actor, some)


async def restore(tx, actor, some, who, chance):
    await assets.restore_assets(tx, actor, some)


async def delete(tx, actor, some, who, chance):
    await assets.delete_assets(tx, actor, some[:1])


async def add_up(tx, actor, some, who, chance):
    await tx.execute("SELECT merge_person_counts(%s)", [actor.user_id])


STEPS = (
    draw,
    draw,
    draw,
    find,
    give,
    deny,
    merge,
    part,
    move,
    move,
    trash,
    restore,
    delete,
    add_up,
)


async def _faces(tx, asset_id):
    query = "SELECT id FROM asset_face WHERE asset_id = %s ORDER BY id LIMIT 1"
    rows = await (await tx.execute(query, [asset_id])).fetchall()
    if not rows:
        raise Invalid("Nobody is there")
    return [row["id"] for row in rows]


async def take(database, actor, step, chance):
    """One step, with some pictures and some people."""
    some, who = [
        [row["id"] for row in await ask(database, f"SELECT id FROM {table} ORDER BY created_at")]
        for table in ("asset", "person")
    ]
    chance.shuffle(some)
    chance.shuffle(who)
    with contextlib.suppress(Invalid):
        async with database.write() as tx:
            await step(tx, actor, some[:3], who, chance)


@pytest.mark.parametrize("seed", range(4))
async def test_what_is_kept_is_what_there_is(database, alice, seed):
    alice = alice._replace(is_elevated=True)
    chance = random.Random(seed)
    for _ in range(12):
        await new_asset(database, alice)
    for n in range(5):
        async with database.write() as tx:
            await people.create_person(tx, alice, name=str(n))
    for _ in range(10):
        steps = [(chance.choice(STEPS), random.Random(chance.random())) for _ in range(6)]
        await asyncio.gather(*(take(database, alice, *step) for step in steps))
        await sequence(database)
        assert await differences(database) == []
