"""What processes of ours take of the machine."""

from __future__ import annotations

import os
from pathlib import Path


def resident_bytes(pid: int) -> int:
    """Memory of one process, shared pages counted in full."""
    return _field(Path(f"/proc/{pid}/status").read_text(), "VmRSS:")


def peak_bytes(pid: int) -> int:
    """The most that `resident_bytes` ever was."""
    return _field(Path(f"/proc/{pid}/status").read_text(), "VmHWM:")


def proportional_bytes(pids: list[int]) -> int:
    """Memory of processes together; what they share is counted once."""
    return sum(_field(Path(f"/proc/{pid}/smaps_rollup").read_text(), "Pss:") for pid in pids)


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(one for child in children for one in family(int(child)))]


def _field(text: str, name: str) -> int:
    line = next(line for line in text.splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1024


def cpu_seconds(pid: int) -> float:
    """Of one process, and of those of its children that ended."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
