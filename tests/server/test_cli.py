"""The command line beside a running instance, and without one."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager

import pytest

from sql.embedded import Postgres
from sql.migrate import migrate
from tests.server.serving import Instance

HELIOGRAPH = [sys.executable, "-c", "from server.cli import main; main()"]


@pytest.fixture(scope="module")
def instance(tmp_path_factory):
    instance = Instance(tmp_path_factory.mktemp("cli") / "data")
    instance.await_ready()
    yield instance
    instance.close()


@pytest.fixture
def run(instance):
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*HELIOGRAPH, *arguments], env=instance.environment, capture_output=True, text=True
        )

    return run


@pytest.fixture
def following(instance):
    """The lines of the log as they come: what a command changed is in it a moment later."""

    @contextmanager
    def following(*options):
        with subprocess.Popen(
            [*HELIOGRAPH, "log", "--follow", *options],  # what comes before it looks is shown, too
            env=instance.environment, stdout=subprocess.PIPE, text=True,
        ) as process:  # fmt: skip
            try:
                yield process.stdout
            finally:
                process.terminate()

    return following


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["serve"],
        ["worker"],
        ["migrate"],
        ["log"],
        ["user"],
        ["user", "create"],
        ["doctor"],
        ["doctor", "sync"],
    ],
)
def test_every_command_explains_itself(run, arguments):
    answer = run(*arguments, "--help")
    assert answer.returncode == 0 and "Usage: " in answer.stdout


def test_the_doctor_finds_a_served_instance_well(run):
    answer = run("doctor")
    assert answer.returncode == 0, answer.stdout
    for about in ("data folder", "disk", "database", "log", "sequencer", "staged", "worker"):
        assert f"ok     {about} " in answer.stdout


def test_the_doctor_says_what_is_missing(tmp_path):
    answer = subprocess.run(
        [*HELIOGRAPH, "doctor"],
        env=os.environ | {"HELIOGRAPH_DATA": str(tmp_path / "none")},
        capture_output=True,
        text=True,
    )
    assert answer.returncode == 1
    assert "wrong  data folder" in answer.stdout and "wrong  database" in answer.stdout


def test_the_doctor_misses_whoever_does_the_work(tmp_path):
    """A migrated database alone is not a server."""
    with Postgres(tmp_path / "postgres", durable=False) as dsn:
        migrate(dsn)
        answer = subprocess.run(
            [*HELIOGRAPH, "doctor"],
            env=os.environ | {"HELIOGRAPH_DATA": str(tmp_path), "DATABASE_URL": dsn},
            capture_output=True,
            text=True,
        )
    assert answer.returncode == 1
    assert "wrong  sequencer" in answer.stdout and "wrong  worker" in answer.stdout


def test_the_doctor_asks_for_a_migration(tmp_path):
    with Postgres(tmp_path / "postgres", durable=False) as dsn:
        answer = subprocess.run(
            [*HELIOGRAPH, "doctor"],
            env=os.environ | {"HELIOGRAPH_DATA": str(tmp_path), "DATABASE_URL": dsn},
            capture_output=True,
            text=True,
        )
    assert answer.returncode == 1
    assert "wrong  schema" in answer.stdout and "heliograph migrate" in answer.stdout


def test_a_created_user_is_in_the_log(run, following):
    with following() as lines:
        answer = run(
            "user", "create", "alice@example.org", "--name", "Alice", "--password", "secret"
        )
        assert answer.returncode == 0, answer.stderr
        line = next(line for line in lines if "Alice" in line)
    assert "user.created" in line
    assert line in run("log").stdout

    again = run("user", "create", "alice@example.org", "--password", "secret")
    assert again.returncode == 1 and "User exists" in again.stderr


def test_the_log_tells_what_administrators_did(run, following):
    with following("--admin") as lines:
        for name, *more in (("dan", "--admin"), ("eve",)):
            run("user", "create", f"{name}@example.org", "--name", name, "--password", "a", *more)
        run("grant-admin", "eve@example.org")
        run("revoke-admin", "eve@example.org")
        acts = [next(line for line in lines if "eve" in line) for _ in range(2)]

    assert [line.split()[2] for line in acts] == ["user.updated"] * 2
    assert all("by=the command line" in line for line in acts)
    assert run("log", "--admin", "-n", "1").stdout == acts[-1]
    assert "by=" not in run("log", "-n", "500").stdout.split("user.created")[1].splitlines()[0]


def test_a_name_is_no_entry_and_no_word_to_the_terminal(run, following):
    name = "Mallory\x1b[2J\n      1  00:00:00.000  user.deleted  everyone  by=dan"
    with following() as lines:
        run("user", "create", "mallory@example.org", "--name", name, "--password", "a")
        logged = next(line for line in lines if "Mallory" in line)

    assert r"Mallory\x1b[2J\n      1" in logged
    assert r"Mallory\x1b[2J\n      1" in run("list-users").stdout


def test_migrating_twice_changes_nothing(run):
    assert run("migrate").stdout == "up to date\n"
