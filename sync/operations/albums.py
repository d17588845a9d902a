"""Albums: views on assets of several owners, shared by their members."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from uuid import UUID

from sql import Transaction, reads, writes
from sync import access, log
from sync.actor import Actor
from sync.errors import Invalid, NoAccess
from sync.operations import notifications


async def create_album(
    tx: Transaction, actor: Actor, name: str, description: str = "", *, order: str = "desc"
) -> UUID:
    row = await writes.albums.insert_album(
        tx, owner_id=actor.user_id, name=name, description=description, order=order
    )
    await log.stage(tx, "album.created", row["id"], [row["id"]], audience=[actor.user_id])
    await _admit(tx, row["id"], [actor.user_id], role="owner")
    return row["id"]


async def update_album(
    tx: Transaction,
    actor: Actor,
    album_id: UUID,
    *,
    name: str | None = None,
    description: str | None = None,
    thumbnail_asset_id: UUID | None = None,
    is_activity_enabled: bool | None = None,
    order: str | None = None,
) -> None:
    """Change what is not None. The cover is one of the album's assets."""
    await _lock(tx, actor, album_id, "album.update")
    if thumbnail_asset_id and not await reads.albums.list_links(
        tx, album_id=album_id, asset_ids=[thumbnail_asset_id]
    ):
        raise Invalid("Invalid album thumbnail")
    await writes.albums.update_album(
        tx,
        album_id=album_id,
        name=name,
        description=description,
        thumbnail_asset_id=thumbnail_asset_id,
        is_activity_enabled=is_activity_enabled,
        order=order,
    )
    await _stage_update(tx, album_id)


async def share_album(
    tx: Transaction, actor: Actor, album_id: UUID, user_ids: Sequence[UUID], *, role: str
) -> None:
    """Let more users in; who is in already stays as they are."""
    album = await _lock(tx, actor, album_id, "album.share")
    if role == "owner":
        raise Invalid("Cannot add another owner")
    await _require_users(tx, user_ids)
    admitted = await _admit(tx, album_id, user_ids, role=role)
    await notifications.invite(tx, album_id, album["name"], admitted)


async def set_role(tx: Transaction, actor: Actor, album_id: UUID, user_id: UUID, role: str) -> None:
    album = await _lock(tx, actor, album_id, "album.share")
    if role == "owner":
        raise Invalid("Cannot add another owner")
    if user_id == album["owner_id"]:
        raise Invalid("User is owner")
    if not await writes.albums.set_role(tx, album_id=album_id, user_id=user_id, role=role):
        raise Invalid("Album not shared with user")
    audience = await _members(tx, album_id)
    await log.stage(tx, "album.role_changed", album_id, [user_id], audience=audience)


async def unshare_album(tx: Transaction, actor: Actor, album_id: UUID, user_id: UUID) -> None:
    """Its owner may send anybody else away; anybody else may leave."""
    is_leaving = user_id == actor.user_id
    album = await _lock(tx, actor, album_id, "album.read" if is_leaving else "album.share")
    if user_id == album["owner_id"]:
        raise Invalid("Cannot remove the last album owner")
    if not await _dismiss(tx, album_id, [user_id]):
        raise Invalid("Album not shared with user")


async def add_assets(
    tx: Transaction, actor: Actor, album_id: UUID, asset_ids: Sequence[UUID]
) -> list[UUID]:
    """Show up to a thousand more, own ones or a partner's; return those not shown already."""
    # Assets before albums, here and wherever assets go: so none can deadlock.
    await access.lock_shareable(tx, actor, asset_ids)
    await _lock(tx, actor, album_id, "albumAsset.create")
    added = await writes.albums.insert_links(tx, album_id=album_id, asset_ids=list(asset_ids))
    if added:
        await notifications.note_news(tx, actor, album_id)
    return await _stage_links(tx, "album.assets_added", album_id, added)


async def remove_assets(
    tx: Transaction, actor: Actor, album_id: UUID, asset_ids: Sequence[UUID]
) -> list[UUID]:
    """Show up to a thousand no more; return those that were shown.

    The album's owner may take out all, an editor what they could have put in.
    """
    album = await _lock(tx, actor, album_id, "albumAsset.delete")
    ids = set(asset_ids)
    if album["owner_id"] != actor.user_id:
        ids = await access.list_allowed_assets(tx, actor, ids, "asset.share")
    removed = await writes.albums.delete_links(tx, album_id=album_id, asset_ids=list(ids))
    return await _stage_links(tx, "album.assets_removed", album_id, removed)


async def remove_everywhere(tx: Transaction, asset_ids: Sequence[UUID]) -> None:
    """Show assets in no album any more, whoever's it is: they are to be locked away, or gone."""
    for album in await writes.albums.lock_albums_of(tx, asset_ids=list(asset_ids)):
        removed = await writes.albums.delete_links(
            tx, album_id=album["id"], asset_ids=list(asset_ids)
        )
        await _stage_links(tx, "album.assets_removed", album["id"], removed)


async def delete_album(tx: Transaction, actor: Actor, album_id: UUID) -> None:
    """For all its members; the assets stay."""
    await _lock(tx, actor, album_id, "album.delete")
    await forget_album(tx, album_id)


async def forget_album(tx: Transaction, album_id: UUID) -> None:
    """Delete an album that is locked, and all that is in it."""
    while links := await reads.albums.list_some_links(tx, album_id=album_id):
        ids = [link["asset_id"] for link in links]
        await writes.albums.delete_links(tx, album_id=album_id, asset_ids=ids)
        await log.stage(tx, "album.assets_removed", album_id, ids)
    await _dismiss(tx, album_id, await _members(tx, album_id))
    await writes.albums.delete_album(tx, album_id=album_id)
    await log.stage(tx, "album.deleted", album_id, [album_id])


