"""Films made over into what every browser plays."""

from __future__ import annotations

import errno
import os
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple, Protocol

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from media import encoders, video
from media.encoders import Pass
from media.errors import UnreadableImage
from media.fields import Weaver
from media.film_policy import TIMELESS, Plan, codec_of, plan_for, short_side, sound_track
from storage import files
from sync.config import CORES, FFmpeg

DECODER_THREADS = min(4, CORES)  # Each keeps frames of its own; more would outrun the encoder.
SOUND_RATES = (44_100, 48_000)
SOUND_SAMPLES = 1024  # at once, where the encoder does not mind
SETBACK_SECONDS = 1  # By less, packets are only a little out of order.
FRAMES_OUT_OF_ORDER = 48  # no more than decoders hold, so that damage puts nothing off by more
APPLES_HEVC = "hvc1"  # the name by which Apple plays it
# The disk, not the film: another attempt may help.
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)


class Stopped(Exception):
    """Nobody waits for the film any more."""


class _Task(NamedTuple):
    plan: Plan
    settings: FFmpeg
    first: VideoFrame  # that can be decoded
    stopping: Event
    turn: Pass | None = None


class _Track(Protocol):
    """What becomes of one track."""

    def take(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        """From a packet of the old film to those of the new one."""
        ...

    def end(self) -> Iterator[Packet[Any]]:
        """What is left when there are no more."""
        ...


class _Copy:
    """The same packets at their time in another container."""

    def __init__(self, output: OutputContainer, source: Stream, start: Fraction) -> None:
        self._track = output.add_stream_from_template(source)
        if codec_of(source) == "hevc":
            self._track.codec_context.codec_tag = APPLES_HEVC
        self._start = round(start / (source.time_base or 1))
        self._setback = round(SETBACK_SECONDS / (source.time_base or 1))
        self._next: int | None = None  # Containers take no step back.

    def take(self, packet: Packet[Any]) -> Iterator[Packet[Any]]:
        if not packet.size:  # That was the last.
            return
        behind = 0
        if packet.dts is not None and self._next is not None:
            behind = max(0, self._next + self._start - packet.dts)
        if behind > self._setback:  # The clock was set back: it goes on from there.
            self._start, behind = self._start - behind, 0
        if packet.pts is not None:
            packet.pts -= self._start
        if packet.dts is not None:
            packet.dts += behind - self._start
            self._next = packet.dts + 1
            if packet.pts is not None:
                packet.pts = max(packet.pts, packet.dts)
        packet.stream = self._track
        yield packet

    def end(self) -> Iterator[Packet[Any]]:
        yield from ()


class _Picture:
    """From the frames of a film to those of its new form."""

    def __init__(
        self,
        output: OutputContainer,
        source: VideoStream,
        start: Fraction,
        settings: FFmpeg,
        turn: Pass | None,
    ) -> None:
        track = output.add_stream(
            encoders.NAMES[settings.target_video_codec],
            rate=source.guessed_rate or source.average_rate or 30,
            options=encoders.video_options(settings, turn),
        )
        assert isinstance(track, VideoStream)
        track.width, track.height = _size(source, settings.target_resolution)
        track.pix_fmt = "yuv420p"
        if source.sample_aspect_ratio:
            track.sample_aspect_ratio = source.sample_aspect_ratio
        track.codec_context.time_base = source.time_base or Fraction(1, 90_000)
        track.codec_context.thread_count = settings.threads
        encoders.set_pass(track, turn)
        if settings.target_video_codec == "hevc":
            track.codec_context.codec_tag = APPLES_HEVC
        self._track = track
        self._start = round(start / track.codec_context.time_base)
        self._is_timeless = source.container.format.name in TIMELESS
        self._slots: deque[int] = deque(maxlen=FRAMES_OUT_OF_ORDER)
        self._shown = -1
        self._screen = video.Screen(settings.tonemap)
        self._weaver = Weaver(track.codec_context.time_base)

    def describe(self, frame: VideoFrame) -> None:
        """Tell players how to show it, before anything is written."""
        self._track.set_display_matrix(video.matrix(frame))
        is_mapped = self._screen.maps(frame)
        self._track.color_range = 1
        self._track.colorspace = 1 if is_mapped else frame.colorspace
        self._track.color_primaries = 1 if is_mapped else frame.color_primaries
        self._track.color_trc = 1 if is_mapped else frame.color_trc

    def take(self, packet: Packet[Any]) -> Iterator[Packet[VideoStream]]:
        if self._is_timeless and packet.size and packet.dts is not None:
            self._slots.append(packet.dts)
        for frame in _decoded(packet):
            frame.pts = self._slot() if self._is_timeless else frame.pts
            yield from self._encode(self._weaver.take(frame))

    def _slot(self) -> int | None:
        """When the next frame is shown: as many come before it as packets came before one."""
        return self._slots.popleft() if self._slots else None

    def end(self) -> Iterator[Packet[VideoStream]]:
        yield from self._encode(self._weaver.end())
        yield from self._track.encode_lazy(None)

    def _encode(self, frames: Iterator[VideoFrame]) -> Iterator[Packet[VideoStream]]:
        for frame in frames:
            if frame.pts is None or frame.pts - self._start <= self._shown:
                continue  # Encoders take no step back.
            self._shown = frame.pts - self._start
            made = self._screen.show(frame, self._track.width, self._track.height)
            made.pts = self._shown
            made.pict_type = 0  # Where key frames are is the encoder's choice.
            yield from self._track.encode_lazy(made)


class _Sound:
    """The same of what is heard."""

    def __init__(
        self, output: OutputContainer, source: AudioStream, start: Fraction, settings: FFmpeg
    ) -> None:
        rate = source.rate if source.rate in SOUND_RATES else SOUND_RATES[-1]
        if settings.target_audio_codec == "opus":
            rate = SOUND_RATES[-1]
        layout = "mono" if source.channels == 1 else "stereo"
        track = output.add_stream(
            encoders.NAMES[settings.target_audio_codec], rate=rate, layout=layout
        )
        assert isinstance(track, AudioStream)
        track.codec_context.open()
        self._track = track
        self._start = round(start * rate)
        self._resampler = self._make_resampler()
        self._form: tuple[str, str, int] | None = None
        self._heard: int | None = None  # samples

    def take(self, packet: Packet[Any]) -> Iterator[Packet[AudioStream]]:
        for frame in _decoded(packet):
            form = (frame.format.name, frame.layout.name, frame.sample_rate)
            if self._form and form != self._form:  # Broadcasts change from one form into another.
                yield from self._resample(None)
                self._resampler = self._make_resampler()
            self._form = form
            yield from self._resample(frame)

    def end(self) -> Iterator[Packet[AudioStream]]:
        if self._form:
            yield from self._resample(None)
        yield from self._track.encode(None)

    def _resample(self, frame: av.AudioFrame | None) -> Iterator[Packet[AudioStream]]:
        for resampled in self._resampler.resample(frame):
            start = round((resampled.time or 0.0) * resampled.sample_rate) - self._start
            if self._heard is not None:
                start = max(start, self._heard)
            resampled.pts, resampled.time_base = start, Fraction(1, resampled.sample_rate)
            self._heard = start + resampled.samples
            yield from self._track.encode(resampled)

    def _make_resampler(self) -> av.AudioResampler:
        context = self._track.codec_context
        return av.AudioResampler(
            context.format.name,
            context.layout.name,
            context.rate,
            context.frame_size or SOUND_SAMPLES,
        )


def transcode(path: Path, target: Path, settings: FFmpeg, stopping: Event) -> bool:
    """Write the film as MP4 that plays while it arrives; False: it does as it is.

    Raises UnreadableImage, OSError for a disk that is full, and Stopped when `stopping` is set.
    What was written until then is removed.
    """
    with video.opened(path) as (container, stream):
        plan = plan_for(container, stream, sound_track(container), settings, path)
        first = next(video.readable(container, stream, video.FRAMES_FROM_START), None)
    if plan is None:
        return False
    if first is None:
        raise UnreadableImage("The film is damaged or incomplete (no frame can be decoded)")
    task = _Task(plan, settings, first, stopping)
    if plan.picture and encoders.needs_two_passes(settings):
        with _findings(target) as findings:
            _look(path, task._replace(turn=Pass(1, findings)))
            _make(path, target, task._replace(turn=Pass(2, findings)))
    else:
        _make(path, target, task)
    return True


@contextmanager
def _findings(target: Path) -> Iterator[Path]:
    """Where the first pass writes for the second: gigabytes for an hour, so that it is no matter
    for a folder in memory. Beside the target, as what a killed process left there is swept."""
    path = target.with_suffix(".findings")
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        yield path
    finally:
        for one in target.parent.glob(f"{path.name}*"):  # Encoders write several.
            one.unlink(missing_ok=True)


def _look(path: Path, task: _Task) -> None:
    """Encode the picture for what the encoder finds out, and for nobody to see."""
    with (
        video.opened(path) as (container, stream),
        av.open(os.devnull, "w", format="null") as output,
    ):
        _convert(container, stream, None, output, task)


def _make(path: Path, target: Path, task: _Task) -> None:
    with video.opened(path) as (container, stream), _written(target) as output:
        _convert(container, stream, sound_track(container), output, task)


def _size(source: VideoStream, resolution: str) -> tuple[int, int]:
    """As stored, never enlarged, and even: colours are kept for four pixels together."""
    size = source.width, source.height
    scale = min(1.0, short_side(resolution, size) / min(size))
    width, height = (max(2, 2 * round(side * scale / 2)) for side in size)
    return width, height


@contextmanager
def _written(target: Path) -> Iterator[OutputContainer]:
    """A file that is whole and on the disk afterwards, or not there."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        output = av.open(str(target), "w", format="mp4", options={"movflags": "faststart"})
        try:
            yield output
        except BaseException:
            # Gone before it is closed: nobody needs its index moved to the front.
            target.unlink(missing_ok=True)
            with suppress(av.FFmpegError):
                output.close()
            raise
        output.close()
        files.sync(target, target.parent)
    except BaseException as error:
        target.unlink(missing_ok=True)
        if isinstance(error, av.FFmpegError) and error.errno in _OF_THE_DISK:
            raise OSError(error.errno, "The film cannot be written") from error
        raise


def _convert(
    container: InputContainer,
    stream: VideoStream,
    sound: AudioStream | None,
    output: OutputContainer,
    task: _Task,
) -> None:
    """Packet by packet: from one container into the other, through the encoders or past them."""
    stream.codec_context.thread_count = task.settings.threads or DECODER_THREADS
    stream.thread_type = "AUTO"
    start = Fraction(container.start_time or 0, av.time_base)  # Broadcasts begin anywhere.
    tracks: dict[int, _Track] = {stream.index: _picture(output, stream, start, task)}
    if sound is not None and task.plan.sound:
        tracks[sound.index] = _Sound(output, sound, start, task.settings)
    elif sound is not None:
        tracks[sound.index] = _Copy(output, sound, start)

    for packet in container.demux([one for one in (stream, sound) if one is not None]):
        if task.stopping.is_set():
            raise Stopped
        output.mux(list(tracks[packet.stream.index].take(packet)))
    for track in tracks.values():
        output.mux(list(track.end()))


def _picture(output: OutputContainer, stream: VideoStream, start: Fraction, task: _Task) -> _Track:
    if not task.plan.picture:
        return _Copy(output, stream, start)
    picture = _Picture(output, stream, start, task.settings, task.turn)
    picture.describe(task.first)
    return picture


def _decoded(packet: Packet[Any]) -> Iterator[Any]:
    try:
        yield from packet.decode()
    except av.FFmpegError:
        return  # A damaged part is passed by, as players do.
