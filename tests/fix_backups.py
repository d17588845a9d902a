"""Backups in the data folder of a served instance, and databases to compare."""

from __future__ import annotations

import psycopg
import pytest

from server import backups
from server.context import Context
from storage.backups import list_backups
from sync.config import Config


@pytest.fixture
def context(database, root):
    return Context(database, root, None, Config())


@pytest.fixture
def new_backup(context):
    """Make one; its name."""

    async def new_backup() -> str:
        before = {one.name for one in list_backups(context.root)}
        await backups.back_up(context)
        (name,) = {one.name for one in list_backups(context.root)} - before
        return name

    return new_backup


def tables(dsn: str, *but: str) -> dict[str, list[str]]:
    """Every row of every table, as text."""
    with psycopg.connect(dsn) as connection:
        names = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"
        ).fetchall()
        return {
            name: sorted(
                row
                for (row,) in connection.execute(
                    f'SELECT t::text FROM public."{name}" AS t'.encode()
                ).fetchall()
            )
            for (name,) in names
            if name not in but
        }
