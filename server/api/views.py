"""/view: a library by the folders its files lie in."""

from __future__ import annotations

from server.assets import show_assets
from server.body import Body
from server.endpoint import Call, endpoint
from server.wire import Json
from sql import reads


class Folder(Body):
    path: str


@endpoint("GET", "/view/folder/unique-paths", permission="folder.read")
async def get_unique_original_paths(call: Call) -> Json:
    async with call.context.database.read() as connection:
        rows = await reads.views.list_folders(connection, owner_id=call.actor.user_id)
    return [row["folder"] for row in rows]


@endpoint("GET", "/view/folder", permission="folder.read", query=Folder)
async def get_assets_by_original_path(call: Call) -> Json:
    """What lies in the folder itself; a slash at the end says nothing."""
    folder = call.query.path.removesuffix("/")
    async with call.context.database.read() as connection:
        rows = await reads.views.list_folder(connection, owner_id=call.actor.user_id, folder=folder)
        ids = [row["id"] for row in rows]
        return list((await show_assets(connection, call.actor, ids, with_exif=True)).values())
