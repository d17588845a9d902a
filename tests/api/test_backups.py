"""Backups of the database: made, listed, brought, fetched and deleted."""

from __future__ import annotations

import gzip
import io
import re
from urllib.parse import quote

import aiohttp
import pytest

from server import backups
from sql.dump import DumpFailed
from storage.backups import list_backups
from sync import schedule, tail
from sync.config import build
from sync.errors import Invalid
from sync.stream import settle

FOLDER = "/api/admin/database-backups"
NAME = re.compile(r"immich-db-backup-\d{8}T\d{6}-v3\.2\.2-pg\d+\.\d+\.sql\.gz")


def form(name: str, data: bytes = b"-- nothing", field: str = "file") -> aiohttp.FormData:
    made = aiohttp.FormData(quote_fields=False)
    made.add_field(field, io.BytesIO(data), filename=name)
    return made


async def upload(client, name, data=b"-- nothing", field="file"):
    return await client.call("POST", f"{FOLDER}/upload", data=form(name, data, field))


async def entries(database, topic):
    await settle(database)
    async with database.read() as connection:
        return [one for one in await tail.read(connection, 0, limit=1000) if one.topic == topic]


async def test_a_backup_is_listed_and_downloaded(admin, new_backup, database):
    name = await new_backup()
    assert NAME.fullmatch(name)
    answer = await admin.get(FOLDER)
    (shown,) = answer.json["backups"]
    assert (shown["filename"], shown["timezone"]) == (name, "UTC")

    answer = await admin.get(f"{FOLDER}/{name}")
    assert answer.status == 200 and len(answer.data) == shown["filesize"]
    assert b"PostgreSQL database dump complete" in gzip.decompress(answer.data)
    assert name in answer.headers["Content-Disposition"]
    (entry,) = await entries(database, "backup.created")
    assert entry.facts == {"name": name, "size": shown["filesize"]}


async def test_without_any_the_list_is_empty(admin):
    assert (await admin.get(FOLDER)).json == {"backups": []}


async def test_only_so_many_are_kept(context, root):
    """Of those made by the clock: what a person brought stays."""
    folder = root / "backups"
    folder.mkdir()
    olds = [f"immich-db-backup-2020010{day}T000000-v1.0.0-pg18.6.sql.gz" for day in (1, 2, 3)]
    others = ["uploaded-mine.sql.gz", "restore-point-" + olds[0]]
    for name in olds + others:
        (folder / name).write_bytes(b"x")
    (folder / f"{olds[0]}.tmp").write_bytes(b"x")
    context.config = build({"backup.database.keepLastAmount": 2})
    await backups.back_up(context)
    kept = [one.name for one in list_backups(root)]
    assert len(kept) == 4 and olds[2] in kept and set(others) <= set(kept)
    assert not list(folder.glob("*.tmp"))


async def test_a_failure_says_why(context, server, database, admin, alice):
    """A role that may not read all of it can dump nothing."""
    async with database.write() as tx:
        await tx.execute("CREATE TABLE secret (id int)")
        await tx.execute("ALTER TABLE secret ENABLE ROW LEVEL SECURITY")
        await tx.execute("ALTER TABLE secret FORCE ROW LEVEL SECURITY")
    with pytest.raises(DumpFailed):
        await backups.back_up(context)
    assert not list((context.root / "backups").iterdir())
    (entry,) = await entries(database, "backup.failed")
    assert "row-level security" in entry.facts["reason"]
    (told,) = (await admin.get("/api/notifications")).json
    assert (told["type"], told["level"]) == ("BackupFailed", "error")
    assert told["description"] == entry.facts["reason"]
    assert (await alice.get("/api/notifications")).json == []


async def test_one_is_made_at_a_time(context, database):
    async with schedule.turn(database, "backup") as is_ours:
        assert is_ours
        with pytest.raises(Invalid):
            await backups.back_up(context)


