"""Three people with some of everything, and what happens to them, one transaction after another."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import UUID

from sql import Database, Transaction
from sync.actor import Actor
from sync.operations import (
    albums,
    assets,
    edits,
    findings,
    memories,
    partners,
    people,
    renditions,
    stacks,
    users,
)
from tests.sync.library import FOUND, SENT, an_upload, new_asset, new_user
from tests.sync.order import CROP, SIGN, TURN, a_box
from tests.sync.sharing import delete_wholly


class Home(NamedTuple):
    """Who is who, and what is whose."""

    alice: UUID
    bob: UUID
    carol: UUID
    photos: list[UUID]  # Alice's
    picture: UUID  # Bob's
    album: UUID  # Alice's: the first photos; and Bob is an editor
    second: UUID  # Alice's: the last photos; Bob and Carol are viewers
    stack: UUID
    person: UUID
    face: UUID


Step = Callable[[Transaction, Home], Awaitable[object]]


async def furnish(database: Database) -> Home:
    actors = [await new_user(database, name) for name in ("Alice", "Bob", "Carol")]
    alice, bob, carol = actors
    photos = [await new_asset(database, alice, bytes([number])) for number in range(6)]
    picture = await new_asset(database, bob, b"\1")
    async with database.write() as tx:
        album, second = [await albums.create_album(tx, alice, name) for name in "12"]
        await albums.add_assets(tx, alice, album, photos[:2])
        await albums.add_assets(tx, alice, second, photos[4:])
        await albums.share_album(tx, alice, album, [bob.user_id], role="editor")
        viewers = [bob.user_id, carol.user_id]
        await albums.share_album(tx, alice, second, viewers, role="viewer")
        await partners.create_partner(tx, alice, carol.user_id)
        stack = await stacks.create_stack(tx, alice, photos[2:4])
        person = await people.create_person(tx, alice, name="Zoe")
        face = await people.create_face(tx, alice, photos[0], person, a_box(0))
        await make_memory(tx, alice, photos[0])
    ids = [actor.user_id for actor in actors]
    return Home(ids[0], ids[1], ids[2], photos, picture, album, second, stack, person, face)


async def make_memory(tx: Transaction, actor: Actor, asset_id: UUID) -> None:
    data = {"year": 2019}
    await memories.create_memory(
        tx, actor, type="on_this_day", data=data, memory_at=SENT, asset_ids=[asset_id]
    )


async def upload(tx: Transaction, home: Home) -> None:
    await assets.record_upload(tx, home.alice, an_upload(metadata=[("x", {"latitude": "1"})]))


async def upload_live_photo(tx: Transaction, home: Home) -> None:
    video = an_upload(type="VIDEO", duration_ms=2500)
    await assets.record_upload(tx, home.alice, video)
    await assets.record_upload(tx, home.alice, an_upload(live_photo_video_id=video.asset_id))


async def look_into(tx: Transaction, home: Home) -> None:
    asset_id = home.photos[1]
    await renditions.record_metadata(tx, asset_id, FOUND)
    await people.record_faces(tx, asset_id, [a_box(1)])
    await findings.record_ocr(tx, asset_id, [SIGN])
    await edits.set_edits(tx, Actor(home.alice), asset_id, [CROP, TURN])


async def let_in(tx: Transaction, home: Home) -> None:
    await albums.share_album(tx, Actor(home.alice), home.album, [home.carol], role="viewer")
    await albums.add_assets(tx, Actor(home.bob), home.album, [home.picture])


async def send_away_and_back(tx: Transaction, home: Home) -> None:
    await albums.unshare_album(tx, Actor(home.alice), home.album, home.bob)
    await albums.share_album(tx, Actor(home.alice), home.album, [home.bob], role="viewer")


async def leave(tx: Transaction, home: Home) -> None:
    await albums.unshare_album(tx, Actor(home.carol), home.second, home.carol)


async def part(tx: Transaction, home: Home) -> None:
    await partners.delete_partner(tx, Actor(home.alice), home.carol)
    await partners.create_partner(tx, Actor(home.alice), home.bob)


async def unstack(tx: Transaction, home: Home) -> None:
    await stacks.delete_stack(tx, Actor(home.alice), home.stack)


async def stack(tx: Transaction, home: Home) -> None:
    await stacks.create_stack(tx, Actor(home.alice), home.photos[:3])


async def lock_away(tx: Transaction, home: Home) -> None:
    actor = Actor(home.alice, is_elevated=True)
    await assets.update_assets(tx, actor, home.photos[4:5], visibility="locked")


async def trash(tx: Transaction, home: Home) -> None:
    await assets.trash_assets(tx, Actor(home.alice), home.photos[2:4])
    await assets.restore_assets(tx, Actor(home.alice), home.photos[2:3])


async def delete(tx: Transaction, home: Home) -> None:
    """In an album and a memory, with a face."""
    await assets.delete_assets(tx, Actor(home.alice), home.photos[:1])


async def end_album(tx: Transaction, home: Home) -> None:
    await albums.delete_album(tx, Actor(home.alice), home.second)


async def merge(tx: Transaction, home: Home) -> None:
    other = await people.create_person(tx, Actor(home.alice), name="Chloe")
    await people.merge_people(tx, Actor(home.alice), other, [home.person])


async def go(tx: Transaction, home: Home) -> None:
    await delete_wholly(tx, Actor(home.bob))


async def rename(tx: Transaction, home: Home) -> None:
    await users.update_profile(tx, Actor(home.carol), name="Karla")


# What a writer does who is killed at each statement, and what may come between, too.
DEEDS: list[Step] = [
    upload,
    let_in,
    send_away_and_back,
    part,
    delete,
]
STEPS: list[Step] = [
    upload_live_photo,
    look_into,
    trash,
    unstack,
    stack,
    merge,
    leave,
    *DEEDS,
    lock_away,
    end_album,
    go,
    rename,
]
