"""/albums: made, shared, filled, emptied, and who may do which."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests import contract

UNKNOWN = str(uuid4())


async def create(client, **fields):
    answer = await client.post("/api/albums", {"albumName": "Trip", **fields})
    assert answer.status == 201, answer.data
    return answer.json


async def show(client, album_id):
    answer = await client.get(f"/api/albums/{album_id}")
    assert answer.status == 200, answer.data
    return answer.json


def member(client, role="editor"):
    return {"userId": client.user["id"], "role": role}


@pytest.fixture
async def carol(sign_in):
    return await sign_in("carol")


@pytest.fixture
async def album(alice, bob, carol, add):
    """Of Alice's, with one asset; Bob edits it, Carol looks at it."""
    return await create(
        alice, assetIds=[await add()], albumUsers=[member(bob), member(carol, "viewer")]
    )


@contract.needed
async def test_an_album_is_shown_as_the_contract_says(alice, bob, add):
    early, late = await add(), await add()
    await alice.put(f"/api/assets/{early}", {"dateTimeOriginal": "2020-01-02T03:04:05.000Z"})
    await alice.put(f"/api/assets/{late}", {"dateTimeOriginal": "2021-01-02T03:04:05.000Z"})
    made = await create(
        alice, description="Sea", assetIds=[early, late], albumUsers=[member(bob, "viewer")]
    )

    shown = await show(alice, made["id"])

    contract.assert_matches("GET", "/albums/{id}", 200, shown, with_undeclared=False)
    assert (shown["albumName"], shown["description"]) == ("Trip", "Sea")
    assert (shown["assetCount"], shown["shared"], shown["hasSharedLink"]) == (2, True, False)
    assert shown["startDate"] == "2020-01-02T03:04:05.000Z"
    assert shown["endDate"] == "2021-01-02T03:04:05.000Z"
    assert shown["albumThumbnailAssetId"] in (early, late)
    assert shown["isActivityEnabled"] is True
    roles = [(one["user"]["id"], one["role"]) for one in shown["albumUsers"]]
    assert roles == [(alice.user["id"], "owner"), (bob.user["id"], "viewer")]
    assert shown["contributorCounts"] == [{"userId": alice.user["id"], "assetCount": 2}]


async def test_an_empty_album_of_ones_own(alice, following):
    shown = await create(alice)

    assert (shown["assetCount"], shown["shared"]) == (0, False)
    assert "startDate" not in shown
    assert shown["albumThumbnailAssetId"] is None
    assert (shown["id"],) in (await following())["album"]


async def test_the_order_a_user_prefers_is_the_albums(alice):
    await alice.put("/api/users/me/preferences", {"albums": {"defaultAssetOrder": "asc"}})

    assert (await create(alice))["order"] == "asc"


async def test_an_album_is_not_made_with_what_one_may_not_share(alice, bob, add):
    own, other = await add(), await add(client=bob)

    assert (await create(alice, assetIds=[own, other, UNKNOWN]))["assetCount"] == 1


async def test_nothing_is_made_when_a_member_is_nobody(alice):
    answer = await alice.post("/api/albums", {"albumName": "x", "albumUsers": [
        {"userId": UNKNOWN, "role": "viewer"}]})  # fmt: skip

    assert (answer.status, answer.message) == (400, "Invalid user")
    assert (await alice.get("/api/albums")).json == []


async def test_albums_are_found(alice, bob, add):
    asset = await add()
    alone = await create(alice, albumName="Alone")
    shared = await create(alice, albumName="Shared", assetIds=[asset], albumUsers=[member(bob)])
    foreign = await create(bob, albumName="Bob's", albumUsers=[member(alice, "viewer")])
    await create(bob, albumName="Bob's alone")

    async def names(**query):
        answer = await alice.get("/api/albums", **query)
        assert answer.status == 200, answer.data
        return [album["albumName"] for album in answer.json]

    assert await names() == ["Bob's", "Shared", "Alone"]
    assert await names(isOwned="true") == ["Shared", "Alone"]
    assert await names(isOwned="false") == ["Bob's"]
    assert await names(isShared="true") == ["Bob's", "Shared"]
    assert await names(isShared="false", isOwned="true") == ["Alone"]
    assert await names(assetId=asset) == ["Shared"]
    assert await names(name="Alone") == ["Alone"]
    assert await names(id=foreign["id"]) == ["Bob's"]
    counts = (await alice.get("/api/albums/statistics")).json
    assert counts == {"owned": 2, "shared": 2, "notShared": 1}
    assert shared["shared"] and not alone["shared"]


