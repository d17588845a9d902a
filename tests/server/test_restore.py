"""A backup of another version, and the way back when it cannot be brought up to date."""

from __future__ import annotations

import pytest

from server import tickets
from server.restore import restore
from sql import dump
from sql.dump import DumpFailed
from storage.backups import list_backups, path_of
from sync.operations import maintenance
from tests.fix_backups import tables


@pytest.fixture
def mode():
    return maintenance.Mode(secret=tickets.make_secret())


async def execute(database, *statements):
    async with database.write() as tx:
        for statement in statements:
            await tx.execute(statement)


def library(dsn):
    """All but what tells of the restore itself."""
    return tables(dsn, "system_metadata", "log_staging", "migration")


async def test_an_older_backup_is_brought_up_to_date(context, database, new_backup, dsn, mode):
    before = library(dsn)
    await execute(
        database,
        "DROP TABLE integrity_report",
        "DELETE FROM migration WHERE name = '0018_maintenance.sql'",
    )
    name = await new_backup()
    heard = []
    await restore(
        context, path_of(context.root, name), mode, tell=lambda task, part: heard.append(task)
    )
    assert library(dsn) == before
    assert list(dict.fromkeys(heard)) == ["backup", "restore", "migrations"]
    async with database.read() as connection:
        assert await maintenance.find(connection) == mode


async def test_what_cannot_be_brought_up_to_date_is_undone(
    context, database, new_backup, dsn, mode
):
    await execute(database, "DELETE FROM migration WHERE name = '0018_maintenance.sql'")
    name = await new_backup()
    await execute(
        database,
        "INSERT INTO migration (name) VALUES ('0018_maintenance.sql')",
        "INSERT INTO setting VALUES ('trash.days', '3')",
    )
    before = library(dsn)
    with pytest.raises(DumpFailed, match="integrity_report"):
        await restore(context, path_of(context.root, name), mode, tell=lambda *_: None)
    assert library(dsn) == before
    async with database.read() as connection:
        assert await maintenance.find(connection) == mode
    (point,) = (one for one in list_backups(context.root) if one.name.startswith("restore-point-"))
    assert point.size > 0


async def test_what_is_not_there_is_not_restored(context, mode):
    with pytest.raises(DumpFailed, match=r"no backup a\.sql"):
        await restore(context, context.root / "backups/a.sql", mode, tell=lambda *_: None)
    assert list_backups(context.root) == []


def test_a_newer_server_is_named():
    said = (
        "pg_dump: error: aborting because of server version mismatch\n"
        "pg_dump: detail: server version: 19.1; pg_dump version: 18.6"
    )
    assert dump._explain("pg_dump", said) == (
        "The database is PostgreSQL 19.1, newer than the pg_dump 18.6 that Heliograph has:"
        " update Heliograph"
    )
