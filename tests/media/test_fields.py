"""Films whose frames hold two moments each: no combs are left of them."""

from __future__ import annotations

import io
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from threading import Event

import av
import numpy as np
import pytest
from PIL import Image

from media import video
from media.hls_encoder import Request, encode
from media.hls_outline import outline
from sync.config import FFmpeg, Realtime
from sync.film_variants import list_variants
from tests.media.pictures import opened, scene

COUNT, FPS = 20, 25


@pytest.fixture(params=["a.m2ts", "a.avi"])
def path(tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    """A scene that moves four pixels from field to field."""
    path = tmp_path / str(request.param)
    picture = np.asarray(scene(320, 192))
    with av.open(str(path), "w") as container:
        options = {"flags": "+ildct+ilme", "top": "1"}
        stream = container.add_stream("mpeg2video", rate=FPS, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 320, 192, "yuv420p"
        stream.bit_rate = 4_000_000
        for number in range(COUNT):
            woven = np.roll(picture, number * 8, 1)
            woven[1::2] = np.roll(picture, number * 8 + 4, 1)[1::2]
            frame = av.VideoFrame.from_ndarray(woven)
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame.reformat(format="yuv420p", interpolation="POINT")))
        container.mux(stream.encode())
    return path


def combs(picture: Image.Image) -> float:
    """How much each line differs from its neighbours."""
    shades = np.asarray(picture.convert("L"), float)
    return float(np.abs(shades[1:-1] - (shades[:-2] + shades[2:]) / 2).mean())


def test_a_film_made_over_has_none(path: Path, made: Callable[..., Path | None]) -> None:
    with av.open(str(path)) as container:
        first = next(container.decode(video=0))
        before = combs(Image.fromarray(first.to_ndarray(format="rgb24")))

    result = made(path, crf=15)

    assert result
    with av.open(str(result)) as container:
        frames = list(container.decode(video=0))
        after = [combs(Image.fromarray(frame.to_ndarray(format="rgb24"))) for frame in frames]
    assert len(frames) == COUNT
    moments = np.array([float(frame.time or 0) for frame in frames])
    assert np.diff(moments)[1:] == pytest.approx(1 / FPS, abs=0.002)
    assert max(after) < before / 3


def test_nor_has_one_that_is_made_over_while_it_is_watched(path: Path) -> None:
    with av.open(str(path)) as container:
        first = next(container.decode(video=0))
        before = combs(Image.fromarray(first.to_ndarray(format="rgb24")))
    found = outline(path)
    assert found.own is None
    (variant,) = list_variants(found, Realtime(video_codecs=("h264",), resolutions=(480,)))
    parts: list[bytes] = []

    request = Request(path, found, variant, 0, FFmpeg())
    encode(request, lambda number, data: parts.append(data), Event())

    with av.open(io.BytesIO(b"".join(parts)), "r") as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == pytest.approx(COUNT, abs=1)
    assert max(combs(Image.fromarray(frame)) for frame in frames) < before / 3


def test_nor_has_its_picture(path: Path) -> None:
    with av.open(str(path)) as container:
        first = next(container.decode(video=0))
        before = combs(Image.fromarray(first.to_ndarray(format="rgb24")))

    assert combs(opened(video.render(path).preview)) < before / 3
