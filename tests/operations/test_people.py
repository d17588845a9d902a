"""People and faces: who is seen where, and by which face a person is known."""

from __future__ import annotations

import asyncio
from datetime import date
from uuid import uuid4

import msgspec
import pytest

from sync import log
from sync.errors import Invalid, NoAccess
from sync.operations import assets, people, person_thumbnails
from sync.operations.people import Box
from tests.operations.state import differences
from tests.sync.library import ask, new_asset, sequence

SMALL, LARGE, FAR = Box(100, 100, 10, 10, 20, 20), Box(100, 100, 10, 10, 50, 50), Box(
    100, 100, 80, 80, 95, 95
)  # fmt: skip


@pytest.fixture
async def ids(database, alice):
    return [await new_asset(database, alice) for _ in range(3)]


@pytest.fixture
async def anna(alice, do):
    return await do(people.create_person, alice, name="Anna")


@pytest.fixture
async def bert(alice, do):
    return await do(people.create_person, alice, birth_date=date(1990, 1, 2), color="#123")


@pytest.fixture
def person(database):
    async def person(person_id):
        (row,) = await ask(database, "SELECT * FROM person WHERE id = %s", person_id)
        return row

    return person


@pytest.fixture
def faces(database):
    """Face → person."""

    async def faces():
        rows = await ask(database, "SELECT id, person_id FROM asset_face WHERE deleted_at IS NULL")
        return {row["id"]: row["person_id"] for row in rows}

    return faces


async def test_a_person_changes_only_in_what_is_given(alice, bert, do, person):
    await do(people.update_person, alice, bert, name="Bert")
    row = await person(bert)
    assert (row["name"], row["birth_date"], row["color"]) == ("Bert", date(1990, 1, 2), "#123")
    await do(people.update_person, alice, bert, birth_date=None, is_hidden=True)
    row = await person(bert)
    assert (row["birth_date"], row["color"], row["is_hidden"]) == (None, "#123", True)
    await do(people.update_person, alice, bert, color=None, is_favorite=True)
    assert (await person(bert))["color"] is None


async def test_the_first_face_stands_for_a_person_until_another_is_chosen(
    alice, anna, ids, do, refused, person
):
    first = await do(people.create_face, alice, ids[0], anna, SMALL)
    assert (await person(anna))["face_id"] == first
    second = await do(people.create_face, alice, ids[1], anna, LARGE)
    assert (await person(anna))["face_id"] == first
    await do(people.update_person, alice, anna, featured_asset_id=ids[1])
    assert (await person(anna))["face_id"] == second
    await refused(Invalid, people.update_person, alice, anna, featured_asset_id=ids[2])


@pytest.mark.parametrize("force", [True, False])
async def test_a_deleted_face_stands_for_nobody(alice, anna, ids, do, person, faces, force):
    first = await do(people.create_face, alice, ids[0], anna, SMALL)
    second = await do(people.create_face, alice, ids[1], anna, FAR)
    await do(people.delete_face, alice, first, force=force)
    assert (await person(anna))["face_id"] == second
    await do(people.delete_face, alice, second, force=force)
    assert (await person(anna))["face_id"] is None
    assert await faces() == {}


async def test_a_face_that_is_deleted_softly_is_kept(database, alice, anna, ids, do):
    face_id = await do(people.create_face, alice, ids[0], anna, SMALL)
    await do(people.delete_face, alice, face_id, force=False)
    (row,) = await ask(database, "SELECT data FROM state WHERE key = %s", face_id)
    assert '"deletedAt":"' in row["data"]
    await do(people.delete_face, alice, face_id, force=True)


async def test_a_face_goes_from_one_person_to_another(alice, anna, bert, ids, do, person, faces):
    face_id = await do(people.create_face, alice, ids[0], anna, SMALL)
    await do(people.reassign_face, alice, face_id, bert)
    assert await faces() == {face_id: bert}
    assert (await person(anna))["face_id"] is None
    assert (await person(bert))["face_id"] == face_id
    await do(people.reassign_face, alice, face_id, bert)
    assert (await person(bert))["face_id"] == face_id


async def test_who_is_merged_leaves_faces_and_what_only_they_had(
    database, alice, anna, bert, ids, do, person, faces
):
    carl = await do(people.create_person, alice, name="Carl", birth_date=date(1980, 1, 1))
    face_id = await do(people.create_face, alice, ids[0], anna, SMALL)
    other = await do(people.create_face, alice, ids[0], carl, FAR)
    await do(people.merge_people, alice, bert, [anna, carl])
    row = await person(bert)
    assert (row["name"], row["birth_date"]) == ("Anna", date(1990, 1, 2))
    assert row["face_id"] in {face_id, other}
    assert await faces() == {face_id: bert, other: bert}
    assert len(await ask(database, "SELECT id FROM person")) == 1


async def test_nobody_is_merged_into_themselves(alice, anna, bert, refused):
    await refused(Invalid, people.merge_people, alice, anna, [bert, anna])


