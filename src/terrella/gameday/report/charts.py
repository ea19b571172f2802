"""The plots of one run: all on the same time axis, all with the faults behind them."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from terrella.gameday.bounds import show_seconds
from terrella.gameday.evidence import Evidence, RegionLook
from terrella.gameday.report import plots
from terrella.gameday.report.plots import Band, Frame
from terrella.gameday.report.series import PERCENTILES, Series, region_series, stretches

_TALL, _LOW = 200, 130
_ROW = 22
_TALL_ROW = 38
_LATENCY_FLOOR_S = 0.001
_LATENCY_TICKS_S = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0)
_LAG_TICKS_S = (0.01, 0.1, 1.0, 10.0, 100.0, 1000.0, 10_000.0)


@dataclass(frozen=True, slots=True)
class Chart:
    """A plot with its title, what its colours mean (css class, what), and a remark."""

    title: str
    picture: str
    legend: Sequence[tuple[str, str]] = ()
    remark: str = ""


def charts_of(evidence: Evidence, series: Series) -> list[Chart]:
    """Those for which there is something to show."""
    faults = bands_of(evidence)
    charts: list[Chart] = []
    if evidence.samples:
        charts += [
            _traffic(evidence, series, faults),
            _by_place(evidence, series, faults),
            _errors(evidence, series, faults),
            _latency(series, faults),
        ]
    charts += [_health(evidence, series, faults), _lag(evidence, series, faults), _at_risk(evidence, series, faults)]
    if evidence.busy:
        charts.append(_machine(evidence, series, faults))
    return charts


def bands_of(evidence: Evidence) -> list[Band]:
    """The faults, numbered as they began."""
    return [
        Band(number, window.from_s, window.until_s, f"{number}. {window.told}")
        for number, window in enumerate(evidence.windows, start=1)
    ]


def colour_of(evidence: Evidence, region: str) -> str:
    """The css class of a region."""
    return f"r{evidence.regions.index(region) % 8}" if region in evidence.regions else "r8"


def _regions_legend(evidence: Evidence) -> list[tuple[str, str]]:
    return [(colour_of(evidence, region), region) for region in evidence.regions]


def _traffic(evidence: Evidence, series: Series, faults: Sequence[Band]) -> Chart:
    per_s = 1 / series.width_s
    layers = [
        (f"area {colour_of(evidence, region)}", [each.answered.get(region, 0) * per_s for each in series.bins])
        for region in evidence.regions
    ]
    layers.append(("area failed", [sum(each.failed.values()) * per_s for each in series.bins]))
    highest = max(sum(values) for values in zip(*(layer for _, layer in layers), strict=True))
    frame = Frame(series.end_s, _TALL, plots.nice_top(highest))
    picture = plots.svg(
        frame,
        "Requests a second by the region that answered",
        [
            plots.value_axis(frame, plots.linear_ticks(frame.top, "/s")),
            plots.stacked(frame, series.width_s, layers),
            plots.bands(frame, faults, numbered=True),
            plots.time_axis(frame),
        ],
    )
    legend = [*_regions_legend(evidence), ("failed", "failed")]
    return Chart("Traffic by region", picture, legend, "requests a second, by the region that answered")


def _by_place(evidence: Evidence, series: Series, faults: Sequence[Band]) -> Chart:
    """Who served each vantage point: a row each, cut in the shares of those that answered, bin by bin."""
    places = evidence.vantage_points
    frame = Frame(series.end_s, plots.TOP + len(places) * _TALL_ROW + plots.BOTTOM, 1.0)
    parts: list[str] = []
    for row, place in enumerate(places):
        parts.append(plots.row_label(row, _TALL_ROW, place))
        for index, each in enumerate(series.bins):
            counts = each.by_place.get(place, {})
            from_s = index * series.width_s
            told = ", ".join(f"{region or 'failed'} {count}" for region, count in counts.items())
            shares = [
                (f"area {colour_of(evidence, region)}" if region else "area failed", counts.get(region, 0))
                for region in (*evidence.regions, "")
            ]
            title = f"{place} at {from_s:g} s: {told}"
            parts.append(plots.column(frame, row, _TALL_ROW, (from_s, from_s + series.width_s), shares, title))
    parts += [plots.bands(frame, faults), plots.time_axis(frame)]
    picture = plots.svg(frame, "Which region served each vantage point", parts)
    legend = [*_regions_legend(evidence), ("failed", "failed")]
    return Chart("Who served whom", picture, legend, "what share of each place's requests which region answered")


def _errors(evidence: Evidence, series: Series, faults: Sequence[Band]) -> Chart:
    places = evidence.vantage_points
    if not any(each.failed for each in series.bins):
        return Chart("Errors", "", (), "no request failed")
    per_s = 1 / series.width_s
    layers = [
        (f"area p{index % 8}", [each.failed.get(place, 0) * per_s for each in series.bins])
        for index, place in enumerate(places)
    ]
    highest = max(sum(values) for values in zip(*(layer for _, layer in layers), strict=True))
    frame = Frame(series.end_s, _LOW, plots.nice_top(highest))
    picture = plots.svg(
        frame,
        "Failed requests a second by vantage point",
        [
            plots.value_axis(frame, plots.linear_ticks(frame.top, "/s")),
            plots.bands(frame, faults),
            plots.stacked(frame, series.width_s, layers),
            plots.time_axis(frame),
        ],
    )
    legend = [(f"p{index % 8}", place) for index, place in enumerate(places)]
    return Chart("Errors", picture, legend, "failed requests a second, by where the client was")


def _latency(series: Series, faults: Sequence[Band]) -> Chart:
    lines = [(f"l{index}", share, series.percentiles_s(share)) for index, share in enumerate(PERCENTILES)]
    known = [value for _, _, values in lines for value in values if value is not None]
    highest = max(known, default=1.0)
    lowest = max(_LATENCY_FLOOR_S, min(known, default=_LATENCY_FLOOR_S))
    floor = max((tick for tick in _LATENCY_TICKS_S if tick <= lowest), default=_LATENCY_FLOOR_S)
    top = next((tick for tick in _LATENCY_TICKS_S if tick >= highest and tick > floor), _LATENCY_TICKS_S[-1])
    frame = Frame(series.end_s, _TALL, top, log_floor=floor)
    ticks = [(tick, show_seconds(tick)) for tick in _LATENCY_TICKS_S if floor <= tick <= top]
    parts = [plots.value_axis(frame, ticks), plots.bands(frame, faults)]
    for css, _, values in reversed(lines):
        middle = [((index + 0.5) * series.width_s, value) for index, value in enumerate(values)]
        parts.append(plots.line(frame, f"line {css}", middle))
    parts.append(plots.time_axis(frame))
    legend = [(css, f"p{share * 100:g}") for css, share, _ in lines]
    remark = "of answered requests, from the moment at which they were due; logarithmic"
    return Chart("Latency", plots.svg(frame, "Latency percentiles", parts), legend, remark)


def _health(evidence: Evidence, series: Series, faults: Sequence[Band]) -> Chart:
    frame = Frame(series.end_s, plots.TOP + len(evidence.regions) * _ROW + plots.BOTTOM, 1.0)
    parts: list[str] = []
    for row, region in enumerate(evidence.regions):
        points = [(look.at_s, standing(look.regions[region])) for look in evidence.looks if region in look.regions]
        pieces = [
            (from_s, until_s, f"area {_STANDINGS[what]}", f"{region}: {what}, {from_s:.1f} to {until_s:.1f} s")
            for from_s, until_s, what in stretches(points, series.end_s)
        ]
        parts += [plots.row_label(row, _ROW, region), plots.strip(frame, row, _ROW, pieces)]
    parts += [plots.bands(frame, faults), plots.time_axis(frame)]
    legend = [(css, what) for what, css in _STANDINGS.items()]
    return Chart(
        "Health", plots.svg(frame, "Health of the regions", parts), legend, "as the other regions' checkers see it"
    )


_STANDINGS = {"healthy": "good", "unhealthy": "sick", "coming back": "late", "down": "gone", "unknown": "unknown"}


def standing(region: RegionLook) -> str:
    """How a region is, in one word: what the checkers say, unless it is plainly not there."""
    if region.state in ("held-down", "down", "silent"):
        return "down"
    if not region.serving:
        return "coming back"
    if region.healthy is False:
        return "unhealthy"
    return "healthy" if region.healthy else "unknown"


def _lag(evidence: Evidence, series: Series, faults: Sequence[Band]) -> Chart:
    lines = {region: region_series(evidence, region, _lag_of) for region in evidence.regions}
    highest = max((value for points in lines.values() for _, value in points if value is not None), default=0.0)
    # A region that was away for minutes is minutes behind when it returns: what it was before would lie on the axis.
    top = next((tick for tick in _LAG_TICKS_S[2:] if tick >= highest), _LAG_TICKS_S[-1])
    frame = Frame(series.end_s, _TALL, top, log_floor=_LAG_TICKS_S[0])
    ticks = [(tick, show_seconds(tick)) for tick in _LAG_TICKS_S if tick <= top]
    parts = [plots.value_axis(frame, ticks), plots.bands(frame, faults)]
    parts += [plots.line(frame, f"line {colour_of(evidence, name)}", points) for name, points in lines.items()]
    parts.append(plots.time_axis(frame))
    remark = "how far each region is behind the peer that is furthest ahead, logarithmic; a gap: a peer is not heard"
    return Chart("Replication lag", plots.svg(frame, "Replication lag", parts), _regions_legend(evidence), remark)


def _at_risk(evidence: Evidence, series: Series, faults: Sequence[Band]) -> Chart:
    lines = {region: region_series(evidence, region, _risk_of) for region in evidence.regions}
    highest = max((value for points in lines.values() for _, value in points if value is not None), default=0.0)
    frame = Frame(series.end_s, _LOW, plots.nice_top(math.ceil(max(highest, 1.0))))
    parts = [plots.value_axis(frame, plots.linear_ticks(frame.top)), plots.bands(frame, faults)]
    parts += [plots.line(frame, f"line {colour_of(evidence, name)}", points) for name, points in lines.items()]
    parts.append(plots.time_axis(frame))
    remark = "acknowledged writes that a region alone holds: what would be lost with its disks"
    return Chart("Writes at risk", plots.svg(frame, "Writes at risk", parts), _regions_legend(evidence), remark)


def _machine(evidence: Evidence, series: Series, faults: Sequence[Band]) -> Chart:
    """Only where it was too busy: else it has no part in what happened."""
    frame = Frame(series.end_s, _LOW, 1.0)
    points = [(one.at_s, one.waited) for one in evidence.machine if one.at_s <= series.end_s]
    parts = [
        plots.value_axis(frame, [(0.0, "0%"), (0.5, "50%"), (1.0, "100%")]),
        plots.busy(frame, evidence.busy),
        plots.bands(frame, faults),
        plots.line(frame, "line l2", points),
        plots.time_axis(frame),
    ]
    remark = "the share of each second that a region was ready to run and had no core, that of the worst one"
    legend = [("busy", "too busy"), ("l2", "waiting")]
    return Chart("This machine", plots.svg(frame, "How busy this machine was", parts), legend, remark)


def _lag_of(region: RegionLook) -> float | None:
    return region.lag_s if region.state in ("serving", "catching-up") else None


def _risk_of(region: RegionLook) -> float | None:
    return None if region.at_risk is None else float(region.at_risk)
