"""What of a film has to be made over, so that every browser plays it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from av.audio.stream import AudioStream
from av.container import InputContainer
from av.stream import Stream
from av.video.stream import VideoStream

from media import encoders
from sync.config import FFmpeg

# Their packets do not say when they are shown; only the order that they are decoded in does.
TIMELESS = ("avi", "mpegvideo", "h264", "hevc", "m4v")
UNCOPIED = (*TIMELESS, "mpeg")  # Nor does every packet of this one.
DOCTYPE_BYTES = 64  # from the start of a Matroska file


class Plan(NamedTuple):
    """What has to be encoded anew; the rest is copied into the new container."""

    picture: bool
    sound: bool


def plan_for(
    container: InputContainer,
    stream: VideoStream,
    sound: AudioStream | None,
    settings: FFmpeg,
    path: Path,
) -> Plan | None:
    """What the policy wants; None for nothing."""
    if settings.transcode == "disabled":
        return None
    plan = Plan(
        _is_picture_unfit(container, stream, settings) or container.format.name in UNCOPIED,
        sound is not None and _is_sound_unfit(sound, settings),
    )
    is_container_fit = _container(container, path) in ("mp4", *settings.accepted_containers)
    return None if is_container_fit and not any(plan) else plan


def _is_picture_unfit(container: InputContainer, stream: VideoStream, settings: FFmpeg) -> bool:
    is_accepted = codec_of(stream) in settings.accepted_video_codecs
    is_unfit = not is_accepted or not (stream.pix_fmt or "").endswith("420p")
    match settings.transcode:
        case "all":
            return True
        case "optimal":
            size = (stream.width, stream.height)
            return is_unfit or min(size) > short_side(settings.target_resolution, size)
        case "bitrate":
            rate = stream.bit_rate or container.bit_rate or 0
            return is_unfit or 0 < encoders.bits_per_second(settings.max_bitrate) < rate
        case _:
            return is_unfit


def _is_sound_unfit(sound: AudioStream, settings: FFmpeg) -> bool:
    # Of what begins late nobody knows the form in time to copy it.
    is_known = sound.rate and sound.channels
    is_accepted = codec_of(sound) in settings.accepted_audio_codecs
    return settings.transcode == "all" or not is_known or not is_accepted


def codec_of(stream: Stream) -> str:
    return stream.codec_context.codec.canonical_name


def _container(container: InputContainer, path: Path) -> str:
    name = container.format.name
    if name.startswith("mov,"):
        return "mov" if container.metadata.get("major_brand", "").strip() == "qt" else "mp4"
    if name == "matroska,webm":
        with path.open("rb") as file:
            return "webm" if b"webm" in file.read(DOCTYPE_BYTES) else "matroska"
    return name


def sound_track(container: InputContainer) -> AudioStream | None:
    """The one with the most to hear; some cameras add one of their own making, without decoder."""
    tracks = [stream for stream in container.streams.audio if stream.codec_context is not None]
    return max(tracks, key=lambda stream: stream.bit_rate or 0, default=None)


def short_side(resolution: str, size: tuple[int, int]) -> int:
    return int(resolution) if resolution.isdecimal() else min(size)