async def test_a_deleted_person_leaves_faces_of_nobody(alice, anna, ids, do, faces):
    face_id = await do(people.create_face, alice, ids[0], anna, SMALL)
    await do(people.delete_people, alice, [anna])
    assert await faces() == {face_id: None}


async def test_many_change_at_once_and_whoever_cannot_stays(
    database, alice, bob, anna, bert, ids, do, person
):
    stranger = await do(people.create_person, bob, name="Carl")
    face_id = await do(people.create_face, alice, ids[0], anna, SMALL)
    other = await do(people.create_face, alice, ids[1], anna, LARGE)
    changes = {
        anna: {"featured_asset_id": ids[1], "is_favorite": True},
        bert: {"featured_asset_id": ids[0], "name": "not seen there"},
        stranger: {"name": "mine"},
        uuid4(): {"name": "nobody"},
    }
    assert await do(people.update_people, alice, changes) == {anna}
    assert ((await person(anna))["face_id"], (await person(anna))["is_favorite"]) == (other, True)
    assert (await person(bert))["name"] == ""
    assert (await person(stranger))["name"] == "Carl"
    await do(people.update_people, alice, {anna: {"name": ""}, bert: {"birth_date": None}})
    assert ((await person(anna))["name"], (await person(bert))["birth_date"]) == ("", None)
    assert face_id != other


async def test_faces_in_some_pictures_are_given_to_another(
    alice, anna, bert, ids, do, refused, person, faces
):
    found = [await do(people.create_face, alice, id_, anna, SMALL) for id_ in ids]
    unknown = (uuid4(), anna), (ids[0], bert)
    await do(people.reassign_faces, alice, bert, [(ids[0], anna), (ids[1], anna), *unknown])
    assert await faces() == {found[0]: bert, found[1]: bert, found[2]: anna}
    assert (await person(anna))["face_id"] == found[2]
    assert (await person(bert))["face_id"] in found[:2]
    await do(people.reassign_faces, alice, bert, [])
    await refused(NoAccess, people.reassign_faces, alice, uuid4(), [(ids[2], anna)])


async def test_who_goes_may_first_leave_faces_in_turns(
    alice, anna, bert, ids, do, person, faces, monkeypatch
):
    monkeypatch.setattr(log, "IDS_MAX", 2)
    found = {await do(people.create_face, alice, ids[n % 3], anna, SMALL) for n in range(6)}
    kept = (await person(anna))["face_id"]
    assert await do(people.hand_over_faces, alice, [anna], bert)
    assert sorted(map(str, (await faces()).values())).count(str(bert)) == 2
    assert await do(people.hand_over_faces, alice, [anna], bert)
    assert not await do(people.hand_over_faces, alice, [anna], bert)
    assert (await faces())[kept] == anna
    assert await do(people.merge_people, alice, bert, [anna]) == {anna}
    assert await faces() == dict.fromkeys(found, bert)
    while await do(people.hand_over_faces, alice, [bert], None):
        pass
    await do(people.delete_people, alice, [bert])
    assert await faces() == dict.fromkeys(found)


async def test_a_picture_is_of_the_face_that_stands_for_a_person(
    database, alice, anna, ids, do, person
):
    async def dropped():
        rows = await ask(
            database, "SELECT facts FROM log WHERE topic = 'person.thumbnail_dropped' ORDER BY pos"
        )
        return [key for row in rows for key in msgspec.msgpack.decode(row["facts"])["keys"]]

    first = await do(people.create_face, alice, ids[0], anna, SMALL)
    second = await do(people.create_face, alice, ids[1], anna, LARGE)
    record = (person_thumbnails.record, alice.user_id, anna)
    await do(*record, face_id=first, key="a")
    assert ((await person(anna))["thumbnail_key"], await dropped()) == ("a", [])
    await do(*record, face_id=second, key="b")
    assert ((await person(anna))["thumbnail_key"], await dropped()) == ("a", ["b"])
    await do(*record, face_id=first, key="a")
    assert ((await person(anna))["thumbnail_key"], await dropped()) == ("a", ["b"])
    await do(*record, face_id=first, key="c")
    assert ((await person(anna))["thumbnail_key"], await dropped()) == ("c", ["b", "a"])
    await do(people.delete_face, alice, first, force=True)
    row = await person(anna)
    assert (row["face_id"], row["thumbnail_key"]) == (second, None)
    await do(*record, face_id=second, key="d")
    await do(people.delete_people, alice, [anna])
    await do(*record, face_id=second, key="e")
    assert await dropped() == ["b", "a", "c", "d", "e"]


async def test_every_new_face_of_a_person_asks_for_a_picture(database, alice, anna, bert, ids, do):
    async def asked():
        rows = await ask(
            database, "DELETE FROM job WHERE queue = 'person_thumbnail' RETURNING entity_id"
        )
        return {row["entity_id"] for row in rows}

    face_id = await do(people.create_face, alice, ids[0], anna, SMALL)
    assert await asked() == {anna}
    await do(people.create_face, alice, ids[1], anna, SMALL)
    await do(people.update_person, alice, anna, name="Anne")
    assert await asked() == set()
    await do(people.update_person, alice, anna, featured_asset_id=ids[1])
    assert await asked() == {anna}
    await do(people.update_person, alice, anna, featured_asset_id=ids[0])
    await do(people.reassign_face, alice, face_id, bert)
    assert await asked() == {anna, bert}
    await do(person_thumbnails.request, alice.user_id, [bert])
    assert await asked() == {bert}


