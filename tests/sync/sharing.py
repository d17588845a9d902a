"""What people let each other see, as rules of the machine."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from sync.actor import Actor
from sync.operations import albums, assets, partners, stacks, users
from tests.sync.changes import CHECKSUM, MOSTLY, PICK, SOME, WHO, Changes
from tests.sync.library import an_upload

ROLE = st.sampled_from(["editor", "editor", "viewer"])
ALBUM = st.integers(0, 3)


class Sharing(Changes):
    """Albums have an owner, who is one of the actors; each sees what the others show them."""

    def __init__(self) -> None:
        super().__init__()
        self.albums: list[tuple[int, UUID]] = []

    def album_of(self, number: int) -> tuple[Actor, UUID] | None:
        if not self.albums:
            return None
        owner, album_id = self.albums[number % len(self.albums)]
        return self.actors[owner], album_id

    def change(self, operation: Any, number: int, *arguments: Any, **details: Any) -> None:
        """By the owner of an album."""
        if found := self.album_of(number):
            self.write(operation, *found, *arguments, **details)

    @rule(who=WHO, picks=SOME)
    def create_album(self, who: int, picks: list[int]) -> None:
        if len(self.albums) == 4:
            return
        actor, ids = self.actors[who], self.assets_of(who, picks)

        async def create(tx: Any) -> UUID:
            album_id = await albums.create_album(tx, actor, "New")
            if len(ids) > 1:
                await albums.add_assets(tx, actor, album_id, ids)
            return album_id

        if album_id := self.write(create):
            self.albums.append((who, album_id))

    @rule(album=ALBUM, is_on=st.booleans())
    def update_album(self, album: int, is_on: bool) -> None:
        name = f'"{next(self.numbers)}\n'
        order = "asc" if is_on else "desc"
        self.change(albums.update_album, album, name=name, is_activity_enabled=is_on, order=order)

    @rule(album=ALBUM, who=WHO, pick=PICK)
    def choose_cover(self, album: int, who: int, pick: int) -> None:
        for id_ in self.assets_of(who, [pick]):
            self.change(albums.update_album, album, thumbnail_asset_id=id_)

    @rule(album=ALBUM, who=WHO, role=ROLE)
    def share(self, album: int, who: int, role: str) -> None:
        self.change(albums.share_album, album, [self.actors[who].user_id], role=role)

    @rule(album=ALBUM, role=ROLE)
    def share_with_all(self, album: int, role: str) -> None:
        user_ids = [actor.user_id for actor in (*self.actors, *self.strangers)]
        self.change(albums.share_album, album, user_ids, role=role)

    @rule(album=ALBUM, who=WHO)
    def unshare(self, album: int, who: int) -> None:
        self.change(albums.unshare_album, album, self.actors[who].user_id)

    @rule(album=ALBUM, who=WHO)
    def leave(self, album: int, who: int) -> None:
        if found := self.album_of(album):
            actor = self.actors[who]
            self.write(albums.unshare_album, actor, found[1], actor.user_id)

    @rule(album=ALBUM, who=WHO, is_in_one=st.booleans())
    def share_again(self, album: int, who: int, is_in_one: bool) -> None:
        """Away and back: in one pass of the sequencer, or in two."""
        self.unshare(album, who)
        if not is_in_one:
            self.sequence()
        self.share(album, who, "editor")

    def sequence(self) -> None:
        raise NotImplementedError

    @rule(album=ALBUM, who=WHO, role=ROLE)
    def set_role(self, album: int, who: int, role: str) -> None:
        self.change(albums.set_role, album, self.actors[who].user_id, role)

    @rule(album=ALBUM, chance=st.integers(0, 2))
    def delete_album(self, album: int, chance: int) -> None:
        if chance == 0 and self.albums:
            self.change(albums.delete_album, album)
            self.albums.pop(album % len(self.albums))

    @rule(album=ALBUM, who=WHO, picks=SOME)
    def add_to_album(self, album: int, who: int, picks: list[int]) -> None:
        if found := self.album_of(album):
            ids = self.assets_of(who, picks)
            self.write(albums.add_assets, self.actors[who], found[1], ids)

    @rule(album=ALBUM, who=WHO, owner=WHO, picks=SOME)
    def remove_from_album(self, album: int, who: int, owner: int, picks: list[int]) -> None:
        if found := self.album_of(album):
            ids = self.assets_of(owner, picks)
            self.write(albums.remove_assets, self.actors[who], found[1], ids)

    @rule(album=ALBUM, who=WHO, picks=SOME)
    def move_in_album(self, album: int, who: int, picks: list[int]) -> None:
        """Out of the album, and in again later: their place in it is another one then."""
        self.remove_from_album(album, who, who, picks)
        self.sequence()
        self.add_to_album(album, who, picks)

    @rule(who=WHO, other=WHO, is_on=MOSTLY)
    def become_partner(self, who: int, other: int, is_on: bool) -> None:
        actor, user_id = self.actors[who], self.actors[other].user_id
        self.write(partners.create_partner if is_on else partners.delete_partner, actor, user_id)

    @rule(who=WHO, other=WHO, is_in_one=st.booleans())
    def become_partner_again(self, who: int, other: int, is_in_one: bool) -> None:
        """With a stack to see."""
        self.become_partner(who, other, False)
        ids = self.assets_of(who, [0, 1])
        self.write(stacks.create_stack, self.actors[who], ids)
        if not is_in_one:
            self.sequence()
        self.become_partner(who, other, True)

    @rule(who=WHO, other=WHO, is_shown=st.booleans())
    def show_partner(self, who: int, other: int, is_shown: bool) -> None:
        actor, user_id = self.actors[who], self.actors[other].user_id
        self.write(partners.update_partner, actor, user_id, in_timeline=is_shown)

    @rule(album=ALBUM, checksum=CHECKSUM, other=WHO)
    def come(self, album: int, checksum: int, other: int) -> None:
        """Somebody else, whom all see: with a picture in an album and in a partner's view."""
        found = self.album_of(album)
        if len(self.strangers) == 2 or not (user_id := self.add_user("Guest")):
            return
        guest = Actor(user_id)
        self.strangers.append(guest)
        self.write(users.set_metadata, user_id, "onboarding", {"isOnboarded": True})
        id_ = self.write(assets.record_upload, user_id, an_upload(bytes([checksum])))
        self.write(partners.create_partner, guest, self.actors[other].user_id)
        if found:
            self.write(albums.share_album, *found, [user_id], role="editor")
            self.write(albums.add_assets, guest, found[1], [id_])

    @rule(album=ALBUM, checksum=CHECKSUM, other=WHO)
    def go(self, album: int, checksum: int, other: int) -> None:
        """With all that is theirs; if nobody is there who could, somebody comes before."""
        if not self.strangers:
            self.come(album, checksum, other)
            self.sequence()
        if self.strangers and self.write(delete_wholly, self.strangers[0]):
            self.strangers.pop(0)


async def delete_wholly(tx: Any, actor: Actor) -> bool:
    query = "SELECT id FROM asset WHERE owner_id = %s"
    rows = await (await tx.execute(query, [actor.user_id])).fetchall()
    await assets.delete_assets(tx, actor, [row["id"] for row in rows])
    await users.delete_user(tx, actor.user_id)
    return True
