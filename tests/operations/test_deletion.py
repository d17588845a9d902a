"""What goes with an asset, and with a user: all of it, from the rows and from the state."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from sync.errors import Invalid, Refused
from sync.operations import (
    albums,
    asset_metadata,
    assets,
    edits,
    findings,
    memories,
    partners,
    people,
    sessions,
    stacks,
    users,
)
from sync.operations.edits import Edit
from sync.operations.findings import Text
from sync.operations.people import Box
from tests.sync.library import ask, ask_one, new_asset, sequence

BOX = Box(100, 100, 10, 10, 20, 20)
TEXT = Text("exit", (0.1, 0.2, 0.3, 0.2, 0.3, 0.4, 0.1, 0.4), 0.9, 0.8)
MENTIONED = """
SELECT kind, scope, key FROM state
 WHERE NOT is_gone
   AND (%(id)s = ANY(ARRAY[scope, key, home]) OR data LIKE '%%' || %(id)s::text || '%%')
"""


@pytest.fixture
def mentions(database):
    """The kinds of living lines that name, or belong to, somebody or something."""

    async def mentions(id_: UUID):
        async with database.read() as connection:
            rows = await (await connection.execute(MENTIONED.encode(), {"id": id_})).fetchall()
        return {row["kind"] for row in rows}

    return mentions


async def furnish(do, actor, asset_ids):
    """Have them in everything an asset can be in; return the album."""
    album_id = await do(albums.create_album, actor, "A")
    await do(albums.add_assets, actor, album_id, asset_ids)
    await do(
        memories.create_memory,
        actor,
        type="on_this_day",
        data={"year": 2020},
        memory_at=datetime(2020, 1, 1, tzinfo=UTC),
        asset_ids=asset_ids,
    )
    await do(stacks.create_stack, actor, asset_ids)
    person_id = await do(people.create_person, actor, name="Anna")
    for asset_id in asset_ids:
        await do(people.create_face, actor, asset_id, person_id, BOX)
        await do(findings.record_ocr, asset_id, [TEXT, TEXT])
        await do(edits.set_edits, actor, asset_id, [Edit("rotate", {"angle": 90})])
        await do(asset_metadata.set_metadata, actor, [(asset_id, "mobile-app", {"iCloudId": "x"})])
    return album_id


async def test_all_of_an_asset_goes_and_nothing_else(database, alice, bob, do, mentions):
    ids = [await new_asset(database, alice) for _ in range(4)]
    album_id = await furnish(do, alice, ids[:3])
    await do(albums.share_album, alice, album_id, [bob.user_id], role="viewer")
    await do(albums.update_album, alice, album_id, thumbnail_asset_id=ids[0])
    before = await mentions(ids[1])
    assert len(before) >= 8

    await do(assets.delete_assets, alice, [ids[0]])
    assert await mentions(ids[0]) == set()
    assert before - await mentions(ids[1]) <= {"album"}
    assert await ask_one(database, "SELECT count(*) FROM asset_face") == 2
    await do(assets.trash_assets, alice, ids[1:])
    await do(assets.empty_trash, alice)
    for asset_id in ids:
        assert await mentions(asset_id) == set()
    for table in ("stack", "memory_asset", "asset_face", "asset_ocr", "asset_edit", "album_asset"):
        assert await ask_one(database, f"SELECT count(*) FROM {table}") == 0
    for table in ("memory", "person", "album"):
        assert await ask_one(database, f"SELECT count(*) FROM {table}") == 1


async def test_many_go_at_once_in_entries_of_a_thousand(database, alice, do):
    """More parts than one position may name."""
    asset_id = await new_asset(database, alice)
    await do(findings.record_ocr, asset_id, [TEXT] * 1500)
    await do(people.record_faces, asset_id, [BOX._replace(x1=n, x2=n + 1) for n in range(1001)])
    await do(assets.delete_assets, alice, [asset_id])
    longest = "SELECT max(cardinality(entity_ids)) FROM log"
    assert await ask_one(database, longest) == 1000
    assert await ask_one(database, "SELECT count(*) FROM state WHERE data LIKE '%%1500%%'") == 0


async def test_a_deletion_is_one_statement_for_all(database, alice, do, monkeypatch):
    """A hundred assets cost no more statements than two."""

    async def count(ids):
        await furnish(do, alice, ids)
        calls = 0
        async with database.write() as tx:
            execute = tx.execute

            async def counting(*values, **details):
                nonlocal calls
                calls += 1
                return await execute(*values, **details)

            monkeypatch.setattr(tx, "execute", counting)
            await assets.delete_assets(tx, alice, ids)
            monkeypatch.undo()
        await sequence(database)
        return calls

    few = await count([await new_asset(database, alice) for _ in range(2)])
    many = await count([await new_asset(database, alice) for _ in range(12)])
    assert many == few


async def test_a_user_goes_with_all_that_is_theirs(
    database, alice, bob, carol, do, refused, mentions
):
    ids = [await new_asset(database, alice) for _ in range(2)]
    theirs = await new_asset(database, bob)
    album_id = await furnish(do, alice, ids)
    for user in (bob, carol):
        await do(albums.share_album, alice, album_id, [user.user_id], role="editor")
    await do(albums.add_assets, bob, album_id, [theirs])
    joined = await do(albums.create_album, bob, "B")
    await do(albums.share_album, bob, joined, [alice.user_id, carol.user_id], role="editor")
    await do(albums.add_assets, alice, joined, ids)
    await do(partners.create_partner, alice, bob.user_id)
    await do(partners.create_partner, carol, alice.user_id)
    await do(users.set_metadata, alice.user_id, "onboarding", {"isOnboarded": True})
    await do(sessions.create_api_key, alice, name="k", key_hash=b"x", permissions=["all"])
    await refused(Invalid, users.delete_user, alice.user_id)

    await do(assets.delete_assets, alice, ids)
    await do(users.delete_user, alice.user_id)
    assert await mentions(alice.user_id) == set()
    assert await mentions(album_id) == set()
    assert {"album", "album_user"} <= await mentions(bob.user_id)
    gone = "SELECT scope FROM state WHERE kind = 'user' AND key = %s AND is_gone"
    assert await ask_one(database, gone, alice.user_id) == UUID(int=0)
    for table in ("api_key", "memory", "person", "partner", "user_metadata"):
        assert await ask(database, f"SELECT * FROM {table}") == []


async def test_nobody_unknown_is_deleted(refused):
    await refused(Refused, users.delete_user, uuid4())
