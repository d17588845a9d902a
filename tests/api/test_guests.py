"""Guests: those who come by a shared link, what they see and send, and when that ends."""

from __future__ import annotations

import hmac
from base64 import b64encode, urlsafe_b64decode
from hashlib import sha256

import pytest

from sync.operations import assets
from tests.api.links import change, ids, in_an_hour, path, show
from tests.api.uploads import NOW, PHOTO, VIDEO, send, stored


@pytest.fixture
async def photo(add):
    return await add()


@pytest.fixture
async def album(alice, photo):
    """Of Alice's, with one photo."""
    answer = await alice.post("/api/albums", {"albumName": "Trip", "assetIds": [photo]})
    return answer.json["id"]


@pytest.fixture
async def link(share, photo):
    """To one photo of Alice's."""
    return await share(assetIds=[photo])


async def end(execute, link):
    await execute(
        "UPDATE shared_link SET expires_at = now() - interval '1 second' WHERE id = %s", link["id"]
    )


# --- coming by a link --------------------------------------------------------------------------


async def test_a_guest_sees_what_the_link_is(visit, link):
    answer = await visit(link).get("/api/shared-links/me")

    assert (answer.status, answer.json["id"]) == (200, link["id"])
    assert ids(answer.json["assets"]) == ids(link["assets"])
    assert "exifInfo" in answer.json["assets"][0]


async def test_a_guest_sees_no_metadata_where_it_is_off(visit, share, photo):
    link = await share(assetIds=[photo], showMetadata=False)

    (asset,) = (await visit(link).get("/api/shared-links/me")).json["assets"]

    assert (asset["id"], asset["hasMetadata"]) == (photo, False)
    assert (asset["originalFileName"], asset["originalPath"]) == ("", "")
    assert "exifInfo" not in asset


async def test_the_address_works_in_every_form(anonymous, link, share, photo):
    named = await share(assetIds=[photo], slug="sea")
    hexed = _decode(link["key"]).hex()

    for query in ({"key": link["key"]}, {"key": hexed}, {"slug": named["slug"]}):
        answer = await anonymous.get("/api/shared-links/me", **query)
        assert answer.status == 200, query


@pytest.mark.parametrize(
    "headers, message",
    [
        ({"x-immich-share-key": "x"}, "Invalid share key"),
        ({"x-immich-share-key": "é" * 100}, "Invalid share key"),
        ({"x-immich-share-key": "z" * 100}, "Invalid share key"),
        ({"x-immich-share-slug": "x"}, "Invalid share slug"),
    ],
)
async def test_an_address_of_nothing_is_refused(anonymous, headers, message):
    answer = await anonymous.using(**headers).get("/api/shared-links/me")

    assert (answer.status, answer.message) == (401, message)


async def test_a_user_without_a_link_has_none(alice):
    for answer in (
        await alice.get("/api/shared-links/me"),
        await alice.post("/api/shared-links/login", {"password": "a"}),
    ):
        assert (answer.status, answer.message) == (403, "Forbidden")


async def test_a_password_is_asked_for_once(visit, enter, share, photo):
    link = await share(assetIds=[photo], password="open sesame")
    closed = await visit(link).get("/api/shared-links/me")
    assert (closed.status, closed.message) == (401, "Password required")

    guest = await enter(link, "open sesame")

    assert (await guest.get("/api/shared-links/me")).json["id"] == link["id"]
    assert (await guest.get(f"/api/assets/{photo}/original")).status == 200


@pytest.mark.parametrize("password", ["", "open", "open sesame ", "OPEN SESAME", "\u00e9"])
async def test_a_wrong_password_opens_nothing(visit, share, photo, password):
    link = await share(assetIds=[photo], password="open sesame")

    answer = await visit(link).post("/api/shared-links/login", {"password": password})

    assert (answer.status, answer.message) == (401, "Invalid password")
    assert not answer.cookies


async def test_a_link_without_password_cannot_be_logged_in_to(visit, link):
    answer = await visit(link).post("/api/shared-links/login", {"password": "a"})

    assert (answer.status, answer.message) == (400, "Shared link is not password protected")


