"""/assets/{id}/edits: how a picture is shown otherwise than it was taken."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from server.body import Body, InvalidBody, convert
from server.endpoint import Call, endpoint
from server.wire import Json
from sql import reads
from sync import access
from sync.operations import edits
from sync.operations.edits import Edit

Pixels = Annotated[int, Meta(ge=0, le=2**53 - 1)]


class Crop(Body):
    x: Pixels
    y: Pixels
    width: Annotated[int, Meta(ge=1, le=2**53 - 1)]
    height: Annotated[int, Meta(ge=1, le=2**53 - 1)]


class Rotate(Body):
    angle: Literal[0, 90, 180, 270]


class Mirror(Body):
    axis: Literal["horizontal", "vertical"]


PARAMETERS = {"crop": Crop, "rotate": Rotate, "mirror": Mirror}


class EditItem(Body):
    action: Literal["crop", "rotate", "mirror"]
    parameters: dict[str, Any]


class Edits(Body):
    edits: Annotated[list[EditItem], Meta(min_length=1)]


@endpoint("GET", "/assets/{id}/edits", permission="asset.edit.get")
async def get_asset_edits(call: Call) -> Json:
    async with call.context.database.read() as connection:
        await access.require_assets(connection, call.actor, [call.ids["id"]], "asset.read")
    return await _show(call)


@endpoint("PUT", "/assets/{id}/edits", permission="asset.edit.create", body=Edits)
async def edit_asset(call: Call) -> Json:
    steps = [
        Edit(item.action, _parameters(item, place)) for place, item in enumerate(call.body.edits)
    ]
    async with call.context.database.write() as tx:
        await edits.set_edits(tx, call.actor, call.ids["id"], steps)
    return await _show(call)


@endpoint("DELETE", "/assets/{id}/edits", permission="asset.edit.delete")
async def remove_asset_edits(call: Call) -> None:
    async with call.context.database.write() as tx:
        await edits.remove_edits(tx, call.actor, call.ids["id"])


def _parameters(item: EditItem, place: int) -> dict[str, Any]:
    """What the action takes, checked. Raises InvalidBody."""
    try:
        return msgspec.structs.asdict(convert(item.parameters, PARAMETERS[item.action]))
    except InvalidBody as error:
        inside = ["edits", place, "parameters"]
        raise InvalidBody(
            [{**issue, "path": [*inside, *issue["path"]]} for issue in error.issues]
        ) from error


async def _show(call: Call) -> Json:
    """AssetEditsResponseDto."""
    async with call.context.database.read() as connection:
        rows = await reads.assets.list_edits(connection, asset_id=call.ids["id"])
    steps = [
        {"id": row["id"], "action": row["action"], "parameters": row["parameters"]} for row in rows
    ]
    return {"assetId": call.ids["id"], "edits": steps}
