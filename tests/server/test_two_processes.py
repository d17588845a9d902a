"""Two server processes on one database: what is done in one counts in the other.

They are started once for all tests of this module, so each test makes users of its own; the one of
the maintenance mode is the last.
"""

from __future__ import annotations

import os
import subprocess
import sys
from uuid import uuid4

import aiohttp
import pytest

from sql import Database
from sync.operations import users
from sync.stream import settle
from tests.fix_oidc import CLIENT_ID, CLIENT_SECRET
from tests.fix_postgres import clone
from tests.fix_server import PASSWORD, PASSWORD_HASH, Client
from tests.sync.library import until

CONFIG = "/api/admin/config"
PIN = "123456"
FAVORITE = {"method": "immich-plugin-core#assetFavorite", "config": {}}


class Process:
    """`python -m server`; its address stays, whatever mode it is in."""

    def __init__(self, dsn, root):
        environment = {"DATABASE_URL": dsn, "HELIOGRAPH_DATA": str(root), "HELIOGRAPH_PORT": "0"}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "server"], stdout=subprocess.PIPE, text=True,
            env=os.environ | environment,
        )  # fmt: skip
        self.url = ""

    def enters(self, mode):
        """Wait until it serves in this mode."""
        word, self.url = self._process.stdout.readline().split()
        assert word == mode

    def end(self):
        self._process.terminate()
        self._process.wait()
        self._process.stdout.close()


@pytest.fixture(scope="module")
def pair(postgres, tmp_path_factory):
    root = tmp_path_factory.mktemp("data")
    with clone(postgres) as dsn:
        processes = [Process(dsn, root) for _ in range(2)]
        for process in processes:
            process.enters("ready")
        yield dsn, *processes
        for process in processes:
            process.end()


@pytest.fixture
async def database(pair):
    async with Database(pair[0], connections_max=5) as database:
        yield database


