"""Rows as Immich's JSON; pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

Json = dict[str, Any] | list[Any] | msgspec.Raw


def iso(moment: datetime | str) -> str:
    """`2024-05-06T07:08:09.123Z`; a time without a zone is taken as it is, and text is how Postgres
    writes times into JSON."""
    if isinstance(moment, str):
        if moment.endswith("Z"):  # as `iso` of the schema writes it
            return moment
        moment = datetime.fromisoformat(moment)
    if moment.tzinfo is not None:
        moment = moment.astimezone(UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def iso_or_none(moment: datetime | None) -> str | None:
    return None if moment is None else iso(moment)
