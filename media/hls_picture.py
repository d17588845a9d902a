"""The picture of a film for its segments: encoded on one grid of frames, or passed on as it is."""

from __future__ import annotations

import os
from bisect import bisect_right
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av
from av.container import OutputContainer
from av.filter import Graph
from av.packet import Packet
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from media import encoders, video
from media.fields import Weaver
from sync.config import FFmpeg
from sync.film_variants import RESERVE_SECONDS, Codec, Outline, Own, Variant

# Numbered packets: each with the segment that it belongs to.
Numbered = Iterator["tuple[int, Packet[Any]]"]

QUALITY: dict[Codec, int] = {"h264": 23, "hevc": 28, "av1": 35}
AV1_PRESET = "9"  # What is slower does not keep up with whoever watches.
BT709 = (1, 1, 1)
JUMP_SECONDS = 10
os.environ.setdefault("SVT_LOG", "0")  # It would tell of every setting whenever somebody seeks.
# From EXIF's orientations to what turns pixels the right way up.
_TURNS: dict[int, tuple[tuple[str, str | None], ...]] = {
    2: (("hflip", None),),
    3: (("hflip", None), ("vflip", None)),
    4: (("vflip", None),),
    5: (("transpose", "cclock_flip"),),
    6: (("transpose", "clock"),),
    7: (("transpose", "clock_flip"),),
    8: (("transpose", "cclock"),),
}


class TooLate(Exception):
    """Reading began after what was wanted."""


class Made:
    """Encoded anew: frames at equal distances, whatever those of the film are."""

    def __init__(
        self,
        output: OutputContainer,
        outline: Outline,
        variant: Variant,
        settings: FFmpeg,
        *,
        unit: Fraction,
        begin: Fraction,
        first: int,
        is_sought: bool,
    ) -> None:
        """`unit`: the film's, of time; `is_sought`: reading does not begin at the start."""
        assert variant.codec is not None
        self._is_sought = is_sought
        self._outline = outline
        self._begin = begin + Fraction(*(outline.first_time or (0, 1)))
        self._step = outline.frames_per_segment
        self._next = first * self._step  # the frame that is missing
        self._shown: VideoFrame | None = None  # the one to repeat until another comes
        self._is_prepared = self._has_jumped = False
        self._seen = -1
        width, height = variant.size
        self._stored = (height, width) if outline.turn >= 5 else (width, height)
        self._weaver = Weaver(unit)
        self._screen = video.Screen(settings.tonemap)
        self._turner = _turner(outline, self._stored)
        track = output.add_stream(
            encoders.NAMES[variant.codec],
            rate=outline.rate,
            options=_options(variant, settings, self._step),
        )
        assert isinstance(track, VideoStream)
        track.width, track.height, track.pix_fmt = width, height, "yuv420p"
        context = track.codec_context
        context.time_base = 1 / outline.rate
        context.gop_size, context.max_b_frames = self._step, 0
        context.thread_count = settings.threads
        if variant.codec == "hevc":
            context.codec_tag = "hvc1"  # The name by which Apple plays it.
        track.color_range = 1
        is_mapped = outline.is_bright and settings.tonemap != "disabled"
        colours = BT709 if is_mapped else outline.colours
        track.colorspace, track.color_primaries, track.color_trc = colours
        self.track = track

    @property
    def seconds(self) -> Fraction:
        """How far it is made."""
        return self._next / self._outline.rate

    def take(self, packet: Packet[VideoStream]) -> Numbered:
        for frame in decoded(packet):
            if self._outline.first_time is not None:
                frame.pts = frame.dts
            yield from self._take(self._weaver.take(frame))

    def end(self) -> Numbered:
        """The last frame is repeated to the end of the film."""
        yield from self._take(self._weaver.end())
        yield from self._repeat(self._outline.frames)
        yield from self._numbered(self.track.encode(None))

    @property
    def has_begun(self) -> bool:
        return self._shown is not None

    def _take(self, frames: Iterator[VideoFrame]) -> Numbered:
        for frame in frames:
            yield from self._show(frame)

    def _show(self, frame: VideoFrame) -> Numbered:
        place = self._seen + 1
        if frame.pts is not None and frame.time_base is not None:
            place = round((frame.pts * frame.time_base - self._begin) * self._outline.rate)
        is_jump = self._shown is not None and place - self._seen > JUMP_SECONDS * self._outline.rate
        if is_jump and not self._has_jumped:
            self._has_jumped = True  # It may be the time that is wrong: the next one will tell.
            return
        self._has_jumped = False
        self._seen = place
        is_lost = frame.pts is None or place > self._next
        if self._shown is None and self._is_sought and is_lost:
            raise TooLate
        if self._shown is not None:
            yield from self._repeat(min(place, self._outline.frames))
        self._shown, self._is_prepared = frame, False

    def _repeat(self, until: int) -> Numbered:
        while self._shown is not None and self._next < until:
            if not self._is_prepared:
                self._shown, self._is_prepared = self._prepare(self._shown), True
            frame = self._shown
            frame.pts, frame.time_base = self._next, 1 / self._outline.rate
            is_key = self._next % self._step == 0
            frame.pict_type = PictureType.I if is_key else PictureType.NONE
            self._next += 1
            yield from self._numbered(self.track.encode(frame))

    def _prepare(self, frame: VideoFrame) -> VideoFrame:
        made = self._screen.show(frame, *self._stored)
        if self._turner is None:
            return made
        made.pts = 0
        self._turner.push(made)
        turned = self._turner.pull()
        assert isinstance(turned, VideoFrame)
        return turned

    def _numbered(self, packets: list[Packet[VideoStream]]) -> Numbered:
        for packet in packets:
            assert packet.pts is not None
            packet.duration = 1
            yield packet.pts // self._step, packet


