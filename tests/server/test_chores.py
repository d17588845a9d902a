"""What is done unasked: litter goes, sessions end, lost jobs come back; nothing else is touched."""

from __future__ import annotations

import asyncio
import io
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from aiohttp.test_utils import TestServer
from PIL import Image

from server import chores, timetable
from server.app import build_app
from server.authentication import hash_token, make_token
from server.context import Context
from sql import reads
from storage import janitor
from sync import schedule
from sync.config import Config
from sync.operations import assets, sessions
from sync.stream import settle
from tests.api.test_profile_image import image_of, send

MOMENT = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)


@pytest.fixture
def context(database, root):
    return Context(database, root, None, Config())


@pytest.fixture
def old(monkeypatch):
    """Every file is old enough."""
    monkeypatch.setattr(janitor, "GRACE_SECONDS", -60.0)


@pytest.fixture
async def change(dsn):
    """Change rows behind the log's back, as time and accidents do."""

    async def change(statement: str, *values: object) -> None:
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute(statement.encode(), values)

    return change


def picture() -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(data, "JPEG")
    return data.getvalue() + uuid4().bytes


async def test_what_no_asset_claims_goes_and_the_rest_stays(context, root, alice, old):
    answer = await alice.upload(picture())
    assert answer.status == 201
    owner, asset = alice.user["id"], answer.json["id"]
    lost = UUID("12345678-0000-4000-8000-000000000000")
    litter = [
        root / f"upload/{owner}/12/34/{lost}.jpg",
        root / f"upload/{owner}/12/34/{lost}.jpg.xmp",
        root / f"thumbs/{owner}/12/34/{lost}_thumbnail.webp",
        root / f"thumbs/{owner}/{asset[:2]}/{asset[2:4]}/{asset}_fullsize.jpeg",
        root / f"profile/{owner}/{lost}.jpg",
    ]
    foreign = [
        root / f"upload/{owner}/12/34/1234.jpg",
        root / f"upload/{owner}/12/34/12345678-not-an-id-of-an-asset.jpg",
        root / f"profile/{owner}/mine.jpg",
        root / "mine.txt",
    ]
    originals = [path for path in root.glob(f"upload/{owner}/*/*/*") if path.is_file()]
    assert len(originals) == 1
    assert (await send(alice)).status == 201
    for path in litter + foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"bytes")

    assert await chores.do_all(context)

    assert [path for path in litter if path.exists()] == []
    assert (await alice.get(image_of(alice.user))).status == 200
    assert all(path.exists() for path in foreign + originals)


async def test_a_new_file_has_time_to_get_its_row(context, root):
    path = root / f"upload/{uuid4()}/12/34/12345678-0000-4000-8000-000000000000.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"bytes")

    await chores.do_all(context)

    assert path.exists()


async def test_the_wrong_database_loses_no_file(context, root, old, caplog):
    owner = uuid4()
    files = [root / f"upload/{owner}/{id_[:2]}/{id_[2:4]}/{id_}.jpg" for id_ in ids(150)]
    for path in files:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"bytes")

    assert await chores.do_all(context)

    assert all(path.exists() for path in files)
    assert "Is this the right database" in caplog.text


def ids(count: int) -> list[str]:
    return [str(uuid4()) for _ in range(count)]


async def test_stale_sessions_end_and_their_sockets_close(
    context, database, alice, anonymous, open_socket, change
):
    user_id = UUID(alice.user["id"])

    async def make(**details) -> tuple[UUID, dict[str, str]]:
        token = make_token()
        async with database.write() as tx:
            id_ = await sessions.create_session(tx, user_id, hash_token(token), **details)
        return id_, {"Authorization": f"Bearer {token}"}

    unused_id, unused = await make()
    _, child = await make(parent_id=unused_id)
    expired_id, expired = await make()
    _, kept = await make(duration=timedelta(days=1))
    sockets = [await open_socket(anonymous.url, **one) for one in (unused, child, expired)]
    await change(
        "UPDATE session SET updated_at = now() - interval '91 days' WHERE id = %s", unused_id
    )
    await change("UPDATE session SET expires_at = now() WHERE id = %s", expired_id)

    assert await chores.do_all(context)

    for socket in sockets:
        await socket.closed()
    async with database.read() as connection:
        left = await reads.sessions.list_sessions(connection, user_id=user_id)
    assert len(left) == 2  # the kept one, and the login
    assert (await anonymous.using(**kept).get("/api/users/me")).status == 200


