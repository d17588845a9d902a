"""A shared link on every operation there is: what it opens, and what stays shut."""

from __future__ import annotations

import hmac
import logging
import re
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

from server.api import shared_links
from server.endpoint import ENDPOINTS, OURS, Endpoint
from storage import files
from tests import contract
from tests.api.uploads import NOW, PHOTO, VIDEO, send, stored

PASSWORD = "open sesame"
REFUSALS = {"Not Found"} | {
    f"Not found or no {permission} access"
    for permission in (
        "asset.read", "asset.view", "asset.download",
        "album.read", "album.download", "timeline.read",
    )
}  # fmt: skip
OF_NO_ENTITY = {("POST", "/assets"), ("GET", "/shared-links/me"), ("POST", "/shared-links/login")}


COVER = re.compile(r'"albumThumbnailAssetId":"[^"]*"')


class Things(NamedTuple):
    asset: str
    album: str


def is_for_links(one: Endpoint) -> bool:
    """By the contract, where there is one."""
    operation = contract.operation(one.methods[0], one.path)
    return operation.auth == "user+link" if operation else one.auth.endswith("link")


def guarded():
    return [
        (method, one)
        for one in [*ENDPOINTS, *OURS]
        if one.auth != "public"
        for method in one.methods
    ]


def for_links():
    return [(method, one.path) for method, one in guarded() if is_for_links(one)]


def of_entities():
    return [one for one in for_links() if one not in OF_NO_ENTITY]


def url(path, id_=None):
    return "/api" + re.sub(r"\{\w+\}", lambda _: id_ or str(uuid4()), path)


async def ask(guest, method, path, things):
    """Ask an operation for these things, as a client would."""
    options: dict[str, Any] = {}
    id_ = things.album if path.startswith("/albums") else things.asset
    match path:
        case "/assets":
            return await send(guest, ("assetData", PHOTO, "guest.jpg"), **NOW)
        case "/download/info" | "/download/archive":
            options["json"] = {"assetIds": [things.asset]}
        case "/search/metadata":
            options["json"] = {"albumIds": [things.album]}
        case "/timeline/bucket" | "/timeline/buckets":
            options["params"] = {"albumId": things.album, "timeBucket": "2024-05-01"}
        case "/shared-links/login":
            options["json"] = {"password": PASSWORD}
    return await guest.call(method, url(path, id_), **options)


@pytest.fixture
async def make(alice):
    """`await make(asset)`: what Alice has, one in an album."""

    async def make(asset):
        answer = await alice.post("/api/albums", {"albumName": "a", "assetIds": [asset]})
        return Things(asset, answer.json["id"])

    return make


@pytest.fixture
async def shown(alice, make):
    """A film, since all media routes have something to say about it."""
    return await make((await alice.upload(VIDEO, "Shown.mp4")).json["id"])


@pytest.fixture
async def hidden(alice, make):
    return await make((await alice.upload(VIDEO + b"hidden", "Hidden.mp4")).json["id"])


@pytest.fixture
def render(alice, execute, root):
    """Store pictures of an asset, as the worker does."""

    async def render(asset_id):
        for type_ in ("thumbnail", "preview"):
            key = f"thumbs/{alice.user['id']}/aa/bb/{asset_id}_{type_}.webp"
            files.write_atomically(root, key, type_.encode(), durable=False)
            await execute(
                "INSERT INTO asset_file (asset_id, type, key) VALUES (%s, %s, %s)",
                asset_id, type_, key,
            )  # fmt: skip

    return render


async def follow(guest, path):
    """The answer at the end of all redirects."""
    answer = await guest.get(path)
    while answer.status == 302:
        path = f"{path.rpartition('/')[0]}/{answer.headers['Location']}"
        answer = await guest.get(path)
    return answer


# --- which operations --------------------------------------------------------------------------


async def test_a_link_opens_nothing_that_is_not_for_links(visit, share, shown):
    guest = visit(await share(assetIds=[shown.asset]))

    for method, one in guarded():
        answer = await guest.call(method, url(one.path))
        if is_for_links(one):
            assert answer.status not in (401, 403), (method, one.path)
        else:
            assert (answer.status, answer.json) == (403, {"message": "Forbidden"}), one.path


async def test_a_link_does_not_add_to_a_session(visit, alice, share, shown):
    link = await share(assetIds=[shown.asset])

    answer = await visit(link).get("/api/users/me", sessionKey=alice.headers["Authorization"][7:])

    assert answer.status == 403


