"""What was found amiss between rows and files, and what an administrator decides about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from sql import Transaction, reads, writes
from sync import log
from sync.actor import Actor
from sync.errors import Invalid, NoAccess
from sync.operations import assets, renditions
from sync.topics import EVERYONE

Type = Literal["missing_file", "untracked_file", "checksum_mismatch"]

MADE = ("thumbnail", "preview", "fullsize", "encoded_video")  # from the original, and again


class Resolved(Invalid):
    def __init__(self) -> None:
        super().__init__("The file is in use")


async def report_originals(
    tx: Transaction, type_: Type, *, found: dict[UUID, str], fine: Sequence[str]
) -> None:
    """Assets whose originals are not what they should be, and the keys of those that are."""
    await writes.integrity.report_originals(
        tx, type=type_, asset_ids=list(found), keys=list(found.values())
    )
    await writes.integrity.clear_reports(tx, type=type_, keys=list(fine))


async def report_files(tx: Transaction, *, found: dict[UUID, str], fine: Sequence[str]) -> None:
    """Other files of assets that are missing, and the keys of those that are not."""
    await writes.integrity.report_files(
        tx, type="missing_file", file_ids=list(found), keys=list(found.values())
    )
    await writes.integrity.clear_reports(tx, type="missing_file", keys=list(fine))


async def report_untracked(tx: Transaction, *, found: Sequence[str], fine: Sequence[str]) -> None:
    """Files that no row needs, and those that one does, or that are gone."""
    await writes.integrity.report_untracked(tx, keys=list(found))
    await writes.integrity.clear_reports(tx, type="untracked_file", keys=list(fine))


async def note_check(tx: Transaction, type_: Type) -> None:
    """A check came to its end: how many reports there are now."""
    await writes.integrity.clear_moved(tx)
    counts = {row["type"]: row["reports"] for row in await reads.integrity.count_reports(tx)}
    await log.stage(
        tx, "integrity.checked", EVERYONE, [EVERYONE], type=type_, reports=counts.get(type_, 0)
    )


async def resolve(tx: Transaction, actor: Actor, report_id: UUID) -> str | None:
    """Act on one report: trash the asset, forget the file of an asset so that it is made again,
    or, of a file that no row needs, return the key: its bytes are the caller's to remove."""
    report = await reads.integrity.get_report(tx, report_id=report_id)
    if report is None:
        raise NoAccess("maintenance")
    if report["current_key"] and report["current_key"] != report["key"]:
        raise Resolved
    if report["asset_id"]:
        owner = Actor(report["owner_id"], is_elevated=True)
        await assets.trash_assets(tx, owner, [report["asset_id"]])
    elif report["file_id"]:
        await _forget_file(tx, report["owner_id"], report["file_id"])
    await writes.integrity.delete_report(tx, report_id=report_id)
    await log.stage(
        tx, "integrity.resolved", EVERYONE, [report_id], by=actor.user_id,
        type=report["type"], key=report["key"],
    )  # fmt: skip
    is_untracked = report["asset_id"] is None and report["file_id"] is None
    return report["key"] if is_untracked else None


async def _forget_file(tx: Transaction, owner_id: UUID, file_id: UUID) -> None:
    file = await reads.assets.find_file(tx, file_id=file_id)
    if file is None or not await writes.renditions.delete_file(tx, file_id=file_id):
        return
    await log.stage(tx, "asset.file_deleted", owner_id, [file["asset_id"]], keys=[file["key"]])
    if file["type"] in MADE:
        await renditions.request_thumbnails(tx, owner_id, [file["asset_id"]])
