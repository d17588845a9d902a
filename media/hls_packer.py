"""From packets to segments: MP4 in fragments, each with its own place in time."""

from __future__ import annotations

import io
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

import av
from av.audio.stream import AudioStream
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream

from media.hls_sound import FRAME

# Takes what players need before all segments (None), and the segments in their order.
Deliver = Callable[[int | None, bytes], None]

_MUXER = {
    "movflags": "frag_custom+empty_moov+default_base_moof+frag_discont+skip_trailer",
    "use_editlist": "0",
    "avoid_negative_ts": "disabled",
}


class Packer:
    """Delivers a segment when nothing of it is missing any more."""

    def __init__(
        self,
        picture: VideoStream,
        sound: AudioStream | None,
        sound_starts: Sequence[int],
        first: int,
        deliver: Deliver,
    ) -> None:
        """`sound_starts`: the packet of sound with which each segment begins."""
        self._tracks: list[Stream] = [picture, sound] if sound else [picture]
        self._sound_starts = sound_starts
        self._next, self._deliver = first, deliver
        self._reached = [first] * len(self._tracks)
        self._parts: defaultdict[int, list[tuple[int, Packet[Any]]]] = defaultdict(list)
        self._head = self._pack(0, [])

    def begin(self) -> None:
        self._deliver(None, self._head)

    def add_picture(self, number: int, packet: Packet[Any]) -> None:
        self._add(0, number, packet)

    def add_sound(self, packet: Packet[Any]) -> None:
        assert packet.pts is not None
        self._add(1, bisect_right(self._sound_starts, packet.pts // FRAME) - 1, packet)

    def end(self) -> int:
        """Deliver the rest; return how many segments the film has."""
        while self._parts:
            self._give()
        return self._next

    def _add(self, track: int, number: int, packet: Packet[Any]) -> None:
        self._parts[number].append((track, packet))
        self._reached[track] = number
        while self._next < min(self._reached):
            self._give()

    def _give(self) -> None:
        data = self._pack(self._next, self._parts.pop(self._next, []))
        self._deliver(self._next, data[len(self._head) :])
        self._next += 1

    def _pack(self, number: int, parts: Sequence[tuple[int, Packet[Any]]]) -> bytes:
        file = io.BytesIO()
        options = {**_MUXER, "fragment_index": str(number + 1)}
        with av.open(file, "w", format="mp4", options=options) as output:
            tracks = [output.add_stream_from_template(track) for track in self._tracks]
            for track, source in zip(tracks, self._tracks, strict=True):
                track.time_base = source.time_base or source.codec_context.time_base
                if source.codec_context.name in ("hevc", "libx265"):
                    track.codec_context.codec_tag = "hvc1"
            output.start_encoding()
            for place, packet in parts:
                packet.stream = tracks[place]
                output.mux(packet)
        return file.getvalue()
