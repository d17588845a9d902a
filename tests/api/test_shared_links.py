"""/shared-links: made, changed, opened with a password, filled by guests, and ended."""

from __future__ import annotations

from uuid import uuid4

import pytest

from sync.stream import settle
from tests import contract
from tests.api.links import change, ids, in_an_hour, path, show
from tests.api.uploads import PHOTO
from tests.operations.state import differences

UNKNOWN = str(uuid4())
NOT_FOUND = "Shared link not found"


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


# --- making ------------------------------------------------------------------------------------


@contract.needed
async def test_a_link_is_shown_as_the_contract_says(alice, share, photo):
    expires_at = in_an_hour()
    made = await share(
        assetIds=[photo], description="Sea", password="open", slug="sea", expiresAt=expires_at
    )

    shown = await show(alice, made)

    contract.assert_matches("GET", "/shared-links/{id}", 200, shown, with_undeclared=False)
    assert shown == made
    assert len(shown["key"]) == 67
    assert shown["userId"] == alice.user["id"]
    assert (shown["type"], shown["description"], shown["slug"]) == ("INDIVIDUAL", "Sea", "sea")
    assert (shown["password"], shown["expiresAt"]) == ("open", expires_at)
    assert ids(shown["assets"]) == [photo]
    assert "exifInfo" in shown["assets"][0]
    assert "album" not in shown


async def test_a_link_allows_all_by_default_and_never_expires(link):
    assert (link["allowUpload"], link["allowDownload"], link["showMetadata"]) == (True, True, True)
    for field in ("description", "password", "slug", "expiresAt"):
        assert link[field] is None


async def test_an_album_is_shared_as_it_is(alice, share, album, photo):
    link = await share(albumId=album, allowUpload=False)

    assert link["type"] == "ALBUM"
    assert link["assets"] == []
    assert link["album"]["id"] == album
    assert link["album"]["assetCount"] == 1
    assert link["album"]["hasSharedLink"] is True
    assert (await alice.get(f"/api/albums/{album}")).json["shared"] is True


async def test_what_hides_metadata_gives_no_files(share, photo, alice):
    link = await share(assetIds=[photo], showMetadata=False, allowDownload=True)
    assert (link["showMetadata"], link["allowDownload"]) == (False, False)

    shown = (await change(alice, link, showMetadata=True, allowDownload=True)).json
    assert (shown["showMetadata"], shown["allowDownload"]) == (True, True)

    shown = (await change(alice, link, showMetadata=False)).json
    assert (shown["showMetadata"], shown["allowDownload"]) == (False, False)


async def test_a_link_may_show_very_many(share, alice, add, execute, query):
    await add()
    await execute(
        "INSERT INTO asset (id, owner_id, type, original_key, original_file_name, checksum,"
        " file_bytes, file_created_at, file_modified_at, local_date_time)"
        " SELECT gen_random_uuid(), owner_id, type, original_key || n, original_file_name,"
        " decode(lpad(to_hex(n), 40, '0'), 'hex'), file_bytes, file_created_at, file_modified_at,"
        " local_date_time FROM asset, generate_series(1, 1200) AS n"
    )
    await execute("INSERT INTO asset_exif (asset_id) SELECT id FROM asset ON CONFLICT DO NOTHING")
    all_ids = [str(row["id"]) for row in await query("SELECT id FROM asset ORDER BY id")]

    link = await share(assetIds=all_ids)

    assert sorted(ids(link["assets"])) == all_ids
    again = await alice.put(f"{path(link)}/assets", {"assetIds": all_ids})
    assert {one["error"] for one in again.json} == {"duplicate"}


@pytest.mark.parametrize(
    "body, message",
    [
        ({"type": "ALBUM"}, "Invalid albumId"),
        ({"type": "ALBUM", "albumId": UNKNOWN}, "Not found or no album.share access"),
        ({"type": "INDIVIDUAL"}, "Invalid assetIds"),
        ({"type": "INDIVIDUAL", "assetIds": []}, "Invalid assetIds"),
        ({"type": "INDIVIDUAL", "assetIds": [UNKNOWN]}, "Not found or no asset.share access"),
        ({"type": "OTHER"}, "Validation failed"),
        ({}, "Validation failed"),
        ({"type": "INDIVIDUAL", "assetIds": [UNKNOWN], "expiresAt": "soon"}, "Validation failed"),
    ],
)
async def test_a_link_to_nothing_is_not_made(alice, body, message):
    answer = await alice.post("/api/shared-links", body)

    assert (answer.status, answer.message) == (400, message)


