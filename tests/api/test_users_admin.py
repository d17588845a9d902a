"""/admin/users: everybody, for who administrates the server."""

from __future__ import annotations

import asyncio
from typing import NamedTuple
from uuid import uuid4

import msgspec
import pytest

from server import departures
from server.app import CONTEXT
from server.wire.accounts import choose_color
from sql import reads
from sync import preferences
from sync.config import Config, Switch
from sync.operations import users
from tests.fix_server import PASSWORD

USERS = "/api/admin/users"
NEW = {"email": "Carol@Example.org", "name": "Carol", "password": "long enough"}
PIN = "123456"


@pytest.fixture
def entries(query):
    """What is in the log so far, with what is not numbered yet."""

    async def entries():
        rows = await query(
            "SELECT at, topic, facts FROM log UNION ALL SELECT at, topic, facts FROM log_staging"
            " ORDER BY at"
        )
        return [Entry(row["topic"], msgspec.msgpack.decode(row["facts"])) for row in rows]

    return entries


class Entry(NamedTuple):
    topic: str
    facts: dict


def path(client, *rest):
    return "/".join([USERS, client.user["id"], *rest])


async def log_in(anonymous, email, password):
    return await anonymous.post("/api/auth/login", {"email": email, "password": password})


async def ids(client, **query):
    return [one["id"] for one in (await client.get(USERS, **query)).json]


async def usage(client):
    return (await client.get("/api/users/me")).json["quotaUsageInBytes"]


# looking


async def test_everybody_is_listed_the_newest_first(admin, alice, bob):
    answer = await admin.get(USERS)

    assert answer.status == 200
    assert [one["name"] for one in answer.json] == ["Bob", "Alice", "Ada"]
    assert answer.json[1] == (await alice.get("/api/users/me")).json
    assert answer.json[1] == (await admin.get(path(alice))).json


async def test_one_is_found_by_id_and_who_is_deleted_on_demand(admin, alice, bob):
    await admin.delete(path(bob), {})

    assert await ids(admin) == [alice.user["id"], admin.user["id"]]
    assert await ids(admin, withDeleted="true") == [one.user["id"] for one in (bob, alice, admin)]
    assert await ids(admin, id=alice.user["id"]) == [alice.user["id"]]
    assert await ids(admin, id=bob.user["id"]) == []
    assert (await admin.get(path(bob))).json["status"] == "deleted"


async def test_nobody_unknown_is_found(admin):
    unknown = f"{USERS}/{uuid4()}"
    for method, rest, body in (
        ("GET", "", None), ("PUT", "", {"name": "x"}), ("DELETE", "", {}),
        ("POST", "/restore", None), ("GET", "/preferences", None), ("PUT", "/preferences", {}),
    ):  # fmt: skip
        answer = await admin.call(method, unknown + rest, json=body)
        assert (answer.status, answer.json) == (400, {"message": "User not found"})
    assert (await admin.get(f"{unknown}/sessions")).json == []
    assert (await admin.get(f"{unknown}/statistics")).json == {
        "images": 0, "videos": 0, "total": 0
    }  # fmt: skip


# making


async def test_a_user_is_made_and_logs_in(anonymous, admin):
    answer = await admin.post(USERS, NEW)

    assert answer.status == 201
    assert answer.json["email"] == "carol@example.org"
    assert answer.json["name"] == "Carol"
    assert answer.json["avatarColor"] == choose_color("carol@example.org")
    assert answer.json["shouldChangePassword"] is True
    assert answer.json["isAdmin"] is False
    assert answer.json["storageLabel"] is answer.json["quotaSizeInBytes"] is None
    assert answer.json["status"] == "active"
    assert answer.json["license"] is None
    login = await log_in(anonymous, NEW["email"], NEW["password"])
    assert login.json["userId"] == answer.json["id"]


