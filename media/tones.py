"""High dynamic range brought into what every screen shows: one table of colours for a film."""

from __future__ import annotations

import tempfile
from fractions import Fraction
from functools import lru_cache
from struct import unpack_from
from typing import Literal

import numpy as np
from av import VideoFormat
from av.buffer import Buffer
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    Interpolation,
    VideoReformatter,
)

from media import colorimetry
from media.colorimetry import PEAK_NITS, WHITE_NITS, Floats

Curve = Literal["hable", "mobius", "reinhard"]

PEAK_NITS_MAX = 10_000.0
NODES = 65  # along each side of the table: with 33 dark greys are five shades off
PIXELS = "gbrp16le"  # The only form that the table is applied to in vectors.
ANY_TIME = Fraction(1, 1000)  # Colours do not depend on it.
_BGR = (2, 1, 0)

_HIGH_RANGE = (ColorTrc.SMPTE2084, ColorTrc.ARIB_STD_B67)
_UNSPECIFIED = 2
_LUMA = {ColorPrimaries.BT709: (0.2126, 0.7152, 0.0722)}
_BT2020_LUMA = (0.2627, 0.6780, 0.0593)


def is_bright(frame: VideoFrame) -> bool:
    """Of high dynamic range."""
    return frame.color_trc in _HIGH_RANGE


class Tones:
    """For one film, whose frames are all alike."""

    def __init__(self, curve: Curve) -> None:
        self._curve = curve
        self._reformatter = VideoReformatter()
        self._graph: Graph | None = None
        self._form: tuple[object, ...] = ()

    def apply(
        self, frame: VideoFrame, width: int, height: int, interpolation: Interpolation
    ) -> VideoFrame:
        """In the colours of sRGB, as PIXELS. The size comes first: it is the cheaper work then."""
        scaled = self._reformatter.reformat(
            frame,
            width,
            height,
            PIXELS,
            src_colorspace=Colorspace.BT2020 if frame.colorspace == _UNSPECIFIED else None,
            src_color_range=frame.color_range or ColorRange.MPEG,
            dst_color_range=ColorRange.JPEG,
            interpolation=interpolation,
            threads=1,
        )
        form = (width, height, frame.color_trc, frame.color_primaries)
        if self._graph is None or form != self._form:
            self._graph = _graph(width, height, frame, self._curve)
            self._form = form
        self._graph.vpush(scaled)
        mapped = self._graph.vpull()
        mapped.color_trc = ColorTrc.IEC61966_2_1
        mapped.color_primaries = ColorPrimaries.BT709
        mapped.pts = frame.pts
        if frame.time_base:
            mapped.time_base = frame.time_base
        return mapped


def _graph(width: int, height: int, frame: VideoFrame, curve: Curve) -> Graph:
    graph = Graph()
    graph.threads = 1
    source = graph.add_buffer(
        width=width, height=height, format=VideoFormat(PIXELS), time_base=ANY_TIME
    )
    text = _table(frame.color_trc, frame.color_primaries, curve, peak_nits(frame))
    # The filter takes its table from nothing but a file, and reads that here.
    with tempfile.NamedTemporaryFile(suffix=".cube") as file:
        file.write(text)
        file.flush()
        table = graph.add("lut3d", file=file.name)
        sink = graph.add("buffersink")
        graph.link_nodes(source, table, sink).configure()
    return graph


def peak_nits(frame: VideoFrame) -> float:
    """How bright the film is where it is brightest, as far as it says."""
    if frame.color_trc == ColorTrc.ARIB_STD_B67:
        return PEAK_NITS
    told = _content_peak(frame) or _display_peak(frame) or PEAK_NITS
    return min(max(told, WHITE_NITS), PEAK_NITS_MAX)


def _content_peak(frame: VideoFrame) -> float:
    """Of AVContentLightMetadata."""
    data = frame.side_data.get("CONTENT_LIGHT_LEVEL")
    return float(unpack_from("=I", bytes(data))[0]) if isinstance(data, Buffer) else 0.0


