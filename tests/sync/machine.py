"""Devices that follow what people change, over networks that do what they can to stop them."""

from __future__ import annotations

import random
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, rule

from sql import Connection, writes
from sync import checkpoints, sequencer
from sync.actor import Actor
from sync.operations import sessions
from tests.sync.app import DELETES, UPSERTS
from tests.sync.changes import ACTORS, MOSTLY
from tests.sync.oracle import truth
from tests.sync.order import CROP, TURN, Order
from tests.sync.replica import Replica, Unremembered, new_replica
from tests.sync.sharing import Sharing

EMPTY = b"""
    TRUNCATE "user", asset, album, partner, stack, memory, person, log, log_staging, state, job
        CASCADE;
    UPDATE log_head SET pos = 0, epoch = gen_random_uuid()"""
CHANGES = b"SELECT coalesce(sum(cardinality(entity_ids)), 0) AS count FROM log"

DEVICE = st.integers(0, ACTORS)  # the first user has two
# What becomes of an ack on its way: mostly nothing bad.
FATES = st.lists(st.sampled_from(["sent", "sent", "twice", "lost", "late", "late"]), max_size=8)
CUT_MAX = 40


class Library(Sharing, Order):
    """The law: each prefix applies; who follows ends where a fresh one starts; and both where the
    entity tables say."""

    connection: Connection  # the sequencer's
    changes = 0

    @initialize()
    def open(self) -> None:
        self.run(self.connection.execute(EMPTY))
        for who in range(ACTORS):
            self.actors.append(Actor(self.add_user(f"{who}"), is_elevated=True))
            self.prefer(who, "preferences", {}, True)
            for checksum in range(5 - who):
                self.upload(who, checksum, "x" if checksum == 0 else None)
            self.create_stack(who, [0, 1])
            self.create_memory(who, [1, 2])
            self.see_faces(who, 0, {0, 1}, "Ö")
            self.read_text(who, 0, 2)
            self.edit_picture(who, 1, [TURN, CROP], True)
            self.create_album(who, [0, 1, 2])
        self.share(0, 1, "editor")
        self.add_to_album(0, 1, [0, 1, 2])
        self.become_partner(1, 0, True)
        self.sequence()
        owners = [self.actors[0], *self.actors]
        self.devices = [self.run(new_replica(self.database, owner.user_id)) for owner in owners]
        self.late: list[list[str]] = [[] for _ in owners]
        for device in self.devices:
            self.run(device.pull())

    @rule()
    def sequence(self) -> None:
        self.run(sequencer.sequence(self.connection))

    @rule(
        device=DEVICE,
        cut=st.integers(0, CUT_MAX),
        batch=st.integers(1, 9),
        fates=FATES,
        is_first=MOSTLY,
    )
    def pull_badly(
        self, device: int, cut: int, batch: int, fates: list[str], is_first: bool
    ) -> None:
        """Cut off somewhere, over a network that plays with the acks."""
        if is_first:
            self.sequence()
        replica, waiting = self.devices[device], iter(fates)

        async def send(ack: str) -> None:
            fate = next(waiting, "sent")
            for _ in range({"lost": 0, "late": 0, "twice": 2}.get(fate, 1)):
                await replica.source.ack(ack)
            if fate in ("late", "twice"):
                self.late[device].append(ack)

        replica.batch_lines = batch
        self.run(replica.pull(cut=cut if cut < CUT_MAX else None, send=send))

    @rule(device=DEVICE, order=st.randoms(use_true_random=False))
    def deliver_late(self, device: int, order: random.Random) -> None:
        """Acks of earlier pulls arrive now, in any order: also those of a copy that is gone."""
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
        agree(self.devices[device].dump(), fresh.dump())
        if is_sequenced:
            agree(fresh.dump(), self.run(self.shown(device)))

    async def shown(self, device: int) -> Any:
        """What is to be seen there, by the tables."""
        async with self.database.read() as connection:
            return await truth(connection, self.devices[device].source.user_id)

    def fresh(self, device: int) -> Replica:
        return Replica(Unremembered(self.database, self.devices[device].source.user_id))

    @rule(device=DEVICE, cuts=st.lists(st.integers(1, 12), max_size=5))
    def replace_phone(self, device: int, cuts: list[int]) -> None:
        """A new one signs in, on a bad line."""
        self.late[device].clear()
        user_id = self.devices[device].source.user_id
        self.devices[device] = self.run(new_replica(self.database, user_id))
        for cut in cuts:
            self.run(self.devices[device].pull(cut=cut))

    @rule(device=DEVICE, types=st.sets(st.sampled_from(sorted({*UPSERTS, *DELETES}))))
    def forget(self, device: int, types: set[str]) -> None:
        """After an update, the app asks for some types once more."""
        source = self.devices[device].source
        self.write(checkpoints.delete_acks, source.session_id, types)

    @rule(device=DEVICE, chance=st.integers(0, 4))
    def ask_for_reset(self, device: int, chance: int) -> None:
        if chance == 0:
            source = self.devices[device].source
            actor = Actor(source.user_id)
            self.write(sessions.set_pending_reset, actor, source.session_id, is_pending=True)

    @rule(
        device=DEVICE,
        cut=st.integers(1, CUT_MAX),
        again=st.integers(1, 4),
        order=st.randoms(use_true_random=False),
    )
    def start_anew(self, device: int, cut: int, again: int, order: random.Random) -> None:
        """What a device acked before it was reset arrives after, all or some of it."""
        self.pull_badly(device, cut, 1, ["late"] * 8, True)
        self.ask_for_reset(device, 0)
        self.pull_badly(device, again, 1, [], False)
        self.deliver_late(device, order)

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
        for device in range(len(self.devices)):
            self.deliver_late(device, random.Random(0))
        self.run(self.end())

    async def end(self) -> None:
        for device, replica in enumerate(self.devices):
            fresh = self.fresh(device)
            await replica.pull()
            await fresh.pull()
            expected = await self.shown(device)
            agree(fresh.dump(), expected)
            agree(replica.dump(), expected)
            await replica.pull()
            assert replica.types() == [], replica.heard  # It has everything, and knows it.
        row: Any = await (await self.connection.execute(CHANGES)).fetchone()
        Library.changes += int(row["count"])


def agree(some: Any, others: Any) -> None:
    """Tell what differs, and only that."""
    differ = {
        f"{table} {key}": (some[table].get(key), others[table].get(key))
        for table in others
        for key in {*some[table], *others[table]}
        if some[table].get(key) != others[table].get(key)
    }
    assert not differ, differ
