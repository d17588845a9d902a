"""/cluster-groups: users who share the people in their pictures."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

GROUPS = "/api/cluster-groups"
REQUESTS = f"{GROUPS}/requests"


async def group_of(client):
    return (await client.get("/api/users/me")).json["clusterGroupId"]


async def ask(client, user, group_id=None):
    group_id = group_id or await group_of(client)
    body = {"userId": user["id"]}
    return await client.put(f"{GROUPS}/{group_id}/requests", body)


async def join(client, other):
    """Have the other in the group of the first."""
    request = (await ask(client, other.user)).json["id"]
    answer = await other.post(f"{REQUESTS}/{request}/accept")
    assert (answer.status, answer.data) == (204, b"")


async def members(client):
    answer = await client.get(f"{GROUPS}/{await group_of(client)}/users")
    assert answer.status == 200
    return [one["name"] for one in answer.json]


async def list_requests(client):
    return [one["id"] for one in (await client.get(REQUESTS)).json]


async def test_everybody_begins_alone(alice, bob):
    assert await group_of(alice) != await group_of(bob)
    assert await members(alice) == ["Alice"]


async def test_somebody_is_asked_once(alice, bob):
    first = await ask(alice, bob.user)
    again = await ask(alice, bob.user)

    assert (first.status, again.status) == (201, 200)
    assert again.json == first.json
    assert first.json["clusterGroupId"] == await group_of(alice)
    assert first.json["userId"] == bob.user["id"]
    assert (await bob.get(REQUESTS)).json == [first.json]
    assert (await alice.get(REQUESTS)).json == []
    of_group = await alice.get(f"{GROUPS}/{await group_of(alice)}/requests")
    assert (of_group.status, of_group.json) == (200, [first.json])


async def test_who_is_asked_is_told(alice, bob, listen):
    ears = await listen(bob)
    await ask(alice, bob.user)
    await ask(alice, bob.user)

    (told,) = (await bob.get("/api/notifications")).json
    assert told["type"] == "ClusterGroupRequest"
    assert told["description"] == "Alice asked you to join their cluster group"
    assert told["data"] == {"clusterGroupId": await group_of(alice)}
    (heard,) = await ears.next("on_notification")
    assert heard["id"] == told["id"]


async def test_who_accepts_joins(alice, bob, following):
    await join(alice, bob)

    assert await group_of(bob) == await group_of(alice)
    assert await members(alice) == ["Alice", "Bob"]
    assert await members(bob) == ["Bob", "Alice"], "oneself first"
    assert await list_requests(bob) == []
    await following()


async def test_who_is_asked_may_look_first(alice, bob):
    group_id = await group_of(alice)
    await ask(alice, bob.user)

    users = await bob.get(f"{GROUPS}/{group_id}/users")
    assert [one["name"] for one in users.json] == ["Alice"]
    assert (await bob.get(f"{GROUPS}/{group_id}/requests")).status == 200
    answer = await ask(bob, alice.user, group_id)
    assert answer.message == "Not found or no clusterGroupRequest.create access"


@pytest.mark.parametrize("who", ["asked", "asking"])
async def test_a_request_is_declined_or_taken_back(alice, bob, who):
    request = (await ask(alice, bob.user)).json["id"]
    client = bob if who == "asked" else alice

    answer = await client.delete(f"{REQUESTS}/{request}")

    assert (answer.status, answer.data) == (204, b"")
    assert await list_requests(bob) == []
    again = await client.delete(f"{REQUESTS}/{request}")
    assert again.message == "Not found or no clusterGroupRequest.delete access"
    answer = await bob.post(f"{REQUESTS}/{request}/accept")
    assert answer.message == "Not found or no clusterGroupRequest.read access"


async def test_who_leaves_is_alone_again(alice, bob):
    await join(alice, bob)
    group_id = await group_of(alice)

    answer = await bob.post(f"{GROUPS}/{group_id}/leave")

    assert (answer.status, answer.data) == (204, b"")
    assert await members(bob) == ["Bob"]
    assert await members(alice) == ["Alice"]
    assert await group_of(alice) == group_id
    answer = await alice.post(f"{GROUPS}/{group_id}/leave")
    assert answer.status == 400
    assert answer.message == "Cannot leave a cluster group without any other members"


async def test_nobody_is_asked_into_a_group_that_nobody_is_in(alice, bob, sign_in):
    carol = await sign_in("Carol")
    await ask(bob, carol.user)
    await join(alice, bob)

    assert await list_requests(carol) == []


async def test_a_request_stays_as_long_as_somebody_is_there(alice, bob, sign_in):
    carol = await sign_in("Carol")
    await join(alice, bob)
    request = (await ask(alice, carol.user)).json["id"]

    await alice.post(f"{GROUPS}/{await group_of(alice)}/leave")

    assert await list_requests(carol) == [request]
    assert (await carol.post(f"{REQUESTS}/{request}/accept")).status == 204
    assert await members(carol) == ["Carol", "Bob"]


async def test_a_request_is_accepted_once(alice, bob):
    request = (await ask(alice, bob.user)).json["id"]

    answers = await asyncio.gather(*[bob.post(f"{REQUESTS}/{request}/accept") for _ in range(4)])

    assert sorted(one.status for one in answers) == [204, 400, 400, 400]


async def test_who_cannot_be_asked(alice, bob, admin):
    own = await ask(alice, alice.user)
    assert (own.status, own.message) == (400, "Cannot request to join your own cluster group")
    await admin.delete(f"/api/admin/users/{bob.user['id']}", {})
    for user in (bob.user, {"id": str(uuid4())}):
        answer = await ask(alice, user)
        assert (answer.status, answer.message) == (400, "User not found")
    answer = await alice.put(f"{GROUPS}/{await group_of(alice)}/requests", {})
    assert answer.json["errors"][0]["path"] == ["userId"]


async def test_who_is_deleted_is_in_no_group(alice, bob, admin):
    await join(alice, bob)
    await admin.delete(f"/api/admin/users/{bob.user['id']}", {})

    assert await members(alice) == ["Alice"]
    answer = await alice.post(f"{GROUPS}/{await group_of(alice)}/leave")
    assert answer.message == "Cannot leave a cluster group without any other members"


async def test_people_are_not_made_anew_without_recognition(alice):
    answer = await alice.post(f"{GROUPS}/{await group_of(alice)}/regenerate-people")

    assert answer.status == 400
    assert answer.message == "Facial recognition is not available on this server"


# who may


async def test_strangers_learn_nothing_of_a_group(alice, bob, sign_in):
    carol = await sign_in("Carol")
    request = (await ask(alice, bob.user)).json["id"]
    of_alice = await group_of(alice)
    for group_id, request_id in ((of_alice, request), (str(uuid4()), str(uuid4()))):
        for method, path, permission in (
            ("GET", f"{GROUPS}/{group_id}/users", "clusterGroup.read"),
            ("GET", f"{GROUPS}/{group_id}/requests", "clusterGroup.read"),
            ("PUT", f"{GROUPS}/{group_id}/requests", "clusterGroupRequest.create"),
            ("POST", f"{GROUPS}/{group_id}/leave", "clusterGroup.leave"),
            ("POST", f"{GROUPS}/{group_id}/regenerate-people", "clusterGroup.read"),
            ("POST", f"{REQUESTS}/{request_id}/accept", "clusterGroupRequest.read"),
            ("DELETE", f"{REQUESTS}/{request_id}", "clusterGroupRequest.delete"),
        ):
            answer = await carol.call(method, path, json={"userId": bob.user["id"]})
            message = f"Not found or no {permission} access"
            assert (answer.status, answer.message) == (400, message)
    assert await list_requests(bob) == [request]
    answer = await alice.post(f"{REQUESTS}/{request}/accept")
    assert answer.message == "Not found or no clusterGroupRequest.read access"


async def test_credentials(anonymous, alice, bob, new_key, add, share, visit):
    request = (await ask(alice, bob.user)).json["id"]
    group_id = await group_of(alice)
    guest = visit(await share(assetIds=[await add()]))
    weak = await new_key(alice, "user.read")
    body = {"userId": bob.user["id"]}
    for method, path, permission, status in (
        ("GET", REQUESTS, "clusterGroupRequest.read", 200),
        ("GET", f"{GROUPS}/{group_id}/requests", "clusterGroupRequest.read", 200),
        ("GET", f"{GROUPS}/{group_id}/users", "clusterGroup.read", 200),
        ("PUT", f"{GROUPS}/{group_id}/requests", "clusterGroupRequest.create", 200),
        ("POST", f"{GROUPS}/{group_id}/leave", "clusterGroup.leave", 400),
        ("POST", f"{GROUPS}/{group_id}/regenerate-people", "clusterGroup.read", 400),
        ("POST", f"{REQUESTS}/{request}/accept", "clusterGroupRequest.create", 400),
        ("DELETE", f"{REQUESTS}/{request}", "clusterGroupRequest.delete", 204),
    ):
        assert (await anonymous.call(method, path, json=body)).status == 401
        assert (await guest.call(method, path, json=body)).status == 403
        refused = await weak.call(method, path, json=body)
        assert refused.message == f"Missing required permission: {permission}"
        key = await new_key(alice, permission)
        assert (await key.call(method, path, json=body)).status == status
