"""Films made over while they are watched: what players ask for, and who may."""

from __future__ import annotations

import asyncio
import io
from urllib.parse import urljoin
from uuid import UUID, uuid4

import av
import pytest

from media import hls_encoder, hls_outline, hls_stream
from sql.database import hear
from storage import streams
from sync.operations import video_streams
from tests.media import clocks

OFF = (400, "Real-time transcoding is not enabled")
NOT_READY = (404, "Asset not found or metadata not yet ready for streaming")
NOT_FOUND = (404, "Not Found")
REFUSED = (400, "Not found or no asset.view access")
FRAMES, FPS = 70, 10
PLAYLIST = "application/vnd.apple.mpegurl"


@pytest.fixture
async def film(alice, clock_film):
    return (await alice.upload(clock_film(), "a.mp4")).json["id"]


def said(answer):
    return answer.status, answer.message


def everything(film, session=None):
    """Each operation's address, with its answers to who may not see the film."""
    folder = f"/api/assets/{film}/video/stream"
    session = session or uuid4()
    return {
        f"{folder}/main.m3u8": REFUSED,
        f"{folder}/{session}/2/playlist.m3u8": REFUSED,
        f"{folder}/{session}/2/init.mp4": NOT_FOUND,
        f"{folder}/{session}/2/seg_1.m4s": NOT_FOUND,
    }


async def test_a_film_plays_from_its_address(realtime, alice, share, film):
    link = await share(assetIds=[film])
    url = f"{alice.url}/api/assets/{film}/video/stream/main.m3u8?key={link['key']}"

    def play():
        """Both forms, as the demuxer of FFmpeg reads them: all it knows is the address."""
        with av.open(url) as container:
            seconds = container.duration / av.time_base
            pictures, sounds = {}, {}
            tracks = [*container.streams.video, *container.streams.audio]
            for packet in container.demux(tracks):
                for frame in packet.decode():
                    if isinstance(frame, av.VideoFrame):
                        seen = pictures.setdefault(packet.stream.index, [])
                        seen.append((frame.time, int(clocks.read(frame))))
                    else:
                        sounds.setdefault(packet.stream.index, []).append(frame.time)
            return seconds, list(pictures.values()), list(sounds.values())

    seconds, pictures, sounds = await asyncio.to_thread(play)

    assert seconds == pytest.approx(FRAMES / FPS, abs=1 / FPS)
    assert len(pictures) == len(sounds) == 2
    for shown in pictures:
        assert shown == [(pytest.approx(n / FPS, abs=0.002), n) for n in range(FRAMES)]
    for heard in sounds:
        assert heard[0] == pytest.approx(0, abs=0.03)
        assert heard[-1] == pytest.approx(FRAMES / FPS, abs=0.05)


async def test_beeps_are_heard_when_they_were_recorded(realtime, alice, watch, film):
    player = await watch(alice, film)
    files = [await alice.get(path) for path in await player.list_segments()]

    assert {one.status for one in files} == {200}
    assert {one.headers["Content-Type"] for one in files} == {"video/mp4"}
    whole = b"".join(one.data for one in files)
    assert clocks.beeps(io.BytesIO(whole)) == pytest.approx(range(7), abs=0.03)


async def test_playlists_list_all_before_anything_is_made(realtime, alice, watch, root, film):
    player = await watch(alice, film)

    assert list(player.variants.values()) == [
        "#EXT-X-STREAM-INF:BANDWIDTH=3325000,RESOLUTION=320x180,"
        'CODECS="avc1.64001e,mp4a.40.2",VIDEO-RANGE=SDR,FRAME-RATE=10.000',
        next(one for one in player.variants.values() if "avc1.64001e" not in one),
    ]
    assert streams.list_sessions(root) == []
    answer = await alice.get(player.playlist)
    assert answer.headers["Content-Type"].startswith(PLAYLIST)
    assert answer.data.decode().splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:7",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        "#EXT-X-TARGETDURATION:2",
        "#EXT-X-MEDIA-SEQUENCE:0",
        "#EXT-X-PLAYLIST-TYPE:VOD",
        '#EXT-X-MAP:URI="init.mp4"',
        *(line for n in range(3) for line in ("#EXTINF:2.000000,", f"seg_{n}.m4s")),
        "#EXTINF:1.000000,",
        "seg_3.m4s",
        "#EXT-X-ENDLIST",
    ]


