"""Broadcasts whose sound begins long after the picture, in a form that nobody told before."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import pytest

from tests.media import clocks

SECONDS, LATE = 12, 8
LOSSLESS = {"crf": "0", "preset": "ultrafast"}  # So that a look at the start ends before the sound.


def seconds(packet: av.Packet[Any]) -> float:
    return float((packet.dts or 0) * packet.time_base)


@pytest.fixture
def broadcast(tmp_path: Path) -> Path:
    whole = clocks.film(tmp_path / "a.mp4", seconds=SECONDS, size=(640, 360), options=LOSSLESS)
    path = tmp_path / "a.ts"
    with av.open(str(whole)) as source, av.open(str(path), "w", format="mpegts") as output:
        tracks = [output.add_stream_from_template(one) for one in source.streams]
        packets = [one for one in source.demux() if one.dts is not None]
        for packet in sorted(packets, key=seconds):
            if packet.stream.type != "audio" or seconds(packet) >= LATE:
                packet.stream = tracks[packet.stream.index]
                output.mux(packet)
    return path


def test_it_is_heard_at_its_time(broadcast: Path, made: Callable[..., Path | None]) -> None:
    with av.open(str(broadcast)) as container:
        (sound,) = container.streams.audio
        assert not sound.rate

    result = made(broadcast)

    assert result
    with av.open(str(result)) as container:
        assert len(list(container.decode(video=0))) == SECONDS * 10
    assert clocks.beeps(result) == pytest.approx(range(LATE, SECONDS), abs=0.05)
