"""What files name, tags and faces: changes of it are followed, all else is left as people have it.

Whoever gave an asset a tag, or said whose face it is, is not overruled by a file that says the
same as it did before.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple
from uuid import UUID

from sql import Transaction, reads, writes
from sync import access
from sync.actor import Actor
from sync.operations import people, tags
from sync.operations.people import Box, box_of


class Face(NamedTuple):
    """Whose face a file says is where."""

    name: str
    box: Box


async def hold_asset(
    tx: Transaction, asset_id: UUID, *, names_any: bool
) -> reads.sidecars.get_read_row | None:
    """Hold what a file's words may change, and return what is known of it; None: it is deleted."""
    known = await reads.sidecars.get_read(tx, asset_id=asset_id)
    if known and (names_any or known["tags"] or known["has_faces"]):
        await access.hold_library(tx, known["owner_id"])
    await writes.assets.hold_assets(tx, asset_ids=[asset_id])
    return await reads.sidecars.get_read(tx, asset_id=asset_id)


async def follow_tags(
    tx: Transaction, owner_id: UUID, asset_id: UUID, *, former: Sequence[str], named: Sequence[str]
) -> None:
    """Give an asset the tags that its file names now and did not before, and the other way round.

    What a person took from it stays away while the file names it, and what they gave it stays.
    """
    actor = Actor(owner_id)
    if new := [value for value in named if value not in former]:
        tag_ids = await tags.upsert_tags(tx, actor, new)
        await writes.sidecars.insert_links(tx, asset_id=asset_id, tag_ids=tag_ids)
    if gone := [value for value in former if value not in named]:
        await writes.sidecars.delete_links(tx, asset_id=asset_id, values=gone)


async def follow_faces(
    tx: Transaction, owner_id: UUID, asset_id: UUID, found: Sequence[Face]
) -> None:
    """Show whose faces a file says are in its picture, by the names of its owner's people.

    A face that is there already, whoever saw it, is not added again: it only gets the name, if
    that is new and nobody was named before. Those only the file had named, and names no more, go.
    """
    left = {row["id"]: row for row in await reads.sidecars.list_faces(tx, asset_id=asset_id)}
    new: list[Face] = []
    named: dict[UUID, str] = {}
    for face in found:
        match = next((row for row in left.values() if people.overlap(face.box, box_of(row))), None)
        if match is None:
            new.append(face)
            continue
        del left[match["id"]]
        if _is_to_be_named(match, face.name):
            named[match["id"]] = face.name
    gone = [id_ for id_, row in left.items() if row["source_type"] == "exif"]
    await people.delete_faces(tx, owner_id, gone)
    ids = await _find_people(tx, owner_id, [*(face.name for face in new), *named.values()])
    for face in new:
        (face_id,) = await people.insert_faces(
            tx, asset_id, [face.box], "exif", person_id=ids[face.name]
        )
        await writes.sidecars.name_face(tx, face_id=face_id, name=face.name)
        await people.stage_faces(tx, owner_id, [face_id])
        await people.feature_first(tx, owner_id, ids[face.name])
    for face_id, name in named.items():
        await writes.sidecars.name_face(tx, face_id=face_id, name=name)
        await people.assign_faces(tx, owner_id, [face_id], ids[name])


def _is_to_be_named(row: reads.sidecars.list_faces_row, name: str) -> bool:
    if row["written_name"] == name:
        return False
    is_unknown = row["person_id"] is None and row["deleted_at"] is None
    return is_unknown or row["source_type"] == "exif"


async def _find_people(tx: Transaction, owner_id: UUID, names: Iterable[str]) -> dict[str, UUID]:
    """Name → the owner's person of that name, made where there is none; held until commit."""
    rows = await reads.sidecars.find_people(tx, owner_id=owner_id, names=list(set(names)))
    ids = {row["name"]: row["id"] for row in rows}
    await writes.people.lock_people(tx, person_ids=list(ids.values()), owner_id=owner_id)
    made: dict[str, UUID] = {}
    for name in names:
        if name not in ids:
            if name.lower() not in made:
                made[name.lower()] = await people.create_person(tx, Actor(owner_id), name=name)
            ids[name] = made[name.lower()]
    return ids
