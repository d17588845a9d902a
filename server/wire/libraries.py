"""Libraries as Immich's JSON."""

from __future__ import annotations

from typing import Any

from server.wire import iso, iso_or_none
from sql import reads

Shown = dict[str, Any]


def show_library(row: reads.libraries.list_libraries_row) -> Shown:
    """LibraryResponseDto."""
    return {
        "id": row["id"],
        "ownerId": row["owner_id"],
        "name": row["name"],
        "importPaths": row["import_paths"],
        "exclusionPatterns": row["exclusion_patterns"],
        "assetCount": row["asset_count"],
        "createdAt": iso(row["created_at"]),
        "updatedAt": iso(row["updated_at"]),
        "refreshedAt": iso_or_none(row["refreshed_at"]),
    }


def show_validation(path: str, problem: str | None) -> Shown:
    """ValidateLibraryImportPathResponseDto."""
    shown: Shown = {"importPath": path, "isValid": problem is None}
    return shown if problem is None else {**shown, "message": problem}