async def test_a_user_is_made_with_all_details(anonymous, admin, query):
    details = {
        "avatarColor": "amber", "isAdmin": True, "quotaSizeInBytes": 0,
        "shouldChangePassword": False, "storageLabel": "carol",
    }  # fmt: skip
    answer = await admin.post(USERS, NEW | details | {"pinCode": PIN, "notify": True})

    assert answer.status == 201
    assert {name: answer.json[name] for name in details} == details
    login = await log_in(anonymous, NEW["email"], NEW["password"])
    carol = anonymous.using(Authorization=f"Bearer {login.json['accessToken']}")
    assert (await carol.post("/api/auth/session/unlock", {"pinCode": PIN})).status == 204
    assert (await carol.get(USERS)).status == 200


@pytest.mark.parametrize(
    ("label", "kept"),
    [
        ("../../etc/passwd", "etcpasswd"),
        ("..", None),
        ("", None),
        (' a\\b\n:*?"<>| ', "ab"),
        ("NUL", None),
        ("ü" * 300, "ü" * 127),
    ],
)
async def test_a_label_is_the_name_of_a_folder(admin, alice, label, kept):
    made = await admin.post(USERS, NEW | {"storageLabel": label})
    assert (made.status, made.json["storageLabel"]) == (201, kept)

    await admin.put(f"{USERS}/{made.json['id']}", {"storageLabel": None})
    assert (await admin.put(path(alice), {"storageLabel": label})).json["storageLabel"] == kept


async def test_emails_and_labels_belong_to_one(admin, alice, bob):
    await admin.put(path(alice), {"storageLabel": "alice"})

    answer = await admin.post(USERS, NEW | {"email": alice.user["email"].upper()})
    assert (answer.status, answer.json) == (400, {"message": "User exists"})
    taken = {"message": "Storage label already in use by another account"}
    for answer in (
        await admin.post(USERS, NEW | {"storageLabel": "alice"}),
        await admin.put(path(bob), {"storageLabel": "alice"}),
    ):
        assert (answer.status, answer.json) == (400, taken)
    answer = await admin.put(path(bob), {"email": alice.user["email"].upper(), "name": "x"})
    assert (answer.status, answer.message) == (400, "Email already in use by another account")
    assert (await admin.get(path(bob))).json["name"] == "Bob"
    unchanged = {"email": alice.user["email"], "storageLabel": "alice"}
    assert (await admin.put(path(alice), unchanged)).status == 200
    assert len(await ids(admin)) == 3


async def test_a_password_is_needed_unless_there_is_another_way_in(admin, server):
    without = NEW | {"password": ""}
    answer = await admin.post(USERS, without)
    assert (answer.status, answer.json) == (400, {"message": "password is required"})

    config = Config()
    server.app[CONTEXT].config = Config(
        oauth=type(config.oauth)(enabled=True), password_login=Switch(enabled=True)
    )
    assert (await admin.post(USERS, without)).status == 201


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("email", "nobody"), ("email", None), ("name", None), ("password", None),
        ("quotaSizeInBytes", -1), ("quotaSizeInBytes", 1.5), ("pinCode", "12345"),
        ("avatarColor", "mauve"), ("isAdmin", "yes"),
    ],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused(admin, field, value):
    answer = await admin.post(USERS, NEW | {field: value})

    assert (answer.status, answer.message) == (400, "Validation failed")
    assert [issue["path"] for issue in answer.json["errors"]] == [[field]]
    assert len(await ids(admin)) == 1


# changing


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_user_is_changed_and_what_is_not_said_stays(admin, alice, method):
    before = (await admin.get(path(alice))).json
    change = {
        "name": "Alicia", "email": "Alicia@example.org", "avatarColor": "amber", "isAdmin": True,
        "quotaSizeInBytes": 1000, "shouldChangePassword": False, "storageLabel": "alicia",
    }  # fmt: skip

    answer = await admin.call(method, path(alice), json=change)

    assert answer.status == 200
    expected = before | change | {"email": "alicia@example.org", "updatedAt": None}
    assert answer.json | {"updatedAt": None} == expected
    assert (await admin.put(path(alice), {})).json | {"updatedAt": None} == expected
    taken = {"avatarColor": None, "quotaSizeInBytes": None, "storageLabel": ""}
    answer = await admin.put(path(alice), taken)
    assert answer.json["avatarColor"] == choose_color("alicia@example.org")
    assert answer.json["quotaSizeInBytes"] is answer.json["storageLabel"] is None


