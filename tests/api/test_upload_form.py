"""POST /assets reads what a form says, and names what is wrong with it."""

from __future__ import annotations

import json

import pytest

from storage import media_types
from tests.api.uploads import NOW, PHOTO, VIDEO, assert_nothing_came, send, show, stored


async def test_all_that_is_said_is_kept(alice):
    answer = await alice.upload(
        VIDEO,
        "a.mp4",
        isFavorite="true",
        visibility="archive",
        duration="1500",
        metadata=json.dumps([{"key": "mobile-app", "value": {"iCloudId": "x", "é": [1, None]}}]),
    )

    shown = await show(alice, answer)
    assert shown["isFavorite"] is shown["isArchived"] is True
    assert (shown["type"], shown["visibility"], shown["duration"]) == ("VIDEO", "archive", 1500)
    (row,) = (await alice.get(f"/api/assets/{shown['id']}/metadata")).json
    assert (row["key"], row["value"]) == ("mobile-app", {"iCloudId": "x", "é": [1, None]})


@pytest.mark.parametrize(
    ("sent", "kept"),
    [("0", None), ("0:00:00.000000", None), ("00:01:02.5", 62_500), ("1:00:00.123456", 3_600_123)],
)
async def test_durations_of_old_clients_are_read(alice, sent, kept):
    answer = await alice.upload(VIDEO, "a.mp4", duration=sent)

    assert (await show(alice, answer))["duration"] == kept


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("2024-01-02T03:04Z", "2024-01-02T03:04:00.000Z"),
        ("2024-01-02T03:04:05.123456Z", "2024-01-02T03:04:05.123Z"),
        ("2024-01-02T03:04:05.5-11:30", "2024-01-02T14:34:05.500Z"),
        ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"),
        ("1901-12-13T20:45:51Z", "1901-12-13T20:45:51.000Z"),
        ("9999-12-31T23:59:59.999Z", "9999-12-31T23:59:59.999Z"),
    ],
)
async def test_dates_come_in_many_forms(alice, following, sent, kept):
    answer = await alice.upload(PHOTO, fileCreatedAt=sent, fileModifiedAt=sent)

    shown = await show(alice, answer)
    assert (shown["fileCreatedAt"], shown["fileModifiedAt"]) == (kept, kept)
    row = (await following())["asset"][(shown["id"],)]
    assert (row["fileCreatedAt"], row["localDateTime"]) == (kept, kept)


async def test_a_field_names_the_file_when_the_part_does_not(alice):
    answer = await alice.upload(PHOTO, "upload-17.tmp", filename="../../etc/IMG_1.HEIC")

    shown = await show(alice, answer)
    assert shown["originalFileName"] == "IMG_1.HEIC"
    assert shown["originalMimeType"] == "image/heic"


async def test_what_is_not_known_is_ignored(alice, root):
    answer = await send(
        alice,
        ("more", b"x" * 100_000, "b.jpg"),
        ("assetData", PHOTO, "a.jpg"),
        ("other", b"y", "c.exe"),
        deviceAssetId="1",
        deviceId="phone",
        fileSize="17",
        isArchived="maybe",
        **NOW,
    )

    assert answer.status == 201
    assert list(stored(root).values()) == [PHOTO]


async def test_an_empty_sidecar_says_nothing(alice, root):
    answer = await send(alice, ("assetData", PHOTO, "a.jpg"), ("sidecarData", b"", "a.xmp"), **NOW)

    assert answer.status == 201
    assert list(stored(root).values()) == [PHOTO]