@pytest.fixture
async def here(pair):
    """A client of the first process without credentials."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as http:
        yield Client(http, pair[1].url)


@pytest.fixture
def there(pair):
    """The same client at the second process."""

    def there(client):
        other = client.using(**client.headers)
        other.url, other.user = pair[2].url, client.user
        return other

    return there


@pytest.fixture
def anonymous(here):
    return here


@pytest.fixture
async def sign_in(here, database):
    """A new user, logged in at the first process."""

    async def sign_in(name, **details):
        email = f"{name.lower()}.{uuid4().hex[:8]}@example.org"
        async with database.write() as tx:
            user_id = await users.create_user(
                tx, email=email, name=name, password_hash=PASSWORD_HASH, **details
            )
        return await log_into(here, {"id": str(user_id), "email": email, "name": name})

    return sign_in


@pytest.fixture
def listen(open_socket):
    return lambda client: open_socket(client.url, **client.headers)


@pytest.fixture
def change(admin, there):
    """Set some settings at the first process; wait until the second has them."""

    async def change(listen, **groups):
        socket = await listen(there(admin))
        wanted = (await admin.get(CONFIG)).json
        for group, values in groups.items():
            wanted[group] |= values
        assert (await admin.put(CONFIG, wanted)).status == 200
        await socket.next("on_config_update")

    return change


async def log_into(client, user, password=PASSWORD):
    answer = await client.post("/api/auth/login", {"email": user["email"], "password": password})
    assert answer.status == 201, answer.data
    known = client.using(Authorization=f"Bearer {answer.json['accessToken']}")
    known.user = user
    return known


async def session_of(client):
    (session,) = [one for one in (await client.get("/api/sessions")).json if one["current"]]
    return session["id"]


async def is_out(client):
    return (await client.get("/api/users/me")).status == 401


# Whoever is let out in one process is out of the other: each way ends a session there.


async def end_session(alice, other, admin, here):
    await alice.delete(f"/api/sessions/{await session_of(other)}")


async def end_other_sessions(alice, other, admin, here):
    await alice.delete("/api/sessions")


async def log_out(alice, other, admin, here):
    at_first = other.using(**other.headers)
    at_first.url = alice.url
    await at_first.post("/api/auth/logout")


async def change_password(alice, other, admin, here):
    body = {"password": PASSWORD, "newPassword": "another one"}
    assert (await alice.post("/api/auth/change-password", body)).status == 200


async def change_password_of(alice, other, admin, here):
    answer = await admin.put(f"/api/admin/users/{alice.user['id']}", {"password": "another one"})
    assert answer.status == 200


async def delete_user(alice, other, admin, here):
    await admin.delete(f"/api/admin/users/{alice.user['id']}", {})


async def remove_user(alice, other, admin, here):
    await admin.delete(f"/api/admin/users/{alice.user['id']}", {"force": True})


@pytest.mark.parametrize(
    "end",
    [
        end_session, end_other_sessions, log_out, change_password, change_password_of,
        delete_user, remove_user,
    ],
)  # fmt: skip
async def test_who_is_let_out_in_one_is_out_of_the_other(alice, admin, here, there, listen, end):
    other = await log_into(there(here), alice.user)
    socket = await listen(other)

    await end(alice, other, admin, here)

    await socket.closed()
    assert await is_out(other)


async def test_a_password_changed_in_one_is_asked_for_in_the_other(alice, here, there):
    await change_password(alice, alice, None, here)

    old = await there(here).post(
        "/api/auth/login", {"email": alice.user["email"], "password": PASSWORD}
    )
    assert old.status == 401
    await log_into(there(here), alice.user, "another one")


async def test_a_key_deleted_in_one_opens_nothing_in_the_other(alice, here, there):
    made = (await alice.post("/api/api-keys", {"name": "a", "permissions": ["all"]})).json
    key = there(here.using(**{"x-api-key": made["secret"]}))
    assert (await key.get("/api/users/me")).status == 200

    await alice.put(f"/api/api-keys/{made['apiKey']['id']}", {"permissions": ["asset.read"]})
    assert (await key.get("/api/users/me")).status == 403
    await alice.delete(f"/api/api-keys/{made['apiKey']['id']}")
    assert await is_out(key)


async def test_a_folder_locked_in_one_is_locked_in_the_other(alice, there):
    assert (await alice.post("/api/auth/pin-code", {"pinCode": PIN})).status == 204
    elevated = []
    for lock in (("/api/auth/session/lock", None), ("/api/auth/pin-code", {"password": PASSWORD})):
        assert (await there(alice).post("/api/auth/session/unlock", {"pinCode": PIN})).status == 204
        elevated.append((await alice.get("/api/auth/status")).json["isElevated"])
        path, body = lock
        await alice.call("DELETE" if body else "POST", path, json=body)
        elevated.append((await there(alice).get("/api/auth/status")).json["isElevated"])

    assert elevated == [True, False, True, False]


async def test_a_link_removed_in_one_leads_nowhere_in_the_other(alice, here, there):
    asset = (await alice.upload(b"a photo")).json["id"]
    body = {"type": "INDIVIDUAL", "assetIds": [asset]}
    link = (await alice.post("/api/shared-links", body)).json
    guest = there(here.using(**{"x-immich-share-key": link["key"]}))
    assert (await guest.get("/api/shared-links/me")).status == 200

    await alice.call("PATCH", f"/api/shared-links/{link['id']}", json={"password": "open"})
    assert (await guest.get("/api/shared-links/me")).status == 401
    await alice.delete(f"/api/shared-links/{link['id']}")
    answer = await guest.get("/api/shared-links/me")
    assert (answer.status, answer.message) == (401, "Invalid share key")


async def test_what_the_provider_ends_in_one_is_ended_in_the_other(
    admin, here, there, change, listen, provider, open_browser
):
    await change(listen, oauth={
        "enabled": True, "issuerUrl": provider.url, "clientId": CLIENT_ID,
        "clientSecret": CLIENT_SECRET, "allowInsecureRequests": True, "autoRegister": True,
    })  # fmt: skip
    email = f"carol.{uuid4().hex[:8]}@example.org"
    provider.users["c-1"] = {"email": email, "email_verified": True, "name": "Carol"}
    browser = open_browser(here)
    url = await browser.visit(await browser.begin(), "c-1")
    browser.client = there(here)  # Begun at one, and ended at the other.
    answer = await browser.finish(url)
    assert answer.status == 201, answer.data
    carol = there(here.using(Authorization=f"Bearer {answer.json['accessToken']}"))
    socket = await listen(carol)

    token = provider.logout_token(sub="c-1")
    told = await here.call("POST", "/api/oauth/backchannel-logout", data={"logout_token": token})
    again = await there(here).call(
        "POST", "/api/oauth/backchannel-logout", data={"logout_token": token}
    )

    assert (told.status, again.status) == (200, 400)  # A word counts once, wherever.
    await socket.closed()
    assert await is_out(carol)


# What is set in one is in force in the other.


async def test_a_setting_of_one_is_in_force_in_the_other(admin, here, there, change, listen):
    await change(listen, trash={"days": 7}, server={"loginPageMessage": "Hello"})

    shown = (await there(here).get("/api/server/config")).json
    assert (shown["trashDays"], shown["loginPageMessage"]) == (7, "Hello")


async def test_a_way_in_that_is_closed_in_one_is_closed_in_the_other(
    alice, here, there, change, listen
):
    await change(listen, passwordLogin={"enabled": False})
    body = {"email": alice.user["email"], "password": PASSWORD}
    answer = await there(here).post("/api/auth/login", body)
    await change(listen, passwordLogin={"enabled": True})

    assert (answer.status, answer.message) == (401, "Password login has been disabled")


async def test_guesses_are_counted_together(alice, here, there):
    body = {"email": alice.user["email"], "password": "wrong"}
    stranger = here.using(**{"X-Forwarded-For": "93.184.216.77"})
    statuses = [
        (await client.post("/api/auth/login", body)).status
        for client in [stranger, there(stranger)] * 6
    ]

    assert statuses == [401] * 10 + [429] * 2


async def test_guesses_at_a_code_are_counted_together(alice, there):
    await alice.post("/api/auth/pin-code", {"pinCode": PIN})
    statuses = [
        (await client.post("/api/auth/session/unlock", {"pinCode": "000000"})).status
        for client in [alice, there(alice)] * 3
    ]

    assert statuses == [400] * 5 + [429]


# What is to be done, and who is told.


async def test_a_queue_paused_in_one_is_paused_in_both(
    admin, alice, there, change, listen, mailbox, database
):
    smtp = {"enabled": True, "from": "server@example.org", "replyTo": "", "transport": {
        "host": "127.0.0.1", "port": mailbox.port, "ignoreCert": False, "password": "",
        "secure": False, "username": "",
    }}  # fmt: skip
    await change(listen, notifications={"smtp": smtp})
    queue = "/api/queues/notifications"
    assert (await admin.put(queue, {"isPaused": True})).status == 200
    assert (await there(admin).get(queue)).json["isPaused"] is True
    body = {"userId": alice.user["id"], "title": "Wait for it"}
    assert (await admin.post("/api/admin/notifications", body)).status == 201
    await settle(database)
    assert (await admin.get(queue)).json["statistics"]["paused"] == 1
    assert mailbox.is_empty

    assert (await there(admin).put(queue, {"isPaused": False})).status == 200

    assert (await mailbox.next())["Subject"] == "Wait for it"


async def test_a_workflow_changed_in_one_is_that_of_both(alice, there):
    body = {"trigger": "AssetCreate", "steps": [FAVORITE], "logging": True}
    workflow = (await alice.post("/api/workflows", body)).json
    path = f"/api/workflows/{workflow['id']}"

    async def runs(client, data):
        """What the workflow did with one more photo, as soon as that is done."""
        asset = (await client.upload(data)).json["id"]
        await until(lambda: has_run(client, path, asset))
        return (await client.get(f"/api/assets/{asset}")).json["isFavorite"]

    assert await runs(there(alice), b"one") is True
    step = {"method": "immich-plugin-core#assetArchive", "config": {}}
    assert (await there(alice).call("PATCH", path, json={"steps": [step]})).status == 200
    assert await runs(alice, b"two") is False


async def has_run(client, path, asset):
    logs = (await client.get(f"{path}/logs")).json
    return asset in str(logs)


async def test_a_notification_of_one_is_heard_in_the_other(admin, alice, there, listen):
    sockets = [await listen(alice), await listen(there(alice))]

    body = {"userId": alice.user["id"], "title": "Hello"}
    assert (await admin.post("/api/admin/notifications", body)).status == 201

    for socket in sockets:
        (told,) = await socket.next("on_notification")
        assert told["title"] == "Hello"


async def test_a_photo_sent_to_one_is_seen_in_the_other(alice, there):
    asset = (await alice.upload(b"a picture")).json["id"]

    answer = await there(alice).get(f"/api/assets/{asset}/original")
    assert (answer.status, answer.data) == (200, b"a picture")
    lines = await there(alice).sync("AssetsV2")
    assert asset in [line["data"].get("id") for line in lines]


async def test_both_are_maintained_at_once(pair, admin, here, there):
    _, first, second = pair
    answer = await admin.post("/api/admin/maintenance", {"action": "start"})
    ticket = here.using(Cookie=f"immich_maintenance_token="
                               f"{answer.cookies['immich_maintenance_token'].value}")  # fmt: skip
    for process in (first, second):
        process.enters("maintenance")
    for client in (admin, there(admin)):
        assert (await client.get("/api/users/me")).status == 503

    ended = await there(ticket).post("/api/admin/maintenance", {"action": "end"})
    assert ended.status == 201
    for process in (first, second):
        process.enters("ready")
    for client in (admin, there(admin)):
        assert (await client.get("/api/users/me")).status == 200
