"""/partners: who shows whom their library, and what is seen of it."""

from __future__ import annotations

from uuid import uuid4

import pytest

UNKNOWN = str(uuid4())


async def share(client, other):
    answer = await client.post("/api/partners", {"sharedWithId": other.user["id"]})
    assert answer.status == 201, answer.data
    return answer.json


async def listed(client, direction):
    answer = await client.get("/api/partners", direction=direction)
    assert answer.status == 200, answer.data
    return [(one["id"], one["inTimeline"]) for one in answer.json]


async def test_a_library_is_shared_shown_and_taken_back(alice, bob, following):
    shown = await share(alice, bob)
    assert (shown["id"], shown["inTimeline"]) == (bob.user["id"], False)
    assert await listed(alice, "shared-by") == [(bob.user["id"], False)]
    assert await listed(bob, "shared-with") == [(alice.user["id"], False)]
    assert await listed(bob, "shared-by") == []

    path = f"/api/partners/{alice.user['id']}"
    changed = await bob.put(path, {"inTimeline": True})
    assert (changed.json["id"], changed.json["inTimeline"]) == (alice.user["id"], True)
    assert (await alice.delete(f"/api/partners/{bob.user['id']}")).status == 204
    assert await listed(bob, "shared-with") == []
    await following()


async def test_the_older_form_does_the_same(alice, bob):
    answer = await alice.post(f"/api/partners/{bob.user['id']}")

    assert answer.status == 201
    assert await listed(alice, "shared-by") == [(bob.user["id"], False)]


async def test_what_makes_no_sense_is_refused(alice, bob):
    await share(alice, bob)
    me = alice.user["id"]

    for answer, message in (
        (await alice.post("/api/partners", {"sharedWithId": bob.user["id"]}),
         "Partner already exists"),
        (await alice.post("/api/partners", {"sharedWithId": UNKNOWN}), "Invalid user"),
        (await alice.post("/api/partners", {"sharedWithId": me}), "Invalid user"),
        (await bob.delete(f"/api/partners/{me}"), "Partner not found"),
        (await alice.put(f"/api/partners/{bob.user['id']}", {"inTimeline": True}),
         "Not found or no partner.update access"),
        (await alice.get("/api/partners", direction="sideways"), "Validation failed"),
        (await alice.get("/api/partners"), "Validation failed"),
    ):  # fmt: skip
        assert (answer.status, answer.message) == (400, message)


@pytest.mark.parametrize(
    ("change", "is_seen"),
    [
        ({}, True),
        ({"visibility": "archive"}, False),
        ({"visibility": "locked"}, False),
        ({"visibility": "hidden"}, True),
    ],
)
async def test_a_partner_looks_and_does_not_touch(alice, bob, add, change, is_seen):
    asset = await add()
    await alice.put("/api/assets", {"ids": [asset], "isFavorite": True, **change})
    await share(alice, bob)

    seen = await bob.get(f"/api/assets/{asset}")
    assert seen.status == (200 if is_seen else 400)
    assert (await bob.get(f"/api/assets/{asset}/original")).status == (200 if is_seen else 404)
    if is_seen:
        assert seen.json["isFavorite"] is False
    assert (await bob.put(f"/api/assets/{asset}", {"description": "x"})).status == 400
    assert (await bob.delete("/api/assets", {"ids": [asset]})).status == 400
    assert (await alice.get("/api/partners", direction="shared-by")).status == 200


async def test_what_is_in_the_trash_a_partner_does_not_see(alice, bob, add):
    asset = await add()
    await share(alice, bob)

    await alice.delete("/api/assets", {"ids": [asset]})

    assert (await bob.get(f"/api/assets/{asset}")).status == 400
