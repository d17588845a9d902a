"""Integrity reports as Immich's JSON and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from sql import reads

TYPES = ("untracked_file", "missing_file", "checksum_mismatch")
COLUMNS = ("id", "type", "assetId", "fileAssetId", "path")


def show_summary(rows: Iterable[reads.integrity.count_reports_row]) -> dict[str, int]:
    """IntegrityReportSummaryResponseDto."""
    return dict.fromkeys(TYPES, 0) | {row["type"]: row["reports"] for row in rows}


def show_reports(
    rows: Sequence[reads.integrity.list_reports_row], *, is_last: bool
) -> dict[str, Any]:
    """IntegrityReportResponseDto."""
    items = [{"id": row["id"], "type": row["type"], "path": row["key"]} for row in rows]
    return {"items": items} | ({} if is_last else {"nextCursor": str(rows[-1]["id"])})


def csv_head() -> bytes:
    return _line(COLUMNS)


def csv_lines(rows: Iterable[reads.integrity.list_reports_row]) -> bytes:
    return b"".join(
        _line((row["id"], row["type"], row["asset_id"], row["file_id"], row["key"])) for row in rows
    )


def _line(values: Iterable[object]) -> bytes:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow("" if one is None else one for one in values)
    return line.getvalue().encode(errors="surrogateescape")
