"""One command runs everything; nothing is left when it ends, and everything comes back."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys

import pytest

from sql.embedded import Postgres, find_running
from tests.server.serving import Instance, await_ends, await_true, ping

STOP_SECONDS_MAX = 5


@pytest.fixture
def root(tmp_path):
    return tmp_path / "my photos"


@pytest.fixture
def start(root):
    started = []

    def start(*arguments: str, **environment: str) -> Instance:
        started.append(Instance(root, *arguments, **environment))
        return started[-1]

    yield start
    for instance in started:
        instance.process.kill()
    for instance in started:
        instance.close()


@pytest.mark.parametrize("ask", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_it_stops_when_asked_and_leaves_nothing(start, ask):
    instance = start()
    assert b"pong" in ping(instance.await_ready())
    assert instance.find("-m server ") and instance.find("-m media") and instance.find("/postgres")

    instance.process.send_signal(ask)
    rest, _ = instance.process.communicate(timeout=STOP_SECONDS_MAX)
    assert (instance.process.returncode, rest) == (0, "")
    assert instance.find() == []


def test_nothing_outlives_a_killed_supervisor(start):
    instance = start()
    instance.await_ready()
    running = instance.find()

    instance.process.kill()
    await_ends(running)
    assert instance.find() == []


@pytest.mark.parametrize("module", ["server", "media"])
def test_a_killed_child_comes_back_at_its_address(start, module):
    instance = start()
    url = instance.await_ready()
    instance.kill(f"-m {module} ")

    instance.await_message(f"{module}: ready")
    assert b"pong" in ping(url)


def test_a_killed_postgres_comes_back(start, root):
    instance = start()
    url = instance.await_ready()
    instance.kill("bin/postgres")

    instance.await_message("PostgreSQL ended")
    await_true(lambda: find_running(root / "postgres"))
    assert b"pong" in ping(url)


def test_a_start_right_after_killing_everything_works(start):
    first = start()
    first.await_ready()
    for pid in first.find():
        os.kill(pid, signal.SIGKILL)

    assert b"pong" in ping(start().await_ready())


def test_a_second_one_for_the_same_folder_refuses(start):
    start().await_ready()
    _, said = start().process.communicate()
    assert "Another heliograph serves" in said


def test_what_never_worked_ends_it_with_a_reason(start):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        instance = start(HELIOGRAPH_PORT=str(taken.getsockname()[1]))
        output, said = instance.process.communicate()

    assert (instance.process.returncode, output) == (1, "")
    assert "server ended with 1 before it was ready" in said
    assert instance.find() == []


def test_it_can_end_with_its_parent(root):
    """As under make, which a kill does not let tell its children."""
    code = (
        "import os, sys; from pathlib import Path; from tests.server.serving import Instance\n"
        "instance = Instance(Path(sys.argv[1]), '--stop-with-parent')\n"
        "instance.await_ready(); print(*instance.find(), flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, root], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as parent:
        running = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(running) >= 4
        parent.kill()
        await_ends(running)


def test_a_database_of_the_users_takes_the_place_of_ours(start, root, tmp_path):
    with Postgres(tmp_path / "elsewhere", durable=False) as dsn:
        instance = start(DATABASE_URL=dsn)
        assert b"pong" in ping(instance.await_ready())
        assert not (root / "postgres").exists()
        instance.process.terminate()
        instance.process.communicate()


def test_a_database_that_does_not_answer_is_named(start, tmp_path):
    _, said = start(DATABASE_URL=f"postgresql:///x?host={tmp_path}").process.communicate()
    assert "The database is not up to date" in said and str(tmp_path) in said


def test_what_it_makes_is_private(start, root):
    instance = start()
    instance.await_ready()
    (server,) = instance.find("-m server ")
    with open(f"/proc/{server}/status") as status:
        assert "Umask:\t0077\n" in list(status)
