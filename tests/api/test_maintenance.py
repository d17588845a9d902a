"""Into the maintenance mode and out of it, and what a restore in it brings back."""

from __future__ import annotations

import fcntl
import gzip
import time

import aiohttp
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from server import tickets
from server.restoring import LOCK, Restoring
from server.wire.maintenance import Status
from storage.backups import list_backups
from sync import tail
from sync.errors import Unauthenticated
from sync.operations import maintenance
from sync.stream import settle
from tests.fix_backups import tables

MODE = "/api/admin/maintenance"
STATUS = f"{MODE}/status"
FOLDER = "/api/admin/database-backups"


def ticket_of(answer):
    return answer.cookies[tickets.COOKIE].value


def with_ticket(client, ticket):
    return client.using(Cookie=f"{tickets.COOKIE}={ticket}")


async def enter(process, admin, **body):
    """Start the mode; a client with the ticket for it."""
    answer = await admin.post(MODE, {"action": "start"} | body)
    assert answer.status == 201, answer.data
    return with_ticket(await process.enters("maintenance"), ticket_of(answer))


@pytest.fixture
async def process(start_server):
    process = await start_server()
    process.client = await process.enters("ready")
    return process


@pytest.fixture
async def ada(process, log_into):
    return await log_into(process.client, "Ada", is_admin=True)


async def test_it_is_off(anonymous, admin):
    assert (await anonymous.get(STATUS)).json == {"active": False, "action": "end"}
    answer = await anonymous.post(f"{MODE}/login", {"token": "a"})
    assert (answer.status, answer.message) == (400, "Not in maintenance mode")
    assert (await admin.post(MODE, {"action": "end"})).status == 201


async def test_only_administrators_start_it(admin, alice, anonymous, new_key):
    body = {"action": "start"}
    assert (await anonymous.post(MODE, body)).status == 401
    assert (await alice.post(MODE, body)).status == 403
    assert (await (await new_key(admin, "backup.list")).post(MODE, body)).status == 403
    for path in (f"{MODE}/detect-install",):
        assert (await anonymous.get(path)).status == 401
        assert (await alice.get(path)).status == 403
        assert (await (await new_key(admin, "maintenance")).get(path)).status == 200
    assert (await anonymous.get(STATUS)).json["active"] is False


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"action": "sleep"},
        {"action": "restore_database"},
        {"action": "restore_database", "restoreBackupFilename": "../a.sql"},
        {"action": "restore_database", "restoreBackupFilename": "none.sql.gz"},
    ],
)
async def test_it_does_not_start_for_nothing(admin, anonymous, body):
    assert (await admin.post(MODE, body)).status == 400
    assert (await anonymous.get("/api/server/config")).json["maintenanceMode"] is False


async def test_who_was_here_before_is_found(admin, root):
    (root / "library").mkdir()
    (root / "library/a").write_bytes(b"")
    folders = {
        one["folder"]: one for one in (await admin.get(f"{MODE}/detect-install")).json["storage"]
    }
    assert set(folders) == {"encoded-video", "library", "upload", "profile", "thumbs", "backups"}
    assert folders["library"] == {
        "folder": "library", "readable": True, "writable": True, "files": 1
    }  # fmt: skip


async def test_a_server_with_an_administrator_is_not_restored_by_strangers(admin, anonymous):
    answer = await anonymous.post(f"{FOLDER}/start-restore")
    assert (answer.status, answer.message) == (400, "The server already has an admin")


async def test_a_new_server_begins_with_a_backup(process):
    answer = await process.client.post(f"{FOLDER}/start-restore")
    assert answer.status == 201
    known = with_ticket(await process.enters("maintenance"), ticket_of(answer))
    status = (await known.get(STATUS)).json
    assert status == {"active": True, "action": "select_database_restore"}
    assert (await known.get(FOLDER)).status == 200
    assert (await known.post(MODE, {"action": "end"})).status == 201
    await process.enters("ready")


async def test_in_it_only_this_is_served(process, ada, database):
    known = await enter(process, ada)
    stranger = process.client

    assert (await stranger.get("/api/server/config")).json["maintenanceMode"] is True
    assert (await stranger.get("/api/server/ping")).json == {"res": "pong"}
    assert (await stranger.get("/api/server/version")).status == 200
    assert (await stranger.get(STATUS)).json == {"active": True, "action": "start"}
    for path in ("/api/users/me", "/api/assets/statistics", "/api/server/about"):
        assert (await ada.get(path)).status == 503
    for client in (stranger, ada):
        assert (await client.get(FOLDER)).status == 401
        assert (await client.get(f"{FOLDER}/a.sql")).status == 401
        assert (await client.delete(FOLDER, {"backups": ["a.sql"]})).status == 401
        assert (await client.post(f"{FOLDER}/upload")).status == 401
        assert (await client.get(f"{MODE}/detect-install")).status == 401
        assert (await client.post(MODE, {"action": "end"})).status == 401
    assert (await known.get(FOLDER)).json == {"backups": []}
    assert (await known.get(f"{MODE}/detect-install")).status == 200

    form = aiohttp.FormData()
    form.add_field("file", b"0123", filename="a.sql")
    assert (await known.call("POST", f"{FOLDER}/upload", data=form)).status == 201
    assert (await known.get(f"{FOLDER}/uploaded-a.sql")).data == b"0123"
    assert (await known.delete(FOLDER, {"backups": ["uploaded-a.sql"]})).status == 200
    assert (await known.get(FOLDER)).json == {"backups": []}

    assert (await known.post(MODE, {"action": "end"})).status == 201
    await process.enters("ready")
    assert (await ada.get("/api/users/me")).status == 200
    await settle(database)
    async with database.read() as connection:
        facts = {
            one.topic: one.facts
            for one in await tail.read(connection, 0, limit=100)
            if one.topic.startswith(("maintenance.", "backup."))
        }
    assert facts["maintenance.started"]["by"] == ada.user["id"]
    assert facts["maintenance.ended"] == {"by": "Ada"}
    assert facts["backup.uploaded"]["by"] == facts["backup.deleted"]["by"] == "Ada"


