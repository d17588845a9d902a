"""Assets to put in order, and those who may only look at them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple
from uuid import uuid4

import pytest

from tests.fix_server import Client

PHOTO = b"\xff\xd8\xff"


class Onlookers(NamedTuple):
    partner: Client  # of the owner
    editor: Client  # of an album with the assets
    guest: Client  # who has a link to that album


@pytest.fixture
def add_some(alice) -> Callable[..., Awaitable[list[str]]]:
    """`await add_some(3)`: upload so many, each a day younger, Alice's if nobody else is named;
    their ids."""

    async def add_some(count: int, client: Client = alice) -> list[str]:
        days = [f"2024-05-{number + 1:02}T07:08:09.000Z" for number in range(count)]
        answers = [await client.upload(PHOTO + uuid4().bytes, fileCreatedAt=day) for day in days]
        return [answer.json["id"] for answer in answers]

    return add_some


@pytest.fixture
def onlookers(alice, sign_in, share, visit) -> Callable[[list[str]], Awaitable[Onlookers]]:
    """`await onlookers(ids)`: let others see these assets of Alice's, each in their way."""

    async def onlookers(ids: list[str]) -> Onlookers:
        partner, editor = await sign_in("Paula"), await sign_in("Eddie")
        shared = await alice.post("/api/partners", {"sharedWithId": partner.user["id"]})
        assert shared.status == 201, shared.data
        members = [{"userId": editor.user["id"], "role": "editor"}]
        album = await alice.post(
            "/api/albums", {"albumName": "a", "assetIds": ids, "albumUsers": members}
        )
        assert album.status == 201, album.data
        for client in (partner, editor):
            assert (await client.get(f"/api/assets/{ids[0]}")).status == 200
        return Onlookers(partner, editor, visit(await share(albumId=album.json["id"])))

    return onlookers
