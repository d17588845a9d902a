"""Lines that would jam an app: held back, without keeping anything else from it; and back again."""

from __future__ import annotations

import json
import sqlite3
from uuid import UUID, uuid4

import pytest

from sync import doctor, fitness, retention, schedule
from sync.feeds import FEEDS
from sync.fitness import FIELDS
from sync.operations import albums, asset_metadata, assets, partners, people, stacks, users
from tests.sync import app
from tests.sync.library import an_upload, ask, ask_one, new_asset, new_user, sequence
from tests.sync.replica import Direct, Replica, new_replica, new_session


class Noted(Direct):
    """A session whose streams are noted, as the server does."""

    async def stream(self):
        async with self.database.write() as tx:
            await retention.begin_copy(tx, self.session_id, app.REQUESTS)
        lines = sent = 0
        async for block in super().stream():
            lines += block.count(b"\n")
            sent += len(block)
            yield block
        await doctor.note_stream(
            self.database, self.session_id, lines=lines, bytes_=sent, seconds=0.1, problem=None
        )


async def new_phone(database, actor) -> Replica:
    return Replica(Noted(database, actor.user_id, await new_session(database, actor.user_id)))


async def is_jammed(phone: Replica) -> bool:
    """The phone stops at a line that it cannot apply, and acks nothing from there on."""
    blocks = [block async for block in phone.source.stream()]
    phone.source, source = Said(phone.source, blocks), phone.source
    try:
        await phone.pull()
    except (sqlite3.IntegrityError, AssertionError):
        return True
    finally:
        phone.source = source
    return False


class Said:
    """What was sent already."""

    def __init__(self, source, blocks) -> None:
        self.blocks, self.ack = blocks, source.ack

    async def stream(self):
        for block in self.blocks:
            yield block


async def plant(database, statement: str, *values: object) -> None:
    """Damage that no operation would do."""
    async with database.write() as tx:
        await tx.execute(statement.encode(), values)


async def stage(database, topic: str, scope: UUID, *ids: UUID) -> None:
    """Have them projected anew."""
    await plant(
        database,
        """INSERT INTO log_staging (topic, scope, entity_ids, audience, facts)
           VALUES (%s, %s, %s, '{}', '\\x80')""",
        topic,
        scope,
        list(ids),
    )
    await sequence(database)


async def touch(database, owner_id: UUID, *asset_ids: UUID) -> None:
    await stage(database, "asset.updated", owner_id, *asset_ids)


async def twins(database, actor) -> tuple[UUID, UUID]:
    """Two assets with the same bytes, which no constraint of ours would let in."""
    first, second = [await new_asset(database, actor) for _ in range(2)]
    await plant(database, "DROP INDEX asset_bytes")
    await plant(
        database,
        "UPDATE asset SET checksum = (SELECT checksum FROM asset WHERE id = %s) WHERE id = %s",
        first,
        second,
    )
    await sequence(database)
    return first, second


async def an_album(tx, actor, asset_ids) -> UUID:
    album_id = await albums.create_album(tx, actor, "a")
    await albums.add_assets(tx, actor, album_id, asset_ids)
    return album_id


async def agree(database, phone: Replica, actor) -> dict:
    """A phone that follows holds what a fresh one does; give what that is."""
    assert not await is_jammed(phone)
    fresh = await new_replica(database, actor.user_id)
    await fresh.pull()
    assert phone.dump() == fresh.dump()
    return phone.dump()


async def held(database) -> set[tuple[str, str]]:
    rows = await ask(database, "SELECT kind, key, fields FROM quarantine")
    return {(row["kind"], str(row["key"])) for row in rows}


async def recheck(database) -> doctor.Searched:
    searched = await doctor.search_all(database)
    await sequence(database)
    assert searched is not None
    return searched


async def test_a_twin_is_left_out_after_a_phone_was_stuck_at_it_twice(database, alice, caplog):
    third = await new_asset(database, alice)
    first, second = await twins(database, alice)
    phone = await new_phone(database, alice)
    assert await is_jammed(phone), "it gets as far as the users"
    assert await is_jammed(phone)
    assert await held(database) == set()
    assert await is_jammed(phone), "here it is noticed, at the end of the stream"
    await sequence(database)
    assert await held(database) == {("asset", str(second)), ("asset_exif", str(second))}
    shown = await agree(database, phone, alice)
    assert set(shown["asset"]) == set(shown["exif"]) == {(str(first),), (str(third),)}
    assert str(second) in caplog.text and "same bytes" in caplog.text


