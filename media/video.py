"""What a film says of itself, and a frame to show it by."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from struct import unpack
from typing import Literal, NamedTuple

import av
import numpy as np
import pyvips  # type: ignore[import-untyped]
from av.buffer import Buffer
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)
from av.video.stream import VideoStream

from media import fields, images, spherical, tones
from media.errors import UnreadableImage
from media.tones import Curve, Tones
from sync import forms
from sync.config import FFmpeg

MAX_PIXELS = 80_000_000  # A frame of 8K has 33 million, of the largest 360° cameras 60.
OPEN_SECONDS, READ_SECONDS, SEARCH_SECONDS = 20.0, 20.0, 40.0
# Only what cameras and people make: playlists and the like would have other files opened.
FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,asf,flv,live_flv,mpeg,mpegts,mpegvideo,mxf,ogg,"
    "h264,hevc,m4v,dv"
)
FIRST_SECONDS = 1.0
PLACES = (0.1, 0.3, 0.5, 0.75)  # parts of the duration to look at when it begins in the dark
FRAMES_PER_PLACE = 12  # until the first after a seek can be decoded
BROADCASTS, FRAMES_PER_BROADCAST = ("mpegts", "mpeg"), 60  # They do not know where to seek to.
LEAD_SECONDS = 1.0
FRAMES_FROM_START, STRIDE = 120, 8
DARK_MEAN, DARK_PEAK = 24, 60  # of 255
HD_LINES = 720
_WIDE = (ColorPrimaries.BT2020, ColorPrimaries.SMPTE431, ColorPrimaries.SMPTE432)
_SMOOTH = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
_UNSPECIFIED = 2
# What can be converted from; what else a file claims is as good as nothing. ITU-T H.273.
_MATRICES, _PRIMARIES = (0, 1, 2, 5, 6, 7, 9), (1, 2, 4, 5, 6, 7, 8, 9, 10, 11, 12)

# Signs of the display matrix → the EXIF orientation that shows the same. ISO/IEC 14496-12, 6.2.2.
_ORIENTATIONS: dict[tuple[int, ...], int] = {
    (1, 0, 0, 1): 1,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, 1, -1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, -1, 1, 0): 8,
}


class Look:
    """How pictures show high dynamic range: as the films made of them do."""

    curve: Curve = "hable"

    def follow(self, settings: FFmpeg) -> None:
        # A picture has no high range to keep.
        self.curve = "hable" if settings.tonemap == "disabled" else settings.tonemap


look = Look()


class Film(NamedTuple):
    """`width` and `height` are as stored, `shown` the right way up with square pixels."""

    width: int
    height: int
    shown: tuple[int, int]
    orientation: int  # as in EXIF
    duration_ms: int | None
    fps: float | None
    tags: Mapping[str, str]  # of the container and of the track, in lower case
    projection: str | None  # as Immich writes it, of what shows all around


def probe(path: Path) -> Film:
    """Raises UnreadableImage where there is no film; one without a readable frame has facts."""
    with opened(path) as (container, stream):
        frame = next(readable(container, stream, FRAMES_PER_PLACE), None)
        width, height = stream.width, stream.height
        turn = orientation(frame) if frame else 1
        return Film(
            width=width,
            height=height,
            shown=_shown(stream, turn),
            orientation=turn,
            duration_ms=round(seconds * 1000) if (seconds := _seconds(container, stream)) else None,
            fps=_fps(stream),
            tags={
                name.lower(): value.strip()
                for tags in (stream.metadata, container.metadata)
                for name, value in tags.items()
            },
            projection=spherical.projection(frame) if frame else None,
        )


def render(path: Path) -> images.Renditions:
    """The same pictures as of a photo, of a frame that is not dark. Raises UnreadableImage."""
    with opened(path) as (container, stream):
        frame = _poster(container, stream)
        turn = orientation(frame)
        frame = fields.one_moment(frame)
        width, height = _shown(stream, turn)
        settings = images.form.settings
        size = images.shown_size(settings)
        pixels = images.fit(_pixels(frame, stream, turn), size, settings).copy_memory()
    return images.rendered(pixels, (width, height), settings, forms.Nature())


@contextmanager
def opened(path: Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The container and its first moving picture.

    Raises UnreadableImage, also for what comes to light when it is read.
    """
    try:
        with av.open(
            str(path.absolute()),
            "r",
            metadata_errors="replace",
            options={"max_pixels": str(MAX_PIXELS)},
            container_options={"format_whitelist": FORMATS, "protocol_whitelist": "file"},
            timeout=(OPEN_SECONDS, READ_SECONDS),
        ) as container:
            stream = _picture_track(container)
            stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
            # Films are worked on side by side: threads in one would only cost memory.
            stream.codec_context.thread_count = 1
            yield container, stream
    except FileNotFoundError as error:
        raise UnreadableImage("The file cannot be opened: it is not there") from error
    except (av.FFmpegError, ValueError, OverflowError, MemoryError) as error:
        detail = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise UnreadableImage(f"The film is damaged or incomplete ({detail})") from error


