"""People, and the faces by which they are seen in pictures.

A face is its picture's owner's, and so is the person it is assigned to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple, TypedDict, Unpack
from uuid import UUID, uuid4

import msgspec

from sql import Transaction, reads, writes
from sync import access, log
from sync.actor import Actor
from sync.errors import Invalid, NoAccess
from sync.operations import person_thumbnails

OVERLAP_MIN = 0.5  # of two boxes, common area by joint area, for them to be around the same face


class Box(NamedTuple):
    """Where a face is, in pixels of a picture of that size."""

    image_width: int
    image_height: int
    x1: int
    y1: int
    x2: int
    y2: int


def box_of(row: Mapping[str, Any]) -> Box:
    """The box of a row of `asset_face`."""
    return Box(*(row[name] for name in Box._fields))


class Details(TypedDict, total=False):
    """What may be said of a person."""

    name: str
    birth_date: date | None
    is_hidden: bool
    is_favorite: bool
    color: str | None


class Changes(Details, total=False):
    """In the featured asset the person's face is to be seen; it stands for them from now on."""

    featured_asset_id: UUID


async def create_person(tx: Transaction, actor: Actor, **details: Unpack[Details]) -> UUID:
    row = await writes.people.insert_person(
        tx,
        owner_id=actor.user_id,
        name=details.get("name", ""),
        birth_date=details.get("birth_date"),
        is_hidden=details.get("is_hidden", False),
        is_favorite=details.get("is_favorite", False),
        color=details.get("color"),
    )
    await _stage(tx, "person.created", actor.user_id, [row["id"]])
    return row["id"]


async def update_person(
    tx: Transaction, actor: Actor, person_id: UUID, **changes: Unpack[Changes]
) -> None:
    """Change what is given."""
    await access.hold_library(tx, actor.user_id)
    if "featured_asset_id" in changes:
        await access.lock_assets(tx, actor, [changes["featured_asset_id"]], "asset.read")
    await _lock(tx, actor, [person_id], "person.update")
    if not await _update(tx, actor, {person_id: changes}):
        raise Invalid("Invalid assetId for feature face or asset is offline")


async def update_people(
    tx: Transaction, actor: Actor, changes: Mapping[UUID, Changes]
) -> set[UUID]:
    """Change what is given of each, as `update_person` does; return of whom it could be done."""
    await access.hold_library(tx, actor.user_id)
    own = await _lock_own(tx, actor, list(changes))
    return await _update(tx, actor, {id_: changes[id_] for id_ in changes if id_ in own})


async def hand_over_faces(
    tx: Transaction, actor: Actor, former_ids: Sequence[UUID], person_id: UUID | None
) -> bool:
    """Before people go who have more faces than one transaction may change: give some of these to
    another, or to nobody. Return whether to go on so."""
    await access.hold_library(tx, actor.user_id)
    own = await _lock_own(tx, actor, [*former_ids, *([person_id] if person_id else [])])
    if person_id and person_id not in own:
        raise NoAccess("person.merge")
    former = [id_ for id_ in former_ids if id_ in own]
    if await reads.people.count_faces(tx, person_ids=former) <= log.IDS_MAX:
        return False
    faces = await _move_faces(tx, former, person_id, limit=log.IDS_MAX)
    await stage_faces(tx, actor.user_id, faces)
    return bool(faces)


async def merge_people(
    tx: Transaction, actor: Actor, person_id: UUID, other_ids: Sequence[UUID]
) -> set[UUID]:
    """The others were this person too: who gets their faces, and what only they are known by.

    Return those of the others that are the actor's, and so are merged.
    """
    if person_id in other_ids:
        raise Invalid("Cannot merge a person into themselves")
    await access.hold_library(tx, actor.user_id)
    own = await _lock_own(tx, actor, [person_id, *other_ids])
    if person_id not in own:
        raise NoAccess("person.merge")
    others = [id_ for id_ in other_ids if id_ in own]
    faces = await _move_faces(tx, others, person_id)
    await writes.people.inherit(tx, person_id=person_id, other_ids=others)
    gone = await writes.people.delete_people(tx, person_ids=others)
    featured = await writes.people.feature_first(tx, person_id=person_id)
    await _stage(tx, "person.updated", actor.user_id, [person_id])
    await _stage(tx, "person.face_changed", actor.user_id, [row["id"] for row in featured])
    await stage_faces(tx, actor.user_id, faces)
    await _stage_deletion(tx, actor.user_id, gone)
    return set(others)


