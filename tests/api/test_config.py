"""What an administrator sets is in force at once, or is refused; nothing is kept and ignored."""

from __future__ import annotations

import copy
import logging
import re
from pathlib import Path

import aiohttp
import pytest
from aiohttp.test_utils import TestServer

from server.app import build_app
from server.context import Context
from sync import settings, tail
from sync.config import Config, build, by_path, follow_logging, load
from sync.operations import system
from sync.stream import settle

ADMIN_PATHS = ["/admin/config", "/system-config"]
SHOWN = [
    *ADMIN_PATHS,
    *(f"{path}/defaults" for path in ADMIN_PATHS),
    "/system-config/storage-template-options",
]
NEVER_SAID = "client secret"


def put_at(values, path, value):
    """A copy of nested values with another one at a path."""
    changed = copy.deepcopy(values)
    *groups, name = path.split(".")
    inner = changed
    for group in groups:
        inner = inner[group]
    inner[name] = value
    return changed


@pytest.fixture
def change(admin):
    """Send the configuration that is in force with some values changed."""

    async def change(changes, path="/admin/config", by=admin):
        values = (await admin.get(f"/api{path}")).json
        for name, value in changes.items():
            values = put_at(values, name, value)
        return await by.put(f"/api{path}", values)

    return change


@pytest.mark.parametrize("path", SHOWN)
async def test_only_administrators_see_all_of_it(admin, alice, anonymous, path):
    assert (await admin.get(f"/api{path}")).status == 200
    refused = await alice.get(f"/api{path}")
    assert (refused.status, refused.message) == (403, "Forbidden")
    assert (await anonymous.get(f"/api{path}")).status == 401


@pytest.mark.parametrize("path", ADMIN_PATHS)
async def test_only_administrators_change_it(admin, alice, anonymous, change, new_key, path):
    name = {"/admin/config": "adminConfig", "/system-config": "systemConfig"}[path]
    reader = await new_key(admin, f"{name}.read")
    writer = await new_key(admin, f"{name}.update")

    for client, status in ((alice, 403), (anonymous, 401), (reader, 403), (writer, 200)):
        assert (await change({"trash.days": 5}, path, client)).status == status
    assert (await writer.get(f"/api{path}")).status == 403
    assert (await reader.get(f"/api{path}")).json["trash"]["days"] == 5


@pytest.mark.parametrize("path", ADMIN_PATHS)
async def test_what_is_set_is_in_force_and_can_be_set_back(admin, alice, change, path):
    before = (await admin.get(f"/api{path}")).json
    answer = await change({"trash.days": 3, "passwordLogin.enabled": False}, path)

    assert answer.status == 200
    assert answer.json == put_at(put_at(before, "trash.days", 3), "passwordLogin.enabled", False)
    assert (await admin.get(f"/api{path}")).json == answer.json
    assert (await alice.get("/api/config")).json["trash"]["days"] == 3
    login = await alice.post("/api/auth/login", {"email": "a@b.c", "password": "wrong"})
    assert (login.status, login.message) == (401, "Password login has been disabled")

    assert (await admin.put(f"/api{path}", before)).json == before
    assert (await admin.get(f"/api{path}/defaults")).json == before


async def test_only_what_differs_is_kept(admin, change, database):
    await change({"trash.days": 3, "theme.customCss": "p {}"})
    await change({"trash.days": 30})

    async with database.read() as connection:
        rows = await (await connection.execute("SELECT name, value FROM setting")).fetchall()
        assert by_path(await load(connection))["theme.customCss"] == "p {}"
    assert rows == [{"name": "theme.customCss", "value": "p {}"}]


@pytest.fixture
async def another_server(database, tmp_path_factory):
    """Of the same database."""
    context = Context(database, tmp_path_factory.mktemp("another"), None, Config())
    server = TestServer(build_app(context))
    await server.start_server()
    yield str(server.make_url("")).rstrip("/")
    await server.close()