def _picture_track(container: InputContainer) -> VideoStream:
    tracks = [
        stream
        for stream in container.streams.video
        if not stream.disposition & av.stream.Disposition.attached_pic
    ]
    if not tracks:
        raise UnreadableImage("There is no moving picture in this file")
    # Without a decoder there is no context. Action cameras keep a small copy beside the film.
    decodable = [stream for stream in tracks if stream.codec_context is not None]
    if not decodable:
        raise UnreadableImage("The film is in a form that cannot be decoded here")
    main = max(decodable, key=lambda stream: stream.bit_rate or 0)
    width, height = main.width, main.height
    if width * height > MAX_PIXELS:
        raise UnreadableImage(
            f"The film has {width} x {height} pixels; "
            f"more than {MAX_PIXELS // 1_000_000} megapixels are not opened"
        )
    return main


def _seconds(container: InputContainer, stream: VideoStream) -> float | None:
    if container.duration and container.duration > 0:
        return container.duration / av.time_base
    if stream.duration and stream.time_base:
        return float(stream.duration * stream.time_base)
    return None


def _fps(stream: VideoStream) -> float | None:
    rate = stream.average_rate or stream.guessed_rate
    return round(float(rate), 3) if rate else None


# Shape.


def orientation(frame: VideoFrame) -> int:
    """How the container wants it turned, as EXIF would say it."""
    turn = matrix(frame)
    if turn is None:
        return 1
    a, b, _, c, d, *_ = turn
    if abs(a) + abs(d) >= abs(b) + abs(c):
        b = c = 0
    else:
        a = d = 0
    signs = tuple((part > 0) - (part < 0) for part in (a, b, c, d))
    return _ORIENTATIONS.get(signs, 1)


def matrix(frame: VideoFrame) -> tuple[int, ...] | None:
    """The container's own word for it: nine numbers, row by row."""
    data = frame.side_data.get("DISPLAYMATRIX")
    return unpack("=9i", bytes(data)[:36]) if isinstance(data, Buffer) else None


def _shown(stream: VideoStream, turn: int) -> tuple[int, int]:
    width, height = _square(stream)
    return (height, width) if turn >= 5 else (width, height)


def _square(stream: VideoStream) -> tuple[int, int]:
    """Its size with square pixels, as stored: camcorders store 1440 columns for 1920."""
    ratio = float(stream.sample_aspect_ratio or 1)
    if not 0.25 <= ratio <= 4:
        ratio = 1.0
    return max(1, round(stream.width * ratio)), stream.height


# The frame.


def _poster(container: InputContainer, stream: VideoStream) -> VideoFrame:
    best, most = None, -1.0
    deadline = time.monotonic() + SEARCH_SECONDS
    for frame in _candidates(container, stream):
        mean, peak = _light(frame)
        if mean >= DARK_MEAN or peak >= DARK_PEAK:
            return frame
        if mean > most:
            best, most = frame, mean
        if time.monotonic() > deadline:
            break
    if best is None:
        raise UnreadableImage("The film is damaged or incomplete (no frame can be decoded)")
    return best


def _candidates(container: InputContainer, stream: VideoStream) -> Iterator[VideoFrame]:
    """Frames from all over it, key frames first; then those from its start."""
    seconds = _seconds(container, stream) or 0.0
    places = [min(FIRST_SECONDS, seconds / 10), *(part * seconds for part in PLACES)]
    packets = FRAMES_PER_BROADCAST if container.format.name in BROADCASTS else FRAMES_PER_PLACE
    for place in dict.fromkeys(places):
        if _seek(container, stream, place):
            yield from readable(container, stream, packets, limit=1)
    # Some time before it: what is decoded first need not be what is shown first.
    if _seek(container, stream, -LEAD_SECONDS) or _seek(container, stream, 0.0):
        frames = readable(container, stream, FRAMES_FROM_START, limit=FRAMES_FROM_START)
        for number, frame in enumerate(frames):
            if number % STRIDE == 0:
                yield frame


def _seek(container: InputContainer, stream: VideoStream, seconds: float) -> bool:
    offset = (stream.start_time or 0) + int(seconds / (stream.time_base or 1))
    for is_backward in (seconds <= 0.0, True):  # The key frame after, else the one before.
        try:
            container.seek(offset, stream=stream, backward=is_backward)
        except av.FFmpegError:
            continue
        return True
    return seconds == 0.0  # What cannot be sought in may still be read on.