async def test_faces_found_again_stay_who_they_are(alice, anna, ids, do, person, faces):
    first, second = await do(people.record_faces, ids[0], [LARGE, FAR])
    await do(people.reassign_face, alice, first, anna)
    twice = Box(*(2 * number for number in LARGE))
    again, third = await do(people.record_faces, ids[0], [twice, SMALL])
    assert again == first
    assert await faces() == {first: anna, third: None}
    await do(people.record_faces, ids[0], [])
    assert await faces() == {}
    assert (await person(anna))["face_id"] is None
    assert second not in await faces()


async def test_what_a_person_said_of_faces_stays(alice, anna, ids, do, faces):
    said = await do(people.create_face, alice, ids[0], anna, LARGE)
    found, denied = await do(people.record_faces, ids[0], [LARGE, FAR])
    assert found == said
    await do(people.delete_face, alice, denied, force=True)
    await do(people.record_faces, ids[0], [])
    assert await faces() == {said: anna}


async def test_a_face_that_was_denied_is_not_found_again(alice, ids, do, faces):
    (denied,) = await do(people.record_faces, ids[0], [FAR])
    await do(people.delete_face, alice, denied, force=False)
    assert await do(people.record_faces, ids[0], [FAR]) == [denied]
    assert await faces() == {}


async def test_what_is_found_in_a_deleted_picture_is_dropped(do):
    assert await do(people.record_faces, uuid4(), [SMALL]) == []


async def test_a_person_outlives_the_pictures(alice, anna, ids, do, person, faces):
    await do(people.create_face, alice, ids[0], anna, LARGE)
    other = await do(people.create_face, alice, ids[1], anna, SMALL)
    await do(assets.delete_assets, alice, [ids[0]])
    assert (await person(anna))["face_id"] == other
    await do(assets.delete_assets, alice, [ids[1]])
    assert (await person(anna))["face_id"] is None
    assert await faces() == {}


async def test_nobody_of_another_is_named_and_nobody_locked_without_the_pin(
    database, alice, bob, anna, ids, do, refused
):
    theirs = await new_asset(database, bob)
    stranger = await do(people.create_person, bob)
    locked = await new_asset(database, alice, visibility="locked")
    own = await do(people.create_face, alice, ids[0], anna, SMALL)
    foreign = await do(people.create_face, bob, theirs, stranger, SMALL)
    (hidden,) = await do(people.record_faces, locked, [SMALL])
    for operation, actor, *values in (
        (people.update_person, bob, anna),
        (people.update_person, alice, uuid4()),
        (people.delete_people, alice, [anna, stranger]),
        (people.merge_people, alice, stranger, [anna]),
        (people.merge_people, bob, anna, [stranger]),
        (people.delete_people, bob, [anna]),
        (people.create_face, alice, theirs, anna, SMALL),
        (people.create_face, alice, ids[0], stranger, SMALL),
        (people.create_face, alice, locked, anna, SMALL),
        (people.reassign_face, alice, own, stranger),
        (people.reassign_face, alice, foreign, anna),
        (people.reassign_face, alice, uuid4(), anna),
        (people.reassign_face, alice, hidden, anna),
    ):
        await refused(NoAccess, operation, actor, *values)
    for actor, face_id in ((bob, own), (alice, uuid4()), (alice, hidden)):
        await refused(NoAccess, people.delete_face, actor, face_id, force=True)
    await refused(NoAccess, people.update_person, alice, anna, featured_asset_id=theirs)
    await do(people.reassign_face, alice._replace(is_elevated=True), hidden, anna)


async def test_whatever_is_named_and_deleted_at_once_agrees(database, alice, ids, do, refused):
    """Merging finds faces through people, deleting finds people through faces."""
    named = [await do(people.create_person, alice) for _ in range(4)]
    found = [
        await do(people.create_face, alice, ids[n % 3], named[n % 4], SMALL) for n in range(12)
    ]

    async def work(operation, *values, **details):
        async with database.write() as tx:
            await operation(tx, *values, **details)

    done = await asyncio.gather(
        work(people.merge_people, alice, named[0], named[1:2]),
        work(people.merge_people, alice, named[1], named[2:]),
        work(people.record_faces, ids[0], [LARGE]),
        work(people.record_faces, ids[1], []),
        work(assets.delete_assets, alice, ids[2:]),
        work(people.delete_people, alice, [named[3]]),
        *(work(people.reassign_face, alice, face_id, named[0]) for face_id in found[:6]),
        *(work(people.delete_face, alice, face_id, force=True) for face_id in found[5:]),
        return_exceptions=True,
    )
    assert all(isinstance(one, Invalid | None) for one in done), done
    await sequence(database)
    assert await differences(database) == []