async def test_another_server_has_it_in_force_when_apps_hear_of_it(
    admin, change, another_server, open_socket
):
    socket = await open_socket(another_server, **admin.headers)

    await change({"server.loginPageMessage": "Hello"})

    await socket.next("on_config_update")
    async with aiohttp.ClientSession() as http:
        shown = await (await http.get(f"{another_server}/api/public/config")).json()
    assert shown["server"] == {"loginPageMessage": "Hello"}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("trash.days", -1, "Too small: expected number to be >=0"),
        ("trash.days", "3", "Invalid input: expected number, received string"),
        ("trash", None, "Invalid input: expected object, received null"),
        ("nightlyTasks.startTime", "25:00", None),
        ("server.externalDomain", "photos", None),
        ("image.preview.format", "png", 'Invalid option: expected one of "jpeg"|"webp"'),
        ("ffmpeg.acceptedVideoCodecs", ["h266"], None),
        ("ffmpeg.preset", "placebo", None),
        ("ffmpeg.targetResolution", "big", None),
        ("ffmpeg.maxBitrate", "fast", None),
        ("oauth.issuerUrl", 3, "Invalid input: expected string, received number"),
    ],
)
async def test_wrong_values_are_named_by_their_paths(admin, change, path, value, message):
    before = (await admin.get("/api/admin/config")).json
    answer = await change({path: value})

    assert (answer.status, answer.message) == (400, "Validation failed")
    (issue,) = answer.json["errors"]
    assert [str(part) for part in issue["path"]][: path.count(".") + 1] == path.split(".")
    assert message in (None, issue["message"])
    assert (await admin.get("/api/admin/config")).json == before


@pytest.mark.parametrize("path", ADMIN_PATHS)
async def test_half_a_configuration_does_not_reset_the_other_half(admin, path):
    answer = await admin.put(f"/api{path}", {"trash": {"enabled": True, "days": 3}})

    assert answer.status == 400
    missing = {tuple(issue["path"]) for issue in answer.json["errors"]}
    assert missing == {(name,) for name in (await admin.get(f"/api{path}")).json} - {("trash",)}


@pytest.mark.parametrize(
    "path",
    [
        "backup.database",
        *(f"integrityChecks.{n}Files" for n in ("missing", "untracked", "checksum")),
    ],
)
async def test_times_have_to_come(change, path):
    for expression in ("every night", "0 0 31 2 *", "* * *"):
        answer = await change({f"{path}.cronExpression": expression})
        assert (answer.status, answer.message) == (400, f"Invalid cron expression {expression}")
    assert (await change({f"{path}.cronExpression": "*/5 1 * * MON"})).status == 200


ALL = by_path(Config())


def another(value):
    """A value of the same kind that is none of the defaults."""
    match value:
        case bool():
            return not value
        case int() | float() | None:
            return 1 if value != 1 else 0.5
        case list():
            return []
    return "" if value else "another"


def test_each_setting_is_either_honoured_or_refused_for_a_reason():
    for path in ALL:
        assert settings.is_honoured(path) or settings.reason_against(path), path
    for group in (*settings.HONOURED, *settings.REFUSED):
        assert any(f"{path}.".startswith(f"{group}.") for path in ALL), f"{group} is no setting"


def test_what_is_honoured_is_read_somewhere():
    root = Path(__file__).parents[2]
    files = [f for top in ("server", "sync", "media") for f in (root / top).rglob("*.py")]
    text = "\n".join(f.read_text() for f in files if f != root / "sync/config.py")
    for path in ALL:
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", path.rpartition(".")[2]).lower()
        if settings.is_honoured(path):
            assert re.search(rf"[.]{name}_?\b", text), f"Nothing reads {path}"


REFUSED = [path for path in ALL if not settings.is_honoured(path)]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("machineLearning.enabled", True),
        ("machineLearning.urls", ["http://ml:3003"]),
        ("machineLearning.clip.modelName", "ViT-L-14"),
        ("ffmpeg.accel", "nvenc"),
        ("ffmpeg.accelDecode", True),
        ("ffmpeg.preferredHwDevice", "renderD128"),
        ("ffmpeg.temporalAQ", True),
        ("library.watch.enabled", True),
        ("library.scan.cronExpression", "0 1 * * *"),
        ("newVersionCheck.enabled", True),
        ("nightlyTasks.clusterNewFaces", False),
        ("job.ocr.concurrency", 9),
        ("oauth.accountManagementUrl", "https://id.example.org/me"),
    ],
)
async def test_what_is_not_supported_is_not_kept(admin, change, path, value):
    before = (await admin.get("/api/admin/config")).json
    answer = await change({path: value, "trash.days": 3})

    assert answer.status == 400
    assert answer.message.startswith(f"Changing {path} is not supported here: ")
    assert (await admin.get("/api/admin/config")).json == before


async def test_nor_is_it_by_any_other_way(database):
    for path in REFUSED:
        async with database.write() as tx:
            with pytest.raises(Exception, match=r"not supported here|Expected|Invalid"):
                await system.change_config(tx, {path: another(ALL[path])})
    async with database.read() as connection:
        assert await load(connection) == Config()


async def test_secrets_are_for_administrators_only(admin, alice, anonymous, change):
    secrets = {
        "oauth.clientSecret": NEVER_SAID,
        "notifications.smtp.transport.password": NEVER_SAID,
    }
    assert (await change(secrets)).status == 200

    shown = (await admin.get("/api/admin/config")).json
    assert shown["oauth"]["clientSecret"] == NEVER_SAID
    for client, path in (
        (alice, "/config"),
        (alice, "/public/config"),
        (anonymous, "/server/config"),
    ):
        assert NEVER_SAID not in (await client.get(f"/api{path}")).data.decode()


