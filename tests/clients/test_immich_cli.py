"""The official command line client, from its own package: the first thing people point at us."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest

from tests.clients import folders
from tests.clients.conftest import Ended


@pytest.fixture
def immich(node, tmp_path):
    """Run `immich ...`; what one login wrote lasts for the test."""
    return partial(
        node,
        "node_modules/@immich/cli/bin/immich",
        IMMICH_CONFIG_DIR=str(tmp_path / "config"),
        HOME=str(tmp_path),
    )


def results(ended: Ended) -> dict[str, Any]:
    """What `--json-output` printed between its other lines."""
    found, _ = json.JSONDecoder().raw_decode(ended.text[ended.text.index("{\n") :])
    return found


@pytest.fixture
async def logged_in(immich, served):
    ended = await immich("login", f"{served.url}/api", served.key)
    assert ended.status == 0, ended.text
    return immich


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "my photos"


async def count(client) -> int:
    return (await client.get("/api/assets/statistics")).json["total"]


async def test_login_by_key(immich, served, tmp_path):
    ended = await immich("login", f"{served.url}/api", served.key)

    assert ended.status == 0, ended.text
    assert f"Logged in as {served.user['email']}" in ended.text
    assert served.key in (tmp_path / "config" / "auth.yml").read_text()


async def test_the_address_without_api_is_found_by_its_well_known_file(immich, served):
    ended = await immich("login", served.url, served.key)

    assert ended.status == 0, ended.text


async def test_a_wrong_key_is_refused_with_our_words(immich, served):
    ended = await immich("login", f"{served.url}/api", "wrong")

    assert ended.status == 1
    assert "Invalid API key" in ended.text


async def test_a_key_may_only_what_it_may(immich, served, client, folder):
    folders.fill(folder)
    made = await client.post("/api/api-keys", {"name": "weak", "permissions": ["user.read"]})
    login = await immich("login", f"{served.url}/api", made.json["secret"])
    before = await count(client)
    ended = await immich("upload", "--recursive", "--no-progress", folder)

    assert login.status == 0, login.text
    assert ended.status == 1
    assert "asset.upload" in ended.text
    assert await count(client) == before


async def test_server_info(logged_in, served):
    ended = await logged_in("server-info")

    assert ended.status == 0, ended.text
    assert "Version: 3.2.2" in ended.text
    assert "heic" in ended.text
    assert f"via {served.user['email']}" in ended.text


async def test_a_folder_twice(logged_in, served, client, folder, open_socket):
    sizes = folders.fill(folder)
    before = await count(client)
    socket = await open_socket(served.url, **{"x-api-key": served.key})

    first = await logged_in("upload", "--recursive", "--json-output", "--no-progress", folder)
    second = await logged_in("upload", "--recursive", "--json-output", "--no-progress", folder)

    assert (first.status, second.status) == (0, 0), first.text + second.text
    assert f"Successfully uploaded {len(sizes)} new assets" in first.text
    assert "Failed" not in first.text and "Skipped" not in first.text
    made = results(first)["newAssets"]
    again = results(second)
    assert (again["newFiles"], again["newAssets"]) == ([], [])
    assert by_path(again["duplicates"]) == by_path(made)
    assert await count(client) == before + len(sizes)

    missing = {one["id"] for one in made}
    while missing:
        (asset,) = await socket.next("on_upload_success")
        missing.discard(asset["id"])
    seen = [await see(client, one["id"]) for one in made]
    assert {asset["originalFileName"]: size_of(asset) for asset in seen} == sizes


def by_path(assets: list[dict[str, str]]) -> dict[str, str]:
    return {one["filepath"]: one["id"] for one in assets}


async def see(client, asset_id: str) -> dict[str, Any]:
    """Everything an app shows of a picture is there."""
    asset = (await client.get(f"/api/assets/{asset_id}")).json
    name, exif = asset["originalFileName"], asset["exifInfo"]
    assert asset["thumbhash"], name
    assert exif["fileSizeInByte"] > 0
    if name.lower().endswith((".jpg", ".jpeg")):
        assert exif["model"] == "Camera Obscura"
        assert asset["localDateTime"] == "2021-07-03T21:15:30.000Z"
    if name == folders.TOLD:
        assert exif["description"] == folders.STORY
    for size, kind in {"thumbnail": "image/webp", "preview": "image/jpeg"}.items():
        answer = await client.get(f"/api/assets/{asset_id}/thumbnail", size=size)
        assert (answer.status, answer.headers["Content-Type"]) == (200, kind), name
    return asset


def size_of(asset: dict[str, Any]) -> tuple[int, int]:
    return asset["width"], asset["height"]


async def test_the_bytes_come_back_as_they_were(logged_in, client, folder):
    folders.fill(folder)
    ended = await logged_in("upload", "--recursive", "--json-output", "--no-progress", folder)
    uploads = results(ended)

    known = uploads["newAssets"] + uploads["duplicates"]
    assert len(known) == len(folders.NAMES)
    for one in known:
        with open(one["filepath"], "rb") as file:  # noqa: ASYNC230
            data = file.read()
        assert (await client.get(f"/api/assets/{one['id']}/original")).data == data


async def test_without_hashes_the_server_finds_the_duplicates(logged_in, client, folder):
    sizes = folders.fill(folder)
    await logged_in("upload", "--recursive", "--no-progress", folder)
    before = await count(client)
    (folder / "another.jpg").write_bytes((folder / "plain.jpg").read_bytes() + b"\0")
    ended = await logged_in("upload", "--recursive", "--no-progress", "--skip-hash", folder)

    assert ended.status == 0, ended.text
    assert "Successfully uploaded 1 new asset " in ended.text
    assert f"Skipped {len(sizes)} duplicate assets" in ended.text
    assert await count(client) == before + 1


async def test_a_file_that_is_refused_does_not_stop_the_others(logged_in, client, folder):
    folder.mkdir()
    (folder / "empty.jpg").touch()
    (folder / "good.jpg").write_bytes(b"\xff\xd8 hardly a picture, but kept")
    ended = await logged_in("upload", "--no-progress", folder)

    assert "Successfully uploaded 1 new asset " in ended.text
    assert "Failed to upload 1 asset:" in ended.text
    assert "File is empty" in ended.text


async def test_into_an_album(logged_in, client, folder):
    sizes = folders.fill(folder)
    ended = await logged_in(
        "upload", "--recursive", "--no-progress", "--album-name", "Summer", folder
    )

    assert ended.status == 0, ended.text
    (album,) = (await client.get("/api/albums")).json
    assert (album["albumName"], album["assetCount"]) == ("Summer", len(sizes))
