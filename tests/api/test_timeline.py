"""/timeline: the months there are, one month of it, and who may look at which."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests import contract

UNKNOWN = str(uuid4())
MAY = {"fileCreatedAt": "2024-05-06T07:08:09.123Z"}
JUNE = {"fileCreatedAt": "2024-06-30T23:59:59.999Z"}
PARTNERS_ONLY = (
    "withPartners is only supported for non-archived, non-trashed, non-favorited, non-locked assets"
)


async def months(client, **query):
    answer = await client.get("/api/timeline/buckets", **query)
    assert answer.status == 200, answer.data
    return {one["timeBucket"]: one["count"] for one in answer.json}


async def bucket(client, month="2024-05-01", **query):
    answer = await client.get("/api/timeline/bucket", timeBucket=month, **query)
    assert answer.status == 200, answer.data
    assert len({len(column) for column in answer.json.values()}) == 1, "columns are parallel"
    return answer.json


async def ids(client, month="2024-05-01", **query):
    return (await bucket(client, month, **query))["id"]


async def change(client, asset_id, **fields):
    answer = await client.put(f"/api/assets/{asset_id}", fields)
    assert answer.status == 200, answer.data


async def trash(client, *asset_ids):
    assert (await client.delete("/api/assets", {"ids": asset_ids})).status == 204


async def create_album(client, asset_ids, *others):
    members = [{"userId": other.user["id"], "role": "viewer"} for other in others]
    answer = await client.post(
        "/api/albums", {"albumName": "Trip", "assetIds": asset_ids, "albumUsers": members}
    )
    assert answer.status == 201, answer.data
    return answer.json["id"]


async def stack(client, *asset_ids):
    answer = await client.post("/api/stacks", {"assetIds": asset_ids})
    assert answer.status == 201, answer.data
    return answer.json["id"]


async def tag(client, value, *asset_ids):
    (made,) = (await client.put("/api/tags", {"tags": [value]})).json
    assert (await client.put(f"/api/tags/{made['id']}/assets", {"ids": asset_ids})).status == 200
    return made["id"]


@pytest.fixture
async def partner(alice, bob):
    """Bob, whom Alice shows her library, and who has it in his timeline."""
    assert (await alice.post("/api/partners", {"sharedWithId": bob.user["id"]})).status == 201
    path = f"/api/partners/{alice.user['id']}"
    assert (await bob.put(path, {"inTimeline": True})).status == 200
    return bob


@pytest.fixture
def show_face(execute):
    """Somebody of a user's who is seen in an asset; the id."""

    async def show_face(client, asset_id, **face):
        person_id = str(uuid4())
        await execute(
            "INSERT INTO person (id, owner_id) VALUES (%s, %s)", person_id, client.user["id"]
        )
        for _ in range(2):  # Once more in a mirror.
            await execute(
                "INSERT INTO asset_face (asset_id, person_id, image_width, image_height,"
                " x1, y1, x2, y2, source_type, is_visible, deleted_at)"
                " VALUES (%s, %s, 9, 9, 1, 1, 2, 2, 'manual', %s, %s)",
                asset_id, person_id, face.get("is_visible", True), face.get("deleted_at"),
            )  # fmt: skip
        return person_id

    return show_face


# --- what is shown -----------------------------------------------------------------------------


@contract.needed
async def test_a_month_is_shown_as_the_contract_says(alice, add):
    await add(**MAY)
    query = {"withStacked": "true", "withCoordinates": "true"}

    shown = await bucket(alice, **query)

    contract.assert_matches("GET", "/timeline/bucket", 200, shown, with_undeclared=False)
    buckets = (await alice.get("/api/timeline/buckets")).json
    contract.assert_matches("GET", "/timeline/buckets", 200, buckets, with_undeclared=False)