async def test_whoever_has_the_ticket_logs_in_with_it(process, ada):
    known = await enter(process, ada)
    ticket = known.headers["Cookie"].partition("=")[2]
    answer = await process.client.post(f"{MODE}/login", {"token": ticket})
    assert (answer.status, answer.json) == (201, {"username": "Ada"})
    assert ticket_of(answer) == ticket and answer.cookies[tickets.COOKIE]["httponly"]
    assert (await known.post(f"{MODE}/login", {})).json == {"username": "Ada"}
    for wrong in (None, "", "a.b.c", ticket[:-4] + "AAAA"):
        answer = await process.client.post(f"{MODE}/login", {"token": wrong} if wrong else {})
        assert answer.status == 401, wrong


def test_a_ticket_is_of_one_secret_and_one_time():
    secret = tickets.make_secret()
    assert tickets.read(secret, tickets.sign(secret, "Ada")) == "Ada"
    key = OctKey.import_key(secret)
    now = int(time.time())
    for wrong in (
        tickets.sign(tickets.make_secret(), "Ada"),
        jwt.encode({"alg": "HS256"}, {"username": "Ada", "exp": now - 60}, key),
        jwt.encode({"alg": "HS256"}, {"username": "Ada"}, key),
        jwt.encode({"alg": "HS512"}, {"username": "Ada", "exp": now + 60}, key, ["HS512"]),
        "eyJhbGciOiJub25lIn0.eyJ1c2VybmFtZSI6IkFkYSJ9.",
        "\u00e9.\u00e9.\u00e9",
    ):
        with pytest.raises(Unauthenticated):
            tickets.read(secret, wrong)


async def test_the_mode_outlives_a_restart_and_holds_for_every_process(process, ada, start_server):
    second = await start_server()
    await second.enters("ready")
    known = await enter(process, ada)
    await second.enters("maintenance")
    third = await start_server()
    assert (await (await third.enters("maintenance")).get("/api/users/me")).status == 503

    await known.post(MODE, {"action": "end"})
    for one in (process, second, third):
        await one.enters("ready")


async def test_sockets_hear_of_it_and_come_back_as_strangers(process, ada, open_socket):
    socket = await open_socket(process.url, **ada.headers)
    known = await enter(process, ada)
    assert await socket.next("AppRestartV1") == ({"isMaintenanceMode": True},)
    await socket.closed()

    stranger = await open_socket(process.url, is_greeted=False)
    insider = await open_socket(process.url, is_greeted=False, **known.headers)
    answer = await known.post(MODE, {"action": "select_database_restore"})
    assert answer.status == 201
    for one in (stranger, insider):
        status = {"active": True, "action": "select_database_restore"}
        assert await one.next("MaintenanceStatusV1") == (status,)
    await known.post(MODE, {"action": "end"})
    for one in (stranger, insider):
        assert await one.next("AppRestartV1") == ({"isMaintenanceMode": False},)
        await one.closed()


async def test_pages_lead_to_that_of_the_mode(process, ada):
    await enter(process, ada)
    page = await process.client.call("GET", "/photos?at=1", headers={"Accept": "text/html"})
    assert (page.status, page.headers["Location"]) == (302, "/maintenance?continue=/photos")
    page = await process.client.call("GET", "/maintenance", headers={"Accept": "text/html"})
    assert page.status == 200


def library(dsn):
    """All but what tells of the restore itself."""
    found = tables(dsn, "system_metadata", "sequencer")
    return {name: rows for name, rows in found.items() if not name.startswith("log")}


async def restore(process, ada, name):
    """Ask for it outside of the mode, and wait until it is over."""
    answer = await ada.post(MODE, {"action": "restore_database", "restoreBackupFilename": name})
    assert answer.status == 201, answer.data
    return with_ticket(await process.enters("maintenance"), ticket_of(answer))


