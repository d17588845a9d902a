"""/users/profile-image: the picture that stands for a user, as they sent it."""

from __future__ import annotations

import asyncio

from aiohttp import web

from server import profile_pictures, upload
from server.byte_responses import file_response
from server.endpoint import Call, endpoint
from server.wire import Json, iso
from sql import reads
from storage import files, media_types, paths
from sync.errors import Invalid, Missing
from sync.operations import users

BYTES_MAX = 32 * 1024 * 1024
CACHE = "private, no-cache, no-transform"  # It changes under its address.
NOT_FOUND = "Not Found"


@endpoint("POST", "/users/profile-image", permission="userProfileImage.update", status=201)
async def create_profile_image(call: Call) -> Json:
    root, user_id = call.context.root, call.actor.user_id
    async with upload.receive(
        call.request,
        root,
        file_parts=("file",),
        top=paths.PROFILES,
        file_bytes_max=BYTES_MAX,
    ) as form:
        part = form.files.get("file")
        if part is None:
            raise Invalid("Not found or no file uploaded")
        key = await asyncio.to_thread(
            profile_pictures.keep, root, user_id, part.incoming, part.file_name
        )
    try:
        async with call.context.database.write() as tx:
            await users.set_profile_image(tx, call.actor, key)
    except BaseException:
        await asyncio.shield(asyncio.to_thread(files.remove, root, key))
        raise
    async with call.context.database.read() as connection:
        row = await reads.users.get_user(connection, user_id=user_id)
    if row is None:
        raise Invalid("User not found")
    return {
        "userId": user_id,
        "profileImagePath": key,
        "profileChangedAt": iso(row["profile_changed_at"]),
    }


@endpoint("DELETE", "/users/profile-image", permission="userProfileImage.delete")
async def delete_profile_image(call: Call) -> None:
    async with call.context.database.write() as tx:
        await users.set_profile_image(tx, call.actor, None)


@endpoint("GET", "/users/{id}/profile-image", permission="userProfileImage.read", is_file=True)
async def get_profile_image(call: Call) -> web.StreamResponse:
    async with call.context.database.read() as connection:
        row = await reads.users.get_user(connection, user_id=call.ids["id"])
    if row is None or row["deleted_at"]:
        raise Missing(NOT_FOUND)
    key = row["profile_image_key"]
    if key is None:
        raise Missing(NOT_FOUND)
    return await file_response(
        call.request,
        paths.resolve(call.context.root, key),
        media_type=media_types.mime_type(key),
        missing=NOT_FOUND,
        etag=key.rpartition("/")[2].partition(".")[0],
        cache_control=CACHE,
    )
