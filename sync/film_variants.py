"""In which forms a film can be watched while it is made over, and how each is cut. Pure."""

from __future__ import annotations

from bisect import bisect_right
from fractions import Fraction
from math import ceil
from typing import Literal, NamedTuple

import msgspec

from sync.config import Realtime

SEGMENT_SECONDS = 2
Codec = Literal["av1", "hevc", "h264"]
# Bits a second that a picture may take, by its short side, as Immich offers them. The place of one
# is its number in addresses, whatever the settings leave out.
LADDER: tuple[tuple[int, Codec, int], ...] = (
    (480, "av1", 1_000_000), (480, "hevc", 1_200_000), (480, "h264", 2_500_000),
    (720, "av1", 2_000_000), (720, "hevc", 2_500_000), (720, "h264", 5_000_000),
    (1080, "av1", 4_000_000), (1080, "hevc", 4_500_000), (1080, "h264", 8_000_000),
    (1440, "av1", 7_000_000), (1440, "hevc", 8_000_000), (1440, "h264", 14_000_000),
    (2160, "av1", 12_000_000), (2160, "hevc", 14_000_000), (2160, "h264", 25_000_000),
)  # fmt: skip
AS_IT_IS = len(LADDER)  # after them: the film's own picture, cut at its own key frames
SOUND_BITS, SOUND_PEAK_BITS = 128_000, 200_000  # a second, with what the container takes
SOUND_CODEC = "mp4a.40.2"
# A second of a film may take so much more than its share: half a second's worth is put by.
PEAK, RESERVE_SECONDS = Fraction(5, 4), Fraction(1, 2)


class Level(NamedTuple):
    """The most that a decoder of this level takes."""

    number: int  # 31 is 3.1
    frame: int  # macroblocks in H.264, samples in the others
    rate: int  # of them a second


# ITU-T H.264, table A-1.
_H264 = (
    Level(30, 1_620, 40_500), Level(31, 3_600, 108_000), Level(32, 5_120, 216_000),
    Level(40, 8_192, 245_760), Level(42, 8_704, 522_240), Level(50, 22_080, 589_824),
    Level(51, 36_864, 983_040), Level(52, 36_864, 2_073_600), Level(60, 139_264, 4_177_920),
)  # fmt: skip
# ITU-T H.265, tables A.8 and A.9.
_HEVC = (
    Level(30, 552_960, 16_588_800), Level(31, 983_040, 33_177_600),
    Level(40, 2_228_224, 66_846_720), Level(41, 2_228_224, 133_693_440),
    Level(50, 8_912_896, 267_386_880), Level(51, 8_912_896, 534_773_760),
    Level(52, 8_912_896, 1_069_547_520), Level(60, 35_651_584, 1_069_547_520),
)  # fmt: skip
# AV1 bitstream specification, annex A.3.
_AV1 = (
    Level(30, 665_856, 19_975_168), Level(31, 1_065_024, 31_950_336),
    Level(40, 2_359_296, 70_778_880), Level(41, 2_359_296, 141_557_760),
    Level(50, 8_912_896, 267_386_880), Level(51, 8_912_896, 534_773_760),
    Level(52, 8_912_896, 1_069_547_520), Level(60, 35_651_584, 1_069_547_520),
)  # fmt: skip
_LEVELS: dict[Codec, tuple[Level, ...]] = {"h264": _H264, "hevc": _HEVC, "av1": _AV1}


class Own(msgspec.Struct, frozen=True):
    """The film's own picture, where players can take it as it is."""

    codecs: str  # as in RFC 6381
    size: tuple[int, int]
    unit: tuple[int, int]  # seconds, as a fraction, of the numbers below
    begins: int  # the decoding time at which the film begins
    starts: tuple[int, ...]  # decoding times from there on: zero, and those of key frames
    bits_per_second: int  # in the largest segment


