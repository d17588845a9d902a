"""Films made over, against PyAV encoding alone; the frame they are shown by; and the memory.

Ratios are of the processor's time: what else the machine does hardly changes them.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from multiprocessing import get_context
from pathlib import Path
from threading import Event

import av
import numpy as np
from av.video.reformatter import VideoReformatter

from bench.figures import Figure
from media import transcode, video
from sync.config import FFmpeg

FPS = 30
RUNS = 2
ORIGINAL = FFmpeg(transcode="all", target_resolution="original")
SMALL = FFmpeg(transcode="all")
PQ, BT2020 = 16, 9


def measure() -> list[Figure]:
    with tempfile.TemporaryDirectory() as folder:
        films = {
            "1080p": make_film(Path(folder) / "1080p.mov", 1920, 1080, seconds=4),
            "4K HDR": _make_bright(Path(folder) / "4K.mov", 3840, 2160),
        }
        figures = [
            _ratio("1080p, of PyAV encoding alone", films["1080p"], ORIGINAL, 0.9),
            _ratio("4K HDR to 720p, of PyAV scaling and encoding alone", films["4K HDR"], SMALL),
        ]
        for name, film in films.items():
            figures.append(
                Figure("transcode", f"poster of {name}", _best(video.render, film) * 1e3, "ms")
            )
        for name, film in films.items():
            figures.append(Figure("transcode", f"memory of {name} to 720p", _peak_mb(film), "MB"))
    return figures


def _ratio(name: str, film: Path, settings: FFmpeg, aim: float | None = None) -> Figure:
    target = film.with_name("made.mp4")
    ours = _best(lambda path: transcode.transcode(path, target, settings, Event()), film)
    alone = _best(lambda path: _encode(path, target, settings), film)
    return Figure("transcode", name, alone / ours, "ratio", aim)


def _best(work: Callable[[Path], object], film: Path) -> float:
    """Seconds of all cores."""
    times = []
    for _ in range(RUNS):
        start = time.process_time()
        work(film)
        times.append(time.process_time() - start)
    return min(times)


def _encode(path: Path, target: Path, settings: FFmpeg) -> None:
    """The least that makes a film of a film, with the same encoders: no colours, no sound."""
    with av.open(str(path)) as container, av.open(str(target), "w", format="mp4") as output:
        source = container.streams.video[0]
        source.thread_type = "AUTO"
        options = {"crf": str(settings.crf), "preset": settings.preset}
        track = output.add_stream("libx264", rate=FPS, options=options)
        assert isinstance(track, av.VideoStream)
        lines = settings.target_resolution
        track.height = int(lines) if lines.isdecimal() else source.height
        track.width = source.width * track.height // source.height
        track.pix_fmt = "yuv420p"
        reformatter = VideoReformatter()
        for frame in container.decode(source):
            small = reformatter.reformat(frame, track.width, track.height, "yuv420p", threads=1)
            small.pict_type = 0
            output.mux(track.encode(small))
        output.mux(track.encode())


def _peak_mb(film: Path) -> float:
    """Of a process that makes one film over and nothing else."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_measure_memory, film).result()


def _measure_memory(film: Path) -> float:
    transcode.transcode(film, film.with_name("small.mp4"), SMALL, Event())
    # Not getrusage: its peak is that of the process before this program began in it.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(peak[1]) / 1024 if peak else 0.0


def make_film(path: Path, width: int, height: int, seconds: int) -> Path:
    with av.open(str(path), "w") as container:
        options = {"crf": "20", "preset": "ultrafast"}
        track = container.add_stream("libx264", rate=FPS, options=options)
        assert isinstance(track, av.VideoStream)
        track.width, track.height, track.pix_fmt = width, height, "yuv420p"
        for frame in _frames(width, height, FPS * seconds):
            container.mux(track.encode(frame.reformat(format="yuv420p")))
        container.mux(track.encode())
    return path


def _make_bright(path: Path, width: int, height: int) -> Path:
    """As phones film in high dynamic range: one second twice, for it takes long to make."""
    with av.open(str(path), "w") as container:
        options = {"crf": "20", "preset": "ultrafast", "x265-params": "log-level=none"}
        track = container.add_stream("libx265", rate=FPS, options=options)
        assert isinstance(track, av.VideoStream)
        track.width, track.height, track.pix_fmt = width, height, "yuv420p10le"
        track.color_trc, track.color_primaries, track.colorspace = PQ, BT2020, BT2020
        track.color_range = 1
        packets = []
        for frame in _frames(width, height, FPS):
            deep = frame.reformat(format="yuv420p10le", dst_colorspace=BT2020)
            deep.color_trc, deep.color_primaries = PQ, BT2020
            packets += track.encode(deep)
        packets += track.encode()
        for start in range(0, 2 * FPS, FPS):
            for packet in packets:
                again = av.Packet(bytes(packet))
                again.stream, again.time_base = track, Fraction(1, FPS)
                again.pts, again.dts = start + (packet.pts or 0), start + (packet.dts or 0)
                again.is_keyframe = packet.is_keyframe
                container.mux(again)
    return path


def _frames(width: int, height: int, count: int) -> Iterator[av.VideoFrame]:
    """Soft shapes that move, with the grain of a sensor."""
    chance = np.random.default_rng(1)
    coarse = chance.integers(0, 255, (9, 32, 3), np.uint8)
    grain = chance.integers(0, 24, (height, width, 3), np.uint8)
    shapes = av.VideoFrame.from_ndarray(coarse).reformat(2 * width, height, interpolation="BICUBIC")
    wide = shapes.to_ndarray() // 5 * 4
    for number in range(count):
        left = number * 8 % width
        pixels = wide[:, left : left + width] + np.roll(grain, number * 37, axis=1)
        frame = av.VideoFrame.from_ndarray(pixels)
        frame.pts, frame.time_base = number, Fraction(1, FPS)
        yield frame
