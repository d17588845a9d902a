"""Tags: words that a user gives to their assets, in a tree.

A tag's value holds the names of all above it: `Places/Norway`. Whoever changes the tree holds the
library first, so that a branch is renamed or deleted with all that is in it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID, uuid4

from sql import Transaction, reads, writes
from sync import access, log
from sync.actor import Actor
from sync.errors import Invalid, NoAccess
from sync.operations import sidecars

VALUE_MAX = 500  # characters, all of which Postgres can index


async def create_tag(
    tx: Transaction,
    actor: Actor,
    name: str,
    *,
    parent_id: UUID | None = None,
    color: str | None = None,
) -> UUID:
    """A tag, below another or at the top. The name has no slash."""
    await access.hold_library(tx, actor.user_id)
    value = name
    if parent_id is not None:
        parents = await reads.tags.get_tags(tx, tag_ids=[parent_id], owner_id=actor.user_id)
        if not parents:
            raise NoAccess("tag.read")
        value = f"{parents[0]['value']}/{name}"
    tag_id = uuid4()
    if not await _insert(tx, actor, {value: tag_id}, {value: parent_id}, color):
        raise Invalid("A tag with that name already exists")
    return tag_id


async def upsert_tags(tx: Transaction, actor: Actor, values: Sequence[str]) -> list[UUID]:
    """Tags of these values, each with all above it, made where they are missing; in order."""
    await access.hold_library(tx, actor.user_id)
    paths = list(dict.fromkeys(filter(None, map(_tidy, values))))
    branches = dict.fromkeys(part for path in paths for part in _ancestry(path))
    found = await reads.tags.find_values(tx, owner_id=actor.user_id, values=list(branches))
    ids = {row["value"]: row["id"] for row in found}
    missing = {value: uuid4() for value in branches if value not in ids}
    ids |= missing
    above = {value: ids.get(value.rpartition("/")[0]) for value in missing}
    await _insert(tx, actor, missing, above, None)
    return [ids[path] for path in paths]


async def rename_tag(tx: Transaction, actor: Actor, tag_id: UUID, name: str) -> None:
    """Another name, also in the values of all below it."""
    branch = await _lock_branch(tx, actor, tag_id, "tag.update")
    former = branch[0]["value"]
    above, slash, _ = former.rpartition("/")
    value = f"{above}{slash}{name}"
    if value == former:
        return
    if await reads.tags.find_values(tx, owner_id=actor.user_id, values=[value]):
        raise Invalid("A tag with that name already exists")
    _require_short(value + row["value"][len(former) :] for row in branch)
    ids = [row["id"] for row in branch]
    await writes.tags.rename_branch(tx, tag_ids=ids, value=value, former_length=len(former))
    await sidecars.request_renaming(tx, actor.user_id, [row["value"] for row in branch])
    await _stage(tx, "tag.updated", actor, ids)


async def set_color(tx: Transaction, actor: Actor, tag_id: UUID, color: str | None) -> None:
    """`#rrggbb`, or none."""
    await _lock_branch(tx, actor, tag_id, "tag.update")
    await writes.tags.set_color(tx, tag_id=tag_id, color=color)
    await _stage(tx, "tag.updated", actor, [tag_id])


async def delete_tag(tx: Transaction, actor: Actor, tag_id: UUID) -> None:
    """With all below it. The assets stay."""
    branch = await _lock_branch(tx, actor, tag_id, "tag.delete")
    gone = await writes.tags.delete_tags(tx, tag_ids=[row["id"] for row in branch])
    await sidecars.request_renaming(tx, actor.user_id, [row["value"] for row in branch])
    await _stage(tx, "tag.deleted", actor, [row["id"] for row in gone])


async def tag_assets(
    tx: Transaction, actor: Actor, tag_ids: Sequence[UUID], asset_ids: Sequence[UUID]
) -> list[tuple[UUID, UUID]]:
    """Give up to a thousand assets all of these tags; return the new pairs of tag and asset."""
    await _lock(tx, actor, tag_ids, asset_ids)
    rows = await writes.tags.insert_links(tx, tag_ids=list(tag_ids), asset_ids=list(asset_ids))
    await writes.tags.keep_links(tx, tag_ids=list(tag_ids), asset_ids=list(asset_ids))
    changed = list({row["asset_id"] for row in rows})
    await _stage(tx, "tag.assets_tagged", actor, changed)
    return [(row["tag_id"], row["asset_id"]) for row in rows]


async def untag_assets(
    tx: Transaction, actor: Actor, tag_id: UUID, asset_ids: Sequence[UUID]
) -> list[UUID]:
    """Take a tag from up to a thousand assets; return those that had it."""
    await _lock(tx, actor, [tag_id], asset_ids)
    rows = await writes.tags.delete_links(tx, tag_id=tag_id, asset_ids=list(asset_ids))
    untagged = [row["asset_id"] for row in rows]
    await _stage(tx, "tag.assets_untagged", actor, untagged)
    return untagged


def _tidy(value: str) -> str:
    """Without names that are empty."""
    return "/".join(filter(None, value.split("/")))


def _ancestry(value: str) -> list[str]:
    """`a/b/c` and those above: `a`, `a/b`, `a/b/c`."""
    _require_short([value])
    names = value.split("/")
    return ["/".join(names[:depth]) for depth in range(1, len(names) + 1)]


def _require_short(values: Iterable[str]) -> None:
    if any(len(value) > VALUE_MAX for value in values):
        raise Invalid(f"A tag may have up to {VALUE_MAX} characters, with those above it")


async def _insert(
    tx: Transaction,
    actor: Actor,
    ids: Mapping[str, UUID],
    above: Mapping[str, UUID | None],
    color: str | None,
) -> bool:
    """New tags by their values, and what each is below; whether all of them were missing."""
    _require_short(ids)
    rows = await writes.tags.insert_tags(
        tx,
        owner_id=actor.user_id,
        ids=list(ids.values()),
        parent_ids=[above[value] or id_ for value, id_ in ids.items()],
        values=list(ids),
        color=color,
    )
    await _stage(tx, "tag.created", actor, [row["id"] for row in rows])
    return len(rows) == len(ids)


async def _lock_branch(
    tx: Transaction, actor: Actor, tag_id: UUID, permission: str
) -> list[writes.tags.lock_branch_row]:
    await access.hold_library(tx, actor.user_id)
    branch = await writes.tags.lock_branch(tx, tag_id=tag_id, owner_id=actor.user_id)
    if not branch:
        raise NoAccess(permission)
    return branch


async def _lock(
    tx: Transaction, actor: Actor, tag_ids: Sequence[UUID], asset_ids: Sequence[UUID]
) -> None:
    """Hold the actor's assets, then their tags."""
    await access.lock_assets(tx, actor, asset_ids, "asset.update")
    held = await writes.tags.hold_tags(tx, tag_ids=list(tag_ids), owner_id=actor.user_id)
    if len(held) != len(set(tag_ids)):
        raise NoAccess("tag.asset")


async def _stage(tx: Transaction, topic: str, actor: Actor, ids: Sequence[UUID]) -> None:
    await log.stage(tx, topic, actor.user_id, ids, audience=[actor.user_id])