async def delete_people(tx: Transaction, actor: Actor, person_ids: Sequence[UUID]) -> None:
    """Their faces stay, of nobody known."""
    await access.hold_library(tx, actor.user_id)
    await _lock(tx, actor, person_ids, "person.delete")
    ids = list(person_ids)
    faces = await _move_faces(tx, ids, None)
    gone = await writes.people.delete_people(tx, person_ids=ids)
    await stage_faces(tx, actor.user_id, faces)
    await _stage_deletion(tx, actor.user_id, gone)


async def create_face(
    tx: Transaction, actor: Actor, asset_id: UUID, person_id: UUID, box: Box
) -> UUID:
    """A person says whose face is there."""
    await access.hold_library(tx, actor.user_id)
    await access.lock_assets(tx, actor, [asset_id], "asset.update")
    await _lock(tx, actor, [person_id], "person.read")
    (face_id,) = await insert_faces(tx, asset_id, [box], "manual", person_id=person_id)
    await stage_faces(tx, actor.user_id, [face_id])
    await feature_first(tx, actor.user_id, person_id)
    return face_id


async def reassign_face(tx: Transaction, actor: Actor, face_id: UUID, person_id: UUID) -> None:
    """It is another's face."""
    await _lock_face(tx, actor, face_id, "person.create")
    await _lock(tx, actor, [person_id], "person.update")
    await assign_faces(tx, actor.user_id, [face_id], person_id)


async def reassign_faces(
    tx: Transaction, actor: Actor, person_id: UUID, seen: Sequence[tuple[UUID, UUID]]
) -> None:
    """Whoever was seen in an asset, it was this person: pairs of an asset and a person."""
    await access.hold_library(tx, actor.user_id)
    faces = await reads.people.find_faces(
        tx, asset_ids=[asset for asset, _ in seen], person_ids=[person for _, person in seen]
    )
    await access.lock_assets(tx, actor, {face["asset_id"] for face in faces}, "person.create")
    await _lock(tx, actor, [person_id], "person.update")
    await assign_faces(tx, actor.user_id, [face["id"] for face in faces], person_id)


async def delete_face(tx: Transaction, actor: Actor, face_id: UUID, *, force: bool) -> None:
    """It is no face. Without `force` it is kept, marked, so that it is not found again."""
    await _lock_face(tx, actor, face_id, "face.delete")
    if force:
        await delete_faces(tx, actor.user_id, [face_id])
        return
    replaced = await writes.people.replace_featured(tx, face_ids=[face_id])
    await writes.people.hide_face(tx, face_id=face_id)
    await stage_faces(tx, actor.user_id, [face_id])
    await _stage_replacement(tx, actor.user_id, replaced)


async def record_faces(tx: Transaction, asset_id: UUID, found: Sequence[Box]) -> list[UUID]:
    """Record the faces ml sees in a picture now; return their ids, in this order.

    A face that was there already keeps its id, and its person. Those only ml had seen, and sees
    no more, go; what a person or the file said stays. None for a picture that is deleted.
    """
    asset = await reads.people.get_owner(tx, asset_id=asset_id)
    if asset is None:
        return []
    owner_id = asset["owner_id"]
    await access.hold_library(tx, owner_id)
    if not await writes.assets.lock_assets(tx, asset_ids=[asset_id], owner_id=owner_id):
        return []
    known = await reads.people.list_faces(tx, asset_ids=[asset_id])
    left = {row["id"]: row for row in known}
    ids, new = [], {}
    for box in found:
        match = next((id_ for id_, row in left.items() if overlap(box, box_of(row))), None)
        if match:
            del left[match]
        else:
            match = uuid4()
            new[match] = box
        ids.append(match)
    gone = [id_ for id_, row in left.items() if row["source_type"] == "machine-learning"]
    await delete_faces(tx, owner_id, gone)
    await insert_faces(tx, asset_id, list(new.values()), "machine-learning", ids=list(new))
    await stage_faces(tx, owner_id, list(new))
    return ids


