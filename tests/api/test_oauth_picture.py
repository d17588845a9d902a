"""The picture that an OpenID provider has of a user."""

from __future__ import annotations

import asyncio
import logging

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from server import beside, oauth_picture
from server.oauth_picture import is_public
from tests.api.test_profile_image import JPEG, PNG, image_of, kept, send

CAROL = {"email": "carol@example.org", "email_verified": True, "name": "Carol"}


def picture(data=PNG, content_type="image/png", **headers):
    return lambda: web.Response(body=data, content_type=content_type, headers=headers)


@pytest.fixture(autouse=True)
async def known(admin, provider, use_provider):
    """One user of the provider, who has a picture there."""
    provider.users["c-1"] = {**CAROL, "picture": f"{provider.url}/picture"}
    provider.answers["/picture"] = picture()
    use_provider()


@pytest.fixture
def enter(open_browser, anonymous, server):
    """Log in, and wait until all that follows from it is done."""

    async def enter(sub="c-1"):
        before = set(server.app[beside.TASKS])
        answer = await open_browser().log_in(sub)
        assert answer.status == 201, answer.data
        await asyncio.gather(*(server.app[beside.TASKS] - before))
        client = anonymous.using(Authorization=f"Bearer {answer.json['accessToken']}")
        client.user = {"id": answer.json["userId"]}
        return client

    return enter


@pytest.fixture
async def neighbour():
    """A server in the private network that has a picture, too, and notes who asks."""
    asked = []

    async def show(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response(body=PNG, content_type="image/png")

    app = web.Application()
    app.router.add_get("/{path:.*}", show)
    served = TestServer(app)
    await served.start_server()
    served.asked = asked
    yield served
    await served.close()


async def has_picture(client):
    return bool((await client.get("/api/users/me")).json["profileImagePath"])


async def test_who_logs_in_first_has_the_picture_of_the_provider(enter, bob, root):
    carol = await enter()

    answer = await bob.get(image_of(carol.user))
    assert (answer.status, answer.data) == (200, PNG)
    assert answer.headers["Content-Type"] == "image/png"
    assert len(kept(root)) == 1


async def test_others_hear_of_it(enter, bob):
    await enter()

    lines = await bob.sync("UsersV1")
    assert [line["data"]["hasProfileImage"] for line in lines
            if line["type"] == "UserV1" and line["data"]["name"] == "Carol"] == [True]  # fmt: skip


async def test_a_picture_of_ones_own_stays(enter, provider, root):
    carol = await enter()
    assert (await send(carol, JPEG, "mine.jpg")).status == 201
    provider.asked.clear()

    await enter()

    assert "/picture" not in provider.asked
    assert (await carol.get(image_of(carol.user))).data == JPEG


async def test_what_was_sent_meanwhile_stays(enter, provider, root):
    provider.users["c-1"] = dict(CAROL)
    carol = await enter()
    provider.users["c-1"]["picture"] = f"{provider.url}/picture"
    is_asked, may_go_on = asyncio.Event(), asyncio.Event()

    async def show_later():
        is_asked.set()
        await may_go_on.wait()
        return picture()()

    provider.answers.clear()
    provider.slowly["/picture"] = show_later
    again = asyncio.create_task(enter())
    await is_asked.wait()
    assert (await send(carol, JPEG, "mine.jpg")).status == 201
    may_go_on.set()
    await again

    assert (await carol.get(image_of(carol.user))).data == JPEG
    assert len(kept(root)) == 1


async def test_whoever_had_none_gets_it_with_a_later_login(enter, provider):
    provider.users["c-1"] = dict(CAROL)
    carol = await enter()
    assert not await has_picture(carol)
    provider.users["c-1"]["picture"] = f"{provider.url}/picture"

    assert await has_picture(await enter())


@pytest.mark.parametrize(
    "answer",
    [
        picture(b"<html>", "text/html"),
        picture(b"<svg onload='alert(1)'/>", "image/svg+xml"),
        picture(b"<html> that says it is one", "image/png"),
        picture(b"", "image/png"),
        picture(PNG + bytes(oauth_picture.BYTES_MAX), "image/png"),
        lambda: web.Response(status=404),
        lambda: web.Response(status=302, headers={"Location": "/picture"}),
        lambda: web.Response(status=302, headers={"Location": "file:///etc/passwd"}),
        lambda: web.Response(status=302, headers={"Location": "http://[half"}),
    ],
    ids=["page", "svg", "lie", "empty", "large", "missing", "circle", "file", "no address"],
)
async def test_what_is_no_picture_keeps_nobody_out(enter, provider, root, answer, caplog):
    provider.answers["/picture"] = answer

    carol = await enter()

    assert not await has_picture(carol)
    assert kept(root) == []
    (warning,) = [one for one in caplog.records if one.name == "server.oauth_picture"]
    assert warning.levelno == logging.WARNING


async def test_who_does_not_answer_is_not_waited_for(enter, provider, monkeypatch, root):
    monkeypatch.setattr(oauth_picture, "SECONDS_MAX", 0.2)
    provider.answers["/picture"] = provider.hang

    assert not await has_picture(await enter())
    assert kept(root) == []


async def test_the_provider_may_lead_on(enter, provider):
    provider.answers["/picture"] = lambda: web.Response(
        status=302, headers={"Location": "/there?size=96"}
    )
    provider.answers["/there"] = picture(JPEG, "image/jpeg")

    assert await has_picture(await enter())


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "0",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "①②⑦.⓪.⓪.①",  # in IDNA plain digits
        "127。0。0。1",
    ],
)
async def test_the_neighbours_of_the_server_are_not_asked(enter, provider, neighbour, host):
    provider.users["c-1"]["picture"] = f"http://{host}:{neighbour.port}/picture"

    assert not await has_picture(await enter())
    assert neighbour.asked == []


async def test_nor_when_the_provider_leads_there(enter, provider, neighbour):
    provider.answers["/picture"] = lambda: web.Response(
        status=302, headers={"Location": str(neighbour.make_url("/picture"))}
    )

    assert not await has_picture(await enter())
    assert neighbour.asked == []


@pytest.mark.parametrize("said", [7, "", "x" * 5000, None, ["a"], "ftp://a/b", "//", "\0"])
async def test_what_is_no_address_is_not_looked_at(enter, provider, said):
    provider.users["c-1"]["picture"] = said

    assert not await has_picture(await enter())


@pytest.mark.parametrize(
    ("address", "is_so"),
    [
        ("93.184.216.34", True),
        ("2606:2800:220:1::1", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("192.168.0.1", False),
        ("172.16.0.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.251", False),
        ("::1", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("2002:a00:1::", False),
        ("64:ff9b::a00:1", False),
    ],
)
def test_who_is_a_neighbour(address, is_so):
    assert is_public(address) is is_so
