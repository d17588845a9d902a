"""Four people who share, take back and delete the same albums at once, and phones on bad lines."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any
from uuid import UUID

from sql import Database
from sync.actor import Actor
from sync.errors import Refused
from sync.operations import albums, assets, partners
from tests.sync.laws import assert_in_order, assert_level
from tests.sync.library import ask_one, new_asset, new_user, until
from tests.sync.replica import new_replica

DEEDS = 150  # of each writer
ALBUMS = 3
STAGED = "SELECT count(*) FROM log_staging"
ROLES = ["editor", "viewer"]


class Storm:
    """Everybody does what they may, and tries what they may not."""

    def __init__(self, database: Database, actors: list[Actor]) -> None:
        self.database, self.actors = database, actors
        self.pictures: dict[UUID, list[UUID]] = {}
        self.albums: list[tuple[Actor, UUID]] = []

    async def begin(self) -> None:
        for actor in self.actors:
            made = [await new_asset(self.database, actor) for _ in range(5)]
            self.pictures[actor.user_id] = made
        for number in range(ALBUMS):
            await self.new_album(self.actors[number])

    async def new_album(self, owner: Actor) -> None:
        async with self.database.write() as tx:
            album_id = await albums.create_album(tx, owner, "Together")
            everybody = [actor.user_id for actor in self.actors]
            await albums.share_album(tx, owner, album_id, everybody, role="editor")
        self.albums.append((owner, album_id))
        with suppress(Refused):  # One is locked away.
            async with self.database.write() as tx:
                await albums.add_assets(tx, owner, album_id, self.pictures[owner.user_id][:3])

    async def rage(self, actor: Actor, chance: random.Random) -> None:
        for _ in range(DEEDS):
            owner, album_id = chance.choice(self.albums)
            other = chance.choice(self.actors).user_id
            some = chance.sample(self.pictures[actor.user_id], 2)
            deed = chance.choice(WHAT)
            with suppress(Refused):
                async with self.database.write() as tx:
                    await deed(tx, chance.choice([actor, owner]), album_id, other, some)
            if chance.random() < 0.05:
                await self.replace_album(owner, album_id)

    async def replace_album(self, owner: Actor, album_id: UUID) -> None:
        with suppress(Refused):
            async with self.database.write() as tx:
                await albums.delete_album(tx, owner, album_id)
            await self.new_album(owner)
            self.albums.remove((owner, album_id))


Deed = Callable[[Any, Actor, UUID, UUID, list[UUID]], Awaitable[object]]


async def share(tx: Any, actor: Actor, album_id: UUID, other: UUID, some: list[UUID]) -> None:
    await albums.share_album(tx, actor, album_id, [other], role=random.choice(ROLES))


async def unshare(tx: Any, actor: Actor, album_id: UUID, other: UUID, some: list[UUID]) -> None:
    await albums.unshare_album(tx, actor, album_id, other)


async def leave(tx: Any, actor: Actor, album_id: UUID, other: UUID, some: list[UUID]) -> None:
    await albums.unshare_album(tx, actor, album_id, actor.user_id)


async def share_again(tx: Any, actor: Actor, album_id: UUID, other: UUID, some: Any) -> None:
    await albums.unshare_album(tx, actor, album_id, other)
    await albums.share_album(tx, actor, album_id, [other], role=random.choice(ROLES))


async def set_role(tx: Any, actor: Actor, album_id: UUID, other: UUID, some: Any) -> None:
    await albums.set_role(tx, actor, album_id, other, random.choice(ROLES))


async def show(tx: Any, actor: Actor, album_id: UUID, other: UUID, some: list[UUID]) -> None:
    await albums.add_assets(tx, actor, album_id, some)


async def hide(tx: Any, actor: Actor, album_id: UUID, other: UUID, some: list[UUID]) -> None:
    await albums.remove_assets(tx, actor, album_id, some)


async def pair(tx: Any, actor: Actor, album_id: UUID, other: UUID, some: list[UUID]) -> None:
    await partners.create_partner(tx, actor, other)


async def part(tx: Any, actor: Actor, album_id: UUID, other: UUID, some: list[UUID]) -> None:
    await partners.delete_partner(tx, actor, other)


async def lock(tx: Any, actor: Actor, album_id: UUID, other: UUID, some: list[UUID]) -> None:
    visibility = random.choice(["locked", "timeline", "archive"])
    await assets.update_assets(tx, actor, some, visibility=visibility)


async def like(tx: Any, actor: Actor, album_id: UUID, other: UUID, some: list[UUID]) -> None:
    await assets.update_assets(tx, actor, some, is_favorite=random.random() < 0.5)


WHAT: list[Deed] = [
    share, share, unshare, leave, share_again, set_role, show, show, hide, pair, pair, part, lock,
    like,
]  # fmt: skip


async def test_a_storm_of_sharing_leaves_everyone_level(
    database: Database, sequencing: None
) -> None:
    """No line ever fails to apply, wherever a stream is cut."""
    names = ("Ada", "Ben", "Cleo", "Dan")
    actors = [await new_user(database, name) for name in names]
    actors = [Actor(actor.user_id, is_elevated=True) for actor in actors]
    storm = Storm(database, actors)
    await storm.begin()
    phones = [await new_replica(database, actor.user_id) for actor in actors[1:]]
    is_over = asyncio.Event()

    async def follow(phone: Any, chance: random.Random) -> None:
        while not is_over.is_set():
            phone.batch_lines = chance.randrange(1, 9)
            await phone.pull(cut=chance.choice([None, chance.randrange(40)]))

    async with asyncio.TaskGroup() as tasks:
        for number, phone in enumerate(phones):
            tasks.create_task(follow(phone, random.Random(number)))
        async with asyncio.TaskGroup() as writing:
            for number, actor in enumerate(actors):
                writing.create_task(storm.rage(actor, random.Random(number)))
        is_over.set()
    await until(lambda: ask_one(database, STAGED), is_met=lambda count: count == 0)
    await assert_in_order(database)
    for actor, phone in zip(actors[1:], phones, strict=True):
        await assert_level(database, actor.user_id, phone)
        assert phone.wipes == 0
