"""An administrator at the command line, beside a running server and without one."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import urllib.error
import urllib.request

import pytest

from tests.server.serving import Instance, await_true

HELIOGRAPH = [sys.executable, "-c", "from server.cli import main; main()"]
COMMANDS = [
    ["list-users"], ["reset-password"], ["reset-admin-password"], ["grant-admin"],
    ["revoke-admin"], ["enable-password-login"], ["disable-password-login"],
    ["enable-oauth-login"], ["disable-oauth-login"], ["maintenance"], ["maintenance", "on"],
    ["maintenance", "off"], ["backup"], ["restore"],
]  # fmt: skip
ADA = {"email": "ada@example.org", "password": "correct horse"}


class Served:
    """One instance, its address, and its command line."""

    def __init__(self, root):
        self.instance = Instance(root)
        self.url = self.instance.await_ready()

    def run(self, *arguments):
        return subprocess.run(
            [*HELIOGRAPH, *arguments], env=self.instance.environment, capture_output=True,
            text=True,
        )  # fmt: skip

    def succeed(self, *arguments):
        answer = self.run(*arguments)
        assert answer.returncode == 0, answer.stderr
        return answer.stdout

    def fail(self, *arguments):
        answer = self.run(*arguments)
        assert answer.returncode == 1 and "Traceback" not in answer.stderr, answer.stderr
        return answer.stderr

    def post(self, path, body):
        request = urllib.request.Request(
            f"{self.url}/api{path}", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            error.close()
            return error.code

    def get(self, path):
        with urllib.request.urlopen(f"{self.url}/api{path}") as answer:
            return json.loads(answer.read())

    def is_maintained(self):
        try:
            return self.get("/server/config")["maintenanceMode"]
        except OSError:  # It ends, or starts.
            return None


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    served = Served(tmp_path_factory.mktemp("commands") / "data")
    password = ["--password", ADA["password"]]
    served.succeed("user", "create", ADA["email"], "--admin", "--name", "Ada", *password)
    served.succeed("user", "create", "bob@example.org", "--name", "Bob", *password)
    yield served
    served.instance.close()


@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_every_command_explains_itself(served, arguments):
    assert "Usage: " in served.succeed(*arguments, "--help")


def test_users_are_listed(served):
    lines = [line.split() for line in served.succeed("list-users").splitlines()]
    assert sorted(line[1:] for line in lines) == [
        ["admin", "ada@example.org", "Ada"],
        ["user", "bob@example.org", "Bob"],
    ]


def test_a_password_is_set_or_made_up(served):
    served.succeed("reset-password", "bob@example.org", "--password", "another one")
    bob = {"email": "bob@example.org", "password": "another one"}
    assert served.post("/auth/login", bob) == 201
    said = served.succeed("reset-admin-password")
    made = said.rpartition(": ")[2].strip()
    assert "ada@example.org" in said and len(made) > 20
    assert served.post("/auth/login", ADA) == 401
    assert served.post("/auth/login", ADA | {"password": made}) == 201
    served.succeed("reset-admin-password", "--password", ADA["password"])
    assert served.post("/auth/login", ADA) == 201
    assert "no user nobody@example.org" in served.fail("reset-password", "nobody@example.org")


def test_administrators_come_and_go_but_the_last(served):
    served.succeed("grant-admin", "BOB@example.org")
    assert served.succeed("list-users").count(" admin ") == 2
    served.succeed("revoke-admin", "bob@example.org")
    assert "needs an administrator" in served.fail("revoke-admin", ADA["email"])
    assert "no user" in served.fail("grant-admin", "nobody@example.org")
    assert served.succeed("list-users").count(" admin ") == 1


def test_ways_to_log_in_are_closed_and_opened(served):
    served.succeed("disable-password-login")
    await_true(lambda: not served.get("/server/features")["passwordLogin"])
    assert served.post("/auth/login", ADA) == 401
    served.succeed("enable-password-login")
    await_true(lambda: served.get("/server/features")["passwordLogin"])
    assert served.post("/auth/login", ADA) == 201
    served.succeed("disable-oauth-login")
    await_true(lambda: not served.get("/server/features")["oauth"])


def test_maintenance_mode_stops_the_work_and_starts_it_again(served):
    assert "off already" in served.fail("maintenance", "off")
    said = served.succeed("maintenance", "on")
    await_true(served.is_maintained)
    await_true(lambda: not served.instance.find("-m media"))
    token = said.rpartition("?token=")[2].strip()
    assert served.post("/admin/maintenance/login", {"token": token}) == 201
    assert served.post("/auth/login", ADA) == 503
    served.succeed("maintenance", "off")
    await_true(lambda: served.is_maintained() is False)
    await_true(lambda: served.instance.find("-m media"))
    assert served.post("/auth/login", ADA) == 201


def test_a_backup_is_made_and_restored_while_the_server_runs(served):
    path = served.succeed("backup").strip()
    served.succeed("user", "create", "eve@example.org", "--password", "x")
    served.succeed("restore", path)
    assert "eve@example.org" not in served.succeed("list-users")
    await_true(lambda: served.is_maintained() is False)
    assert served.post("/auth/login", ADA) == 201


def test_what_is_no_backup_changes_nothing(served, tmp_path):
    path = tmp_path / "a.sql.gz"
    path.write_bytes(gzip.compress(b"SELECT 1;"))
    assert "not whole" in served.fail("restore", str(path))
    await_true(lambda: served.is_maintained() is False)
    assert served.post("/auth/login", ADA) == 201
    (tmp_path / "a.txt").write_text("")
    assert served.run("restore", str(tmp_path / "a.txt")).returncode == 2


def test_a_stopped_server_is_administrated_too(served):
    """Last: it stays stopped."""
    path = served.succeed("backup").strip()
    served.instance.process.terminate()
    served.instance.process.communicate()
    assert "ada@example.org" in served.succeed("list-users")
    served.succeed("grant-admin", "bob@example.org")
    served.succeed("restore", path)
    assert served.succeed("list-users").count(" admin ") == 1


def test_without_a_database_the_reason_is_said(tmp_path):
    answer = subprocess.run(
        [*HELIOGRAPH, "list-users"], env={"HELIOGRAPH_DATA": str(tmp_path), "PATH": "/usr/bin"},
        capture_output=True, text=True,
    )  # fmt: skip
    assert answer.returncode == 1 and "Nothing serves" in answer.stderr
