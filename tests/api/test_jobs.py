"""What is done at set times can be done by hand; what is not done here says so."""

from __future__ import annotations

from typing import get_args

import pytest

from server import chores, timetable
from server.api.jobs import DELETIONS, ManualJob
from server.context import Context
from storage import inspection
from sync import schedule
from sync.config import Config, build


def test_each_job_of_the_contract_is_done():
    assert set(get_args(ManualJob)) == timetable.BY_HAND.keys() | DELETIONS.keys()


@pytest.mark.parametrize("name", sorted(timetable.BY_HAND))
async def test_others_are_done_before_the_answer(admin, monkeypatch, name):
    done = []

    async def do(context):
        done.append(context.config)

    monkeypatch.setitem(timetable.BY_HAND, name, do)
    assert (await admin.post("/api/jobs", {"name": name})).status == 204
    assert len(done) == 1


@pytest.fixture
def context(database, root):
    return Context(database, root, None, Config())


@pytest.fixture
def begun(monkeypatch):
    """Have all be due whose names are asked for with these times."""
    asked = {}

    async def begin_if_due(_, name, expression):
        asked[name] = expression
        return True

    monkeypatch.setattr(schedule, "begin_if_due", begin_if_due)
    return asked


async def test_times_are_those_that_are_set(context, begun):
    context.config = build({"nightlyTasks.startTime": "23:05"})

    due = await timetable.list_due(context)

    assert begun["nightly"] == "5 23 * * *"
    assert begun["backup"] == "0 02 * * *"
    assert begun["missing files"] == begun["checksums"] == "0 03 * * *"
    assert {task.name for task in due} == set(begun)
    assert all(schedule.is_cron(expression) for expression in begun.values())


async def test_what_is_switched_off_has_no_time(context, begun):
    switched_off = ("backup.database", "integrityChecks.untrackedFiles")
    context.config = build({f"{name}.enabled": False for name in switched_off})

    await timetable.list_due(context)

    assert begun.keys() == {"nightly", "missing files", "checksums"}


CHORES = {
    "databaseCleanup": {
        "empty_trash",
        "end_sessions",
        "forget_memories",
        "forget_notifications",
        "prune_log",
    },
    "missingThumbnails": {
        "request_missing",
        "request_missing_films",
        "request_missing_person_thumbnails",
        "request_outdated",
    },
    "generateMemories": {"make_memories"},
    "syncQuotaUsage": {"recount_usage"},
}


@pytest.mark.parametrize("setting", CHORES)
async def test_chores_that_are_switched_off_are_left_undone(context, monkeypatch, setting):
    context.config = build({f"nightlyTasks.{setting}": False})
    done = set()

    async def note(chore, _):
        done.add(chore.__name__)

    monkeypatch.setattr(chores, "attempt", note)
    await chores.do_all(context)

    assert done == {chore.__name__ for chore in chores.CHORES} - CHORES[setting]


async def test_people_without_a_face_go(admin, alice, add, put_face):
    seen = (await alice.post("/api/people", {"name": "Seen"})).json
    await alice.post("/api/people", {"name": "Unseen"})
    await put_face(seen)

    assert (await admin.post("/api/jobs", {"name": "person-cleanup"})).status == 204

    shown = (await alice.get("/api/people")).json["people"]
    assert [person["name"] for person in shown] == ["Seen"]


@pytest.fixture
def put_face(alice, add):
    """Say that somebody is in a picture."""

    async def put_face(person):
        face = {
            "assetId": await add(),
            "personId": person["id"],
            "imageWidth": 100,
            "imageHeight": 100,
            "x": 10,
            "y": 10,
            "width": 20,
            "height": 20,
        }
        answer = await alice.post("/api/faces", face)
        assert answer.status == 201, answer.data

    return put_face


async def test_tags_that_nothing_has_go_with_all_above_them(admin, alice, bob, add):
    made = await alice.put("/api/tags", {"tags": ["Used/Below", "Empty/Empty too", "Used/Empty"]})
    await bob.put("/api/tags", {"tags": ["Theirs"]})
    used = next(tag for tag in made.json if tag["value"] == "Used/Below")
    await alice.put(f"/api/tags/{used['id']}/assets", {"ids": [await add()]})

    assert (await admin.post("/api/jobs", {"name": "tag-cleanup"})).status == 204

    assert {tag["value"] for tag in (await alice.get("/api/tags")).json} == {"Used", "Used/Below"}
    assert (await bob.get("/api/tags")).json == []


async def test_files_that_nobody_needs_go_when_all_of_them_shall(
    admin, alice, add, root, monkeypatch
):
    kept = await add()
    lost = root / "upload" / alice.user["id"] / "12" / "34" / f"1234{kept[4:]}.jpg"
    lost.parent.mkdir(parents=True, exist_ok=True)
    lost.write_bytes(b"nobody's")
    monkeypatch.setattr(inspection.walk, "__kwdefaults__", {"grace_seconds": -60.0})
    await admin.post("/api/jobs", {"name": "integrity-untracked-files"})
    reports = await admin.get("/api/admin/integrity/report", type="untracked_file")
    assert len(reports.json["items"]) == 1

    done = await admin.post("/api/jobs", {"name": "integrity-untracked-files-delete-all"})

    assert done.status == 204
    assert not lost.exists()
    reports = await admin.get("/api/admin/integrity/report", type="untracked_file")
    assert reports.json["items"] == []
    assert (await alice.get(f"/api/assets/{kept}/original")).status == 200
