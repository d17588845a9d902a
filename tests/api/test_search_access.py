"""/search: whose assets are found, by what they keep to themselves, and by whom."""

from __future__ import annotations

from uuid import uuid4

import pytest

UNKNOWN = str(uuid4())
WITHOUT_ALBUM = "Shared link access is only allowed in combination with an albumIds filter"


def ids(answer):
    assert answer.status == 200, answer.data
    return {asset["id"] for asset in answer.json["assets"]["items"]}


async def find(client, **asked):
    return ids(await client.post("/api/search/metadata", asked))


async def count(client, **asked):
    answer = await client.post("/api/search/statistics", asked)
    assert answer.status == 200, answer.data
    return answer.json["total"]


async def refusal(client, path="metadata", **asked):
    answer = await client.post(f"/api/search/{path}", asked)
    return answer.status, answer.message


async def become_partners(client, other, *, in_timeline=True):
    """The first shows the other their library."""
    await client.post("/api/partners", {"sharedWithId": other.user["id"]})
    await other.put(f"/api/partners/{client.user['id']}", {"inTimeline": in_timeline})


@pytest.fixture
async def album(alice, bob, add):
    """Of Alice's, with one asset of hers; Bob looks at it."""
    answer = await alice.post(
        "/api/albums",
        {
            "albumName": "Trip",
            "assetIds": [await add()],
            "albumUsers": [{"userId": bob.user["id"], "role": "viewer"}],
        },
    )
    return answer.json


@pytest.fixture
async def in_album(alice, album):
    return next(iter(await find(alice, albumIds=[album["id"]])))


async def test_everybody_finds_their_own(alice, bob, add):
    mine, theirs = await add(), await add(client=bob)

    assert await find(alice) == {mine}
    assert await find(bob, filter={}) == {theirs}
    assert (await count(alice), await count(alice, filter={})) == (1, 1)
    assert await find(alice, id=theirs) == set()


async def test_partners_show_what_is_in_their_timeline(alice, bob, add):
    mine = await add()
    shown, favorite = await add(client=bob), await add(client=bob, isFavorite="true")
    archived, locked, trashed = [await add(client=bob) for _ in range(3)]
    await bob.put("/api/assets", {"ids": [archived], "visibility": "archive"})
    await bob.put("/api/assets", {"ids": [locked], "visibility": "locked"})
    await bob.delete("/api/assets", {"ids": [trashed]})
    await become_partners(bob, alice)

    found = {mine, shown, favorite}
    for asked in ({}, {"withDeleted": True}, {"filter": {}}):
        assert await find(alice, **asked) == found
    for asked in ({}, {"filter": {}}, {"filter": {"or": [{"type": {"eq": "IMAGE"}}]}}):
        assert await count(alice, **asked) == 3
    assert await find(alice, visibility="archive") == set()
    assert await find(alice, trashedAfter="2000-01-01T00:00:00.000Z") == set()
    random = await alice.post("/api/search/random", {})
    assert {asset["id"] for asset in random.json} == found
    # What a partner likes is theirs to know.
    assert await find(alice, isFavorite=True) == set()
    assert await find(alice, isFavorite=False) == found


async def test_pages_go_through_the_assets_of_partners(alice, bob, add):
    whose = [alice, bob, bob, alice, bob]
    taken = {}
    for year, client in enumerate(whose, start=2010):
        taken[await add(client=client, fileCreatedAt=f"{year}-01-01T00:00:00.000Z")] = year
    await become_partners(bob, alice)

    seen, cursor = [], {}
    while cursor is not None:
        page = (await alice.post("/api/search/metadata", {"filter": {}, "size": 2, **cursor})).json
        seen += [taken[asset["id"]] for asset in page["assets"]["items"]]
        cursor = page["assets"]["nextCursor"] and {"cursor": page["assets"]["nextCursor"]}

    assert seen == [2014, 2013, 2012, 2011, 2010]
    flat = [await alice.post("/api/search/metadata", {"size": 2, "page": n}) for n in (1, 2, 3)]
    assert [taken[asset["id"]] for page in flat for asset in page.json["assets"]["items"]] == seen


async def test_a_partner_who_is_not_in_the_timeline_is_not_searched(alice, bob, add):
    await add(client=bob)
    await become_partners(bob, alice, in_timeline=False)

    assert await find(alice) == set()


