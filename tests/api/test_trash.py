"""/trash: emptied, and taken back from."""

from __future__ import annotations

import pytest

from sync import log

PHOTO = b"\xff\xd8\xff"


@pytest.fixture
def trash():
    """Upload some and throw them away; their ids."""

    async def trash(client, count):
        ids = [
            (await client.upload(PHOTO + bytes([n]), f"{n}.jpg")).json["id"] for n in range(count)
        ]
        assert (await client.delete("/api/assets", {"ids": ids})).status == 204
        return ids

    return trash


async def count(client, *, is_trashed):
    answer = await client.get("/api/assets/statistics", isTrashed=str(is_trashed).lower())
    return answer.json["total"]


async def test_some_are_restored(alice, trash, following, monkeypatch):
    monkeypatch.setattr(log, "IDS_MAX", 2)
    ids = await trash(alice, 5)

    answer = await alice.post("/api/trash/restore/assets", {"ids": ids[:3]})
    again = await alice.post("/api/trash/restore/assets", {"ids": ids[:4]})

    assert (answer.status, answer.json, again.json) == (200, {"count": 3}, {"count": 1})
    assert await count(alice, is_trashed=True) == 1
    rows = (await following())["asset"]
    assert [rows[(one,)]["deletedAt"] is None for one in ids] == [True] * 4 + [False]


async def test_all_are_restored(alice, bob, trash, following):
    await trash(alice, 3)
    await trash(bob, 2)

    answer = await alice.post("/api/trash/restore")

    assert (answer.status, answer.json) == (200, {"count": 3})
    assert await count(alice, is_trashed=False) == 3
    assert await count(bob, is_trashed=True) == 2
    assert all(row["deletedAt"] is None for row in (await following())["asset"].values())


async def test_the_trash_is_emptied(alice, bob, trash, following):
    await trash(alice, 3)
    await trash(bob, 1)
    kept = (await alice.upload(PHOTO, "kept.jpg")).json["id"]
    await following()

    answer = await alice.post("/api/trash/empty")

    assert (answer.status, answer.json) == (200, {"count": 3})
    assert await count(alice, is_trashed=True) == 0
    assert await count(bob, is_trashed=True) == 1
    assert list((await following())["asset"]) == [(kept,)]
    assert (await alice.get("/api/users/me")).json["quotaUsageInBytes"] == len(PHOTO)


@pytest.mark.parametrize("operation", ["empty", "restore"])
async def test_an_empty_trash_is_no_mistake(alice, operation):
    answer = await alice.post(f"/api/trash/{operation}")

    assert (answer.status, answer.json) == (200, {"count": 0})


@pytest.mark.parametrize("path", ["empty", "restore", "restore/assets"])
async def test_who_may_touch_the_trash(alice, anonymous, new_key, trash, path):
    ids = await trash(alice, 1)
    narrow = await new_key(alice, "asset.read", "asset.update")

    nobodys = await anonymous.post(f"/api/trash/{path}", {"ids": ids})
    refused = await narrow.post(f"/api/trash/{path}", {"ids": ids})

    assert (nobodys.status, nobodys.message) == (401, "Authentication required")
    assert refused.status == 403
    assert refused.message == "Missing required permission: asset.delete"
    assert await count(alice, is_trashed=True) == 1
    allowed = await (await new_key(alice, "asset.delete")).post(f"/api/trash/{path}", {"ids": ids})
    assert allowed.json == {"count": 1}


@pytest.mark.parametrize("body", [{}, {"ids": ["x"]}, {"ids": None}, []])
async def test_wrong_ids_are_named(alice, body):
    answer = await alice.post("/api/trash/restore/assets", body)

    assert (answer.status, answer.message) == (400, "Validation failed")
