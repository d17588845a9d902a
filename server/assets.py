"""Assets by their ids, as who asks may see them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

import msgspec

from server.wire.assets import show_asset
from sql import Connection, reads
from sync.actor import Actor

NOBODY = UUID(int=0)


async def show_assets(
    connection: Connection,
    viewer: Actor,
    asset_ids: Sequence[UUID],
    *,
    with_exif: bool = False,
    with_people: bool = False,
    with_tags: bool = False,
) -> dict[UUID, msgspec.Raw]:
    """AssetResponseDto of each, in the order of the ids; what is gone meanwhile is left out.

    Who calls has asked `sync.access` before, or selected the ids by who may see them.
    """
    rows = await reads.assets.show_assets(
        connection,
        asset_ids=list(asset_ids),
        viewer_id=NOBODY if viewer.link else viewer.user_id,
        with_exif=with_exif,
        with_people=with_people,
        with_tags=with_tags,
    )
    shown = {row["id"]: show_asset(row, viewer) for row in rows}
    return {id_: shown[id_] for id_ in asset_ids if id_ in shown}
