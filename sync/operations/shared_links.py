"""Shared links: what somebody without an account may see, and send."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sql import Transaction, UniqueViolation, writes
from sync import access, log
from sync.actor import Actor, Link
from sync.errors import Invalid, Unauthenticated
from sync.operations import albums

NOT_SAVED = "Failed to save shared link"  # somebody has this slug


async def create_link(
    tx: Transaction,
    actor: Actor,
    key: bytes,
    *,
    album_id: UUID | None = None,
    asset_ids: Sequence[UUID] = (),
    description: str | None = None,
    password: str | None = None,
    slug: str | None = None,
    expires_at: datetime | None = None,
    is_upload_allowed: bool = True,
    is_download_allowed: bool = True,
    is_metadata_shown: bool = True,
) -> UUID:
    """Share an album, or else up to a thousand assets. Without metadata nothing is downloaded."""
    if album_id:
        await access.require_albums(tx, actor, [album_id], "album.share")
    else:
        await access.lock_shareable(tx, actor, asset_ids)
    try:
        row = await writes.shared_links.insert_link(
            tx,
            user_id=actor.user_id,
            key=key,
            slug=slug,
            album_id=album_id,
            description=description,
            password=password,
            expires_at=expires_at,
            is_upload_allowed=is_upload_allowed,
            is_download_allowed=is_download_allowed,
            is_metadata_shown=is_metadata_shown,
        )
    except UniqueViolation:
        raise Invalid(NOT_SAVED) from None
    if not album_id:
        await writes.shared_links.insert_assets(tx, link_id=row["id"], asset_ids=list(asset_ids))
    await _stage(tx, "shared_link.created", actor.user_id, row["id"])
    return row["id"]


async def update_link(
    tx: Transaction, actor: Actor, link_id: UUID, changes: dict[str, Any]
) -> None:
    """Change any of slug, description, password, expires_at (None takes them away), and of
    is_upload_allowed, is_download_allowed, is_metadata_shown."""
    await _lock(tx, actor, link_id)
    try:
        await writes.shared_links.update_link(
            tx,
            link_id=link_id,
            set=sorted(changes),
            slug=changes.get("slug"),
            description=changes.get("description"),
            password=changes.get("password"),
            expires_at=changes.get("expires_at"),
            is_upload_allowed=changes.get("is_upload_allowed"),
            is_download_allowed=changes.get("is_download_allowed"),
            is_metadata_shown=changes.get("is_metadata_shown"),
        )
    except UniqueViolation:
        raise Invalid(NOT_SAVED) from None
    await _stage(tx, "shared_link.updated", actor.user_id, link_id)


async def delete_link(tx: Transaction, actor: Actor, link_id: UUID) -> None:
    await _lock(tx, actor, link_id)
    await writes.shared_links.delete_link(tx, link_id=link_id)
    await _stage(tx, "shared_link.deleted", actor.user_id, link_id)


async def add_assets(
    tx: Transaction, actor: Actor, link_id: UUID, asset_ids: Sequence[UUID]
) -> dict[UUID, str | None]:
    """Show up to a thousand more; return why each was not added, None where it was."""
    shareable = await _hold_shareable(tx, actor, asset_ids)
    await _lock_of_assets(tx, actor, link_id)
    rows = await writes.shared_links.insert_assets(tx, link_id=link_id, asset_ids=list(shareable))
    added = {row["asset_id"] for row in rows}
    if added:
        await _stage(tx, "shared_link.updated", actor.user_id, link_id)
    why = {id_: "duplicate" if id_ in shareable else "no_permission" for id_ in asset_ids}
    return {id_: None if id_ in added else why[id_] for id_ in asset_ids}


async def remove_assets(
    tx: Transaction, actor: Actor, link_id: UUID, asset_ids: Sequence[UUID]
) -> dict[UUID, str | None]:
    """Show up to a thousand no more; return why each was not removed, None where it was."""
    await _lock_of_assets(tx, actor, link_id)
    rows = await writes.shared_links.delete_assets(
        tx, link_ids=[link_id], asset_ids=list(asset_ids)
    )
    removed = {row["asset_id"] for row in rows}
    if removed:
        await _stage(tx, "shared_link.updated", actor.user_id, link_id)
    return {id_: None if id_ in removed else "not_found" for id_ in asset_ids}


async def receive_asset(tx: Transaction, link: Link, owner_id: UUID, asset_id: UUID) -> None:
    """Show what came in through a link there: in its album, or among its assets.

    What its owner had before and locked away stays where it is. Raises Unauthenticated where the
    link takes nothing any more.
    """
    owner = Actor(owner_id)
    is_shareable = bool(await _hold_shareable(tx, owner, [asset_id]))
    # Albums before links, as whoever deletes an album goes: so none can deadlock.
    if link.album_id and is_shareable:
        await albums.add_assets(tx, owner, link.album_id, [asset_id])
    if not await writes.shared_links.hold_open_link(tx, link_id=link.id):
        raise Unauthenticated("Unauthorized")
    if not link.album_id and is_shareable:
        await writes.shared_links.insert_assets(tx, link_id=link.id, asset_ids=[asset_id])
        await _stage(tx, "shared_link.updated", owner_id, link.id)


async def forget_assets(tx: Transaction, asset_ids: Sequence[UUID]) -> None:
    """Show assets in no link any more, whoever's it is: they are to be locked away, or gone."""
    links = await writes.shared_links.lock_links_of(tx, asset_ids=list(asset_ids))
    await writes.shared_links.delete_assets(
        tx, link_ids=[link["id"] for link in links], asset_ids=list(asset_ids)
    )
    for link in links:
        await _stage(tx, "shared_link.updated", link["user_id"], link["id"])


async def unshare_assets(tx: Transaction, asset_ids: Sequence[UUID]) -> None:
    """Show assets to nobody else any more, in albums neither."""
    await albums.remove_everywhere(tx, asset_ids)
    await forget_assets(tx, asset_ids)


async def _hold_shareable(tx: Transaction, actor: Actor, asset_ids: Collection[UUID]) -> set[UUID]:
    """Those that the actor may show to others, until commit."""
    await writes.assets.hold_assets(tx, asset_ids=list(asset_ids))
    return await access.list_allowed_assets(tx, actor, asset_ids, "asset.share")


async def _lock(tx: Transaction, actor: Actor, link_id: UUID) -> writes.shared_links.lock_link_row:
    link = await writes.shared_links.lock_link(tx, link_id=link_id, user_id=actor.user_id)
    if link is None:
        raise Invalid("Shared link not found")
    return link


async def _lock_of_assets(tx: Transaction, actor: Actor, link_id: UUID) -> None:
    if (await _lock(tx, actor, link_id))["album_id"]:
        raise Invalid("Invalid shared link type")


async def _stage(tx: Transaction, topic: str, user_id: UUID, link_id: UUID) -> None:
    await log.stage(tx, topic, user_id, [link_id], audience=[user_id])
