"""The law: whatever happens, wherever it was cut off, a client ends where a fresh one starts.

And both are where the entity tables say. EXAMPLES=5000 runs as many new ones: a soak. With
SHRINK=1 a failure is made small, which takes minutes.
"""

from __future__ import annotations

import asyncio
import os
import random
from contextlib import suppress
from itertools import count
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from sql import Connection, Database, Disconnected, writes
from sql.database import LOOKUPS
from sync import checkpoints, sequencer
from sync.actor import Actor
from sync.errors import Refused
from sync.operations import assets, renditions, sessions, users
from tests.sync.library import FOUND, an_upload
from tests.sync.oracle import truth
from tests.sync.replica import DELETES, UPSERTS, Replica, Unremembered, new_replica

EXAMPLES = int(os.environ.get("EXAMPLES", "50"))
SETTINGS = settings(
    max_examples=EXAMPLES,
    derandomize="EXAMPLES" not in os.environ,
    stateful_step_count=60,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    phases=[Phase.generate, *([Phase.shrink] if "SHRINK" in os.environ else [])],
    suppress_health_check=list(HealthCheck),
)
EMPTY = b"""DELETE FROM asset; DELETE FROM "user"; DELETE FROM log; DELETE FROM log_staging;
    DELETE FROM state; DELETE FROM job;
    UPDATE log_head SET pos = 0, epoch = gen_random_uuid()"""

WHO = st.integers(0, 2)
DEVICE = st.integers(0, 3)  # the first user has two
SOME = st.lists(st.integers(0, 5), min_size=1, max_size=4)
# A delta is short, so the cut is mostly early.
CUT = st.none() | st.integers(0, 5) | st.integers(0, 5) | st.integers(6, 25)
PICK = st.integers(0, 5)
CHECKSUM = st.integers(0, 3)
MOSTLY = st.sampled_from([True, True, False])
KEY = st.sampled_from(["mobile-app", "x"])
VALUE = st.sampled_from([{}, {"iCloudId": '"\\\n\u2028'}, {"latitude": "1.0"}])
EDITS = st.sampled_from([
    ("delete_assets", {}),
    ("delete_assets", {}),
    ("trash_assets", {}),
    ("restore_assets", {}),
    ("update_assets", {"is_favorite": True}),
    ("update_assets", {"visibility": "archive"}),
    *(("update_assets", {"exif": {"description": text}}) for text in ('"', "\\n\n", "é\x02")),
])  # fmt: skip
# What becomes of an ack on its way: mostly nothing bad.
FATES = st.lists(st.sampled_from(["sent", "sent", "twice", "lost", "late", "late"]), max_size=8)