@pytest.mark.parametrize("method, path", for_links(), ids=lambda text: text)
async def test_a_link_opens_what_is_for_links(visit, share, render, shown, method, path):
    link = await share(albumId=shown.album, password=PASSWORD)
    guest = visit(link)
    await render(shown.asset)
    login = await guest.post("/api/shared-links/login", {"password": PASSWORD})
    (cookie,) = (f"{one.key}={one.value}" for one in login.cookies.values())

    answer = await ask(visit(link, cookie), method, path, shown)

    if "/video/stream/" in path and answer.status != 204:  # it is off, for everybody
        assert answer.status in (400, 404)
        assert "access" not in answer.message
    else:
        assert 200 <= answer.status < 300, answer.data


# --- which things ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["of an asset", "of an album"])
async def test_a_link_opens_nothing_else_of_its_owner(visit, share, shown, hidden, kind):
    of_asset = kind == "of an asset"
    link = await share(**({"assetIds": [shown.asset]} if of_asset else {"albumId": shown.album}))

    for method, path in of_entities():
        answer = await ask(visit(link), method, path, hidden)
        assert answer.status in (400, 404), (method, path)
        assert answer.message in REFUSALS, (method, path)


async def test_a_link_opens_nothing_of_others(visit, share, bob, shown):
    asset = (await bob.upload(PHOTO)).json["id"]
    album = (await bob.post("/api/albums", {"albumName": "a", "assetIds": [asset]})).json["id"]
    link = await share(albumId=shown.album)

    for method, path in of_entities():
        answer = await ask(visit(link), method, path, Things(asset, album))
        assert answer.status in (400, 404), (method, path)
        assert answer.message in REFUSALS, (method, path)


@pytest.mark.parametrize("how", ["trashed", "locked", "taken out"])
async def test_a_link_shows_no_longer_what_is_gone(alice, visit, share, shown, render, how):
    await render(shown.asset)
    links = [await share(albumId=shown.album), await share(assetIds=[shown.asset])]
    match how:
        case "trashed":
            await alice.delete("/api/assets", {"ids": [shown.asset]})
        case "locked":
            await alice.put(f"/api/assets/{shown.asset}", {"visibility": "locked"})
        case "taken out":
            body = {"ids": [shown.asset]}
            await alice.delete(f"/api/albums/{shown.album}/assets", body)
            path = f"/api/shared-links/{links[1]['id']}/assets"
            await alice.delete(path, {"assetIds": body["ids"]})

    for link in links:
        for method, path in of_entities():
            answer = await ask(visit(link), method, path, shown)
            told = COVER.sub("", answer.data.decode())
            assert shown.asset not in told, (method, path)
            if path.startswith(("/assets", "/download")):
                assert answer.status in (400, 404), (method, path)


async def test_asking_for_the_trash_shows_none(alice, visit, share, shown):
    await alice.delete("/api/assets", {"ids": [shown.asset]})
    guest = visit(await share(albumId=shown.album))

    for path in ("/api/timeline/bucket", "/api/timeline/buckets"):
        for more in ({"isTrashed": "true"}, {"visibility": "hidden"}, {"visibility": "locked"}):
            answer = await guest.get(path, albumId=shown.album, timeBucket="2024-05-01", **more)
            assert shown.asset not in answer.data.decode()
            assert '"count"' not in answer.data.decode()
    answer = await guest.post(
        "/api/search/metadata", {"albumIds": [shown.album], "withDeleted": True}
    )
    assert shown.asset not in answer.data.decode()


# --- which links -------------------------------------------------------------------------------


async def test_without_its_password_a_link_opens_nothing(visit, share, root, shown, database):
    guest = visit(await share(albumId=shown.album, password=PASSWORD))
    before = stored(root)

    for method, path in for_links():
        if path != "/shared-links/login":
            answer = await ask(guest, method, path, shown)
            assert (answer.status, answer.json) == (401, {"message": "Password required"}), path
    assert stored(root) == before


@pytest.mark.parametrize("end", ["expired", "deleted", "its album", "its owner", "another key"])
async def test_what_ended_opens_nothing(alice, visit, share, execute, root, shown, end):
    link = await share(albumId=shown.album)
    before = stored(root)
    match end:
        case "expired":
            await execute("UPDATE shared_link SET expires_at = now()")
        case "deleted":
            await alice.delete(f"/api/shared-links/{link['id']}")
        case "its album":
            await alice.delete(f"/api/albums/{shown.album}")
        case "its owner":
            await execute('UPDATE "user" SET deleted_at = now()')
        case "another key":
            link["key"] = "A" + link["key"][1:-1] + "A"

    for method, path in for_links():
        answer = await ask(visit(link), method, path, shown)
        assert (answer.status, answer.json) == (401, {"message": "Invalid share key"}), path
    assert stored(root) == before