async def test_what_is_mended_comes_back_and_nothing_before(database, alice):
    first, second = await twins(database, alice)
    phone = await new_phone(database, alice)
    searched = await recheck(database)
    assert {one.key for one in searched.held} == {second}
    assert set((await agree(database, phone, alice))["asset"]) == {(str(first),)}

    await sequence(database)
    pos = await ask_one(database, "SELECT pos FROM log_head")
    searched = await recheck(database)
    assert searched == ([], 0)
    assert await ask_one(database, "SELECT pos FROM log_head") == pos, "the same again is no news"

    await plant(database, "UPDATE asset SET checksum = %s WHERE id = %s", b"y" * 20, second)
    await touch(database, alice.user_id, second)
    assert (str(second),) not in (await agree(database, phone, alice))["asset"]
    assert await recheck(database) == ([], 2)
    shown = await agree(database, phone, alice)
    assert set(shown["asset"]) == set(shown["exif"]) == {(str(first),), (str(second),)}
    assert await held(database) == set()


async def test_the_other_twin_comes_back_when_one_is_deleted(database, alice):
    first, second = await twins(database, alice)
    phone = await new_phone(database, alice)
    await recheck(database)
    await agree(database, phone, alice)
    async with database.write() as tx:
        await assets.delete_assets(tx, alice, [first])
    await sequence(database)
    await recheck(database)
    assert set((await agree(database, phone, alice))["asset"]) == {(str(second),)}


async def test_what_hangs_on_a_row_goes_and_comes_with_it_for_all_who_see_it(database, alice, bob):
    carol = await new_user(database, "Carol")
    first, second = await twins(database, alice)
    async with database.write() as tx:
        album_id = await an_album(tx, alice, [second, first])
        await albums.share_album(tx, alice, album_id, [bob.user_id], role="viewer")
        await albums.update_album(tx, alice, album_id, thumbnail_asset_id=second)
        await partners.create_partner(tx, alice, carol.user_id)
        await stacks.create_stack(tx, alice, [second, first])
        await asset_metadata.set_metadata(tx, alice, [(second, "mobile-app", {})])
    await sequence(database)
    everyone = {actor: await new_phone(database, actor) for actor in (alice, bob, carol)}
    # They all had it when it still was no twin.
    await plant(database, "UPDATE asset SET checksum = %s WHERE id = %s", b"z" * 20, second)
    await touch(database, alice.user_id, second)
    before = {actor: await agree(database, phone, actor) for actor, phone in everyone.items()}
    assert all((str(second),) in shown["asset"] for shown in before.values())
    await plant(
        database,
        "UPDATE asset SET checksum = (SELECT checksum FROM asset WHERE id = %s) WHERE id = %s",
        first,
        second,
    )
    await touch(database, alice.user_id, second)

    await recheck(database)
    for actor, phone in everyone.items():
        shown = await agree(database, phone, actor)
        assert str(second) not in json.dumps([list(map(list, rows)) for rows in shown.values()])
        assert (str(first),) in shown["asset"]
        for row in shown["album"].values():
            assert row["thumbnailAssetId"] is None
        assert len(shown["album"]) == len(before[actor]["album"])

    await plant(database, "UPDATE asset SET checksum = %s WHERE id = %s", b"z" * 20, second)
    await touch(database, alice.user_id, second)
    await recheck(database)
    for actor, phone in everyone.items():
        assert await agree(database, phone, actor) == before[actor]
    assert await held(database) == set()


async def test_what_comes_later_to_a_held_row_is_held_when_a_phone_is_stuck_at_it(database, alice):
    _, second = await twins(database, alice)
    phone = await new_phone(database, alice)
    await recheck(database)
    await agree(database, phone, alice)
    async with database.write() as tx:
        await asset_metadata.set_metadata(tx, alice, [(second, "mobile-app", {})])
    await sequence(database)
    assert await is_jammed(phone)
    assert await is_jammed(phone)
    await sequence(database)
    assert (await agree(database, phone, alice))["asset_metadata"] == {}

    await plant(database, "UPDATE asset SET checksum = %s WHERE id = %s", b"y" * 20, second)
    await recheck(database)
    assert len((await agree(database, phone, alice))["asset_metadata"]) == 1


async def test_an_orphan_is_left_out(database, alice):
    asset_id = await new_asset(database, alice)
    await sequence(database)
    phone = await new_phone(database, alice)
    await plant(
        database,
        """INSERT INTO state (kind, scope, key, first, since, pos, reach, reached, data)
           SELECT kind, scope, gen_random_uuid(), first, since, pos, reach, reached,
                  replace(data, key::text, gen_random_uuid()::text)
             FROM state WHERE kind = 'asset_exif'""",
    )
    assert await is_jammed(phone)
    await recheck(database)
    shown = await agree(database, phone, alice)
    assert set(shown["exif"]) == {(str(asset_id),)}


