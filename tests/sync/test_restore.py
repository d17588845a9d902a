"""An older database comes back: as a dump, or as a snapshot of the disk."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from server import witness as witnesses
from server.witness import KEY, Witness
from sql import Database
from sql.binaries import install_programs
from sql.embedded import NAME, Postgres
from sql.migrate import migrate
from sync import sequencer, tail
from sync.stream import settle
from tests.sync.library import ask_one, new_asset, new_user, until
from tests.sync.replica import Replica, Unremembered, new_replica


class Machine:
    """A data folder, a Postgres in it, and what a server process runs of the log."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.postgres = Postgres(root / "postgres", durable=False)
        self.dsn = self.postgres.start()
        migrate(self.dsn)

    @asynccontextmanager
    async def serving(self, *, with_witness: bool = True):
        witness = Witness(self.root) if with_witness else None
        async with (
            Database(self.dsn) as database,
            witness.keeping() if witness else nullcontext(),
        ):
            running = asyncio.create_task(sequencer.run(database, witness))
            yield database
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    def copy_disk(self) -> None:
        self.postgres.stop()
        shutil.copytree(self.root / "postgres/cluster", self.root / "copy", symlinks=True)
        self._own(self.root / "copy")
        self.postgres.start()

    def put_disk_back(self) -> None:
        self.postgres.stop()
        shutil.rmtree(self.root / "postgres/cluster")
        shutil.move(self.root / "copy", self.root / "postgres/cluster")
        self.postgres.start()

    def _own(self, folder: Path) -> None:
        """As it was: PostgreSQL does not run as root."""
        owner = (self.root / "postgres/cluster").stat()
        for path in (folder, *folder.rglob("*")):
            shutil.chown(path, owner.st_uid, owner.st_gid)

    def dump(self) -> None:
        self._program("pg_dump", "-Fc", "-f", str(self.root / "dump"), "-d", self.dsn)

    def load(self) -> None:
        elsewhere = make_conninfo(self.dsn, dbname="postgres")
        with psycopg.connect(elsewhere, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {NAME} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {NAME}".encode())
        self._program("pg_restore", "-d", self.dsn, str(self.root / "dump"))

    def _program(self, name: str, *arguments: str) -> None:
        program = install_programs(self.root / "postgres") / name
        subprocess.run([program, *arguments], check=True, capture_output=True)


@pytest.fixture
def machine(tmp_path):
    machine = Machine(tmp_path)
    yield machine
    machine.postgres.stop()


async def epoch(database):
    return await ask_one(database, "SELECT epoch FROM log_head")


async def head(database):
    await settle(database)
    return await tail.head(database)


async def assert_it_starts_anew(database, actor, phone):
    phone.source.database = database
    await phone.pull()
    assert phone.wipes == 1
    fresh = Replica(Unremembered(database, actor.user_id))
    await fresh.pull()
    assert phone.dump() == fresh.dump()
    await phone.pull()
    assert phone.wipes == 1


async def test_a_snapshot_of_the_disk_begins_a_new_epoch(machine):
    async with machine.serving() as database:
        alice = await new_user(database)
        phone = await new_replica(database, alice.user_id)
        await head(database)
        await phone.pull()
    machine.copy_disk()
    async with machine.serving() as database:
        phone.source.database = database
        await new_asset(database, alice)
        await head(database)
        await phone.pull()
        before = await epoch(database)
    machine.put_disk_back()
    async with machine.serving() as database:
        await until(lambda: epoch(database), is_met=lambda now: now != before)
        assert await ask_one(database, "SELECT began FROM log_head") == 2
        # As many changes as were lost: by their positions alone the cursors would seem right.
        await new_asset(database, alice)
        await head(database)
        await assert_it_starts_anew(database, alice, phone)


async def test_a_dump_that_is_loaded_begins_a_new_epoch_without_a_witness(machine):
    async with machine.serving(with_witness=False) as database:
        alice = await new_user(database)
        phone = await new_replica(database, alice.user_id)
        await head(database)
        await phone.pull()
        before = await epoch(database)
        machine.dump()
        await new_asset(database, alice)
        await head(database)
        await phone.pull()
    machine.load()
    async with machine.serving(with_witness=False) as database:
        await until(lambda: epoch(database), is_met=lambda now: now != before)
        await new_asset(database, alice)
        await head(database)
        await assert_it_starts_anew(database, alice, phone)


async def test_a_restart_is_not_a_restore(machine):
    async with machine.serving() as database:
        await new_user(database)
        await head(database)
        before = await epoch(database)
    machine.postgres.stop()
    machine.postgres.start()
    async with machine.serving() as database:
        await new_user(database)
        assert await head(database) == 2
        assert await epoch(database) == before


@pytest.mark.parametrize("way", ["disk", "dump"])
async def test_whoever_follows_goes_on_with_the_new_history(machine, way, monkeypatch):
    monkeypatch.setattr(tail, "POLL_SECONDS", 0.05)
    async with machine.serving() as database:
        await new_user(database)
        await head(database)
    machine.copy_disk() if way == "disk" else machine.dump()
    async with machine.serving() as database:
        for _ in range(3):
            await new_user(database)
        follower = tail.follow(database, after=await head(database))
        waiting = asyncio.create_task(anext(follower))
        await new_user(database)
        assert [entry.pos for entry in await waiting] == [5]
        waiting = asyncio.create_task(anext(follower))
        before = await epoch(database)

        machine.put_disk_back() if way == "disk" else machine.load()
        async with asyncio.timeout(30):
            await until(lambda: reconnected(database, before))
            user = await new_user(database)
            (entry,) = await waiting
        assert (entry.pos, entry.scope) == (2, user.user_id)
        await follower.aclose()


async def reconnected(database, before) -> bool:
    try:
        return await epoch(database) != before
    except psycopg.Error:
        return False


async def test_the_witness_is_written_when_the_head_moves_and_only_then(tmp_path, monkeypatch):
    monkeypatch.setattr(witnesses, "PAUSE_SECONDS", 0.0)
    path, one = tmp_path / KEY, uuid4()
    witness = Witness(tmp_path)
    assert await witness.seen() is None
    async with witness.keeping():
        witness.note(one, 5)
        await until(Witness(tmp_path).seen)
        assert await Witness(tmp_path).seen() == (one, 5)
        written = path.stat().st_ino
        witness.note(one, 5)
        await asyncio.sleep(0)
        assert path.stat().st_ino == written
        witness.note(one, 6)
        assert await witness.seen() == (one, 6)
    assert await Witness(tmp_path).seen() == (one, 6)


async def test_a_damaged_witness_says_nothing(tmp_path):
    path = tmp_path / KEY
    path.parent.mkdir()
    for damaged in (b"", b"{", b'{"epoch": 1}', b"\0" * 10):
        path.write_bytes(damaged)
        assert await Witness(tmp_path).seen() is None
