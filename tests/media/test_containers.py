"""Each kind of film that is accepted: its facts, its picture, and what it is played as."""

from __future__ import annotations

from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import av
import numpy as np
import pytest

from media import film_policy, metadata, transcode, video
from media.errors import UnreadableImage
from storage import media_types
from sync.config import FFmpeg
from tests.media.films import silence
from tests.media.pictures import distance, opened, scene

CREATED = datetime(2024, 5, 6, 7, 8, 9, tzinfo=UTC)
SIZE, FPS, COUNT = (320, 180), 25, 50
AS_IT_IS, COPIED, PICTURE, SOUND, ALL = "as it is", "copied", "picture", "sound", "both"


class Kind(NamedTuple):
    container: str  # as FFmpeg calls it
    picture: str
    sound: str | None
    becomes: str
    pixels: str = "yuv420p"
    size: tuple[int, int] = SIZE
    shown: tuple[int, int] | None = None  # where pixels are not square


KINDS = {
    "3gp": Kind("3gp", "h263", "aac", PICTURE, size=(352, 288), shown=(384, 288)),
    "3gpp": Kind("3gp", "mpeg4", "aac", PICTURE),
    "avi": Kind("avi", "mpeg4", "libmp3lame", PICTURE),
    "flv": Kind("flv", "libx264", "aac", COPIED),
    "insv": Kind("mp4", "libx265", "aac", PICTURE),
    "m2t": Kind("mpegts", "mpeg2video", "mp2", ALL),
    "m2ts": Kind("mpegts", "libx264", "ac3", SOUND),
    "m4v": Kind("mp4", "libx264", "aac", AS_IT_IS),
    "mkv": Kind("matroska", "libx264", "aac", COPIED),
    "mov": Kind("mov", "libx264", "aac", AS_IT_IS),
    "mp4": Kind("mp4", "libx264", None, AS_IT_IS),
    "mpe": Kind("mpeg", "mpeg1video", "mp2", ALL),
    "mpeg": Kind("mpeg", "mpeg2video", "mp2", ALL),
    "mpg": Kind("mpeg", "mpeg1video", None, ALL),
    "mts": Kind("mpegts", "libx264", "aac", COPIED),
    "mxf": Kind("mxf", "mpeg2video", "pcm_s16le", ALL),
    "ts": Kind("mpegts", "libx265", "aac", PICTURE),
    "vob": Kind("vob", "mpeg2video", "ac3", ALL),
    "webm": Kind("webm", "libvpx-vp9", "libopus", PICTURE),
    "wmv": Kind("asf", "wmv2", "wmav2", ALL),
}
MORE = {
    "avi of old cameras": Kind("avi", "mjpeg", "pcm_s16le", ALL, "yuvj422p"),
    "avi of h264": Kind("avi", "libx264", "libmp3lame", PICTURE),
    "mov of editors": Kind("mov", "prores_ks", "pcm_s16le", ALL, "yuv422p10le"),
    "mov with a theatre's sound": Kind("mov", "libx264", "eac3", SOUND),
    "mov of animations": Kind("mov", "qtrle", None, ALL, "rgb24"),
    "mp4 of av1": Kind("mp4", "libsvtav1", "libopus", PICTURE),
    "mp4 in ten bits": Kind("mp4", "libx264", "aac", PICTURE, "yuv420p10le"),
    "mp4 of odd size": Kind("mp4", "libx264", "aac", PICTURE, "yuv444p", (321, 181)),
    "mkv of flac": Kind("matroska", "libx264", "flac", SOUND),
    "flv of the old web": Kind("flv", "flv1", "libmp3lame", PICTURE),
}


def write(path: Path, kind: Kind) -> Path:
    with av.open(str(path), "w", format=kind.container) as container:
        options = {"bf": "2"} if kind.picture == "libx264" and kind.pixels == "yuv420p" else {}
        if kind.picture == "libx265":
            options = {"x265-params": "log-level=none"}
        stream = container.add_stream(kind.picture, rate=FPS, options=options)
        assert isinstance(stream, av.VideoStream)
        (stream.width, stream.height), stream.pix_fmt = kind.size, kind.pixels
        stream.bit_rate = 2_000_000
        if kind.shown:
            stream.sample_aspect_ratio = Fraction(kind.shown[0], kind.size[0])
        track = container.add_stream(kind.sound, rate=48_000) if kind.sound else None
        if isinstance(track, av.AudioStream):
            track.codec_context.bit_rate = 128_000
        picture = np.asarray(scene(*kind.size).convert("RGB"))
        for number in range(COUNT):
            frame = av.VideoFrame.from_ndarray(picture).reformat(format=kind.pixels)
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if isinstance(track, av.AudioStream):
            hum(container, track)
    return path


