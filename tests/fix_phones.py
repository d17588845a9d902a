"""Phones that follow a user over HTTP, each with a session of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from tests.fix_server import Client
from tests.sync.app import REQUESTS
from tests.sync.replica import Replica


class OverHttp:
    """Where a phone's lines come from."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def stream(self) -> AsyncIterator[bytes]:
        answer = await self.client.post("/api/sync/stream", {"types": REQUESTS})
        assert answer.status == 200, answer.data
        yield answer.data

    async def ack(self, ack: str) -> None:
        answer = await self.client.post("/api/sync/ack", {"acks": [ack]})
        assert answer.status == 204, answer.data


@pytest.fixture
def new_phone(log_in) -> Callable[[Client], Awaitable[Replica]]:
    """A phone that has pulled once."""

    async def new_phone(client: Client) -> Replica:
        phone = Replica(OverHttp(await log_in(client)))
        await phone.pull()
        return phone

    return new_phone


@pytest.fixture
async def following(alice, new_phone):
    """A phone of Alice's; `await following()`: it ends where a fresh one starts. Gives its rows."""
    phone = await new_phone(alice)

    async def agree():
        await phone.pull()
        fresh = await new_phone(alice)
        assert phone.dump() == fresh.dump()
        return phone.dump()

    yield agree
    await agree()