async def test_nobody_makes_the_cookie_who_only_knows_the_link(visit, share, photo):
    """Or passwords could be tried without being counted."""
    link = await share(assetIds=[photo], password="open")
    digest = sha256(f"{link['id']}-open".encode()).digest()
    key = urlsafe_b64decode(link["key"] + "==")

    for made in (digest, hmac.digest(key, b"open", "sha256"), hmac.digest(b"", b"open", "sha256")):
        visitor = visit(link, cookie=f"immich_shared_link_token={b64encode(made).decode()}")
        assert (await visitor.get("/api/shared-links/me")).status == 401


async def test_the_cookie_is_of_one_link_and_one_password(visit, enter, share, photo, alice):
    first = await share(assetIds=[photo], password="one")
    second = await share(assetIds=[photo], password="one")
    cookie = (await enter(first, "one")).headers["Cookie"]

    assert (await visit(second, cookie).get("/api/shared-links/me")).status == 401
    both = await visit(second, cookie).post("/api/shared-links/login", {"password": "one"})
    (cookie,) = (f"{one.key}={one.value}" for one in both.cookies.values())
    for link in (first, second):
        assert (await visit(link, cookie).get("/api/shared-links/me")).status == 200

    await change(alice, first, password="two")
    assert (await visit(first, cookie).get("/api/shared-links/me")).status == 401
    assert (await visit(second, cookie).get("/api/shared-links/me")).status == 200


# --- uploading through a link ------------------------------------------------------------------


async def test_a_guest_adds_to_a_link(alice, visit, link, photo):
    answer = await visit(link).upload(PHOTO, "guest.jpg")

    assert answer.status == 201
    shown = (await alice.get(f"/api/assets/{answer.json['id']}")).json
    assert (shown["ownerId"], shown["originalFileName"]) == (alice.user["id"], "guest.jpg")
    assert set(ids((await show(alice, link))["assets"])) == {photo, answer.json["id"]}
    assert (await visit(link).get(f"/api/assets/{answer.json['id']}/original")).data == PHOTO


async def test_a_guest_adds_to_an_album(alice, visit, share, album, database):
    link = await share(albumId=album)

    answer = await visit(link).upload(PHOTO)

    assert answer.status == 201
    assert (await alice.get(f"/api/albums/{album}")).json["assetCount"] == 2
    assert (await visit(link).get(f"/api/assets/{answer.json['id']}")).status == 200


async def test_a_guest_says_nothing_of_the_library(alice, visit, link, add):
    video = await add("a.mp4")
    fields = {"isFavorite": "true", "visibility": "locked", "livePhotoVideoId": video}

    answer = await send(
        visit(link), ("assetData", PHOTO, "a.jpg"), **NOW, **fields,
        metadata='[{"key": "mobile-app", "value": {"iCloudId": "x"}}]',
    )  # fmt: skip

    assert answer.status == 201
    shown = (await alice.get(f"/api/assets/{answer.json['id']}")).json
    assert (shown["isFavorite"], shown["visibility"]) == (False, "timeline")
    assert shown["livePhotoVideoId"] is None
    assert (await alice.get(f"/api/assets/{video}")).json["visibility"] == "timeline"
    assert (await alice.get(f"/api/assets/{answer.json['id']}/metadata")).json == []


async def test_a_guest_may_not_send_where_it_is_off(database, root, alice, visit, share, photo):
    link = await share(assetIds=[photo], allowUpload=False)
    before = stored(root)

    answer = await visit(link).upload(PHOTO)

    assert (answer.status, answer.message) == (401, "Unauthorized")
    assert stored(root) == before
    assert (await alice.get("/api/assets/statistics")).json["total"] == 1


async def test_what_the_owner_has_already_is_shown(alice, visit, link):
    mine = (await alice.upload(PHOTO)).json["id"]

    answer = await visit(link).upload(PHOTO)

    assert (answer.status, answer.json) == (200, {"id": mine, "status": "duplicate"})
    assert mine in ids((await show(alice, link))["assets"])


