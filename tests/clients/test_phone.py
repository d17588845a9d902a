"""The mobile app's own sequence: found, logged in, synced, backed up; with nothing but cookies."""

from __future__ import annotations

import asyncio
import io
from base64 import b64encode
from collections.abc import AsyncIterator
from hashlib import sha1
from itertools import count
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest
from PIL import Image

from tests.clients.conftest import EMAIL, PASSWORD
from tests.fix_server import Client
from tests.sync.app import REQUESTS, check_line
from tests.sync.replica import Replica

DEVICE = {
    "User-Agent": "immich-ios/3.1.0",
    "deviceModel": "iPhone 17",
    "deviceType": "iOS",
}
# Forgotten once after each upgrade of the app, one request each.
CLEAN_UPS = (
    ["AlbumV1"],
    ["AssetExifV1", "PartnerAssetExifV1", "AlbumAssetExifCreateV1", "AlbumAssetExifUpdateV1"],
    ["AssetV1", "PartnerAssetV1", "AlbumAssetCreateV1", "AlbumAssetUpdateV1"],
    ["AssetV1", "AssetV2"],
)
COOKIES = {"immich_access_token", "immich_auth_type", "immich_is_authenticated"}
_widths = count(400)


class Phone:
    """One installed app: a cookie jar and a local database."""

    def __init__(self, http: aiohttp.ClientSession, url: str) -> None:
        self.http, self.base = http, url
        self.client = Client(http, url, **DEVICE)
        self.database = Replica(self, batch_lines=1)

    async def find_server(self) -> None:
        """As after typing the address."""
        found = (await self.client.get("/.well-known/immich")).json["api"]["endpoint"]
        assert found == "/api"
        assert (await self.client.get("/api/server/ping")).json == {"res": "pong"}
        version = (await self.client.get("/api/server/version")).json
        assert (version["major"], version["prerelease"]) == (3, None)
        features = (await self.client.get("/api/server/features")).json
        assert features["passwordLogin"]
        assert not features["oauth"]
        assert (await self.client.get("/api/server/config")).json["isInitialized"]

    async def log_in(self) -> None:
        credentials = {"email": EMAIL, "password": PASSWORD}
        answer = await self.client.post("/api/auth/login", credentials)
        assert answer.status == 201
        assert answer.cookies.keys() == COOKIES
        me, preferences = await asyncio.gather(
            self.client.get("/api/users/me"), self.client.get("/api/users/me/preferences")
        )
        assert (me.status, preferences.status) == (200, 200)

    @property
    def cookie(self) -> str:
        """What the native image loader and the socket send by themselves."""
        return "; ".join(f"{one.key}={one.value}" for one in self.http.cookie_jar)

    async def first_sync(self) -> None:
        for types in CLEAN_UPS:
            answer = await self.client.delete("/api/sync/ack", {"types": types})
            assert answer.status == 204
        await self.sync()

    async def sync(self) -> list[str]:
        """The types of the lines that came, without the controls."""
        assert (await self.client.get("/api/server/version")).status == 200
        await self.database.pull()
        assert self.database.heard[-1][0] == "SyncCompleteV1"
        return self.database.types()

    async def stream(self) -> AsyncIterator[bytes]:
        """For the database: as it comes from the network, acks going out meanwhile."""
        async with self.http.post(
            f"{self.base}/api/sync/stream",
            json={"types": REQUESTS},
            headers=DEVICE | {"Accept": "application/jsonlines+json"},
        ) as response:
            assert response.status == 200
            assert response.content_type == "application/jsonlines+json"
            async for block in response.content.iter_any():
                yield block

    async def ack(self, ack: str) -> None:
        assert (await self.client.post("/api/sync/ack", {"acks": [ack]})).status == 204

    def row(self, table: str, *key: str) -> Any:
        return self.database.dump()[table][key]

    def lacks(self, data: bytes) -> bool:
        """Whether the server has to be sent these bytes, by what was synced."""
        checksum = b64encode(sha1(data).digest()).decode()
        known = {asset["checksum"] for asset in self.database.dump()["asset"].values()}
        return checksum not in known

    async def back_up(self, data: bytes, name: str, **fields: str) -> str:
        """The id, whether the server had it or not: the app looks at nothing else."""
        answer = await self.client.upload(
            data,
            name,
            **{
                "deviceAssetId": name,
                "deviceId": "a phone",
                "fileCreatedAt": "2024-05-06T07:08:09.123456Z",
                "fileModifiedAt": "2024-05-06T07:08:09.123456Z",
                "isFavorite": "false",
                "duration": "0",
            }
            | fields,
        )
        assert answer.status in (200, 201), answer.data
        return answer.json["id"]


