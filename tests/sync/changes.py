"""What people and workers do to a library, as rules of the machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from typing import Any
from uuid import UUID

import msgspec
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from sql import Database, Disconnected, Transaction, reads
from sync.actor import Actor
from sync.errors import Refused
from sync.operations import asset_metadata, assets, live_photos, renditions, sidecars, users
from sync.operations.from_files import Face
from sync.operations.people import Box
from sync.operations.rendition_files import File
from tests.sync.library import FOUND, an_upload

ACTORS = 3
WHO = st.integers(0, ACTORS - 1)
PICK = st.integers(0, 9)
SOME = st.lists(PICK, min_size=1, max_size=4) | st.just(list(range(12)))
CHECKSUM = st.integers(0, 5)
MOSTLY = st.sampled_from([True, True, False])
KEY = st.sampled_from(["mobile-app", "x"])
VALUE = st.sampled_from([{}, {"iCloudId": '"\\\n\u2028'}, {"latitude": "1.0"}])
CONTENT_ID = st.none() | st.sampled_from(["identifier-1", "identifier-2"])
VISIBILITY = st.sampled_from(["timeline", "timeline", "archive", "hidden", "locked"])
EDITS = st.sampled_from([
    ("delete_assets", {}),
    ("delete_assets", {}),
    ("trash_assets", {}),
    ("restore_assets", {}),
    ("update_assets", {"is_favorite": True}),
    *(("update_assets", {"exif": {"description": text}}) for text in ('"', "\\n\n", "é\x02")),
])  # fmt: skip

FACES = st.lists(
    st.builds(
        Face,
        st.sampled_from(["Anna", "anna", "Ben"]),
        st.sampled_from([Box(40, 30, left, 5, left + 10, 20) for left in (0, 3, 15, 30)]),
    ),
    max_size=3,
)
WORDS = st.sets(st.sampled_from(["a", "a/b", "c"]))


async def _write_sidecar(tx: Transaction, asset_id: UUID) -> None:
    said = await reads.sidecars.get_said(tx, asset_id=asset_id)
    if said and await sidecars.hold_said(tx, said):
        await sidecars.record_sidecar(tx, said, f"{said['original_key']}.xmp")


class Changes(RuleBasedStateMachine):
    """Who there is, and how they change what is theirs. Refusals are theirs to bear."""

    run: Any
    database: Database

    def __init__(self) -> None:
        super().__init__()
        self.actors: list[Actor] = []
        self.strangers: list[Actor] = []
        self.assets: list[tuple[int, UUID]] = []
        self.pending: list[tuple[Any, int, UUID | None]] = []
        self.numbers = count()

    def write(self, operation: Callable[..., Any], *arguments: Any, **details: Any) -> Any:
        """None when it is refused, or when a slow transaction holds what it needs."""

        async def work() -> Any:
            with suppress(Refused, Disconnected):
                async with self.database.write() as tx:
                    await tx.execute("SET LOCAL lock_timeout = '5ms'")
                    return await operation(tx, *arguments, **details)

        return self.run(work())

    def add_user(self, name: str) -> Any:
        email = f"{next(self.numbers)}@example.org"
        return self.write(users.create_user, email=email, name=name)

    def assets_of(self, who: int, picks: Sequence[int]) -> list[UUID]:
        """Those of one user that some numbers stand for."""
        mine = [id_ for owner, id_ in self.assets if owner == who]
        return list(dict.fromkeys(mine[pick % len(mine)] for pick in picks)) if mine else []

    def upload_one(self, who: int, checksum: int, **details: Any) -> Any:
        upload = an_upload(bytes([checksum]), **details)
        id_ = self.write(assets.record_upload, self.actors[who].user_id, upload)
        if id_ == upload.asset_id:
            self.assets.append((who, id_))
        return id_

    @rule(who=WHO, checksum=CHECKSUM, key=st.none() | KEY)
    def upload(self, who: int, checksum: int, key: str | None) -> None:
        self.upload_one(who, checksum, metadata=[(key, {"latitude": "2"})] if key else ())

    @rule(who=WHO, checksum=CHECKSUM)
    def replace(self, who: int, checksum: int) -> None:
        """Delete, and upload the same bytes again: the app holds no two of them."""
        twin = b"".join([bytes([checksum]), bytes(19)])

        async def same(tx: Any) -> list[UUID]:
            query = "SELECT id FROM asset WHERE owner_id = %s AND checksum = %s"
            values = [self.actors[who].user_id, twin]
            rows = await (await tx.execute(query, values)).fetchall()
            return [row["id"] for row in rows]

        self.write(assets.delete_assets, self.actors[who], self.write(same))
        self.refresh()
        self.upload_one(who, checksum)

    @rule(who=WHO, number=st.integers(0, 1))
    def upload_live_photo(self, who: int, number: int) -> None:
        if video := self.upload_one(who, 50 + number, type="VIDEO", duration_ms=2500):
            self.upload_one(who, 60 + number, live_photo_video_id=video)

    @rule(who=WHO, pick=PICK, other=PICK, is_parting=st.booleans())
    def link(self, who: int, pick: int, other: int, is_parting: bool) -> None:
        for id_ in self.assets_of(who, [pick]):
            for video in self.assets_of(who, [other]):
                video_id = None if is_parting else video
                self.write(live_photos.link_live_photo, self.actors[who], id_, video_id)

    @rule(who=WHO, picks=SOME, edit=EDITS)
    def edit(self, who: int, picks: list[int], edit: tuple[str, dict[str, Any]]) -> None:
        name, details = edit
        ids = self.assets_of(who, picks)
        self.write(getattr(assets, name), self.actors[who], ids, **details)
        if name == "delete_assets":
            self.refresh()

    @rule(who=WHO, picks=SOME, visibility=VISIBILITY)
    def show(self, who: int, picks: list[int], visibility: str) -> None:
        ids = self.assets_of(who, picks)
        self.write(assets.update_assets, self.actors[who], ids, visibility=visibility)

    @rule(who=WHO)
    def empty_trash(self, who: int) -> None:
        self.write(assets.empty_trash, self.actors[who])
        self.refresh()

    def refresh(self) -> None:
        """Forget what is gone, moving parts too."""

        async def existing() -> set[UUID]:
            async with self.database.read() as connection:
                rows = await (await connection.execute("SELECT id FROM asset")).fetchall()
                return {row["id"] for row in rows}

        left = self.run(existing())
        self.assets = [(owner, id_) for owner, id_ in self.assets if id_ in left]

    @rule(who=WHO, picks=SOME, key=KEY, value=VALUE, is_kept=MOSTLY)
    def note(self, who: int, picks: list[int], key: str, value: Any, is_kept: bool) -> None:
        actor, ids = self.actors[who], self.assets_of(who, picks)
        if is_kept:
            self.write(asset_metadata.set_metadata, actor, [(id_, key, value) for id_ in ids])
        else:
            self.write(asset_metadata.delete_metadata, actor, [(id_, key) for id_ in ids])

    @rule(who=WHO, pick=PICK, is_picture=st.booleans(), content_id=CONTENT_ID)
    def find(self, who: int, pick: int, is_picture: bool, content_id: str | None) -> None:
        """What a media worker would record."""
        for id_ in self.assets_of(who, [pick]):
            if is_picture:
                made = {"thumbhash": bytes(21), "width": 40, "height": 30}
                files = {"thumbnail": File("t", 1), "preview": File("p", 1)}
                self.write(renditions.record_thumbnail, id_, **made, files=files)
            else:
                found = msgspec.structs.replace(FOUND, live_photo_cid=content_id)
                self.write(renditions.record_metadata, id_, found)

    @rule(who=WHO, pick=PICK, faces=FACES, words=WORDS, is_told=st.booleans())
    def read_names(
        self, who: int, pick: int, faces: list[Face], words: set[str], is_told: bool
    ) -> None:
        """What another program wrote into a file; and what people said, in a sidecar."""
        found = msgspec.structs.replace(FOUND, tags=sorted(words), faces=faces)
        for id_ in self.assets_of(who, [pick]):
            self.write(renditions.record_metadata, id_, found)
            if is_told:
                self.write(_write_sidecar, id_)

    @rule(who=WHO, pick=PICK, number=st.integers(0, 1))
    def take_out(self, who: int, pick: int, number: int) -> None:
        """What lies inside of a motion photo; the same may be in two."""
        inside = an_upload(bytes([70 + number]), type="VIDEO", duration_ms=2500)
        film = assets.Film(inside.checksum, inside)
        for id_ in self.assets_of(who, [pick]):
            self.write(renditions.record_metadata, id_, FOUND, film=film)
        self.assets.append((who, inside.asset_id))
        self.refresh()

    @rule(who=WHO, key=st.sampled_from(["preferences", "onboarding"]), value=VALUE, is_kept=MOSTLY)
    def prefer(self, who: int, key: str, value: Any, is_kept: bool) -> None:
        user_id = self.actors[who].user_id
        self.write(users.set_metadata, user_id, key, value)
        if not is_kept:
            self.sequence()
            self.write(users.delete_metadata, user_id, key)

    @rule(who=WHO, color=st.none() | st.sampled_from(["red", "blue"]))
    def change_profile(self, who: int, color: str | None) -> None:
        name = f"{next(self.numbers)}"
        self.write(users.update_profile, self.actors[who], name=name, avatar_color=color)

    @rule(who=WHO, checksum=CHECKSUM, pick=PICK, what=st.sampled_from(["upload", "edit", "name"]))
    def begin_slowly(self, who: int, checksum: int, pick: int, what: str) -> None:
        """Stage now, commit later: others will be numbered in between."""
        if len(self.pending) == 2:
            return
        actor, id_ = self.actors[who], None
        transaction = self.database.write()
        tx = self.run(transaction.__aenter__())

        async def work() -> None:
            nonlocal id_
            await tx.execute("SET LOCAL lock_timeout = '5ms'")
            if what == "upload":
                upload = an_upload(bytes([checksum]))
                made = await assets.record_upload(tx, actor.user_id, upload)
                id_ = made if made == upload.asset_id else None
            elif what == "edit":
                ids = self.assets_of(who, [pick])
                await asset_metadata.set_metadata(
                    tx, actor, [(one, "x", {"slow": "1"}) for one in ids]
                )
                await assets.trash_assets(tx, actor, ids)
            else:
                await users.update_profile(tx, actor, name="Slow")

        try:
            self.run(work())
        except (Refused, Disconnected) as error:
            with suppress(Refused, Disconnected):
                self.run(transaction.__aexit__(type(error), error, None))
        else:
            self.pending.append((transaction, who, id_))

    @rule(is_kept=MOSTLY)
    def end_slowly(self, is_kept: bool) -> None:
        if not self.pending:
            return
        transaction, who, id_ = self.pending.pop(0)
        if is_kept:
            self.run(transaction.__aexit__(None, None, None))
            self.assets += [(who, id_)] if id_ else []
        else:
            error = Refused("Changed their mind")
            with suppress(Refused):
                self.run(transaction.__aexit__(Refused, error, None))
