"""Recordings that were joined end to end, whose clock begins anew in the middle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from tests.media import clocks


def test_both_parts_are_played_one_after_the_other(
    tmp_path: Path, made: Callable[..., Path | None]
) -> None:
    part = clocks.film(tmp_path / "a.ts", seconds=4, format_="mpegts").read_bytes()
    path = tmp_path / "joined.ts"
    path.write_bytes(part + part)

    result = made(path)

    assert result
    with av.open(str(result)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
    shown = clocks.numbers(result)
    assert [number for _, number in shown] == [*range(40), *range(40)]
    assert np.diff([time for time, _ in shown]) == pytest.approx(0.1, abs=0.11)
    assert clocks.beeps(result) == pytest.approx(range(8), abs=0.25)
