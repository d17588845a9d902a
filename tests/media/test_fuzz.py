"""A little of `python -m tests.media.fuzzing`, in a process of its own: a crash is seen as one."""

from __future__ import annotations

import subprocess
import sys


def test_damaged_files_are_refused_in_words() -> None:
    command = [sys.executable, "-m", "tests.media.fuzzing", "--seconds", "8", "--seed", "1"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=110)

    said = done.stdout.splitlines()
    assert done.returncode == 0, "\n".join([*said[-1:], done.stderr[-4000:]])
    assert said[-1].endswith(" 0 failed"), said[-1]