async def test_who_only_knows_a_checksum_is_shown_nothing(alice, visit, link):
    mine = (await alice.upload(PHOTO)).json["id"]
    checksum = {"x-immich-checksum": (await alice.get(f"/api/assets/{mine}")).json["checksum"]}

    answer = await send(visit(link), ("assetData", VIDEO, "a.mp4"), headers=checksum, **NOW)

    assert answer.status == 201
    assert answer.json["id"] != mine
    assert mine not in ids((await show(alice, link))["assets"])


async def test_what_the_owner_locked_away_stays_there(alice, visit, share, album, photo, link):
    mine = (await alice.upload(PHOTO)).json["id"]
    await alice.put(f"/api/assets/{mine}", {"visibility": "locked"})

    for one in (link, await share(albumId=album)):
        answer = await visit(one).upload(PHOTO)
        assert (answer.status, answer.json["status"]) == (200, "duplicate")
        assert (await visit(one).get(f"/api/assets/{mine}")).status == 400
    assert (await alice.get(f"/api/albums/{album}")).json["assetCount"] == 1


async def test_a_guest_is_held_to_the_owners_quota(database, root, sign_in, add, share, visit):
    carol = await sign_in("Carol", quota_bytes=len(PHOTO))
    link = await share(carol, assetIds=[await add(client=carol)])
    before = stored(root)

    answer = await visit(link).upload(PHOTO)

    assert (answer.status, answer.message) == (400, "Quota has been exceeded!")
    assert stored(root) == before


# --- ending ------------------------------------------------------------------------------------


async def test_a_deleted_link_lets_nobody_in(alice, visit, link):
    answer = await alice.delete(path(link))
    assert (answer.status, answer.data) == (204, b"")

    answer = await visit(link).get("/api/shared-links/me")
    assert (answer.status, answer.message) == (401, "Invalid share key")
    assert (await alice.get("/api/shared-links")).json == []


async def test_an_expired_link_lets_nobody_in(alice, visit, link, execute):
    await end(execute, link)

    answer = await visit(link).get("/api/shared-links/me")
    assert (answer.status, answer.message) == (401, "Invalid share key")
    assert (await show(alice, link))["id"] == link["id"]
    await change(alice, link, expiresAt=in_an_hour())
    assert (await visit(link).get("/api/shared-links/me")).status == 200


async def test_a_link_ends_with_its_album(alice, visit, share, album):
    link = await share(albumId=album)
    await alice.delete(f"/api/albums/{album}")

    answer = await visit(link).get("/api/shared-links/me")
    assert (answer.status, answer.message) == (401, "Invalid share key")
    assert (await alice.get("/api/shared-links")).json == []


async def test_a_link_ends_with_who_made_it(alice, visit, link, execute):
    await execute('UPDATE "user" SET deleted_at = now() WHERE id = %s', alice.user["id"])

    answer = await visit(link).get("/api/shared-links/me")
    assert (answer.status, answer.message) == (401, "Invalid share key")


async def test_a_deleted_photo_is_in_no_link(alice, link, photo):
    await alice.delete("/api/assets", {"ids": [photo], "force": True})

    assert (await show(alice, link))["assets"] == []


@pytest.mark.parametrize("what", ["link", "album"])
async def test_nothing_comes_in_through_a_link_that_ends_meanwhile(
    database, root, alice, visit, share, album, photo, execute, monkeypatch, what
):
    """The link is good when the upload begins, and not when it is recorded."""
    link = await share(**({"assetIds": [photo]} if what == "link" else {"albumId": album}))
    before = stored(root)
    await _end_before_recording(monkeypatch, execute, link)

    answer = await visit(link).upload(PHOTO)

    assert (answer.status, answer.message) == (401, "Unauthorized")
    assert stored(root) == before
    assert (await alice.get("/api/assets/statistics")).json["total"] == 1


def _decode(key):
    return urlsafe_b64decode(key + "=" * (-len(key) % 4))


async def _end_before_recording(monkeypatch, execute, link):
    record = assets.record_upload

    async def record_late(*values, **details):
        await end(execute, link)
        return await record(*values, **details)

    monkeypatch.setattr(assets, "record_upload", record_late)
