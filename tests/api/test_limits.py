"""How often secrets may be guessed, and what a guess tells."""

from __future__ import annotations

import asyncio
import logging

import bcrypt
import pytest
from aiohttp.test_utils import TestServer, make_mocked_request

from server import limits
from server.app import build_app
from server.authentication import hash_password
from server.context import Context
from sync import guesses
from sync.config import Config
from sync.errors import TooMany
from sync.guesses import Allowance
from tests.fix_server import PASSWORD

LOGIN, CODE, UNLOCK = "/api/auth/login", "/api/auth/pin-code", "/api/auth/session/unlock"
PIN = "123456"


def credentials(client, password=PASSWORD):
    return {"email": client.user["email"], "password": password}


async def guess(client, victim, password="wrong", **headers):
    return await client.using(**headers).post(LOGIN, credentials(victim, password))


def home(number):
    """Behind a proxy on our side, as the proxy names it."""
    return {"X-Forwarded-For": f"93.184.216.{number}"}


@pytest.fixture
async def elsewhere(database, root):
    """Another process of the same server."""
    other = TestServer(build_app(Context(database, root, None, Config())))
    await other.start_server()
    yield str(other.make_url("")).rstrip("/")
    await other.close()


# logging in


async def test_guessing_a_password_comes_to_an_end_for_a_while(anonymous, alice, execute):
    answers = [await guess(anonymous, alice, **home(1)) for _ in range(11)]

    assert [one.status for one in answers] == [401] * 10 + [429]
    assert answers[-1].json == {"message": "Too many attempts, please try again later"}
    assert (await guess(anonymous, alice, PASSWORD, **home(1))).status == 429
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 15

    await execute("UPDATE guess SET at = at - interval '20 seconds'")
    assert (await guess(anonymous, alice, PASSWORD, **home(1))).status == 201


async def test_a_stranger_does_not_keep_the_owner_out(anonymous, alice, bob):
    for _ in range(11):
        await guess(anonymous, alice, **home(1))

    assert (await guess(anonymous, alice, PASSWORD, **home(2))).status == 201
    assert (await guess(anonymous, bob, PASSWORD, **home(1))).status == 201


async def test_who_knows_the_password_may_come_as_often_as_they_like(anonymous, alice):
    for _ in range(15):
        assert (await guess(anonymous, alice, PASSWORD, **home(1))).status == 201


async def test_guesses_at_once_are_counted_before_they_are_looked_at(anonymous, alice):
    answers = await asyncio.gather(*[guess(anonymous, alice, **home(1)) for _ in range(25)])

    assert sorted(one.status for one in answers) == [401] * 10 + [429] * 15


async def test_two_processes_count_together(anonymous, alice, elsewhere):
    here = [await guess(anonymous, alice, **home(1)) for _ in range(6)]
    anonymous.url = elsewhere
    there = [await guess(anonymous, alice, **home(1)) for _ in range(6)]

    assert [one.status for one in here + there] == [401] * 10 + [429] * 2


async def test_an_account_that_is_not_there_has_the_same_limits(anonymous):
    body = {"email": "nobody@example.org", "password": "wrong"}
    answers = [await anonymous.using(**home(1)).post(LOGIN, body) for _ in range(11)]

    assert [one.status for one in answers] == [401] * 10 + [429]


async def test_one_address_does_not_try_every_account(database):
    allowances = {one.name: one for one in limits.at_login(_request(), "a@b")}
    of_address = allowances["login 127.0.0.1"]

    for _ in range(of_address.size):
        async with database.write() as tx:
            await guesses.spend(tx, [of_address])
    with pytest.raises(TooMany):
        async with database.write() as tx:
            await guesses.spend(tx, limits.at_login(_request(), "b@b"))


# where a request comes from


def _request(remote="127.0.0.1", **headers):
    request = make_mocked_request("POST", LOGIN, headers=headers)
    return request.clone(remote=remote)