async def test_an_asset_is_told_in_parallel_columns(alice, add, execute):
    asset_id = await add("a.mp4", isFavorite="true", **MAY)
    await execute(
        "UPDATE asset SET width = 300, height = 200, thumbhash = '\\x0102', duration_ms = 1500,"
        " created_at = '2024-07-01T00:00:00Z'"
    )
    await execute(
        "UPDATE asset_exif SET city = 'Graz', country = 'Austria', latitude = 47.5,"
        " longitude = -15.25, projection_type = 'EQUIRECTANGULAR'"
    )

    assert await bucket(alice, withStacked="true", withCoordinates="true") == {
        "id": [asset_id],
        "ownerId": [alice.user["id"]],
        "ratio": [1.5],
        "isFavorite": [True],
        "visibility": ["timeline"],
        "isTrashed": [False],
        "isImage": [False],
        "thumbhash": ["AQI="],
        "createdAt": ["2024-07-01T00:00:00"],
        "fileCreatedAt": ["2024-05-06T07:08:09.123"],
        "localOffsetHours": [0],
        "duration": [1500],
        "projectionType": ["EQUIRECTANGULAR"],
        "livePhotoVideoId": [None],
        "city": ["Graz"],
        "country": ["Austria"],
        "latitude": [47.5],
        "longitude": [-15.25],
        "stack": [None],
    }
    assert not {"latitude", "longitude", "stack"} & set(await bucket(alice))


async def test_a_picture_of_no_known_size_is_square(alice, add, execute):
    await add(**MAY)
    assert (await bucket(alice))["ratio"] == [1]

    await execute("UPDATE asset SET width = 0, height = 200")
    assert (await bucket(alice))["ratio"] == [1]


@pytest.mark.parametrize(
    ("taken", "month", "hours"),
    [
        ("2024-05-31T23:30:00.000+05:30", "2024-05-01", 5.5),
        ("2024-06-01T00:30:00.000+13:00", "2024-06-01", 13),
        ("2024-05-31T20:00:00.000-09:30", "2024-05-01", -9.5),
        ("2024-05-31T23:30:00.000Z", "2024-05-01", 0),
    ],
)
async def test_the_month_is_that_of_the_clock_on_the_wall(alice, add, taken, month, hours):
    asset_id = await add()
    await change(alice, asset_id, dateTimeOriginal=taken)

    assert await months(alice) == {month: 1}
    assert (await bucket(alice, month))["localOffsetHours"] == [hours]


async def test_nothing_is_an_empty_month(alice):
    assert await months(alice) == {}
    assert {tuple(column) for column in (await bucket(alice)).values()} == {()}


async def test_the_newest_is_first_unless_asked_otherwise(alice, add):
    early = await add(fileCreatedAt="2024-05-01T00:00:00.000Z")
    late = await add(fileCreatedAt="2024-05-31T00:00:00.000Z")
    await add(**JUNE)

    assert list(await months(alice)) == ["2024-06-01", "2024-05-01"]
    assert list(await months(alice, order="asc")) == ["2024-05-01", "2024-06-01"]
    assert await ids(alice) == [late, early]
    assert await ids(alice, order="asc") == [early, late]


async def test_a_month_may_be_that_of_the_upload(alice, add, execute):
    first, second = await add(**MAY), await add(**JUNE)
    await execute("UPDATE asset SET created_at = '2023-02-28T23:59:59Z' WHERE id = %s", first)
    await execute("UPDATE asset SET created_at = '2023-02-01T00:00:00Z' WHERE id = %s", second)

    assert await months(alice, orderBy="createdAt") == {"2023-02-01": 2}
    assert await ids(alice, "2023-02-01", orderBy="createdAt") == [first, second]
    assert await ids(alice, "2023-02-01", orderBy="createdAt", order="asc") == [second, first]
    assert await ids(alice, "2023-02-01") == []


@pytest.mark.parametrize("month", ["2024-05-01", "2024-05-01T00:00:00.000Z", "+2024-05-01"])
async def test_a_month_is_named_in_some_ways(alice, add, month):
    asset_id = await add(**MAY)

    assert await ids(alice, month) == [asset_id]


