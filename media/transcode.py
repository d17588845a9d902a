"""Films made over into what every browser plays."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager
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
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from media import video
from media.errors import UnreadableImage
from sync.config import FFmpeg

ENCODERS = {
    "h264": "libx264",
    "hevc": "libx265",
    "vp9": "libvpx-vp9",
    "av1": "libsvtav1",
    "aac": "aac",
    "mp3": "libmp3lame",
    "opus": "libopus",
    "pcm_s16le": "pcm_s16le",
}
SOUND_RATES = (44_100, 48_000)
SOUND_SAMPLES = 1024  # at once, where the encoder does not mind
# Slowest first, as x264 calls them; the other encoders have numbers, larger ones being faster.
PRESETS = (
    "veryslow", "slower", "slow", "medium", "fast", "faster", "veryfast", "superfast", "ultrafast",
)  # fmt: skip
VP9_FASTEST, AV1_SLOWEST = 5, 4  # What is faster is for live broadcasts; what is slower takes days.
BITRATE_UNITS = {"k": 1_000, "m": 1_000_000}
# The disk, not the film: another attempt may help.
_OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES)


class Plan(NamedTuple):
    """What has to be encoded anew; the rest is copied into the new container."""

    picture: bool
    sound: bool


class Stopped(Exception):
    """Nobody waits for the film any more."""


class _Encoder(Protocol):
    def encode(self, frame: Any) -> Iterator[Packet[Any]]:
        """None: that was the last."""
        ...


class _Picture:
    """From the frames of a film to those of its new form."""

    def __init__(self, output: OutputContainer, source: VideoStream, settings: FFmpeg) -> None:
        track = output.add_stream(
            ENCODERS[settings.target_video_codec],
            rate=source.guessed_rate or source.average_rate or 30,
            options=_encoder_options(settings),
        )
        assert isinstance(track, VideoStream)
        track.width, track.height = _size(source, settings.target_resolution)
        track.pix_fmt = "yuv420p"
        if source.sample_aspect_ratio:
            track.sample_aspect_ratio = source.sample_aspect_ratio
        track.codec_context.time_base = source.time_base or Fraction(1, 90_000)
        track.codec_context.thread_count = settings.threads
        if settings.gop_size:
            track.gop_size = settings.gop_size
        if settings.target_video_codec == "hevc":
            track.codec_context.codec_tag = "hvc1"  # The name by which Apple plays it.
        self._track = track
        self._shown = -1
        self._reformatter = VideoReformatter()

    def describe(self, frame: VideoFrame) -> None:
        """Tell players how to show it, before anything is written."""
        self._track.set_display_matrix(video.matrix(frame))
        bright = video.is_bright(frame)
        self._track.color_range = 1
        self._track.colorspace = 1 if bright else frame.colorspace
        self._track.color_primaries = 1 if bright else frame.color_primaries
        self._track.color_trc = 1 if bright else frame.color_trc

    def encode(self, frame: VideoFrame | None) -> Iterator[Packet[VideoStream]]:
        if frame is None:
            yield from self._track.encode_lazy(None)
        elif frame.pts is not None and frame.pts > self._shown:  # Encoders take no step back.
            self._shown = frame.pts
            made = video.for_players(
                frame, self._track.width, self._track.height, self._reformatter
            )
            made.pict_type = 0  # Where key frames are is the encoder's choice.
            yield from self._track.encode_lazy(made)


class _Sound:
    """The same of what is heard."""

    def __init__(self, output: OutputContainer, source: AudioStream, settings: FFmpeg) -> None:
        rate = source.rate if source.rate in SOUND_RATES else SOUND_RATES[-1]
        if settings.target_audio_codec == "opus":
            rate = SOUND_RATES[-1]
        layout = "mono" if source.channels == 1 else "stereo"
        track = output.add_stream(ENCODERS[settings.target_audio_codec], rate=rate, layout=layout)
        assert isinstance(track, AudioStream)
        track.codec_context.open()
        self._track = track
        self._resampler = self._make_resampler()
        self._form: tuple[str, str, int] | None = None
        self._heard: int | None = None  # samples

    def encode(self, frame: av.AudioFrame | None) -> Iterator[Packet[AudioStream]]:
        form = (frame.format.name, frame.layout.name, frame.sample_rate) if frame else None
        if self._form and form != self._form:  # Broadcasts change from one form into another.
            yield from self._resample(None)
            self._resampler = self._make_resampler()
        self._form = form
        if frame is None:
            yield from self._track.encode(None)
        else:
            yield from self._resample(frame)

    def _resample(self, frame: av.AudioFrame | None) -> Iterator[Packet[AudioStream]]:
        for resampled in self._resampler.resample(frame):
            start = round((resampled.time or 0.0) * resampled.sample_rate)
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
        sound = _sound_track(container)
        plan = plan_for(container, stream, sound, settings, path)
        first = next(video.readable(container, stream, video.FRAMES_FROM_START), None)
    if plan is None:
        return False
    if first is None:
        raise UnreadableImage("The film is damaged or incomplete (no frame can be decoded)")
    try:
        with video.opened(path) as (container, stream), _written(target) as output:
            stream.codec_context.thread_count = settings.threads
            stream.thread_type = "AUTO"
            _convert(container, stream, output, plan, settings, first, stopping)
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    return True


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
        _is_picture_unfit(container, stream, settings),
        sound is not None and _is_sound_unfit(sound, settings),
    )
    is_container_fit = _container(container, path) in ("mp4", *settings.accepted_containers)
    return None if is_container_fit and not any(plan) else plan


def _is_picture_unfit(container: InputContainer, stream: VideoStream, settings: FFmpeg) -> bool:
    is_accepted = _codec(stream) in settings.accepted_video_codecs
    is_unfit = not is_accepted or not (stream.pix_fmt or "").endswith("420p")
    match settings.transcode:
        case "all":
            return True
        case "optimal":
            size = (stream.width, stream.height)
            return is_unfit or min(size) > _short_side(settings.target_resolution, size)
        case "bitrate":
            rate = stream.bit_rate or container.bit_rate or 0
            return is_unfit or rate > _bits_per_second(settings.max_bitrate)
        case _:
            return is_unfit


def _is_sound_unfit(sound: AudioStream, settings: FFmpeg) -> bool:
    return settings.transcode == "all" or _codec(sound) not in settings.accepted_audio_codecs


def _codec(stream: Stream) -> str:
    return stream.codec_context.codec.canonical_name


def _container(container: InputContainer, path: Path) -> str:
    name = container.format.name
    if name.startswith("mov,"):
        return "mov" if container.metadata.get("major_brand", "").strip() == "qt" else "mp4"
    if name == "matroska,webm" and path.suffix.lower() == ".webm":
        return "webm"
    return name


def _sound_track(container: InputContainer) -> AudioStream | None:
    # Without a decoder there is no context: some cameras have a second track of their own making.
    return next((s for s in container.streams.audio if s.codec_context is not None), None)


def _short_side(resolution: str, size: tuple[int, int]) -> int:
    return int(resolution) if resolution.isdecimal() else min(size)


def _size(source: VideoStream, resolution: str) -> tuple[int, int]:
    """As stored, never enlarged, and even: colours are kept for four pixels together."""
    size = source.width, source.height
    scale = min(1.0, _short_side(resolution, size) / min(size))
    width, height = (max(2, 2 * round(side * scale / 2)) for side in size)
    return width, height


def _bits_per_second(rate: str) -> int:
    """Of `4500`, `4500k` or `4.5M`; a number alone means thousands."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKmM]?)", rate.strip())
    return int(float(match[1]) * BITRATE_UNITS[match[2].lower() or "k"]) if match else 0