@pytest.mark.parametrize("path", ["/config", "/config/defaults"])
async def test_users_see_what_their_apps_need(alice, anonymous, new_key, path):
    assert (await anonymous.get(f"/api{path}")).status == 401
    assert (await (await new_key(alice, "userConfig.read")).get(f"/api{path}")).status == 200
    narrow = await (await new_key(alice, "asset.read")).get(f"/api{path}")
    assert (narrow.status, narrow.message) == (
        403,
        "Missing required permission: userConfig.read",
    )
    shown = (await alice.get(f"/api{path}")).json
    assert shown["image"]["preview"] == {"size": 1440}
    assert shown["machineLearning"]["enabled"] is False


async def test_the_templates_that_clients_offer(admin):
    options = (await admin.get("/api/system-config/storage-template-options")).json
    default = (await admin.get("/api/admin/config/defaults")).json["storageTemplate"]["template"]

    assert default in options["presetOptions"]
    assert options["secondOptions"] == ["s", "ss", "SSS"]


async def test_who_serves_heeds_what_is_set(admin, database, root, change, listen):
    heeded = []
    context = Context(database, root, None, Config(), heed=heeded.append)
    server = TestServer(build_app(context))
    await server.start_server()
    url = str(server.make_url("")).rstrip("/")
    answer = await admin.get("/api/admin/config")
    async with aiohttp.ClientSession(headers=admin.headers) as http:
        values = put_at(answer.json, "logging.level", "warn")
        async with http.put(f"{url}/api/admin/config", json=values) as changed:
            assert changed.status == 200
    await server.close()

    assert heeded[0].logging.level == "log"
    assert heeded[-1].logging.level == "warn"


@pytest.mark.parametrize(
    ("values", "level"),
    [
        ({}, logging.INFO),
        ({"logging.level": "verbose"}, logging.DEBUG),
        ({"logging.level": "warn"}, logging.WARNING),
        ({"logging.level": "fatal"}, logging.CRITICAL),
        ({"logging.level": "debug", "logging.enabled": False}, logging.CRITICAL + 1),
    ],
)
def test_a_process_says_as_much_as_is_set(values, level):
    root = logging.getLogger()
    before = root.level
    follow_logging(build(values).logging)
    try:
        assert root.level == level
    finally:
        root.setLevel(before)


@pytest.fixture
async def places(database):
    async with database.read() as connection:
        await connection.execute(
            "INSERT INTO place (country, state, county, name, latitude, longitude, population)"
            " VALUES ('DE', 'Berlin', '', 'Berlin', 52.52, 13.41, 3426354)"
        )


@pytest.mark.parametrize("is_enabled", [True, False])
async def test_places_are_named_if_they_shall_be(alice, add, change, places, is_enabled):
    await change({"reverseGeocoding.enabled": is_enabled})
    assert (await alice.get("/api/server/features")).json["reverseGeocoding"] is is_enabled
    asset_id = await add()

    await alice.put(f"/api/assets/{asset_id}", {"latitude": 52.52, "longitude": 13.405})

    exif = (await alice.get(f"/api/assets/{asset_id}")).json["exifInfo"]
    assert exif["latitude"] == pytest.approx(52.52)
    assert (exif["city"] == "Berlin", exif["country"] is not None) == (is_enabled, is_enabled)


async def test_mail_is_switched_on_only_if_it_can_be_sent(admin, change, mailbox, unused_tcp_port):
    transport = "notifications.smtp.transport"
    smtp = {"notifications.smtp.enabled": True, f"{transport}.host": "127.0.0.1"}

    refused = await change({**smtp, f"{transport}.port": unused_tcp_port})
    assert refused.status == 400
    assert refused.message.startswith("Invalid SMTP configuration: ")
    assert (await admin.get("/api/server/features")).json["email"] is False

    assert (await change({**smtp, f"{transport}.port": mailbox.port})).status == 200
    assert (await admin.get("/api/server/features")).json["email"] is True
    assert mailbox.is_empty


async def test_who_changed_what_is_on_record(admin, change, database):
    await change({"trash.days": 3, "oauth.clientSecret": NEVER_SAID})
    await settle(database)

    async with database.read() as connection:
        entries = await tail.read(connection, 0)
    (changed,) = [entry for entry in entries if entry.topic == "config.changed"]
    assert changed.facts == {"names": ["oauth.clientSecret", "trash.days"], "by": admin.user["id"]}