async def test_a_month_that_did_not_change_is_not_sent_again(alice, add):
    asset_id = await add(**MAY)
    for path, query in (("bucket", {"timeBucket": "2024-05-01"}), ("buckets", {})):
        answer = await alice.get(f"/api/timeline/{path}", **query)
        headers = {"If-None-Match": answer.headers["ETag"]}

        again = await alice.call("GET", f"/api/timeline/{path}", params=query, headers=headers)
        assert (again.status, again.data) == (304, b"")

    await change(alice, asset_id, isFavorite=True)
    answer = await alice.call(
        "GET", "/api/timeline/bucket", params={"timeBucket": "2024-05-01"}, headers=headers
    )
    assert answer.json["isFavorite"] == [True]


# --- what is left out --------------------------------------------------------------------------


async def test_the_trash_is_a_timeline_of_its_own(alice, add):
    kept, gone = await add(**MAY), await add(**MAY)
    await trash(alice, gone)

    assert (await months(alice), await ids(alice)) == ({"2024-05-01": 1}, [kept])
    query = {"isTrashed": "true"}
    assert await months(alice, **query) == {"2024-05-01": 1}
    assert (await bucket(alice, **query))["isTrashed"] == [True]
    assert await ids(alice, **query) == [gone]


async def test_favorites_are_shown_alone_or_left_out(alice, add):
    liked, plain = await add(isFavorite="true", **MAY), await add(**MAY)

    for said, expected in (("true", liked), ("false", plain)):
        assert await months(alice, isFavorite=said) == {"2024-05-01": 1}
        assert await ids(alice, isFavorite=said) == [expected]


async def test_the_archive_is_shown_unless_the_timeline_is_asked_for(alice, add):
    archived, plain = await add(visibility="archive", **MAY), await add(**MAY)

    assert await months(alice) == {"2024-05-01": 2}
    assert set(await ids(alice)) == {archived, plain}
    for visibility, expected in (("archive", archived), ("timeline", plain)):
        assert await months(alice, visibility=visibility) == {"2024-05-01": 1}
        assert await ids(alice, visibility=visibility) == [expected]


async def test_the_moving_part_of_a_live_photo_is_hidden(alice, add):
    video = await add("a.mov", **MAY)
    still = await add(livePhotoVideoId=video, **MAY)

    assert await months(alice) == {"2024-05-01": 1}
    shown = await bucket(alice)
    assert (shown["id"], shown["livePhotoVideoId"]) == ([still], [video])
    assert await ids(alice, visibility="hidden") == [video]


async def test_of_a_stack_one_is_shown_with_their_number(alice, add):
    first, second, third, alone = [await add(**MAY) for _ in range(4)]
    stack_id = await stack(alice, second, first, third)
    query = {"withStacked": "true"}

    assert await months(alice) == {"2024-05-01": 4}
    assert await months(alice, **query) == {"2024-05-01": 2}
    shown = await bucket(alice, **query)
    assert dict(zip(shown["id"], shown["stack"], strict=True)) == {
        second: [stack_id, "3"],
        alone: None,
    }

    await alice.put(f"/api/stacks/{stack_id}", {"primaryAssetId": third})
    await trash(alice, first)
    shown = await bucket(alice, **query)
    assert dict(zip(shown["id"], shown["stack"], strict=True)) == {
        third: [stack_id, "2"],
        alone: None,
    }

    await alice.delete(f"/api/stacks/{stack_id}")
    assert await months(alice, **query) == {"2024-05-01": 3}
    assert set(await ids(alice, **query)) == {second, third, alone}


async def test_a_person_is_shown_where_they_are_seen(alice, add, show_face):
    seen, turned_away, _ = [await add(**MAY) for _ in range(3)]
    person_id = await show_face(alice, seen)
    hidden = await show_face(alice, turned_away, is_visible=False)
    removed = await show_face(alice, turned_away, deleted_at="2024-01-01")

    assert await months(alice, personId=person_id) == {"2024-05-01": 1}
    assert await ids(alice, personId=person_id) == [seen]
    for nobody in (hidden, removed, UNKNOWN):
        assert await months(alice, personId=nobody) == {}
        assert await ids(alice, personId=nobody) == []