BROKEN = {
    "type": ("UPDATE asset SET type = 'BOOK' WHERE id = %s", "UPDATE asset SET type = 'IMAGE'"),
    "required": (
        """ALTER TABLE asset ALTER original_file_name DROP NOT NULL;
           UPDATE asset SET original_file_name = NULL WHERE id = '{}'""",
        "UPDATE asset SET original_file_name = 'a' WHERE original_file_name IS NULL",
    ),
    "time": (
        "UPDATE asset SET file_created_at = '12024-01-01' WHERE id = %s",
        "UPDATE asset SET file_created_at = now()",
    ),
}


@pytest.mark.parametrize("fault", ["type", "required"])
async def test_what_an_app_cannot_read_is_left_out(database, alice, fault):
    good, bad = [await new_asset(database, alice) for _ in range(2)]
    await sequence(database)
    phone = await new_phone(database, alice)
    breaking, mending = BROKEN[fault]
    for statement in breaking.replace("%s", "'{}'").format(bad).split(";"):
        await plant(database, statement)
    await touch(database, alice.user_id, bad)
    await recheck(database)
    assert set((await agree(database, phone, alice))["asset"]) == {(str(good),)}
    await plant(database, mending)
    await recheck(database)
    assert set((await agree(database, phone, alice))["asset"]) == {(str(good),), (str(bad),)}


async def test_what_may_be_null_is_sent_as_null(database, alice, bob):
    """Else all that hangs on it would be lost too: here, everything of a user."""
    asset_id = await new_asset(database, alice)
    await sequence(database)
    phone = await new_phone(database, bob)
    await agree(database, phone, bob)
    async with database.write() as tx:
        await users.update_profile(tx, alice, avatar_color="mauve")
    await plant(
        database,
        "UPDATE asset SET file_created_at = '12024-01-01', is_favorite = true WHERE id = %s",
        asset_id,
    )
    async with database.write() as tx:
        await partners.create_partner(tx, alice, bob.user_id)
    await touch(database, alice.user_id, asset_id)
    searched = await recheck(database)
    assert {(one.kind, one.fields) for one in searched.held} == {
        ("user", ("avatarColor",)),
        ("auth_user", ("avatarColor",)),
        ("asset", ("fileCreatedAt",)),
    }
    shown = await agree(database, phone, bob)
    assert shown["user"][str(alice.user_id),]["avatarColor"] is None
    assert shown["asset"][str(asset_id),]["fileCreatedAt"] is None
    assert shown["asset"][str(asset_id),]["isFavorite"] is False, "what is the partner's own affair"

    async with database.write() as tx:
        await users.update_profile(tx, alice, avatar_color="red")
    await sequence(database)
    assert (await recheck(database)).released == 2
    assert (await agree(database, phone, bob))["user"][str(alice.user_id),]["avatarColor"] == "red"
    assert await held(database) == {("asset", str(asset_id))}


async def test_a_user_nobody_can_read_takes_along_only_what_is_theirs(database, alice, bob):
    ids = [await new_asset(database, actor) for actor in (alice, bob)]
    async with database.write() as tx:
        album_id = await an_album(tx, bob, [ids[1]])
        await albums.share_album(tx, bob, album_id, [alice.user_id], role="editor")
        await partners.create_partner(tx, alice, bob.user_id)
    await sequence(database)
    phone = await new_phone(database, bob)
    whole = await agree(database, phone, bob)
    await plant(database, 'ALTER TABLE "user" ALTER name DROP NOT NULL')
    await plant(database, 'UPDATE "user" SET name = NULL WHERE id = %s', alice.user_id)
    await stage(database, "user.updated", alice.user_id, alice.user_id)
    await recheck(database)
    shown = await agree(database, phone, bob)
    assert set(shown["user"]) == {(str(bob.user_id),)}
    assert set(shown["asset"]) == {(str(ids[1]),)}
    assert len(shown["album"]) == 1 and len(shown["album_user"]) == 1 and not shown["partner"]

    await plant(database, 'UPDATE "user" SET name = %s WHERE id = %s', "Alice", alice.user_id)
    await recheck(database)
    assert await agree(database, phone, bob) == whole