def readable(
    container: InputContainer, stream: VideoStream, packets: int, *, limit: int = 1
) -> Iterator[VideoFrame]:
    """Up to so many whole frames from here, out of so many packets; damaged ones are passed by."""
    count = 0
    try:
        for number, packet in enumerate(container.demux(stream)):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                frames = []
            for frame in frames:
                if not frame.is_corrupt:
                    yield frame
                    count += 1
                    if count == limit:
                        return
            if number >= packets + (stream.codec_context.delay and packets):
                return
    except av.FFmpegError:
        return  # The rest cannot be read.


def _light(frame: VideoFrame) -> tuple[float, float]:
    """How light it is on the whole, and in its lightest parts: 0 to 255."""
    _forget_nonsense(frame)
    small = frame.reformat(
        64, 36, "gray", src_color_range=_range(frame), dst_color_range=ColorRange.JPEG, threads=1
    )
    luma = small.to_ndarray()
    return float(luma.mean()), float(np.percentile(luma, 95))


# Its colours.


def _pixels(frame: VideoFrame, stream: VideoStream, turn: int) -> pyvips.Image:
    """In sRGB, no larger than it will be needed, and with the turn as its orientation."""
    width, height = _square(stream)
    scale = min(1.0, images.shown_size(images.form.settings) / min(width, height))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = pyvips.Image.new_from_array(in_srgb(frame, *size).to_ndarray())
    image = image.copy(interpretation="srgb")
    image.set_type(pyvips.GValue.gint_type, "orientation", turn)
    return image


def in_srgb(frame: VideoFrame, width: int, height: int) -> VideoFrame:
    """RGB as a screen shows it, and as the film looks when it is made over."""
    _forget_nonsense(frame)
    is_bright = tones.is_bright(frame)
    if is_bright:
        frame = Tones(look.curve).apply(frame, width, height, _SMOOTH)
    is_wide = frame.color_primaries in _WIDE and frame.color_trc == ColorTrc.BT709
    return frame.reformat(
        width,
        height,
        "rgb24",
        src_colorspace=None if is_bright else _matrix(frame),
        src_color_range=ColorRange.JPEG if is_bright else _range(frame),
        dst_color_range=ColorRange.JPEG,
        dst_color_trc=ColorTrc.BT709 if is_wide else None,
        dst_color_primaries=ColorPrimaries.BT709 if is_wide else None,
        interpolation=_SMOOTH,
        threads=1,
    )


class Screen:
    """The frames of one film in eight bits, in the colours they have, as players take them.

    High dynamic range is brought into BT.709 unless `tonemap` is "disabled". One for a film: to
    prepare for its colours takes longer than to show a frame.
    """

    def __init__(self, tonemap: Curve | Literal["disabled"]) -> None:
        self._tones = None if tonemap == "disabled" else Tones(tonemap)
        self._reformatter = VideoReformatter()

    def maps(self, frame: VideoFrame) -> bool:
        """Whether its colours become those of BT.709."""
        return self._tones is not None and tones.is_bright(frame)

    def show(self, frame: VideoFrame, width: int, height: int) -> VideoFrame:
        _forget_nonsense(frame)
        is_mapped = self._tones is not None and tones.is_bright(frame)
        if self._tones is not None and is_mapped:
            frame = self._tones.apply(frame, width, height, Interpolation.BICUBIC)
        return self._reformatter.reformat(
            frame,
            width,
            height,
            "yuv420p",
            dst_colorspace=Colorspace.ITU709 if is_mapped else None,
            src_color_range=ColorRange.JPEG if is_mapped else _range(frame),
            dst_color_range=ColorRange.MPEG,
            interpolation=Interpolation.BICUBIC,
            threads=1,
        )


def _forget_nonsense(frame: VideoFrame) -> None:
    if frame.colorspace not in _MATRICES:
        frame.colorspace = _UNSPECIFIED
    if frame.color_primaries not in _PRIMARIES:
        frame.color_primaries = ColorPrimaries.BT2020 if tones.is_bright(frame) else _UNSPECIFIED


def _matrix(frame: VideoFrame) -> int | None:
    """Its own; else as players guess, by the number of lines."""
    if frame.colorspace != _UNSPECIFIED:
        return None
    return Colorspace.ITU709 if frame.height >= HD_LINES else Colorspace.ITU601


def _range(frame: VideoFrame) -> int:
    if frame.color_range or not frame.format.name.startswith("yuvj"):
        return frame.color_range or ColorRange.MPEG
    return ColorRange.JPEG