async def test_a_quota_holds_at_once(admin, alice, add):
    await add()
    used = await usage(alice)
    await admin.put(path(alice), {"quotaSizeInBytes": used})

    answer = await alice.upload(b"\xff\xd8\xff more")
    assert (answer.status, answer.message) == (400, "Quota has been exceeded!")

    await admin.put(path(alice), {"quotaSizeInBytes": None})
    assert (await alice.upload(b"\xff\xd8\xff more")).status == 201


async def test_another_password_ends_the_sessions_of_the_old_one(anonymous, admin, alice, new_key):
    key = await new_key(alice, "user.read")
    answer = await admin.put(path(alice), {"password": "another", "shouldChangePassword": True})

    assert (answer.status, answer.json["shouldChangePassword"]) == (200, True)
    assert (await alice.get("/api/users/me")).status == 401
    assert (await key.get("/api/users/me")).status == 200
    assert (await log_in(anonymous, alice.user["email"], PASSWORD)).status == 401
    assert (await log_in(anonymous, alice.user["email"], "another")).status == 201
    assert (await admin.get("/api/users/me")).status == 200


async def test_an_administrator_keeps_the_own_session(admin, log_in):
    other = await log_in(admin)

    assert (await admin.put(path(admin), {"password": "another"})).status == 200
    assert (await admin.get("/api/users/me")).status == 200
    assert (await other.get("/api/users/me")).status == 401


@pytest.mark.parametrize("pin", [None, "654321"])
async def test_a_code_is_taken_away_or_set(admin, alice, pin):
    await alice.post("/api/auth/pin-code", {"pinCode": PIN})
    await alice.post("/api/auth/session/unlock", {"pinCode": PIN})

    assert (await admin.put(path(alice), {"pinCode": pin})).status == 200

    status = (await alice.get("/api/auth/status")).json
    assert (status["pinCode"], status["isElevated"]) == (pin is not None, False)
    answer = await alice.post("/api/auth/session/unlock", {"pinCode": pin or PIN})
    assert answer.status == (204 if pin else 400)


async def test_only_another_administrator_takes_the_role_away(admin, alice):
    answer = await admin.put(path(admin), {"isAdmin": False})
    assert answer.status == 400
    assert answer.message == "Admin status can only be changed by another admin"
    assert (await admin.put(path(admin), {"isAdmin": True, "name": "Ida"})).status == 200

    await admin.put(path(alice), {"isAdmin": True})
    assert (await alice.put(path(admin), {"isAdmin": False})).status == 200
    assert (await admin.get(USERS)).status == 403


async def test_two_administrators_cannot_depose_each_other(admin, alice):
    await admin.put(path(alice), {"isAdmin": True})

    await asyncio.gather(
        admin.put(path(alice), {"isAdmin": False}),
        alice.put(path(admin), {"isAdmin": False}),
        admin.delete(path(alice), {}),
        alice.delete(path(admin), {}),
    )

    rows = [await admin.get(USERS), await alice.get(USERS)]
    assert 200 in [row.status for row in rows]


async def test_changes_say_who_made_them(admin, alice, entries):
    await admin.put(path(alice), {"name": "x", "password": "a secret", "pinCode": PIN})
    await admin.delete(path(alice), {})
    await admin.post(path(alice, "restore"))

    told = [one for one in await entries() if one.facts.get("by") == admin.user["id"]]
    assert [one.topic for one in told] == ["user.updated", "user.trashed", "user.restored"]
    assert told[0].facts["changed"] == ["name", "password", "pin_code"]
    assert "secret" not in str(told)