async def test_an_album_nobody_can_read_is_lost_for_all_its_members(database, alice, bob):
    ids = [await new_asset(database, alice) for _ in range(2)]
    async with database.write() as tx:
        bad, good = [await an_album(tx, alice, ids) for _ in range(2)]
        for album_id in (bad, good):
            await albums.share_album(tx, alice, album_id, [bob.user_id], role="viewer")
    await sequence(database)
    phones = {actor: await new_phone(database, actor) for actor in (alice, bob)}
    whole = {actor: await agree(database, phone, actor) for actor, phone in phones.items()}
    await plant(database, """UPDATE album SET "order" = 'up' WHERE id = %s""", bad)
    await stage(database, "album.updated", bad, bad)
    await recheck(database)
    for actor, phone in phones.items():
        shown = await agree(database, phone, actor)
        assert set(shown["album"]) == {(str(good),)}
        assert set(shown["asset"]) == {(str(id_),) for id_ in ids}
    assert len(await held(database)) == 2, "the album, and that it is seen"

    await plant(database, """UPDATE album SET "order" = 'asc' WHERE id = %s""", bad)
    await recheck(database)
    for actor, phone in phones.items():
        shown = await agree(database, phone, actor)
        assert shown["album_asset"] == whole[actor]["album_asset"]
        assert shown["album"].keys() == whole[actor]["album"].keys()


async def test_a_face_may_lose_its_person(database, alice):
    asset_id = await new_asset(database, alice)
    async with database.write() as tx:
        person_id = await people.create_person(tx, alice, name="A")
    await sequence(database)
    await plant(
        database,
        """INSERT INTO asset_face (asset_id, person_id, image_width, image_height, x1, y1, x2, y2,
                                   source_type)
           VALUES (%s, %s, 9, 9, 1, 1, 2, 2, 'exif')""",
        asset_id,
        person_id,
    )
    face_id = await ask_one(database, "SELECT id FROM asset_face")
    await stage(database, "asset_face.changed", alice.user_id, face_id)
    phone = await new_phone(database, alice)
    await plant(database, "UPDATE state SET data = '{}' WHERE kind = 'person'")
    await recheck(database)
    assert (await agree(database, phone, alice))["face"][str(face_id),]["personId"] is None


async def test_a_phone_that_acks_is_not_searched_for(database, alice, monkeypatch):
    searches = []

    async def search(*arguments, **_):
        searches.append(arguments)

    monkeypatch.setattr(doctor, "search", search)
    phone = await new_phone(database, alice)
    for _ in range(3):
        await new_asset(database, alice)
        await sequence(database)
        assert not await is_jammed(phone)
        assert not await is_jammed(phone)
    assert searches == []


async def test_one_that_never_acks_is_searched_for_once(database, alice, monkeypatch):
    searches = []
    search = doctor.search

    async def count(*arguments, **details):
        searches.append(arguments)
        return await search(*arguments, **details)

    monkeypatch.setattr(doctor, "search", count)
    await new_asset(database, alice)
    await sequence(database)
    phone = await new_phone(database, alice)
    for _ in range(4):
        _ = [block async for block in phone.source.stream()]
    assert len(searches) == 1
    await new_asset(database, alice)
    await sequence(database)
    for _ in range(3):
        _ = [block async for block in phone.source.stream()]
    assert len(searches) == 2, "what is new may be what jams it"


async def test_only_one_searches_at_a_time(database, alice):
    await twins(database, alice)
    async with schedule.turn(database, "quarantine") as is_ours:
        assert is_ours
        assert await doctor.search(database, [alice.user_id]) is None
    assert await held(database) == set()


async def test_what_only_misleads_is_told_and_sent(database, alice):
    asset_id = await new_asset(database, alice)
    await sequence(database)
    await plant(
        database,
        """UPDATE state SET data = replace(data, '"stackId":null', '"stackId":"' || %s || '"')
            WHERE kind = 'asset'""",
        str(uuid4()),
    )
    async with database.read() as connection:
        (one,) = await fitness.list_unfit(connection, alice.user_id)
        assert await fitness.list_jams(connection, alice.user_id) == []
    assert (one.key, one.is_tolerable) == (asset_id, True)


async def test_a_sound_library_has_nothing_unfit(database, alice, bob):
    ids = [await new_asset(database, alice) for _ in range(3)]
    async with database.write() as tx:
        album_id = await an_album(tx, alice, ids)
        await albums.share_album(tx, alice, album_id, [bob.user_id], role="viewer")
        await partners.create_partner(tx, alice, bob.user_id)
        await stacks.create_stack(tx, alice, ids[:2])
        await assets.record_upload(tx, bob.user_id, an_upload())
    await sequence(database)
    assert await recheck(database) == ([], 0)


def test_the_demands_are_those_of_the_app():
    """The model in these tests was written from the same page, by itself."""
    models = {feed.kind: app.UPSERTS[feed.type] for feed in FEEDS if feed.type in app.UPSERTS}
    for kind, fields in FIELDS.items():
        ours = {field.partition(":")[0]: field.endswith("?") for field in fields.split()}
        theirs = app._TABLE_FIELDS[models[kind]].split()
        assert ours == {field.partition(":")[0]: field.endswith("?") for field in theirs}