async def leave_all(tx: Transaction, user_id: UUID) -> None:
    """A user goes: their albums end, and they are in nobody else's."""
    for membership in await reads.albums.list_memberships(tx, user_id=user_id):
        album_id = membership["album_id"]
        await writes.albums.lock_album(tx, album_id=album_id)
        if membership["role"] == "owner":
            await forget_album(tx, album_id)
        else:
            await _dismiss(tx, album_id, [user_id])


async def set_aside(tx: Transaction, user_id: UUID) -> None:
    """A user goes, and may come back: until then nobody sees what they shared, nor they what
    others did."""
    lent = await reads.departures.list_lent(tx, user_id=user_id)
    await writes.assets.hold_assets(tx, asset_ids=[row["asset_id"] for row in lent])
    for album in await writes.departures.lock_albums_around(tx, user_id=user_id):
        album_id, is_own = album["id"], album["owner_id"] == user_id
        members = await writes.departures.set_aside_members(tx, album_id=album_id, user_id=user_id)
        if not is_own:
            links = await writes.departures.set_aside_links(tx, album_id=album_id, user_id=user_id)
            ids = [link["asset_id"] for link in links]
            removed = await writes.albums.delete_links(tx, album_id=album_id, asset_ids=ids)
            await _stage_links(tx, "album.assets_removed", album_id, removed)
        await _dismiss(tx, album_id, [member["user_id"] for member in members])


async def take_back(tx: Transaction, user_id: UUID) -> None:
    """They are back; what they share with somebody who is gone waits for those."""
    await writes.departures.hand_over_members(tx, user_id=user_id)
    await writes.departures.hand_over_links(tx, user_id=user_id)
    lent = defaultdict(list)
    for link in await writes.departures.take_links(tx, user_id=user_id):
        lent[link["album_id"]].append(link["asset_id"])
    assets = [asset_id for asset_ids in lent.values() for asset_id in asset_ids]
    await writes.assets.hold_assets(tx, asset_ids=assets)
    members = await writes.departures.take_members(tx, user_id=user_id)
    for album_id in sorted({*lent, *(member["album_id"] for member in members)}):
        await writes.albums.lock_album(tx, album_id=album_id)
        for member in members:
            if member["album_id"] == album_id:
                await _admit(tx, album_id, [member["user_id"]], role=member["role"])
        added = await writes.albums.insert_links(tx, album_id=album_id, asset_ids=lent[album_id])
        await _stage_links(tx, "album.assets_added", album_id, added)


async def _admit(
    tx: Transaction, album_id: UUID, user_ids: Sequence[UUID], *, role: str
) -> list[UUID]:
    """The album gains members, and each member's view gains the album."""
    rows = await writes.albums.insert_members(
        tx, album_id=album_id, user_ids=list(user_ids), role=role
    )
    admitted = [row["user_id"] for row in rows]
    members = await _members(tx, album_id)
    await log.stage(tx, "album.shared", album_id, admitted, audience=members)
    await _stage_access(tx, "album_access.granted", album_id, admitted)
    return admitted


async def _dismiss(tx: Transaction, album_id: UUID, user_ids: Collection[UUID]) -> list[UUID]:
    members = await _members(tx, album_id)
    rows = await writes.albums.delete_members(tx, album_id=album_id, user_ids=list(user_ids))
    dismissed = [row["user_id"] for row in rows]
    await log.stage(tx, "album.unshared", album_id, dismissed, audience=members)
    await _stage_access(tx, "album_access.revoked", album_id, dismissed)
    return dismissed


async def _stage_access(
    tx: Transaction, topic: str, album_id: UUID, user_ids: Sequence[UUID]
) -> None:
    for user_id in user_ids:
        await log.stage(tx, topic, user_id, [album_id], audience=[user_id])


async def _stage_links(
    tx: Transaction, topic: str, album_id: UUID, rows: Sequence[writes.albums.insert_links_row]
) -> list[UUID]:
    """Links that came or went; the cover, and when the album changed, follow."""
    asset_ids = [row["asset_id"] for row in rows]
    if asset_ids:
        await log.stage(tx, topic, album_id, asset_ids, audience=await _members(tx, album_id))
        await writes.albums.touch_album(tx, album_id=album_id)
        await _stage_update(tx, album_id)
    return asset_ids


async def _stage_update(tx: Transaction, album_id: UUID) -> None:
    await log.stage(
        tx, "album.updated", album_id, [album_id], audience=await _members(tx, album_id)
    )


async def _require_users(tx: Transaction, user_ids: Collection[UUID]) -> None:
    rows = await reads.users.list_present(tx, user_ids=list(user_ids))
    if len(rows) < len(set(user_ids)):
        raise Invalid("Invalid user")


async def _lock(
    tx: Transaction, actor: Actor, album_id: UUID, permission: str
) -> writes.albums.lock_album_row:
    """Hold the album until commit; then ask, so that the answer stays true."""
    album = await writes.albums.lock_album(tx, album_id=album_id)
    await access.require_albums(tx, actor, [album_id], permission)
    if album is None:
        raise NoAccess(permission)
    return album


async def _members(tx: Transaction, album_id: UUID) -> list[UUID]:
    return [row["user_id"] for row in await reads.albums.list_members(tx, album_id=album_id)]
