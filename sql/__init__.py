"""Postgres: schema, named queries, and the pool. Imports nothing of ours."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sql.database import Connection, Database, Disconnected, Transaction, UniqueViolation

__all__ = ["Connection", "Database", "Disconnected", "Transaction", "UniqueViolation"]


def __getattr__(name: str) -> object:
    """Load the driver when it is first asked for: the supervisor lives without it."""
    if name not in __all__:
        raise AttributeError(name)
    from sql import database

    return getattr(database, name)
