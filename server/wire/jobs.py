"""Queues and what is in them as Immich's JSON."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sql import reads
from sync import queues

Shown = dict[str, Any]


def show_queue(
    name: str, counts: Sequence[reads.jobs.count_jobs_row], paused: Collection[str]
) -> Shown:
    """QueueResponseDto."""
    return {
        "name": name,
        "isPaused": name in paused,
        "statistics": _show_statistics(name, counts, name in paused),
    }


def show_legacy_queue(
    name: str, counts: Sequence[reads.jobs.count_jobs_row], paused: Collection[str]
) -> Shown:
    """QueueResponseLegacyDto."""
    statistics = _show_statistics(name, counts, name in paused)
    return {
        "jobCounts": statistics,
        "queueStatus": {"isActive": statistics["active"] > 0, "isPaused": name in paused},
    }


def show_jobs(rows: Iterable[reads.jobs.list_jobs_row]) -> list[Shown]:
    """QueueJobResponseDto[]: what each is about, and why it failed."""
    return [
        {
            "id": f"{row['queue']}.{row['pos']}.{row['entity_id']}",
            "name": queues.job_of(row["queue"]),
            "timestamp": round(row["at"].timestamp() * 1000),
            "data": {
                "id": str(row["entity_id"]),
                "status": row["status"],
                "attempts": row["attempts"],
                **({"failedReason": row["last_error"]} if row["last_error"] else {}),
            },
        }
        for row in rows
    ]


def _show_statistics(
    name: str, counts: Sequence[reads.jobs.count_jobs_row], is_paused: bool
) -> dict[str, int]:
    """QueueStatisticsDto. What is done is no longer in a queue, so nothing is `completed`."""
    ours = queues.list_ours(name)
    mine = [row for row in counts if row["queue"] in ours]
    waiting = sum(row["waiting"] for row in mine)
    return {
        "active": sum(row["active"] for row in mine),
        "completed": 0,
        "delayed": sum(row["delayed"] for row in mine),
        "failed": sum(row["dead"] for row in mine),
        "paused": waiting if is_paused else 0,
        "waiting": 0 if is_paused else waiting,
    }
