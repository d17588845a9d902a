"""Live photos: stills, and the films that were taken with them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sql import Transaction, reads, writes
from sync import access, log
from sync.actor import Actor
from sync.errors import Invalid
from sync.operations import albums, shared_links, stacks


async def hold(tx: Transaction, owner_id: UUID, asset_ids: Sequence[UUID]) -> None:
    """Hold the library, assets, their other halves and all in their stacks, until commit.

    Before any other row: who came from a still to its film would meet who comes from the film.
    """
    await access.hold_library(tx, owner_id)
    await writes.assets.lock_around(tx, asset_ids=list(asset_ids), owner_id=owner_id)


async def link_live_photo(
    tx: Transaction, actor: Actor, asset_id: UUID, video_id: UUID | None
) -> None:
    """Make a video the moving part of a still; None parts them, and shows the video again.

    What was parted stays so, whatever the files say.
    """
    await hold(tx, actor.user_id, [asset_id, *filter(None, [video_id])])
    (still,) = await access.lock_assets(tx, actor, [asset_id], "asset.update")
    former_id = still["live_photo_video_id"]
    if video_id == former_id:
        return
    if video_id is not None:
        await require_moving_part(tx, actor.user_id, video_id)
        await hide_moving_part(tx, actor.user_id, video_id, still["visibility"])
    if former_id is not None:
        await _show(tx, actor, former_id, still["visibility"])
        await writes.live_photos.forget_identifier(tx, asset_id=former_id)
    await link(tx, actor.user_id, asset_id, video_id)


async def require_moving_part(tx: Transaction, owner_id: UUID, video_id: UUID) -> None:
    """It can be one, and stays until commit."""
    held = await writes.assets.lock_assets(tx, asset_ids=[video_id], owner_id=owner_id)
    video = await reads.assets.get_source(tx, asset_id=video_id)
    if video is None:
        raise Invalid("Live photo video not found")
    if video["type"] != "VIDEO":
        raise Invalid("Live photo video must be a video")
    if not held:
        raise Invalid("Live photo video does not belong to the user")


async def hide_moving_part(
    tx: Transaction, owner_id: UUID, video_id: UUID, visibility: str
) -> None:
    """Take it out of the timeline: there the still, shown like this, stands for both."""
    (video,) = await writes.assets.lock_assets(tx, asset_ids=[video_id], owner_id=owner_id)
    if visibility == "locked" != video["visibility"]:
        await _hide(tx, owner_id, video_id, "locked")
    elif video["visibility"] == "timeline":
        await _hide(tx, owner_id, video_id, "hidden")


async def hold_around(tx: Transaction, asset_id: UUID) -> None:
    """The same of one asset, whoever's it is; nothing where it was deleted."""
    if source := await reads.assets.get_source(tx, asset_id=asset_id):
        await hold(tx, source["owner_id"], [asset_id])


async def hold_halves(tx: Transaction, asset_id: UUID, content_id: str) -> UUID | None:
    """Hold an asset, and what was taken with it as both say, with the library; return that.

    Whoever comes with the other half meanwhile waits here, and then finds this one. Who is the
    first holds nothing else: most are, and they are recorded side by side.
    """
    source = await reads.assets.get_source(tx, asset_id=asset_id)
    if source is None:
        return None
    owner_id = source["owner_id"]
    await writes.live_photos.hold_identifier(tx, owner_id=owner_id, content_id=content_id)
    found = await reads.live_photos.find_other_half(tx, asset_id=asset_id, content_id=content_id)
    if found is None:
        return None
    await hold(tx, owner_id, [asset_id, found["id"]])
    return found["id"]


async def link_halves(tx: Transaction, asset_id: UUID, other_id: UUID, content_id: str) -> None:
    """Link what was taken as one, if that is still to be done; both are held."""
    found = await reads.live_photos.find_other_half(tx, asset_id=asset_id, content_id=content_id)
    if found is None or found["id"] != other_id:
        return  # Put into the trash, or linked by hand, before it was held.
    halves = await writes.assets.lock_assets(
        tx, asset_ids=[asset_id, other_id], owner_id=found["owner_id"]
    )
    still, film = sorted(halves, key=lambda row: row["type"] == "VIDEO")
    await put_away(tx, found["owner_id"], film["id"], place_of_part(still["visibility"]))
    await link(tx, found["owner_id"], still["id"], film["id"])


def place_of_part(visibility: str) -> str:
    """Where the moving part of a still is that is shown like this."""
    return "locked" if visibility == "locked" else "hidden"


async def put_away(tx: Transaction, owner_id: UUID, video_id: UUID, place: str) -> None:
    """Let a still stand for a film that nobody was asked about. It is held.

    It leaves albums, as in Immich, and its stack, all of which it might hide with itself.
    """
    await stacks.forget_assets(tx, owner_id, [video_id])
    await albums.remove_everywhere(tx, [video_id])
    await _hide(tx, owner_id, video_id, place)


async def link(tx: Transaction, owner_id: UUID, asset_id: UUID, video_id: UUID | None) -> None:
    await writes.assets.set_live_photo_video(tx, asset_id=asset_id, video_id=video_id)
    await _stage_update(tx, owner_id, asset_id)


async def _hide(tx: Transaction, owner_id: UUID, video_id: UUID, visibility: str) -> None:
    await writes.assets.update_assets(
        tx, asset_ids=[video_id], is_favorite=None, visibility=visibility
    )
    if visibility == "locked":
        await shared_links.unshare_assets(tx, [video_id])
        await stacks.follow_first(tx, owner_id, [video_id])
    await log.stage(tx, "asset.hidden", owner_id, [video_id], audience=[owner_id])


async def _show(tx: Transaction, actor: Actor, video_id: UUID, visibility: str) -> None:
    """It stands for itself again, where its still is."""
    (video,) = await access.lock_assets(tx, actor, [video_id], "asset.update")
    if video["is_extracted"]:
        raise Invalid("Cannot unlink Android motion photos")
    await writes.assets.update_assets(
        tx, asset_ids=[video_id], is_favorite=None, visibility=visibility
    )
    if visibility == "locked":
        await shared_links.unshare_assets(tx, [video_id])
    await stacks.follow_first(tx, actor.user_id, [video_id])
    await _stage_update(tx, actor.user_id, video_id)


async def _stage_update(tx: Transaction, owner_id: UUID, asset_id: UUID) -> None:
    await log.stage(tx, "asset.updated", owner_id, [asset_id], audience=[owner_id], is_told=False)