async def test_an_album_changes_in_what_is_said(alice, album, add, following):
    cover = await add()
    await alice.put(f"/api/albums/{album['id']}/assets", {"ids": [cover]})
    changes = {
        "albumName": "Sea",
        "description": "Blue",
        "albumThumbnailAssetId": cover,
        "isActivityEnabled": False,
        "order": "asc",
    }

    answer = await alice.call("PATCH", f"/api/albums/{album['id']}", json=changes)

    assert answer.status == 200, answer.data
    assert answer.json.items() >= changes.items()
    kept = await alice.call("PATCH", f"/api/albums/{album['id']}", json={"description": None})
    assert kept.json["description"] == ""
    assert kept.json["albumName"] == "Sea"
    await following()


async def test_the_cover_is_in_the_album(alice, album, add):
    answer = await alice.call(
        "PATCH", f"/api/albums/{album['id']}", json={"albumThumbnailAssetId": await add()}
    )

    assert (answer.status, answer.message) == (400, "Invalid album thumbnail")


async def test_assets_come_and_go_each_with_its_answer(alice, bob, album, add, following):
    path = f"/api/albums/{album['id']}/assets"
    new, foreign = await add(), await add(client=bob)

    added = await alice.put(path, {"ids": [new, new, foreign, UNKNOWN]})
    assert added.json == [
        {"id": new, "success": True},
        {"id": new, "success": False, "error": "duplicate"},
        {"id": foreign, "success": False, "error": "no_permission"},
        {"id": UNKNOWN, "success": False, "error": "no_permission"},
    ]
    again = await alice.put(path, {"ids": [new]})
    assert again.json == [{"id": new, "success": False, "error": "duplicate"}]

    removed = await alice.delete(path, {"ids": [new, foreign]})
    assert removed.json == [
        {"id": new, "success": True},
        {"id": foreign, "success": False, "error": "not_found"},
    ]
    assert (await show(alice, album["id"]))["assetCount"] == 1
    await following()


async def test_an_editor_takes_out_only_what_they_could_put_in(alice, bob, album, add):
    path = f"/api/albums/{album['id']}/assets"
    theirs, own = await add(), await add(client=bob)
    await alice.put(path, {"ids": [theirs]})
    await bob.put(path, {"ids": [own]})

    answer = await bob.delete(path, {"ids": [theirs, own]})

    assert answer.json == [
        {"id": theirs, "success": False, "error": "no_permission"},
        {"id": own, "success": True},
    ]
    assert (await alice.delete(path, {"ids": [theirs]})).json[0]["success"] is True


async def test_a_partners_picture_may_be_put_into_an_album(alice, bob, add, new_phone):
    await bob.post("/api/partners", {"sharedWithId": alice.user["id"]})
    picture, archived = await add(client=bob), await add(client=bob)
    await bob.put(f"/api/assets/{archived}", {"visibility": "archive"})
    album = await create(alice)
    path = f"/api/albums/{album['id']}/assets"

    answer = await alice.put(path, {"ids": [picture, archived]})

    assert [one["success"] for one in answer.json] == [True, False]
    await bob.delete(f"/api/partners/{alice.user['id']}")
    assert (await alice.get(f"/api/assets/{picture}")).status == 200
    phone = await new_phone(alice)
    assert (picture,) in phone.dump()["asset"]


