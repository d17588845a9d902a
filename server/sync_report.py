"""How each device's copy is, in words: what `heliograph doctor sync` prints."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from uuid import UUID

from server.doctor import Finding, Verdict
from sql import Connection
from sync import doctor
from sync.doctor import Copy, Unfit


async def report(
    connection: Connection, *, email: str | None, session_id: UUID | None
) -> AsyncIterator[tuple[Copy, list[Finding]]]:
    """One device after the other."""
    unfit: dict[UUID, list[Unfit]] = {}
    for copy in await doctor.list_copies(connection, email=email, session_id=session_id):
        if copy.user_id not in unfit:
            unfit[copy.user_id] = await doctor.list_unfit(connection, copy.user_id)
        yield copy, [*_judge(copy), *map(_tell, unfit[copy.user_id])]


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
    return Finding(Verdict.WRONG, unfit.kind, f"{unfit.key}: {unfit.reason}")
