"""PostgreSQL in a folder: what it survives, and whom it lets in."""

from __future__ import annotations

import os
import pwd
import select
import signal
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path
from shutil import rmtree

import psycopg
import pytest

from sql.embedded import SOCKET, NotStarted, Postgres, find_running, socket_folder

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be able to give it up")
HOLD = """
import sys
from pathlib import Path
from sql.embedded import Postgres

cluster = Postgres(Path(sys.argv[1]), durable=False)
cluster.start()
print(cluster.process.pid, flush=True)
sys.stdin.read()
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "with a space, 'quotes'" / "postgres"


@pytest.fixture
def cluster(folder):
    cluster = Postgres(folder, durable=False)
    yield cluster
    cluster.stop()


@pytest.fixture
def holder(folder):
    """Another process that runs the cluster of `folder`."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield process
        process.kill()
    rmtree(socket_folder(folder), ignore_errors=True)


def ask(dsn: str, statement: str) -> object:
    with psycopg.connect(dsn, autocommit=True) as connection:
        answer = connection.execute(statement.encode())
        row = answer.fetchone() if answer.description else None
    return row[0] if row else None


def watch(*pids: int) -> list[int]:
    return [os.pidfd_open(pid) for pid in pids]


def await_end(handles: list[int]) -> None:
    """Each handle turns readable when its process has ended."""
    for handle in handles:
        assert select.select([handle], [], [], 30)[0], "still running"
        os.close(handle)


def postgres_processes(folder: Path) -> list[int]:
    found = []
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            program = os.readlink(f"/proc/{name}/exe")
        except OSError:
            continue
        if program.startswith(str(folder)):
            found.append(int(name))
    return found


def test_a_second_start_finds_what_the_first_one_wrote(cluster, folder):
    dsn = cluster.start()
    ask(dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    assert find_running(folder) == dsn
    cluster.stop()
    assert postgres_processes(folder) == []
    assert find_running(folder) is None

    assert ask(cluster.start(), "SELECT answer FROM kept") == 42


def test_nothing_is_risked_unless_asked_for(folder):
    with Postgres(folder) as dsn:
        for setting in ("fsync", "full_page_writes", "synchronous_commit", "data_checksums"):
            assert ask(dsn, f"SHOW {setting}") == "on"
        assert ask(dsn, "SHOW listen_addresses") == ""


def test_the_role_of_the_product_is_no_superuser_and_can_make_databases(cluster):
    dsn = cluster.start()
    assert ask(dsn, "SELECT rolsuper FROM pg_roles WHERE rolname = current_user") is False
    ask(dsn, "CREATE DATABASE another")


def test_one_folder_has_one_owner(cluster, folder):
    cluster.start()
    with pytest.raises(NotStarted, match="Another process"):
        Postgres(folder).start()


def test_a_killed_postmaster_is_followed_by_one_that_recovers(cluster, folder):
    dsn = cluster.start()
    ask(dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    os.kill(cluster.process.pid, signal.SIGKILL)
    cluster.process.wait()

    assert cluster.poll() == -signal.SIGKILL
    assert ask(cluster.start(), "SELECT answer FROM kept") == 42


def test_nothing_outlives_a_killed_owner(holder, folder):
    postmaster = int(holder.stdout.readline())
    handles = watch(postmaster, *postgres_processes(folder))
    holder.kill()
    await_end(handles)


def test_a_start_right_after_killing_everything_recovers(holder, cluster, folder):
    holder.stdout.readline()
    dsn = find_running(folder)
    assert dsn is not None
    ask(dsn, "CREATE TABLE kept AS SELECT 42 AS answer")
    for pid in (holder.pid, *postgres_processes(folder)):
        with suppress(ProcessLookupError):  # It died with the one before.
            os.kill(pid, signal.SIGKILL)

    assert ask(cluster.start(), "SELECT answer FROM kept") == 42


def test_a_stopped_postmaster_of_a_dead_owner_is_ended(holder, cluster, folder):
    """An orphan that cannot obey the death signal still holds the data."""
    postmaster = int(holder.stdout.readline())
    handles = watch(postmaster)
    os.kill(postmaster, signal.SIGSTOP)
    holder.kill()

    cluster.start()
    await_end(handles)


def test_a_cluster_made_half_is_made_again(cluster, folder):
    half = folder / "cluster.new" / "base"
    half.mkdir(parents=True)
    (half / "garbage").write_text("x")
    (folder / "program-18.6.3.new").mkdir()

    assert ask(cluster.start(), "SELECT 1") == 1
    assert not (folder / "cluster.new").exists()


def test_a_number_left_in_a_file_blocks_nobody(cluster, folder):
    cluster.start()
    left = (folder / "cluster" / "postmaster.pid").read_text().splitlines()
    cluster.stop()
    (folder / "cluster" / "postmaster.pid").write_text("\n".join([str(os.getpid()), *left[1:]]))

    assert ask(cluster.start(), "SELECT 1") == 1


def test_a_long_path_gets_a_private_socket_elsewhere(tmp_path):
    folder = tmp_path / ("long" * 30) / "postgres"
    with Postgres(folder, durable=False) as dsn:
        assert ask(dsn, "SELECT 1") == 1
        place = socket_folder(folder)
        assert place.stat().st_mode & 0o777 == 0o700
    assert not place.exists()


def test_settings_of_a_person_win(cluster, folder):
    cluster.start()
    cluster.stop()
    (folder / "config" / "local.conf").write_text("work_mem = '3MB'\n")

    assert ask(cluster.start(), "SHOW work_mem") == "3MB"


def test_a_start_that_fails_says_why_and_lets_go(cluster, folder):
    cluster.start()
    cluster.stop()
    (folder / "config" / "local.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(NotStarted, match="no_such_setting"):
        cluster.start()

    (folder / "config" / "local.conf").unlink()
    assert ask(cluster.start(), "SELECT 1") == 1


@AS_ROOT
def test_root_hands_it_to_an_account_that_has_no_power(cluster, folder):
    """Pytest's folders are private to root: the one right left is to walk through them."""
    cluster.start()
    status = Path(f"/proc/{cluster.process.pid}/status").read_text()
    fields = dict(line.split(":\t", 1) for line in status.splitlines())
    may_search = 1 << 2

    assert fields["Uid"].split()[1] != "0"
    assert fields["Groups"].strip() == ""
    assert int(fields["CapEff"], 16) in (0, may_search)


@AS_ROOT
def test_another_user_is_refused_even_with_the_door_open(cluster):
    dsn = cluster.start()
    door = socket_folder(cluster.folder)
    door.chmod(0o755)
    (door / SOCKET).chmod(0o777)
    stranger = pwd.getpwnam("daemon")

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        assert other.submit(ask, dsn, "SELECT 1").result() == 1
        other.submit(os.setgroups, []).result()
        other.submit(os.setuid, stranger.pw_uid).result()
        with pytest.raises(psycopg.OperationalError, match="eer authentication failed"):
            other.submit(ask, dsn, "SELECT 1").result()


@AS_ROOT
def test_a_copy_that_root_put_back_is_given_to_its_account(cluster, folder):
    cluster.start()
    cluster.stop()
    for path in (folder / "cluster", *(folder / "cluster").rglob("*")):
        os.chown(path, 0, 0)

    assert ask(cluster.start(), "SELECT 1") == 1
