"""/users: oneself and the others."""

from __future__ import annotations

import asyncio
from uuid import uuid4

import pytest

from server.context import CONTEXT
from server.wire.accounts import AVATAR_COLORS, choose_color
from sync import preferences
from sync.config import Config, Server
from tests.fix_server import PASSWORD

ME = "/api/users/me"
PREFERENCES = "/api/users/me/preferences"
ONBOARDING = "/api/users/me/onboarding"


async def test_users_see_each_other(alice, bob):
    answer = await alice.get("/api/users")

    assert answer.status == 200
    assert [one["name"] for one in answer.json] == ["Alice", "Bob"]
    for shown in answer.json:
        assert set(shown) == {
            "id", "name", "email", "avatarColor", "profileImagePath", "profileChangedAt"
        }  # fmt: skip
        assert (await bob.get(f"/api/users/{shown['id']}")).json == shown


async def test_users_may_be_hidden_from_each_other(admin, alice, bob, server):
    server.app[CONTEXT].config = Config(server=Server(public_users=False))

    assert [one["id"] for one in (await alice.get("/api/users")).json] == [alice.user["id"]]
    assert len((await admin.get("/api/users")).json) == 3


async def test_a_deleted_user_is_not_shown(alice, bob, execute):
    await execute('UPDATE "user" SET deleted_at = now() WHERE id = %s', bob.user["id"])

    assert [one["id"] for one in (await alice.get("/api/users")).json] == [alice.user["id"]]
    for user_id in (bob.user["id"], uuid4()):
        answer = await alice.get(f"/api/users/{user_id}")
        assert (answer.status, answer.json) == (400, {"message": "User not found"})


async def test_one_sees_oneself_in_full(alice):
    answer = await alice.get(ME)

    assert answer.status == 200
    assert answer.json["id"] == alice.user["id"]
    assert answer.json["avatarColor"] == choose_color(alice.user["email"])
    assert len(answer.json) == 18


@pytest.mark.parametrize(
    ("email", "color"),
    [("a@b", "amber"), ("ada@example.org", "primary"), ("ü@b", "blue"), ("\U0001f431@b", "pink")],
)
def test_everybody_has_a_color(email, color):
    """By the sum of the code points, so that no two devices differ."""
    assert choose_color(email) == color


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_one_changes_oneself(alice, method):
    before = (await alice.get(ME)).json
    change = {"name": "Alicia", "email": "Alicia@Example.org", "avatarColor": "amber"}

    answer = await alice.call(method, ME, json=change | {"isAdmin": True, "storageLabel": "x"})

    assert answer.status == 200
    expected = before | change | {"email": "alicia@example.org", "updatedAt": None}
    assert answer.json | {"updatedAt": None} == expected
    assert (await alice.get(ME)).json == answer.json


async def test_what_is_not_said_stays(alice):
    await alice.put(ME, {"avatarColor": "amber"})
    before = (await alice.get(ME)).json

    answer = await alice.put(ME, {})

    assert answer.json | {"updatedAt": None} == before | {"updatedAt": None}


async def test_a_color_is_taken_back(alice):
    usual = choose_color(alice.user["email"])
    chosen = next(color for color in AVATAR_COLORS if color != usual)
    assert (await alice.put(ME, {"avatarColor": chosen})).json["avatarColor"] == chosen

    assert (await alice.put(ME, {"avatarColor": None})).json["avatarColor"] == usual


async def test_an_email_belongs_to_one(alice, bob):
    answer = await alice.put(ME, {"email": bob.user["email"].upper(), "name": "Bob"})

    assert (answer.status, answer.json) == (400, {"message": "Email is not available"})
    assert (await alice.get(ME)).json["name"] == "Alice"
    assert (await alice.put(ME, {"email": alice.user["email"]})).status == 200


async def test_the_app_sets_a_password(anonymous, alice):
    assert (await alice.get(ME)).json["shouldChangePassword"] is True

    answer = await alice.put(ME, {"password": "something else"})

    assert answer.json["shouldChangePassword"] is False
    for password, status in ((PASSWORD, 401), ("something else", 201)):
        body = {"email": alice.user["email"], "password": password}
        assert (await anonymous.post("/api/auth/login", body)).status == status


async def test_everybody_hears_of_a_change(alice, bob):
    await alice.put(ME, {"name": "Alicia"})

    users = {
        line["data"]["id"]: line["data"]["name"]
        for line in await bob.sync("UsersV1")
        if line["type"] == "UserV1"
    }
    assert users[alice.user["id"]] == "Alicia"


# preferences


async def test_preferences_have_defaults(alice):
    answer = await alice.get(PREFERENCES)

    assert (answer.status, answer.json) == (200, dict(preferences.DEFAULTS))