async def test_a_seek_is_made_at_once_and_the_rest_when_it_is_asked_for(
    realtime, database, alice, watch, root, film
):
    player = await watch(alice, film)
    assert (await player.fetch(3)).status == 200

    assert list_numbers(root, player) == [3]
    assert (await player.fetch(1)).status == 200
    assert (await player.fetch(2)).status == 200
    assert list_numbers(root, player) == [1, 2, 3]


def list_numbers(root, player):
    return sorted(n for _, n, _ in streams.list_segments(root, UUID(player.session)))


async def made(database, root, player, *numbers, variant=2):
    """Wait until these are there."""

    def is_it():
        found = streams.list_segments(root, UUID(player.session))
        return set(numbers) <= {n for v, n, _ in found if v == variant}

    await when(database, is_it)


async def gone(database, root, player):
    """Wait until nothing is left of it."""
    await when(database, lambda: UUID(player.session) not in streams.list_sessions(root))


async def when(database, is_it):
    async with asyncio.timeout(20), database.listen(video_streams.SEGMENTS) as session:
        while not is_it():
            await hear(session, 0.1)


async def test_who_reads_a_playlist_need_not_wait_for_the_first_segment(
    realtime, database, alice, watch, root, film
):
    player = await watch(alice, film)
    await alice.get(player.playlist)
    await made(database, root, player, 0, 1, 2, 3)


@pytest.mark.parametrize("kind", ["playlist", "init"])
async def test_players_say_where_they_go_on(realtime, database, alice, watch, root, film, kind):
    player = await watch(alice, film)
    if kind == "playlist":
        headers = {"x-immich-hls-pos": "4.5"}
        await alice.call("GET", player.playlist, headers=headers)
    else:
        headers = {"x-immich-hls-msn": "2"}
        path = urljoin(player.playlist, "init.mp4")
        assert (await alice.call("GET", path, headers=headers)).status == 200
    await made(database, root, player, 2, 3)

    assert list_numbers(root, player) == [2, 3]


async def test_who_changes_to_another_form_goes_on_where_they_were(
    realtime, database, alice, watch, root, film
):
    player = await watch(alice, film)
    await player.fetch(1)
    other = list(player.variants)[1]
    await alice.get(other)
    number = int(other.split("/")[-2])

    await made(database, root, player, 2, 3, variant=number)
    found = streams.list_segments(root, UUID(player.session))
    assert (number, 0) not in {(v, n) for v, n, _ in found}


async def test_what_comes_next_is_not_pushed_out_by_what_comes_later(
    realtime, alice, watch, clock_film, monkeypatch
):
    monkeypatch.setattr(hls_stream, "BYTES_MAX", 3 << 20)
    begun, encode = [], hls_encoder.encode

    def counted(request, deliver, stopping):
        begun.append(request.first)
        encode(request, deliver, stopping)

    monkeypatch.setattr(hls_encoder, "encode", counted)
    details = {"seconds": 24, "gop": 20, "options": {"crf": "0"}, "sound": None}
    film = (await alice.upload(clock_film(**details), "a.mp4")).json["id"]
    player = await watch(alice, film)
    own = list(player.variants)[1]
    for number in range(12):
        answer = await alice.get(urljoin(own, f"seg_{number}.m4s"))
        assert answer.status == 200
        assert len(answer.data) > 500_000  # So not all of them have room.

    assert begun == [0]


async def test_who_waits_is_told_of_what_nobody_foresaw(realtime, alice, film, monkeypatch):
    monkeypatch.setattr(hls_outline, "outline", lambda path: 1 / 0)

    answer = await alice.get(f"/api/assets/{film}/video/stream/main.m3u8")

    assert said(answer) == (404, "The film cannot be made over")


