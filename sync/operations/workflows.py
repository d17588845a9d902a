"""Workflows: what users have done to their assets, step by step, when something happens to them."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple
from uuid import UUID

import msgspec

from sql import Transaction, reads, writes
from sync import access, log, plugins, steps
from sync.actor import Actor
from sync.errors import NoAccess, Refused
from sync.operations import albums, assets, tags

if TYPE_CHECKING:
    from sync.steps import Asset

logger = logging.getLogger(__name__)

Learned = dict[str, Any] | None  # what a step's config says from now on

Trigger = Literal["AssetCreate", "AssetMetadataExtraction", "AssetTagged"]
Result = Literal["completed", "halted", "error"]
TRIGGERS: dict[str, Trigger] = {
    "asset.uploaded": "AssetCreate",
    "asset.metadata_extracted": "AssetMetadataExtraction",
    "tag.assets_tagged": "AssetTagged",
}
LOGS_MAX = 1000  # kept of each workflow


class Step(NamedTuple):
    method: str
    config: dict[str, Any] | None = None
    is_enabled: bool = True


async def create_workflow(
    tx: Transaction,
    actor: Actor,
    trigger: Trigger,
    *,
    name: str | None = None,
    description: str | None = None,
    is_enabled: bool = True,
    is_logging: bool = False,
    wanted: Sequence[Step] = (),
) -> UUID:
    row = await writes.workflows.insert_workflow(
        tx,
        owner_id=actor.user_id,
        trigger=trigger,
        name=name,
        description=description,
        is_enabled=is_enabled,
        is_logging=is_logging,
        steps=_encode(await _check(tx, wanted)),
    )
    await _stage(tx, "workflow.created", actor.user_id, row["id"])
    return row["id"]


async def update_workflow(
    tx: Transaction,
    actor: Actor,
    workflow_id: UUID,
    *,
    wanted: Sequence[Step] | None = None,
    **changes: Any,
) -> None:
    """`changes`: any of trigger, name, description, is_enabled, is_logging; `wanted`: all steps."""
    row = await writes.workflows.lock_workflow(tx, workflow_id=workflow_id, owner_id=actor.user_id)
    if row is None:
        raise NoAccess("workflow.update")
    values: dict[str, Any] = {**row, **changes}
    if wanted is not None:
        values["steps"] = await _check(tx, wanted)
    values["steps"] = _encode(values["steps"])
    await writes.workflows.update_workflow(tx, workflow_id=workflow_id, **values)
    await _stage(tx, "workflow.updated", actor.user_id, workflow_id)


async def delete_workflow(tx: Transaction, actor: Actor, workflow_id: UUID) -> None:
    """With what is known of its runs; what it did stays."""
    if not await writes.workflows.delete_workflow(
        tx, workflow_id=workflow_id, owner_id=actor.user_id
    ):
        raise NoAccess("workflow.delete")
    await _stage(tx, "workflow.deleted", actor.user_id, workflow_id)


async def run_workflows(tx: Transaction, owner_id: UUID, asset_id: UUID, trigger: Trigger) -> None:
    """Do to an asset all that its owner wants done when this happened to it.

    The caller finishes the job of it in the same transaction, so each is done once. A step that
    tags stages only new tags: so whatever workflows set off one another comes to an end.
    """
    if not await reads.workflows.has_workflows(tx, owner_id=owner_id, trigger=trigger):
        return
    # All that any step may lock before albums and tags, once, and in the order of all others.
    await access.hold_library(tx, owner_id)
    await writes.assets.lock_around(tx, asset_ids=[asset_id], owner_id=owner_id)
    triggered = await writes.workflows.lock_triggered(tx, owner_id=owner_id, trigger=trigger)
    for workflow in triggered:
        run = _Run(tx, Actor(owner_id, is_elevated=True), asset_id, workflow["id"])
        await run.take(workflow["steps"], is_logging=workflow["is_logging"])


class _Run:
    """One workflow and one asset. What its owner may not do, it may not either."""

    def __init__(self, tx: Transaction, actor: Actor, asset_id: UUID, workflow_id: UUID) -> None:
        self.tx, self.actor, self.asset_id, self.workflow_id = tx, actor, asset_id, workflow_id

    async def take(self, all_steps: list[dict[str, Any]], *, is_logging: bool) -> None:
        """Take the steps until one holds the asset back, or goes wrong: what was done stays."""
        result: Result = "completed"
        error: str | None = None
        reached: int | None = None
        for index, step in enumerate(all_steps):
            if not step["enabled"]:
                continue
            reached = index
            try:
                async with self.tx.transaction():  # A savepoint: of a step all is done, or none.
                    goes_on = await self._step(all_steps, index)
            except Refused as refused:  # Anything else is no fault of the workflow's: again later.
                result, error = "error", str(refused)
                logger.warning("Workflow %s, step %d: %s", self.workflow_id, index, error)
                break
            if not goes_on:
                result = "halted"
                break
        if is_logging:
            last = None if result == "completed" else reached
            await self._note(result, error, last, all_steps)

    async def _step(self, all_steps: list[dict[str, Any]], index: int) -> bool:
        step = all_steps[index]
        name = steps.name_of(step["method"])
        config = steps.read_config(name, step["config"])
        asset = await reads.workflows.get_asset(
            self.tx, asset_id=self.asset_id, owner_id=self.actor.user_id
        )
        if asset is None:
            return False  # Deleted meanwhile, or in the trash.
        if name in steps.FILTERS:
            return await steps.FILTERS[name](self.tx, config, asset)
        if learned := await ACTIONS[name](self.tx, self.actor, asset, config):
            step["config"] = {**step["config"], **learned}
            await writes.workflows.set_steps(
                self.tx, workflow_id=self.workflow_id, steps=_encode(all_steps)
            )
            await _stage(self.tx, "workflow.updated", self.actor.user_id, self.workflow_id)
        return True

    async def _note(
        self,
        result: Result,
        error: str | None,
        index: int | None,
        all_steps: list[dict[str, Any]],
    ) -> None:
        await writes.workflows.insert_log(
            self.tx,
            workflow_id=self.workflow_id,
            asset_id=self.asset_id,
            result=result,
            step_index=index,
            step_method=None if index is None else all_steps[index]["method"],
            error=error,
        )
        await writes.workflows.trim_log(self.tx, workflow_id=self.workflow_id, limit=LOGS_MAX)


async def _archive(tx: Transaction, actor: Actor, asset: Asset, config: steps.Inversible) -> None:
    await _keep_in(tx, actor, asset, "archive", is_out=config.inverse)


async def _lock_away(tx: Transaction, actor: Actor, asset: Asset, config: steps.Inversible) -> None:
    await _keep_in(tx, actor, asset, "locked", is_out=config.inverse)


async def _keep_in(
    tx: Transaction, actor: Actor, asset: Asset, place: str, *, is_out: bool
) -> None:
    """Bring it there; or, if it is there, back to the timeline."""
    if (asset["visibility"] == place) == is_out:
        await _show_in(tx, actor, asset, "timeline" if is_out else place)


async def _set_visibility(
    tx: Transaction, actor: Actor, asset: Asset, config: steps.Visibility
) -> None:
    if asset["visibility"] != config.visibility:
        await _show_in(tx, actor, asset, config.visibility)


async def _show_in(tx: Transaction, actor: Actor, asset: Asset, visibility: str) -> None:
    await assets.update_assets(tx, actor, [asset["id"]], visibility=visibility, is_bulk=True)


async def _set_favorite(
    tx: Transaction, actor: Actor, asset: Asset, config: steps.Inversible
) -> None:
    if asset["is_favorite"] == config.inverse:
        await assets.update_assets(
            tx, actor, [asset["id"]], is_favorite=not config.inverse, is_bulk=True
        )


async def _add_to_albums(
    tx: Transaction, actor: Actor, asset: Asset, config: steps.AddToAlbums
) -> Learned:
    """An album found or made by its name is the step's from then on, whatever it is called."""
    album_ids, learned = sorted(set(config.album_ids)), None
    if not album_ids and config.album_name:
        found = await reads.workflows.find_album(tx, owner_id=actor.user_id, name=config.album_name)
        album_ids = [
            found["id"] if found else await albums.create_album(tx, actor, config.album_name)
        ]
        learned = {"albumIds": [str(id_) for id_ in album_ids]}
    for album_id in album_ids:
        await albums.add_assets(tx, actor, album_id, [asset["id"]])
    return learned


