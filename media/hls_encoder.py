"""Segments of a film, made from any of them on."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import closing
from fractions import Fraction
from math import ceil
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import av
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from media import film_policy, hls_outline, video
from media.errors import UnreadableImage
from media.hls_packer import Deliver, Packer
from media.hls_picture import Made, Numbered, Passed, TooLate, decoded
from media.hls_sound import FRAME, Sound, sound_rate
from sync.config import FFmpeg
from sync.film_variants import Outline, Variant, list_starts

# How far before a segment to begin reading, in seconds: where files find their places badly, more.
# None: from the start.
LEADS: tuple[float | None, ...] = (0.5, 10.0, 60.0, None)
SOUND_LAG_SECONDS_MAX = 10  # Where the sound comes so much later than the picture, there is none.
SOUND_LEAD_SECONDS_MAX = 60  # Where it comes so much earlier, its times are wrong.


class Stopped(Exception):
    """Nobody waits for more."""


class Request(NamedTuple):
    path: Path
    outline: Outline
    variant: Variant
    first: int  # segment
    settings: FFmpeg


def encode(request: Request, deliver: Deliver, stopping: Event) -> None:
    """Make the segment, and those after it, to the end of the film.

    Raises Stopped when `stopping` is set, UnreadableImage, and what `deliver` raises.
    """
    for lead in LEADS if request.first else LEADS[-1:]:
        try:
            with (
                video.opened(request.path) as (container, stream),
                closing(av.open(io.BytesIO(), "w", format="mp4")) as encoders,
            ):
                _Run(request, container, stream, encoders, deliver, lead, stopping).make()
        except TooLate:
            continue
        return
    raise UnreadableImage("The film is damaged or incomplete (its places cannot be found)")


class _Run:
    """One reading of the file."""

    def __init__(
        self,
        request: Request,
        container: InputContainer,
        stream: VideoStream,
        encoders: OutputContainer,
        deliver: Deliver,
        lead: float | None,
        stopping: Event,
    ) -> None:
        self._request, self._container, self._stream = request, container, stream
        self._lead, self._stopping = lead, stopping
        has_sound = request.outline.has_sound
        self._source = film_policy.sound_track(container) if has_sound else None
        self._begin = hls_outline.begin_of(stream, self._source)
        self._starts = list_starts(request.outline, request.variant)
        self._picture = self._make_picture(encoders)
        sound_starts = self._list_sound_starts()
        self._sound = self._make_sound(encoders, sound_starts)
        if len(encoders.streams):
            encoders.start_encoding()  # Now they know what players need to know.
        self._packer = Packer(
            self._picture.track,
            self._sound.track if self._sound else None,
            sound_starts,
            request.first,
            deliver,
        )

    def make(self) -> None:
        self._packer.begin()
        for packet in self._read():
            self._end_if_stopped()
            # By its track: the last packet of each, an empty one, has no number.
            if packet.stream.index == self._stream.index:
                self._add_picture(self._picture.take(packet), lag=SOUND_LAG_SECONDS_MAX)
            elif self._sound is not None:
                for frame in decoded(packet):
                    if self._is_near(frame):
                        self._add_sound(self._sound.encode(frame))
        self._end()

    def _end(self) -> None:
        if not self._picture.has_begun:
            raise (
                TooLate
                if self._lead is not None
                else UnreadableImage("The film is damaged or incomplete (no frame can be decoded)")
            )
        if self._sound is not None:
            self._add_sound(self._sound.drain())
        self._add_picture(self._picture.end(), lag=0)  # Side by side: it may be hours to the end.
        if self._sound is not None:
            self._add_sound(self._sound.end())
        if self._packer.end() < len(self._starts):
            raise UnreadableImage("The film is damaged or incomplete (it ends too early)")

    def _read(self) -> Iterator[Packet[Any]]:
        if self._lead is not None:
            seconds = self._begin + self._starts[self._request.first] - Fraction(self._lead)
            assert self._stream.time_base is not None
            try:
                self._container.seek(round(seconds / self._stream.time_base), stream=self._stream)
            except av.FFmpegError as error:
                raise TooLate from error
        tracks = [one for one in (self._stream, self._source) if one is not None]
        try:
            yield from self._container.demux(tracks)
        except (av.FFmpegError, IndexError):  # The latter of tracks that nobody announced.
            return  # The rest cannot be read.

    def _is_near(self, frame: av.AudioFrame) -> bool:
        """Silence up to a time that is far off would fill the memory."""
        if frame.pts is None or frame.time_base is None:
            return True
        seconds = frame.pts * frame.time_base - self._begin
        return seconds < self._picture.seconds + SOUND_LEAD_SECONDS_MAX

    def _add_picture(self, packets: Numbered, *, lag: int) -> None:
        """`lag`: seconds of sound that may be missing; a film may have none for a while."""
        for number, packet in packets:
            self._end_if_stopped()
            self._packer.add_picture(number, packet)
            if self._sound is not None:
                seconds = self._picture.seconds - lag
                self._add_sound(self._sound.fill(int(seconds * self._sound.rate / FRAME)))

    def _add_sound(self, packets: Iterator[Packet[AudioStream]]) -> None:
        for packet in packets:
            self._end_if_stopped()
            self._packer.add_sound(packet)

    def _end_if_stopped(self) -> None:
        if self._stopping.is_set():
            raise Stopped

    def _list_sound_starts(self) -> list[int]:
        if self._source is None:
            return []
        rate = sound_rate(self._source)
        return [ceil(start * rate / FRAME) for start in self._starts]

    def _make_sound(self, encoders: OutputContainer, starts: list[int]) -> Sound | None:
        if self._source is None:
            return None
        last = ceil(self._request.outline.seconds * sound_rate(self._source) / FRAME)
        first = starts[self._request.first]
        return Sound(encoders, self._source, begin=self._begin, first=first, last=last)

    def _make_picture(self, encoders: OutputContainer) -> Made | Passed:
        outline, variant, settings = (
            self._request.outline,
            self._request.variant,
            self._request.settings,
        )
        if variant.codec is None:
            assert outline.own is not None
            return Passed(self._stream, outline.own, begin=self._begin, first=self._request.first)
        self._stream.thread_type = "AUTO"
        self._stream.codec_context.thread_count = settings.threads
        return Made(
            encoders,
            outline,
            variant,
            settings,
            unit=self._stream.time_base or 1 / outline.rate,
            begin=self._begin,
            first=self._request.first,
            is_sought=self._lead is not None,
        )