async def test_what_is_uploaded_is_listed_under_a_name_that_says_so(admin, root, database):
    answer = await upload(admin, "mine.sql.gz", b"0123")
    assert answer.status == 201, answer.data
    (shown,) = (await admin.get(FOLDER)).json["backups"]
    assert shown == {"filename": "uploaded-mine.sql.gz", "filesize": 4, "timezone": "UTC"}
    assert (await admin.get(f"{FOLDER}/uploaded-mine.sql.gz")).data == b"0123"
    (entry,) = await entries(database, "backup.uploaded")
    assert entry.facts["by"] == admin.user["id"]

    again = await upload(admin, "mine.sql.gz", b"other")
    assert (again.status, (root / "backups/uploaded-mine.sql.gz").read_bytes()) == (400, b"0123")


@pytest.mark.parametrize(
    "name",
    ["mine.zip", "..sql", ".sql.gz", "a b.sql", "a\u00e9.sql", "a.sql.gz.tmp", f"{'a' * 250}.sql"],
)
async def test_other_names_are_not_taken(admin, root, name):
    answer = await upload(admin, name)
    assert (answer.status, answer.message) == (400, "Invalid backup name!")
    assert not (root / "backups").exists() or not list((root / "backups").iterdir())
    assert not list((root / "upload").rglob("*.sql*"))


async def test_an_upload_needs_a_file_and_has_a_limit(admin):
    assert (await upload(admin, "a.sql", field="other")).status == 400
    answer = await admin.call(
        "POST", f"{FOLDER}/upload", data=form("a.sql"), headers={"Content-Length": str(1 << 50)}
    )
    assert (answer.status, answer.message) == (400, "The backup is too large")


async def test_what_is_deleted_is_gone(admin, new_backup, root, database):
    name = await new_backup()
    assert (await admin.delete(FOLDER, {"backups": [name]})).status == 200
    assert (await admin.get(FOLDER)).json == {"backups": []}
    assert not list((root / "backups").iterdir())
    (entry,) = await entries(database, "backup.deleted")
    assert entry.facts == {"by": admin.user["id"], "names": [name]}


TRAVERSALS = ("../a.sql", "..%2Fa.sql", "/etc/passwd", "..\\a.sql", "a.sql\n", "upload/a.sql")


@pytest.mark.parametrize("name", TRAVERSALS)
async def test_nothing_else_is_reached(admin, root, name):
    (root / "a.sql").write_bytes(b"secret")
    answer = await admin.get(f"{FOLDER}/{quote(name, safe='')}")
    assert answer.status in (400, 404) and b"secret" not in answer.data
    answer = await admin.delete(FOLDER, {"backups": [name]})
    assert (answer.status, answer.message) == (400, "Invalid backup name!")
    assert (root / "a.sql").exists()


async def test_what_is_not_there_is_missing(admin):
    assert (await admin.get(f"{FOLDER}/none.sql.gz")).status == 404


REQUESTS = [
    ("GET", FOLDER, {}, "maintenance"),
    ("GET", f"{FOLDER}/a.sql", {}, "backup.download"),
    ("DELETE", FOLDER, {"json": {"backups": ["a.sql"]}}, "backup.delete"),
    ("POST", f"{FOLDER}/upload", {}, "backup.upload"),
]


@pytest.mark.parametrize(("method", "path", "options", "permission"), REQUESTS)
async def test_they_are_the_administrators_alone(
    admin, alice, anonymous, new_key, root, method, path, options, permission
):
    (root / "backups").mkdir()
    (root / "backups/a.sql").write_bytes(b"x")
    assert (await anonymous.call(method, path, **options)).status == 401
    assert (await alice.call(method, path, **options)).status == 403
    assert (await (await new_key(admin, "asset.read")).call(method, path, **options)).status == 403
    assert (root / "backups/a.sql").exists()
    allowed = await (await new_key(admin, permission)).call(method, path, **options)
    assert allowed.status in (200, 400)
