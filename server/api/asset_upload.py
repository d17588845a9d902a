"""POST /assets and the check before it: bytes first, then the facts, then the answer."""

from __future__ import annotations

import asyncio
import re
from binascii import Error as NotBase64
from binascii import a2b_base64
from collections.abc import Coroutine, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar
from uuid import UUID, uuid4

from aiohttp import web
from msgspec import Meta, field

from server import upload
from server.api.assets import MetadataItem, Visibility
from server.body import Body, Id, Moment, convert_text
from server.context import Context
from server.endpoint import Call, endpoint, json_response
from server.upload import FilePart, Form
from server.wire import Json
from server.wire.assets import show_upload
from sql import reads
from storage import files, media_types, paths
from sync.actor import Actor
from sync.errors import Invalid, Refused, Unauthenticated
from sync.operations import assets

Result = TypeVar("Result")
Milliseconds = Annotated[int, Meta(ge=0, le=2**31 - 1)]

CLOCK = re.compile(r"(\d{1,4}):([0-5]\d):([0-5]\d)(?:[.](\d+))?")  # immich-go's duration
FOLDERS = re.compile(r".*[/\\]", re.S)


class UploadFields(Body):
    """What a form says beside the bytes."""

    file_created_at: Moment
    file_modified_at: Moment
    filename: str = ""
    duration: Milliseconds = 0
    is_favorite: bool = False
    visibility: Visibility = "timeline"
    live_photo_video_id: Id | None = None
    metadata: list[MetadataItem] = field(default_factory=list)


class UploadCheckItem(Body):
    id: str
    checksum: str


class UploadCheck(Body):
    assets: list[UploadCheckItem]


@endpoint("POST", "/assets", auth="link", permission="asset.upload", status=201)
async def upload_asset(call: Call) -> web.Response:
    if call.actor.link and not call.actor.link.is_upload_allowed:
        raise Unauthenticated("Unauthorized")
    if duplicate := await _find_stated(call):
        return _answer(duplicate, is_duplicate=True)
    async with upload.receive(call.request, call.context.root) as form:
        asset, fields = _check(form)
        if call.actor.link:
            fields = _of_guest(fields)
        facts = _describe(call.actor.user_id, asset, form.sidecar, fields)
        asset_id = await to_the_end(_store(call.context, call.actor, form, facts))
    return _answer(asset_id, is_duplicate=asset_id != facts.asset_id)


@endpoint("POST", "/assets/bulk-upload-check", permission="asset.upload", body=UploadCheck)
async def check_bulk_upload(call: Call) -> Json:
    stated = [parse_checksum(item.checksum) for item in call.body.assets]
    async with call.context.database.read() as connection:
        rows = await reads.assets.find_checksums(
            connection,
            owner_id=call.actor.user_id,
            checksums=[checksum for checksum in stated if checksum],
        )
    known = {row["checksum"]: row for row in rows}
    results = [
        _judge(item.id, known.get(checksum) if checksum else None)
        for item, checksum in zip(call.body.assets, stated, strict=True)
    ]
    return {"results": results}


def parse_checksum(text: str) -> bytes | None:
    """SHA-1 in hex or base64; None: it is neither, and so nobody's."""
    try:
        checksum = a2b_base64(text, strict_mode=True) if len(text) == 28 else bytes.fromhex(text)
    except (NotBase64, ValueError):
        return None
    return checksum if len(checksum) == 20 else None


def _judge(item_id: str, row: reads.assets.find_checksums_row | None) -> dict[str, Any]:
    if row is None:
        return {"id": item_id, "action": "accept"}
    return {
        "id": item_id,
        "action": "reject",
        "reason": "duplicate",
        "assetId": row["id"],
        "isTrashed": row["is_trashed"],
    }


def _answer(asset_id: UUID, *, is_duplicate: bool) -> web.Response:
    shown = show_upload(asset_id, is_duplicate=is_duplicate)
    return json_response(shown, status=200 if is_duplicate else 201)


async def _find_stated(call: Call) -> UUID | None:
    """What the user has of the bytes that a header announces.

    Through a link nothing: only who sends the bytes shows that they have them.
    """
    checksum = parse_checksum(call.request.headers.get("x-immich-checksum", ""))
    if checksum is None or call.actor.link:
        return None
    async with call.context.database.read() as connection:
        row = await reads.assets.find_duplicate(
            connection, owner_id=call.actor.user_id, checksum=checksum
        )
    return row["id"] if row else None


