"""Server processes on the test's database, which change their mode and go on."""

from __future__ import annotations

import asyncio
import os
import sys
from asyncio.subprocess import PIPE, Process

import aiohttp
import pytest

from server.authentication import hash_password
from sync.operations import users
from tests.fix_server import PASSWORD, Client

SECONDS_MAX = 30.0


class ServerProcess:
    """`python -m server`: each mode that it enters is a line of its output."""

    def __init__(self, process: Process, http: aiohttp.ClientSession) -> None:
        self.process, self.http = process, http
        self.url = ""

    async def enters(self, mode: str) -> Client:
        """Wait until it serves in this mode; a client without credentials."""
        assert self.process.stdout
        async with asyncio.timeout(SECONDS_MAX):
            said = (await self.process.stdout.readline()).decode().strip()
        word, _, self.url = said.partition(" ")
        assert word == mode, said
        return Client(self.http, self.url)


@pytest.fixture
async def start_server(dsn, root):
    """Start one more on the same database and files."""
    started: list[Process] = []

    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:

        async def start_server(**environment: str) -> ServerProcess:
            given = {"DATABASE_URL": dsn, "HELIOGRAPH_DATA": str(root), "HELIOGRAPH_PORT": "0"}
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "server", stdout=PIPE,
                env=os.environ | given | environment,
            )  # fmt: skip
            started.append(process)
            return ServerProcess(process, http)

        yield start_server
        for process in started:
            if process.returncode is None:
                process.terminate()
            await process.wait()


@pytest.fixture
async def log_into(database):
    """A user of the database, logged in at a server process."""
    hashed = await hash_password(PASSWORD)

    async def log_into(client: Client, name: str, *, is_admin: bool = False) -> Client:
        email = f"{name.lower()}@example.org"
        async with database.write() as tx:
            user_id = await users.create_user(
                tx, email=email, name=name, password_hash=hashed, is_admin=is_admin
            )
        answer = await client.post("/api/auth/login", {"email": email, "password": PASSWORD})
        assert answer.status == 201, answer.data
        known = client.using(Authorization=f"Bearer {answer.json['accessToken']}")
        known.user = {"id": str(user_id), "email": email, "name": name}
        return known

    return log_into
