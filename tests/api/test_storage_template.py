"""Originals are moved while people look at them: nobody sees anything of it but other paths."""

from __future__ import annotations

import asyncio
import io
import sys
import zipfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from uuid import UUID

import pytest

from server import integrity
from server.api import asset_bytes, asset_files, download
from storage import inspection, paths
from sync import worker
from sync.stream import settle
from tests.media.moving import Home

DAY = "2024/2024-05-06"
QUEUE = "/api/jobs/storageTemplateMigration"


@pytest.fixture
async def home(database, root):
    return Home(database, root)


@pytest.fixture
def change(admin):
    async def change(**values):
        config = (await admin.get("/api/admin/config")).json
        config["storageTemplate"] |= values
        return await admin.put("/api/admin/config", config)

    return change


@pytest.fixture
async def enabled(change):
    assert (await change(enabled=True)).status == 200


@pytest.fixture
def migrate(admin, home):
    """As an administrator starts it, and a worker does it."""

    async def migrate(follow=home.follow):
        answer = await admin.put(QUEUE, {"command": "start", "force": False})
        assert answer.status == 200, answer.data
        await follow()

    return migrate


@pytest.mark.parametrize(
    ("template", "complaint"),
    [("{{foo}}", "there is no {{foo}}"), ("{{#if y}}", "{{#if y}} does not end with {{/if}}")],
)
async def test_a_template_that_names_nothing_is_refused(admin, change, template, complaint):
    before = (await admin.get("/api/admin/config")).json
    answer = await change(template=template)

    assert answer.status == 400
    assert answer.message == f"Invalid storage template: {complaint}"
    assert (await admin.get("/api/admin/config")).json == before


async def test_what_is_offered_is_taken(admin, change):
    options = (await admin.get("/api/system-config/storage-template-options")).json
    for preset in options["presetOptions"]:
        assert (await change(template=preset)).status == 200
    shown = (await admin.get("/api/admin/config")).json["storageTemplate"]
    assert shown == {
        "enabled": False, "hashVerificationEnabled": True, "template": preset
    }  # fmt: skip


async def test_nothing_is_started_that_is_not_enabled(admin):
    answer = await admin.put(QUEUE, {"command": "start"})
    assert (answer.status, answer.message) == (400, "The storage template is not enabled")


@pytest.mark.usefixtures("enabled")
async def test_only_administrators_start_it(alice, anonymous, new_key, admin):
    for client, status in ((alice, 403), (anonymous, 401)):
        assert (await client.put(QUEUE, {"command": "start"})).status == status
    narrow = await new_key(admin, "job.read")
    assert (await narrow.put(QUEUE, {"command": "start"})).status == 403


@pytest.mark.usefixtures("enabled")
async def test_an_original_has_another_path_and_the_same_name(alice, add, migrate):
    asset_id = await add("IMG 1.JPEG")
    await migrate()

    shown = (await alice.get(f"/api/assets/{asset_id}")).json
    assert shown["originalPath"] == f"library/{alice.user['id']}/{DAY}/IMG 1.jpg"
    assert shown["originalFileName"] == "IMG 1.JPEG"
    answer = await alice.get(f"/api/assets/{asset_id}/original")
    assert answer.headers["Content-Disposition"] == "inline; filename*=UTF-8''IMG%201.JPEG"
    assert answer.headers["Content-Type"] == "image/jpeg"
    folders = (await alice.get("/api/view/folder/unique-paths")).json
    assert folders == [f"library/{alice.user['id']}/{DAY}"]


@pytest.mark.usefixtures("enabled")
async def test_it_can_be_held(admin, add, home, database):
    asset_id = await add()
    await admin.put(QUEUE, {"command": "pause"})
    await admin.put(QUEUE, {"command": "start"})
    await settle(database)

    with ThreadPoolExecutor(1) as movers:
        consumer = home.consumers(movers)["storage_template"]
        assert await worker.drain(database, "storage_template", consumer) == 0
    (job,) = (await admin.get("/api/queues/storageTemplateMigration/jobs")).json
    assert job["name"] == "StorageTemplateMigrationSingle"
    assert paths.is_ours(await home.key(asset_id))


class Interruption:
    """Moves everything between the look at a row and the one for its file."""

    def __init__(self, monkeypatch, migrate):
        self._patch, self._migrate = monkeypatch, migrate
        self.is_over = False

    def of(self, module, name):
        interrupted = getattr(module, name)

        async def interrupt(*arguments, **options):
            if not self.is_over:
                self.is_over = True
                await self._migrate()
            return await interrupted(*arguments, **options)

        self._patch.setattr(module, name, interrupt)


@pytest.fixture
def interruption(monkeypatch, migrate):
    return Interruption(monkeypatch, migrate)


@pytest.mark.usefixtures("enabled")
async def test_whoever_just_asked_gets_the_original(alice, add, interruption):
    asset_id = await add()
    interruption.of(asset_bytes, "file_response")

    answer = await alice.get(f"/api/assets/{asset_id}/original")

    assert (answer.status, interruption.is_over) == (200, True)


