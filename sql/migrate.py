"""Apply the schema files in order, each once, one process at a time: python -m sql.migrate."""

from __future__ import annotations

import os
from importlib import resources

import psycopg

LOCK = "SELECT pg_advisory_xact_lock(hashtext('heliograph.migrate'))"
LEDGER = """
CREATE TABLE IF NOT EXISTS migration (
    name text PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())
"""


def migrate(dsn: str) -> list[str]:
    """Bring a database up to date; return the names of the files applied.

    All files that are new apply in one transaction, so a crash leaves the old schema whole.
    """
    files = sorted(resources.files("sql").joinpath("schema").iterdir(), key=lambda file: file.name)
    with psycopg.connect(dsn, options="-c client_min_messages=warning") as connection:
        connection.execute(LOCK)
        connection.execute(LEDGER)
        known = {name for (name,) in connection.execute("SELECT name FROM migration").fetchall()}
        new = [file for file in files if file.name.endswith(".sql") and file.name not in known]
        for file in new:
            connection.execute(file.read_text().encode())
            connection.execute("INSERT INTO migration (name) VALUES (%s)", [file.name])
    return [file.name for file in new]


if __name__ == "__main__":
    print("\n".join(migrate(os.environ["DATABASE_URL"])) or "up to date")
