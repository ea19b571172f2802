"""Plots as SVG text: axes, areas, lines, strips, and the faults behind them. Colours come from the page's style."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH = 1040
LEFT, RIGHT, TOP, BOTTOM = 70, 12, 8, 24
_TICKS_X = 10
_FLAG_RADIUS = 9
_MINUTES_FROM_S = 600.0
_STEPS = (1, 2, 5)
_DAYS = 86_400.0
_TIME_STEPS_S = (0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)


@dataclass(frozen=True, slots=True)
class Band:
    """A fault behind a plot; ``number`` is how the timeline calls it."""

    number: int
    from_s: float
    until_s: float
    told: str


@dataclass(frozen=True, slots=True)
class Frame:
    """The coordinates of one plot. ``top`` is the highest value; a ``log_floor`` makes the scale logarithmic."""

    end_s: float
    height: int
    top: float
    log_floor: float | None = None

    def x(self, at_s: float) -> float:
        """Where a moment is."""
        share = min(max(at_s / self.end_s, 0.0), 1.0)
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Where a value is."""
        if self.log_floor is not None:
            value = max(value, self.log_floor)
            share = math.log(value / self.log_floor) / math.log(self.top / self.log_floor)
        else:
            share = value / self.top
        return self.bottom - min(max(share, 0.0), 1.0) * (self.bottom - TOP)

    @property
    def bottom(self) -> float:
        """Where the time axis is."""
        return self.height - BOTTOM


def nice_top(value: float) -> float:
    """A round number not below a value."""
    if value <= 0:
        return 1.0
    scale = 10.0 ** math.floor(math.log10(value))
    return next(step * scale for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10) if step * scale >= value * 0.999)


def svg(frame: Frame, label: str, parts: Sequence[str]) -> str:
    """A whole plot."""
    return f'<svg viewBox="0 0 {WIDTH} {frame.height}" role="img" aria-label="{escape(label)}">{"".join(parts)}</svg>'


def time_axis(frame: Frame) -> str:
    """Ticks in seconds, with a line for zero."""
    step_s = next((each for each in _TIME_STEPS_S if frame.end_s / each <= _TICKS_X), _DAYS)
    parts = [f'<line class="axis" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{frame.bottom:.1f}" y2="{frame.bottom:.1f}"/>']
    for count in range(int(frame.end_s / step_s + 1e-9) + 1):
        at_s = count * step_s
        x = frame.x(at_s)
        parts.append(
            f'<line class="axis" x1="{x:.1f}" x2="{x:.1f}" y1="{frame.bottom:.1f}" y2="{frame.bottom + 4:.1f}"/>'
        )
        told = f"{at_s / 60:g} min" if frame.end_s > _MINUTES_FROM_S else f"{at_s:g} s"
        parts.append(f'<text class="tick" x="{x:.1f}" y="{frame.bottom + 17:.1f}" text-anchor="middle">{told}</text>')
    return "".join(parts)


def value_axis(frame: Frame, ticks: Sequence[tuple[float, str]]) -> str:
    """A thin line and a label for each tick."""
    parts = []
    for value, told in ticks:
        y = frame.y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{escape(told)}</text>')
    return "".join(parts)


def linear_ticks(top: float, unit: str = "") -> list[tuple[float, str]]:
    """Nothing, half and all."""
    return [(value, f"{value:,.4g}{unit}") for value in (0.0, top / 2, top)]


def bands(frame: Frame, faults: Sequence[Band], *, numbered: bool = False) -> str:
    """The faults, behind everything: a shade while one lasts, a line where it begins and where it ends."""
    parts = []
    for fault in faults:
        from_x, until_x = frame.x(fault.from_s), frame.x(min(fault.until_s, frame.end_s))
        title = f"<title>{escape(fault.told)}</title>"
        parts.append(
            f'<rect class="band" x="{from_x:.1f}" y="{TOP}" width="{max(1.0, until_x - from_x):.1f}"'
            f' height="{frame.bottom - TOP:.1f}">{title}</rect>'
        )
        for x, css in ((from_x, "begins"), (until_x, "ends")):
            parts.append(f'<line class="{css}" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{frame.bottom:.1f}"/>')
    return "".join([*parts, *(_flags(frame, faults) if numbered else ())])