@pytest.mark.parametrize("method", ["PUT", "PATCH"])
async def test_a_preference_is_changed_and_the_others_stay(alice, method):
    first = {"people": {"minimumFaces": 7}, "tags": {"enabled": True}}
    second = {"people": {"sidebarWeb": True}, "download": {"archiveSize": 1}}
    for change in (first, second):
        answer = await alice.call(method, PREFERENCES, json=change)
        assert answer.status == 200

    assert answer.json["people"] == {"enabled": True, "sidebarWeb": True, "minimumFaces": 7}
    assert answer.json["tags"] == {"enabled": True, "sidebarWeb": False}
    assert answer.json["download"] == {"archiveSize": 1, "includeEmbeddedVideos": False}
    assert (await alice.get(PREFERENCES)).json == answer.json


async def test_every_preference_can_be_changed(alice):
    flipped = {
        group: {key: flip(value) for key, value in fields.items()}
        for group, fields in preferences.DEFAULTS.items()
    }

    assert (await alice.put(PREFERENCES, flipped)).json == flipped
    assert (await alice.get(PREFERENCES)).json == flipped
    assert (await alice.put(PREFERENCES, preferences.DEFAULTS)).json == preferences.DEFAULTS


def flip(value):
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    return {"desc": "asc"}.get(value, "2030-01-01T00:00:00.000Z")


async def test_only_what_differs_is_kept_and_mirrored(alice, query):
    await alice.put(PREFERENCES, {"folders": {"enabled": True}, "tags": {"enabled": False}})
    await alice.put(PREFERENCES, {"memories": {"enabled": False, "duration": 5}})

    kept = {"folders": {"enabled": True}, "memories": {"enabled": False}}
    assert [row["value"] for row in await query("SELECT value FROM user_metadata")] == [kept]
    (line,) = [
        line for line in await alice.sync("UserMetadataV1") if line["type"] == "UserMetadataV1"
    ]
    assert line["data"] == {"userId": alice.user["id"], "key": "preferences", "value": kept}

    await alice.put(PREFERENCES, {"folders": {"enabled": False}, "memories": {"enabled": True}})
    assert [row["value"] for row in await query("SELECT value FROM user_metadata")] == [{}]


async def test_changes_at_once_are_all_kept(alice):
    groups = ["folders", "tags", "ratings", "people", "sharedLinks", "memories"]

    await asyncio.gather(
        *(
            alice.put(PREFERENCES, {group: {"enabled": not preferences.DEFAULTS[group]["enabled"]}})
            for group in groups
        )
    )

    shown = (await alice.get(PREFERENCES)).json
    for group in groups:
        assert shown[group]["enabled"] != preferences.DEFAULTS[group]["enabled"], group


async def test_the_color_can_be_set_among_the_preferences(alice):
    answer = await alice.put(PREFERENCES, {"avatar": {"color": "gray"}, "more": {"a": 1}})

    assert answer.json == preferences.DEFAULTS
    assert (await alice.get(ME)).json["avatarColor"] == "gray"


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"download": {"archiveSize": 0}}, ["download", "archiveSize"]),
        ({"download": {"archiveSize": 1.5}}, ["download", "archiveSize"]),
        ({"download": {"archiveSize": 2**53}}, ["download", "archiveSize"]),
        ({"tags": {"enabled": "yes"}}, ["tags", "enabled"]),
        ({"tags": None}, ["tags"]),
        ({"albums": {"defaultAssetOrder": "up"}}, ["albums", "defaultAssetOrder"]),
        ({"avatar": {"color": "black"}}, ["avatar", "color"]),
    ],
)
async def test_a_preference_of_the_wrong_sort_is_refused(alice, body, path):
    answer = await alice.put(PREFERENCES, body | {"folders": {"enabled": True}})

    assert answer.status == 400
    assert [one["path"] for one in answer.json["errors"]] == [path]
    assert (await alice.get(PREFERENCES)).json == preferences.DEFAULTS


async def test_preferences_are_ones_own(alice, bob):
    await alice.put(PREFERENCES, {"tags": {"enabled": True}})

    assert (await bob.get(PREFERENCES)).json == preferences.DEFAULTS
    assert [one for one in await bob.sync("UserMetadataV1") if one.get("data")] == []


# onboarding


async def test_onboarding_is_remembered(anonymous, alice):
    assert (await alice.get(ONBOARDING)).json == {"isOnboarded": False}

    answer = await alice.put(ONBOARDING, {"isOnboarded": True})
    assert (answer.status, answer.json) == (200, {"isOnboarded": True})
    assert (await alice.get(ONBOARDING)).json == {"isOnboarded": True}
    body = {"email": alice.user["email"], "password": PASSWORD}
    assert (await anonymous.post("/api/auth/login", body)).json["isOnboarded"] is True

    answer = await alice.delete(ONBOARDING)
    assert (answer.status, answer.data) == (204, b"")
    assert (await alice.get(ONBOARDING)).json == {"isOnboarded": False}
    assert (await alice.delete(ONBOARDING)).status == 204