def _check(form: Form) -> tuple[FilePart, UploadFields]:
    """The file and what is said of it, if all of it can be taken. Raises Invalid."""
    asset, sidecar = form.asset, form.sidecar
    if asset is None:
        missing = "Field(s) assetData should not be empty" if sidecar else "File is required"
        raise Invalid(missing)
    file_name = _name(asset, form.fields.get("filename", ""))
    if media_types.asset_type(file_name) is None:
        raise Invalid(f"Unsupported file type {file_name}")
    if sidecar and media_types.kind(sidecar.file_name) != "sidecar":
        raise Invalid(f"Unsupported file type {sidecar.file_name}")
    if sidecar and sidecar.incoming.size > media_types.SIDECAR_BYTES_MAX:
        raise Invalid("The sidecar is too large")
    if asset.incoming.size == 0:
        raise Invalid("File is empty")
    texts = {name: [_in_milliseconds(name, text)] for name, text in form.fields.items()}
    return asset, convert_text(texts, UploadFields)


def _of_guest(fields: UploadFields) -> UploadFields:
    """What the file is; how it stands in the library is for the owner to say."""
    return UploadFields(
        file_created_at=fields.file_created_at,
        file_modified_at=fields.file_modified_at,
        filename=fields.filename,
        duration=fields.duration,
    )


def _name(asset: FilePart, stated: str) -> str:
    """Background uploads send a temporary name with the bytes, and the real one in a field."""
    return FOLDERS.sub("", stated) or asset.file_name


def _in_milliseconds(name: str, text: str) -> str:
    clock = CLOCK.fullmatch(text) if name == "duration" else None
    if clock is None:
        return text
    hours, minutes, seconds, fraction = clock.groups()
    whole = (int(hours) * 60 + int(minutes)) * 60 + int(seconds)
    return str(whole * 1000 + int((fraction or "0")[:3].ljust(3, "0")))


def _describe(
    owner_id: UUID, asset: FilePart, sidecar: FilePart | None, fields: UploadFields
) -> assets.Upload:
    name = _name(asset, fields.filename)
    asset_id = uuid4()
    key = paths.original(owner_id, asset_id, media_types.extension(name))
    type_ = media_types.asset_type(name)
    assert type_ is not None
    return assets.Upload(
        asset_id=asset_id,
        type=type_,
        original_key=key,
        original_file_name=name,
        checksum=asset.incoming.checksum,
        file_bytes=asset.incoming.size,
        file_created_at=fields.file_created_at,
        file_modified_at=fields.file_modified_at,
        duration_ms=fields.duration or None,
        is_favorite=fields.is_favorite,
        visibility=fields.visibility,
        live_photo_video_id=fields.live_photo_video_id,
        # Some cameras' folders hold empty ones: they say nothing.
        sidecar_key=paths.sidecar(key) if sidecar and sidecar.incoming.size else None,
        metadata=[(item.key, item.value) for item in fields.metadata],
    )


async def _store(context: Context, actor: Actor, form: Form, facts: assets.Upload) -> UUID:
    """Keep the files and record them; another id than theirs is the one they duplicate.

    When the commit's outcome is not known, the files stay: the janitor sees whether a row came
    to claim them. A row without its bytes would be worse.
    """
    keys = [key for key in (facts.original_key, facts.sidecar_key) if key]
    await asyncio.to_thread(_keep, context.root, form, facts, keys)
    try:
        async with context.database.write() as tx:
            asset_id = await assets.record_upload(tx, actor.user_id, facts, link=actor.link)
    except Refused:
        await asyncio.to_thread(_remove, context.root, keys)
        raise
    if asset_id != facts.asset_id:
        await asyncio.to_thread(_remove, context.root, keys)
    return asset_id


def _keep(root: Path, form: Form, facts: assets.Upload, keys: Sequence[str]) -> None:
    """All of them or none."""
    parts = (form.asset, form.sidecar)
    kept: list[str] = []
    try:
        for part, key in zip(parts, keys, strict=False):
            assert part is not None
            part.incoming.keep(key, facts.file_modified_at)
            kept.append(key)
    except BaseException:
        _remove(root, kept)
        raise


def _remove(root: Path, keys: Sequence[str]) -> None:
    for key in keys:
        files.remove(root, key)


async def to_the_end(work: Coroutine[Any, Any, Result]) -> Result:
    """Do it whole: who is cancelled meanwhile waits for it, so that nothing is left half done."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        task.exception()
        raise
