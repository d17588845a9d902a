"""Films made over, against PyAV encoding alone; the frame they are shown by; and the memory."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from threading import Event

import av
import numpy as np

from bench.figures import Figure, Timer
from media import transcode, video
from sync.config import FFmpeg

FPS, SECONDS = 30, 5
SIZES = {"1080p": (1920, 1080), "4K": (3840, 2160)}
RUNS = 3
SETTINGS = FFmpeg(transcode="all", target_resolution="original")


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        films = {name: _make(Path(folder) / f"{name}.mov", *size) for name, size in SIZES.items()}
        figures = [_ratio(films["1080p"])]
        for name, film in films.items():
            figures.append(
                Figure("transcode", f"poster of {name}", _best(video.render, film) * 1e3, "ms")
            )
        for name, film in films.items():
            figures.append(Figure("transcode", f"memory of {name} to 720p", _peak_mb(film), "MB"))
    return figures


def _ratio(film: Path) -> Figure:
    target = film.with_name("made.mp4")
    ours = _best(lambda path: transcode.transcode(path, target, SETTINGS, Event()), film)
    alone = _best(lambda path: _encode(path, target), film)
    return Figure("transcode", "1080p, of PyAV encoding alone", alone / ours, "ratio", 0.9)


def _best(work: Callable[[Path], object], film: Path) -> float:
    """Seconds."""
    times = []
    for _ in range(RUNS):
        with Timer() as timer:
            work(film)
        times.append(timer.seconds)
    return min(times)


def _encode(path: Path, target: Path) -> None:
    """The least that makes a film of a film, with the same encoders."""
    with av.open(str(path)) as container, av.open(str(target), "w", format="mp4") as output:
        source = container.streams.video[0]
        source.thread_type = "AUTO"
        options = {"crf": str(SETTINGS.crf), "preset": SETTINGS.preset}
        track = output.add_stream("libx264", rate=FPS, options=options)
        assert isinstance(track, av.VideoStream)
        track.width, track.height, track.pix_fmt = source.width, source.height, "yuv420p"
        for frame in container.decode(source):
            frame.pict_type = 0
            output.mux(track.encode(frame))
        output.mux(track.encode())


def _peak_mb(film: Path) -> float:
    """Of a process that makes one film over and nothing else."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure_memory, film).result()


def _measure_memory(film: Path) -> float:
    transcode.transcode(film, film.with_name("small.mp4"), FFmpeg(transcode="all"), Event())
    # Not getrusage: its peak is that of the process before this program began in it.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(peak[1]) / 1024 if peak else 0.0


def _make(path: Path, width: int, height: int) -> Path:
    """Soft shapes that move, with the grain of a sensor."""
    chance = np.random.default_rng(1)
    coarse = chance.integers(0, 255, (9, 32, 3), np.uint8)
    grain = chance.integers(0, 24, (height, width, 3), np.uint8)
    shapes = av.VideoFrame.from_ndarray(coarse).reformat(2 * width, height, interpolation="BICUBIC")
    wide = shapes.to_ndarray() // 5 * 4
    with av.open(str(path), "w") as container:
        options = {"crf": "20", "preset": "ultrafast"}
        track = container.add_stream("libx264", rate=FPS, options=options)
        assert isinstance(track, av.VideoStream)
        track.width, track.height, track.pix_fmt = width, height, "yuv420p"
        for number in range(FPS * SECONDS):
            left = number * 8 % width
            pixels = wide[:, left : left + width] + np.roll(grain, number * 37, axis=1)
            frame = av.VideoFrame.from_ndarray(pixels)
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(track.encode(frame.reformat(format="yuv420p")))
        container.mux(track.encode())
    return path