async def test_a_restored_library_is_what_it_was_and_phones_start_anew(
    process, ada, new_backup, dsn, root, database, start_server
):
    assert (await ada.upload(b"one")).status == 201
    lines = await ada.sync("AssetsV2")
    await ada.post("/api/sync/ack", {"acks": [lines[-1]["ack"]]})
    await settle(database)
    before = library(dsn)
    name = await new_backup()
    assert (await ada.upload(b"two")).status == 201

    second = await start_server()
    await second.enters("ready")
    await restore(process, ada, name)
    await process.enters("ready")
    await second.enters("maintenance")
    at_second = ada.using(**ada.headers)
    at_second.url = (await second.enters("ready")).url
    assert (await at_second.get("/api/assets/statistics")).json["total"] == 1
    assert (await ada.get("/api/assets/statistics")).json["total"] == 1
    assert library(dsn) == before
    assert [line["type"] for line in await ada.sync("AssetsV2")] == ["SyncResetV1"]
    points = [one.name for one in list_backups(root) if one.name.startswith("restore-point-")]
    assert len(points) == 1


async def test_what_cannot_be_restored_says_why_and_leaves_all_as_it_was(
    process, ada, new_backup, root, open_socket, dsn
):
    name = await new_backup()
    path = root / "backups" / name
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-3000]))
    before = library(dsn)
    known = await enter(process, ada)
    stranger = await open_socket(process.url, is_greeted=False)
    insider = await open_socket(process.url, is_greeted=False, **known.headers)
    body = {"action": "restore_database", "restoreBackupFilename": name}
    assert (await known.post(MODE, body)).status == 201

    heard = {"task": ""}
    while heard["task"] != "error":
        (heard,) = await insider.next("MaintenanceStatusV1")
    assert "not whole" in heard["error"]
    while "error" not in (status := (await stranger.next("MaintenanceStatusV1"))[0]):
        pass
    assert status["error"] == "Something went wrong, see logs!"
    assert "not whole" in (await known.get(STATUS)).json["error"]
    assert "not whole" not in (await process.client.get(STATUS)).json["error"]

    assert library(dsn) == before
    assert (await known.post(MODE, {"action": "end"})).status == 201
    await process.enters("ready")
    assert (await ada.get("/api/users/me")).status == 200


async def test_a_restore_is_done_once(process, ada, database):
    async with database.write() as tx:
        mode = maintenance.Mode(secret="s", action="restore_database", backup="a.sql.gz")
        await maintenance.start(tx, mode, by="test")
        assert await maintenance.take_action(tx) == mode
        assert await maintenance.take_action(tx) is None
        assert (await maintenance.find(tx)).action == "start"


async def test_every_process_tells_how_far_a_restore_is(
    process, ada, start_server, open_socket, new_backup, root, database
):
    second = await start_server()
    await second.enters("ready")
    name = await new_backup()
    path = root / "backups" / name
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes())[:-3000]))
    known = await enter(process, ada)
    there = with_ticket(await second.enters("maintenance"), known.headers["Cookie"].split("=")[1])
    insiders = [
        await open_socket(url, is_greeted=False, **known.headers)
        for url in (process.url, second.url)
    ]

    async def hear(**said):
        status = {"active": True, "action": "restore_database", **said}
        for insider in insiders:
            while await insider.next("MaintenanceStatusV1") != (status,):
                pass
        for client in (known, there):
            assert (await client.get(STATUS)).json == status

    async with database.read() as connection:
        mode = await maintenance.find(connection)
    third = Restoring(root, mode.secret)
    assert await third.hold()
    await third.say(Status("restore_database", task="restore", progress=40))
    await hear(task="restore", progress=40)
    for client in (known, there):
        for body in (
            {"action": "end"},
            {"action": "restore_database", "restoreBackupFilename": name},
        ):
            answer = await client.post(MODE, body)
            assert (answer.status, answer.message) == (400, "A restore is in progress")
        assert (await client.delete(FOLDER, {"backups": [name]})).status == 400
    third.release()
    await hear(task="error", error="The process that restored it has ended")

    body = {"action": "restore_database", "restoreBackupFilename": name}
    assert (await known.post(MODE, body)).status == 201
    heard = {"error": ""}
    while "not whole" not in heard.get("error", ""):
        (heard,) = await insiders[1].next("MaintenanceStatusV1")
    assert (await there.get(STATUS)).json == heard

    assert (await there.post(MODE, {"action": "end"})).status == 201
    for one in (process, second):
        await one.enters("ready")


async def test_what_was_said_of_another_restore_is_not_said_again(root):
    before, now = Restoring(root, "one"), Restoring(root, "two")
    await before.say(Status("restore_database", task="error", error="old"))

    assert await now.hear() is None
    assert await before.hear() == Status("restore_database", task="error", error="old")
    assert await before.hold() and not await now.hold()
    before.release()
    assert await now.hold()
    now.release()


async def test_who_only_looks_is_not_taken_for_one_who_restores(root):
    restoring, mode = Restoring(root, "one"), Restoring(root, "one")
    assert await restoring.hold()
    restoring.release()
    with (root / LOCK).open() as looking:
        fcntl.flock(looking, fcntl.LOCK_SH)

        assert not await mode.is_going_on()