# --- the switches ------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.jpg", "a.heic", "a.mp4"])
async def test_without_download_there_are_pictures_and_no_files(
    alice, visit, share, make, render, name
):
    data = VIDEO if name.endswith("mp4") else PHOTO
    things = await make((await alice.upload(data, name)).json["id"])
    await render(things.asset)
    guest = visit(await share(albumId=things.album, allowDownload=False))
    path = f"/api/assets/{things.asset}"

    assert (await guest.get(f"{path}/original")).status == 404
    assert (await follow(guest, f"{path}/thumbnail")).data == b"thumbnail"
    for size in ("fullsize", "preview"):
        for more in ("", "&edited=true", "&edited=false"):
            answer = await follow(guest, f"{path}/thumbnail?size={size}{more}")
            assert (answer.status, answer.data) == (200, b"preview")
    assert (await follow(guest, f"{path}/thumbnail?size=original")).status == 404
    for one in ("/download/info", "/download/archive"):
        answer = await ask(guest, "POST", one, things)
        assert (answer.status, answer.message) == (400, "Not found or no asset.download access")


async def test_without_metadata_nothing_tells_of_it(alice, visit, share, make, render):
    things = await make((await alice.upload(PHOTO, "Tromsø-1234.jpg")).json["id"])
    await render(things.asset)
    shown = await alice.put(
        f"/api/assets/{things.asset}",
        {"description": "Northern lights", "latitude": 69.6489, "longitude": 18.9551},
    )
    secrets = [
        "Troms", "Northern", "69.64", "18.95",
        shown.json["checksum"], shown.json["originalPath"],
    ]  # fmt: skip
    links = [
        await share(albumId=things.album, showMetadata=False),
        await share(assetIds=[things.asset], showMetadata=False),
    ]

    for link in links:
        guest = visit(link)
        for method, path in [*of_entities(), ("GET", "/shared-links/me")]:
            if path not in ("/download/archive", "/assets/{id}/original"):
                answer = await ask(guest, method, path, things)
                told = f"{answer.headers}".encode() + answer.data
                assert not [text for text in secrets if text.encode() in told], path


async def test_without_upload_nothing_comes_in(visit, share, root, shown):
    guest = visit(await share(albumId=shown.album, allowUpload=False))
    before = stored(root)

    answer = await ask(guest, "POST", "/assets", shown)

    assert (answer.status, answer.json) == (401, {"message": "Unauthorized"})
    assert stored(root) == before


# --- secrets -----------------------------------------------------------------------------------


async def test_a_password_is_compared_whatever_it_is(visit, share, shown, monkeypatch):
    """By digests of one length, so that neither letters nor length show in the time it takes."""
    link = await share(assetIds=[shown.asset], password=PASSWORD)
    compared = []

    def compare(left, right):
        compared.append((len(left), len(right)))
        return hmac.compare_digest(left, right)

    monkeypatch.setattr(shared_links, "compare_digest", compare)
    for password in ("", "o", PASSWORD[:-1] + "f", PASSWORD * 100):
        answer = await visit(link).post("/api/shared-links/login", {"password": password})
        assert (answer.status, answer.message) == (401, "Invalid password")

    assert compared == [(32, 32)] * 4


async def test_no_log_tells_of_a_link(anonymous, enter, share, shown, caplog, monkeypatch):
    link = await share(albumId=shown.album, password=PASSWORD, slug="northern-lights")
    caplog.set_level(logging.CRITICAL, logger="aiohttp.access")  # as when it is served
    caplog.set_level(logging.DEBUG)
    guests = [
        await enter(link, PASSWORD),
        anonymous.using(**{"x-immich-share-slug": link["slug"]}),
    ]
    for guest in guests:
        for method, path in for_links():
            await ask(guest, method, path, shown)
            await guest.call(method, url(path), params={"key": link["key"]})

    monkeypatch.setattr("server.endpoint.authenticate", fail)
    answer = await anonymous.get("/api/shared-links/me", key=link["key"], slug=link["slug"])

    assert answer.status == 500
    assert "broken on purpose" in caplog.text
    for secret in (link["key"], link["slug"], PASSWORD):
        assert secret not in caplog.text


async def fail(*_values, **_more):
    raise RuntimeError("broken on purpose")
