"""Films in segments: off, and said so as clients expect it."""

from __future__ import annotations

from uuid import uuid4

import pytest

OFF = (400, "Real-time transcoding is not enabled")
NOT_READY = (404, "Asset not found or metadata not yet ready for streaming")
NOT_FOUND = (404, "Not Found")
REFUSED = (400, "Not found or no asset.view access")


@pytest.fixture
async def film(alice):
    return (await alice.upload(b"\0\0\0\x18ftypmp42", "a.MOV")).json["id"]


def paths(film):
    """Each with its answer to who may see the film, and to who may not."""
    folder = f"/api/assets/{film}/video/stream"
    return {
        f"{folder}/main.m3u8": (OFF, REFUSED),
        f"{folder}/{uuid4()}/3/playlist.m3u8": (NOT_READY, REFUSED),
        f"{folder}/{uuid4()}/3/init.mp4": (NOT_FOUND, NOT_FOUND),
        f"{folder}/{uuid4()}/3/seg_7.m4s": (NOT_FOUND, NOT_FOUND),
    }


async def test_nothing_is_made_over_while_it_is_watched(alice, bob, anonymous, film):
    for path, (own, others) in paths(film).items():
        answer = await alice.get(path)
        assert (answer.status, answer.message) == own
        answer = await bob.get(path)
        assert (answer.status, answer.message) == others
        assert (await anonymous.get(path)).status == 401


async def test_what_never_began_has_ended(alice, bob, anonymous, film):
    path = f"/api/assets/{film}/video/stream/{uuid4()}"

    assert (await alice.delete(path)).status == 204
    answer = await bob.delete(path)
    assert (answer.status, answer.message) == REFUSED
    assert (await anonymous.delete(path)).status == 401


async def test_clients_are_told_that_it_is_off(alice):
    assert (await alice.get("/api/server/features")).json["realtimeTranscoding"] is False


async def test_it_cannot_be_turned_on(admin):
    config = (await admin.get("/api/system-config")).json
    config["ffmpeg"]["realtime"]["enabled"] = True

    answer = await admin.put("/api/system-config", config)

    assert answer.status == 400
    assert "ffmpeg.realtime.enabled" in str(answer.message)
