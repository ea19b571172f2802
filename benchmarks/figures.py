"""What is measured: a named figure with all its samples, how it was taken, and the budget that it is held against."""

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

OK = "ok"
OVER = "over"
UNDER = "under"
SKIPPED = "skipped"


@dataclass(slots=True)
class Figure:
    """``samples`` are the repetitions; the median is what counts against ``budget``.

    ``more_is_better`` turns the budget from a ceiling into a floor. A figure without samples was skipped, and ``how``
    says why. ``details`` goes to the JSON only.
    """

    name: str
    unit: str
    samples: list[float]
    how: str
    budget: float | None = None
    more_is_better: bool = False
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def median(self) -> float:
        """The middle one; NaN when it was skipped."""
        return statistics.median(self.samples) if self.samples else math.nan

    @property
    def verdict(self) -> str:
        """``ok``, ``over`` or ``under`` its budget, ``skipped``, or nothing when there is no budget."""
        if not self.samples:
            return SKIPPED
        if self.budget is None:
            return ""
        if self.more_is_better:
            return OK if self.median >= self.budget else UNDER
        return OK if self.median <= self.budget else OVER

    def as_json(self) -> dict[str, Any]:
        """Everything, for ``bench.json``."""
        return {
            "name": self.name,
            "unit": self.unit,
            "median": self.median if self.samples else None,
            "min": min(self.samples, default=None),
            "max": max(self.samples, default=None),
            "samples": self.samples,
            "budget": self.budget,
            "more_is_better": self.more_is_better,
            "verdict": self.verdict,
            "how": self.how,
            **({"details": self.details} if self.details else {}),
        }


def skipped(name: str, why: str) -> Figure:
    """A figure that could not be taken."""
    return Figure(name, "", [], why)


def percentile(samples: Sequence[float], share: float) -> float:
    """The nearest-rank percentile; ``share`` is 0 to 1."""
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, max(0, math.ceil(share * len(ordered)) - 1))] if ordered else math.nan


def show(value: float) -> str:
    """A number with three significant digits, thousands grouped."""
    if math.isnan(value):
        return ""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.001 or value == 0 else f"{value:.1g}"


def table_of(figures: Sequence[Figure]) -> Table:
    """All of them, one row each."""
    table = Table(show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("figure")
    for title in ("median", "min", "max"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("unit", no_wrap=True)
    table.add_column("budget", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    colours = {OK: "green", OVER: "red", UNDER: "red", SKIPPED: "yellow"}
    for one in figures:
        budget = "" if one.budget is None else f"{'≥' if one.more_is_better else '≤'} {show(one.budget)}"
        low = show(min(one.samples)) if one.samples else ""
        high = show(max(one.samples)) if one.samples else ""
        verdict = Text(one.verdict, style=colours.get(one.verdict, ""))
        table.add_row(one.name, show(one.median), low, high, one.unit, budget, verdict)
    return table


def notes_of(figures: Sequence[Figure]) -> Text:
    """How each was taken, one line each; parts of a figure are taken as it is."""
    notes = Text("\nHow each was taken\n", style="dim")
    for one in figures:
        if one.how:
            notes.append(f"  {one.name.strip()}: {one.how}\n")
    return notes


def write_json(path: Path, machine: dict[str, Any], figures: Sequence[Figure]) -> None:
    """The run, for machines."""
    content = {"machine": machine, "figures": [one.as_json() for one in figures]}
    path.write_text(json.dumps(content, indent=2, allow_nan=False) + "\n")
