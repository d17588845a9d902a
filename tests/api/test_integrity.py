"""Reports of what rows and files say differently, and what an administrator does about it."""

from __future__ import annotations

import csv
import io
import os
from uuid import uuid4

import pytest

from server import integrity
from storage import inspection, paths
from sync import tail
from sync.config import build
from sync.stream import settle

BASE = "/api/admin/integrity"
UNKNOWN = "3f2b8c1e-5d74-4a96-8e0b-6c1f9a2d7e53"
TYPES = ("missing_file", "untracked_file", "checksum_mismatch")


@pytest.fixture
def upload(root, database):
    """An uploaded asset: its id and its file."""

    async def upload(client, data):
        answer = await client.upload(data)
        assert answer.status == 201, answer.data
        async with database.read() as connection:
            cursor = await connection.execute(
                "SELECT original_key FROM asset WHERE id = %s", [answer.json["id"]]
            )
            row = await cursor.fetchone()
        return answer.json["id"], paths.resolve(root, row["original_key"])

    return upload


@pytest.fixture
def plant(root, monkeypatch):
    """A file that no row knows, as if it had been there for long."""
    monkeypatch.setattr(inspection, "GRACE_SECONDS", 0.0)
    monkeypatch.setattr(inspection.walk, "__kwdefaults__", {"grace_seconds": -60.0})

    def plant(key, data=b"found"):
        path = root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    return plant


async def summary(admin):
    return (await admin.get(f"{BASE}/summary")).json


async def report(admin, type_, **query):
    answer = await admin.get(f"{BASE}/report", type=type_, **query)
    assert answer.status == 200, answer.data
    return answer.json["items"]


async def test_all_is_well(admin, alice, upload, plant, context):
    await upload(alice, b"one")
    for check in (integrity.check_missing, integrity.check_untracked, integrity.check_checksums):
        await check(context)
    assert await summary(admin) == dict.fromkeys(TYPES, 0)
    assert await report(admin, "missing_file") == []


async def test_what_is_missing_is_reported_until_it_is_back(
    admin, alice, upload, context, database
):
    _, path = await upload(alice, b"one")
    await upload(alice, b"two")
    path.unlink()
    await integrity.check_missing(context)
    await integrity.check_missing(context)
    (found,) = await report(admin, "missing_file")
    assert found["path"].endswith(path.name)
    assert (await admin.get(f"{BASE}/report/{found['id']}/file")).status == 404

    path.write_bytes(b"one")
    await integrity.check_missing(context)
    assert await summary(admin) == dict.fromkeys(TYPES, 0)
    await settle(database)
    async with database.read() as connection:
        entries = [
            entry.facts
            for entry in await tail.read(connection, 0, limit=1000)
            if entry.topic == "integrity.checked"
        ]
    assert [one["reports"] for one in entries] == [1, 1, 0]


async def test_a_missing_asset_is_trashed_on_the_administrators_word(
    admin, alice, upload, context, database
):
    asset_id, path = await upload(alice, b"one")
    path.unlink()
    await integrity.check_missing(context)
    assert (await alice.get(f"/api/assets/{asset_id}")).json["isTrashed"] is False

    (found,) = await report(admin, "missing_file")
    assert (await admin.delete(f"{BASE}/report/{found['id']}")).status == 200
    assert (await alice.get(f"/api/assets/{asset_id}")).json["isTrashed"] is True
    assert await report(admin, "missing_file") == []
    await settle(database)
    async with database.read() as connection:
        (entry,) = [
            entry
            for entry in await tail.read(connection, 0, limit=1000)
            if entry.topic == "integrity.resolved"
        ]
    assert entry.facts["by"] == admin.user["id"] and entry.facts["type"] == "missing_file"
    assert (await admin.delete(f"{BASE}/report/{found['id']}")).status == 400


async def test_what_is_elsewhere_by_now_is_not_trashed(admin, alice, upload, context, execute):
    asset_id, path = await upload(alice, b"one")
    path.unlink()
    await integrity.check_missing(context)
    (item,) = await report(admin, "missing_file")
    await execute("UPDATE asset SET original_key = 'library/a.jpg' WHERE id = %s", asset_id)
    found = context.root / "library" / "a.jpg"
    found.parent.mkdir()
    found.write_bytes(b"one")

    assert (await admin.delete(f"{BASE}/report/{item['id']}")).status == 400
    assert not (await alice.get(f"/api/assets/{asset_id}")).json["isTrashed"]

    await integrity.check_missing(context)
    assert await report(admin, "missing_file") == []


