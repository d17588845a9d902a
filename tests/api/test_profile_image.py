"""/users/profile-image, and what the apps show of it."""

from __future__ import annotations

import asyncio
import io

import aiohttp
import pytest

from server.api import profile_image
from storage import paths

PATH = "/api/users/profile-image"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(range(64))
JPEG = b"\xff\xd8\xff" + bytes(range(64))
HEIC = b"\0\0\0\x18ftypheic" + bytes(16)
PICTURES = {
    "a.png": (PNG, "image/png"),
    "a.JPG": (JPEG, "image/jpeg"),
    "a.jpeg": (JPEG, "image/jpeg"),
    "a.heic": (HEIC, "image/heic"),
    "a.webp": (b"RIFF\0\0\0\0WEBP", "image/webp"),
    "a.svg": (b'<?xml version="1.0"?><svg onload="alert(1)"/>', "image/svg+xml"),
    "a.dng": (b"II*\0" + bytes(8), "image/dng"),
    "b.dng": (b"MM\0*" + bytes(8), "image/dng"),
}


async def send(client, data=PNG, name="a.png", field="file"):
    form = aiohttp.FormData()
    form.add_field(field, io.BytesIO(data), filename=name)
    return await client.call("POST", PATH, data=form)


def image_of(user):
    return f"/api/users/{user['id']}/profile-image"


def kept(root):
    return [path for path in (root / paths.PROFILES).rglob("*") if path.is_file()]


async def removed(query):
    """Keys of files that are on record as not needed any more."""
    rows = await query("SELECT count(*) FROM log WHERE topic = 'user.image_dropped'")
    return rows[0]["count"]


@pytest.mark.parametrize("name", PICTURES)
async def test_everybody_sees_a_picture_as_it_was_sent(alice, bob, name):
    data, media_type = PICTURES[name]

    answer = await send(alice, data, name)

    assert answer.status == 201
    me = (await alice.get("/api/users/me")).json
    assert answer.json == {
        "userId": alice.user["id"],
        "profileImagePath": me["profileImagePath"],
        "profileChangedAt": me["profileChangedAt"],
    }
    assert me["profileImagePath"]
    for client in (alice, bob):
        shown = await client.get(image_of(alice.user))
        assert (shown.status, shown.data) == (200, data)
        assert shown.headers["Content-Type"] == media_type
        assert shown.headers["X-Content-Type-Options"] == "nosniff"
    assert ("Content-Security-Policy" in shown.headers) is (name == "a.svg")
    (other,) = [one for one in (await bob.get("/api/users")).json if one["name"] == "Alice"]
    assert other["profileImagePath"] == me["profileImagePath"]


async def test_phones_learn_that_there_is_a_picture(alice, bob, following):
    await send(alice)
    await following()

    lines = {
        one["data"]["name"]: one["data"]
        for one in await bob.sync("UsersV1")
        if one["type"] == "UserV1"
    }
    assert lines["Alice"]["hasProfileImage"] is True
    assert lines["Bob"]["hasProfileImage"] is False


async def test_another_picture_takes_the_place_of_the_first(alice, query, following, root):
    before = (await send(alice)).json
    first = (await alice.get(image_of(alice.user))).headers["ETag"]

    after = (await send(alice, JPEG, "b.jpg")).json

    assert after["profileImagePath"] != before["profileImagePath"]
    assert after["profileChangedAt"] > before["profileChangedAt"]
    shown = await alice.get(image_of(alice.user))
    assert shown.data == JPEG
    assert shown.headers["ETag"] != first
    await following()
    rows = await query("SELECT facts, entity_ids FROM log WHERE topic = 'user.image_dropped'")
    assert len(rows) == 1
    assert before["profileImagePath"].encode() in bytes(rows[0]["facts"])
    jobs = await query("SELECT queue FROM job WHERE queue = 'file_removal'")
    assert len(jobs) == 1


async def test_a_picture_that_is_known_is_not_sent_again(alice):
    await send(alice)
    tag = (await alice.get(image_of(alice.user))).headers["ETag"]

    answer = await alice.call("GET", image_of(alice.user), headers={"If-None-Match": tag})

    assert (answer.status, answer.data) == (304, b"")