@pytest.fixture
async def install(served):
    """An app that was just installed."""
    sessions = []

    async def install() -> Phone:
        sessions.append(aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)))
        return Phone(sessions[-1], served.url)

    yield install
    for session in sessions:
        await session.close()


@pytest.fixture
async def phone(install):
    """One that is logged in and synced."""
    phone = await install()
    await phone.find_server()
    await phone.log_in()
    await phone.first_sync()
    return phone


def photo() -> bytes:
    """Never the same twice."""
    file = io.BytesIO()
    Image.new("RGB", (next(_widths), 300), (40, 120, 200)).save(file, "JPEG")
    return file.getvalue()


async def ready(socket, asset_id: str) -> dict[str, Any]:
    """The news that an asset can be shown, whole, as the app demands it."""
    while True:
        (news,) = await socket.next("AssetUploadReadyV2")
        check_line("AssetV2", news["asset"])
        check_line("AssetExifV1", news["exif"])
        if news["asset"]["id"] == asset_id:
            return news


async def test_a_first_sync(phone, served):
    assert phone.row("auth_user", served.user["id"])["isAdmin"] is True
    assert phone.row("user", served.user["id"])["email"] == EMAIL
    assert phone.database.types()[:2] == ["AuthUserV1", "UserV1"]
    acks = (await phone.client.get("/api/sync/ack")).json
    assert {"AuthUserV1", "UserV1", "SyncCompleteV1"} <= {one["type"] for one in acks}
    assert await phone.sync() == []


async def test_the_session_is_named_after_the_device(phone):
    (session,) = [one for one in (await phone.client.get("/api/sessions")).json if one["current"]]

    assert (session["deviceOS"], session["appVersion"]) == ("iOS", "3.1.0")
    assert session["deviceType"] == "iPhone 17"


async def test_a_live_photo_is_backed_up(phone, open_socket):
    socket = await open_socket(phone.base, Cookie=phone.cookie)
    still, film = photo(), b"\0\0\0\x18ftypqt   a moment" + photo()
    assert phone.lacks(still)

    video_id = await phone.back_up(
        film, "tmp-1F3A.MOV", filename="IMG_0001.MOV", visibility="hidden", duration="1533"
    )
    still_id = await phone.back_up(
        still,
        "tmp-77B0.JPG",
        filename="IMG_0001.JPG",
        livePhotoVideoId=video_id,
        metadata='[{"key":"mobile-app","value":{"iCloudId":"7A/L0/001","latitude":"54.5"}}]',
    )
    news = await ready(socket, still_id)
    changes = await phone.sync()

    assert {"AssetV2", "AssetExifV1", "AssetMetadataV1"} <= set(changes)
    assert phone.row("asset", still_id) == news["asset"]
    assert phone.row("exif", still_id) == news["exif"]
    assert phone.row("asset_metadata", still_id, "mobile-app")["value"]["iCloudId"] == "7A/L0/001"
    shown = phone.row("asset", still_id)
    assert (shown["originalFileName"], shown["livePhotoVideoId"]) == ("IMG_0001.JPG", video_id)
    assert (shown["visibility"], shown["type"], shown["height"]) == ("timeline", "IMAGE", 300)
    moving = phone.row("asset", video_id)
    assert (moving["originalFileName"], moving["visibility"]) == ("IMG_0001.MOV", "hidden")
    assert (moving["type"], moving["duration"]) == ("VIDEO", 1533)
    assert not phone.lacks(still)
    assert not phone.lacks(film)
    assert video_id not in [
        arguments[0]["asset"]["id"]
        for event, *arguments in socket.heard
        if event == "AssetUploadReadyV2"
    ]


