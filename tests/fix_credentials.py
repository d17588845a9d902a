"""More ways for a user to be let in: other sessions, keys, the PIN code."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.fix_server import PASSWORD, Client


@pytest.fixture
def log_in(anonymous) -> Callable[[Client], Awaitable[Client]]:
    """Another session of the same user."""

    async def log_in(client: Client) -> Client:
        answer = await anonymous.post(
            "/api/auth/login", {"email": client.user["email"], "password": PASSWORD}
        )
        assert answer.status == 201, answer.data
        again = anonymous.using(Authorization=f"Bearer {answer.json['accessToken']}")
        again.user = client.user
        return again

    return log_in


@pytest.fixture
def unlocked(log_in, database) -> Callable[[Client], Awaitable[Client]]:
    """A session of the same user that sees the locked folder."""

    async def unlocked(client: Client) -> Client:
        again = await log_in(client)
        (session,) = [one for one in (await again.get("/api/sessions")).json if one["current"]]
        async with database.write() as tx:
            await tx.execute(
                "UPDATE session SET pin_expires_at = now() + interval '1 hour' WHERE id = %s",
                [session["id"]],
            )
        return again

    return unlocked


@pytest.fixture
def new_key(anonymous) -> Callable[..., Awaitable[Client]]:
    """An API key of that user with these permissions only."""

    async def new_key(client: Client, *permissions: str) -> Client:
        answer = await client.post("/api/api-keys", {"name": "a", "permissions": permissions})
        assert answer.status == 201, answer.data
        key = anonymous.using(**{"x-api-key": answer.json["secret"]})
        key.user = client.user
        return key

    return new_key
