"""Segments of films: each fits the others, whoever made it and wherever they began."""

from __future__ import annotations

import io
from contextlib import suppress
from fractions import Fraction
from itertools import pairwise
from threading import Event

import av
import pytest

from media.errors import UnreadableImage
from media.hls_encoder import Request, Stopped, encode
from media.hls_outline import outline
from sync.config import FFmpeg, Realtime
from sync.film_variants import AS_IT_IS, list_starts, list_variants
from tests.media import clocks
from tests.media.films import high_range
from tests.media.pictures import scene

ALL = Realtime(video_codecs=("h264", "hevc", "av1"), resolutions=(480, 720, 1080))
H264, HEVC, AV1 = 2, 1, 0
UPRIGHT_AFTER_A_QUARTER = (0, 65536, 0, -65536, 0, 0, 0, 0, 1 << 30)


class Made:
    """What was made of a film in one form."""

    def __init__(self, path, variant, settings=None):
        self.path, self.settings = path, settings or FFmpeg()
        self.outline = outline(path)
        (self.variant,) = [one for one in list_variants(self.outline, ALL) if one.number == variant]
        self.starts = list_starts(self.outline, self.variant)
        self.segments = {}
        self.init = b""

    def make(self, first=0, count=None):
        """From a segment on; so many, or all."""
        made = {}

        def deliver(number, data):
            made[number] = data
            if number is not None and number - first + 1 == count:
                raise Stopped

        request = Request(self.path, self.outline, self.variant, first, self.settings)
        with suppress(Stopped):
            encode(request, deliver, Event())
        init = made.pop(None)
        assert self.init in (b"", init)
        self.init = init
        self.segments |= made
        return made

    @property
    def whole(self):
        return io.BytesIO(self.init + b"".join(self.segments[n] for n in sorted(self.segments)))

    def part(self, number):
        return io.BytesIO(self.init + self.segments[number])

    @property
    def ends(self):
        return [*self.starts[1:], self.outline.seconds]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("films")


@pytest.fixture(scope="module")
def film(folder):
    return clocks.film(folder / "film.mp4")


def packets(data, kind):
    with av.open(data) as container:
        (track,) = [one for one in container.streams if one.type == kind]
        return [
            (packet.pts * packet.time_base, packet.is_keyframe, packet.dts * packet.time_base)
            for packet in container.demux(track)
            if packet.pts is not None
        ]


def check(made):
    """It is what the playlist says: all segments, each from its key frame on, without a gap."""
    assert sorted(made.segments) == list(range(len(made.starts)))
    for number, (start, end) in enumerate(zip(made.starts, made.ends, strict=True)):
        shown = packets(made.part(number), "video")
        assert shown[0][1]
        assert shown[0][0] == pytest.approx(start, abs=0.001)
        assert 8 * len(made.segments[number]) / (end - start) <= made.variant.bandwidth
    decoded = [time for _, _, time in packets(made.whole, "video")]
    assert decoded == sorted(set(decoded))
    if made.outline.has_sound:
        heard = [time for time, _, _ in packets(made.whole, "audio")]
        steps = {round(after - before, 4) for before, after in pairwise(heard)}
        assert len(steps) == 1
        assert heard[0] == 0
        assert heard[-1] == pytest.approx(made.outline.seconds, abs=0.03)


@pytest.mark.parametrize("variant", [H264, HEVC, AV1, AS_IT_IS])
def test_every_form_shows_and_sounds_as_the_film_does(film, variant):
    made = Made(film, variant)
    made.make()

    check(made)
    assert made.outline.seconds == pytest.approx(7, abs=0.03)
    shown = clocks.numbers(made.whole)
    assert [number for _, number in shown][:70] == list(range(70))
    assert [time for time, _ in shown] == pytest.approx([n / 10 for n in range(len(shown))])
    assert clocks.beeps(made.whole) == pytest.approx(range(7), abs=0.03)