async def test_an_asset_that_lost_its_job_gets_another(context, database, alice, change):
    owner_id = UUID(alice.user["id"])
    made = {name: uuid4() for name in ("lost", "waiting", "given up", "young", "video")}
    async with database.write() as tx:
        for name, asset_id in made.items():
            upload = assets.Upload(
                asset_id=asset_id,
                type="VIDEO" if name == "video" else "IMAGE",
                original_key=f"upload/{asset_id}.jpg",
                original_file_name="a.jpg",
                checksum=asset_id.bytes + b"1234",
                file_bytes=7,
                file_created_at=MOMENT,
                file_modified_at=MOMENT,
            )
            await assets.record_upload(tx, owner_id, upload)
    await settle(database)
    await change(
        "UPDATE asset SET created_at = now() - interval '1 day' WHERE id <> %s", made["young"]
    )
    await change(
        "DELETE FROM job WHERE entity_id = ANY(%s)", [made["lost"], made["young"], made["video"]]
    )
    await change("UPDATE job SET dead_at = now() WHERE entity_id = %s", made["given up"])

    assert await chores.do_all(context)
    await settle(database)

    async with database.read() as connection:
        counts = await reads.jobs.count_jobs(connection)
    assert [(row["queue"], row["waiting"], row["dead"]) for row in counts] == [("metadata", 3, 1)]

    assert await chores.do_all(context)  # It waits now, so it is not asked for again.
    await settle(database)
    async with database.read() as connection:
        assert await reads.jobs.count_jobs(connection) == counts


async def test_one_process_at_a_time(context, database, root, old):
    path = root / f"upload/{uuid4()}/12/34/12345678-0000-4000-8000-000000000000.jpg"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"bytes")

    async with (
        schedule.turn(database, "chores") as is_ours,
        schedule.turn(database, "other") as too,
    ):
        assert is_ours and too
        assert not await chores.do_all(context)
        assert path.exists()

    assert await chores.do_all(context)
    assert not path.exists()


async def test_one_that_fails_does_not_keep_the_others(context, monkeypatch, caplog):
    done = asyncio.Event()

    async def fail(_: Context) -> None:
        raise RuntimeError("broken")

    async def succeed(_: Context) -> None:
        done.set()

    monkeypatch.setattr(chores, "CHORES", (fail, succeed))
    await chores.do_all(context)

    assert done.is_set()
    assert "fail failed" in caplog.text


async def test_they_are_done_at_the_start(context, server, monkeypatch):
    """Of a server of its own, which starts at once."""

    done = asyncio.Event()

    async def note(_: Context) -> None:
        done.set()

    monkeypatch.setattr(chores, "MENDING", (note,))
    monkeypatch.setattr(timetable, "START_SECONDS", 0)
    async with TestServer(build_app(context)), asyncio.timeout(10):
        await done.wait()


async def test_the_trash_is_emptied_when_its_time_is_over(context, alice, bob, change):
    kept, old, others = [
        (await client.upload(picture())).json["id"] for client in (alice, alice, bob)
    ]
    await alice.delete("/api/assets", {"ids": [kept, old]})
    await bob.delete("/api/assets", {"ids": [others]})
    await change(
        "UPDATE asset SET deleted_at = now() - interval '31 days' WHERE id = ANY(%s::uuid[])",
        [old, others],
    )

    assert await chores.do_all(context)

    assert (await alice.get(f"/api/assets/{kept}")).json["isTrashed"] is True
    assert (await alice.get(f"/api/assets/{old}")).status == 400
    assert (await bob.get(f"/api/assets/{others}")).status == 400


async def test_old_notifications_go(context, admin, alice, change):
    for title in ("old", "read", "new"):
        body = {"userId": alice.user["id"], "title": title}
        assert (await admin.post("/api/admin/notifications", body)).status == 201
    await change(
        "UPDATE notification SET created_at = now() - interval '91 days' WHERE title = 'old'"
    )
    await change(
        "UPDATE notification SET read_at = now() - interval '31 days' WHERE title = 'read'"
    )

    assert await chores.do_all(context)

    left = (await alice.get("/api/notifications")).json
    assert [one["title"] for one in left] == ["new"]