async def test_a_huge_sidecar_is_refused(alice, database, root, monkeypatch):
    monkeypatch.setattr(media_types, "SIDECAR_BYTES_MAX", 3)

    answer = await send(
        alice, ("assetData", PHOTO, "a.jpg"), ("sidecarData", b"<x/>", "a.xmp"), **NOW
    )

    assert (answer.status, answer.json) == (400, {"message": "The sidecar is too large"})
    await assert_nothing_came(database, root)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([], "File is required"),
        ([("other", PHOTO, "a.jpg")], "File is required"),
        ([("sidecarData", b"<x/>", "a.xmp")], "Field(s) assetData should not be empty"),
        ([("assetData", PHOTO, "a.txt")], "Unsupported file type a.txt"),
        ([("assetData", PHOTO, ".jpg")], "Unsupported file type .jpg"),
        ([("assetData", PHOTO, "a.xmp")], "Unsupported file type a.xmp"),
        ([("assetData", PHOTO, "a.jpg"), ("sidecarData", b"x", "a.txt")],
         "Unsupported file type a.txt"),
        ([("assetData", b"", "a.jpg")], "File is empty"),
        ([("assetData", PHOTO, "a.jpg"), ("assetData", PHOTO, "b.jpg")], "Unexpected field"),
    ],
)  # fmt: skip
async def test_files_that_are_refused(alice, database, root, parts, message):
    answer = await send(alice, *parts, **NOW)

    assert (answer.status, answer.json) == (400, {"message": message})
    await assert_nothing_came(database, root)


async def test_the_named_file_is_what_must_be_accepted(alice, database, root):
    answer = await alice.upload(PHOTO, "a.jpg", filename="b.exe")

    assert (answer.status, answer.message) == (400, "Unsupported file type b.exe")
    await assert_nothing_came(database, root)


async def test_a_body_that_is_no_form_has_no_file(alice):
    answer = await alice.post("/api/assets", {"assetData": "x"})

    assert (answer.status, answer.json) == (400, {"message": "File is required"})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("fileCreatedAt", "2024-05-06T07:08:09"),
        ("fileCreatedAt", "yesterday"),
        ("fileModifiedAt", "2024-02-30T00:00:00Z"),
        ("fileModifiedAt", "9999-12-31T23:59:59-05:00"),
        ("duration", "-1"),
        ("duration", "1.5"),
        ("duration", "2147483648"),
        ("duration", "long"),
        ("isFavorite", "True"),
        ("isFavorite", "1"),
        ("visibility", "public"),
        ("livePhotoVideoId", "7"),
        ("livePhotoVideoId", "01890a5d-ac96-774b-bcce-b302099a8057"),
        ("metadata", "{"),
        ("metadata", "[" * 200_000),
        ("metadata", '{"key": "a", "value": {}}'),
    ],
)
async def test_a_wrong_field_is_named(alice, database, root, field, value):
    answer = await alice.upload(PHOTO, **{field: value})

    assert (answer.status, answer.message) == (400, "Validation failed")
    assert [issue["path"] for issue in answer.json["errors"]] == [[field]]
    await assert_nothing_came(database, root)


@pytest.mark.parametrize(
    ("item", "path"),
    [
        ({"value": {}}, ["metadata", 0, "key"]),
        ({"key": "a", "value": 1}, ["metadata", 0, "value"]),
        ({"key": "a"}, ["metadata", 0, "value"]),
    ],
)
async def test_wrong_metadata_is_pointed_at(alice, item, path):
    answer = await alice.upload(PHOTO, metadata=json.dumps([item]))

    assert [issue["path"] for issue in answer.json["errors"]] == [path]


async def test_nothing_that_postgres_cannot_keep_gets_there(alice, root):
    answer = await alice.upload(PHOTO, metadata='[{"key": "a", "value": {"b": "\\u0000"}}]')

    assert answer.status == 400
    assert stored(root) == {}


async def test_every_mistake_is_told_at_once(alice, root):
    answer = await send(
        alice, ("assetData", PHOTO, "a.jpg"), isFavorite="yes", visibility="x", duration="x"
    )

    paths = {issue["path"][0]: issue["message"] for issue in answer.json["errors"]}
    assert paths.keys() == {
        "fileCreatedAt", "fileModifiedAt", "isFavorite", "visibility", "duration"
    }  # fmt: skip
    missing = "Invalid input: expected ISO 8601 datetime string, received undefined"
    assert paths["fileCreatedAt"] == missing
    assert stored(root) == {}
