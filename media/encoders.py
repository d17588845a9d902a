"""How each encoder is told what an administrator set."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from av.codec.context import Flags
from av.video.stream import VideoStream

from sync.config import FFmpeg, Preset

NAMES = {
    "h264": "libx264",
    "hevc": "libx265",
    "vp9": "libvpx-vp9",
    "av1": "libsvtav1",
    "aac": "aac",
    "mp3": "libmp3lame",
    "opus": "libopus",
    "pcm_s16le": "pcm_s16le",
}
# Slowest first. The encoders without such names have numbers, larger ones being faster.
PRESETS: tuple[str, ...] = get_args(Preset)
VP9_FASTEST, AV1_SLOWEST = 5, 4  # What is faster is for live broadcasts; what is slower takes days.
BITRATE_UNITS = {"k": 1_000, "m": 1_000_000}
# How much more than on average there may be for a moment, so that two passes can share it out.
PEAK_TO_AVERAGE = 1.45

Options = dict[str, str]


class Pass(NamedTuple):
    """One of two; what the first finds out lies in a file for the second."""

    number: Literal[1, 2]
    findings: Path


def needs_two_passes(settings: FFmpeg) -> bool:
    """Only with an upper bound is there something to share out."""
    return settings.two_pass and bits_per_second(settings.max_bitrate) > 0


def bits_per_second(rate: str) -> int:
    """Of `4500`, `4500k` or `4.5M`; a number alone means thousands, zero that all is well."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kKmM]?)", rate.strip())
    return int(float(match[1]) * BITRATE_UNITS[match[2].lower() or "k"]) if match else 0


def video_options(settings: FFmpeg, turn: Pass | None = None) -> Options:
    """For avcodec_open2 of the encoder that is set."""
    options = _structure(settings)
    match settings.target_video_codec:
        case "vp9":
            return options | _vp9(settings)
        case "av1":
            return options | _av1(settings)
        case "hevc":
            return options | _h264(settings) | {"x265-params": _x265_parameters(settings, turn)}
        case _:
            findings = {"stats": str(turn.findings)} if turn else {}
            return options | _h264(settings) | findings


def set_pass(track: VideoStream, turn: Pass | None) -> None:
    """Before it is opened. x265 hears of it by its own parameters."""
    if turn and track.codec_context.codec.name == "libx264":
        track.codec_context.flags |= Flags.pass1 if turn.number == 1 else Flags.pass2


def _structure(settings: FFmpeg) -> Options:
    """How frames depend on each other. An encoder that knows none of it passes it by."""
    wanted = {
        "bf": settings.bframes if settings.bframes >= 0 else None,
        "refs": settings.refs or None,
        "g": settings.gop_size or None,
    }
    return {name: str(value) for name, value in wanted.items() if value is not None}


def _h264(settings: FFmpeg) -> Options:
    preset = {"preset": settings.preset}
    most = bits_per_second(settings.max_bitrate)
    if needs_two_passes(settings):
        return preset | {"b": str(math.ceil(most / PEAK_TO_AVERAGE))} | _bound(most)
    if settings.cq_mode == "cqp":
        return preset | {"qp": str(settings.crf)}
    return preset | {"crf": str(settings.crf)} | _bound(most)


def _bound(most: int) -> Options:
    return {"maxrate": str(most), "bufsize": str(2 * most)} if most else {}


def _x265_parameters(settings: FFmpeg, turn: Pass | None) -> str:
    parameters: dict[str, Any] = {"log-level": "none"}
    if settings.threads == 1:
        parameters |= {"frame-threads": 1, "pools": "none"}
    elif settings.threads:
        parameters |= {"pools": settings.threads}
    if turn:
        parameters |= {"pass": turn.number, "stats": _escaped(str(turn.findings))}
    return ":".join(f"{name}={value}" for name, value in parameters.items())


def _escaped(text: str) -> str:
    """As part of a list of parameters."""
    return re.sub(r"[\\':]", r"\\\g<0>", text)


def _vp9(settings: FFmpeg) -> Options:
    # Its bound is that of an average. Without a zero it would take it for 200 kbit/s.
    options = {
        "cpu-used": str(min(PRESETS.index(settings.preset), VP9_FASTEST)),
        "row-mt": "1",
        "crf": str(settings.crf),
        "b": str(bits_per_second(settings.max_bitrate)),
    }
    if settings.cq_mode == "cqp":
        options |= {"qmin": str(settings.crf), "qmax": str(settings.crf)}
    return options


def _av1(settings: FFmpeg) -> Options:
    options = {"preset": str(AV1_SLOWEST + PRESETS.index(settings.preset))}
    parameters = {}
    if settings.threads:
        parameters["lp"] = settings.threads
    if settings.cq_mode == "cqp":
        options["qp"] = str(settings.crf)
    else:
        options["crf"] = str(settings.crf)
        if most := bits_per_second(settings.max_bitrate):
            parameters["mbr"] = most // 1000
    if parameters:
        options["svtav1-params"] = ":".join(f"{name}={value}" for name, value in parameters.items())
    return options