async def test_many_albums_are_filled_at_once(alice, bob, carol, album, add):
    other = await create(alice)
    foreign = await create(bob)
    asset = await add()
    body = {"albumIds": [album["id"], other["id"], foreign["id"]], "assetIds": [asset]}

    assert (await alice.put("/api/albums/assets", body)).json == {"success": True}
    for id_ in (album["id"], other["id"]):
        assert asset in {one["id"] for one in await assets_of(alice, id_)}
    again = await alice.put("/api/albums/assets", body)
    assert again.json == {"success": False, "error": "duplicate"}
    refused = await carol.put("/api/albums/assets", body)
    assert refused.json == {"success": False, "error": "no_permission"}


async def assets_of(client, album_id):
    """What the album's assets are, as sync has them."""
    lines = await client.sync("AlbumToAssetsV1")
    return [
        {"id": line["data"]["assetId"]}
        for line in lines
        if line["type"] == "AlbumToAssetV1" and line["data"]["albumId"] == album_id
    ]


async def test_members_come_change_and_leave(alice, bob, carol, following):
    album = await create(alice)
    path = f"/api/albums/{album['id']}"

    shown = await alice.put(f"{path}/users", {"albumUsers": [{"userId": bob.user["id"]}]})
    assert [one["role"] for one in shown.json["albumUsers"]] == ["owner", "editor"]
    body = {"role": "viewer"}
    assert (await alice.put(f"{path}/user/{bob.user['id']}", body)).status == 204
    assert (await show(bob, album["id"]))["albumUsers"][1]["role"] == "viewer"
    assert (await bob.delete(f"{path}/user/me")).status == 204
    assert (await bob.get(path)).status == 400
    await alice.put(f"{path}/users", {"albumUsers": [member(carol)]})
    assert (await alice.delete(f"{path}/user/{carol.user['id']}")).status == 204
    assert len((await show(alice, album["id"]))["albumUsers"]) == 1
    await following()


async def test_an_owner_stays_the_only_one(alice, bob, album):
    path = f"/api/albums/{album['id']}"
    me = alice.user["id"]

    for answer, message in (
        (await alice.put(f"{path}/users", {"albumUsers": [member(bob, "owner")]}),
         "Cannot add another owner"),
        (await alice.put(f"{path}/users", {"albumUsers": [{"userId": UNKNOWN}]}), "Invalid user"),
        (await alice.put(f"{path}/user/{bob.user['id']}", {"role": "owner"}),
         "Cannot add another owner"),
        (await alice.put(f"{path}/user/{me}", {"role": "viewer"}), "User is owner"),
        (await alice.put(f"{path}/user/{UNKNOWN}", {"role": "viewer"}),
         "Album not shared with user"),
        (await alice.delete(f"{path}/user/{me}"), "Cannot remove the last album owner"),
        (await alice.delete(f"{path}/user/{UNKNOWN}"), "Album not shared with user"),
    ):  # fmt: skip
        assert (answer.status, answer.message) == (400, message)


async def test_an_album_ends_and_the_assets_stay(alice, bob, album, following):
    asset = (await assets_of(alice, album["id"]))[0]["id"]

    assert (await alice.delete(f"/api/albums/{album['id']}")).status == 204

    assert (await bob.get(f"/api/albums/{album['id']}")).status == 400
    assert (await alice.get(f"/api/assets/{asset}")).status == 200
    assert (album["id"],) not in (await following())["album"]


async def test_a_map_of_an_album(alice, bob, album, add):
    asset = await add()
    await alice.put(f"/api/assets/{asset}", {"latitude": 59.9, "longitude": 10.7})
    await alice.put(f"/api/albums/{album['id']}/assets", {"ids": [asset]})

    answer = await bob.get(f"/api/albums/{album['id']}/map-markers")

    assert [(one["id"], one["lat"], one["lon"]) for one in answer.json] == [(asset, 59.9, 10.7)]


async def test_what_is_in_the_trash_or_locked_is_not_counted(alice, album, add):
    trashed, locked = await add(), await add()
    await alice.put(f"/api/albums/{album['id']}/assets", {"ids": [trashed, locked]})

    await alice.delete("/api/assets", {"ids": [trashed]})
    await alice.put("/api/assets", {"ids": [locked], "visibility": "locked"})

    assert (await show(alice, album["id"]))["assetCount"] == 1