class Passed:
    """As it is: packet by packet, with times from the beginning of the film."""

    def __init__(self, source: VideoStream, own: Own, *, begin: Fraction, first: int) -> None:
        self.track = source
        self._own, self._first = own, first
        self._begin = round(begin / Fraction(*own.unit))
        self._count = 0
        self._time = 0  # of the last packet

    @property
    def seconds(self) -> Fraction:
        return self._time * Fraction(*self._own.unit)

    @property
    def has_begun(self) -> bool:
        return self._count > 0

    def take(self, packet: Packet[VideoStream]) -> Numbered:
        if packet.dts is None or packet.pts is None:  # The last packet is an empty one.
            return
        time = packet.dts - self._own.begins
        number = bisect_right(self._own.starts, time) - 1
        if number < self._first:
            return
        if not self.has_begun and self._first and time != self._own.starts[self._first]:
            raise TooLate
        # Frames that are shown later than decoded are decoded before time begins: squeezed into
        # its first moments, they are at their places from then on.
        packet.dts = max(packet.dts - self._begin, self._count if self._first == 0 else 0)
        packet.pts -= self._begin
        self._count, self._time = self._count + 1, time
        yield number, packet

    def end(self) -> Numbered:
        yield from ()


def decoded(packet: Packet[Any]) -> Iterator[Any]:
    try:
        yield from packet.decode()
    except av.FFmpegError:
        return  # A damaged part is passed by, as players do.


def _turner(outline: Outline, size: tuple[int, int]) -> Graph | None:
    if outline.turn not in _TURNS:
        return None
    graph = Graph()
    width, height = size
    chain = [
        graph.add_buffer(
            width=width, height=height, format=av.VideoFormat("yuv420p"), time_base=1 / outline.rate
        ),
        *(graph.add(name, how) for name, how in _TURNS[outline.turn]),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*chain).configure()
    return graph


def _options(variant: Variant, settings: FFmpeg, step: int) -> dict[str, str]:
    """Key frames where segments begin, and nothing that makes a frame wait for later ones."""
    assert variant.codec is not None
    most = variant.bits_per_second
    options = {"crf": str(QUALITY[variant.codec]), "preset": settings.preset}
    reserve = {"maxrate": str(most), "bufsize": str(int(most * RESERVE_SECONDS))}
    cuts = f"keyint={step}:min-keyint={step}:scenecut=0:open-gop=0"
    match variant.codec:
        case "h264":
            # Whatever the preset leaves out: what the profile is named after must be there.
            options |= {"tune": "zerolatency", "profile": "high", "x264-params": (
                f"{cuts}:level={variant.level}:cabac=1:8x8dct=1")}  # fmt: skip
            return options | reserve
        case "hevc":
            options |= {"tune": "zerolatency", "x265-params": (
                f"{cuts}:level-idc={variant.level}:high-tier=0:info=0:log-level=none")}  # fmt: skip
            return options | reserve
        case "av1":
            options |= {"preset": AV1_PRESET, "svtav1-params": (
                f"keyint={step}:scd=0:level={variant.level}:mbr={most // 1000}")}  # fmt: skip
            return options