async def test_only_an_albums_owner_shares_it(alice, bob, album):
    members = [{"userId": bob.user["id"], "role": "editor"}]
    await alice.put(f"/api/albums/{album}/users", {"albumUsers": members})

    answer = await bob.post("/api/shared-links", {"type": "ALBUM", "albumId": album})

    assert (answer.status, answer.message) == (400, "Not found or no album.share access")


async def test_anothers_photos_are_not_shared_but_a_partners_are(alice, bob, photo, share, visit):
    body = {"type": "INDIVIDUAL", "assetIds": [photo]}
    assert (await bob.post("/api/shared-links", body)).status == 400

    await alice.post("/api/partners", {"sharedWithId": bob.user["id"]})

    link = await share(bob, assetIds=[photo])
    assert ids(link["assets"]) == [photo]
    assert (await visit(link).get(f"/api/assets/{photo}")).status == 200


async def test_two_links_cannot_have_one_slug(alice, bob, add, share, photo):
    await share(assetIds=[photo], slug="sea")
    other = await share(bob, assetIds=[await add(client=bob)])
    refusal = {"message": "Failed to save shared link"}

    answer = await alice.post(
        "/api/shared-links", {"type": "INDIVIDUAL", "assetIds": [photo], "slug": "sea"}
    )
    assert (answer.status, answer.json) == (400, refusal)
    answer = await change(bob, other, slug="sea")
    assert (answer.status, answer.json) == (400, refusal)
    for _ in range(2):
        assert (await share(assetIds=[photo], slug=""))["slug"] is None


# --- reading -----------------------------------------------------------------------------------


async def test_links_are_listed_with_a_cover(alice, bob, share, album, photo, add):
    both = await share(assetIds=[photo, await add()])
    whole = await share(albumId=album)
    await share(bob, assetIds=[await add(client=bob)])

    listed = (await alice.get("/api/shared-links")).json
    assert ids(listed) == [whole["id"], both["id"]]
    assert [len(one["assets"]) for one in listed] == [0, 1]
    assert ids((await alice.get("/api/shared-links", albumId=album)).json) == [whole["id"]]
    assert ids((await alice.get("/api/shared-links", id=both["id"])).json) == [both["id"]]
    assert (await alice.get("/api/shared-links", albumId=UNKNOWN)).json == []
    assert (await alice.get("/api/shared-links", albumId="x")).status == 400


async def test_what_is_in_the_trash_is_not_shown(alice, share, photo, add, visit):
    other = await add()
    link = await share(assetIds=[photo, other])

    await alice.delete("/api/assets", {"ids": [other]})

    assert ids((await show(alice, link))["assets"]) == [photo]
    assert (await visit(link).get(f"/api/assets/{other}/original")).status == 404


@pytest.mark.parametrize("who", ["bob", "nobody"])
async def test_a_link_is_its_makers(who, bob, anonymous, link, photo, alice):
    other = {"bob": bob, "nobody": anonymous}[who]
    status, message = (400, NOT_FOUND) if who == "bob" else (401, "Authentication required")
    assets = {"assetIds": [photo]}
    answers = [
        await other.get(path(link)),
        await change(other, link, description="mine"),
        await other.delete(path(link)),
        await other.put(f"{path(link)}/assets", assets),
        await other.delete(f"{path(link)}/assets", assets),
    ]

    assert {(answer.status, answer.message) for answer in answers} == {(status, message)}
    assert await show(alice, link) == link


async def test_an_unknown_link_is_not_found(alice):
    for method in ("GET", "DELETE"):
        answer = await alice.call(method, f"/api/shared-links/{UNKNOWN}")
        assert (answer.status, answer.message) == (400, NOT_FOUND)


async def test_a_key_needs_the_permission(alice, new_key, link, photo):
    key = await new_key(alice, "asset.read")
    assets = {"assetIds": [photo]}
    answers = {
        "read": [await key.get("/api/shared-links"), await key.get(path(link))],
        "create": [await key.post("/api/shared-links", {"type": "INDIVIDUAL", **assets})],
        "update": [
            await change(key, link, description="a"),
            await key.put(f"{path(link)}/assets", assets),
            await key.delete(f"{path(link)}/assets", assets),
        ],
        "delete": [await key.delete(path(link))],
    }

    for word, given in answers.items():
        for answer in given:
            message = f"Missing required permission: sharedLink.{word}"
            assert (answer.status, answer.message) == (403, message)


# --- changing ----------------------------------------------------------------------------------