async def test_a_tag_shows_what_the_tags_below_it_have(alice, add):
    above, below, _ = [await add(**MAY) for _ in range(3)]
    parent, child = await tag(alice, "Trips", above), await tag(alice, "Trips/Graz", below)

    assert await months(alice, tagId=parent) == {"2024-05-01": 2}
    assert set(await ids(alice, tagId=parent)) == {above, below}
    assert await months(alice, tagId=child) == {"2024-05-01": 1}
    assert await ids(alice, tagId=child) == [below]


@pytest.mark.parametrize(
    ("box", "names"),
    [
        ("10,40,20,50", {"graz"}),
        ("-180,-90,180,90", {"graz", "fiji"}),
        ("170,-20,-170,-10", {"fiji"}),  # across the date line
        ("20,40,30,50", set()),
    ],
)
async def test_a_box_shows_what_was_taken_in_it(alice, add, box, names):
    places = {"graz": (47, 15), "fiji": (-17, 178), "nowhere": None}
    assets = {}
    for name, place in places.items():
        assets[await add(**MAY)] = name
        if place:
            await change(alice, list(assets)[-1], latitude=place[0], longitude=place[1])

    assert {assets[one] for one in await ids(alice, bbox=box)} == names
    assert await months(alice, bbox=box) == ({"2024-05-01": len(names)} if names else {})


async def test_filters_narrow_each_other(alice, add, show_face):
    both, tagged, faced = [await add(**MAY) for _ in range(3)]
    tag_id = await tag(alice, "Trips", both, tagged)
    person_id = await show_face(alice, both)
    album_id = await create_album(alice, [both, tagged, faced])

    query = {"tagId": tag_id, "personId": person_id, "albumId": album_id, "bbox": "0,0,1,1"}
    assert await ids(alice, **query) == []
    query.pop("bbox")
    assert await ids(alice, **query) == [both]
    assert await months(alice, **query) == {"2024-05-01": 1}


# --- who may look ------------------------------------------------------------------------------


async def test_nobody_sees_a_stranger_s_timeline(alice, bob, add, anonymous, new_key):
    await add(**MAY)
    whose = {"userId": alice.user["id"]}

    assert await months(bob) == {}
    for path in ("buckets", "bucket?timeBucket=2024-05-01"):
        answer = await bob.get(f"/api/timeline/{path}", **whose)
        assert (answer.status, answer.message) == (400, "Not found or no timeline.read access")
        assert (await anonymous.get(f"/api/timeline/{path}")).status == 401
        narrow = await new_key(alice, "asset.view")
        assert (await narrow.get(f"/api/timeline/{path}")).status == 403
        wide = await new_key(alice, "asset.read")
        assert (await wide.get(f"/api/timeline/{path}")).status == 200


async def test_a_partner_sees_the_timeline_only(alice, partner, add):
    shown = await add(isFavorite="true", **MAY)
    await add(visibility="archive", **MAY)
    await trash(alice, await add(**MAY))
    whose = {"userId": alice.user["id"]}

    assert await months(partner, **whose) == {"2024-05-01": 1}
    month = await bucket(partner, **whose)
    assert (month["id"], month["isFavorite"]) == ([shown], [False])
    for query in ({"isTrashed": "true"}, {"isFavorite": "true"}):
        assert await months(partner, **whose, **query) == {}
        assert await ids(partner, **whose, **query) == []
    assert await ids(partner, **whose, isFavorite="false") == [shown]
    answer = await partner.get("/api/timeline/buckets", **whose, visibility="archive")
    assert (answer.status, answer.message) == (400, "Not found or no archive.read access")


async def test_partners_are_in_one_s_timeline_if_one_wants(alice, partner, add):
    hers, his = await add(**MAY), await add(client=partner, **MAY)
    await add(visibility="archive", **MAY)
    query = {"withPartners": "true", "visibility": "timeline"}

    assert await months(partner, **query) == {"2024-05-01": 2}
    assert set(await ids(partner, **query)) == {hers, his}
    assert await ids(partner, visibility="timeline") == [his]

    path = f"/api/partners/{alice.user['id']}"
    assert (await partner.put(path, {"inTimeline": False})).status == 200
    assert await months(partner, **query) == {"2024-05-01": 1}
    assert await ids(partner, **query) == [his]