def _encoder_options(settings: FFmpeg) -> dict[str, str]:
    options = {"crf": str(settings.crf)} | _pace(settings)
    if most := _bits_per_second(settings.max_bitrate):
        options |= {"maxrate": str(most), "bufsize": str(2 * most)}
    if settings.target_video_codec == "hevc":
        options["x265-params"] = "log-level=none"
    return options


def _pace(settings: FFmpeg) -> dict[str, str]:
    """How hard the encoder tries."""
    pace = PRESETS.index(settings.preset) if settings.preset in PRESETS else len(PRESETS) - 1
    match settings.target_video_codec:
        case "vp9":
            return {"cpu-used": str(min(pace, VP9_FASTEST)), "row-mt": "1", "b": "0"}
        case "av1":
            return {"preset": str(AV1_SLOWEST + pace)}
        case _:
            return {"preset": PRESETS[pace]}


@contextmanager
def _written(target: Path) -> Iterator[OutputContainer]:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with av.open(
            str(target), "w", format="mp4", options={"movflags": "faststart"}
        ) as container:
            yield container
    except av.FFmpegError as error:
        if error.errno in _OF_THE_DISK:
            raise OSError(error.errno, "The film cannot be written") from error
        raise


def _convert(
    container: InputContainer,
    stream: VideoStream,
    output: OutputContainer,
    plan: Plan,
    settings: FFmpeg,
    first: VideoFrame,
    stopping: Event,
) -> None:
    """Packet by packet: from one container into the other, through the encoders or past them."""
    sound = _sound_track(container)
    encoders: dict[int, _Encoder] = {}
    copies: dict[int, Stream] = {}
    if plan.picture:
        picture = _Picture(output, stream, settings)
        picture.describe(first)
        encoders[stream.index] = picture
    else:
        copies[stream.index] = output.add_stream_from_template(stream)
    if sound is not None and plan.sound:
        encoders[sound.index] = _Sound(output, sound, settings)
    elif sound is not None:
        copies[sound.index] = output.add_stream_from_template(sound)

    for packet in container.demux([one for one in (stream, sound) if one is not None]):
        if stopping.is_set():
            raise Stopped
        if encoder := encoders.get(packet.stream_index):
            for frame in _decoded(packet):
                output.mux(list(encoder.encode(frame)))
        elif packet.dts is not None:  # The last packet is an empty one.
            packet.stream = copies[packet.stream_index]
            output.mux(packet)
    for encoder in encoders.values():
        output.mux(list(encoder.encode(None)))


def _decoded(packet: Packet[Stream]) -> Iterator[VideoFrame | av.AudioFrame]:
    try:
        yield from packet.decode()  # type: ignore[misc]
    except av.FFmpegError:
        return  # A damaged part is passed by, as players do.
