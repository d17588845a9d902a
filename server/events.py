"""What open apps are told of each entry of the log: event, arguments, and whom."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple
from uuid import UUID

import msgspec

from server.wire.assets import show_asset
from server.wire.releases import show_release
from sql import Connection, Database, reads
from sync.tail import Entry
from sync.topics import EVERYONE

# Clients flash when each of a thousand assets comes as an event of its own: one change of more
# assets than these is one event.
SINGLES_MAX = 100
SHOWN = ("timeline", "archive")  # Visibilities whose uploads are told.


class Event(NamedTuple):
    """For the sockets in a room: a user's, a session's, an API key's, or everyone's.

    Without a name there is nothing to tell. `ends`: these sockets are closed after it.
    """

    room: UUID
    name: str | None = None
    arguments: tuple[object, ...] = ()
    ends: bool = False


class Assets(NamedTuple):
    """Assets as they are now; what was deleted meanwhile is missing."""

    rows: dict[UUID, reads.assets.show_assets_row]
    lines: dict[tuple[str, UUID], msgspec.Raw]  # data of sync lines, by kind and asset


# The room of what happened to assets is an entry's scope: their owner, whoever acted.
Teller = Callable[[Entry, Assets], Iterator[Event]]


def resync(user_id: UUID) -> Event:
    """The only hint to catch up that the mobile app knows: it answers any `on_album_update` with
    a run of its sync. The web app does not listen to it."""
    return Event(user_id, "on_album_update", (str(user_id),))


async def list_events(
    database: Database, entries: Sequence[Entry], is_here: Callable[[UUID], bool]
) -> list[Event]:
    """What to tell of these entries, in their order. Nothing is read for those who are away."""
    flooded = {entry.scope for entry in entries if _is_flood(entry)}
    events = [resync(user_id) for user_id in flooded if is_here(user_id)]
    told = [entry for entry in entries if not _is_flood(entry)]
    shown = [entry for entry in told if is_here(entry.scope)]
    asset_ids = {id_ for entry in shown for id_ in _singles(entry)}
    assets = Assets({}, {})
    if asset_ids:
        async with database.read() as connection:
            assets = await _read_assets(connection, asset_ids, {entry.scope for entry in shown})
    for entry in told:
        if teller := TELLERS[entry.topic]:
            events += [event for event in teller(entry, assets) if is_here(event.room)]
    return events


async def _read_assets(
    connection: Connection, asset_ids: Iterable[UUID], scopes: Iterable[UUID]
) -> Assets:
    keys = list(asset_ids)
    rows = await reads.assets.show_assets(
        connection,
        asset_ids=keys,
        viewer_id=None,  # each its owner
        with_exif=True,
        with_people=True,
        with_tags=True,
    )
    lines = await reads.log.list_lines(
        connection, kinds=["asset", "asset_exif"], scopes=list(scopes), keys=keys
    )
    return Assets(
        {row["id"]: row for row in rows},
        {(line["kind"], line["key"]): msgspec.Raw(line["data"]) for line in lines if line["data"]},
    )


def _is_flood(entry: Entry) -> bool:
    return len(_singles(entry)) > SINGLES_MAX


def _singles(entry: Entry) -> list[UUID]:
    """The assets that an entry shows one by one."""
    match entry.topic:
        case "asset.thumbnail_made":
            is_shown = entry.facts["is_first"]
        case "asset.updated":
            is_shown = entry.facts["is_told"]
        case topic:
            is_shown = topic in ("asset.edit_made", "tag.assets_tagged", "tag.assets_untagged")
    return entry.entity_ids if is_shown else []


def _tell_upload(entry: Entry, assets: Assets) -> Iterator[Event]:
    for asset_id in _singles(entry):
        row = assets.rows.get(asset_id)
        if row is None or row["visibility"] not in SHOWN:
            continue
        yield Event(entry.scope, "on_upload_success", (show_asset(row),))
        asset = assets.lines.get(("asset", asset_id))
        exif = assets.lines.get(("asset_exif", asset_id))
        if asset is not None and exif is not None:
            lines = {"asset": asset, "exif": exif}
            yield Event(entry.scope, "AssetUploadReadyV2", (lines,))


def _tell_edit(entry: Entry, assets: Assets) -> Iterator[Event]:
    (asset_id,) = entry.entity_ids
    if asset := assets.lines.get(("asset", asset_id)):
        lines = {"asset": asset, "edit": entry.facts["edits"]}
        yield Event(entry.scope, "AssetEditReadyV2", (lines,))


def _tell_notification(entry: Entry, _: Assets) -> Iterator[Event]:
    yield Event(entry.scope, "on_notification", (entry.facts["notification"],))


def _tell_release(entry: Entry, _: Assets) -> Iterator[Event]:
    if shown := show_release(entry.facts["checked_at"], entry.facts["tag"]):
        yield Event(EVERYONE, "on_new_release", (shown,))


def _tell_update(entry: Entry, assets: Assets) -> Iterator[Event]:
    for asset_id in _singles(entry):
        if row := assets.rows.get(asset_id):
            yield Event(entry.scope, "on_asset_update", (show_asset(row),))


def _tell_trash(entry: Entry, _: Assets) -> Iterator[Event]:
    yield Event(entry.scope, "on_asset_trash", ([str(id_) for id_ in entry.entity_ids],))


def _tell_restore(entry: Entry, _: Assets) -> Iterator[Event]:
    if entry.facts["is_told"]:
        yield Event(entry.scope, "on_asset_restore", ([str(id_) for id_ in entry.entity_ids],))


def _tell_hidden(entry: Entry, _: Assets) -> Iterator[Event]:
    for id_ in entry.entity_ids:
        yield Event(entry.scope, "on_asset_hidden", (str(id_),))


def _tell_deletion(entry: Entry, assets: Assets) -> Iterator[Event]:
    """Many at once as `on_asset_trash`, which takes a list: apps do the same at either."""
    if len(entry.entity_ids) > SINGLES_MAX:
        yield from _tell_trash(entry, assets)
        return
    for id_ in entry.entity_ids:
        yield Event(entry.scope, "on_asset_delete", (str(id_),))


def _end_session(entry: Entry, _: Assets) -> Iterator[Event]:
    """Only who logs out is told; the others find out at their next request."""
    is_logout = entry.facts.get("is_logout", False)
    for id_ in entry.entity_ids:
        if is_logout:
            yield Event(id_, "on_session_delete", (str(id_),), ends=True)
        else:
            yield Event(id_, ends=True)


def _end_api_key(entry: Entry, _: Assets) -> Iterator[Event]:
    """Also when it changed: it may permit less now, or have another secret."""
    for id_ in entry.entity_ids:
        yield Event(id_, ends=True)


def _tell_user_deletion(entry: Entry, _: Assets) -> Iterator[Event]:
    for id_ in entry.entity_ids:
        yield Event(EVERYONE, "on_user_delete", (str(id_),))
        yield Event(id_, ends=True)


def _end_user(entry: Entry, _: Assets) -> Iterator[Event]:
    for id_ in entry.entity_ids:
        yield Event(id_, ends=True)


def _tell_album(entry: Entry, _: Assets) -> Iterator[Event]:
    """Each member; for everybody who was one when it happened."""
    for user_id in entry.audience:
        yield Event(user_id, "on_album_update", (str(entry.scope),))


def _tell_stack(entry: Entry, _: Assets) -> Iterator[Event]:
    yield Event(entry.scope, "on_asset_stack_update")


def _tell_person_thumbnail(entry: Entry, _: Assets) -> Iterator[Event]:
    for id_ in entry.entity_ids:
        yield Event(entry.scope, "on_person_thumbnail", (str(id_),))


def _tell_config(_entry: Entry, _: Assets) -> Iterator[Event]:
    yield Event(EVERYONE, "on_config_update")


def _tell_maintenance(_: Entry, __: Assets) -> Iterator[Event]:
    yield Event(EVERYONE, "AppRestartV1", ({"isMaintenanceMode": True},))


# Every topic; None: apps learn of it from their sync, or need not know.
TELLERS: dict[str, Teller | None] = {
    "user.created": None,
    "user.updated": None,
    "user.deleted": _tell_user_deletion,
    "user.trashed": _end_user,
    "user.restored": None,
    "user.image_dropped": None,
    "user.welcome_requested": None,
    "cluster_group_request.created": None,
    "cluster_group_request.deleted": None,
    "user_metadata.changed": None,
    "session.created": None,
    "session.deleted": _end_session,
    "api_key.created": None,
    "api_key.updated": _end_api_key,
    "api_key.deleted": _end_api_key,
    "asset.uploaded": None,
    "asset.metadata_requested": None,
    "asset.thumbnail_requested": None,
    "asset.file_deleted": None,
    "asset.transcode_requested": None,
    "asset.sidecar_requested": None,
    "asset.sidecar_written": None,
    "asset.transcoded": None,
    "asset.metadata_extracted": None,
    "asset.move_requested": None,
    "asset.moved": None,
    "asset.thumbnail_made": _tell_upload,
    "asset.updated": _tell_update,
    "asset.hidden": _tell_hidden,
    "asset.trashed": _tell_trash,
    "asset.restored": _tell_restore,
    "asset.deleted": _tell_deletion,
    "asset_metadata.changed": None,
    "asset_edit.changed": None,
    "asset.edit_requested": None,
    "asset.edit_made": _tell_edit,
    "asset_ocr.changed": None,
    "asset_face.changed": None,
    "album.created": None,
    "album.updated": None,
    "album.deleted": None,
    "album.shared": None,
    "album.unshared": None,
    "album.role_changed": None,
    "album.assets_added": _tell_album,
    "album.assets_removed": _tell_album,
    "album_access.granted": None,
    "album_access.revoked": None,
    "partner.created": None,
    "partner.updated": None,
    "partner.deleted": None,
    "partner_access.granted": None,
    "partner_access.revoked": None,
    "stack.created": _tell_stack,
    "stack.updated": _tell_stack,
    "stack.deleted": _tell_stack,
    "memory.created": None,
    "memory.updated": None,
    "memory.deleted": None,
    "memory_asset.changed": None,
    "tag.created": None,
    "tag.updated": None,
    "tag.deleted": None,
    "tag.assets_tagged": _tell_update,
    "tag.assets_untagged": _tell_update,
    "tag.sidecars_requested": None,
    "activity.created": None,
    "activity.deleted": None,
    "shared_link.created": None,
    "shared_link.updated": None,
    "shared_link.deleted": None,
    "person.created": None,
    "person.updated": None,
    "person.deleted": None,
    "person.face_changed": None,
    "person.thumbnail_requested": None,
    "person.thumbnail_made": _tell_person_thumbnail,
    "person.thumbnail_dropped": None,
    "sync.quarantined": None,
    "sync.released": None,
    "notification.created": _tell_notification,
    "notification.updated": None,
    "notification.deleted": None,
    "workflow.created": None,
    "workflow.updated": None,
    "workflow.deleted": None,
    "config.changed": _tell_config,
    "system_metadata.changed": None,
    "release.found": _tell_release,
    "job.started": None,
    "queue.paused": None,
    "queue.resumed": None,
    "queue.emptied": None,
    "library.created": None,
    "library.updated": None,
    "library.deleted": None,
    "backup.created": None,
    "backup.failed": None,
    "backup.uploaded": None,
    "backup.deleted": None,
    "backup.restored": None,
    "maintenance.started": _tell_maintenance,
    "maintenance.ended": None,
    "integrity.checked": None,
    "integrity.resolved": None,
    "storage_name.dropped": None,
}