def _display_peak(frame: VideoFrame) -> float:
    """Of AVMasteringDisplayMetadata: nine fractions come before it."""
    data = frame.side_data.get("MASTERING_DISPLAY_METADATA")
    if not isinstance(data, Buffer):
        return 0.0
    over, under, _, is_told = unpack_from("=4i", bytes(data), 9 * 8)
    return over / under if is_told and under else 0.0


@lru_cache(maxsize=2)
def _table(transfer: int, primaries: int, curve: Curve, peak: float) -> bytes:
    """A cube as Adobe and Resolve write it: red changes fastest."""
    steps = np.linspace(0, 1, NODES)
    lines = [f"LUT_3D_SIZE {NODES}"]
    for blue in steps:  # All at once would take twenty times the memory.
        signal = np.stack(np.meshgrid([blue], steps, steps, indexing="ij"), -1)[..., _BGR]
        mapped = in_srgb(signal.reshape(-1, 3), transfer, primaries, curve, peak)
        lines.append("\n".join(f"{r:.5f} {g:.5f} {b:.5f}" for r, g, b in mapped.tolist()))
    return "\n".join([*lines, ""]).encode()


def in_srgb(signal: Floats, transfer: int, primaries: int, curve: Curve, peak: float) -> Floats:
    """Red, green and blue of 0 to 1, from the film's signal to that of a common screen."""
    luma = np.array(_LUMA.get(ColorPrimaries(primaries), _BT2020_LUMA))
    nits = colorimetry.pq(signal) if transfer == ColorTrc.SMPTE2084 else _hlg(signal, luma)
    papers = nits / WHITE_NITS
    # By the brightest of the three: each by itself would turn fire and skies white or purple.
    brightest = papers.max(-1, keepdims=True)
    mapped = _CURVES[curve](brightest, max(peak / WHITE_NITS, 1.0))
    shown = papers * (mapped / np.maximum(brightest, 1e-9))
    return _encoded(_into_gamut(shown @ _to_bt709(primaries).T))


def _hlg(signal: Floats, luma: Floats) -> Floats:
    """Nits, as a display of PEAK_NITS shows it."""
    scene = colorimetry.hlg(signal)
    shown: Floats = scene * ((scene @ luma) ** 0.2)[..., None] * PEAK_NITS
    return shown


def _hable(light: Floats, peak: float) -> Floats:
    """John Hable's curve of Uncharted 2, at the exposure he gave it: the one that keeps most in
    what is bright, and therefore the darkest."""
    exposure = 2.0

    def curve(x: Floats) -> Floats:
        return (x * (0.15 * x + 0.05) + 0.004) / (x * (0.15 * x + 0.5) + 0.06) - 0.2 / 3

    mapped: Floats = curve(exposure * light) / curve(np.array(exposure * peak))
    return mapped


def _reinhard(light: Floats, peak: float) -> Floats:
    """Erik Reinhard's, with a contrast of one half."""
    return light / (light + 1) * (peak + 1) / peak


_CURVES = {"hable": _hable, "mobius": colorimetry.mobius, "reinhard": _reinhard}


def _to_bt709(primaries: int) -> Floats:
    known = primaries if primaries in colorimetry.PRIMARIES else colorimetry.BT2020
    matrix: Floats = np.linalg.inv(colorimetry.to_xyz(colorimetry.BT709)) @ colorimetry.to_xyz(
        known
    )
    return matrix


def _into_gamut(light: Floats) -> Floats:
    """What no common screen has is made paler until it does, at the same brightness."""
    grey = np.clip(light @ np.array(_LUMA[ColorPrimaries.BT709]), 0, 1)[..., None]
    least = light.min(-1, keepdims=True)
    part = np.where(least < 0, grey / np.maximum(grey - least, 1e-9), 1.0)
    shown: Floats = np.clip(grey + (light - grey) * part, 0, 1)
    return shown


def _encoded(light: Floats) -> Floats:
    """IEC 61966-2-1."""
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)