async def test_an_album_shows_all_that_is_in_it(alice, bob, album, in_album, add):
    await add(client=bob)

    for client in (alice, bob):
        assert await find(client, albumIds=[album["id"]]) == {in_album}
        for operator in ("any", "all"):
            filter_ = {"albumIds": {operator: [album["id"]]}}
            assert await find(client, filter=filter_) == {in_album}
            assert await count(client, filter=filter_) == 1
    await alice.delete("/api/assets", {"ids": [in_album]})
    assert await find(bob, albumIds=[album["id"]], withDeleted=True) == set()
    assert await find(bob, filter={"albumIds": {"any": [album["id"]]}}) == set()
    assert await find(alice, albumIds=[album["id"]], withDeleted=True) == {in_album}


async def test_a_branch_in_an_album_does_not_open_the_others(alice, bob, album, in_album, add):
    hidden, mine = await add(), await add(client=bob)
    branches = [{"albumIds": {"any": [album["id"]]}}, {"type": {"eq": "IMAGE"}}]

    assert await find(bob, filter={"or": branches}) == {in_album, mine}
    assert await count(bob, filter={"or": branches}) == 2
    assert await find(alice, filter={"or": branches}) == {in_album, hidden}
    assert await find(bob, filter={"or": branches[:1]}) == {in_album}


async def test_several_albums(alice, album, in_album, add):
    other = await add()
    answer = await alice.post("/api/albums", {"albumName": "B", "assetIds": [other, in_album]})
    first, second = album["id"], answer.json["id"]

    assert await find(alice, albumIds=[first, second]) == {in_album}
    assert await find(alice, albumIds=[first, first]) == {in_album}
    assert await find(alice, filter={"albumIds": {"any": [first, second]}}) == {in_album, other}
    assert await find(alice, filter={"albumIds": {"all": [first, second]}}) == {in_album}
    assert await find(alice, filter={"albumIds": {"none": [first]}}) == {other}


async def test_what_is_in_no_album(alice, bob, album, in_album, add):
    alone = await add()

    assert await find(alice, isNotInAlbum=True) == {alone}
    assert await find(alice, isNotInAlbum=True, albumIds=[album["id"]]) == {in_album}
    assert await find(alice, filter={"hasAlbums": {"eq": True}}) == {in_album}
    assert await find(alice, filter={"hasAlbums": {"eq": False}}) == {alone}


@pytest.mark.parametrize("operator", ["any", "all", "none"])
async def test_an_album_of_others_is_refused(alice, sign_in, album, operator):
    stranger = await sign_in("Carol")
    expected = (400, "Not found or no album.read access")

    for album_id in (album["id"], UNKNOWN):
        asked = {"filter": {"albumIds": {operator: [album_id]}}}
        assert await refusal(stranger, **asked) == expected
        assert await refusal(stranger, **{"filter": {"or": [asked["filter"]]}}) == expected
        for path in ("metadata", "random", "statistics"):
            assert await refusal(stranger, path, albumIds=[album_id]) == expected
    answer = await stranger.post("/api/search/large-assets", albumIds=album["id"])
    assert (answer.status, answer.message) == expected


@pytest.fixture
async def locked(alice, add):
    asset_id = await add()
    await alice.put("/api/assets", {"ids": [asset_id], "visibility": "locked"})
    return asset_id


@pytest.mark.parametrize(
    "asked",
    [
        {"visibility": "locked"},
        {"filter": {"visibility": {"eq": "locked"}}},
        {"filter": {"visibility": {"in": ["locked", "timeline"]}}},
        {"filter": {"visibility": {"ne": "timeline"}}},
        {"filter": {"visibility": {"notIn": ["timeline"]}}},
        {"filter": {"or": [{"isFavorite": {"eq": True}}, {"visibility": {"eq": "locked"}}]}},
    ],
)
async def test_the_locked_folder_is_for_unlocked_sessions(alice, unlocked, new_key, locked, asked):
    for path in ("metadata", "random", "statistics", "smart"):
        assert await refusal(alice, path, **asked) == (401, "Elevated permission is required")
    assert await refusal(await new_key(alice, "all"), **asked) == (
        401, "Elevated permission is required",
    )  # fmt: skip
    opened = await unlocked(alice)
    assert await find(opened, **asked) == {locked}
    assert await count(opened, **asked) == 1


async def test_large_assets_of_the_locked_folder(alice, unlocked, locked):
    answer = await alice.post("/api/search/large-assets", visibility="locked")
    assert (answer.status, answer.message) == (401, "Elevated permission is required")

    answer = await (await unlocked(alice)).post("/api/search/large-assets", visibility="locked")
    assert [asset["id"] for asset in answer.json] == [locked]


