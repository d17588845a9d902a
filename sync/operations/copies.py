"""Copies: what is known of one asset, given to another that takes its place."""

from __future__ import annotations

from uuid import UUID

from sql import Transaction, reads, writes
from sync import access
from sync.actor import Actor
from sync.errors import Invalid
from sync.operations import albums, assets, renditions, shared_links, sidecars, stacks


async def copy_asset(
    tx: Transaction,
    actor: Actor,
    source_id: UUID,
    target_id: UUID,
    *,
    to_albums: bool,
    to_links: bool,
    to_stack: bool,
    is_favorite: bool,
) -> None:
    """Put an asset beside another: into its albums, its links, its stack."""
    if source_id == target_id:
        raise Invalid("Source and target id must be distinct")
    await access.hold_library(tx, actor.user_id)
    await access.lock_assets(tx, actor, [source_id, target_id], "asset.copy")
    source = await reads.assets.get_copied(tx, asset_id=source_id)
    assert source is not None, "it is held"
    if to_stack and source["primary_asset_id"]:
        # Whoever stands for a stack brings all of it along.
        await stacks.create_stack(tx, actor, [source["primary_asset_id"], target_id])
    if is_favorite:
        await assets.update_assets(tx, actor, [target_id], is_favorite=source["is_favorite"])
    if to_albums:
        for album_id in source["album_ids"]:
            await albums.add_assets(tx, actor, album_id, [target_id])
    if to_links:
        for link_id in source["link_ids"]:
            await shared_links.add_assets(tx, actor, link_id, [target_id])


async def hold_sidecars(
    tx: Transaction, actor: Actor, source_id: UUID, target_id: UUID
) -> tuple[str, str] | None:
    """Hold two assets; return where the sidecar of one is, and where that of the other belongs.
    None: there is none."""
    await access.lock_assets(tx, actor, [source_id, target_id], "asset.copy")
    keys = await reads.assets.get_sidecars(tx, source_id=source_id, target_id=target_id)
    source_key, target_key = keys["sidecar_key"], keys["target_key"]
    return (source_key, target_key) if source_key else None


async def record_sidecar(tx: Transaction, actor: Actor, asset_id: UUID, key: str) -> None:
    """A sidecar that is stored beside an asset, which is held, is its own, and is to be read. What
    people said of the asset itself is to be written into it again."""
    await writes.assets.put_file(tx, asset_id=asset_id, type="sidecar", key=key)
    await sidecars.request_writing(tx, actor.user_id, [asset_id])
    await renditions.request_metadata(tx, actor.user_id, [asset_id])
