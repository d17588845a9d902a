"""What is kept of each month is what there is, whatever happens to it and whatever else happens."""

from __future__ import annotations

import asyncio
import contextlib
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from sql import Database
from sql.migrate import LEDGER, migrate
from sync.errors import Invalid
from sync.operations import assets, stacks
from tests.operations.state import miscounted
from tests.sync.library import an_upload, ask, new_asset, new_user

MOMENTS = [datetime(2024, 1, 31, 23, 59, tzinfo=UTC) + timedelta(days=30 * n) for n in range(4)]
VISIBILITIES = ("timeline", "archive", "hidden", "locked")
SCHEMA = sorted(
    Path(__file__).parents[2].joinpath("sql/schema").glob("*.sql"), key=lambda file: file.name
)
BEFORE = b"""
    INSERT INTO "user" (email, name) VALUES ('a', 'A');
    INSERT INTO asset (id, owner_id, type, original_key, original_file_name, checksum, file_bytes,
                       file_created_at, file_modified_at, local_date_time, is_favorite, deleted_at)
    SELECT gen_random_uuid(), "user".id, 'IMAGE', '', '', sha256(n::text::bytea), 1, now(), now(),
           now() - n * interval '9 days', n % 2 = 0, CASE WHEN n % 3 = 0 THEN now() END
      FROM "user", generate_series(1, 10) AS n;
    INSERT INTO stack (owner_id, primary_asset_id) SELECT owner_id, id FROM asset LIMIT 1;
    UPDATE asset SET stack_id = stack.id FROM stack
     WHERE asset.id = primary_asset_id OR asset.id IN (
           SELECT id FROM asset WHERE id <> (SELECT primary_asset_id FROM stack) LIMIT 2)"""
MERGE = b'SELECT merge_timeline_counts(id) FROM "user"'


@pytest.fixture
def empty(postgres):
    """The DSN of a database that nothing was done to."""
    name = f"heliograph_{uuid4().hex[:12]}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template0")
        yield make_conninfo(postgres, dbname=name)
        connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Undone(Exception):
    """Ends a transaction that was to leave nothing."""


async def upload(tx, actor, some, chance):
    upload = an_upload(
        type=chance.choice(("IMAGE", "VIDEO")),
        file_created_at=chance.choice(MOMENTS),
        visibility=chance.choice(VISIBILITIES),
        is_favorite=chance.random() < 0.3,
    )
    await assets.record_upload(tx, actor.user_id, upload)


async def trash(tx, actor, some, chance):
    await assets.trash_assets(tx, actor, some)


async def restore(tx, actor, some, chance):
    await assets.restore_assets(tx, actor, some)


async def delete(tx, actor, some, chance):
    await assets.delete_assets(tx, actor, some)


async def change(tx, actor, some, chance):
    fields = {
        "is_favorite": chance.random() < 0.5,
        "visibility": chance.choice(VISIBILITIES),
        "taken_at": chance.choice(MOMENTS),
        "shift": timedelta(days=chance.choice((-31, 1, 31))),
        "time_zone": chance.choice(("Pacific/Kiritimati", "Pacific/Pago_Pago")),
        "exif": {"description": "a"},
    }
    kinds = chance.sample(sorted(fields), 2)
    await assets.update_assets(tx, actor, some, **{kind: fields[kind] for kind in kinds})


async def stack(tx, actor, some, chance):
    await stacks.create_stack(tx, actor, some)


async def lead(tx, actor, some, chance):
    (row,) = await _stacks_of(tx, some[:1])
    await stacks.update_stack(tx, actor, row["stack_id"], chance.choice(row["members"]))


async def leave(tx, actor, some, chance):
    (row,) = await _stacks_of(tx, some[:1])
    member = chance.choice(row["members"])
    await stacks.remove_asset_from_stack(tx, actor, row["stack_id"], member)


async def unstack(tx, actor, some, chance):
    (row,) = await _stacks_of(tx, some[:1])
    await stacks.delete_stack(tx, actor, row["stack_id"])


async def merge(tx, actor, some, chance):
    await tx.execute(MERGE)


async def undo(tx, actor, some, chance):
    await change(tx, actor, some, chance)
    await upload(tx, actor, some, chance)
    await tx.execute(MERGE)
    raise Undone


async def _stacks_of(tx, ids):
    found = await ask_in(
        tx,
        "SELECT stack_id, array_agg(id ORDER BY id) AS members FROM asset WHERE stack_id ="
        " (SELECT stack_id FROM asset WHERE id = ANY(%s)) GROUP BY stack_id",
        ids,
    )
    if not found:
        raise Undone
    return found


async def ask_in(tx, query, *values):
    return await (await tx.execute(query.encode(), values)).fetchall()


STEPS = (
    upload, trash, restore, delete, change, change, stack, stack, lead, lead, leave, unstack,
    merge, undo,
)  # fmt: skip
# Each is a round: what is done in it is done at once.
ROUNDS = st.lists(
    st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 2**32)), min_size=1, max_size=5),
    min_size=1,
    max_size=8,
)


async def take(database, actor, step, seed):
    """One step of one user's, with some of what is theirs."""
    chance = random.Random(seed)
    owned = await ask(
        database, "SELECT id FROM asset WHERE owner_id = %s ORDER BY original_key", actor.user_id
    )
    some = [row["id"] for row in owned]
    chance.shuffle(some)
    if not some:
        return
    with contextlib.suppress(Invalid, Undone):
        async with database.write() as tx:
            await step(tx, actor, some[: chance.randint(2, 4)], chance)


async def hold(database, rounds):
    alice, bob = [await new_user(database, name) for name in ("Alice", "Bob")]
    alice, bob = alice._replace(is_elevated=True), bob._replace(is_elevated=True)
    for n in range(8):
        await new_asset(
            database, (alice, bob)[n % 4 == 0], file_created_at=MOMENTS[n % 4],
            type=("IMAGE", "VIDEO")[n % 2],
        )  # fmt: skip
    for steps in rounds:
        await asyncio.gather(
            *(take(database, bob if seed % 5 == 0 else alice, step, seed) for step, seed in steps)
        )
        assert await miscounted(database) == []


@settings(
    max_examples=25,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],  # What is done at once does not shrink.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(rounds=ROUNDS)
def test_counts_are_what_there_is(dsn, rounds):
    async def run():
        async with Database(dsn) as database:
            await hold(database, rounds)

    asyncio.run(run())


async def test_what_was_there_before_it_was_counted_is_counted(empty):
    known = [file for file in SCHEMA if file.name < "0008"]
    with psycopg.connect(empty) as connection:
        connection.execute(LEDGER)
        for file in known:
            connection.execute(file.read_text().encode())
            connection.execute("INSERT INTO migration (name) VALUES (%s)", [file.name])
        connection.execute(BEFORE)
    migrate(empty)

    async with Database(empty) as database:
        assert await miscounted(database) == []
        (row,) = await ask(
            database,
            "SELECT count(*) FILTER (WHERE is_covered) AS covered,"
            " (SELECT sum(amount) FROM timeline_count) AS counted FROM asset",
        )
    assert row == {"covered": 2, "counted": 2 * 10}