async def test_who_waited_longest_takes_no_place_of_who_watches(
    realtime, alice, watch, root, film, query, execute
):
    early, late, waiting = [await watch(alice, film) for _ in range(3)]
    for player in (early, late):
        assert (await player.fetch(0)).status == 200
    for player, seconds in ((early, 12), (waiting, 15)):
        idle = "UPDATE video_stream SET used_at = now() - %s * interval '1 second' WHERE id = %s"
        await execute(idle, seconds, UUID(player.session))
    other = list(late.variants)[1]
    assert (await alice.get(urljoin(other, "seg_0.m4s"))).status == 200  # All was looked at.

    rows = await query("SELECT id FROM video_stream WHERE worker IS NOT NULL")
    sessions = {UUID(player.session) for player in (early, late)}
    assert {row["id"] for row in rows} == sessions == set(streams.list_sessions(root))


async def test_a_session_ends_when_it_is_told_to(realtime, database, alice, watch, root, film):
    player = await watch(alice, film)
    await player.fetch(0)

    assert (await alice.delete(player.session_path)).status == 204
    assert said(await player.fetch(0)) == NOT_FOUND
    assert said(await alice.get(player.playlist)) == NOT_READY
    await gone(database, root, player)
    assert (await alice.delete(player.session_path)).status == 204


async def test_nothing_is_kept_for_who_is_gone_and_who_comes_back_goes_on(
    realtime, database, alice, watch, root, film, execute, query
):
    player = await watch(alice, film)
    first = await player.fetch(1)
    await execute("UPDATE video_stream SET used_at = now() - interval '31 seconds'")
    await execute("NOTIFY video_stream")
    await gone(database, root, player)
    assert await query("SELECT FROM video_stream WHERE worker IS NOT NULL") == []

    assert (await player.fetch(1)).data == first.data


async def test_a_deleted_film_is_not_watched_on(realtime, database, alice, watch, root, film):
    player = await watch(alice, film)
    await player.fetch(0)
    answer = await alice.delete("/api/assets", {"ids": [film], "force": True})
    assert answer.status == 204

    assert said(await player.fetch(1)) == NOT_FOUND
    assert said(await alice.get(player.main)) == REFUSED
    await gone(database, root, player)


async def test_of_too_many_sessions_the_oldest_end(realtime, alice, bob, watch, film, query):
    players = [await watch(alice, film) for _ in range(video_streams.STREAMS_PER_VIEWER + 1)]

    assert said(await players[0].fetch(0)) == NOT_FOUND
    assert (await players[-1].fetch(0)).status == 200
    assert len(await query("SELECT FROM video_stream")) == video_streams.STREAMS_PER_VIEWER


async def test_whoever_sees_the_film_may_watch_it(realtime, alice, watch, film, onlookers):
    for client in await onlookers([film]):
        player = await watch(client, film)
        assert (await player.fetch(0)).status == 200
        assert (await alice.get(player.playlist)).status == 404  # It is not her session.
        assert (await alice.get(urljoin(player.playlist, "seg_0.m4s"))).status == 404
        await alice.delete(player.session_path)
        assert (await player.fetch(0)).status == 200
        assert (await client.delete(player.session_path)).status == 204


async def test_nobody_else_may(realtime, alice, bob, anonymous, watch, film, new_key, share, visit):
    session = (await watch(alice, film)).session
    other = (await alice.upload(b"\xff\xd8\xff", "b.jpg")).json["id"]
    stranger = visit(await share(assetIds=[other]))
    narrow = await new_key(alice, "asset.read")
    wide = await new_key(alice, "asset.view")
    end = f"/api/assets/{film}/video/stream/{session}"

    for path, refused in everything(film, session).items():
        assert said(await bob.get(path)) == refused
        assert said(await stranger.get(path)) == refused
        assert (await anonymous.get(path)).status == 401
        assert (await narrow.get(path)).status == 403
        assert (await wide.get(path)).status == 200
        mixed = path.replace(film, other)
        assert (await alice.get(mixed)).status == 404
    for client, status in ((bob, 400), (stranger, 400), (anonymous, 401), (narrow, 403)):
        assert (await client.delete(end)).status == status
    assert (await alice.get(f"{end}/2/seg_1.m4s")).status == 200