@pytest.mark.usefixtures("enabled")
async def test_or_the_film(alice, add, interruption):
    asset_id = await add("a.mov")
    interruption.of(asset_bytes, "file_response")
    answer = await alice.get(f"/api/assets/{asset_id}/video/playback")
    assert (answer.status, interruption.is_over) == (200, True)


@pytest.mark.usefixtures("enabled")
async def test_or_the_sidecar(alice, home, interruption):
    asset_id = (await alice.upload(b"picture", sidecar=b"<x/>")).json["id"]
    (file,) = await home.query("SELECT id FROM asset_file")
    interruption.of(asset_files, "file_response")

    answer = await alice.get(f"/api/asset-files/{file['id']}/download")

    assert (answer.status, answer.data, interruption.is_over) == (200, b"<x/>", True)
    assert (await home.key(asset_id)).startswith("library/")


@pytest.mark.usefixtures("enabled")
async def test_or_all_in_an_archive(alice, add, interruption):
    ids = [await add(f"{number}.jpg") for number in range(3)]
    interruption.of(download, "_send")

    answer = await alice.post("/api/download/archive", {"assetIds": ids})

    assert interruption.is_over
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.namelist() == ["0.jpg", "1.jpg", "2.jpg"]


@pytest.mark.usefixtures("enabled")
async def test_what_is_gone_is_still_gone(alice, add, home, root):
    asset_id = await add()
    paths.resolve(root, await home.key(asset_id)).unlink()
    assert (await alice.get(f"/api/assets/{asset_id}/original")).status == 404


class Readers:
    """Download what was sent, again and again."""

    def __init__(self, home):
        self.home = home
        self.sent = {}
        self.read = set()

    async def send(self, client, number):
        owner_id, data = UUID(client.user["id"]), b"%d " % number * 100
        name = f"{number % 40}.jpg"
        asset_id = await self.home.upload(owner_id, data, name, sidecar=b"<x/>")
        self.sent[asset_id] = (client, data)

    async def read_all(self):
        while True:
            for asset_id, (client, data) in self.sent.items():
                answer = await client.get(f"/api/assets/{asset_id}/original")
                assert (answer.status, answer.data == data) == (200, True)
                self.read.add(await self.home.key(asset_id))

    async def archive_all(self, client):
        own = [str(id_) for id_, (owner, _) in self.sent.items() if owner is client]
        while True:
            answer = await client.post("/api/download/archive", {"assetIds": own})
            with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
                assert len(archive.namelist()) == len(own)


@pytest.mark.usefixtures("enabled")
async def test_readers_notice_nothing(alice, bob, home, migrate, change, dsn):
    """Three hundred are moved, and moved again, while they are downloaded."""

    async def follow():
        mover = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.media.moving", dsn, home.root
        )
        assert await mover.wait() == 0

    readers = Readers(home)
    for number in range(300):
        await readers.send((alice, bob)[number % 2], number)
    work = (readers.read_all(), readers.archive_all(alice), readers.archive_all(bob))
    reading = [asyncio.create_task(one) for one in work]
    for template in (f"{DAY}/{{{{filename}}}}", "{{filename}}/{{filename}}"):
        assert (await change(template=template)).status == 200
        moving = asyncio.create_task(migrate(follow))
        done, _ = await asyncio.wait([moving, *reading], return_when=asyncio.FIRST_COMPLETED)
        assert done == {moving}, [task.exception() for task in done]
        moving.result()
    for reader in reading:
        reader.cancel()
        with suppress(asyncio.CancelledError):
            await reader

    await home.assert_level()
    assert {key.partition("/")[0] for key in readers.read} >= {"library"}
    folders = {(await home.place(id_)).partition("/")[0] for id_ in readers.sent}
    assert folders == {*map(str, range(40))}


@pytest.mark.usefixtures("enabled")
async def test_reports_know_where_files_are(admin, alice, home, migrate, context, monkeypatch):
    monkeypatch.setattr(inspection.walk, "__kwdefaults__", {"grace_seconds": -60.0})
    name = "3f2b8c1e-5d74-4a96-8e0b-6c1f9a2d7e53.jpg"  # Another asset's id, for all one knows.
    for number in range(2):
        await alice.upload(b"%d" % number, name, sidecar=b"<x/>")
    await migrate()
    folder = home.root / "library" / alice.user["id"] / DAY
    (folder / "other.jpg").write_bytes(b"nobody's")
    (folder / "other.jpg.xmp").write_bytes(b"nobody's either")
    gone = folder / name.replace(".jpg", "+1.jpg")
    gone.unlink()

    for check in (integrity.check_missing, integrity.check_untracked, integrity.check_checksums):
        await check(context)

    reports = partial(admin.get, "/api/admin/integrity/report")
    shown = {
        type_: sorted(item["path"] for item in (await reports(type=type_)).json["items"])
        for type_ in ("missing_file", "untracked_file", "checksum_mismatch")
    }
    below = folder.relative_to(home.root).as_posix()
    assert shown == {
        "missing_file": [gone.relative_to(home.root).as_posix()],
        "untracked_file": [f"{below}/other.jpg", f"{below}/other.jpg.xmp"],
        "checksum_mismatch": [],
    }
