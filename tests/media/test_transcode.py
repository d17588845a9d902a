"""Films made over for browsers: which, into what, and how they look and sound afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image

from media import transcode, video
from media.errors import UnreadableImage
from sync.config import FFmpeg
from tests.media.films import film, high_range, tone
from tests.media.pictures import distance, opened, scene, turned
from tests.media.test_containers import hum
from tests.media.test_video import MATRICES

SCENE = scene(320, 180)


def tracks(path: Path) -> dict[str, str]:
    with av.open(str(path)) as container:
        return {
            stream.type: stream.codec_context.codec.canonical_name for stream in container.streams
        }


def seconds(path: Path) -> dict[str, float]:
    """How long each track is, by decoding it."""
    lengths = {}
    for kind in tracks(path):
        with av.open(str(path)) as container:
            (stream,) = (one for one in container.streams if one.type == kind)
            frames: list[Any] = list(container.decode(stream))
            start, end = frames[0].pts, frames[-1].pts
            assert start is not None and end is not None and stream.time_base
            lengths[kind] = float((end + frames[-1].duration - start) * stream.time_base)
    return lengths


def assert_it_plays(path: Path, *, sounds: bool = True) -> None:
    assert tracks(path) == {"video": "h264"} | ({"audio": "aac"} if sounds else {})
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")  # It can be played while it arrives.
    with av.open(str(path)) as container:
        assert container.streams.video[0].pix_fmt == "yuv420p"


# Which.


@pytest.mark.parametrize(
    ("name", "codec", "sound"),
    [("a.mp4", "libx264", "aac"), ("a.mov", "libx264", "aac"), ("a.mp4", "libx264", None)],
)
def test_what_browsers_play_stays_as_it_is(
    tmp_path: Path, made: Callable[..., Path | None], name: str, codec: str, sound: str | None
) -> None:
    assert made(film(tmp_path / name, [SCENE] * 10, codec=codec, sound=sound)) is None


@pytest.mark.parametrize(
    ("settings", "is_needed"),
    [
        ({"transcode": "disabled"}, False),
        ({"transcode": "required"}, False),
        ({"transcode": "all"}, True),
        ({"transcode": "optimal"}, False),
        ({"transcode": "optimal", "target_resolution": "90"}, True),
        ({"transcode": "optimal", "target_resolution": "original"}, False),
        ({"transcode": "bitrate", "max_bitrate": "10M"}, False),
        ({"transcode": "bitrate", "max_bitrate": "1k"}, True),
        ({"transcode": "bitrate", "max_bitrate": "0"}, False),  # without a bound
        ({"transcode": "bitrate", "target_resolution": "90"}, False),
        ({"transcode": "required", "target_resolution": "90"}, False),
        ({"transcode": "required", "accepted_video_codecs": ("hevc",)}, True),
        ({"transcode": "required", "accepted_audio_codecs": ("opus",)}, True),
        ({"transcode": "disabled", "accepted_video_codecs": ("hevc",)}, False),
    ],
)
def test_policies(
    tmp_path: Path,
    made: Callable[..., Path | None],
    settings: dict[str, Any],
    is_needed: bool,
) -> None:
    path = film(tmp_path / "a.mp4", [SCENE] * 10, sound="aac")

    assert (made(path, **settings) is not None) == is_needed


@pytest.mark.parametrize(
    ("name", "codec", "pixels", "sound"),
    [
        ("a.mov", "libx265", "yuv420p", "aac"),
        ("a.mov", "libx264", "yuv422p", "aac"),
        ("a.mov", "libx264", "yuv420p", "pcm_s16le"),
        ("a.avi", "mpeg4", "yuv420p", "mp2"),
        ("a.mpg", "mpeg2video", "yuv420p", "mp2"),
        ("a.ts", "libx264", "yuv420p", "mp2"),
        ("a.mkv", "libx264", "yuv420p", "ac3"),
    ],
)
def test_what_they_do_not_play_is_made_over(
    tmp_path: Path,
    made: Callable[..., Path | None],
    name: str,
    codec: str,
    pixels: str,
    sound: str,
) -> None:
    path = film(tmp_path / name, [SCENE] * 30, codec=codec, pixels=pixels, sound=sound)

    result = made(path)

    assert result
    assert_it_plays(result)
    assert distance(opened(video.render(result).preview), SCENE) < 8
    lengths = seconds(result)
    assert lengths["video"] == pytest.approx(3, abs=0.25)
    assert lengths["audio"] == pytest.approx(3, abs=0.1)


def test_what_they_hear_is_copied(tmp_path: Path, made: Callable[..., Path | None]) -> None:
    path = film(tmp_path / "a.webm", [SCENE] * 10, codec="libvpx-vp9", sound="libopus")

    result = made(path)

    assert result
    assert tracks(result) == {"video": "h264", "audio": "opus"}
    assert seconds(result)["audio"] == pytest.approx(1, abs=0.1)


def test_another_container_is_enough_for_what_is_accepted(
    tmp_path: Path, made: Callable[..., Path | None]
) -> None:
    path = film(tmp_path / "a.mkv", [SCENE] * 20, sound="aac", matrix=MATRICES[6])
    with av.open(str(path)) as container:
        packets = [bytes(p) for p in container.demux(video=0) if p.size]

    result = made(path)

    assert result
    assert_it_plays(result)
    with av.open(str(result)) as container:
        copied = [bytes(p) for p in container.demux(video=0) if p.size]
    assert copied == packets  # not encoded again
    assert video.probe(result).orientation == 6


@pytest.mark.parametrize(("doctype", "is_needed"), [("webm", False), ("matroska", True)])
def test_a_matroska_file_is_not_a_webm_by_its_name(
    tmp_path: Path, made: Callable[..., Path | None], doctype: str, is_needed: bool
) -> None:
    path = tmp_path / f"a.{'webm' if doctype == 'webm' else 'mkv'}"
    film(path, [SCENE] * 5, codec="libvpx-vp9", sound="libopus")

    result = made(path.rename(tmp_path / "a.film"), accepted_video_codecs=("vp9",))

    assert (result is not None) == is_needed


def test_hevc_that_is_copied_plays_on_what_apple_makes(
    tmp_path: Path, made: Callable[..., Path | None]
) -> None:
    path = film(tmp_path / "a.mkv", [SCENE] * 5, codec="libx265")

    result = made(path, accepted_video_codecs=("hevc",))

    assert result and b"hvc1" in result.read_bytes() and b"hev1" not in result.read_bytes()


def test_only_what_is_seen_and_heard_is_kept(
    tmp_path: Path, made: Callable[..., Path | None]
) -> None:
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        streams = [container.add_stream("libx264", rate=10) for _ in range(2)]
        sounds = [container.add_stream("libopus", rate=48_000) for _ in range(2)]
        texts = container.add_mux_stream("subrip")
        container.add_attachment("cover.jpg", "image/jpeg", b"\xff\xd8\xff\xd9")
        for stream, size in zip(streams, ((160, 90), (320, 180)), strict=True):
            assert isinstance(stream, av.VideoStream)
            (stream.width, stream.height), stream.pix_fmt = size, "yuv420p"
            stream.metadata["BPS"] = str(size[0] * 1000)
        for number in range(10):
            for stream in streams:
                assert isinstance(stream, av.VideoStream)
                picture = np.asarray(scene(stream.width, stream.height))
                frame = av.VideoFrame.from_ndarray(picture).reformat(format="yuv420p")
                frame.pts, frame.time_base = number, Fraction(1, 10)
                container.mux(stream.encode(frame))
        text = av.Packet(b"Hello")
        text.stream, text.pts, text.dts, text.time_base = texts, 0, 0, Fraction(1, 1000)
        text.duration = 500
        container.mux(text)
        for stream in streams:
            container.mux(stream.encode())
        for sound in sounds:
            assert isinstance(sound, av.AudioStream)
            hum(container, sound)

    result = made(path)

    assert result
    with av.open(str(result)) as container:
        assert sorted(stream.type for stream in container.streams) == ["audio", "video"]


# How it looks and sounds.


def test_what_has_no_rate_keeps_its_pace(tmp_path: Path, made: Callable[..., Path | None]) -> None:
    moments = [0, 40, 50, 200, 210, 900, 1500]  # thousandths, as phones film in the dark
    path = tmp_path / "a.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx265", rate=30, options={"x265-params": "log-level=none"})
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for moment in moments:
            frame = av.VideoFrame.from_ndarray(np.asarray(scene(64, 36))).reformat(format="yuv420p")
            frame.pts, frame.time_base = moment, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())

    result = made(path)

    assert result
    with av.open(str(result)) as container:
        found = [float(frame.time or 0) * 1000 for frame in container.decode(video=0)]
    assert found == pytest.approx(moments, abs=1)


@pytest.mark.parametrize("layout", ["mono", "stereo", "5.1", "7.1"])
def test_what_the_middle_says_is_heard_on_both_sides(
    tmp_path: Path, made: Callable[..., Path | None], layout: str
) -> None:
    path = tmp_path / "a.mov"
    names = [channel.name for channel in av.AudioLayout(layout).channels]
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 36, "yuv420p"
        sound = container.add_stream("pcm_s16le", rate=48_000, layout=layout)
        assert isinstance(sound, av.AudioStream)
        picture = av.VideoFrame.from_ndarray(np.asarray(scene(64, 36))).reformat(format="yuv420p")
        picture.pts, picture.time_base = 0, Fraction(1, 10)
        container.mux([*stream.encode(picture), *stream.encode()])
        wave = 8_000 * np.sin(np.arange(48_000) * 2 * np.pi * 440 / 48_000)
        samples = np.zeros((48_000, len(names)), np.int16)
        samples[:, names.index("FC") if "FC" in names else slice(None)] = (
            wave[:, None] if "FC" not in names else wave
        )
        heard = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout=layout)
        heard.sample_rate, heard.pts, heard.time_base = 48_000, 0, Fraction(1, 48_000)
        container.mux([*sound.encode(heard), *sound.encode()])

    result = made(path)

    assert result
    with av.open(str(result)) as container:
        assert container.streams.audio[0].channels == (1 if layout == "mono" else 2)
        sides = np.concatenate([frame.to_ndarray() for frame in container.decode(audio=0)], 1)
    assert (np.abs(sides).max(1) > 0.03).all()


@pytest.mark.parametrize("turn", [1, 3, 6, 8])
def test_it_is_the_right_way_up(
    tmp_path: Path, made: Callable[..., Path | None], turn: int
) -> None:
    size = (180, 320) if turn >= 5 else (320, 180)
    stored = turned(scene(*size), turn)
    path = film(tmp_path / "a.mov", [stored] * 10, codec="libx265", matrix=MATRICES[turn])

    result = made(path)

    assert result
    shown = video.render(result)
    assert (shown.width, shown.height) == size
    assert distance(opened(shown.preview), scene(*size)) < 4


@pytest.mark.parametrize(
    ("resolution", "size"), [("90", (160, 90)), ("720", (320, 180)), ("original", (320, 180))]
)
def test_it_has_the_resolution_that_is_set_and_is_never_enlarged(
    tmp_path: Path, made: Callable[..., Path | None], resolution: str, size: tuple[int, int]
) -> None:
    path = film(tmp_path / "a.mp4", [SCENE] * 5)

    result = made(path, transcode="all", target_resolution=resolution)

    assert result
    found = video.probe(result)
    assert (found.width, found.height) == size


@pytest.mark.parametrize(
    ("tonemap", "colours", "furthest"),
    [
        ("hable", [1, 1, 1], 45),
        ("mobius", [1, 1, 1], 10),
        ("reinhard", [1, 1, 1], 15),
        ("disabled", [16, 9, 9], 90),  # Who can show it shows it.
    ],
)
def test_high_dynamic_range_becomes_what_every_screen_shows(
    tmp_path: Path,
    made: Callable[..., Path | None],
    tonemap: str,
    colours: list[int],
    furthest: float,
) -> None:
    result = made(high_range(tmp_path / "a.mp4", SCENE, "pq"), tonemap=tonemap)

    assert result
    assert_it_plays(result, sounds=False)
    with av.open(str(result)) as container:
        frame = next(container.decode(video=0))
        assert [frame.color_trc, frame.color_primaries, frame.colorspace] == colours
        assert distance(Image.fromarray(frame.to_ndarray(format="rgb24")), SCENE) < furthest


def test_pixels_that_are_not_square_stay_so(
    tmp_path: Path, made: Callable[..., Path | None]
) -> None:
    path = film(tmp_path / "a.avi", [scene(240, 180)] * 5, codec="mpeg4", aspect=Fraction(4, 3))

    result = made(path)

    assert result
    assert video.probe(result).shown == (320, 180)


def test_every_frame_comes_at_its_time(tmp_path: Path, made: Callable[..., Path | None]) -> None:
    shades = [
        scene(64, 36).point(lambda value, n=n: min(255, value // 4 + 12 * n)) for n in range(12)
    ]
    path = film(tmp_path / "a.mov", shades, codec="libx265")

    result = made(path)

    assert result
    lightness = []
    with av.open(str(result)) as container:
        for number, frame in enumerate(container.decode(video=0)):
            assert frame.time == pytest.approx(number / 10, abs=0.001)
            lightness.append(frame.to_ndarray(format="gray").mean())
    assert len(lightness) == 12
    assert lightness == sorted(lightness)


def test_it_sounds_the_same(tmp_path: Path, made: Callable[..., Path | None]) -> None:
    result = made(tone(tmp_path / "a.mov", SCENE, hertz=440))

    assert result
    with av.open(str(result)) as container:
        frames = [frame.to_ndarray()[0] for frame in container.decode(audio=0)]
        rate = container.streams.audio[0].rate
    wave = np.concatenate(frames)
    loudest = np.abs(np.fft.rfft(wave)).argmax() * rate / len(wave)
    assert loudest == pytest.approx(440, abs=3)


def test_nothing_tells_where_it_was_taken(tmp_path: Path, made: Callable[..., Path | None]) -> None:
    path = film(
        tmp_path / "a.mp4",
        [SCENE] * 5,
        tags={"location": "+59.9127+010.7461/", "creation_time": "2020-06-01T22:30:00Z"},
    )

    result = made(path, transcode="all")

    assert result
    assert not {"location", "creation_time"} & video.probe(result).tags.keys()


# What goes wrong.


def test_a_damaged_film_is_made_over_as_far_as_it_goes(
    tmp_path: Path, made: Callable[..., Path | None]
) -> None:
    path = film(tmp_path / "a.ts", [SCENE] * 60, codec="mpeg2video", sound="mp2")
    data = path.read_bytes()
    hole = len(data) // 2
    path.write_bytes(data[:hole] + bytes(2000) + data[hole + 2000 : -3000])

    result = made(path)

    assert result
    assert_it_plays(result)
    assert seconds(result)["video"] > 4


def test_what_is_no_film_leaves_nothing(tmp_path: Path) -> None:
    path, target = tmp_path / "a.mp4", tmp_path / "out.mp4"
    path.write_bytes(b"\0\0\0\x10ftypmp42 and so on")

    with pytest.raises(UnreadableImage, match="damaged or incomplete"):
        transcode.transcode(path, target, FFmpeg(), Event())
    assert not target.exists()


@pytest.mark.parametrize(
    ("name", "codec", "sound"),
    [("a.mp4", "libx264", "aac"), ("a.avi", "mpeg4", "mp2"), ("a.ts", "mpeg2video", "mp2")],
)
def test_no_damage_takes_the_worker_down(tmp_path: Path, name: str, codec: str, sound: str) -> None:
    path = film(tmp_path / name, [scene(160, 90)] * 15, codec=codec, sound=sound)
    whole, chance, target = path.read_bytes(), random.Random(name), tmp_path / "out.mp4"
    for _ in range(12):
        data = bytearray(whole)
        for _ in range(chance.choice((1, 8, 60))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        path.write_bytes(data[: chance.choice((len(data), chance.randrange(len(data))))])
        try:
            if transcode.transcode(path, target, FFmpeg(transcode="all"), Event()):
                assert video.probe(target).width == 160
        except UnreadableImage as error:
            assert str(error)
            assert not target.exists()
        target.unlink(missing_ok=True)


def test_it_stops_when_nobody_waits(tmp_path: Path) -> None:
    path, target = film(tmp_path / "a.avi", [SCENE] * 10, codec="mpeg4"), tmp_path / "out.mp4"
    stopping = Event()
    stopping.set()

    with pytest.raises(transcode.Stopped):
        transcode.transcode(path, target, FFmpeg(), stopping)
    assert not target.exists()


def test_a_full_disk_is_not_the_films_fault(tmp_path: Path) -> None:
    path = film(tmp_path / "a.avi", [SCENE] * 10, codec="mpeg4")
    target = tmp_path / "out.mp4"
    target.symlink_to("/dev/full")  # What is removed afterwards is the link.

    with pytest.raises(OSError, match="cannot be written"):
        transcode.transcode(path, target, FFmpeg(), Event())
