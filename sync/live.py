"""Who follows the log from an open channel: what each has, and when there may be more for it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime
from uuid import UUID

from sql import Connection, Database, Disconnected, reads
from sql.database import hear
from sync import checkpoints, retention, tail
from sync.checkpoints import Ack, Progress
from sync.feeds import FEEDS
from sync.stream import RESET, TooSlow, settle, stream
from sync.tail import Entry
from sync.topics import EVERYONE, TOPICS

logger = logging.getLogger(__name__)
POLL_SECONDS = 5.0  # A notification may be lost; a poll never is.
RETRY_SECONDS = 0.5
# Rounds at once: each has one of the process's connections, and others need some too. Those that
# wait for their clients must not keep those waiting that do not.
LONG_MAX, SHORT_MAX = 6, 4
SHARED_BYTES_MAX = 64 << 10  # A longer round is read by each follower for itself.
CHECK_SECONDS = 5.0  # Between looks at whether the session is to start anew.
SHOWN_MAX = 10_000  # Of more assets than these it is not asked who sees them: all look.


# A user, what is asked for, and the generation of the copies there.
Whose = tuple[UUID, frozenset[str], int]
Place = tuple[UUID, int, int]  # epoch, what was sent, and what is to be


class Live:
    """All followers in this process. The log is read once for all, while there are any."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.long_rounds = asyncio.Semaphore(LONG_MAX)
        self._short_rounds = asyncio.Semaphore(SHORT_MAX)
        self._followers: set[Follower] = set()
        self._shared: dict[Whose, tuple[Place, asyncio.Task[list[bytes] | None]]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._is_reading = asyncio.Event()
        self.place: tuple[UUID, int] | None = None  # Up to here everyone was told.

    @asynccontextmanager
    async def follow(self, user_id: UUID, session_id: UUID) -> AsyncIterator[Follower]:
        """A follower that misses nothing from here on."""
        follower = Follower(self, user_id, session_id)
        self._followers.add(follower)
        if self._reading is None:
            self._is_reading.clear()
            self._reading = asyncio.create_task(self._read())
        try:
            await self._is_reading.wait()
            yield follower
        finally:
            self._followers.discard(follower)
            self._shared.pop(follower.whose, None)
            if not self._followers and self._reading:
                reading, self._reading = self._reading, None
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)

    async def share(
        self, whose: Whose, place: Place, read: Callable[[], AsyncGenerator[bytes, None]]
    ) -> list[bytes] | None:
        """A short round, read once for all of one user's followers at one place."""
        known = self._shared.get(whose)
        if known is None or known[0] != place:
            known = self._shared[whose] = (place, asyncio.create_task(self._collect(read())))
        try:
            return await asyncio.shield(known[1])
        except (Disconnected, TooSlow):
            self._shared.pop(whose, None)
            raise

    async def _collect(self, blocks: AsyncGenerator[bytes, None]) -> list[bytes] | None:
        kept: list[bytes] = []
        async with self._short_rounds, aclosing(blocks):
            async for block in blocks:
                kept.append(block)
                if sum(map(len, kept)) > SHARED_BYTES_MAX:
                    return None
        return kept

    async def _read(self) -> None:
        self.place = None
        while True:
            try:
                async with self.database.listen("log") as connection:
                    while True:
                        await self._catch_up(connection)
                        self._is_reading.set()
                        await hear(connection, POLL_SECONDS)
            except Disconnected:
                await asyncio.sleep(RETRY_SECONDS)
            except Exception:  # Nobody would be told anything any more, and nobody know.
                logger.exception("Followers were not told of what came after %s", self.place)
                self.place = None  # All are woken, and it goes on from the head.
                await asyncio.sleep(RETRY_SECONDS)

    async def _catch_up(self, connection: Connection) -> None:
        head = await reads.log.head(connection)
        epoch = head["epoch"]
        if self.place is None or self.place[0] != epoch:  # We begin; or a database was put back.
            self._wake_all()
            self.place = epoch, head["pos"]
        while entries := await tail.read(connection, self.place[1]):
            await self._tell(connection, entries)
            self.place = epoch, entries[-1].pos

    async def _tell(self, connection: Connection, entries: Sequence[Entry]) -> None:
        """Each follower, once for all the entries, where one of them may concern it."""
        ended = {id_ for entry in entries if entry.topic in ENDS for id_ in entry.entity_ids}
        changes = [entry for entry in entries if TOPICS[entry.topic].touches]
        scopes = {entry.scope for entry in changes}
        if any("user" in TOPICS[entry.topic].touches for entry in changes):
            scopes.add(EVERYONE)
        shown = {id_ for entry in changes if _is_shown(entry) for id_ in entry.entity_ids}
        is_flood = len(shown) > SHOWN_MAX
        if shown and not is_flood and any(one.sees_albums for one in self._followers):
            rows = await reads.live.list_albums_showing(connection, asset_ids=list(shown))
            scopes.update(row["album_id"] for row in rows)
        regranted = {entry.scope for entry in changes if entry.topic in REGRANTS}
        for follower in self._followers:
            if not ended.isdisjoint((follower.user_id, follower.session_id)):
                follower.ended.set()
            if follower.user_id in regranted:
                follower.forget_view()
            follower.tell(entries[-1].pos, scopes, is_flood=is_flood)

    def _wake_all(self) -> None:
        self._shared.clear()
        for follower in self._followers:
            follower.doubt()


