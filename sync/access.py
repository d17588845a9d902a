"""Who may do what to which entity: every operation and every read by id asks here first."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sql import Connection, Transaction, reads, writes
from sync.actor import Actor, Link
from sync.errors import NoAccess, Unauthenticated

LOOKS = ("asset.read", "asset.view", "asset.download")
ROLES = {
    "album.read": ("owner", "editor", "viewer"),
    "album.download": ("owner", "editor", "viewer"),
    "album.update": ("owner",),
    "album.share": ("owner",),
    "album.delete": ("owner",),
    "albumAsset.create": ("owner", "editor"),
    "albumAsset.delete": ("owner", "editor"),
    "activity.create": ("owner", "editor", "viewer"),
    "activity.delete": ("owner",),
}


async def require_assets(
    connection: Connection, actor: Actor, asset_ids: Collection[UUID], permission: str
) -> None:
    """All of them may be used so. Raises NoAccess, the same for what is missing and for what is
    another's."""
    if await list_allowed_assets(connection, actor, asset_ids, permission) != set(asset_ids):
        raise NoAccess(permission)


async def list_allowed_assets(
    connection: Connection, actor: Actor, asset_ids: Collection[UUID], permission: str
) -> set[UUID]:
    """Those of the assets that the actor may use so.

    To look at: one's own, those in one's albums, and a partner's; to share: one's own and a
    partner's; for all else: one's own. Locked ones only behind the PIN code, and never shared.
    """
    ids, user_id = list(asset_ids), actor.user_id
    if actor.link:
        if permission not in LOOKS or not _does_allow(actor.link, permission):
            return set()
        linked = await reads.access.list_linked(connection, asset_ids=ids, link_id=actor.link.id)
        return {row["id"] for row in linked}
    if permission in LOOKS:
        seen = await reads.access.list_seen(
            connection, asset_ids=ids, user_id=user_id, is_elevated=actor.is_elevated
        )
        return {row["id"] for row in seen}
    if permission == "asset.share":
        shareable = await reads.access.list_shareable(connection, asset_ids=ids, user_id=user_id)
        return {row["id"] for row in shareable}
    owned = await reads.assets.list_owned(connection, asset_ids=ids, owner_id=user_id)
    return {row["id"] for row in owned if actor.is_elevated or row["visibility"] != "locked"}


async def require_albums(
    connection: Connection, actor: Actor, album_ids: Collection[UUID], permission: str
) -> None:
    """The actor's role, or link, allows it in all of these albums. Raises NoAccess."""
    if await list_allowed_albums(connection, actor, album_ids, permission) != set(album_ids):
        raise NoAccess(permission)


async def list_allowed_albums(
    connection: Connection, actor: Actor, album_ids: Collection[UUID], permission: str
) -> set[UUID]:
    """Those of the albums in which the actor's role, or link, allows it."""
    if actor.link:
        if actor.link.album_id is None or not _does_allow(actor.link, permission):
            return set()
        return {actor.link.album_id} & set(album_ids)
    rows = await reads.access.list_roles(
        connection, album_ids=list(album_ids), user_id=actor.user_id
    )
    return {row["album_id"] for row in rows if row["role"] in ROLES[permission]}


async def require_people(
    connection: Connection, actor: Actor, person_ids: Collection[UUID], permission: str
) -> None:
    """They are all the actor's own. Raises NoAccess."""
    if await list_allowed_people(connection, actor, person_ids) != set(person_ids):
        raise NoAccess(permission)


async def list_allowed_people(
    connection: Connection, actor: Actor, person_ids: Collection[UUID]
) -> set[UUID]:
    """Those of the people that are the actor's own: nobody else sees them."""
    rows = await reads.people.list_owned(
        connection, person_ids=list(person_ids), owner_id=actor.user_id
    )
    return {row["id"] for row in rows}


async def require_cluster_group(
    connection: Connection, actor: Actor, group_id: UUID, permission: str
) -> None:
    """The actor is in the group; to look at it, it is enough to be asked. Raises NoAccess."""
    role = await reads.cluster_groups.get_role(
        connection, cluster_group_id=group_id, user_id=actor.user_id
    )
    if not (role["is_member"] or (permission == "clusterGroup.read" and role["is_asked"])):
        raise NoAccess(permission)


def _does_allow(link: Link, permission: str) -> bool:
    match permission:
        case "asset.read" | "asset.view" | "album.read":
            return True
        case "asset.download" | "album.download":
            return link.is_download_allowed
        case "albumAsset.create":
            return link.is_upload_allowed
    return False


async def lock_assets(
    tx: Transaction, actor: Actor, asset_ids: Collection[UUID], permission: str
) -> list[writes.assets.lock_assets_row]:
    """Hold the actor's assets until commit; then ask, so that the answer stays true."""
    rows = await writes.assets.lock_assets(tx, asset_ids=list(asset_ids), owner_id=actor.user_id)
    is_locked_away = any(row["visibility"] == "locked" for row in rows)
    if len(rows) != len(set(asset_ids)) or (is_locked_away and not actor.is_elevated):
        raise NoAccess(permission)
    return rows


async def lock_shareable(tx: Transaction, actor: Actor, asset_ids: Collection[UUID]) -> None:
    """Hold assets that the actor may show to others, until commit. Raises NoAccess."""
    await writes.assets.hold_assets(tx, asset_ids=list(asset_ids))
    await require_assets(tx, actor, asset_ids, "asset.share")


async def hold_library(tx: Transaction, owner_id: UUID) -> None:
    """One at a time per owner, and before any row: whoever stacks, deletes, or names faces.

    They change rows that they find through others (all in a stack, all faces of a person), so
    they could neither lock these in one order nor be sure to have found them all.
    """
    await writes.assets.hold_library(tx, owner_id=owner_id)


def require_elevated(actor: Actor) -> None:
    """The session is unlocked: what it asks for shows the locked folder."""
    if not actor.is_elevated:
        raise Unauthenticated("Elevated permission is required")
