"""/libraries: folders of the server's disk that are shown beside what was uploaded."""

from __future__ import annotations

import asyncio
from typing import Annotated
from uuid import UUID

from msgspec import UNSET, Meta, UnsetType

from server import libraries as removal
from server import timetable
from server.body import Body, Id
from server.endpoint import Call, endpoint
from server.wire import Json
from server.wire import libraries as wire
from sql import Connection, reads
from storage import import_paths
from sync.errors import Invalid
from sync.operations import libraries

Name = Annotated[str, Meta(min_length=1)]
Paths = Annotated[list[Name], Meta(max_length=128)]


class LibraryCreate(Body):
    owner_id: Id
    name: Name | UnsetType = UNSET
    import_paths: Paths | UnsetType = UNSET
    exclusion_patterns: Paths | UnsetType = UNSET


class LibraryUpdate(Body):
    name: Name | UnsetType = UNSET
    import_paths: Paths | UnsetType = UNSET
    exclusion_patterns: Paths | UnsetType = UNSET


class LibraryValidate(Body):
    import_paths: Paths | UnsetType = UNSET
    exclusion_patterns: Paths | UnsetType = UNSET


@endpoint("GET", "/libraries", auth="admin", permission="library.read")
async def get_all_libraries(call: Call) -> Json:
    async with call.context.database.read() as connection:
        rows = await reads.libraries.list_libraries(connection, library_id=None)
    return [wire.show_library(row) for row in rows]


@endpoint("POST", "/libraries", auth="admin", permission="library.create", body=LibraryCreate,
          status=201)  # fmt: skip
async def create_library(call: Call) -> Json:
    """Its folders need not be there yet."""
    paths = _read(call.body.import_paths, "importPaths") or []
    patterns = _read(call.body.exclusion_patterns, "exclusionPatterns") or []
    for path in paths:
        if await asyncio.to_thread(import_paths.overlaps, call.context.root, path):
            raise Invalid(
                "Invalid import path: Cannot use media upload folder for external libraries"
            )
    async with call.context.database.write() as tx:
        library_id = await libraries.create_library(
            tx,
            call.actor,
            call.body.owner_id,
            name="New External Library" if call.body.name is UNSET else call.body.name,
            import_paths=paths,
            exclusion_patterns=patterns,
        )
    return await _show(call, library_id)


@endpoint("GET", "/libraries/{id}", auth="admin", permission="library.read")
async def get_library(call: Call) -> Json:
    return await _show(call, call.ids["id"])


@endpoint("PUT", "/libraries/{id}", auth="admin", permission="library.update", body=LibraryUpdate,
          aliases=("PATCH",))  # fmt: skip
async def update_library(call: Call) -> Json:
    paths = _read(call.body.import_paths, "importPaths")
    patterns = _read(call.body.exclusion_patterns, "exclusionPatterns")
    for _, problem in await _validate(call, paths or []):
        if problem:
            raise Invalid(f"Invalid import path: {problem}")
    async with call.context.database.write() as tx:
        await libraries.update_library(
            tx, call.actor, call.ids["id"],
            name=None if call.body.name is UNSET else call.body.name,
            import_paths=paths, exclusion_patterns=patterns,
        )  # fmt: skip
    return await _show(call, call.ids["id"])


@endpoint("DELETE", "/libraries/{id}", auth="admin", permission="library.delete")
async def delete_library(call: Call) -> None:
    """It is gone at once; its assets go beside, and their originals stay."""
    async with call.context.database.write() as tx:
        await libraries.delete_library(tx, call.actor, call.ids["id"])
    timetable.begin(call.request.app, removal.remove_deleted)


@endpoint("POST", "/libraries/{id}/validate", auth="admin", body=LibraryValidate)
async def validate(call: Call) -> Json:
    async with call.context.database.read() as connection:
        await _find(connection, call.ids["id"])
    _read(call.body.exclusion_patterns, "exclusionPatterns")
    found = await _validate(call, _read(call.body.import_paths, "importPaths") or [])
    return {"importPaths": [wire.show_validation(path, problem) for path, problem in found]}


@endpoint("GET", "/libraries/{id}/statistics", auth="admin", permission="library.statistics")
async def get_library_statistics(call: Call) -> Json:
    library_id = call.ids["id"]
    async with call.context.database.read() as connection:
        await _find(connection, library_id)
        row = await reads.libraries.get_statistics(connection, library_id=library_id)
    return dict(row)


@endpoint("POST", "/libraries/{id}/scan", auth="admin", permission="library.update")
async def scan_library(call: Call) -> None:
    async with call.context.database.read() as connection:
        await _find(connection, call.ids["id"])
    raise Invalid("Scanning external libraries is not available yet")


def _read(given: list[str] | UnsetType, name: str) -> list[str] | None:
    """A list, or None where nothing is said. Raises Invalid."""
    if given is UNSET:
        return None
    if len(set(given)) != len(given):
        raise Invalid(f"All {name}'s elements must be unique")
    return given


async def _validate(call: Call, paths: list[str]) -> list[tuple[str, str | None]]:
    return [
        (path, await asyncio.to_thread(import_paths.problem_with, call.context.root, path))
        for path in paths
    ]


async def _find(connection: Connection, library_id: UUID) -> reads.libraries.list_libraries_row:
    rows = await reads.libraries.list_libraries(connection, library_id=library_id)
    if not rows:
        raise Invalid("Library not found")
    return rows[0]


async def _show(call: Call, library_id: UUID) -> Json:
    async with call.context.database.read() as connection:
        return wire.show_library(await _find(connection, library_id))