@pytest.mark.parametrize(
    ("remote", "forwarded", "address"),
    [
        ("151.101.1.7", None, "151.101.1.7"),
        ("151.101.1.7", "93.184.216.1", "151.101.1.7"),  # a stranger may say anything
        ("127.0.0.1", "93.184.216.1", "93.184.216.1"),
        (
            "172.17.0.1",
            "1.1.1.1, 93.184.216.1",
            "93.184.216.1",
        ),  # what the proxy was told is nothing
        ("172.17.0.1", "93.184.216.1, 10.0.0.2", "93.184.216.1"),  # two proxies
        ("172.17.0.1", "10.0.0.2", "10.0.0.2"),
        ("172.17.0.1", "who knows", "172.17.0.1"),
        ("172.17.0.1", "", "172.17.0.1"),
        ("::ffff:93.184.216.1", None, "93.184.216.1"),
        ("2a00:1450:1:2:3:4:5:6", None, "2a00:1450:1:2::/64"),
        ("::1", "2a00:1450:1:2::9", "2a00:1450:1:2::/64"),
    ],
)
def test_an_address_is_what_the_proxies_near_us_saw(remote, forwarded, address):
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}

    found = limits.address_of(_request(remote, **headers))

    assert found == address


# the PIN code


async def test_guessing_a_code_comes_to_an_end_for_a_while(alice, execute):
    await alice.post(CODE, {"pinCode": PIN})
    answers = [await alice.post(UNLOCK, {"pinCode": f"00000{n}"}) for n in range(6)]

    assert [one.status for one in answers] == [400] * 5 + [429]
    assert (await alice.post(UNLOCK, {"pinCode": PIN})).status == 429
    status = (await alice.get("/api/auth/status")).json
    assert status["isElevated"] is False

    await execute("UPDATE guess SET at = at - interval '70 seconds'")
    assert (await alice.post(UNLOCK, {"pinCode": PIN})).status == 204


async def test_one_session_does_not_lock_out_the_others(alice, log_in):
    await alice.post(CODE, {"pinCode": PIN})
    phone = await log_in(alice)
    for _ in range(6):
        await alice.post(UNLOCK, {"pinCode": "000000"})

    assert (await phone.post(UNLOCK, {"pinCode": PIN})).status == 204


async def test_all_sessions_of_a_user_guess_together(alice, log_in):
    await alice.post(CODE, {"pinCode": PIN})
    statuses = []
    for _ in range(3):
        phone = await log_in(alice)
        statuses += [(await phone.post(UNLOCK, {"pinCode": "000000"})).status for _ in range(5)]

    assert statuses == [400] * 10 + [429] * 5


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", CODE, {"newPinCode": "111111", "password": "wrong"}),
        ("DELETE", CODE, {"pinCode": "000000"}),
        ("POST", "/api/auth/change-password", {"password": "wrong", "newPassword": "12345678"}),
    ],
)
async def test_every_way_to_try_a_secret_is_counted(alice, method, path, body):
    await alice.post(CODE, {"pinCode": PIN})
    statuses = [(await alice.call(method, path, json=body)).status for _ in range(6)]

    assert statuses == [400] * 5 + [429]


# the password of a link


@pytest.fixture
async def link(alice, add, share):
    return await share(assetIds=[await add()], password="open")


async def try_link(visitor, password="wrong"):
    return await visitor.post("/api/shared-links/login", {"password": password})


def guest(visit, link, number):
    return visit(link).using(**visit(link).headers, **home(number))


async def test_guessing_the_password_of_a_link_comes_to_an_end_for_a_while(visit, link, execute):
    visitor = guest(visit, link, 1)
    answers = [await try_link(visitor) for _ in range(11)]

    assert [one.status for one in answers] == [401] * 10 + [429]
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 15
    assert (await try_link(visitor, "open")).status == 429

    await execute("UPDATE guess SET at = at - interval '20 seconds'")
    assert (await try_link(visitor, "open")).status == 201


async def test_a_guest_who_guesses_keeps_out_nobody_else(visit, link, alice, share, add):
    other = await share(assetIds=[await add()], password="open")
    for _ in range(11):
        await try_link(guest(visit, link, 1))

    assert (await try_link(guest(visit, link, 2), "open")).status == 201
    assert (await try_link(guest(visit, other, 1), "open")).status == 201
    assert (await alice.get(f"/api/shared-links/{link['id']}")).status == 200


