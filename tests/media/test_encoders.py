"""What the encoders are told, and what they make of it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

import av
import numpy as np
import pytest
from PIL import Image

from media import transcode, video
from storage import paths
from sync.config import FFmpeg
from tests.media.films import film
from tests.media.pictures import distance, opened, scene
from tests.media.test_transcode import SCENE, assert_it_plays, seconds, tracks


def frames(path: Path) -> list[str]:
    """I, P and B, in the order they are shown."""
    with av.open(str(path)) as container:
        return [" IPBSspB"[frame.pict_type] for frame in container.decode(video=0)]


def test_how_frames_depend_on_each_other(tmp_path: Path, made: Callable[..., Path | None]) -> None:
    path = film(tmp_path / "a.avi", [SCENE] * 40, codec="mpeg4")

    plain = made(path, preset="ultrafast")
    assert plain and "B" not in frames(plain)
    other = made(path, preset="medium", bframes=2, gop_size=8, refs=2)

    assert other
    found = "".join(frames(other))
    assert "B" in found and "BBB" not in found
    assert found[0] == "I" and max(len(part) for part in found.split("I")) < 8
    settings = other.read_bytes()  # x264 leaves a note of them in the film.
    assert b"ref=2" in settings and b"bframes=2" in settings and b"keyint=8" in settings


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, [b"rc=crf", b"crf=23.0"]),
        ({"crf": 30, "preset": "veryfast"}, [b"rc=crf", b"crf=30.0"]),
        ({"crf": 30, "cq_mode": "cqp"}, [b"rc=cqp", b"qp=30"]),
        ({"cq_mode": "icq"}, [b"rc=crf", b"crf=23.0"]),  # only with other hardware
        ({"max_bitrate": "2M"}, [b"rc=crf", b"vbv_maxrate=2000", b"vbv_bufsize=4000"]),
        ({"max_bitrate": "2000"}, [b"vbv_maxrate=2000"]),  # in thousands
        ({"max_bitrate": "2M", "two_pass": True}, [b"rc=2pass", b"bitrate=1379"]),
        ({"two_pass": True}, [b"rc=crf", b"crf=23.0"]),  # Without a bound one is enough.
        ({"threads": 1}, [b"threads=1 "]),
        ({"threads": 3}, [b"threads=3 "]),
    ],
)
def test_how_good_it_is(
    tmp_path: Path,
    made: Callable[..., Path | None],
    settings: dict[str, Any],
    told: list[bytes],
) -> None:
    path = film(tmp_path / "a.avi", [scene(640, 360)] * 12, codec="mpeg4", sound="mp2")

    result = made(path, **settings)

    assert result
    data = result.read_bytes()
    assert [note for note in told if note not in data] == []
    assert_it_plays(result)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_two_passes_keep_to_the_size_that_is_set(
    tmp_path: Path, made: Callable[..., Path | None], codec: str
) -> None:
    chance = np.random.default_rng(4)
    noise = [Image.fromarray(chance.integers(0, 255, (180, 320, 3), np.uint8)) for _ in range(40)]
    path = film(tmp_path / "a.avi", noise, codec="mpeg4")

    result = made(path, max_bitrate="580k", two_pass=True, target_video_codec=codec)

    assert result
    size = sum(packet.size for packet in av.open(str(result)).demux(video=0))
    assert size * 8 / 4 == pytest.approx(400_000, rel=0.35)


@pytest.mark.parametrize("codec", ["h264", "hevc"])
def test_what_the_first_pass_found_lies_where_it_is_swept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: Any
) -> None:
    path = film(tmp_path / "a.avi", [SCENE] * 12, codec="mpeg4")
    root = tmp_path / "it's: [a] disk"
    target = paths.resolve(root, paths.encoded_video(uuid4(), uuid4(), "1"))
    settings = FFmpeg(max_bitrate="580k", two_pass=True, target_video_codec=codec)
    found: list[Path] = []
    make = transcode._make

    def look(*arguments: Any) -> None:
        found.extend(target.parent.iterdir())
        make(*arguments)

    monkeypatch.setattr(transcode, "_make", look)
    assert transcode.transcode(path, target, settings, Event())

    assert found
    assert all(paths.is_ours(one.relative_to(root).as_posix()) for one in found)
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("codec", ["h264", "hevc", "vp9", "av1"])
@pytest.mark.parametrize(
    "settings",
    [
        {"crf": 40, "cq_mode": "cqp"},
        {"max_bitrate": "300k", "threads": 1},
        {"bframes": 3, "refs": 3, "gop_size": 5, "threads": 2},
    ],
)
def test_every_encoder_takes_every_setting(
    tmp_path: Path, made: Callable[..., Path | None], codec: str, settings: dict[str, Any]
) -> None:
    path = film(tmp_path / "a.avi", [SCENE] * 12, codec="mpeg4")

    result = made(path, target_video_codec=codec, **settings)

    assert result
    assert seconds(result)["video"] == pytest.approx(1.2, abs=0.11)


@pytest.mark.parametrize(
    ("picture", "sound"),
    [("hevc", "opus"), ("vp9", "aac"), ("av1", "mp3"), ("h264", "pcm_s16le")],
)
def test_other_encoders(
    tmp_path: Path, made: Callable[..., Path | None], picture: str, sound: str
) -> None:
    path = film(tmp_path / "a.avi", [SCENE] * 10, codec="mpeg4", sound="mp2")

    result = made(path, target_video_codec=picture, target_audio_codec=sound)

    assert result
    assert tracks(result) == {"video": picture, "audio": sound}
    assert (b"hvc1" in result.read_bytes()) == (picture == "hevc")  # as Apple calls it
    assert distance(opened(video.render(result).preview), SCENE) < 8
    assert seconds(result)["audio"] == pytest.approx(1, abs=0.1)
