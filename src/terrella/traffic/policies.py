"""The routing policies: which record sets of a name and type answer, and how often. Pure.

Each policy is one function from a group, the health of its records and the asker's location to picks; a pick is a share
(they add up to 1) and the record sets that are answered together. ``CHOOSERS`` is the list of them.
"""

from collections.abc import Callable, Sequence

from terrella.kernel import known_regions, one_way_delay_ms
from terrella.traffic.records import Location, Policy, RecordSet

Pick = tuple[float, tuple[RecordSet, ...]]
IsHealthy = Callable[[RecordSet], bool]
Chooser = Callable[[Sequence[RecordSet], IsHealthy, Location | None], list[Pick]]
MULTIVALUE_MAX = 8


def choose(group: Sequence[RecordSet], is_healthy: IsHealthy, location: Location | None) -> list[Pick]:
    """The possible picks of a group; empty where its policy has no answer for this location."""
    return CHOOSERS[group[0].policy](group, is_healthy, location) if group else []


def _simple(group: Sequence[RecordSet], is_healthy: IsHealthy, location: Location | None) -> list[Pick]:
    """The one record set, unchecked: there is nothing to choose instead."""
    return [(1.0, (record,)) for record in group[:1]]


def _weighted(group: Sequence[RecordSet], is_healthy: IsHealthy, location: Location | None) -> list[Pick]:
    """By weight among the healthy; zero weights only when no other is healthy; all unhealthy is all healthy."""
    heavy = [record for record in group if record.weight > 0]
    usable = [record for record in heavy if is_healthy(record)]
    if not usable:
        usable = [record for record in group if record.weight == 0 and is_healthy(record)]
    usable = usable or heavy or list(group)
    total = sum(record.weight for record in usable)
    return [(record.weight / total if total else 1 / len(usable), (record,)) for record in usable]


def _failover(group: Sequence[RecordSet], is_healthy: IsHealthy, location: Location | None) -> list[Pick]:
    """The primary, unless it is unhealthy and the secondary is not."""
    ordered = sorted(group, key=lambda record: not record.primary)
    return [(1.0, (next(filter(is_healthy, ordered), ordered[0]),))]


def _latency(group: Sequence[RecordSet], is_healthy: IsHealthy, location: Location | None) -> list[Pick]:
    """The healthy record whose region is nearest to the asker's; in the records' order where that is unknown."""
    ordered = sorted(group, key=lambda record: _distance_ms(location, record.latency_region))
    return [(1.0, (next(filter(is_healthy, ordered), ordered[0]),))]


def _distance_ms(location: Location | None, region: str | None) -> float:
    known = known_regions()
    if location is None or location.region not in known or region not in known:
        return float("inf")
    return one_way_delay_ms(location.region, region)


def _geolocation(group: Sequence[RecordSet], is_healthy: IsHealthy, location: Location | None) -> list[Pick]:
    """The most specific location that fits and is healthy: subdivision, country, continent, default."""
    at = location or Location()
    ranked = [(rank, record) for record in group if (rank := _rank(record.geolocation, at)) is not None]
    if not ranked:
        return []
    ordered = [record for _, record in sorted(ranked, key=lambda ranking: ranking[0])]
    return [(1.0, (next(filter(is_healthy, ordered), ordered[0]),))]


def _rank(place: Location | None, at: Location) -> int | None:
    """How specifically a record's location fits the asker's: 0 most, None not at all."""
    if place is None or place.is_default:
        return 3
    if place.continent:
        return 2 if place.continent == at.continent else None
    if place.country != at.country:
        return None
    if place.subdivision:
        return 0 if place.subdivision == at.subdivision else None
    return 1


def _multivalue(group: Sequence[RecordSet], is_healthy: IsHealthy, location: Location | None) -> list[Pick]:
    """Up to eight healthy ones (of all, if none is), each as often as the others, in turn."""
    usable = [record for record in group if is_healthy(record)] or list(group)
    turns = [(*usable[start:], *usable[:start])[:MULTIVALUE_MAX] for start in range(len(usable))]
    return [(1 / len(turns), turn) for turn in turns]


CHOOSERS: dict[Policy, Chooser] = {
    Policy.SIMPLE: _simple,
    Policy.WEIGHTED: _weighted,
    Policy.FAILOVER: _failover,
    Policy.LATENCY: _latency,
    Policy.GEOLOCATION: _geolocation,
    Policy.MULTIVALUE: _multivalue,
}
