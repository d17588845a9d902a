"""Films for tests, encoded on the spot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray
from PIL import Image

FPS = 10


def film(
    path: Path,
    pictures: Iterable[Image.Image],
    *,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    matrix: tuple[int, ...] | None = None,
    tags: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
    interval: int = 5,
    sound: str | None = None,
    aspect: Fraction | None = None,
    full_range: bool = False,
) -> Path:
    """Write the pictures at 10 a second; `options` are those of the container."""
    pictures = list(pictures)
    with av.open(str(path), "w", options=dict(options or {})) as container:
        container.metadata.update(tags or {})
        stream = _picture_track(container, codec)
        stream.width, stream.height = pictures[0].size
        stream.pix_fmt, stream.gop_size = pixels, interval
        if aspect:
            stream.sample_aspect_ratio = aspect
        if codec == "libx264":
            stream.options = {"crf": "12", "bf": "0"}
        stream.colorspace, stream.color_range = 1, 2 if full_range else 1
        if matrix:
            stream.set_display_matrix(matrix)
        track = _sound_track(container, sound) if sound else None
        for number, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(np.asarray(picture.convert("RGB"))).reformat(
                format=pixels,
                dst_colorspace="itu709",
                dst_color_range="JPEG" if full_range else "MPEG",
            )
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if track is not None:
            _add_silence(container, track, len(pictures) / FPS)
    return path


def _picture_track(container: OutputContainer, codec: str) -> VideoStream:
    track = container.add_stream(codec, rate=FPS)
    assert isinstance(track, VideoStream)
    return track


def _sound_track(container: OutputContainer, codec: str) -> AudioStream:
    track = container.add_stream(codec, rate=48_000)
    assert isinstance(track, AudioStream)
    return track


def silence(path: Path, seconds: float = 1.0) -> Path:
    with av.open(str(path), "w") as container:
        _add_silence(container, _sound_track(container, "aac"), seconds)
    return path


def _add_silence(container: OutputContainer, track: AudioStream, seconds: float) -> None:
    track.codec_context.open(strict=False)
    size = track.codec_context.frame_size or 1024
    for start in range(0, int(seconds * 48_000), size):
        frame = av.AudioFrame(track.codec_context.format.name, "stereo", size)
        for plane in frame.planes:
            plane.update(bytes(plane.buffer_size))
        frame.sample_rate, frame.pts, frame.time_base = 48_000, start, Fraction(1, 48_000)
        container.mux(track.encode(frame))
    container.mux(track.encode())


def high_range(path: Path, picture: Image.Image, kind: str) -> Path:
    """The picture as a display of high dynamic range gets it: ten bits, wide colours, 203 nits.

    Source: ITU-R BT.2100 (`pq`, `hlg`), BT.2020 (matrices) and BT.2408 (where paper white lies).
    """
    frame = _high_range_frame(np.asarray(picture, float) / 255, kind)
    with av.open(str(path), "w") as container:
        stream = _picture_track(container, "libx265")
        stream.width, stream.height = picture.size
        stream.pix_fmt = "yuv420p10le"
        stream.options = {"crf": "8", "x265-params": "log-level=none"}
        stream.color_primaries, stream.colorspace, stream.color_range = 9, 9, 1
        stream.color_trc = _TRANSFERS[kind]
        for number in range(3):
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


_TRANSFERS = {"pq": 16, "hlg": 18}
_BT709_TO_BT2020 = np.array(
    [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
)


def _high_range_frame(srgb: NDArray[np.float64], kind: str) -> av.VideoFrame:
    linear = np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    light = linear @ _BT709_TO_BT2020.T
    signal = _pq(light * 203 / 10_000) if kind == "pq" else _hlg(light * 0.265)
    red, green, blue = np.moveaxis(signal, -1, 0)
    luma = 0.2627 * red + 0.678 * green + 0.0593 * blue
    height, width = luma.shape
    planes = [64 + 876 * luma]
    for part, span in ((blue, 1.8814), (red, 1.4746)):
        chroma = 512 + 896 * (part - luma) / span
        planes.append(chroma.reshape(height // 2, 2, width // 2, 2).mean((1, 3)))
    frame = av.VideoFrame(width, height, "yuv420p10le")
    for plane, values in zip(frame.planes, planes, strict=True):
        rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        rows[:, : values.shape[1]] = np.round(values)
        plane.update(rows.tobytes())
    frame.color_primaries, frame.colorspace, frame.color_range = 9, 9, 1
    frame.color_trc = _TRANSFERS[kind]
    return frame


def _pq(light: NDArray[np.float64]) -> NDArray[np.float64]:
    power = np.clip(light, 0, 1) ** (2610 / 16384)
    signal = (3424 / 4096 + 2413 / 128 * power) / (1 + 2392 / 128 * power)
    curve: NDArray[np.float64] = signal ** (2523 / 32)
    return curve


def _hlg(light: NDArray[np.float64]) -> NDArray[np.float64]:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    bright = a * np.log(np.maximum(12 * light - b, 1e-9)) + c
    return np.where(light <= 1 / 12, np.sqrt(3 * np.clip(light, 0, 1)), bright)


def tone(path: Path, picture: Image.Image, *, hertz: int) -> Path:
    """A second of one picture and one tone, as samples."""
    with av.open(str(path), "w") as container:
        pictures, sound = _picture_track(container, "libx264"), _sound_track(container, "pcm_s16le")
        pictures.width, pictures.height = picture.size
        for number in range(FPS):
            frame = av.VideoFrame.from_ndarray(np.asarray(picture)).reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode())
        wave = 8_000 * np.sin(np.arange(48_000) * 2 * np.pi * hertz / 48_000)
        samples = np.repeat(wave.astype(np.int16), 2)[None, :]
        heard = av.AudioFrame.from_ndarray(samples, format="s16", layout="stereo")
        heard.sample_rate, heard.pts, heard.time_base = 48_000, 0, Fraction(1, 48_000)
        container.mux(sound.encode(heard))
        container.mux(sound.encode())
    return path