class Outline(msgspec.Struct, frozen=True):
    """What has to be known of a film before anything of it is made."""

    size: tuple[int, int]  # the right way up, with square pixels
    turn: int  # as in EXIF
    frame_rate: tuple[int, int]  # frames a second of what is made, as a fraction
    frames: int  # of what is made
    has_sound: bool
    first_time: tuple[int, int] | None = None  # seconds; None: each picture says when it is shown
    colours: tuple[int, int, int] = (2, 2, 2)  # matrix, primaries, curve, as in ITU-T H.273
    is_bright: bool = False  # of high dynamic range
    own: Own | None = None

    @property
    def rate(self) -> Fraction:
        return Fraction(*self.frame_rate)

    @property
    def seconds(self) -> Fraction:
        return self.frames / self.rate

    @property
    def frames_per_segment(self) -> int:
        return ceil(SEGMENT_SECONDS * self.rate)


class Variant(NamedTuple):
    number: int
    codec: Codec | None  # None: as it is
    size: tuple[int, int]
    bits_per_second: int  # of the picture
    level: int
    codecs: str
    bandwidth: int  # bits a second, at the most


def list_variants(outline: Outline, settings: Realtime) -> list[Variant]:
    """Those that the settings allow and the film can fill."""
    short = max(min(outline.size), LADDER[0][0])
    made = [
        _variant(outline, number)
        for number, (side, codec, _) in enumerate(LADDER)
        if side <= short and side in settings.resolutions and codec in settings.video_codecs
    ]
    own = outline.own
    if own is None or (own.codecs.startswith("avc1") and "h264" not in settings.video_codecs):
        return made
    if own.codecs.startswith("hvc1") and "hevc" not in settings.video_codecs:
        return made
    bandwidth = own.bits_per_second + SOUND_PEAK_BITS
    codecs = _with_sound(outline, own.codecs)
    bits = own.bits_per_second
    return [*made, Variant(AS_IT_IS, None, own.size, bits, 0, codecs, bandwidth)]


def list_starts(outline: Outline, variant: Variant) -> list[Fraction]:
    """When each segment begins, in seconds."""
    if variant.codec is None:
        assert outline.own is not None
        unit = Fraction(*outline.own.unit)
        return [start * unit for start in outline.own.starts]
    step = outline.frames_per_segment
    return [frame / outline.rate for frame in range(0, outline.frames, step)]


def count_segments(outline: Outline, variant: Variant) -> int:
    if variant.codec is None:
        assert outline.own is not None
        return len(outline.own.starts)
    return ceil(Fraction(outline.frames, outline.frames_per_segment))


def segment_at(starts: list[Fraction], seconds: Fraction | float) -> int:
    """The segment that plays at that time."""
    return max(0, bisect_right(starts, seconds) - 1)


def _variant(outline: Outline, number: int) -> Variant:
    side, codec, bits = LADDER[number]
    size = fit(outline.size, side)
    level = _level(codec, size, outline.rate)
    codecs = _with_sound(outline, _codec_name(codec, level))
    return Variant(number, codec, size, bits, level, codecs, int(bits * PEAK) + SOUND_PEAK_BITS)


def fit(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Never enlarged, and even: colours are kept for four pixels together."""
    scale = min(Fraction(1), Fraction(side, min(size)))
    width, height = (max(2, 2 * round(one * scale / 2)) for one in size)
    return width, height


def _level(codec: Codec, size: tuple[int, int], rate: Fraction) -> int:
    width, height = size
    blocks = ceil(width / 16) * ceil(height / 16)
    frame = blocks if codec == "h264" else width * height
    levels = _LEVELS[codec]
    fitting = (one for one in levels if frame <= one.frame and frame * rate <= one.rate)
    return next(fitting, levels[-1]).number


def _codec_name(codec: Codec, level: int) -> str:
    match codec:
        case "h264":  # High
            return f"avc1.6400{level:02x}"
        case "hevc":  # Main, main tier, progressive frames only
            return f"hvc1.1.6.L{3 * level}.90"
        case "av1":  # Main, main tier, eight bits
            return f"av01.0.{4 * (level // 10 - 2) + level % 10:02}M.08"


def _with_sound(outline: Outline, codecs: str) -> str:
    return f"{codecs},{SOUND_CODEC}" if outline.has_sound else codecs
