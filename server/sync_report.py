"""How each device's copy is, in words: what `heliograph doctor sync` reads and prints."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import Meta

from server.body import Body
from server.doctor import Finding, Verdict
from sql import Connection
from sync import doctor, fitness
from sync.doctor import Copy, Digest, Searched
from sync.errors import Invalid
from sync.fitness import Held, Unfit


class SyncDigest(Body):
    count: Annotated[int, Meta(ge=0)]
    digest: Annotated[str, Meta(pattern="^[0-9a-f]{32}$")]


class SyncCompare(Body):
    """What a device counted in its copy, by the names of requests."""

    kinds: dict[str, SyncDigest]

    def digests(self) -> dict[str, Digest]:
        return {name: Digest(one.count, one.digest) for name, one in self.kinds.items()}


async def report(
    connection: Connection, *, email: str | None, session_id: UUID | None
) -> AsyncIterator[tuple[Copy, list[Finding]]]:
    """One device after the other."""
    told: dict[UUID, list[Finding]] = {}
    for copy in await doctor.list_copies(connection, email=email, session_id=session_id):
        if copy.user_id not in told:
            unfit = await fitness.list_unfit(connection, copy.user_id)
            held = await fitness.list_held(connection, copy.user_id)
            told[copy.user_id] = [*map(_tell, unfit), *map(_tell_held, held)]
        yield copy, [*_judge(copy), *told[copy.user_id]]


async def compare(connection: Connection, session_id: UUID, data: bytes) -> list[Finding]:
    """What a device counted, as JSON, against what it should hold. Raises Invalid."""
    try:
        report = msgspec.json.decode(data, type=SyncCompare)
    except msgspec.DecodeError as problem:
        raise Invalid(f"This is no report of a device: {problem}") from problem
    copy = await doctor.get_copy(connection, session_id)
    compared = await doctor.compare(connection, copy.user_id, session_id, report.digests())
    return [
        Finding(
            Verdict.WELL if theirs == ours else Verdict.WRONG,
            name,
            f"{theirs.rows} there, {ours.rows} here"
            + ("" if theirs == ours or theirs.rows != ours.rows else ", and not the same"),
        )
        for name, (theirs, ours) in compared.items()
    ]


def tell_search(searched: Searched | None) -> list[Finding]:
    if searched is None:
        return [Finding(Verdict.LOOK, "search", "somebody else is at it: try again")]
    text = f"{searched.released} lines may be sent again, {len(searched.held)} more may not"
    return [Finding(Verdict.LOOK if searched.held else Verdict.WELL, "search", text)]


def title(copy: Copy) -> str:
    known = filter(None, (copy.email, copy.device, copy.app_version))
    return f"{'  '.join(known)}  session {copy.session_id}"


def _judge(copy: Copy) -> Iterator[Finding]:
    if copy.is_pending_reset:
        yield Finding(Verdict.LOOK, "reset", "it starts anew at its next stream")
    if copy.behind_entries is None:
        yield Finding(Verdict.LOOK, "behind", "it never had everything")
    else:
        text = f"{copy.behind_entries} entries, {copy.behind_seconds:.0f} s"
        yield Finding(Verdict.WELL, "behind", text)
    if copy.streamed_at:
        at = f"{copy.streamed_at.astimezone():%Y-%m-%d %H:%M:%S}"
        text = f"{at}: {copy.lines} lines, {copy.bytes} bytes, {copy.seconds:.1f} s"
        verdict = Verdict.LOOK if copy.problem else Verdict.WELL
        yield Finding(verdict, "last stream", f"{text}; {copy.problem or 'complete'}")
    cursors = ", ".join(f"{type_} {pos}" for type_, pos in copy.cursors.items())
    yield Finding(Verdict.WELL, "cursors", cursors or "none")


def _tell(unfit: Unfit) -> Finding:
    verdict = Verdict.LOOK if unfit.is_tolerable else Verdict.WRONG
    return Finding(verdict, unfit.kind, f"{unfit.key}: {unfit.reason}")


def _tell_held(held: Held) -> Finding:
    what = f"sent without {', '.join(held.fields)}" if held.fields else "not sent"
    since = f"{held.noticed_at.astimezone():%Y-%m-%d %H:%M:%S}"
    return Finding(Verdict.LOOK, held.kind, f"{held.key}: {what} since {since}, {held.reason}")
