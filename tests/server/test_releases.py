"""Newer releases: who is asked for them, what is believed, and who is told."""

from __future__ import annotations

import json

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from server import releases
from server.app import CONTEXT
from server.wire.releases import OURS, Release, parse, show_release
from sync.config import Config, NewVersionCheck

STATE = "/api/system-metadata/version-check-state"
CHECK = "/api/server/version-check"
NEVER = {"checkedAt": None, "releaseVersion": None}
NEXT = f"v{OURS.major}.{OURS.minor + 1}.0"


@pytest.fixture
async def feed():
    """A feed of releases on this machine. Tests say what it says, and see how often it is asked."""
    said = {"status": 200, "text": json.dumps({"tag_name": NEXT}), "count": 0}

    async def show(_: web.Request) -> web.Response:
        said["count"] += 1
        return web.Response(status=said["status"], text=said["text"])

    app = web.Application()
    app.router.add_get("/latest", show)
    async with TestServer(app) as served:
        said["url"] = str(served.make_url("/latest"))
        yield said


@pytest.fixture
def context(server):
    return server.app[CONTEXT]


@pytest.fixture
def look(context, feed):
    """Look at the feed, as every hour."""

    async def look(text=None, *, channel="stable", enabled=True):
        if text is not None:
            feed["text"] = text if isinstance(text, str) else json.dumps(text)
        context.releases_url = feed["url"]
        context.config = Config(new_version_check=NewVersionCheck(enabled=enabled, channel=channel))
        await releases.check(context)

    return look


async def test_nobody_is_asked_unasked(context, feed, admin, look):
    await releases.check(context)
    context.releases_url = feed["url"]
    await releases.check(context)
    context.releases_url = None
    context.config = Config(new_version_check=NewVersionCheck(enabled=True))
    await releases.check(context)

    assert feed["count"] == 0
    assert (await admin.get(STATE)).json == (await admin.get(CHECK)).json == NEVER


async def test_what_a_feed_names_is_remembered(admin, alice, look):
    await look()

    state = (await admin.get(STATE)).json
    assert state["releaseVersion"] == NEXT and state["checkedAt"].endswith("Z")
    assert (await alice.get(CHECK)).json == state
    assert (await alice.get(STATE)).status == 403


async def test_everybody_is_told_once(alice, bob, listen, look):
    sockets = [await listen(alice), await listen(bob)]

    await look()
    await look()
    await look({"tag_name": f"v{OURS.major + 1}.0.0"})

    for socket in sockets:
        (first,), (second,) = [await socket.next("on_new_release") for _ in range(2)]
        assert (first["isAvailable"], first["type"]) == (True, "minor")
        assert second["type"] == "major"
        assert second["serverVersion"] == OURS._asdict()
        assert second["releaseVersion"] == Release(OURS.major + 1, 0, 0)._asdict()


async def test_whoever_comes_later_is_told_too(alice, listen, look, context):
    await look({"tag_name": f"v{'.'.join(map(str, OURS[:3]))}"})

    (told,) = await (await listen(alice)).next("on_new_release")
    assert (told["isAvailable"], told["type"]) == (False, None)
    context.config = Config()
    other = await listen(alice)
    await look({"tag_name": NEXT})
    (told,) = await other.next("on_new_release")
    assert [name for name in other.names if name == "on_new_release"] == ["on_new_release"]
    assert told["isAvailable"] is True


@pytest.mark.parametrize(
    ("channel", "tag"), [("stable", "v1.0.0"), ("releaseCandidate", "v1.1.0-rc.2")]
)
async def test_candidates_are_for_who_wants_them(admin, look, channel, tag):
    await look(
        [
            {"tag_name": "v0.9.0"},
            {"tag_name": "v1.1.0-rc.1", "prerelease": True},
            {"tag_name": "v1.1.0-rc.2"},
            {"tag_name": "v1.0.0", "prerelease": False},
            {"tag_name": "v9.0.0", "draft": True},
            {"tag_name": "nightly"},
        ],
        channel=channel,
    )

    assert (await admin.get(STATE)).json["releaseVersion"] == tag


@pytest.mark.parametrize(
    "text", ["", "<html>", "[]", "{}", '{"tag_name": 7}', "[" * 5000, '[{"tag_name": "latest"}]']
)
async def test_what_makes_no_sense_is_not_believed(admin, look, text):
    await look(text)

    assert (await admin.get(STATE)).json == NEVER


async def test_a_feed_that_is_away_changes_nothing(admin, look, feed, context, unused_tcp_port):
    await look()
    before = (await admin.get(STATE)).json
    feed["status"] = 500
    await look()
    context.releases_url = f"http://127.0.0.1:{unused_tcp_port}/"
    await releases.check(context)

    assert (await admin.get(STATE)).json == before


async def test_it_is_switched_on_where_there_is_somebody_to_ask(
    admin, context, feed, listen, alice
):
    wanted = (await admin.get("/api/admin/config")).json
    wanted["newVersionCheck"] = {"enabled": True, "channel": "releaseCandidate"}
    refused = await admin.put("/api/admin/config", wanted)
    assert (refused.status, feed["count"]) == (400, 0)
    assert "HELIOGRAPH_RELEASES_URL" in refused.message

    context.releases_url = feed["url"]
    socket = await listen(alice)
    assert (await admin.put("/api/admin/config", wanted)).status == 200

    await socket.next("on_new_release")
    assert (await admin.get(STATE)).json["releaseVersion"] == NEXT


@pytest.mark.parametrize(
    ("release", "type_"),
    [
        ("1.2.3", None),
        ("1.2.2", None),
        ("1.2.4", "patch"),
        ("1.2.4-rc.1", "prepatch"),
        ("1.3.0", "minor"),
        ("1.3.0-beta.1", "preminor"),
        ("2.0.0", "major"),
        ("2.0.0-rc.1", "premajor"),
        ("1.2.3-rc.9", None),
    ],
)
def test_how_far_it_is_to_a_release(release, type_):
    shown = show_release("now", release, Release(1, 2, 3))

    assert (shown["type"], shown["isAvailable"]) == (type_, type_ is not None)


def test_a_candidate_comes_before_what_it_leads_to():
    assert parse("v1.0.0").is_newer_than(parse("1.0.0-rc.2"))
    assert parse("1.0.0-rc.2").is_newer_than(parse("1.0.0-rc.1"))
    assert show_release("now", "1.0.0-rc.2", Release(1, 0, 0, 1))["type"] == "prerelease"
    assert show_release("now", "1.0.0", Release(1, 0, 0, 1))["type"] == "patch"
    assert [parse(text) for text in ("", "v1", "1.2", "1.2.3.4.5", "v1.2.3 and more")] == [None] * 5
