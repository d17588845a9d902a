"""Films that tell the time: a number on each picture, and a beep at each second."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

BITS = 8
RATE = 48_000
BEEP_HERTZ, BEEP_SECONDS = 1000, 0.1


def film(
    path: Path,
    *,
    seconds: float = 7,
    fps: int = 10,
    size: tuple[int, int] = (320, 180),
    sound: str | None = "aac",
    sound_seconds: float | None = None,
    codec: str = "libx264",
    times: Sequence[float] | None = None,
    matrix: tuple[int, ...] | None = None,
    aspect: Fraction | None = None,
    options: dict[str, str] | None = None,
    gop: int = 10,
    format_: str | None = None,
    late: float = 0,
) -> Path:
    """`times`: of each picture, where they do not come at equal distances; `late`: all of them."""
    times = times or [number / fps for number in range(round(seconds * fps))]
    with av.open(str(path), "w", format=format_) as container:
        heard = container.add_stream(sound, rate=RATE, layout="stereo") if sound else None
        # Key frames at equal distances, whatever is shown.
        options = {"sc_threshold": "0"} | (options or {})
        track = container.add_stream(codec, rate=fps, options=options)
        assert isinstance(track, VideoStream)
        track.width, track.height = size
        track.pix_fmt, track.gop_size = "yuv420p", gop
        track.codec_context.time_base = Fraction(1, 1000)
        if matrix:
            track.set_display_matrix(matrix)
        if aspect:
            track.sample_aspect_ratio = aspect
        for number, time in enumerate(times):
            frame = av.VideoFrame.from_ndarray(_picture(number, size), "gray")
            frame = frame.reformat(format="yuv420p")
            frame.pts, frame.time_base = round((time + late) * 1000), Fraction(1, 1000)
            container.mux(track.encode(frame))
        container.mux(track.encode())
        if heard is not None:
            assert isinstance(heard, AudioStream)
            _beep(container, heard, seconds if sound_seconds is None else sound_seconds)
    return path


def numbers(data: Path | Any) -> list[tuple[float, int]]:
    """When each picture is shown, in seconds, and the number on it."""
    with av.open(data) as container:
        return [(frame.time or 0.0, read(frame)) for frame in container.decode(video=0)]


def read(frame: av.VideoFrame) -> int:
    grey = frame.to_ndarray(format="gray")
    height, width = grey.shape
    cells = [grey[height // 8 : height // 4, _middle(width, bit)].mean() for bit in range(BITS)]
    return sum((cell > 128) << bit for bit, cell in enumerate(cells))


def beeps(data: Path | Any) -> list[float]:
    """When each beep begins, in seconds."""
    found: list[float] = []
    with av.open(data) as container:
        for frame in container.decode(audio=0):
            samples = frame.to_ndarray()
            loud = np.abs(samples.astype(float)).max(0) > 0.25
            for place in np.flatnonzero(loud):
                time = (frame.time or 0.0) + place / frame.sample_rate
                if not found or time > found[-1] + 0.5:
                    found.append(time)
    return found


def _picture(number: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """White and black for ones and zeros, in the upper half; below, something to encode."""
    width, height = size
    picture = np.full((height, width), 60, np.uint8)
    for bit in range(BITS):
        cell = picture[: height // 2, bit * width // BITS : (bit + 1) * width // BITS]
        cell[:] = 235 if number >> bit & 1 else 16
    rng = np.random.default_rng(number)
    picture[height // 2 :] = rng.integers(40, 200, picture[height // 2 :].shape, np.uint8)
    return picture


def _middle(width: int, bit: int) -> slice:
    centre = (2 * bit + 1) * width // (2 * BITS)
    return slice(centre - 2, centre + 2)


def _beep(container: OutputContainer, track: AudioStream, seconds: float) -> None:
    time = np.arange(round(seconds * RATE)) / RATE
    wave = 0.5 * np.sin(2 * np.pi * BEEP_HERTZ * time) * (time % 1 < BEEP_SECONDS)
    for start in range(0, len(wave), 1024):
        samples = np.stack([wave[start : start + 1024]] * 2).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), "fltp", "stereo")
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        resampled: Iterable[av.AudioFrame] = av.AudioResampler(
            track.codec_context.format.name, "stereo", RATE
        ).resample(frame)
        for one in resampled:
            container.mux(track.encode(one))
    container.mux(track.encode())