async def test_a_missing_picture_is_forgotten_and_asked_for_again(
    admin, alice, upload, context, database
):
    asset_id, _ = await upload(alice, b"one")
    async with database.write() as tx:
        await tx.execute(
            "INSERT INTO asset_file (asset_id, type, key) VALUES (%s, 'preview', 'thumbs/a.jpeg')",
            [asset_id],
        )
    await integrity.check_missing(context)
    (found,) = await report(admin, "missing_file")
    assert found["path"] == "thumbs/a.jpeg"
    assert (await admin.delete(f"{BASE}/report/{found['id']}")).status == 200
    await settle(database)
    async with database.read() as connection:
        cursor = await connection.execute("SELECT queue FROM job WHERE queue = 'thumbnail'")
        assert len(await cursor.fetchall()) == 1
        cursor = await connection.execute("SELECT 1 FROM asset_file")
        assert await cursor.fetchall() == []
    assert (await alice.get(f"/api/assets/{asset_id}")).json["isTrashed"] is False


KEYS = (
    "upload/left.jpg",
    "library/someone/a b.jpg",
    f"thumbs/{UNKNOWN}/ab/cd/{UNKNOWN}_preview.jpeg",
    "profile/x.png",
)


@pytest.mark.parametrize("key", KEYS)
async def test_a_file_of_nobodys_is_shown_and_deleted(
    admin, alice, upload, plant, context, root, key
):
    _, kept = await upload(alice, b"one")
    path = plant(key)
    plant("upload/.incoming/part")
    await integrity.check_untracked(context)
    (found,) = await report(admin, "untracked_file")
    assert found["path"] == key and await summary(admin) == {
        "untracked_file": 1, "missing_file": 0, "checksum_mismatch": 0
    }  # fmt: skip
    assert (await admin.get(f"{BASE}/report/{found['id']}/file")).data == b"found"

    assert (await admin.delete(f"{BASE}/report/{found['id']}")).status == 200
    assert not path.exists() and kept.exists()
    assert await report(admin, "untracked_file") == []


async def test_the_bytes_of_a_missing_original_are_not_deleted(
    admin, alice, upload, plant, context
):
    _, path = await upload(alice, b"one")
    path.unlink()
    found, other = plant("library/alice/a.jpg", b"one"), plant("library/alice/b.jpg", b"other")
    await integrity.check_missing(context)
    await integrity.check_untracked(context)

    reports = {one["path"]: one["id"] for one in await report(admin, "untracked_file")}
    refused = await admin.delete(f"{BASE}/report/{reports['library/alice/a.jpg']}")
    assert refused.status == 400
    assert "missing" in refused.message
    assert (await admin.delete(f"{BASE}/report/{reports['library/alice/b.jpg']}")).status == 200

    assert found.exists() and not other.exists()


async def test_what_went_or_is_needed_now_is_reported_no_more(
    admin, alice, upload, plant, context, database
):
    asset_id, _ = await upload(alice, b"one")
    gone, claimed = plant("upload/gone.jpg"), plant("thumbs/claimed.jpg")
    await integrity.check_untracked(context)
    reports = {one["path"]: one["id"] for one in await report(admin, "untracked_file")}
    assert set(reports) == {"upload/gone.jpg", "thumbs/claimed.jpg"}
    gone.unlink()
    async with database.write() as tx:
        await tx.execute(
            "INSERT INTO asset_file (asset_id, type, key) VALUES (%s, 'preview', %s)",
            [asset_id, "thumbs/claimed.jpg"],
        )
    answer = await admin.delete(f"{BASE}/report/{reports['thumbs/claimed.jpg']}")
    assert (answer.status, answer.message) == (400, "The file is in use") and claimed.exists()
    await integrity.check_untracked(context)
    assert await report(admin, "untracked_file") == []


async def test_young_files_are_left_alone(admin, root, context):
    (root / "upload").mkdir(exist_ok=True)
    (root / "upload/young.jpg").write_bytes(b"x")
    os.utime(root / "upload/young.jpg", (0, 0))  # The time of the photo, not of its coming.
    await integrity.check_untracked(context)
    assert await report(admin, "untracked_file") == []