class Follower:
    """One open channel: whose it is, what was sent to it, and whether there may be more."""

    def __init__(self, live: Live, user_id: UUID, session_id: UUID) -> None:
        self.user_id, self.session_id = user_id, session_id
        self.woken = asyncio.Event()
        self.ended = asyncio.Event()  # The session is no more.
        self._live = live
        self._requests: frozenset[str] = frozenset()
        self._cursors: list[str] = []
        self._acks: dict[str, Ack] = {}
        self._generation = 0  # of the copy that is sent here
        self._head = 0  # Up to here all was sent,
        self._is_level = False  # and nothing beyond;
        self._told = 0  # and here something happened that may concern us.
        self._checked_at = -CHECK_SECONDS
        # Scopes whose changes this user may see. None: not known now, so all may concern us.
        self._view: frozenset[UUID] | None = None
        self._view_number = 0

    async def start(self, requests: Collection[str], acks: Mapping[str, Ack] | None) -> None:
        """Follow these types from after these acks, or from after those of the session."""
        self._requests = frozenset(requests)
        self._cursors = [feed.cursor or feed.type for feed in FEEDS if feed.request in requests]
        await settle(self._live.database)
        progress = await self._begin()
        self._generation = progress.generation
        self._acks = dict(progress.acks if acks is None else acks or await self._nothing())
        self._head, self._is_level = 0, False
        self.woken.set()

    async def start_anew(self) -> None:
        """As a client that has nothing."""
        await self.start(self._requests, {})

    @property
    def sees_albums(self) -> bool:
        return self._view is None or len(self._view) > len((self.user_id, EVERYONE))

    @property
    def is_complete(self) -> bool:
        """All was sent once, so that what comes is news."""
        return self._head > 0

    def forget_view(self) -> None:
        self._view = None
        self._view_number += 1

    def doubt(self) -> None:
        """Whatever was known need not hold any more."""
        self.forget_view()
        self._checked_at = -CHECK_SECONDS
        self.woken.set()

    def tell(self, upto: int, scopes: Collection[UUID], *, is_flood: bool) -> None:
        if upto <= self._head:
            return  # A round saw that already.
        if self._view is None or is_flood or not self._view.isdisjoint(scopes):
            self._told = upto
            self.woken.set()

    @property
    def whose(self) -> Whose:
        return self.user_id, self._requests, self._generation

    async def read(self) -> AsyncGenerator[bytes, None]:
        """One round: blocks of the lines that the client lacks, as `stream` gives them."""
        self.woken.clear()  # Before the snapshot: what comes after it calls for another round.
        if await self._is_to_start_anew():
            yield RESET
            return
        if self._is_level:
            place = (self._acks["SyncCompleteV1"].epoch, self._head, self._told)
            shared = await self._live.share(self.whose, place, self._stream)
            if shared is not None:
                for block in shared:
                    yield block
                return
        async with self._live.long_rounds, aclosing(self._stream()) as blocks:
            async for block in blocks:
                yield block

    def note_sent(self, lines: bytes) -> None:
        """These whole lines are on their way: the next round starts behind the last of them."""
        type_, ack = checkpoints.parse_ack(_last_ack(lines))
        self._acks[type_] = ack
        self._is_level = type_ == "SyncCompleteV1"
        if self._is_level:
            here = ack._replace(part=0)
            self._acks |= {**dict.fromkeys(self._cursors, here), type_: ack}
            self._head = ack.pos

    async def _begin(self) -> Progress:
        """Have it noted that the session may hold what is asked for; return what is known of it."""
        async with self._live.database.read() as connection:
            progress = await checkpoints.get_progress(connection, self.session_id)
        if not retention.has_begun(progress.acks, self._requests):
            async with self._live.database.write() as tx:
                await retention.begin_copy(tx, self.session_id, self._requests)
                progress = await checkpoints.get_progress(tx, self.session_id)
        return progress

    async def _nothing(self) -> dict[str, Ack]:
        """The acks of a copy that begins now: what is gone by now it need not be told."""
        async with self._live.database.read() as connection:
            head = await reads.log.head(connection)
        asked = retention.bits(self._requests)
        return {"SyncResetV1": Ack(head["epoch"], head["pos"], datetime.now(UTC), asked)}

    def _stream(self) -> AsyncGenerator[bytes, None]:
        given = self._live.database, self.user_id, self._requests, dict(self._acks)
        return stream(*given, self._generation)

    async def _is_to_start_anew(self) -> bool:
        """Looks, now and then, since no entry tells of it."""
        is_due = time.monotonic() - self._checked_at > CHECK_SECONDS
        if not is_due and self._view is not None:
            return False
        async with self._live.database.read() as connection:
            if self._view is None:
                await self._look(connection)
            session = await reads.checkpoints.is_pending_reset(
                connection, session_id=self.session_id
            )
        self._checked_at = time.monotonic()
        if session is None:
            self.ended.set()
        return session is not None and session["is_pending_sync_reset"]

    async def _look(self, connection: Connection) -> None:
        """What this user may see. A grant that comes meanwhile makes it unknown again."""
        number = self._view_number
        grants = await reads.checkpoints.list_grants(connection, user_id=self.user_id)
        if number == self._view_number:
            seen = [grant["key"] for grant in grants if not grant["is_gone"]]
            self._view = frozenset((self.user_id, EVERYONE, *seen))


def _is_shown(entry: Entry) -> bool:
    """Whether it changes what albums show, although no album is its scope."""
    return entry.topic.startswith("asset.") and "album_view" in TOPICS[entry.topic].touches


def _last_ack(lines: bytes) -> str:
    start = lines.rindex(ACK) + len(ACK)
    return lines[start : lines.index(b'"', start)].decode()


ACK = b'"ack":"'
ENDS = ("session.deleted", "user.deleted")
REGRANTS = (
    "album_access.granted",
    "album_access.revoked",
    "partner_access.granted",
    "partner_access.revoked",
    "sync.quarantined",
    "sync.released",
)