CALLS = {
    "album.read": ("GET", "", None),
    "album.update": ("PATCH", "", {"albumName": "x"}),
    "album.delete": ("DELETE", "", None),
    "albumAsset.create": ("PUT", "/assets", {"ids": [UNKNOWN]}),
    "albumAsset.delete": ("DELETE", "/assets", {"ids": [UNKNOWN]}),
    "album.share": ("PUT", "/users", {"albumUsers": [{"userId": UNKNOWN}]}),
}
VIEWER = ("album.read",)
EDITOR = (*VIEWER, "albumAsset.create", "albumAsset.delete")


@pytest.mark.parametrize("permission", CALLS)
async def test_each_may_what_their_role_allows(bob, carol, sign_in, album, permission):
    method, path, body = CALLS[permission]
    stranger = await sign_in("dave")

    for client, allowed in ((bob, EDITOR), (carol, VIEWER), (stranger, ())):
        answer = await client.call(method, f"/api/albums/{album['id']}{path}", json=body)
        if permission in allowed:
            assert answer.status == 200, answer.data
        else:
            assert (answer.status, answer.message) == (
                400, f"Not found or no {permission} access",
            )  # fmt: skip


async def test_a_viewer_sees_the_pictures_and_a_stranger_does_not(carol, sign_in, alice, album):
    asset = (await assets_of(alice, album["id"]))[0]["id"]
    stranger = await sign_in("dave")

    seen = await carol.get(f"/api/assets/{asset}")
    assert seen.status == 200
    assert (await carol.get(f"/api/assets/{asset}/original")).status == 200
    assert (await carol.put(f"/api/assets/{asset}", {"isFavorite": True})).status == 400
    assert (await stranger.get(f"/api/assets/{asset}")).status == 400
    assert (await stranger.get(f"/api/assets/{asset}/original")).status == 404


async def test_what_an_owner_keeps_to_themselves_a_viewer_does_not_see(carol, alice, album):
    asset = (await assets_of(alice, album["id"]))[0]["id"]
    await alice.put(f"/api/assets/{asset}", {"isFavorite": True})

    assert (await alice.get(f"/api/assets/{asset}")).json["isFavorite"] is True
    assert (await carol.get(f"/api/assets/{asset}")).json["isFavorite"] is False


async def test_the_moving_part_is_seen_with_its_still(carol, alice, album, add):
    still, video = await add(), await add("a.mov")
    await alice.put(f"/api/assets/{still}", {"livePhotoVideoId": video})
    assert (await carol.get(f"/api/assets/{video}/video/playback")).status == 404

    await alice.put(f"/api/albums/{album['id']}/assets", {"ids": [still]})

    assert (await carol.get(f"/api/assets/{video}/video/playback")).status == 200


async def test_several_are_let_in_at_once_each_as_what_they_are(alice, bob, sign_in, query):
    carol, dora = await sign_in("Carol"), await sign_in("Dora")
    album = (await alice.post("/api/albums", {"albumName": "Trip"})).json["id"]
    members = [member(bob, "viewer"), member(carol, "editor"), member(dora, "viewer"),
               member(bob, "editor")]  # fmt: skip

    answer = await alice.put(f"/api/albums/{album}/users", {"albumUsers": members})

    assert answer.status == 200
    roles = {one["user"]["id"]: one["role"] for one in answer.json["albumUsers"]}
    assert roles == {
        alice.user["id"]: "owner", bob.user["id"]: "viewer", carol.user["id"]: "editor",
        dora.user["id"]: "viewer",
    }  # fmt: skip
    unknown = {"albumUsers": [member(bob), {"userId": UNKNOWN, "role": "viewer"}]}
    other = (await alice.post("/api/albums", {"albumName": "Other"})).json["id"]
    assert (await alice.put(f"/api/albums/{other}/users", unknown)).status == 400
    assert len((await alice.get(f"/api/albums/{other}")).json["albumUsers"]) == 1
