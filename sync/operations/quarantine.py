"""Quarantine: lines that would jam an app are not sent, and nothing else is kept from it.

What is held back leaves every copy by an ordinary delete line, and comes again as if it were new.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from sql import Transaction, reads, writes
from sql.projections import try_held
from sync import fitness, log
from sync.fitness import Unfit

Place = tuple[str, UUID, UUID]  # kind, scope and key of a line


async def hold_unfit(tx: Transaction, user_ids: Collection[UUID]) -> list[Unfit]:
    """Hold back what would jam a phone of these users, and what names that, whoever sees it."""
    waiting, held = dict.fromkeys(user_ids), []
    while waiting:
        user_id = next(iter(waiting))
        while found := await fitness.list_jams(tx, user_id):
            held += await _hold(tx, found)
            places = [(one.kind, one.scope, one.key) for one in found]
            waiting |= dict.fromkeys(await fitness.list_concerned(tx, places))
        waiting.pop(user_id)
    return held


async def release_fit(tx: Transaction) -> tuple[int, list[Unfit]]:
    """Try again all that is held: how many lines may be sent again, and what more is held now."""
    places = [
        (row["kind"], row["scope"], row["key"]) for row in await reads.doctor.list_quarantined(tx)
    ]
    for kind in {kind for kind, _, _ in places}:
        await try_held(tx, kind)
    held = await hold_unfit(tx, await fitness.list_concerned(tx, places))
    released = [
        (row["kind"], row["scope"], row["key"]) for row in await writes.quarantine.release(tx)
    ]
    await _stage(tx, "sync.released", released)
    return len(released), held


async def _hold(tx: Transaction, found: Sequence[Unfit]) -> list[Unfit]:
    """Those of them for which that is news."""
    held = []
    for (kind, scope), group in groupby(found, attrgetter("kind", "scope")):
        rows = {one.key: one for one in group}
        changed = await writes.quarantine.hold(
            tx,
            kind=kind,
            scope=scope,
            keys=list(rows),
            fields=[" ".join(one.fields) for one in rows.values()],
            reasons=[one.reason for one in rows.values()],
        )
        held += [rows[row["key"]] for row in changed]
    await _stage(tx, "sync.quarantined", [(one.kind, one.scope, one.key) for one in held])
    return held


async def _stage(tx: Transaction, topic: str, places: Sequence[Place]) -> None:
    """A user's line is in everyone's scope, and its entry in that of the user."""
    keys = defaultdict(list)
    for kind, scope, key in places:
        keys[kind, key if kind == "user" else scope].append(key)
    for (kind, scope), ids in keys.items():
        await log.stage(tx, topic, scope, ids, kind=kind)