async def test_locked_assets_are_found_only_unlocked(alice, bob, unlocked, locked):
    assert await find(alice) == await find(alice, filter={}) == set()
    assert await find(alice, id=locked) == set()
    # What the top says decides: the branches cannot ask for more.
    top = {"visibility": {"eq": "timeline"}, "or": [{"visibility": {"eq": "locked"}}]}
    assert await find(alice, filter=top) == set()
    assert await find(await unlocked(alice)) == {locked}
    await become_partners(alice, bob)
    assert await find(await unlocked(bob)) == set()
    assert await find(await unlocked(bob), visibility="locked") == set()


async def test_a_visitor_searches_the_album_of_the_link(alice, album, in_album, share, visit, add):
    await add()
    visitor = visit(await share(albumId=album["id"]))
    inside = {"albumIds": {"any": [album["id"]]}}

    assert await find(visitor, albumIds=[album["id"]]) == {in_album}
    assert await find(visitor, filter=inside) == {in_album}
    assert await find(visitor, filter={"or": [inside]}) == {in_album}
    assert await find(visitor, albumIds=[album["id"]], originalFileName="a.j") == {in_album}
    for asked in (
        {},
        {"filter": {}},
        {"albumIds": []},
        {"filter": {"or": [inside, {"city": {"eq": None}}]}},
    ):
        assert await refusal(visitor, **asked) == (400, WITHOUT_ALBUM)
    for asked in ({"albumIds": [UNKNOWN]}, {"albumIds": [album["id"], UNKNOWN]}):
        assert await refusal(visitor, **asked) == (400, "Not found or no album.read access")
    await alice.delete("/api/assets", {"ids": [in_album]})
    assert await find(visitor, albumIds=[album["id"]], withDeleted=True) == set()


async def test_a_link_to_an_album_does_not_open_another(alice, album, share, visit):
    other = (await alice.post("/api/albums", {"albumName": "B"})).json["id"]
    single = await share(
        assetIds=[(await alice.get(f"/api/albums/{album['id']}")).json["albumThumbnailAssetId"]]
    )

    for link in (await share(albumId=other), single):
        assert await refusal(visit(link), albumIds=[album["id"]]) == (
            400, "Not found or no album.read access",
        )  # fmt: skip


async def test_a_visitor_does_not_find_by_what_the_link_hides(alice, album, in_album, share, visit):
    await alice.put(f"/api/assets/{in_album}", {"isFavorite": True, "description": "Home"})
    shown, bare = [
        visit(await share(albumId=album["id"], showMetadata=is_shown)) for is_shown in (True, False)
    ]
    inside = {"albumIds": [album["id"]]}

    assert await find(shown, **inside, description="home") == {in_album}
    assert await find(shown, **inside, isFavorite=True) == set()
    assert await find(bare, **inside, type="IMAGE", order="asc") == {in_album}
    for asked in ({"description": "home"}, {"originalFileName": "a"}, {"city": None}):
        assert await refusal(bare, **inside, **asked) == (
            400, "This shared link does not show metadata",
        )  # fmt: skip
    order = {"filter": {"albumIds": {"any": [album["id"]]}}, "orderBy": {"field": "rating"}}
    assert (await refusal(bare, **order))[0] == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "statistics"),
        ("POST", "random"),
        ("POST", "large-assets"),
        ("POST", "smart"),
        ("GET", "person?name=a"),
        ("GET", "suggestions?type=city"),
        ("GET", "explore"),
        ("GET", "cities"),
    ],
)
async def test_visitors_and_narrow_keys_are_kept_out(
    alice, anonymous, album, share, visit, new_key, method, path
):
    narrow = await new_key(alice, "album.read")
    visitor = visit(await share(albumId=album["id"]))

    for client, status in ((anonymous, 401), (visitor, 403), (narrow, 403)):
        answer = await client.call(method, f"/api/search/{path}", json={})
        assert answer.status == status, answer.data


async def test_metadata_asks_for_its_permission(alice, anonymous, new_key):
    assert (await refusal(anonymous))[0] == 401
    assert await refusal(await new_key(alice, "album.read")) == (
        403, "Missing required permission: asset.read",
    )  # fmt: skip
    assert await find(await new_key(alice, "asset.read")) == set()
    assert await count(await new_key(alice, "asset.statistics")) == 0


async def test_smart_search_is_off(alice):
    assert await refusal(alice, "smart", query="sea") == (400, "Smart search is not enabled")
    assert await refusal(alice, "smart", filter={}, query="sea") == (
        400, "Smart search is not enabled",
    )  # fmt: skip
    assert (await refusal(alice, "smart", filter={}, city="x"))[1] == "Validation failed"
    assert (await alice.get("/api/server/features")).json["smartSearch"] is False
