"""What waits to be done can be seen, held, cleared and asked for again; by administrators only."""

from __future__ import annotations

import asyncio

import psycopg
import pytest

from server import queues as commands
from sql import reads
from storage.backups import list_backups
from sync import queues, worker
from sync.operations import jobs as operations
from sync.operations import renditions
from sync.stream import settle
from sync.worker import Hopeless, drain
from tests.sync.library import FOUND, until

EMPTY = {"active": 0, "completed": 0, "delayed": 0, "failed": 0, "paused": 0, "waiting": 0}
METADATA, THUMBNAIL = "metadataExtraction", "thumbnailGeneration"


@pytest.fixture
async def three(admin, add, database):
    """Photos whose metadata nobody has read yet; by now it is known that they wait."""
    ids = [await add() for _ in range(3)]
    await settle(database)
    return ids


@pytest.fixture
def command(admin):
    async def command(name, command, **more):
        return await admin.put(f"/api/jobs/{name}", {"command": command, **more})

    return command


@pytest.fixture
def statistics(admin):
    async def statistics(name):
        return (await admin.get(f"/api/queues/{name}")).json["statistics"]

    return statistics


@pytest.fixture
def change(dsn):
    """Change rows behind the log's back, as time does."""

    async def change(statement, *values):
        async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
            await connection.execute(statement.encode(), values)

    return change


async def find(job):
    return lambda tx: renditions.record_metadata(tx, job.entity_id, FOUND)


async def give_up(job):
    raise Hopeless("The file is empty")


ASKED = [
    ("GET", "/queues", "queue.read", None),
    ("GET", "/queues/ocr", "queue.read", None),
    ("PUT", "/queues/ocr", "queue.update", {"isPaused": False}),
    ("GET", "/queues/ocr/jobs", "queueJob.read", None),
    ("DELETE", "/queues/ocr/jobs", "queueJob.delete", {}),
    ("GET", "/jobs", "job.read", None),
    ("PUT", "/jobs/ocr", "job.create", {"command": "resume"}),
    ("POST", "/jobs", "job.create", {"name": "memory-cleanup"}),
]


@pytest.mark.parametrize(("method", "path", "permission", "body"), ASKED)
async def test_only_administrators_have_queues(
    admin, alice, anonymous, new_key, method, path, permission, body
):
    async def ask(client):
        return await client.call(method, f"/api{path}", json=body)

    assert (await ask(anonymous)).status == 401
    refused = await ask(alice)
    assert (refused.status, refused.message) == (403, "Forbidden")
    assert (await ask(await new_key(alice, permission))).status == 403
    narrow = await ask(await new_key(admin, "asset.read"))
    assert (narrow.status, narrow.message) == (
        403,
        f"Missing required permission: {permission}",
    )
    assert (await ask(await new_key(admin, permission))).status in (200, 204)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/queues/naps", None),
        ("PUT", "/queues/naps", {"isPaused": True}),
        ("GET", "/queues/naps/jobs", None),
        ("DELETE", "/queues/naps/jobs", {}),
        ("PUT", "/jobs/naps", {"command": "start"}),
        ("PUT", "/jobs/ocr", {"command": "sleep"}),
        ("PUT", "/queues/ocr", {"isPaused": "yes"}),
        ("DELETE", "/queues/ocr/jobs", {"failed": 1}),
        ("GET", "/queues/ocr/jobs?status=asleep", None),
        ("POST", "/jobs", {"name": "dance"}),
    ],
)
async def test_what_is_no_queue_or_no_command_is_named(admin, method, path, body):
    answer = await admin.call(method, f"/api{path}", json=body)

    assert (answer.status, answer.message) == (400, "Validation failed")
    assert answer.json["errors"][0]["path"][0] in (
        "name",
        "command",
        "isPaused",
        "failed",
        "status",
    )


async def test_all_of_them_are_shown_with_what_they_hold(admin, three):
    shown = {queue["name"]: queue for queue in (await admin.get("/api/queues")).json}

    assert set(shown) == set(queues.IMMICH)
    assert shown[METADATA]["statistics"] == EMPTY | {"waiting": 3}
    assert {name for name, queue in shown.items() if queue["statistics"] != EMPTY} == {METADATA}
    assert not any(queue["isPaused"] for queue in shown.values())
    legacy = (await admin.get("/api/jobs")).json
    assert legacy[METADATA] == {
        "jobCounts": EMPTY | {"waiting": 3},
        "queueStatus": {"isActive": False, "isPaused": False},
    }