# preferences, sessions, statistics


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_preferences_are_those_the_user_sees(admin, alice, method):
    before = await admin.get(path(alice, "preferences"))
    assert (before.status, before.json) == (200, dict(preferences.DEFAULTS))
    change = {"people": {"minimumFaces": 7}, "avatar": {"color": "amber"}}

    answer = await admin.call(method, path(alice, "preferences"), json=change)

    assert answer.status == 200
    assert answer.json["people"]["minimumFaces"] == 7
    assert answer.json == (await alice.get("/api/users/me/preferences")).json
    assert answer.json == (await admin.get(path(alice, "preferences"))).json
    assert (await alice.get("/api/users/me")).json["avatarColor"] == "amber"
    assert (await admin.get("/api/users/me/preferences")).json == before.json


async def test_sessions_are_those_of_the_user(admin, alice, log_in):
    await log_in(alice)

    answer = await admin.get(path(alice, "sessions"))

    own = (await alice.get("/api/sessions")).json
    assert answer.json == [one | {"current": False} for one in own]
    assert len(answer.json) == 2


async def test_statistics_count_the_assets_of_the_user(admin, alice, add):
    await add(isFavorite="true")
    await add("b.mp4")
    trashed = await add()
    await alice.delete("/api/assets", {"ids": [trashed]})
    await add(client=admin)

    for asked, images, videos in (
        ({}, 1, 1),
        ({"isFavorite": "true"}, 1, 0),
        ({"isTrashed": "true"}, 1, 0),
        ({"visibility": "archive"}, 0, 0),
    ):
        answer = await admin.get(path(alice, "statistics"), **asked)
        expected = {"images": images, "videos": videos, "total": images + videos}
        assert (answer.status, answer.json) == (200, expected)


# what they use


async def test_usage_that_was_noted_wrong_is_found_at_night(admin, alice, add, server, execute):
    await add()
    right = await usage(alice)
    await execute('UPDATE "user" SET usage_bytes = 7')

    await departures.recount_usage(server.app[CONTEXT])

    assert await usage(alice) == right
    assert await usage(admin) == 0


async def test_counting_anew_meets_uploads(alice, server, add):
    context = server.app[CONTEXT]

    async def recount():
        async with context.database.write() as tx:
            await users.recount_usage(tx, alice.user["id"])

    await asyncio.gather(*[task for _ in range(8) for task in (add(), recount())])

    rows = (await alice.get("/api/users/me")).json["quotaUsageInBytes"]
    async with context.database.read() as connection:
        assert rows == await reads.users.sum_usage(connection, user_id=alice.user["id"])


# who may

OPERATIONS = [
    ("GET", "", "adminUser.read"),
    ("POST", "", "adminUser.create"),
    ("GET", "/{id}", "adminUser.read"),
    ("PUT", "/{id}", "adminUser.update"),
    ("PATCH", "/{id}", "adminUser.update"),
    ("DELETE", "/{id}", "adminUser.delete"),
    ("POST", "/{id}/restore", "adminUser.delete"),
    ("GET", "/{id}/sessions", "adminSession.read"),
    ("GET", "/{id}/statistics", "adminUser.read"),
    ("GET", "/{id}/preferences", "adminUser.read"),
    ("PUT", "/{id}/preferences", "adminUser.update"),
    ("PATCH", "/{id}/preferences", "adminUser.update"),
]


@pytest.mark.parametrize(("method", "rest", "permission"), OPERATIONS)
async def test_only_administrators_administrate(
    anonymous, admin, alice, new_key, add, share, visit, method, rest, permission
):
    url = USERS + rest.replace("{id}", alice.user["id"])
    guest = visit(await share(assetIds=[await add()]))
    strong, weak = await new_key(alice, "all"), await new_key(admin, "user.read")
    before = (await admin.get(USERS)).json

    for client, status, message in (
        (anonymous, 401, "Authentication required"),
        (alice, 403, "Forbidden"),
        (strong, 403, "Forbidden"),
        (guest, 403, "Forbidden"),
        (weak, 403, f"Missing required permission: {permission}"),
    ):
        answer = await client.call(method, url, json={})
        assert (answer.status, answer.message) == (status, message)
    assert (await admin.get(USERS)).json == before