async def test_access_that_is_lost_is_lost_at_once(realtime, alice, watch, film, onlookers, root):
    partner, editor, guest = await onlookers([film])
    players = [await watch(client, film) for client in (partner, editor, guest)]
    for player in players:
        assert (await player.fetch(0)).status == 200
    assert (await alice.delete("/api/assets", {"ids": [film]})).status == 204

    for player in players:
        assert said(await player.fetch(0)) == NOT_FOUND
        assert said(await player.client.get(player.playlist)) == REFUSED
        assert said(await player.client.delete(player.session_path)) == REFUSED
    assert (await (await watch(alice, film)).fetch(0)).status == 200  # out of the trash


async def test_the_locked_folder_is_watched_behind_the_code_only(
    realtime, alice, unlocked, watch, film
):
    player = await watch(alice, film)
    await alice.put(f"/api/assets/{film}", {"visibility": "locked"})

    for path, refused in everything(film, player.session).items():
        assert said(await alice.get(path)) == refused
    inside = await watch(await unlocked(alice), film)
    assert (await inside.fetch(0)).status == 200


HOSTILE = [
    "..%2f..%2f..%2fheliograph.lock", "init.mp4%00", "seg_0.m4s%2f..%2finit.mp4",
    "seg_-1.m4s", "seg_4.m4s", "seg_99999999999999999999.m4s", "seg_1e3.m4s", "seg_%D9%A1.m4s",
    "seg_0.m4s.tmp", "playlist.m3u", "SEG_0.M4S", "seg_.m4s", " init.mp4",
]  # fmt: skip


async def test_nothing_but_segments_is_sent(realtime, alice, watch, film):
    player = await watch(alice, film)
    await player.fetch(0)

    for name in HOSTILE:
        answer = await alice.get(f"{player.session_path}/2/{name}")
        assert (name, answer.status) == (name, 404)


async def test_nor_of_forms_that_are_not_offered(realtime, alice, watch, film):
    player = await watch(alice, film)

    for number in ("-1", "3", "5", "2.0", "99999999999", "..%2f2", "x", "%D9%A2", "15%00"):
        for name in ("playlist.m3u8", "init.mp4", "seg_0.m4s"):
            answer = await alice.get(f"{player.session_path}/{number}/{name}")
            assert (number, answer.status) == (number, 404)


async def test_a_session_has_an_id(realtime, alice, film):
    for session in ("1", "..%2f..", "me", "{0}", "%00"):
        folder = f"/api/assets/{film}/video/stream/{session}"
        for path in (f"{folder}/2/playlist.m3u8", f"{folder}/2/seg_0.m4s"):
            assert (await alice.get(path)).status in (400, 404)
        assert (await alice.delete(folder)).status in (400, 404)


async def test_what_is_no_film_cannot_be_watched(realtime, alice, clock_film):
    photo = (await alice.upload(b"\xff\xd8\xff", "b.jpg")).json["id"]
    answer = await alice.get(f"/api/assets/{photo}/video/stream/main.m3u8")
    assert said(answer) == (404, "Asset metadata is not yet ready for streaming")

    broken = (await alice.upload(clock_film()[:900], "c.mp4")).json["id"]
    answer = await alice.get(f"/api/assets/{broken}/video/stream/main.m3u8")
    assert answer.status == 404
    assert answer.message.startswith("The film is damaged or incomplete")


async def test_clients_are_told_whether_it_is_on(alice, realtime, watch, film, admin):
    assert (await alice.get("/api/server/features")).json["realtimeTranscoding"] is True
    player = await watch(alice, film)
    values = (await admin.get("/api/admin/config")).json
    values["ffmpeg"]["realtime"]["enabled"] = False
    assert (await admin.put("/api/admin/config", values)).status == 200

    assert (await alice.get("/api/server/features")).json["realtimeTranscoding"] is False
    assert said(await alice.get(player.main)) == OFF
    assert said(await alice.get(player.playlist)) == NOT_READY
    assert said(await player.fetch(0)) == NOT_FOUND
    assert (await alice.delete(player.session_path)).status == 204


async def test_it_is_off_unless_it_is_set(alice, film):
    assert (await alice.get("/api/server/features")).json["realtimeTranscoding"] is False
    answer = await alice.get(f"/api/assets/{film}/video/stream/main.m3u8")
    assert said(answer) == OFF