class Library(RuleBasedStateMachine):
    run: Any
    database: Database
    connection: Connection  # the sequencer's

    @initialize()
    def open(self) -> None:
        self.run(self.connection.execute(EMPTY))
        self.actors: list[Actor] = []
        self.strangers: list[Actor] = []
        self.assets: list[tuple[int, Any]] = []
        self.pending: list[tuple[Any, int, Any]] = []
        self.numbers = count()
        for who in range(3):
            self.actors.append(Actor(self.add_user(f"{who}")))
            self.prefer(who, "preferences", {}, True)
            for checksum in range(3):
                self.upload(who, checksum, "x" if checksum == 0 else None)
        self.sequence()
        owners = [self.actors[0], *self.actors]
        self.devices = [self.run(new_replica(self.database, owner.user_id)) for owner in owners]
        self.late: list[list[str]] = [[] for _ in owners]
        for device in range(4):
            self.pull(device, True)

    def write(self, operation: Any, *arguments: Any, **details: Any) -> Any:
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

    def assets_of(self, who: int, picks: list[int]) -> list[Any]:
        mine = [id_ for owner, id_ in self.assets if owner == who]
        return list({mine[pick % len(mine)] for pick in picks}) if mine else []

    @rule(who=WHO, checksum=CHECKSUM, key=st.none() | KEY)
    def upload(self, who: int, checksum: int, key: str | None) -> None:
        self.upload_one(who, checksum, metadata=[(key, {"latitude": "2"})] if key else ())

    def upload_one(self, who: int, checksum: int, **details: Any) -> Any:
        upload = an_upload(bytes([checksum]), **details)
        id_ = self.write(assets.record_upload, self.actors[who].user_id, upload)
        if id_ == upload.asset_id:
            self.assets.append((who, id_))
        return id_

    @rule(who=WHO, number=st.integers(0, 1))
    def upload_live_photo(self, who: int, number: int) -> None:
        if video := self.upload_one(who, 50 + number, type="VIDEO", duration_ms=2500):
            self.upload_one(who, 60 + number, live_photo_video_id=video)

    @rule(who=WHO, pick=PICK, other=PICK, is_parting=st.booleans())
    def link(self, who: int, pick: int, other: int, is_parting: bool) -> None:
        for id_ in self.assets_of(who, [pick]):
            for video in self.assets_of(who, [other]):
                video_id = None if is_parting else video
                self.write(assets.link_live_photo, self.actors[who], id_, video_id)

    @rule(who=WHO, picks=SOME, edit=EDITS)
    def edit(self, who: int, picks: list[int], edit: tuple[str, dict[str, Any]]) -> None:
        name, details = edit
        ids = self.assets_of(who, picks)
        self.write(getattr(assets, name), self.actors[who], ids, **details)
        if name == "delete_assets":
            self.refresh()

    @rule(who=WHO)
    def empty_trash(self, who: int) -> None:
        self.write(assets.empty_trash, self.actors[who])
        self.refresh()

    def refresh(self) -> None:
        """Forget what is gone, moving parts too."""

        async def existing() -> set[Any]:
            async with self.database.read() as connection:
                rows = await (await connection.execute("SELECT id FROM asset")).fetchall()
                return {row["id"] for row in rows}

        left = self.run(existing())
        self.assets = [(owner, id_) for owner, id_ in self.assets if id_ in left]

    @rule(who=WHO, picks=SOME, key=KEY, value=VALUE, is_kept=MOSTLY)
    def note(self, who: int, picks: list[int], key: str, value: Any, is_kept: bool) -> None:
        actor, ids = self.actors[who], self.assets_of(who, picks)
        if is_kept:
            self.write(assets.set_metadata, actor, [(id_, key, value) for id_ in ids])
        else:
            self.write(assets.delete_metadata, actor, [(id_, key) for id_ in ids])

    @rule(who=WHO, pick=PICK, is_picture=st.booleans())
    def find(self, who: int, pick: int, is_picture: bool) -> None:
        """What a media worker would record."""
        for id_ in self.assets_of(who, [pick]):
            if is_picture:
                made = {"thumbhash": bytes(21), "width": 40, "height": 30}
                keys = {"thumbnail_key": "t", "preview_key": "p"}
                self.write(renditions.record_thumbnail, id_, **made, **keys)
            else:
                self.write(renditions.record_metadata, id_, FOUND)

    @rule(who=WHO, key=st.sampled_from(["preferences", "onboarding"]), value=VALUE, is_kept=MOSTLY)
    def prefer(self, who: int, key: str, value: Any, is_kept: bool) -> None:
        user_id = self.actors[who].user_id
        if is_kept:
            self.write(users.set_metadata, user_id, key, value)
        else:
            self.write(users.delete_metadata, user_id, key)

    @rule(who=WHO, color=st.none() | st.sampled_from(["red", "blue"]))
    def change_profile(self, who: int, color: str | None) -> None:
        name = f"{next(self.numbers)}"
        self.write(users.update_profile, self.actors[who], name=name, avatar_color=color)

    @rule(is_coming=MOSTLY)
    def come_and_go(self, is_coming: bool) -> None:
        """Somebody else, whom all see."""
        if is_coming and (user_id := self.add_user("Guest")):
            self.strangers.append(Actor(user_id))
            self.write(users.set_metadata, user_id, "onboarding", {"isOnboarded": True})
        elif self.strangers:
            self.write(users.delete_user, self.strangers.pop().user_id)

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
                await assets.set_metadata(tx, actor, [(one, "x", {"slow": "1"}) for one in ids])
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

    @rule(who=WHO, pick=PICK, is_sequenced=MOSTLY)
    def replace(self, who: int, pick: int, is_sequenced: bool) -> None:
        """The same bytes come back under another id."""
        for id_ in self.assets_of(who, [pick]):
            self.write(assets.delete_assets, self.actors[who], [id_])
            self.refresh()
            if is_sequenced:
                self.sequence()
            for checksum in range(4):
                self.upload_one(who, checksum)

    @rule(who=WHO, is_sequenced=MOSTLY)
    def remove_moving_part(self, who: int, is_sequenced: bool) -> None:
        """The still stays, and stands alone."""
        number = 70 + next(self.numbers) % 50
        if video := self.upload_one(who, number, type="VIDEO"):
            self.upload_one(who, number + 100, live_photo_video_id=video)
            if is_sequenced:
                self.sequence()
            self.write(assets.delete_assets, self.actors[who], [video])
            self.refresh()

    @rule(device=DEVICE, is_favorite=st.booleans(), cut=st.integers(1, 3))
    def interrupt(self, device: int, is_favorite: bool, cut: int) -> None:
        """One entry of several lines, and a line that breaks between them."""
        self.run(self.devices[device].pull())
        who = max(device - 1, 0)
        ids = self.assets_of(who, list(range(6)))
        self.write(assets.update_assets, self.actors[who], ids, is_favorite=is_favorite)
        self.sequence()
        self.devices[device].batch_lines = 1
        self.run(self.devices[device].pull(cut=cut))

    @rule()
    def sequence(self) -> None:
        self.run(sequencer.sequence(self.connection))

    @rule(device=DEVICE, cut=CUT, batch=st.integers(1, 9), fates=FATES, is_first=MOSTLY)
    def pull_badly(
        self, device: int, cut: int | None, batch: int, fates: list[str], is_first: bool
    ) -> None:
        """Cut off somewhere, over a network that plays with the acks."""
        if is_first:
            self.sequence()
        replica, waiting = self.devices[device], iter(fates)

        async def send(ack: str) -> None:
            if ack.startswith("SyncResetV1"):  # What was on its way belonged to the old copy.
                self.late[device].clear()
            fate = next(waiting, "sent")
            for _ in range({"lost": 0, "late": 0, "twice": 2}.get(fate, 1)):
                await replica.source.ack(ack)
            if fate in ("late", "twice"):
                self.late[device].append(ack)

        replica.batch_lines = batch
        self.run(replica.pull(cut=cut, send=send))

    @rule(device=DEVICE, order=st.randoms(use_true_random=False))
    def deliver_late(self, device: int, order: random.Random) -> None:
        """Acks of earlier pulls arrive now, in any order."""
        acks = self.late[device]
        order.shuffle(acks)
        while acks:
            self.run(self.devices[device].source.ack(acks.pop()))

    @rule(device=DEVICE, is_sequenced=MOSTLY)
    def pull(self, device: int, is_sequenced: bool) -> None:
        """Also while changes wait to be sequenced: all see the same moment of the past."""
        if is_sequenced:
            self.sequence()
        self.run(self.devices[device].pull())
        fresh = self.fresh(device)
        self.run(fresh.pull())
        assert self.devices[device].dump() == fresh.dump()

    def fresh(self, device: int) -> Replica:
        return Replica(Unremembered(self.database, self.devices[device].source.user_id))

    @rule(device=DEVICE, types=st.sets(st.sampled_from(sorted({*UPSERTS, *DELETES}))))
    def forget(self, device: int, types: set[str]) -> None:
        """After an update, the app asks for some types once more."""
        self.late[device].clear()
        source = self.devices[device].source
        self.write(checkpoints.delete_acks, source.session_id, types)

    @rule(device=DEVICE, chance=st.integers(0, 4))
    def ask_for_reset(self, device: int, chance: int) -> None:
        if chance == 0:
            source = self.devices[device].source
            actor = Actor(source.user_id)
            self.write(sessions.set_pending_reset, actor, source.session_id, is_pending=True)

    @rule(chance=st.integers(0, 9))
    def restore_the_database(self, chance: int) -> None:
        if chance == 0:
            self.run(self.connection.execute("UPDATE log_head SET incarnation = 'elsewhere'"))
            assert self.run(writes.sequencer.renew_epoch(self.connection)) == 1

    def teardown(self) -> None:
        if not hasattr(self, "late"):
            return
        while self.pending:
            self.end_slowly(True)
        self.sequence()
        for device in range(4):
            self.deliver_late(device, random.Random(0))
        self.run(self.agree())

    async def agree(self) -> None:
        for device, replica in enumerate(self.devices):
            fresh = self.fresh(device)
            await replica.pull()
            await fresh.pull()
            async with self.database.read() as connection:
                expected = await truth(connection, replica.source.user_id)
            assert replica.dump() == expected
            assert fresh.dump() == expected
            await replica.pull()
            assert replica.types() == []  # It has everything, and knows it.


def test_every_client_converges(dsn: str) -> None:
    with asyncio.Runner() as runner:
        Library.run = staticmethod(runner.run)
        Library.database = runner.run(Database(dsn).__aenter__())
        session = Library.database.session(options=LOOKUPS)
        Library.connection = runner.run(session.__aenter__())
        try:
            run_state_machine_as_test(Library, settings=SETTINGS)
        finally:
            runner.run(session.__aexit__(None, None, None))
            runner.run(Library.database.__aexit__())
    assert {*UPSERTS, *DELETES, "SyncResetV1"} - Replica.seen == set()  # It proved something.
