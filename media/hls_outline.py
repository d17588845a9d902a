"""What has to be known of a film before it is made over while it is watched."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from media import film_policy, tones, video
from media.errors import UnreadableImage
from sync.film_variants import SEGMENT_SECONDS, Outline, Own

SECONDS_MAX = 24 * 3600
RATE_MIN, RATE_DEFAULT = 10, Fraction(30)  # frames a second
RATE_MAX = 66  # No clock is so wrong that what is called 60 were more.
# A rate like 30000/1001 stays as it is, and the unit of time a number that fits everywhere.
DENOMINATOR_MAX = 1001
OWN_SEGMENT_SECONDS_MAX, OWN_SEGMENT_BYTES_MAX = 10.0, 64 << 20  # It is put together in memory.
LATE_SECONDS_MAX = Fraction(1, 2)
LAST_SECONDS_MIN = Fraction(1, 10)  # Playlists know the end of a film by the frame only.


def outline(path: Path) -> Outline:
    """Raises UnreadableImage where no picture can be shown."""
    with video.opened(path) as (container, stream):
        frame = next(video.readable(container, stream, video.FRAMES_FROM_START), None)
    if frame is None:
        raise UnreadableImage("The film is damaged or incomplete (no frame can be decoded)")
    film = video.probe(path)
    with video.opened(path) as (container, stream):
        sound = film_policy.sound_track(container)
        begin = begin_of(stream, sound)
        end = _end_of(container, stream, sound, begin)
        rate = _rate(stream)
        frames = max(1, round((end - begin) * rate))
        is_timeless = container.format.name in film_policy.TIMELESS
        is_plain = film.orientation == 1 and film.shown == (stream.width, stream.height)
        return Outline(
            size=film.shown,
            turn=film.orientation,
            frame_rate=rate.as_integer_ratio(),
            frames=frames,
            has_sound=sound is not None,
            first_time=_first_time(stream, frame, begin) if is_timeless else None,
            colours=(int(frame.colorspace), int(frame.color_primaries), int(frame.color_trc)),
            is_bright=tones.is_bright(frame),
            own=_own(container, stream, frame, begin, end) if is_plain else None,
        )


def begin_of(stream: VideoStream, sound: AudioStream | None) -> Fraction:
    """When it begins, in seconds by its own clock."""
    tracks: list[Stream] = [stream, sound] if sound else [stream]
    times = [time for one in tracks if (time := _seconds(one, one.start_time)) is not None]
    return min(times, default=Fraction(0))


def _end_of(
    container: InputContainer, stream: VideoStream, sound: AudioStream | None, begin: Fraction
) -> Fraction:
    tracks: list[Stream] = [stream, sound] if sound else [stream]
    ends = [_end(one, begin) for one in tracks if one.duration and one.duration > 0]
    if not ends and container.duration and container.duration > 0:
        ends = [begin + Fraction(container.duration, av.time_base)]
    if not ends:
        ends = [begin + _count(container, stream)]
    return min(max(ends), begin + SECONDS_MAX)


def _end(stream: Stream, begin: Fraction) -> Fraction:
    start = _seconds(stream, stream.start_time)
    return (begin if start is None else start) + (_seconds(stream, stream.duration) or 0)


def _seconds(stream: Stream, units: int | None) -> Fraction | None:
    return None if units is None or stream.time_base is None else units * stream.time_base


def _count(container: InputContainer, stream: VideoStream) -> Fraction:
    """For what does not say how long it is: its pictures, one after another, to its end."""
    count = 0
    try:
        for packet in container.demux(stream):
            count += packet.size > 0
    except av.FFmpegError:
        pass  # The rest cannot be read.
    return count / (stream.average_rate or stream.guessed_rate or RATE_DEFAULT)


def _rate(stream: VideoStream) -> Fraction:
    """Frames a second of what is made: every one of the film's, or every second, third, ..."""
    told = [one for one in (stream.average_rate, stream.guessed_rate) if one]
    rate = min(told, default=RATE_DEFAULT)
    if not Fraction(1, 100) <= rate <= 1000:
        rate = RATE_DEFAULT
    rate /= -(-rate // RATE_MAX)
    rate *= -(-RATE_MIN // rate) if rate < RATE_MIN else 1
    return rate.limit_denominator(DENOMINATOR_MAX)


def _first_time(stream: VideoStream, frame: VideoFrame, begin: Fraction) -> tuple[int, int]:
    """In such a film nothing says when pictures are shown; they are decoded at equal distances."""
    time = (frame.dts or 0) * (stream.time_base or 0) - begin
    return Fraction(time).as_integer_ratio()


def _own(
    container: InputContainer,
    stream: VideoStream,
    frame: VideoFrame,
    begin: Fraction,
    end: Fraction,
) -> Own | None:
    """What players take as it is: eight bits, no high range, cut often enough by key frames."""
    codecs = _codecs(stream)
    unit, start = stream.time_base, stream.start_time
    if not codecs or unit is None or start is None or not container.format.name.startswith("mov,"):
        return None
    if frame.interlaced_frame or tones.is_bright(frame):
        return None
    if stream.pix_fmt not in ("yuv420p", "yuvj420p"):
        return None
    entries = list(stream.index_entries)
    keys = [(entry.timestamp, at) for at, entry in enumerate(entries) if entry.is_keyframe]
    late = start - round(begin / unit)  # It may begin a moment after the sound.
    if not keys or keys[0][1] != 0 or late * unit > LATE_SECONDS_MAX:
        return None
    # A film that was cut without being encoded anew begins before what is shown of it.
    if next(container.demux(stream)).pts != start:
        return None
    begins = keys[0][0] - late
    last = round((end - begin) / unit)
    places = _cut([(0, 0), *((time - begins, at) for time, at in keys[1:])], last, unit)
    bits = _bits_per_second(places, last, unit, [entry.size for entry in entries])
    if bits is None:
        return None
    return Own(
        codecs=codecs,
        size=(stream.width, stream.height),
        unit=unit.as_integer_ratio(),
        begins=begins,
        starts=tuple(time for time, _ in places),
        bits_per_second=bits,
    )


def _cut(keys: Sequence[tuple[int, int]], last: int, unit: Fraction) -> list[tuple[int, int]]:
    """Of the key frames, by time and place, those at which a segment begins."""
    chosen = [keys[0]]
    for key in keys:
        if (key[0] - chosen[-1][0]) * unit >= SEGMENT_SECONDS:
            chosen.append(key)
    if len(chosen) > 1 and (last - chosen[-1][0]) * unit < LAST_SECONDS_MIN:
        chosen.pop()
    return chosen


def _bits_per_second(
    places: Sequence[tuple[int, int]], last: int, unit: Fraction, sizes: Sequence[int]
) -> int | None:
    """In the largest segment; None where there are some that nobody could have made for them."""
    bounds = [*(time for time, _ in places), last]
    lengths = [(after - before) * unit for before, after in pairwise(bounds)]
    if not all(0 < length <= OWN_SEGMENT_SECONDS_MAX for length in lengths):
        return None
    cuts = [*(at for _, at in places), len(sizes)]
    parts = [sum(sizes[one:next_]) for one, next_ in pairwise(cuts)]
    if max(parts) > OWN_SEGMENT_BYTES_MAX:
        return None
    return int(max(8 * part / length for part, length in zip(parts, lengths, strict=True))) + 1


def _codecs(stream: VideoStream) -> str | None:
    """As in RFC 6381; None where no player in a browser takes it."""
    data = stream.codec_context.extradata or b""
    match stream.codec_context.codec.canonical_name:
        case "h264" if len(data) > 4 and data[0] == 1:  # ISO/IEC 14496-15, 5.3.3.1
            return f"avc1.{data[1:4].hex()}"
        case "hevc" if len(data) > 13 and data[0] == 1:  # 8.3.3.1, and annex E
            return _hevc_name(data)
    return None


def _hevc_name(data: bytes) -> str:
    space, tier, profile = data[1] >> 6, data[1] >> 5 & 1, data[1] & 31
    flags = int.from_bytes(data[2:6])
    reversed_flags = int(f"{flags:032b}"[::-1], 2)
    constraints = [f"{byte:X}" for byte in data[6:12].rstrip(b"\0")]
    parts = [f"{'ABC'[space - 1] if space else ''}{profile}", f"{reversed_flags:X}"]
    return ".".join(["hvc1", *parts, f"{'LH'[tier]}{data[12]}", *constraints])