def hum(container: av.container.OutputContainer, track: av.AudioStream) -> None:
    context = track.codec_context
    context.open(strict=False)
    wave = 8_000 * np.sin(np.arange(48_000 * COUNT // FPS) * 2 * np.pi * 440 / 48_000)
    samples = np.repeat(wave.astype(np.int16), context.layout.nb_channels)[None, :]
    heard = av.AudioFrame.from_ndarray(samples, format="s16", layout=context.layout.name)
    heard.sample_rate, heard.pts, heard.time_base = 48_000, 0, Fraction(1, 48_000)
    resampler = av.AudioResampler(
        context.format.name, context.layout.name, 48_000, context.frame_size or 1024
    )
    for frame in [*resampler.resample(heard), *resampler.resample(None)]:
        container.mux(track.encode(frame))
    container.mux(track.encode())


def times(path: Path, kind: str) -> list[float]:
    """When each frame of a track is shown or heard."""
    with av.open(str(path)) as container:
        streams = [stream for stream in container.streams if stream.type == kind]
        frames: list[Any] = list(container.decode(streams[0])) if streams else []
        return [float(frame.time) for frame in frames]


def test_all_that_is_accepted_is_tried() -> None:
    assert {f".{extension}" for extension in KINDS} == set(media_types.VIDEO_EXTENSIONS)


@pytest.mark.parametrize("name", [*KINDS, *MORE])
def test_a_film_is_shown_and_played(tmp_path: Path, name: str) -> None:
    kind = (KINDS | MORE)[name]
    path = write(tmp_path / f"a.{name.split()[0]}", kind)
    target = tmp_path / "made.mp4"

    facts = metadata.read_film(path, file_created_at=CREATED, file_modified_at=CREATED)
    shape = kind.shown or kind.size
    assert (facts.width, facts.height) == shape
    assert facts.duration_ms == pytest.approx(2000, abs=150)
    assert facts.fps == pytest.approx(FPS, abs=0.1)
    shown = scene(*shape)
    assert distance(opened(video.render(path).preview), shown) < 12

    with video.opened(path) as (container, stream):
        sound = film_policy.sound_track(container)
        plan = film_policy.plan_for(container, stream, sound, FFmpeg(), path)
    expected = {
        AS_IT_IS: None,
        COPIED: film_policy.Plan(False, False),
        PICTURE: film_policy.Plan(True, False),
        SOUND: film_policy.Plan(False, True),
        ALL: film_policy.Plan(True, kind.sound is not None),
    }[kind.becomes]
    assert plan == expected
    assert transcode.transcode(path, target, FFmpeg(), Event()) == (plan is not None)
    if plan is None:
        return
    with av.open(str(target)) as made:
        stream = made.streams.video[0]
        assert (stream.codec_context.name, stream.pix_fmt) == ("h264", "yuv420p")
        assert {sound.codec_context.name for sound in made.streams.audio} <= {
            "aac", "mp3float", "opus",
        }  # fmt: skip
        assert (stream.start_time or 0) * (stream.time_base or 0) < 0.1  # in step with the sound
    seen, heard = times(target, "video"), times(target, "audio")
    assert len(seen) == COUNT
    # The one who wrote the AVI left a gap behind its first frame.
    assert np.diff(seen)[kind.container == "avi" :] == pytest.approx(1 / FPS, abs=0.002)
    assert bool(heard) == (kind.sound is not None)
    if heard:
        assert heard[-1] - heard[0] == pytest.approx(2, abs=0.15)
    assert distance(opened(video.render(target).preview), shown) < 14


def test_sound_alone_has_facts_and_a_reason_but_no_picture(tmp_path: Path) -> None:
    path = silence(tmp_path / "a.mp4", seconds=1)

    facts = metadata.read_film(path, file_created_at=CREATED, file_modified_at=CREATED)

    assert (facts.width, facts.file_created_at) == (None, CREATED)
    for make in (
        lambda: video.render(path),
        lambda: transcode.transcode(path, tmp_path / "b.mp4", FFmpeg(), Event()),
    ):
        with pytest.raises(UnreadableImage, match="There is no moving picture in this file"):
            make()
    assert not (tmp_path / "b.mp4").exists()
