"""High dynamic range on common screens: how light, which colours, and how exactly."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.reformatter import Interpolation
from PIL import Image

from media import tones, video
from media.tones import Curve, Tones
from sync.config import FFmpeg
from tests.media.films import high_range
from tests.media.pictures import distance, opened, scene

PQ, HLG = 16, 18
BT709, BT2020, P3 = 1, 9, 12
# ITU-R BT.2408: signals of black, of a grey card (26 nits), of paper (203), and of 1,000 nits.
GREYS = {PQ: (0.0, 0.3791, 0.5806, 0.7518), HLG: (0.0, 0.3784, 0.7498, 1.0)}


def shown(signal: list[float], transfer: int, curve: Curve, primaries: int = BT2020) -> list[float]:
    """Shades of 0 to 255."""
    found = tones.in_srgb(np.array([signal]), transfer, primaries, curve, 1000.0)
    return [float(part) for part in found[0] * 255]


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize(
    ("curve", "shades"),
    [
        ("hable", (0, 88, 189, 255)),
        ("mobius", (0, 100, 215, 255)),
        ("reinhard", (0, 104, 204, 255)),
    ],
)
def test_how_light_it_is(transfer: int, curve: Curve, shades: tuple[int, ...]) -> None:
    found = [shown([grey] * 3, transfer, curve)[0] for grey in GREYS[transfer]]

    assert found == pytest.approx(shades, abs=2)


@pytest.mark.parametrize("curve", ["hable", "mobius", "reinhard"])
def test_greys_stay_grey_and_what_is_lighter_stays_lighter(curve: Curve) -> None:
    for transfer in (PQ, HLG):
        greys = np.repeat(np.linspace(0, 1, 200)[:, None], 3, 1)
        found = tones.in_srgb(greys, transfer, BT2020, curve, 10_000.0)
        assert np.ptp(found, axis=1).max() < 1e-6
        assert (np.diff(found[:, 0]) >= 0).all()


@pytest.mark.parametrize(("primaries", "least"), [(BT709, 0), (P3, 0), (BT2020, 0)])
def test_the_strongest_colours_are_shown_as_strong_ones(primaries: int, least: int) -> None:
    for number in range(3):
        signal = [0.0, 0.0, 0.0]
        signal[number] = GREYS[PQ][2]
        found = shown(signal, PQ, "mobius", primaries)
        assert found.index(max(found)) == number
        others = [part for place, part in enumerate(found) if place != number]
        assert max(others) < 0.7 * found[number]
        assert min(found) >= least


def filled(transfer: int, noise: np.ndarray) -> av.VideoFrame:
    height, width = noise.shape[1:]
    frame = av.VideoFrame(width, height, "yuv444p10le")
    for plane, values in zip(frame.planes, noise, strict=True):
        rows = np.zeros((height, plane.line_size // 2), np.uint16)
        rows[:, :width] = values
        plane.update(rows.tobytes())
    frame.color_primaries, frame.colorspace, frame.color_range = BT2020, 9, 1
    frame.color_trc = transfer
    frame.pts, frame.time_base = 7, Fraction(1, 25)
    return frame


@pytest.mark.parametrize("transfer", [PQ, HLG])
@pytest.mark.parametrize("curve", ["hable", "mobius", "reinhard"])
def test_the_table_says_what_the_formulas_say(transfer: int, curve: Curve) -> None:
    luma = np.linspace(64, 700, 64 * 64).reshape(64, 64)
    chroma = np.random.default_rng(3).integers(480, 545, (2, 64, 64))
    noise = np.stack([luma, *chroma]).round()
    frame = filled(transfer, noise)

    made = Tones(curve).apply(frame, 64, 64, Interpolation.ACCURATE_RND)

    assert (made.pts, made.time_base, made.color_trc) == (7, Fraction(1, 25), 13)
    y = (noise[0] - 64) / 876
    blue, red = (noise[1:] - 512) / 896
    signal = np.stack(
        [y + 1.4746 * red, y - 0.16455 * blue - 0.57135 * red, y + 1.8814 * blue], axis=-1
    )
    signal = np.clip(signal, 0, 1).reshape(-1, 3)
    expected = tones.in_srgb(signal, transfer, BT2020, curve, 1000.0) * 255
    found = made.to_ndarray(format="rgb48le").reshape(-1, 3) / 257
    assert np.abs(found - expected).mean() < 0.6
    assert np.percentile(np.abs(found - expected), 99) < 4


def test_one_for_a_film_takes_what_a_film_may_change_to() -> None:
    one = Tones("hable")
    noise = np.full((3, 64, 64), 512.0)
    sizes = [(64, 64), (32, 16), (64, 64)]

    assert [
        (made.width, made.height)
        for size in sizes
        for made in [one.apply(filled(PQ, noise), *size, Interpolation.BICUBIC)]
    ] == sizes


@pytest.mark.parametrize("kind", ["pq", "hlg"])
def test_a_poster_looks_like_its_film(
    tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = high_range(tmp_path / "a.mp4", scene(320, 180), kind)
    posters = {}
    for curve in ("hable", "mobius", "disabled"):
        look = video.Look()
        look.follow(FFmpeg(tonemap=curve))
        monkeypatch.setattr(video, "look", look)
        posters[curve] = opened(video.render(path).preview)
    with av.open(str(path)) as container:
        frame = next(container.decode(video=0))
    filmed = Image.fromarray(
        video.Screen("mobius").show(frame, 320, 180).to_ndarray(format="rgb24")
    )

    assert distance(posters["mobius"], filmed) < 5
    assert distance(posters["mobius"], scene(320, 180)) < (10 if kind == "pq" else 25)
    assert distance(posters["hable"], posters["mobius"]) > 10
    assert distance(posters["disabled"], posters["hable"]) < 1  # A picture has no other way.