@pytest.mark.parametrize(
    "query",
    [
        {},
        {"visibility": "archive"},
        {"visibility": "timeline", "isTrashed": "true"},
        {"visibility": "timeline", "isFavorite": "true"},
        {"visibility": "timeline", "isFavorite": "false"},
    ],
)
async def test_partners_show_only_their_timeline(alice, query):
    for path in ("buckets", "bucket?timeBucket=2024-05-01"):
        answer = await alice.get(f"/api/timeline/{path}", withPartners="true", **query)
        assert (answer.status, answer.message) == (400, PARTNERS_ONLY)


async def test_the_locked_folder_is_shown_to_its_owner_who_unlocked_it(
    alice, partner, add, unlocked
):
    locked = await add(visibility="locked", **MAY)
    query = {"visibility": "locked"}

    for path in ("buckets", "bucket?timeBucket=2024-05-01"):
        answer = await alice.get(f"/api/timeline/{path}", **query)
        assert (answer.status, answer.message) == (401, "Elevated permission is required")
    opened = await unlocked(alice)
    assert await months(opened, **query) == {"2024-05-01": 1}
    assert await ids(opened, **query) == [locked]
    assert await ids(opened) == []
    answer = await (await unlocked(partner)).get(
        "/api/timeline/buckets", userId=alice.user["id"], **query
    )
    message = "You may not access another user's locked timeline"
    assert (answer.status, answer.message) == (400, message)


async def test_an_album_shows_what_all_put_in(alice, bob, add, execute):
    hers, archived, gone = await add(isFavorite="true", **MAY), await add(**MAY), await add(**MAY)
    his = await add(client=bob, **MAY)
    await add(**MAY)
    album_id = await create_album(alice, [hers, archived, gone], bob)
    await execute("INSERT INTO album_asset VALUES (%s, %s)", album_id, his)
    await change(alice, archived, visibility="archive")
    await trash(alice, gone)

    for client in (alice, bob):
        assert await months(client, albumId=album_id) == {"2024-05-01": 3}
        assert set(await ids(client, albumId=album_id)) == {hers, archived, his}
    shown = await bucket(bob, albumId=album_id)
    assert dict(zip(shown["id"], shown["isFavorite"], strict=True))[hers] is False
    assert await ids(alice, albumId=album_id, isTrashed="true") == [gone]
    assert await ids(bob, albumId=album_id, isTrashed="true") == []
    assert await months(bob, albumId=album_id, isTrashed="true") == {}
    assert await ids(bob, albumId=album_id, userId=bob.user["id"]) == [his]
    assert await ids(alice, "2024-06-01", albumId=album_id) == []


async def test_an_album_is_shown_to_its_members(alice, bob, add):
    album_id = await create_album(alice, [await add(**MAY)])

    for wanted in (album_id, UNKNOWN):
        for path in ("buckets", "bucket?timeBucket=2024-05-01"):
            answer = await bob.get(f"/api/timeline/{path}", albumId=wanted)
            assert (answer.status, answer.message) == (400, "Not found or no album.read access")


async def test_tags_are_one_s_own(alice, partner, add):
    tag_id = await tag(alice, "Trips", await add(**MAY))

    for wanted in (tag_id, UNKNOWN):
        answer = await partner.get("/api/timeline/buckets", tagId=wanted)
        assert (answer.status, answer.message) == (400, "Not found or no tag.read access")


async def test_people_are_one_s_own(alice, partner, add, show_face):
    person_id = await show_face(alice, await add(**MAY))
    query = {"personId": person_id, "userId": alice.user["id"]}

    assert await months(partner, **query) == {}
    assert await ids(partner, **query) == []


# --- by a link ---------------------------------------------------------------------------------


