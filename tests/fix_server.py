"""A served instance, and clients that talk to it as apps do."""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable
from hashlib import sha1
from typing import Any
from uuid import uuid4

import aiohttp
import bcrypt
import pytest
from aiohttp.test_utils import TestServer

from server.app import build_app
from server.context import Context
from sync.config import Config
from sync.operations import users
from tests import contract

PASSWORD = "correct horse battery"
# As the server would make it, but for the rounds: a thousand tests log in.
PASSWORD_HASH = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()


class Answer:
    """Status, headers and body of a response."""

    def __init__(self, response: aiohttp.ClientResponse, data: bytes) -> None:
        self.status, self.headers, self.cookies = (
            response.status,
            response.headers,
            response.cookies,
        )
        self.data = data

    @property
    def json(self) -> Any:
        return json.loads(self.data)

    @property
    def message(self) -> str:
        return self.json["message"]


class Client:
    """One credential, or none, on one server. Cookies are not kept."""

    def __init__(self, http: aiohttp.ClientSession, url: str, **headers: str) -> None:
        self._http, self.url, self.headers = http, url, headers
        self.user: dict[str, Any] = {}

    def using(self, **headers: str) -> Client:
        return Client(self._http, self.url, **headers)

    async def call(self, method: str, path: str, **options: Any) -> Answer:
        headers = self.headers | options.pop("headers", {})
        url = f"{self.url}{path}"
        async with self._http.request(
            method, url, headers=headers, allow_redirects=False, **options
        ) as response:
            answer = Answer(response, await response.read())
        if path.startswith("/api/"):
            contract.check(
                method,
                path.removeprefix("/api").partition("?")[0],
                answer.status,
                response.content_type,
                answer.data,
            )
        return answer

    async def get(self, path: str, **query: Any) -> Answer:
        return await self.call("GET", path, params=query)

    async def post(self, path: str, body: Any = None, **query: Any) -> Answer:
        return await self.call("POST", path, json=body, params=query)

    async def put(self, path: str, body: Any = None) -> Answer:
        return await self.call("PUT", path, json=body)

    async def delete(self, path: str, body: Any = None) -> Answer:
        return await self.call("DELETE", path, json=body)

    async def upload(
        self, data: bytes, name: str = "a.jpg", *, sidecar: bytes | None = None, **fields: str
    ) -> Answer:
        """POST /api/assets as the app does."""
        form = aiohttp.FormData(quote_fields=False)
        for key, value in {
            "fileCreatedAt": "2024-05-06T07:08:09.000Z",
            "fileModifiedAt": "2024-05-06T07:08:09.000Z",
            **fields,
        }.items():
            form.add_field(key, value)
        form.add_field("assetData", io.BytesIO(data), filename=name)
        if sidecar is not None:
            form.add_field("sidecarData", io.BytesIO(sidecar), filename=f"{name}.xmp")
        return await self.call("POST", "/api/assets", data=form)

    async def sync(self, *types: str) -> list[dict[str, Any]]:
        """The lines of one stream."""
        answer = await self.post("/api/sync/stream", {"types": types})
        assert answer.status == 200, answer.data
        return [json.loads(line) for line in answer.data.splitlines()]


def checksum(data: bytes) -> str:
    return sha1(data).hexdigest()


@pytest.fixture
def root(tmp_path):
    """The data folder."""
    return tmp_path


@pytest.fixture
async def server(database, root):
    """A served instance, with a sequencer in it."""
    server = TestServer(build_app(Context(database, root, None, Config())))
    await server.start_server()
    yield server
    await server.close()


@pytest.fixture
async def anonymous(server):
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield Client(http, str(server.make_url("")).rstrip("/"))


@pytest.fixture
async def sign_in(anonymous, database) -> Callable[..., Awaitable[Client]]:
    """Make a user and log in; the first is the administrator."""

    async def sign_in(name: str, **details: Any) -> Client:
        email = f"{name.lower()}.{uuid4().hex[:6]}@example.org"
        async with database.write() as tx:
            user_id = await users.create_user(
                tx, email=email, name=name, password_hash=PASSWORD_HASH, **details
            )
        answer = await anonymous.post("/api/auth/login", {"email": email, "password": PASSWORD})
        assert answer.status == 201, answer.data
        client = anonymous.using(Authorization=f"Bearer {answer.json['accessToken']}")
        client.user = {"id": str(user_id), "email": email, "name": name}
        return client

    return sign_in


@pytest.fixture
async def admin(sign_in):
    return await sign_in("Ada", is_admin=True)


@pytest.fixture
async def alice(sign_in):
    return await sign_in("Alice")


@pytest.fixture
async def bob(sign_in):
    return await sign_in("Bob")
