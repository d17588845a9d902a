"""Shared links, and those who come by them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests.fix_server import Client

Link = dict[str, Any]


@pytest.fixture
def share(alice) -> Callable[..., Awaitable[Link]]:
    """`await share(assetIds=[...])` or `await share(albumId=...)`: a link of Alice's, if nobody
    else is named."""

    async def share(client: Client = alice, **fields: Any) -> Link:
        type_ = "ALBUM" if "albumId" in fields else "INDIVIDUAL"
        answer = await client.post("/api/shared-links", {"type": type_, **fields})
        assert answer.status == 201, answer.data
        return answer.json

    return share


@pytest.fixture
def visit(anonymous) -> Callable[..., Client]:
    """Somebody who has the address of a link, and no account."""

    def visit(link: Link, cookie: str = "") -> Client:
        cookies = {"Cookie": cookie} if cookie else {}
        return anonymous.using(**{"x-immich-share-key": link["key"]}, **cookies)

    return visit


@pytest.fixture
def enter(visit) -> Callable[..., Awaitable[Client]]:
    """The same, once they gave the password."""

    async def enter(link: Link, password: str) -> Client:
        answer = await visit(link).post("/api/shared-links/login", {"password": password})
        assert answer.status == 201, answer.data
        (cookie,) = answer.cookies.values()
        return visit(link, cookie=f"{cookie.key}={cookie.value}")

    return enter
