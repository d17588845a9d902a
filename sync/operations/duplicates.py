"""Duplicates: groups of assets that are the same or nearly, until somebody says which to keep."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID, uuid4

from sql import Transaction, reads, writes
from sync import access, log
from sync.actor import Actor
from sync.errors import Invalid, NoAccess
from sync.operations import albums, assets, tags

# Who of several is the most withdrawn: what is kept of them is as withdrawn as that one.
VISIBILITIES = ("archive", "timeline")


async def group_assets(tx: Transaction, owner_id: UUID, asset_ids: Sequence[UUID]) -> UUID:
    """Some of a user's assets are the same, or nearly; groups they are in already become one."""
    await access.hold_library(tx, owner_id)
    rows = await reads.duplicates.list_alike(tx, asset_ids=list(asset_ids))
    former = sorted({row["duplicate_id"] for row in rows if row["duplicate_id"]})
    members = await reads.duplicates.list_members(tx, owner_id=owner_id, duplicate_ids=former)
    ids = list({*asset_ids, *(row["id"] for row in members)})
    held = await writes.assets.lock_assets(tx, asset_ids=ids, owner_id=owner_id)
    duplicate_id = former[0] if former else uuid4()
    joined = await writes.duplicates.join_group(
        tx, asset_ids=[row["id"] for row in held], duplicate_id=duplicate_id
    )
    await _stage(tx, owner_id, [row["id"] for row in joined])
    return duplicate_id


async def dismiss_groups(tx: Transaction, actor: Actor, duplicate_ids: Sequence[UUID]) -> None:
    """Up to a thousand groups are none: all in them stays as it is."""
    members = await _hold_groups(tx, actor, duplicate_ids)
    await _dissolve(tx, actor, members)


async def set_group(
    tx: Transaction, actor: Actor, asset_ids: Sequence[UUID], duplicate_id: UUID | None
) -> None:
    """Put up to a thousand assets into a group, or take them out of theirs."""
    await access.hold_library(tx, actor.user_id)
    await access.lock_assets(tx, actor, asset_ids, "asset.update")
    if duplicate_id is None:
        left = await writes.duplicates.leave_groups(tx, asset_ids=list(asset_ids))
        await _stage(tx, actor.user_id, [row["id"] for row in left])
        return
    joined = await writes.duplicates.join_group(
        tx, asset_ids=list(asset_ids), duplicate_id=duplicate_id
    )
    await _stage(tx, actor.user_id, [row["id"] for row in joined])


async def resolve_group(
    tx: Transaction,
    actor: Actor,
    duplicate_id: UUID,
    *,
    keep_ids: Iterable[UUID],
    trash_ids: Iterable[UUID],
    is_final: bool,
) -> None:
    """Keep some of a group and throw the others away, for good if it `is_final`.

    If one is kept and others go, it gets what they had: favourite, rating, description, place,
    albums, tags; and it is as withdrawn as the most withdrawn. Ids outside the group are ignored.
    """
    members = await _hold_groups(tx, actor, [duplicate_id])
    seen = [row["id"] for row in members if row["is_seen"]]
    if not seen:
        raise NoAccess("duplicate.delete")
    kept, gone = set(keep_ids) & set(seen), set(trash_ids) & set(seen)
    if kept & gone:
        raise Invalid("An asset cannot be in both keepAssetIds and trashAssetIds")
    if kept | gone != set(seen):
        raise Invalid("Every asset must be in either keepAssetIds or trashAssetIds")
    await _dissolve(tx, actor, members)
    if len(kept) == 1 and gone:
        await _merge(tx, actor, next(iter(kept)), seen)
    if gone:
        remove = assets.delete_assets if is_final else assets.trash_assets
        await remove(tx, actor, sorted(gone))


async def _merge(tx: Transaction, actor: Actor, kept_id: UUID, asset_ids: list[UUID]) -> None:
    """Give one of some assets what all of them have."""
    found = await reads.duplicates.list_alike(tx, asset_ids=asset_ids)
    order = {id_: number for number, id_ in enumerate(asset_ids)}
    rows = sorted(found, key=lambda row: order[row["id"]])
    (kept,) = [row for row in rows if row["id"] == kept_id]
    tag_ids = {id_ for row in rows for id_ in row["tag_ids"]}
    if tag_ids:
        await tags.tag_assets(tx, actor, sorted(tag_ids), [kept_id])
    for album_id in await _list_albums(tx, actor, asset_ids):
        await albums.add_assets(tx, actor, album_id, [kept_id])
    if changes := _find_changes(kept, rows):
        await assets.update_assets(tx, actor, [kept_id], **changes)


def _find_changes(kept: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What `update_assets` has to change in one, so that it has what all of them have."""
    merged: dict[str, Any] = {
        "rating": max(row["rating"] or 0 for row in rows) or None,
        "description": _join_lines(row["description"] for row in rows) or None,
    }
    places = {(row["latitude"], row["longitude"]) for row in rows} - {(None, None)}
    if len(places) == 1:
        merged["latitude"], merged["longitude"] = next(iter(places))
    exif = {name: value for name, value in merged.items() if value not in (None, kept[name])}
    changes: dict[str, Any] = {"exif": exif} if exif else {}
    if any(row["is_favorite"] for row in rows) and not kept["is_favorite"]:
        changes["is_favorite"] = True
    visibility = min((row["visibility"] for row in rows), key=VISIBILITIES.index)
    if visibility != kept["visibility"]:
        changes["visibility"] = visibility
    return changes


def _join_lines(texts: Iterable[str]) -> str:
    """All lines of several texts, each once."""
    lines = (line.strip() for text in texts for line in text.splitlines())
    return "\n".join(dict.fromkeys(filter(None, lines)))


async def _list_albums(tx: Transaction, actor: Actor, asset_ids: list[UUID]) -> list[UUID]:
    """Those with any of the assets that the actor may add to; in the order they are locked in."""
    rows = await reads.duplicates.list_albums_of(tx, asset_ids=asset_ids)
    ids = [row["album_id"] for row in rows]
    return sorted(await access.list_allowed_albums(tx, actor, ids, "albumAsset.create"))


async def _hold_groups(
    tx: Transaction, actor: Actor, duplicate_ids: Sequence[UUID]
) -> list[reads.duplicates.list_members_row]:
    """All in the actor's groups, held with all that may change when they go."""
    await access.hold_library(tx, actor.user_id)
    members = await reads.duplicates.list_members(
        tx, owner_id=actor.user_id, duplicate_ids=list(duplicate_ids)
    )
    if {row["duplicate_id"] for row in members} != set(duplicate_ids):
        raise NoAccess("duplicate.delete")
    ids = [row["id"] for row in members]
    await writes.assets.lock_around(tx, asset_ids=ids, owner_id=actor.user_id)
    return members


async def _dissolve(
    tx: Transaction, actor: Actor, members: Sequence[reads.duplicates.list_members_row]
) -> None:
    left = await writes.duplicates.leave_groups(tx, asset_ids=[row["id"] for row in members])
    await _stage(tx, actor.user_id, [row["id"] for row in left])


async def _stage(tx: Transaction, owner_id: UUID, asset_ids: Sequence[UUID]) -> None:
    await log.stage(tx, "asset.updated", owner_id, asset_ids, audience=[owner_id], is_told=False)
