"""Who gets a socket, what is spoken on it, and who must go."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import aiohttp
import pytest

from server import realtime
from server.authentication import hash_token, make_token
from sync.operations import sessions, system, users
from tests.server.sockets import actor, mark

VERSION = {"major": 3, "minor": 2, "patch": 2, "prerelease": None}


async def make_key(database, client, *permissions: str) -> tuple[UUID, str]:
    key = make_token()
    async with database.write() as tx:
        made = await sessions.create_api_key(
            tx, actor(client), hash_token(key), name="a", permissions=permissions
        )
    return made["id"], key


# Who gets in


@pytest.mark.parametrize(
    "carry",
    [
        lambda token: {"Authorization": f"Bearer {token}"},
        lambda token: {"x-immich-user-token": token},
        lambda token: {"x-immich-session-token": token},
        lambda token: {"Cookie": f"immich_access_token={token}"},
    ],
)
async def test_a_session_gets_in_by_each_of_its_carriers(alice, url, open_socket, carry):
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    socket = await open_socket(url, is_greeted=False, **carry(token))

    assert await socket.next("on_server_version") == (VERSION,)


async def test_a_key_gets_in_only_if_it_may_do_all(database, alice, url, open_socket):
    _, key = await make_key(database, alice, "all")
    _, narrow = await make_key(database, alice, "asset.read", "user.read")

    await open_socket(url, **{"x-api-key": key})
    socket = await open_socket(url, is_greeted=False, **{"x-api-key": narrow})

    await socket.closed()
    assert socket.heard == [("error", "unauthorized")]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Cookie": "immich_access_token=wrong"},
        {"x-api-key": "wrong"},
        {"x-immich-share-key": "wrong"},
        {"x-immich-share-slug": "wrong"},
    ],
)
async def test_others_are_told_and_closed(url, open_socket, headers):
    socket = await open_socket(url, is_greeted=False, **headers)

    await socket.closed()
    assert socket.heard == [("error", "unauthorized")]


async def test_a_share_key_is_refused_whoever_else_one_is(alice, url, open_socket):
    headers = alice.headers | {"x-immich-share-key": "some"}
    socket = await open_socket(url, is_greeted=False, **headers)

    await socket.closed()
    assert socket.heard == [("error", "unauthorized")]


@pytest.mark.parametrize("name", ["sessionKey", "apiKey", "key", "slug"])
async def test_the_query_is_not_looked_at(database, alice, url, open_socket, name):
    token = alice.headers["Authorization"].removeprefix("Bearer ")
    socket = await open_socket(f"{url}?{name}={token}", is_greeted=False)
    await socket.closed()
    assert socket.heard == [("error", "unauthorized")]

    socket = await open_socket(f"{url}?{name}=wrong", is_greeted=False, **alice.headers)
    assert await socket.next("on_server_version") == (VERSION,)


async def test_who_is_refused_hears_nothing_more(database, alice, url, open_socket):
    stranger = await open_socket(url, is_greeted=False)
    await stranger.closed()
    socket = await open_socket(url, **alice.headers)
    await mark(database, socket)

    assert stranger.names == ["error"]


async def test_polling_is_answered_as_unknown(anonymous):
    for query in ({"EIO": "4", "transport": "polling"}, {"EIO": "4"}, {}):
        answer = await anonymous.get("/api/socket.io/", **query)
        assert answer.status == 400
        assert answer.json == {"code": 0, "message": "Transport unknown"}
        assert answer.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(
    ("method", "query", "code"),
    [
        ("GET", {"EIO": "3", "transport": "websocket"}, 5),
        ("GET", {"EIO": "4", "transport": "websocket", "sid": "a"}, 1),
        ("POST", {"EIO": "4", "transport": "websocket"}, 2),
        ("GET", {"EIO": "4", "transport": "websocket"}, 3),
    ],
)
async def test_other_protocols_are_refused(anonymous, method, query, code):
    answer = await anonymous.call(method, "/api/socket.io/", params=query)

    assert (answer.status, answer.json["code"]) == (400, code)


async def test_the_first_frame_announces_heartbeat_and_limits(alice, url):
    async with (
        aiohttp.ClientSession(headers=alice.headers) as http,
        http.ws_connect(f"{url}/api/socket.io/?EIO=4&transport=websocket", compress=15) as socket,
    ):
        opened = await socket.receive_str()
        assert socket.compress == 0

    assert opened[0] == "0"
    assert json.loads(opened[1:]) | {"sid": ""} == {
        "sid": "",
        "upgrades": [],
        "pingTimeout": 20000,
        "pingInterval": 25000,
        "maxPayload": 1000000,
    }


async def test_what_clients_say_is_ignored(database, alice, url):
    async with (
        aiohttp.ClientSession(headers=alice.headers) as http,
        http.ws_connect(f"{url}/api/socket.io/?EIO=4&transport=websocket") as socket,
    ):
        for frame in ("40", '42["hello",{"a":1}]', '421["hello"]', "3"):
            await socket.send_str(frame)
        async with database.write() as tx:
            await system.change_config(tx, {"server.loginPageMessage": "a"})

        async with asyncio.timeout(10):
            while await socket.receive_str() != '42["on_config_update"]':
                pass


@pytest.mark.parametrize("frame", ["nonsense", "", "9", '451-["a",{"_placeholder":true}]', b"a"])
async def test_what_no_client_says_ends_the_connection(alice, url, frame):
    async with (
        aiohttp.ClientSession(headers=alice.headers) as http,
        http.ws_connect(f"{url}/api/socket.io/?EIO=4&transport=websocket") as socket,
    ):
        await socket.send_str("40")
        if isinstance(frame, bytes):
            await socket.send_bytes(frame)
        else:
            await socket.send_str(frame)

        async with asyncio.timeout(10):
            while not socket.closed:
                await socket.receive()


# Who must go


async def test_logging_out_is_told_to_that_session_after_the_answer(alice, listen, sign_in):
    socket, other = await listen(alice), await listen(await sign_in("Other"))
    answer = await alice.post("/api/auth/logout")
    assert answer.status == 200
    assert not socket.is_closed.is_set()

    (session_id,) = await socket.next("on_session_delete")
    await socket.closed()
    assert UUID(session_id)
    assert other.names == ["on_server_version"]


async def test_who_logged_out_hears_only_that(database, alice, bob, listen, monkeypatch):
    monkeypatch.setattr(realtime, "LOGOUT_SECONDS", 1.0)
    socket, other = await listen(alice), await listen(bob)
    await alice.post("/api/auth/logout")
    await mark(database, other)
    await socket.closed()

    assert socket.names == ["on_server_version", "on_session_delete"]


async def test_the_sockets_of_a_deleted_session_are_closed(
    database, anonymous, alice, url, open_socket
):
    token = make_token()
    async with database.write() as tx:
        session_id = await sessions.create_session(
            tx, UUID(alice.user["id"]), hash_token(token), device_type="phone"
        )
    doomed = await open_socket(url, Authorization=f"Bearer {token}")
    kept = await open_socket(url, **alice.headers)
    async with database.write() as tx:
        await sessions.delete_session(tx, actor(alice), session_id)

    await doomed.closed()
    await mark(database, kept)
    assert doomed.names == ["on_server_version", "on_server_version"]  # the second is the other's


async def test_the_sockets_of_a_changed_key_are_closed(database, alice, url, open_socket):
    changed_id, changed = await make_key(database, alice, "all")
    deleted_id, deleted = await make_key(database, alice, "all")
    sockets = [await open_socket(url, **{"x-api-key": key}) for key in (changed, deleted)]
    async with database.write() as tx:
        await sessions.update_api_key(
            tx, actor(alice), changed_id, name=None, permissions=["asset.read"]
        )
        await sessions.delete_api_key(tx, actor(alice), deleted_id)

    for socket in sockets:
        await socket.closed()


async def test_a_session_that_ends_while_it_connects_is_not_let_in(
    database, alice, bob, url, open_socket, monkeypatch
):
    """Its end is told before its socket is in its room."""
    witness = await open_socket(url, **bob.headers)
    authenticate = realtime.authenticate

    async def end_meanwhile(*args, **options):
        monkeypatch.setattr(realtime, "authenticate", authenticate)
        found = await authenticate(*args, **options)
        async with database.write() as tx:
            await sessions.delete_session(tx, actor(alice), found.session_id)
        await mark(database, witness)
        return found

    monkeypatch.setattr(realtime, "authenticate", end_meanwhile)
    socket = await open_socket(url, is_greeted=False, **alice.headers)

    await socket.closed()
    assert socket.heard == [("error", "unauthorized")]


async def test_a_deleted_user_is_told_to_all_and_out(database, alice, bob, url, open_socket):
    _, key = await make_key(database, bob, "all")
    hers = await open_socket(url, **alice.headers)
    his = [await open_socket(url, **bob.headers), await open_socket(url, **{"x-api-key": key})]
    async with database.write() as tx:
        await users.delete_user(tx, UUID(bob.user["id"]))

    assert await hers.next("on_user_delete") == (bob.user["id"],)
    for socket in his:
        await socket.closed()
