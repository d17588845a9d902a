"""Who follows is woken for all that concerns them, and ends where a fresh one starts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any
from unittest.mock import patch

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, rule, run_state_machine_as_test

from sql import Database, lines
from sql.database import LOOKUPS
from sync import live, sequencer
from sync.live import Follower, Live
from sync.stream import RESET, stream
from tests.sync.changes import ACTORS
from tests.sync.library import ask, until
from tests.sync.long_run import PAGE_LINES
from tests.sync.machine import Library, agree
from tests.sync.oracle import truth
from tests.sync.replica import REQUESTS, Replica, new_session

SETTINGS = settings(
    max_examples=8,
    derandomize=True,
    stateful_step_count=40,
    deadline=None,
    database=None,
    report_multiple_bugs=False,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
CUT_MAX = 30


class Rounds:
    """Where a replica takes its lines from: one round, line by line, as a little credit does."""

    def __init__(self, follower: Follower) -> None:
        self.follower = follower

    async def stream(self) -> AsyncIterator[bytes]:
        is_whole = False
        try:
            async with aclosing(self.follower.read()) as blocks:
                async for block in blocks:
                    for line in block.splitlines(keepends=True):
                        yield line
                        if block != RESET:
                            self.follower.note_sent(line)
            is_whole = True
        finally:
            if not is_whole:
                self.follower.woken.set()

    async def ack(self, ack: str) -> None:
        if ack.startswith("SyncResetV1"):
            await self.follower.start_anew()


class Followed(Library):
    """The first user has two channels, whose rounds are shared."""

    live: Live
    rounds = 0
    steps = 0

    @initialize()
    def open(self) -> None:
        super().open()
        self.stack = AsyncExitStack()
        self.open_ones: list[Replica] = []
        for actor in (self.actors[0], *self.actors):
            self.open_ones.append(self.run(self.follow(actor.user_id)))

    async def follow(self, user_id: Any) -> Replica:
        session_id = await new_session(self.database, user_id)
        await sequencer.sequence(self.connection)
        follower = await self.stack.enter_async_context(self.live.follow(user_id, session_id))
        await follower.start(REQUESTS, None)
        return Replica(Rounds(follower))

    @rule(which=st.integers(0, ACTORS), cut=st.integers(0, CUT_MAX))
    def hear(self, which: int, cut: int) -> None:
        self.run(self.catch_up(which, cut if cut < CUT_MAX else None))

    @invariant()
    def nobody_lacks_anything(self) -> None:
        """Every other step, so that some changes come together."""
        self.steps += 1
        if hasattr(self, "open_ones") and self.steps % 2:
            for which in range(len(self.open_ones)):
                self.run(self.catch_up(which))

    async def catch_up(self, which: int, cut: int | None = None) -> None:
        """Who was not woken has nothing to hear."""
        await sequencer.sequence(self.connection)
        await until(self.is_told)
        replica = self.open_ones[which]
        follower = replica.source.follower
        if follower.woken.is_set():
            Followed.rounds += 1
            await replica.pull(cut=cut)
        else:
            given = self.database, follower.user_id, REQUESTS, follower._acks
            assert [block[:25] async for block in stream(*given)] == [b'{"type":"SyncCompleteV1",']

    async def is_told(self) -> bool:
        (head,) = await ask(self.database, "SELECT epoch, pos FROM log_head")
        return self.live.place == (head["epoch"], head["pos"])

    async def end(self) -> None:
        for which, replica in enumerate(self.open_ones):
            while replica.source.follower.woken.is_set():
                await self.catch_up(which)
            await self.catch_up(which)
            async with self.database.read() as connection:
                expected = await truth(connection, replica.source.follower.user_id)
            agree(replica.dump(), expected)
        await self.stack.aclose()


def test_who_is_not_woken_lacks_nothing(dsn: str) -> None:
    machine = type("Followed", (Followed,), {})
    with (
        asyncio.Runner() as runner,
        patch.object(lines, "PAGE_LINES", PAGE_LINES),
        patch.object(live, "POLL_SECONDS", 0.02),
    ):
        machine.run = staticmethod(runner.run)
        machine.database = runner.run(Database(dsn).__aenter__())
        machine.live = Live(machine.database)
        session = machine.database.session(options=LOOKUPS)
        machine.connection = runner.run(session.__aenter__())
        try:
            run_state_machine_as_test(machine, settings=SETTINGS)
        finally:
            runner.run(session.__aexit__(None, None, None))
            runner.run(machine.database.__aexit__())
    assert Followed.rounds > 100  # It proved something.