@pytest.mark.parametrize("variant", [H264, HEVC, AV1, AS_IT_IS])
def test_what_is_made_from_anywhere_fits_what_was_made_before(film, variant):
    made = Made(film, variant)
    made.make()
    before = clocks.beeps(made.whole)
    for number in (2, 1, len(made.starts) - 1):
        assert list(made.make(number, count=1)) == [number]

    check(made)
    shown = clocks.numbers(made.whole)
    assert [number for _, number in shown] == list(range(70))
    assert [time for time, _ in shown] == pytest.approx([n / 10 for n in range(70)])
    assert clocks.beeps(made.whole) == pytest.approx(before, abs=0.002)


@pytest.mark.parametrize("variant", [H264, HEVC, AV1, AS_IT_IS])
def test_players_are_told_what_they_get(film, variant):
    made = Made(film, variant)
    made.make(count=1)
    picture, sound = made.variant.codecs.split(",")

    assert sound == "mp4a.40.2"
    assert picture == named(made.init)
    with av.open(made.part(0)) as container:
        (track,) = container.streams.video
        assert (track.width, track.height) == made.variant.size == (320, 180)


def named(init):
    """The codec by its record in the file, after RFC 6381 and the formats' own annexes."""
    if (at := init.find(b"avcC")) > 0:
        return f"avc1.{init[at + 5 : at + 8].hex()}"
    if (at := init.find(b"av1C")) > 0:
        level, profile = init[at + 5] & 31, init[at + 5] >> 5
        return f"av01.{profile}.{level:02}M.08"
    at = init.find(b"hvcC")
    profile, level, constraint = init[at + 5] & 31, init[at + 16], init[at + 10]
    assert b"hvc1" in init
    assert init[at + 11 : at + 16] == bytes(5)
    return f"hvc1.{profile}.6.L{level}.{constraint:X}"


@pytest.mark.parametrize(
    ("size", "fps", "h264", "hevc", "av1"),
    [
        ((1280, 720), 30, "avc1.64001f", "hvc1.1.6.L93.90", "av01.0.05M.08"),
        ((1920, 1080), 30, "avc1.640028", "hvc1.1.6.L120.90", "av01.0.08M.08"),
        ((1920, 1080), 60, "avc1.64002a", "hvc1.1.6.L123.90", "av01.0.09M.08"),
    ],
)
def test_levels_are_those_that_the_size_needs(folder, size, fps, h264, hevc, av1):
    path = folder / f"{size[1]}-{fps}.mp4"
    clocks.film(path, seconds=0.2, fps=fps, size=size, options={"preset": "ultrafast"})
    best = {}
    for one in list_variants(outline(path), ALL):
        best[one.codec] = one.number
    for codec, name in (("h264", h264), ("hevc", hevc), ("av1", av1)):
        made = Made(path, best[codec])
        made.make()
        assert made.variant.codecs.split(",")[0] == name == named(made.init)
        assert made.variant.size == size


def test_what_is_offered_is_what_is_set_and_what_the_film_can_fill(folder):
    path = clocks.film(
        folder / "offered.mp4", seconds=0.3, size=(1440, 1080), options={"preset": "ultrafast"}
    )
    known = outline(path)

    default = list_variants(known, Realtime())
    assert [(one.number, one.size) for one in default] == [
        (1, (640, 480)), (2, (640, 480)), (4, (960, 720)), (5, (960, 720)),
        (7, (1440, 1080)), (8, (1440, 1080)), (AS_IT_IS, (1440, 1080)),
    ]  # fmt: skip
    only = list_variants(known, Realtime(resolutions=(720, 2160), video_codecs=("hevc", "vp9")))
    assert [one.number for one in only] == [4]
    tall = list_variants(known, Realtime(resolutions=(1440,), video_codecs=("av1",)))
    assert tall == []