async def test_a_link_shows_its_album(alice, add, share, visit, execute):
    asset_id = await add(isFavorite="true", **MAY)
    gone, _ = await add(**MAY), await add(**MAY)
    album_id = await create_album(alice, [asset_id, gone])
    await trash(alice, gone)
    await execute("UPDATE asset_exif SET city = 'Graz', latitude = 47, longitude = 15")
    guest = visit(await share(albumId=album_id, showMetadata=True))
    query = {"albumId": album_id}

    assert await months(guest, **query) == {"2024-05-01": 1}
    shown = await bucket(guest, withCoordinates="true", **query)
    assert (shown["id"], shown["isFavorite"]) == ([asset_id], [False])
    assert (shown["city"], shown["latitude"]) == (["Graz"], [47])
    assert await ids(guest, isTrashed="true", **query) == []


async def test_a_link_may_keep_places_to_itself(alice, add, share, visit):
    album_id = await create_album(alice, [await add(**MAY)])
    guest = visit(await share(albumId=album_id, showMetadata=False))

    shown = await bucket(guest, albumId=album_id, withCoordinates="true")
    assert not {"city", "country", "latitude", "longitude"} & set(shown)
    assert len(shown["id"]) == 1
    for path in ("buckets", "bucket?timeBucket=2024-05-01"):
        answer = await guest.get(f"/api/timeline/{path}", albumId=album_id, bbox="0,0,1,1")
        assert (answer.status, answer.message) == (403, "Forbidden")


async def test_a_link_shows_nothing_else(alice, add, share, visit, show_face):
    asset_id = await add(**MAY)
    album_id = await create_album(alice, [asset_id])
    tag_id = await tag(alice, "Trips", asset_id)
    guest = visit(await share(albumId=album_id))
    other = visit(await share(assetIds=[asset_id]))

    for client, query, message in (
        (guest, {}, "Not found or no timeline.read access"),
        (guest, {"userId": alice.user["id"]}, "Not found or no timeline.read access"),
        (guest, {"albumId": UNKNOWN}, "Not found or no album.read access"),
        (other, {"albumId": album_id}, "Not found or no album.read access"),
        (guest, {"albumId": album_id, "tagId": tag_id}, "Not found or no tag.read access"),
    ):
        answer = await client.get("/api/timeline/buckets", **query)
        assert (answer.status, answer.message) == (400, message)
    answer = await guest.get("/api/timeline/buckets", albumId=album_id, visibility="locked")
    assert answer.status == 401
    person_id = await show_face(alice, asset_id)
    assert await ids(guest, albumId=album_id, personId=person_id) == []


# --- mistakes ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ({"timeBucket": "May"}, ["timeBucket"]),
        ({"timeBucket": "2024-13-01"}, ["timeBucket"]),
        ({"bbox": "1,2,3"}, ["bbox"]),
        ({"bbox": "1,2,3,north"}, ["bbox"]),
        ({"bbox": "nan,2,3,4"}, ["bbox", "west"]),
        ({"bbox": "181,2,3,4"}, ["bbox", "west"]),
        ({"bbox": "1,-91,3,4"}, ["bbox", "south"]),
        ({"bbox": "1,4,3,2"}, ["bbox", "north"]),
        ({"albumId": "1"}, ["albumId"]),
        ({"isFavorite": "maybe"}, ["isFavorite"]),
        ({"order": "up"}, ["order"]),
        ({"orderBy": "name"}, ["orderBy"]),
        ({"visibility": "all"}, ["visibility"]),
    ],
)
async def test_what_makes_no_sense_is_refused(alice, query, path):
    answer = await alice.get("/api/timeline/bucket", **{"timeBucket": "2024-05-01", **query})

    assert answer.status == 400
    assert [issue["path"] for issue in answer.json["errors"]] == [path]


async def test_a_month_must_be_named(alice):
    answer = await alice.get("/api/timeline/bucket")

    assert answer.status == 400
    assert [issue["path"] for issue in answer.json["errors"]] == [["timeBucket"]]