async def test_what_is_being_done_and_what_is_put_off_is_told_apart(
    admin, three, database, statistics, change
):
    async def consumer(job):
        if str(job.entity_id) == three[0]:
            raise ValueError("for now")
        assert (await statistics(METADATA))["active"] > 0
        legacy = (await admin.get("/api/jobs")).json[METADATA]
        assert legacy["queueStatus"]["isActive"]
        raise Hopeless("The file is empty")

    await drain(database, "metadata", consumer)

    assert await statistics(METADATA) == EMPTY | {"failed": 2, "delayed": 1}
    await change("UPDATE job SET claimed_until = now() WHERE dead_at IS NULL")
    assert await statistics(METADATA) == EMPTY | {"failed": 2, "waiting": 1}


@pytest.mark.parametrize("way", ["/queues", "/jobs"])
async def test_a_paused_queue_holds_until_it_is_resumed(
    admin, three, database, statistics, command, way
):
    async def set_paused(is_paused):
        if way == "/queues":
            return await admin.put(f"/api/queues/{METADATA}", {"isPaused": is_paused})
        return await command(METADATA, "pause" if is_paused else "resume")

    paused = (await set_paused(True)).json

    assert paused.get("isPaused") or paused["queueStatus"]["isPaused"]
    assert await statistics(METADATA) == EMPTY | {"paused": 3}
    assert await drain(database, "metadata", find) == 0  # in any process: it is in the database
    assert (await set_paused(False)).status == 200
    assert await statistics(METADATA) == EMPTY | {"waiting": 3}
    assert await drain(database, "metadata", find) == 3


async def test_what_removes_files_is_never_held(admin, command):
    for answer in (
        await admin.put("/api/queues/backgroundTask", {"isPaused": True}),
        await command("backgroundTask", "pause"),
    ):
        assert (answer.status, answer.message) == (
            400,
            "The BackgroundTask queue cannot be paused",
        )


async def test_nothing_said_changes_nothing(admin):
    answer = await admin.put(f"/api/queues/{METADATA}", {})
    assert (answer.status, answer.json["isPaused"]) == (200, False)


async def test_failures_are_shown_with_their_reasons(admin, three, database):
    await drain(database, "metadata", give_up)

    jobs = (await admin.get(f"/api/queues/{METADATA}/jobs", status="failed")).json
    assert [job["data"]["id"] for job in jobs] == three
    assert {job["name"] for job in jobs} == {"AssetExtractMetadata"}
    assert {job["data"]["failedReason"] for job in jobs} == {"The file is empty"}
    assert all(job["timestamp"] > 1_700_000_000_000 for job in jobs)
    assert (await admin.get(f"/api/queues/{METADATA}/jobs", status="waiting")).json == []
    assert (await admin.get("/api/queues/ocr/jobs")).json == []


async def test_jobs_are_listed_by_their_states(admin, three, command):
    path = f"/api/queues/{METADATA}/jobs"
    assert len((await admin.get(path)).json) == 3
    assert len((await admin.get(path, status="waiting")).json) == 3
    assert (await admin.get(path, status="paused")).json == []
    await command(METADATA, "pause")
    assert (await admin.get(path, status="waiting")).json == []
    assert len((await admin.get(path, status="paused")).json) == 3


async def test_clearing_forgets_what_waits_or_what_failed(
    admin, three, database, statistics, command
):
    await drain(database, "metadata", give_up)
    assert await statistics(METADATA) == EMPTY | {"failed": 3}

    assert (await command(METADATA, "empty")).json["jobCounts"] == EMPTY | {"failed": 3}
    assert (await command(METADATA, "clear-failed")).json["jobCounts"] == EMPTY


async def test_emptying_keeps_what_failed_unless_that_is_meant_too(
    admin, add, three, database, statistics
):
    await drain(database, "metadata", give_up)
    await add()
    await settle(database)
    path = f"/api/queues/{METADATA}/jobs"

    assert (await admin.delete(path, {})).status == 204
    assert await statistics(METADATA) == EMPTY | {"failed": 3}
    await admin.delete(path, {"failed": True})
    assert await statistics(METADATA) == EMPTY


async def test_what_is_missing_is_asked_for_again_and_what_failed_gets_another_chance(
    three, database, statistics, command
):
    await drain(database, "metadata", give_up)

    answer = await command(METADATA, "start")
    await settle(database)

    assert answer.status == 200
    assert await statistics(METADATA) == EMPTY | {"waiting": 3}
    await command(METADATA, "start", force=False)
    await settle(database)
    assert await statistics(METADATA) == EMPTY | {"waiting": 3}  # They wait already.
    assert await drain(database, "metadata", find) == 3
    await settle(database)
    await command(METADATA, "start", force=False)
    await settle(database)
    assert await statistics(METADATA) == EMPTY