def test_a_film_on_its_side_is_set_upright(folder):
    path = clocks.film(
        folder / "turned.mp4", seconds=1, size=(320, 176), matrix=UPRIGHT_AFTER_A_QUARTER
    )
    made = Made(path, H264)
    made.make()

    assert made.outline.own is None
    with av.open(made.whole) as container:
        frames = list(container.decode(video=0))
    assert all("DISPLAYMATRIX" not in frame.side_data for frame in frames)
    assert {(frame.width, frame.height) for frame in frames} == {(176, 320)}
    # What was its left edge from top to bottom is its top from left to right or back.
    with av.open(path) as container:
        stored = next(container.decode(video=0)).to_ndarray(format="gray")
    top = frames[0].to_ndarray(format="gray")
    expected = stored[::-1, :].T if made.outline.turn == 6 else stored[:, ::-1].T
    assert made.outline.turn in (6, 8)
    assert abs(top.astype(int) - expected).mean() < 12


@pytest.mark.parametrize(
    ("size", "aspect", "shown"),
    [((322, 182), None, (322, 182)), ((360, 288), Fraction(16, 15), (384, 288))],
)
def test_odd_shapes_become_even_and_square(folder, size, aspect, shown):
    path = clocks.film(folder / f"{size[0]}.mp4", seconds=1, size=size, aspect=aspect)
    made = Made(path, H264)
    made.make()

    assert made.variant.size == shown
    with av.open(made.whole) as container:
        frame = next(container.decode(video=0))
        assert (frame.width, frame.height) == shown
        assert container.streams.video[0].sample_aspect_ratio in (None, 1)


def test_frames_at_uneven_times_are_shown_at_theirs(folder):
    times = [0, 0.1, 0.13, 0.5, 0.55, 0.9, 3.9, 4.0, 4.2, 4.3, 4.75, 5.0]
    path = clocks.film(folder / "uneven.mp4", seconds=5.2, times=times)
    made = Made(path, H264)
    made.make()
    made.make(1, count=1)

    check(made)
    step = 1 / made.outline.rate
    seen = {}
    for time, number in clocks.numbers(made.whole):
        seen.setdefault(number, time)
    assert {0, 3, 5, 6, 8, 10, 11} <= seen.keys()
    assert all(abs(time - times[number]) <= step for number, time in seen.items())


def test_without_sound_there_is_none(folder):
    path = clocks.film(folder / "mute.mp4", seconds=3, sound=None)
    made = Made(path, H264)
    made.make()

    check(made)
    assert made.variant.codecs == "avc1.64001e"
    with av.open(made.whole) as container:
        assert [track.type for track in container.streams] == ["video"]


def test_where_the_sound_ends_early_it_is_silent(folder):
    path = clocks.film(folder / "short.mp4", seconds=5, sound_seconds=1.5)
    made = Made(path, H264)
    made.make()

    check(made)
    assert clocks.beeps(made.whole) == pytest.approx([0, 1], abs=0.03)


@pytest.mark.parametrize("variant", [H264, AS_IT_IS])
def test_a_picture_may_come_after_the_sound(folder, variant):
    path = clocks.film(folder / f"late-{variant}.mp4", seconds=5, late=0.2)
    made = Made(path, variant)
    made.make()
    made.make(1, count=1)

    shown = {number: time for time, number in reversed(clocks.numbers(made.whole))}
    assert all(shown[n] == pytest.approx(n / 10 + 0.2, abs=0.002) for n in range(1, 48))
    assert clocks.beeps(made.whole) == pytest.approx(range(5), abs=0.03)


@pytest.mark.parametrize(
    ("name", "form", "sound"),
    [("a.ts", "mpegts", "mp2"), ("a.mkv", "matroska", "libopus"), ("a.avi", "avi", "pcm_s16le")],
)
def test_other_containers_are_cut_as_well(folder, name, form, sound):
    path = clocks.film(folder / name, format_=form, sound=sound)
    made = Made(path, H264)
    made.make(count=2)
    made.make(2)

    check(made)
    assert made.outline.own is None
    shown = clocks.numbers(made.whole)
    expected = range(70)
    assert [number for _, number in shown][:70] == list(expected)
    assert clocks.beeps(made.whole) == pytest.approx(range(7), abs=0.05)


