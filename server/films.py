"""Films that should have been made over for browsers and were not, or whose new form is gone."""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

from server.context import Context
from sql import reads
from storage import paths
from sync.operations import renditions

logger = logging.getLogger(__name__)
FEW = 100

Rows = Sequence[Mapping[str, Any]]


async def request_missing_films(context: Context) -> None:
    """Compare results with films: neither a lost job nor a lost file can stay lost."""
    settings = context.config.ffmpeg
    if settings.transcode != "disabled":
        lacking = partial(reads.assets.list_unencoded, policy=settings.policy)
        count = 0
        async for rows in _pages(context, lacking):
            await _request(context, rows)
            count += len(rows)
        if count:
            logger.info("%d films may have to be made over", count)
    await _request_lost(context)


async def _request_lost(context: Context) -> None:
    lost: list[Mapping[str, Any]] = []
    asked = 0
    async for rows in _pages(context, reads.assets.list_encoded):
        lost += await asyncio.to_thread(_without_file, context.root, rows)
        asked += len(rows)
    if len(lost) > max(FEW, asked // 2):  # Rather a volume that is not there than so much lost.
        logger.error("%d of %d films made over have no file: nothing is done", len(lost), asked)
    elif lost:
        logger.warning("%d films made over have lost their files", len(lost))
        await _request(context, lost)


def _without_file(root: Path, rows: Rows) -> list[Mapping[str, Any]]:
    return [row for row in rows if not _has_bytes(paths.resolve(root, row["key"]))]


def _has_bytes(path: Path) -> bool:
    try:
        return path.stat().st_size > 0
    except FileNotFoundError:
        return False


async def _pages(
    context: Context, list_some: Callable[..., Awaitable[Rows]]
) -> AsyncIterator[Rows]:
    after = UUID(int=0)
    while True:
        async with context.database.read() as connection:
            rows = await list_some(connection, after=after)
        if not rows:
            return
        after = rows[-1]["id"]
        yield rows


async def _request(context: Context, rows: Rows) -> None:
    wanted = defaultdict(list)
    for row in rows:
        wanted[row["owner_id"]].append(row["id"])
    async with context.database.write() as tx:
        for owner_id, ids in wanted.items():
            await renditions.request_transcodes(tx, owner_id, ids)