async def test_a_picture_is_taken_away(alice, bob, following, query):
    await send(alice)

    answer = await alice.delete(PATH)

    assert (answer.status, answer.data) == (204, b"")
    assert (await alice.get("/api/users/me")).json["profileImagePath"] == ""
    missing = await bob.get(image_of(alice.user))
    assert (missing.status, missing.message) == (404, "Not Found")
    again = await alice.delete(PATH)
    assert (again.status, again.message) == (400, "Can't delete a missing profile Image")
    await following()
    assert await removed(query) == 1


async def test_of_pictures_sent_at_once_one_stays_and_no_file_is_lost(alice, following, query):
    answers = await asyncio.gather(*[send(alice, JPEG, "a.jpg") for _ in range(6)])

    assert {one.status for one in answers} == {201}
    assert (await alice.get(image_of(alice.user))).data == JPEG
    await following()
    assert await removed(query) == 5


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.mp4", b"\0\0\0\x18ftypmp42"),
        ("a.exe", PNG),
        ("a", PNG),
        ("", PNG),
        ("png", PNG),
        ("a.png", b"<html>"),
        ("a.png", b""),
        ("a.svg", b"<html><script>alert(1)</script>"),
        ("a.jpg", PNG),
        ("a.png/../../x.exe", PNG),
    ],
)
async def test_only_pictures_are_taken(alice, root, name, data):
    answer = await send(alice, data, name)

    assert answer.status == 400
    assert answer.message.startswith("Unsupported file type")
    assert kept(root) == []
    assert (await alice.get("/api/users/me")).json["profileImagePath"] == ""


@pytest.mark.parametrize("name", ["../../../../etc/x.png", "..\\..\\x.png", "/x.png", "ü?.png"])
async def test_a_name_leads_nowhere(alice, root, name):
    answer = await send(alice, PNG, name)

    assert answer.status == 201
    (path,) = kept(root)
    assert path.parent == root / paths.PROFILES / alice.user["id"]
    assert str(path.relative_to(root)) == answer.json["profileImagePath"]


async def test_a_picture_is_not_too_large(alice, root, monkeypatch):
    monkeypatch.setattr(profile_image, "BYTES_MAX", 1000)

    assert (await send(alice, PNG.ljust(1000))).status == 201
    answer = await send(alice, PNG.ljust(1001))
    assert (answer.status, answer.message) == (400, "File too large")
    assert len(kept(root)) == 1


async def test_there_must_be_a_picture(alice):
    for answer in (
        await send(alice, field="picture"),
        await alice.post(PATH, {"file": "x"}),
        await alice.call("POST", PATH),
    ):
        assert (answer.status, answer.message) == (400, "Not found or no file uploaded")


async def test_nobody_unknown_or_deleted_has_a_picture(admin, alice):
    await send(alice)
    await admin.delete(f"/api/admin/users/{alice.user['id']}", {})

    unknown = {"id": "00000000-0000-4000-8000-000000000000"}
    for user in (alice.user, unknown):
        answer = await admin.get(image_of(user))
        assert (answer.status, answer.message) == (404, "Not Found")


async def test_who_may(anonymous, alice, bob, new_key, add, share, visit):
    await send(alice)
    url = image_of(alice.user)
    guest = visit(await share(assetIds=[await add()]))
    for client, status in ((anonymous, 401), (guest, 403)):
        assert (await send(client)).status == status
        assert (await client.delete(PATH)).status == status
        assert (await client.get(url)).status == status
    weak = await new_key(bob, "user.read")
    for answer, permission in (
        (await send(weak), "update"), (await weak.delete(PATH), "delete"),
        (await weak.get(url), "read"),
    ):  # fmt: skip
        missing = f"Missing required permission: userProfileImage.{permission}"
        assert (answer.status, answer.message) == (403, missing)
    for permission, call, status in (
        ("update", send, 201),
        ("read", lambda key: key.get(url), 200),
        ("delete", lambda key: key.delete(PATH), 204),
    ):
        key = await new_key(bob, f"userProfileImage.{permission}")
        assert (await call(key)).status == status
    assert (await alice.get(url)).status == 200