@pytest.mark.parametrize("tonemap", ["hable", "disabled"])
def test_high_range_becomes_what_every_screen_shows(folder, tonemap):
    path = high_range(folder / f"bright-{tonemap}.mp4", scene(320, 180), "pq")
    made = Made(path, H264, FFmpeg(tonemap=tonemap))
    made.make()

    assert made.outline.own is None
    with av.open(made.whole) as container:
        frame = next(container.decode(video=0))
    told = (frame.colorspace, frame.color_primaries, frame.color_trc)
    assert told == ((1, 1, 1) if tonemap == "hable" else (9, 9, 16))
    assert frame.format.name == "yuv420p"


def test_what_cannot_be_read_is_passed_by(folder, film):
    data = bytearray(film.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 4000] = bytes(4000)
    path = folder / "scratched.mp4"
    path.write_bytes(data)
    made = Made(path, H264)
    made.make()
    made.make(len(made.starts) - 1)

    check(made)
    shown = [number for _, number in clocks.numbers(made.whole)]
    assert shown[:10] == list(range(10))
    assert shown[-5:] == list(range(65, 70))


@pytest.mark.parametrize("size", [0, 900, -2000])
def test_what_shows_nothing_says_why(folder, film, size):
    path = folder / "broken.mp4"
    path.write_bytes(film.read_bytes()[:size] if size >= 0 else bytes(-size))

    with pytest.raises(UnreadableImage, match=r"The film|moving picture"):
        outline(path)


def test_a_picture_that_freezes_is_shown_to_the_end(folder):
    path = clocks.film(folder / "frozen.mp4", seconds=2, sound_seconds=6.5)
    made = Made(path, H264)
    made.make(1)
    made.make(0, count=1)

    check(made)
    assert clocks.numbers(made.whole)[-1][1] == 19
    assert clocks.beeps(made.whole) == pytest.approx(range(7), abs=0.03)


def test_where_places_cannot_be_found_it_is_read_from_the_start(folder):
    path = clocks.film(folder / "bare.h264", seconds=20, sound=None, format_="h264")
    made = Made(path, H264)
    made.make(2, count=1)
    made.make(0, count=2)

    shown = clocks.numbers(made.whole)
    assert len(shown) == 150
    assert all(round(time * made.outline.rate) == number for time, number in shown)


def test_it_stops_when_nobody_waits(film):
    made = Made(film, H264)
    stopping = Event()
    delivered = []

    def deliver(number, data):
        delivered.append(number)
        if number == 0:
            stopping.set()

    with pytest.raises(Stopped):
        encode(Request(film, made.outline, made.variant, 0, FFmpeg()), deliver, stopping)
    assert delivered == [None, 0]


def test_a_film_that_claims_to_last_for_hours_is_made_piece_by_piece(folder):
    times = [*(number / 10 for number in range(70)), 40_000]
    path = clocks.film(folder / "hours.mkv", seconds=7, times=times, format_="matroska")
    made = Made(path, H264)
    begin = made.make(0, count=3)
    middle = made.make(9_000, count=1)

    assert len(made.starts) > 19_000
    assert sorted(begin) + sorted(middle) == [0, 1, 2, 9_000]
    shown = clocks.numbers(io.BytesIO(made.init + middle[9_000]))
    assert shown[0] == (pytest.approx(made.starts[9_000], abs=0.001), 69)


def test_a_key_frame_at_the_very_end_begins_no_segment(folder):
    times = [number / 240 for number in range(481)]
    path = clocks.film(
        folder / "slow.mp4", times=times, fps=240, gop=240, sound=None, size=(64, 48)
    )
    made = Made(path, AS_IT_IS)
    made.make()

    assert made.starts == [0]
    check(made)
    assert len(clocks.numbers(made.whole)) == 481
