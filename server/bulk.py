"""What became of each of many ids, as Immich says it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta

from server.body import Body, Id

IDS_MAX = 65_000  # a contract of ours with the official CLI, which sends no more

Ids = Annotated[list[Id], Meta(max_length=IDS_MAX)]


class BulkIds(Body):
    ids: Ids


def show_results(
    ids: Sequence[UUID],
    done: Collection[UUID],
    *,
    error: str,
    denied: Collection[UUID] = (),
) -> list[dict[str, Any]]:
    """BulkIdResponseDto for each: done once, or why not: `no_permission`, or else `error`."""
    results: list[dict[str, Any]] = []
    open_ = set(done)
    for id_ in ids:
        if id_ in open_:
            open_.discard(id_)
            results.append({"id": id_, "success": True})
        else:
            reason = "no_permission" if id_ in denied else error
            results.append({"id": id_, "success": False, "error": reason})
    return results
