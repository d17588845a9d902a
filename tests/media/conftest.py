"""What tests of films share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from media import transcode
from sync.config import FFmpeg


@pytest.fixture
def made(tmp_path: Path) -> Callable[..., Path | None]:
    def run(path: Path, **settings: Any) -> Path | None:
        target = tmp_path / "made" / "out.mp4"
        is_made = transcode.transcode(path, target, FFmpeg(**settings), Event())
        assert target.exists() == is_made
        return target if is_made else None

    return run
