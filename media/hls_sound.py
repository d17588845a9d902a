"""The sound of a film as AAC on one grid: wherever it begins, it fits what was made before."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from numpy.typing import NDArray

from sync.film_variants import SOUND_BITS

RATES = (44_100, 48_000)
FRAME = 1024  # samples in a packet
LEAD = 4  # packets encoded before the first that is used: each leans on those before it
TOLERANCE = Fraction(1, 100)  # seconds that clocks of recorders jump without a gap to be heard


class Sound:
    """From frames as they were recorded to packets with times from the beginning of the film."""

    def __init__(
        self,
        output: OutputContainer,
        source: AudioStream,
        *,
        begin: Fraction,
        first: int,
        last: int,
    ) -> None:
        """`begin`: of the film, by its own clock; packets from `first` on, and before `last`."""
        self.rate = sound_rate(source)
        track = output.add_stream("aac", rate=self.rate, layout="stereo")
        assert isinstance(track, AudioStream)
        track.bit_rate = SOUND_BITS
        self.track = track
        self._begin, self._first, self._last = begin, first * FRAME, last * FRAME
        self._next = max(0, first - LEAD) * FRAME  # the sample that is missing
        self._samples = np.zeros((2, 0), np.float32)
        self._resampler = self._make_resampler()
        self._form: tuple[str, str, int] | None = None

    @property
    def place(self) -> int:
        """The packet that is missing."""
        return self._next // FRAME

    def encode(self, frame: av.AudioFrame) -> Iterator[Packet[AudioStream]]:
        form = frame.format.name, frame.layout.name, frame.sample_rate
        if self._form and form != self._form:  # Broadcasts change from one form into another.
            yield from self._take(self._resampler.resample(None))
            self._resampler = self._make_resampler()
        self._form = form
        yield from self._take(self._resampler.resample(frame))

    def fill(self, packets: int) -> Iterator[Packet[AudioStream]]:
        """Be silent up to there."""
        yield from self._be_silent(packets * FRAME)

    def drain(self) -> Iterator[Packet[AudioStream]]:
        """No frame comes any more."""
        if self._form:
            yield from self._take(self._resampler.resample(None))

    def end(self) -> Iterator[Packet[AudioStream]]:
        """The rest."""
        yield from self._be_silent(self._last + FRAME)  # A packet is given for the one before.
        yield from self._chosen(self.track.encode(None))

    def _take(self, frames: list[av.AudioFrame]) -> Iterator[Packet[AudioStream]]:
        for frame in frames:
            samples = frame.to_ndarray().astype(np.float32, copy=False)
            place = self._next
            if frame.pts is not None and frame.time_base is not None:
                place = round((frame.pts * frame.time_base - self._begin) * self.rate)
            missing = min(place, self._last) - self._next
            if missing > TOLERANCE * self.rate:
                yield from self._be_silent(self._next + missing)
            elif missing < -TOLERANCE * self.rate:
                samples = samples[:, -missing:]
            self._append(samples)
            yield from self._give()

    def _be_silent(self, until: int) -> Iterator[Packet[AudioStream]]:
        while (missing := until - self._next) > 0:
            self._append(np.zeros((2, min(missing, self.rate)), np.float32))
            yield from self._give()

    def _append(self, samples: NDArray[np.float32]) -> None:
        self._samples = np.concatenate((self._samples, samples), axis=1)
        self._next += samples.shape[1]

    def _give(self) -> Iterator[Packet[AudioStream]]:
        while self._samples.shape[1] >= FRAME:
            data = np.ascontiguousarray(self._samples[:, :FRAME])
            frame = av.AudioFrame.from_ndarray(data, "fltp", "stereo")
            frame.sample_rate = self.rate
            frame.pts = self._next - self._samples.shape[1]
            frame.time_base = Fraction(1, self.rate)
            self._samples = self._samples[:, FRAME:]
            yield from self._chosen(self.track.encode(frame))

    def _chosen(self, packets: list[Packet[AudioStream]]) -> Iterator[Packet[AudioStream]]:
        for packet in packets:
            if packet.pts is not None and self._first <= packet.pts < self._last:
                yield packet

    def _make_resampler(self) -> av.AudioResampler:
        return av.AudioResampler("fltp", "stereo", self.rate)


def sound_rate(source: AudioStream) -> int:
    return source.rate if source.rate in RATES else RATES[-1]