def _flags(frame: Frame, faults: Sequence[Band]) -> list[str]:
    """The numbers, each where its fault begins; beside each other where those begin at one moment."""
    parts = []
    free_x = 0.0
    for fault in faults:
        x = max(frame.x(fault.from_s), free_x)
        free_x = x + 2 * _FLAG_RADIUS + 1
        parts.append(
            f'<circle class="flag" cx="{x:.1f}" cy="{TOP + _FLAG_RADIUS}" r="{_FLAG_RADIUS}"/>'
            f'<text class="flagged" x="{x:.1f}" y="{TOP + 13}" text-anchor="middle">{fault.number}</text>'
        )
    return parts


def busy(frame: Frame, spans: Sequence[tuple[float, float]]) -> str:
    """When this machine was too busy, behind a plot."""
    parts = []
    for from_s, until_s in spans:
        if from_s < frame.end_s:
            x = frame.x(from_s)
            title = f"<title>this machine was too busy, {from_s:.0f} to {until_s:.0f} s</title>"
            size = f'width="{max(1.0, frame.x(until_s) - x):.1f}" height="{frame.bottom - TOP:.1f}"'
            parts.append(f'<rect class="busy" x="{x:.1f}" y="{TOP}" {size}>{title}</rect>')
    return "".join(parts)


def stacked(frame: Frame, width_s: float, layers: Sequence[tuple[str, Sequence[float]]]) -> str:
    """Steps on steps: each layer is (css class, one value for each bin)."""
    if not layers:
        return ""
    base = [0.0] * len(layers[0][1])
    parts = []
    for css, values in layers:
        upper = [low + value for low, value in zip(base, values, strict=True)]
        if any(values):
            parts.append(f'<path class="{css}" d="{_step_area(frame, width_s, base, upper)}"/>')
        base = upper
    return "".join(parts)


def _step_area(frame: Frame, width_s: float, lower: Sequence[float], upper: Sequence[float]) -> str:
    there, back = [], []
    for index, value in enumerate(upper):
        left, right = frame.x(index * width_s), frame.x((index + 1) * width_s)
        there += [f"{left:.1f},{frame.y(value):.1f}", f"{right:.1f},{frame.y(value):.1f}"]
        low = frame.y(lower[index])
        back += [f"{left:.1f},{low:.1f}", f"{right:.1f},{low:.1f}"]
    return f"M{' '.join(there)} {' '.join(reversed(back))}Z"


def line(frame: Frame, css: str, points: Sequence[tuple[float, float | None]]) -> str:
    """A line, with a gap where nothing is known. A single known point between gaps becomes a dot."""
    parts: list[str] = []
    run: list[str] = []
    for at_s, value in [*points, (0.0, None)]:
        if value is not None:
            run.append(f"{frame.x(at_s):.1f},{frame.y(value):.1f}")
            continue
        if len(run) > 1:
            parts.append(f'<polyline class="{css}" points="{" ".join(run)}"/>')
        elif run:
            x, _, y = run[0].partition(",")
            parts.append(f'<circle class="{css} dot" cx="{x}" cy="{y}" r="1.8"/>')
        run = []
    return "".join(parts)


def strip(frame: Frame, row: int, row_height: int, pieces: Sequence[tuple[float, float, str, str]]) -> str:
    """Coloured pieces of a row: (from, until, css class, what it says when it is pointed at)."""
    y = TOP + row * row_height
    parts = []
    for from_s, until_s, css, told in pieces:
        x = frame.x(from_s)
        width = max(0.6, frame.x(until_s) - x)
        parts.append(
            f'<rect class="{css}" x="{x:.1f}" y="{y + 2}" width="{width:.1f}" height="{row_height - 5}">'
            f"<title>{escape(told)}</title></rect>"
        )
    return "".join(parts)


def column(
    frame: Frame, row: int, row_height: int, span_s: tuple[float, float], shares: Sequence[tuple[str, int]], told: str
) -> str:
    """One bin of a row, cut from bottom to top in shares: (css class, count)."""
    total = sum(count for _, count in shares)
    if not total:
        return ""
    x, height = frame.x(span_s[0]), row_height - 6.0
    width = max(0.6, frame.x(span_s[1]) - x)
    y = TOP + row * row_height + 2 + height
    parts = [f"<g><title>{escape(told)}</title>"]
    for css, count in shares:
        if count:
            y -= height * count / total
            share = f'height="{height * count / total:.1f}"'
            parts.append(f'<rect class="{css}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" {share}/>')
    return "".join([*parts, "</g>"])


def row_label(row: int, row_height: int, told: str) -> str:
    """What a strip is of, at its left."""
    y = TOP + row * row_height + row_height / 2 + 3
    return f'<text class="tick" x="{LEFT - 8}" y="{y:.1f}" text-anchor="end">{escape(told)}</text>'