async def forget_assets(tx: Transaction, owner_id: UUID, asset_ids: Sequence[UUID]) -> None:
    """Assets go: people are shown by other pictures, or by none."""
    rows = await reads.people.list_faces(tx, asset_ids=list(asset_ids))
    await delete_faces(tx, owner_id, [row["id"] for row in rows])


async def forget_all(tx: Transaction, owner_id: UUID) -> None:
    """A user goes, whose assets are gone already."""
    gone = await writes.people.delete_all_people(tx, owner_id=owner_id)
    await _stage_deletion(tx, owner_id, gone)


async def _update(tx: Transaction, actor: Actor, changes: Mapping[UUID, Changes]) -> set[UUID]:
    """Of people who are locked; those whose featured asset does not show them stay as they are."""
    chosen = {
        id_: given["featured_asset_id"]
        for id_, given in changes.items()
        if "featured_asset_id" in given
    }
    faces = await _find_faces(tx, actor, chosen) if chosen else {}
    done: dict[UUID, dict[str, Any]] = {
        id_: {**given, "face_id": faces.get(id_)}
        for id_, given in changes.items()
        if id_ not in chosen or id_ in faces
    }
    await writes.people.update_people(
        tx,
        person_ids=list(done),
        values=[msgspec.json.encode(given).decode() for given in done.values()],
    )
    await _stage(tx, "person.updated", actor.user_id, [id_ for id_ in done if id_ not in faces])
    await _stage(tx, "person.face_changed", actor.user_id, list(faces))
    return set(done)


async def _find_faces(
    tx: Transaction, actor: Actor, chosen: Mapping[UUID, UUID]
) -> dict[UUID, UUID]:
    """Person → their face in the asset that is chosen for them, where it may be shown."""
    rows = await reads.people.find_faces(
        tx, asset_ids=list(chosen.values()), person_ids=list(chosen)
    )
    return {
        row["person_id"]: row["id"]
        for row in reversed(rows)
        if row["person_id"]
        and not row["is_offline"]
        and (actor.is_elevated or row["visibility"] != "locked")
    }


async def assign_faces(
    tx: Transaction, owner_id: UUID, face_ids: list[UUID], person_id: UUID
) -> None:
    rows = await writes.people.assign_faces(tx, face_ids=face_ids, person_id=person_id)
    moved = [row["id"] for row in rows]
    replaced = await writes.people.replace_featured(tx, face_ids=moved)
    await stage_faces(tx, owner_id, moved)
    await _stage_replacement(tx, owner_id, replaced)
    await feature_first(tx, owner_id, person_id)


async def insert_faces(
    tx: Transaction,
    asset_id: UUID,
    boxes: Sequence[Box],
    source_type: str,
    *,
    ids: list[UUID] | None = None,
    person_id: UUID | None = None,
) -> list[UUID]:
    ids = ids if ids is not None else [uuid4() for _ in boxes]
    await writes.people.insert_faces(
        tx,
        asset_id=asset_id,
        person_id=person_id,
        source_type=source_type,
        ids=ids,
        image_widths=[box.image_width for box in boxes],
        image_heights=[box.image_height for box in boxes],
        x1=[box.x1 for box in boxes],
        y1=[box.y1 for box in boxes],
        x2=[box.x2 for box in boxes],
        y2=[box.y2 for box in boxes],
    )
    return ids