async def test_other_bytes_are_found_and_the_asset_trashed(admin, alice, upload, context):
    asset_id, path = await upload(alice, b"one")
    _, missing = await upload(alice, b"two")
    missing.unlink()
    path.write_bytes(b"eno")
    await integrity.check_checksums(context)
    (found,) = await report(admin, "checksum_mismatch")
    assert found["path"].endswith(path.name)
    assert (await admin.delete(f"{BASE}/report/{found['id']}")).status == 200
    assert (await alice.get(f"/api/assets/{asset_id}")).json["isTrashed"] is True
    path.write_bytes(b"one")
    await integrity.check_checksums(context)
    assert (await summary(admin))["checksum_mismatch"] == 0


async def test_a_part_is_read_at_a_time_and_all_in_the_end(
    admin, alice, upload, context, monkeypatch
):
    files = [(await upload(alice, f"{n}".encode()))[1] for n in range(6)]
    for path in files:
        path.write_bytes(b"other")
    limit = "integrityChecks.checksumFiles.percentageLimit"
    context.config = build({limit: 1 / 3})
    counts = []
    for _ in range(3):
        await integrity.check_checksums(context)
        counts.append((await summary(admin))["checksum_mismatch"])
    assert counts == [2, 4, 6]
    for path, data in zip(files, range(6), strict=True):
        path.write_bytes(f"{data}".encode())
    for _ in range(3):
        await integrity.check_checksums(context)
    assert (await summary(admin))["checksum_mismatch"] == 0

    context.config = build({"integrityChecks.checksumFiles.timeLimit": 0})
    files[0].write_bytes(b"other")
    await integrity.check_checksums(context)
    assert (await summary(admin))["checksum_mismatch"] == 0


async def test_reports_come_in_pages_and_as_a_table(admin, plant, context):
    for n in range(5):
        plant(f"upload/{n},\"'.jpg")
    await integrity.check_untracked(context)
    found, cursor = [], None
    while True:
        query = {"cursor": cursor} if cursor else {}
        answer = (await admin.get(f"{BASE}/report", type="untracked_file", limit=2, **query)).json
        found += answer["items"]
        if "nextCursor" not in answer:
            break
        cursor = answer["nextCursor"]
    assert len({one["id"] for one in found}) == 5

    answer = await admin.get(f"{BASE}/report/untracked_file/csv")
    rows = list(csv.DictReader(io.StringIO(answer.data.decode())))
    assert [(row["id"], row["path"]) for row in rows] == [(one["id"], one["path"]) for one in found]
    assert 'filename="untracked_file.csv"' in answer.headers["Content-Disposition"]


@pytest.mark.parametrize(
    "path",
    [
        "/report",
        "/report?type=other",
        "/report?type=missing_file&limit=0",
        "/report?type=missing_file&cursor=x",
        "/report/other/csv",
        "/report/x/file",
    ],
)
async def test_nonsense_is_refused(admin, path):
    assert (await admin.get(f"{BASE}{path}")).status == 400


async def test_what_nobody_reported_has_no_file(admin):
    answer = await admin.get(f"{BASE}/report/{UNKNOWN}/file")

    assert (answer.status, answer.message) == (404, "Not Found")


async def test_they_are_the_administrators_alone(admin, alice, anonymous, new_key):
    some = uuid4()
    for method, path in (
        ("GET", "/summary"),
        ("GET", "/report?type=missing_file"),
        ("GET", "/report/missing_file/csv"),
        ("GET", f"/report/{some}/file"),
        ("DELETE", f"/report/{some}"),
    ):
        assert (await anonymous.call(method, BASE + path)).status == 401
        assert (await alice.call(method, BASE + path)).status == 403
        key = await new_key(admin, "asset.read")
        assert (await key.call(method, BASE + path)).status == 403
        key = await new_key(admin, "maintenance")
        assert (await key.call(method, BASE + path)).status in (200, 400, 404)


async def test_links_are_not_followed_out_of_the_folder(
    admin, root, plant, context, tmp_path_factory
):
    outside = tmp_path_factory.mktemp("outside")
    (outside / "a.jpg").write_bytes(b"theirs")
    plant("upload/a.jpg")
    os.symlink(outside, root / "upload/linked")
    os.symlink(outside / "a.jpg", root / "upload/linked.jpg")
    await integrity.check_untracked(context)
    assert [one["path"] for one in await report(admin, "untracked_file")] == ["upload/a.jpg"]
