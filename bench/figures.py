"""What a benchmark found, as a table for people or a line of JSON for programs."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One number. `aim` is the number it should reach: at least, or at most for `is_cost`."""

    bench: str
    figure: str
    value: float
    unit: str
    aim: float | None = None
    is_cost: bool = False

    @property
    def holds(self) -> bool | None:
        if self.aim is None:
            return None
        return self.value <= self.aim if self.is_cost else self.value >= self.aim

    def as_json(self) -> str:
        fields = {k: v for k, v in asdict(self).items() if k != "is_cost"}
        return json.dumps(fields | {"value": round(self.value, 4), "holds": self.holds})

    def as_row(self) -> list[str]:
        sign = "≤" if self.is_cost else "≥"
        aim = "" if self.aim is None else f"{sign} {_short(self.aim)}"
        verdict = {None: "", True: "holds", False: "MISSED"}[self.holds]
        return [self.figure, _short(self.value), self.unit, aim, verdict]


class Timer:
    """Seconds between entering and leaving."""

    def __enter__(self) -> Timer:
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._start


def percentile(values: Sequence[float], percent: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)]


def show(title: str, figures: Sequence[Figure]) -> None:
    rows = [["figure", "value", "unit", "aim", ""], *(figure.as_row() for figure in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(5)]
    print(f"\n{title}   (load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores)")
    for name, value, unit, aim, verdict in rows:
        print(
            f"  {name.ljust(widths[0])}  {value.rjust(widths[1])}  {unit.ljust(widths[2])}"
            f"  {aim.rjust(widths[3])}  {verdict}".rstrip()
        )


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"