async def test_what_is_not_named_stays(alice, share, photo):
    link = await share(
        assetIds=[photo], description="Sea", password="open", slug="sea", expiresAt=in_an_hour()
    )

    answer = await change(alice, link, allowUpload=False)

    assert answer.status == 200
    assert answer.json == link | {"allowUpload": False}
    assert (await change(alice, link)).json == answer.json


@pytest.mark.parametrize("field", ["description", "password", "slug", "expiresAt"])
async def test_what_is_null_is_taken_away(alice, share, photo, field):
    link = await share(
        assetIds=[photo], description="Sea", password="open", slug="sea", expiresAt=in_an_hour()
    )

    answer = await change(alice, link, **{field: None})

    assert answer.json == link | {field: None}


async def test_a_link_has_another_slug(alice, link, anonymous):
    await change(alice, link, slug="mountains")

    guest = anonymous.using(**{"x-immich-share-slug": "mountains"})
    assert (await guest.get("/api/shared-links/me")).json["id"] == link["id"]
    await change(alice, link, slug="sea")
    answer = await guest.get("/api/shared-links/me")
    assert (answer.status, answer.message) == (401, "Invalid share slug")


async def test_assets_come_and_go(alice, bob, link, photo, add, visit):
    mine, theirs = await add(), await add(client=bob)
    asked = {"assetIds": [photo, mine, theirs, UNKNOWN, mine]}

    added = await alice.put(f"{path(link)}/assets", asked)
    assert added.status == 200
    assert added.json == [
        {"assetId": photo, "success": False, "error": "duplicate"},
        {"assetId": mine, "success": True},
        {"assetId": theirs, "success": False, "error": "no_permission"},
        {"assetId": UNKNOWN, "success": False, "error": "no_permission"},
        {"assetId": mine, "success": False, "error": "duplicate"},
    ]
    assert (await visit(link).get(f"/api/assets/{mine}")).status == 200

    removed = await alice.delete(f"{path(link)}/assets", {"assetIds": [mine, mine, theirs]})
    assert removed.json == [
        {"assetId": mine, "success": True},
        {"assetId": mine, "success": False, "error": "not_found"},
        {"assetId": theirs, "success": False, "error": "not_found"},
    ]
    assert ids((await show(alice, link))["assets"]) == [photo]
    assert (await visit(link).get(f"/api/assets/{mine}")).status == 400


async def test_an_albums_link_has_no_assets_of_its_own(alice, share, album, photo):
    link = await share(albumId=album)

    for method in ("PUT", "DELETE"):
        answer = await alice.call(method, f"{path(link)}/assets", json={"assetIds": [photo]})
        assert (answer.status, answer.message) == (400, "Invalid shared link type")


async def test_what_is_locked_away_leaves_every_link(alice, unlocked, share, photo, add, visit):
    link = await share(assetIds=[photo, await add()])
    safe = await unlocked(alice)

    await alice.put(f"/api/assets/{photo}", {"visibility": "locked"})
    assert photo not in ids((await show(alice, link))["assets"])
    answer = await safe.put(f"{path(link)}/assets", {"assetIds": [photo]})
    assert answer.json == [{"assetId": photo, "success": False, "error": "no_permission"}]
    body = {"type": "INDIVIDUAL", "assetIds": [photo]}
    assert (await safe.post("/api/shared-links", body)).status == 400

    await safe.put(f"/api/assets/{photo}", {"visibility": "timeline"})
    assert (await visit(link).get(f"/api/assets/{photo}")).status == 400


async def test_the_state_follows(database, alice, visit, share, album, photo, link, add):
    whole = await share(albumId=album)
    await visit(whole).upload(PHOTO)
    await alice.put(f"{path(link)}/assets", {"assetIds": [await add()]})
    await alice.put(f"/api/assets/{photo}", {"visibility": "locked"})
    await change(alice, link, description="a")
    await alice.delete(path(whole))
    await settle(database)

    assert await differences(database) == []


async def test_each_change_is_on_record(database, alice, link, add, query):
    await change(alice, link, description="a")
    other = await add()
    await alice.put(f"{path(link)}/assets", {"assetIds": [other]})
    await alice.put(f"/api/assets/{other}", {"visibility": "locked"})
    await alice.delete(path(link))
    await settle(database)

    rows = await query(
        "SELECT topic, scope FROM log WHERE topic LIKE 'shared_link.%%' ORDER BY pos"
    )
    words = [row["topic"].partition(".")[2] for row in rows]
    assert words == ["created", "updated", "updated", "updated", "deleted"]
    assert {str(row["scope"]) for row in rows} == {alice.user["id"]}