async def test_all_can_be_made_again(three, add, alice, database, statistics, command):
    film = await add("a.mp4")
    await settle(database)
    await drain(database, "metadata", find)
    await settle(database)
    await alice.delete("/api/assets", {"ids": [three[0]]})
    await command(THUMBNAIL, "empty")

    await command(METADATA, "start", force=True)
    await command(THUMBNAIL, "start", force=True)
    await settle(database)

    # Not of what is in the trash.
    assert (await statistics(METADATA))["waiting"] == 3
    async with database.read() as connection:
        rows = await reads.jobs.list_jobs(
            connection, queues=["thumbnail"], statuses=["waiting"], limit=9
        )
    assert {str(row["entity_id"]) for row in rows} == {*three[1:], film}


async def test_only_films_are_made_over(three, add, database, statistics, command):
    film = await add("a.mp4")
    await settle(database)

    await command("videoConversion", "start")
    await settle(database)

    async with database.read() as connection:
        rows = await reads.jobs.list_jobs(
            connection, queues=["transcode"], statuses=["waiting"], limit=9
        )
    assert [str(row["entity_id"]) for row in rows] == [film]


@pytest.mark.parametrize("page", [2, 10_000])
async def test_assets_are_asked_for_in_parts_each_owner_for_themselves(
    three, alice, bob, add, database, command, monkeypatch, page
):
    monkeypatch.setattr(operations, "PAGE", page)
    theirs = await add(client=bob)
    await settle(database)
    await command(METADATA, "empty")
    async with database.read() as connection:
        before = (await reads.log.head(connection))["pos"]

    await command(METADATA, "start", force=True)
    await settle(database)

    async with database.read() as connection:
        entries = [
            entry
            for entry in await reads.log.read_log(connection, after=before, limit=100)
            if entry["topic"] == "asset.metadata_requested"
        ]
    asked = [(str(entry["scope"]), str(id_)) for entry in entries for id_ in entry["entity_ids"]]
    assert sorted(asked) == sorted(
        [(bob.user["id"], theirs), *((alice.user["id"], id_) for id_ in three)]
    )
    assert all(len(entry["entity_ids"]) <= page for entry in entries)


async def test_what_runs_is_not_started_again(three, database, command):
    async def consumer(job):
        answer = await command(METADATA, "start")
        assert (answer.status, answer.message) == (400, "Job is already running")
        raise Hopeless("checked")

    assert await drain(database, "metadata", consumer) == 0
    assert await drain(database, "metadata", consumer) == 0


async def test_a_backup_is_started_as_a_queue(command, root):
    assert (await command("backupDatabase", "start")).status == 200

    await until(lambda: asyncio.to_thread(list_backups, root))


async def test_what_is_identical_is_looked_for_by_hand(command, monkeypatch):
    is_done = asyncio.Event()

    async def look(_):
        is_done.set()

    monkeypatch.setitem(commands.CHORES, "duplicateDetection", look)
    assert (await command("duplicateDetection", "start")).status == 200

    async with asyncio.timeout(20):
        await is_done.wait()


@pytest.mark.parametrize("name", queues.IMMICH)
async def test_each_queue_is_started_or_says_why_not(command, name):
    answer = await command(name, "start")

    if answer.status != 200:
        why = answer.message.removeprefix(f"Nothing can be started here in the queue {name}: ")
        assert answer.status == 400
        assert why in (
            "there is no machine learning",
            "external libraries are not scanned",
            "all files lie where they belong",
            "its jobs begin by themselves, when something happens",
            "The storage template is not enabled",
        )
    for other in ("pause", "resume", "empty", "clear-failed"):
        held = (400, "The BackgroundTask queue cannot be paused")
        answer = await command(name, other)
        if (name, other) == ("backgroundTask", "pause"):
            assert (answer.status, answer.message) == held
        else:
            assert answer.status == 200


async def test_who_paused_what_is_on_record(admin, database, command):
    await command(METADATA, "pause")
    await settle(database)

    async with database.read() as connection:
        entries = await reads.log.read_log(connection, after=0, limit=100)
    (paused,) = [entry for entry in entries if entry["topic"] == "queue.paused"]
    facts = worker._decode(paused["facts"])
    assert facts["name"] == METADATA
    assert facts["by"] == admin.user["id"]