async def test_what_is_shown_needs_cookies_and_nothing_else(phone, open_socket, served):
    socket = await open_socket(phone.base, Cookie=phone.cookie)
    still, film = photo(), b"\0\0\0\x18ftypqt   a moment" + photo()
    video_id = await phone.back_up(film, "a.mov", visibility="hidden")
    still_id = await phone.back_up(still, "a.jpg", livePhotoVideoId=video_id)
    thumbhash = (await ready(socket, still_id))["asset"]["thumbhash"]

    tail = f"edited=true&c={quote(thumbhash, safe='')}"
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:

        async def load(path: str, **headers: str) -> tuple[int, str, bytes]:
            url = f"{served.url}/api/assets/{path}"
            async with http.get(url, headers={"Cookie": phone.cookie} | headers) as response:
                return response.status, response.content_type, await response.read()

        small = await load(f"{still_id}/thumbnail?size=thumbnail&{tail}")
        large = await load(f"{still_id}/thumbnail?size=preview&{tail}")
        whole = await load(f"{still_id}/original?edited=true")
        probe = await load(f"{video_id}/video/playback?{tail}", Range="bytes=0-1")
        async with http.get(f"{served.url}/api/assets/{still_id}/thumbnail") as response:
            refused = response.status

    assert small[:2] == (200, "image/webp")
    assert min(Image.open(io.BytesIO(small[2])).size) == 250
    assert large[:2] == (200, "image/jpeg")
    assert whole == (200, "image/jpeg", still)
    assert probe == (206, "video/quicktime", film[:2])
    assert refused == 401


async def test_three_at_a_time_and_again(phone, install):
    pictures = {f"IMG_{number}.jpg": photo() for number in range(6)}
    workers = asyncio.Semaphore(3)

    async def send(name: str, data: bytes) -> str:
        async with workers:
            return await phone.back_up(data, name)

    ids = await asyncio.gather(*(send(*one) for one in pictures.items()))
    again = await asyncio.gather(*(send(*one) for one in pictures.items()))
    await phone.sync()

    assert ids == again
    assert not any(phone.lacks(data) for data in pictures.values())
    other = await install()
    await other.log_in()
    await other.first_sync()
    assert not any(other.lacks(data) for data in pictures.values())


async def test_what_the_web_changes_reaches_the_phone(phone, client, open_socket):
    socket = await open_socket(phone.base, Cookie=phone.cookie)
    video_id = await phone.back_up(b"\0\0\0\x18ftypqt  " + photo(), "b.mov", visibility="hidden")
    still_id = await phone.back_up(photo(), "b.jpg", livePhotoVideoId=video_id)
    await ready(socket, still_id)
    await phone.sync()

    await client.put(f"/api/assets/{still_id}", {"isFavorite": True, "description": "At sea"})
    await phone.sync()
    assert phone.row("asset", still_id)["isFavorite"] is True
    assert phone.row("exif", still_id)["description"] == "At sea"

    await client.delete("/api/assets", {"ids": [still_id]})
    assert await socket.next("on_asset_trash") == ([still_id],)
    await phone.sync()
    assert phone.row("asset", still_id)["deletedAt"] is not None

    await client.post("/api/trash/restore/assets", {"ids": [still_id]})
    assert await socket.next("on_asset_restore") == ([still_id],)
    await phone.sync()
    assert phone.row("asset", still_id)["deletedAt"] is None

    await client.delete("/api/assets", {"ids": [still_id], "force": True})
    gone = {(await socket.next("on_asset_delete"))[0] for _ in range(2)}
    await phone.sync()
    assert gone == {still_id, video_id}
    assert not gone & {key for (key,) in phone.database.dump()["asset"]}


async def test_a_reset_wipes_and_refills(phone, client):
    picture = photo()
    await phone.back_up(picture, "c.jpg")
    await phone.sync()
    (session,) = [one for one in (await phone.client.get("/api/sessions")).json if one["current"]]
    answer = await client.put(f"/api/sessions/{session['id']}", {"isPendingSyncReset": True})
    assert answer.status == 200
    await phone.sync()

    assert phone.database.wipes == 1
    assert not phone.lacks(picture)
    await phone.sync()
    assert phone.database.wipes == 1


async def test_logging_out_ends_everything(phone, open_socket):
    socket = await open_socket(phone.base, Cookie=phone.cookie)
    (session,) = [one for one in (await phone.client.get("/api/sessions")).json if one["current"]]
    cookie = phone.cookie
    answer = await phone.client.post("/api/auth/logout")

    assert (answer.status, answer.json["successful"]) == (200, True)
    assert await socket.next("on_session_delete") == (session["id"],)
    assert phone.cookie == ""
    refused = await phone.client.using(Cookie=cookie).get("/api/users/me")
    assert (refused.status, refused.message) == (401, "Invalid user token")
