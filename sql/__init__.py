"""Postgres: schema, named queries, and the pool. Imports nothing of ours."""

from sql.database import Connection, Database, Disconnected, Transaction, UniqueViolation

__all__ = ["Connection", "Database", "Disconnected", "Transaction", "UniqueViolation"]
