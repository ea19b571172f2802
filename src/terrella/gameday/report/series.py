"""Evidence over time: requests and looks put into bins. Pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from terrella.gameday.evidence import Evidence, RegionLook, percentile
from terrella.gameday.load import Sample

_WIDTHS_S = (0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 15.0, 30.0, 60.0)
_BINS = 120
_AFTERWARDS_S = 1.0
PERCENTILES = (0.5, 0.9, 0.99)


@dataclass(slots=True)
class Bin:
    """The requests that were meant to start in one stretch of time."""

    answered: dict[str, int] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)
    latencies_s: list[float] = field(default_factory=list)
    by_place: dict[str, dict[str, int]] = field(default_factory=dict)


@dataclass(slots=True)
class Series:
    """``bins`` of ``width_s`` each, from 0; ``end_s`` is where the plots end, after the world has settled.

    In a bin, ``answered`` counts by region, ``failed`` by vantage point, ``by_place`` by vantage point and region
    ("" for requests that failed).
    """

    width_s: float
    end_s: float
    bins: list[Bin]

    def percentiles_s(self, share: float) -> list[float | None]:
        """One percentile of each bin; None where nothing was answered."""
        return [percentile(each.latencies_s, share) if each.latencies_s else None for each in self.bins]


def series_of(evidence: Evidence) -> Series:
    """All requests, in bins that suit the length."""
    settled_s = evidence.load_until_s + (evidence.equal_after_s or 0.0) + _AFTERWARDS_S
    last_look_s = min(evidence.looks[-1].at_s, settled_s) if evidence.looks else 0.0
    end_s = max(evidence.load_until_s, last_look_s, *(each.from_s for each in evidence.windows), 1.0)
    width_s = next((each for each in _WIDTHS_S if end_s / each <= _BINS), _WIDTHS_S[-1])
    bins = [Bin() for _ in range(int(end_s / width_s) + 1)]
    for sample in evidence.samples:
        _count(bins[min(len(bins) - 1, max(0, int(sample.intended_s / width_s)))], sample)
    return Series(width_s, end_s, bins)


def _count(each: Bin, sample: Sample) -> None:
    place = each.by_place.setdefault(sample.vantage_point, {})
    where = sample.region if sample.ok else ""
    place[where] = place.get(where, 0) + 1
    if sample.ok:
        each.answered[sample.region] = each.answered.get(sample.region, 0) + 1
        each.latencies_s.append(sample.latency_s)
    else:
        each.failed[sample.vantage_point] = each.failed.get(sample.vantage_point, 0) + 1


def region_series(
    evidence: Evidence, region: str, value: Callable[[RegionLook], float | None]
) -> list[tuple[float, float | None]]:
    """One figure of a region at each look; None where it is unknown."""
    return [(look.at_s, value(look.regions[region]) if region in look.regions else None) for look in evidence.looks]


def stretches(points: Sequence[tuple[float, str]], end_s: float) -> list[tuple[float, float, str]]:
    """Looks that say the same one after another, as (from, until, what)."""
    found: list[tuple[float, float, str]] = []
    for index, (at_s, what) in enumerate(points):
        until_s = points[index + 1][0] if index + 1 < len(points) else end_s
        if found and found[-1][2] == what:
            found[-1] = (found[-1][0], until_s, what)
        else:
            found.append((at_s, until_s, what))
    return found