async def _add_tags(tx: Transaction, actor: Actor, asset: Asset, config: steps.AddTags) -> None:
    await tags.tag_assets(tx, actor, config.tags, [asset["id"]])


ACTIONS: dict[str, Callable[[Transaction, Actor, Asset, Any], Awaitable[Learned]]] = {
    "assetArchive": _archive,
    "assetLock": _lock_away,
    "assetVisibility": _set_visibility,
    "assetFavorite": _set_favorite,
    "assetAddToAlbums": _add_to_albums,
    "assetAddTags": _add_tags,
}


async def _check(tx: Transaction, wanted: Sequence[Step]) -> list[dict[str, Any]]:
    """As they are stored. Raises Invalid."""
    checked = []
    for step in wanted:
        name = steps.name_of(step.method)
        await steps.require_pattern(tx, steps.read_config(name, step.config))
        method = f"{plugins.NAME}#{name}"
        checked.append({"method": method, "config": step.config, "enabled": step.is_enabled})
    return checked


def _encode(value: list[dict[str, Any]]) -> str:
    return msgspec.json.encode(value).decode()


async def _stage(tx: Transaction, topic: str, owner_id: UUID, workflow_id: UUID) -> None:
    await log.stage(tx, topic, owner_id, [workflow_id], audience=[owner_id])