async def _move_faces(
    tx: Transaction, former_ids: list[UUID], person_id: UUID | None, *, limit: int | None = None
) -> list[UUID]:
    """To another, or to nobody. With a limit, none that stands for somebody is among them."""
    rows = await reads.people.list_faces_of(
        tx, person_ids=former_ids, with_featured=limit is None, limit=limit
    )
    await writes.assets.hold_assets(tx, asset_ids=[row["asset_id"] for row in rows])
    ids = [row["id"] for row in rows]
    await writes.people.assign_faces(tx, face_ids=ids, person_id=person_id)
    return ids


async def delete_faces(tx: Transaction, owner_id: UUID, face_ids: list[UUID]) -> None:
    if not face_ids:
        return
    replaced = await writes.people.replace_featured(tx, face_ids=face_ids)
    await writes.people.delete_faces(tx, face_ids=face_ids)
    await stage_faces(tx, owner_id, face_ids)
    await _stage_replacement(tx, owner_id, replaced)


async def feature_first(tx: Transaction, owner_id: UUID, person_id: UUID) -> None:
    rows = await writes.people.feature_first(tx, person_id=person_id)
    await _stage(tx, "person.face_changed", owner_id, [row["id"] for row in rows])


async def _lock(tx: Transaction, actor: Actor, person_ids: Sequence[UUID], permission: str) -> None:
    if await _lock_own(tx, actor, person_ids) != set(person_ids):
        raise NoAccess(permission)


async def _lock_own(tx: Transaction, actor: Actor, person_ids: Sequence[UUID]) -> set[UUID]:
    """Hold the actor's people until commit; the library is held already."""
    rows = await writes.people.lock_people(tx, person_ids=list(person_ids), owner_id=actor.user_id)
    return {row["id"] for row in rows}


async def _lock_face(tx: Transaction, actor: Actor, face_id: UUID, permission: str) -> None:
    """Hold the library, and the face's picture, which is the actor's."""
    await access.hold_library(tx, actor.user_id)
    face = await reads.people.get_face(tx, face_id=face_id)
    if face is None:
        raise NoAccess(permission)
    await access.lock_assets(tx, actor, [face["asset_id"]], permission)


def overlap(one: Box, other: Box) -> bool:
    """Both are around the same face, in pictures of whatever sizes."""
    (a1, b1, a2, b2), (c1, d1, c2, d2) = _relative(one), _relative(other)
    common = max(0.0, min(a2, c2) - max(a1, c1)) * max(0.0, min(b2, d2) - max(b1, d1))
    joint = (a2 - a1) * (b2 - b1) + (c2 - c1) * (d2 - d1) - common
    return joint > 0 and common / joint > OVERLAP_MIN


def _relative(box: Box) -> tuple[float, float, float, float]:
    width, height = max(box.image_width, 1), max(box.image_height, 1)
    return box.x1 / width, box.y1 / height, box.x2 / width, box.y2 / height


async def _stage_replacement(
    tx: Transaction, owner_id: UUID, replaced: Sequence[writes.people.replace_featured_row]
) -> None:
    await _stage(tx, "person.face_changed", owner_id, [row["id"] for row in replaced])
    await person_thumbnails.drop(tx, owner_id, [row["thumbnail_key"] for row in replaced])


async def _stage_deletion(
    tx: Transaction,
    owner_id: UUID,
    gone: Sequence[writes.people.delete_people_row | writes.people.delete_all_people_row],
) -> None:
    await _stage(tx, "person.deleted", owner_id, [row["id"] for row in gone])
    await person_thumbnails.drop(tx, owner_id, [row["thumbnail_key"] for row in gone])


async def stage_faces(tx: Transaction, owner_id: UUID, face_ids: Sequence[UUID]) -> None:
    await _stage(tx, "asset_face.changed", owner_id, face_ids)


async def _stage(tx: Transaction, topic: str, owner_id: UUID, ids: Sequence[UUID]) -> None:
    await log.stage(tx, topic, owner_id, ids, audience=[owner_id])
