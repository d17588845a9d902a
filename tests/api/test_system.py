"""What the server says of itself is true, and in the shapes that clients read."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from importlib.metadata import version

import pytest

from server.wire.system import format_bytes
from sync.operations import system

VERSION = {"major": 3, "minor": 2, "patch": 2, "prerelease": None}
PUBLIC = [
    "/server/ping",
    "/server/version",
    "/server/version-history",
    "/server/features",
    "/server/config",
    "/server/media-types",
    "/server/theme",
    "/public/config",
    "/public/config/defaults",
]
USERS = ["/server/about", "/server/apk-links", "/server/storage", "/server/version-check"]
ADMINS = [
    "/server/statistics",
    "/system-metadata/admin-onboarding",
    "/system-metadata/version-check-state",
    "/system-metadata/reverse-geocoding-state",
]


@pytest.fixture
def change(database, alice, open_socket):
    """Set settings, and wait until the server knows."""

    async def change(settings) -> None:
        socket = await open_socket(alice.url, **alice.headers)
        async with database.write() as tx:
            await system.change_config(tx, settings)
        await socket.next("on_config_update")

    return change


@pytest.mark.parametrize("path", PUBLIC)
async def test_apps_ask_before_anybody_logs_in(anonymous, path):
    assert (await anonymous.get(f"/api{path}")).status == 200


@pytest.mark.parametrize("path", USERS + ADMINS)
async def test_strangers_learn_nothing_more(anonymous, path):
    answer = await anonymous.get(f"/api{path}")

    assert (answer.status, answer.message) == (401, "Authentication required")


@pytest.mark.parametrize("path", USERS)
async def test_users_learn_more(alice, path):
    assert (await alice.get(f"/api{path}")).status == 200


@pytest.mark.parametrize("path", ADMINS)
async def test_administrators_learn_all(admin, alice, path):
    assert (await admin.get(f"/api{path}")).status == 200
    refused = await alice.get(f"/api{path}")

    assert (refused.status, refused.message) == (403, "Forbidden")


async def test_ping_and_version(anonymous):
    assert (await anonymous.get("/api/server/ping")).json == {"res": "pong"}
    assert (await anonymous.get("/api/server/version")).json == VERSION


async def test_versions_that_ran_here_newest_first(database, anonymous):
    for one in ("3.2.1", "3.2.2", "3.2.2"):
        async with database.write() as tx:
            await system.note_version(tx, one)

    answer = await anonymous.get("/api/server/version-history")
    assert [row["version"] for row in answer.json] == ["3.2.2", "3.2.1"]


async def test_features_promise_only_what_there_is(anonymous, change):
    features = (await anonymous.get("/api/server/features")).json
    assert len(features) == 16
    assert {name for name, value in features.items() if value} == {
        "map",
        "passwordLogin",
        "reverseGeocoding",
        "search",
        "sidecar",
        "trash",
    }

    await change({"passwordLogin.enabled": False, "trash.enabled": False})

    features = (await anonymous.get("/api/server/features")).json
    assert {name for name, value in features.items() if value} == {
        "map",
        "reverseGeocoding",
        "search",
        "sidecar",
    }


async def test_the_configuration_says_whether_somebody_is_there(anonymous):
    before = (await anonymous.get("/api/server/config")).json
    answer = await anonymous.post(
        "/api/auth/admin-sign-up",
        {"email": "ada@example.org", "password": "correct horse", "name": "Ada"},
    )
    after = (await anonymous.get("/api/server/config")).json

    assert answer.status == 201
    assert (before["isInitialized"], after["isInitialized"]) == (False, True)
    assert before == {
        "externalDomain": "",
        "isInitialized": False,
        "isOnboarded": False,
        "loginPageMessage": "",
        "maintenanceMode": False,
        "mapDarkStyleUrl": "https://tiles.immich.cloud/v1/style/dark.json",
        "mapLightStyleUrl": "https://tiles.immich.cloud/v1/style/light.json",
        "minFaces": 3,
        "oauthButtonText": "Login with OAuth",
        "publicUsers": True,
        "trashDays": 30,
        "userDeleteDelay": 7,
    }


async def test_settings_are_shown(anonymous, change):
    await change(
        {
            "server.externalDomain": "https://photos.example.org",
            "server.loginPageMessage": "Hello",
            "server.publicUsers": False,
            "trash.days": 3,
            "user.deleteDelay": 1,
            "theme.customCss": "p {}",
            "passwordLogin.enabled": False,
        }
    )

    shown = (await anonymous.get("/api/server/config")).json
    assert shown["externalDomain"] == "https://photos.example.org"
    assert (shown["trashDays"], shown["userDeleteDelay"], shown["publicUsers"]) == (3, 1, False)
    assert (await anonymous.get("/api/server/theme")).json == {"customCss": "p {}"}
    assert (await anonymous.get("/api/public/config")).json == {
        "oauth": {"autoLaunch": False, "buttonText": "Login with OAuth", "enabled": False},
        "passwordLogin": {"enabled": False},
        "server": {"loginPageMessage": "Hello"},
        "theme": {"customCss": "p {}"},
    }
    defaults = (await anonymous.get("/api/public/config/defaults")).json
    assert (defaults["passwordLogin"]["enabled"], defaults["theme"]["customCss"]) == (True, "")


async def test_an_administrator_goes_through_the_first_steps_once(admin, alice):
    path = "/api/system-metadata/admin-onboarding"
    assert (await admin.get(path)).json == {"isOnboarded": False}

    answer = await admin.post(path, {"isOnboarded": True})

    assert (answer.status, answer.data) == (204, b"")
    assert (await admin.get(path)).json == {"isOnboarded": True}
    assert (await admin.get("/api/server/config")).json["isOnboarded"] is True
    assert (await alice.post(path, {"isOnboarded": False})).status == 403
    wrong = await admin.post(path, {"isOnboarded": "yes"})
    assert (wrong.status, wrong.json["errors"][0]["path"]) == (400, ["isOnboarded"])


async def test_about_names_the_version_as_clients_read_it(alice):
    about = (await alice.get("/api/server/about")).json

    assert about["version"] == "v3.2.2"
    assert about["versionUrl"].endswith("/tag/v3.2.2")
    assert about["licensed"] is False
    assert about["build"] == f"Heliograph {version('heliograph')}"


async def test_media_types_are_extensions_with_a_dot(anonymous):
    types = (await anonymous.get("/api/server/media-types")).json

    assert {".jpg", ".heic", ".dng"} <= set(types["image"])
    assert {".mp4", ".mov"} <= set(types["video"])
    assert types["sidecar"] == [".xmp"]


async def test_storage_is_that_of_the_data_folder(alice, root):
    storage = (await alice.get("/api/server/storage")).json
    disk = shutil.disk_usage(root)

    assert storage["diskSizeRaw"] == disk.total
    assert storage["diskSize"] == format_bytes(disk.total)
    assert storage["diskUse"] == format_bytes(storage["diskUseRaw"])
    assert storage["diskAvailable"] == format_bytes(storage["diskAvailableRaw"])
    assert 0 < storage["diskUseRaw"] <= disk.total - storage["diskAvailableRaw"]
    share = 100 * storage["diskUseRaw"] / disk.total
    assert storage["diskUsagePercentage"] == pytest.approx(share, abs=0.01)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536 * 1024**3, "1.5 TiB"),
        (5 * 1024**7, "5120.0 EiB"),
    ],
)
def test_sizes_are_for_people(count, text):
    assert format_bytes(count) == text


async def test_statistics_are_of_each_user_and_of_all(admin, alice):
    for name, data in (("a.jpg", b"a photo"), ("b.jpg", b"another"), ("c.mp4", b"a film")):
        assert (await alice.upload(data, name)).status == 201

    statistics = (await admin.get("/api/server/statistics")).json

    assert {name: statistics[name] for name in statistics if name != "usageByUser"} == {
        "photos": 2,
        "videos": 1,
        "usage": 20,
        "usagePhotos": 14,
        "usageVideos": 6,
    }
    by_user = {row["userName"]: row for row in statistics["usageByUser"]}
    assert by_user["Alice"] == {
        "userId": alice.user["id"],
        "userName": "Alice",
        "photos": 2,
        "videos": 1,
        "usage": 20,
        "usagePhotos": 14,
        "usageVideos": 6,
        "quotaSizeInBytes": None,
    }
    assert by_user["Ada"]["usage"] == 0


async def test_nobody_looked_for_a_newer_version(alice):
    answer = await alice.get("/api/server/version-check")

    assert answer.json == {"checkedAt": None, "releaseVersion": None}


async def test_it_is_known_when_places_were_taken_in(admin, database):
    path = "/api/system-metadata/reverse-geocoding-state"
    assert (await admin.get(path)).json == {"lastImportFileName": None, "lastUpdate": None}

    async with database.write() as tx:
        await system.note_places(tx, "places.tsv.xz")

    state = (await admin.get(path)).json
    assert state["lastImportFileName"] == "places.tsv.xz"
    assert datetime.fromisoformat(state["lastUpdate"]) <= datetime.now(UTC)


async def test_features_follow_what_is_set(anonymous, change):
    await change(
        {
            "notifications.smtp.enabled": True,
            "oauth.enabled": True,
            "oauth.autoLaunch": True,
            "map.enabled": False,
            "reverseGeocoding.enabled": False,
        }
    )

    features = (await anonymous.get("/api/server/features")).json
    assert {name for name, value in features.items() if value} == {
        "email",
        "oauth",
        "oauthAutoLaunch",
        "passwordLogin",
        "search",
        "sidecar",
        "trash",
    }