async def test_who_knows_the_password_of_a_link_may_give_it_as_often_as_they_like(visit, link):
    for _ in range(12):
        assert (await try_link(guest(visit, link, 1), "open")).status == 201


async def test_two_processes_count_guesses_at_a_link_together(visit, link, elsewhere):
    visitor = guest(visit, link, 1)
    here = [await try_link(visitor) for _ in range(6)]
    visitor.url = elsewhere
    there = [await try_link(visitor) for _ in range(6)]

    assert [one.status for one in here + there] == [401] * 10 + [429] * 2


# what is kept


async def test_what_was_long_ago_is_forgotten(database, query, execute):
    async with database.write() as tx:
        await guesses.spend(tx, [Allowance("old", 5, 1.0), Allowance("new", 5, 1.0)])
    await execute("UPDATE guess SET at = at - interval '2 days' WHERE name = 'old'")

    async with database.write() as tx:
        await guesses.forget(tx)

    assert [row["name"] for row in await query("SELECT name FROM guess")] == ["new"]


async def test_who_has_to_wait_is_told_how_long(database, execute):
    one = Allowance("a", 2, 100.0)
    for _ in range(one.size):
        async with database.write() as tx:
            await guesses.spend(tx, [one])
    await execute("UPDATE guess SET at = now() - interval '30 seconds', rest = 0")

    with pytest.raises(TooMany) as refused:
        async with database.write() as tx:
            await guesses.spend(tx, [one])

    assert 69 < refused.value.wait_seconds < 71


async def test_an_allowance_fills_up_to_its_size_and_no_further(database, execute):
    one = Allowance("a", 2, 10.0)
    for seconds in (0, 1000):
        await execute("UPDATE guess SET at = at - make_interval(secs => %s)", seconds)
        for _ in range(one.size):
            async with database.write() as tx:
                await guesses.spend(tx, [one])
        with pytest.raises(TooMany):
            async with database.write() as tx:
                await guesses.spend(tx, [one])


# what a guess tells


async def test_a_hash_is_compared_whoever_is_asked_for(anonymous, alice, execute, monkeypatch):
    """Or the time of an answer tells which accounts there are."""
    await execute('UPDATE "user" SET password = %s', await hash_password(PASSWORD))
    assert (await alice.put("/api/users/me", {"password": PASSWORD})).status == 200
    compared = []
    check = bcrypt.checkpw
    monkeypatch.setattr(bcrypt, "checkpw", lambda *given: compared.append(given) or check(*given))
    unknown = {"email": "nobody@example.org", "password": "wrong"}

    answers = [await anonymous.post(LOGIN, unknown), await guess(anonymous, alice)]
    await execute('UPDATE "user" SET password = NULL')
    answers.append(await guess(anonymous, alice))

    assert len({(one.status, one.data) for one in answers}) == 1
    assert len(compared) == 3
    assert {hashed.split(b"$")[2] for _, hashed in compared} == {b"10"}  # and takes as long


async def test_a_login_never_takes_up_a_token_that_was_there(anonymous, alice):
    """Or whoever put it there would be in, too."""
    planted = "x" * 43
    for headers in (
        {"Cookie": f"immich_access_token={planted}"},
        {"Authorization": f"Bearer {planted}"},
        {"Cookie": f"immich_access_token={alice.headers['Authorization'].split()[1]}"},
    ):
        answer = await anonymous.using(**headers).post(LOGIN, credentials(alice))
        token = answer.json["accessToken"]
        assert token not in str(headers)
        assert answer.cookies["immich_access_token"].value == token
        stranger = anonymous.using(Authorization=f"Bearer {planted}")
        assert (await stranger.get("/api/users/me")).status == 401


async def test_no_secret_is_logged(anonymous, alice, caplog):
    caplog.set_level(logging.DEBUG)
    wrong, pin = "a wrong password", "987654"
    await guess(anonymous, alice, wrong)
    answer = await guess(anonymous, alice, PASSWORD)
    await alice.post(CODE, {"pinCode": PIN})
    await alice.post(UNLOCK, {"pinCode": pin})

    text = caplog.text
    assert alice.user["email"] in text
    token = alice.headers["Authorization"].split()[1]
    for secret in (wrong, PASSWORD, PIN, pin, token, answer.json["accessToken"]):
        assert secret not in text
