"""Asset metadata: what apps keep with assets, by a key of theirs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from sql import Transaction, writes
from sync import access, log
from sync.actor import Actor

Items = Sequence[tuple[UUID, str, dict[str, Any]]]


async def set_metadata(tx: Transaction, actor: Actor, items: Items) -> list[dict[str, Any]]:
    """Keep values by asset and key; return the rows as they are now."""
    asset_ids = {asset_id for asset_id, _, _ in items}
    await access.lock_assets(tx, actor, asset_ids, "asset.update")
    return await keep_metadata(tx, actor.user_id, items)


async def keep_metadata(tx: Transaction, owner_id: UUID, items: Items) -> list[dict[str, Any]]:
    """The same for assets that are locked."""
    last = {(asset_id, key): value for asset_id, key, value in items}
    rows = await writes.assets.set_metadata(
        tx,
        asset_ids=[asset_id for asset_id, _ in last],
        keys=[key for _, key in last],
        values=[msgspec.json.encode(value).decode() for value in last.values()],
    )
    await _stage(tx, owner_id, [row["id"] for row in rows])
    found = {(row["asset_id"], row["key"]): dict(row) for row in rows}
    return [found[item] for item in last]


async def delete_metadata(tx: Transaction, actor: Actor, items: Sequence[tuple[UUID, str]]) -> None:
    asset_ids = {asset_id for asset_id, _ in items}
    await access.lock_assets(tx, actor, asset_ids, "asset.update")
    rows = await writes.assets.delete_metadata(
        tx, asset_ids=[asset_id for asset_id, _ in items], keys=[key for _, key in items]
    )
    await _stage(tx, actor.user_id, [row["id"] for row in rows])


async def forget_assets(tx: Transaction, owner_id: UUID, asset_ids: Sequence[UUID]) -> None:
    """Assets that are locked go, and with them what was kept."""
    rows = await writes.assets.delete_all_metadata(tx, asset_ids=list(asset_ids))
    await _stage(tx, owner_id, [row["id"] for row in rows])


async def _stage(tx: Transaction, owner_id: UUID, ids: Sequence[UUID]) -> None:
    await log.stage(tx, "asset_metadata.changed", owner_id, ids)
