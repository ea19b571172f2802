"""Questions to answers, by the zones' policies and the verdicts of health checks. Pure.

``outcomes`` lists every answer that may be given and how often; ``answer`` draws one of them. The name server prepares
the packets of all outcomes, the display shows their shares, and the edge picks by them: one truth for all three.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate

from terrella.traffic.names import is_below, normal_name, parent_name
from terrella.traffic.policies import choose
from terrella.traffic.records import ALIAS_TTL_S, Location, RecordSet
from terrella.traffic.zone import NAME_SERVERS_ZONE, Zones

CHAIN_MAX = 16
"""Aliases and CNAMEs followed for one question; a longer chain ends there."""

SOA_TTL_S = 900
NS_TTL_S = 172_800

Healthy = Callable[[str], bool]


class Status(StrEnum):
    """How a question was answered, in DNS's own words."""

    ANSWERED = "NOERROR"
    NO_DATA = "NODATA"
    NO_NAME = "NXDOMAIN"
    REFUSED = "REFUSED"


@dataclass(frozen=True, slots=True)
class ResourceRecord:
    """One line of an answer; ``value`` is in the text form of master files, names without the dot at the end."""

    name: str
    type: str
    ttl_s: int
    value: str


@dataclass(frozen=True, slots=True)
class Answer:
    """What is answered. ``chain`` tells the choices made, for people; ``zone`` is the name whose SOA goes with it."""

    status: Status
    records: tuple[ResourceRecord, ...] = ()
    chain: tuple[str, ...] = ()
    zone: str = ""

    @property
    def ttl_s(self) -> int:
        """How long the whole answer may be kept: its lowest TTL."""
        return min((record.ttl_s for record in self.records), default=0)


@dataclass(frozen=True, slots=True)
class Outcome:
    """One possible answer and how often it is given (0 to 1)."""

    share: float
    answer: Answer


def outcomes(
    zones: Zones, name: str, record_type: str, *, healthy: Healthy, location: Location | None = None
) -> tuple[Outcome, ...]:
    """Every answer that may be given to a question, at least one; the shares add up to 1."""
    question = name.lower().removesuffix(".")
    branches = _Walk(zones, healthy, location).expand(question, record_type, 0)
    return tuple(Outcome(share, answer) for answer, share in _merged(branches).items())


def answer(
    zones: Zones,
    name: str,
    record_type: str,
    *,
    healthy: Healthy,
    fraction: Callable[[], float],
    location: Location | None = None,
) -> Answer:
    """The answer to one question. ``fraction`` draws from 0 up to 1; ``healthy`` gives a health check's verdict."""
    return pick(outcomes(zones, name, record_type, healthy=healthy, location=location), fraction)


def soa(zones: Zones, zone: str) -> ResourceRecord:
    """A zone's start of authority, with Route 53's own figures; its TTL is how long "no such name" is kept."""
    host = next(iter(zones.name_servers()), NAME_SERVERS_ZONE)
    value = f"{host} hostmaster.{NAME_SERVERS_ZONE} 1 7200 900 1209600 {zones.ttl(86400)}"
    return ResourceRecord(zone, "SOA", zones.ttl(SOA_TTL_S), value)


def pick(possible: Sequence[Outcome], fraction: Callable[[], float]) -> Answer:
    """Draw one of several outcomes by their shares."""
    if len(possible) == 1:
        return possible[0].answer
    bounds = list(accumulate(outcome.share for outcome in possible))
    return possible[min(bisect_right(bounds, fraction() * bounds[-1]), len(possible) - 1)].answer


def _merged(branches: list[tuple[float, Answer]]) -> dict[Answer, float]:
    merged: dict[Answer, float] = {}
    for share, given in branches:
        merged[given] = merged.get(given, 0.0) + share
    return merged


class _Walk:
    """One evaluation of one question; remembers the health of what it passes."""

    def __init__(self, zones: Zones, healthy: Healthy, location: Location | None) -> None:
        self._zones = zones
        self._healthy = healthy
        self._location = location

    def expand(self, name: str, record_type: str, depth: int) -> list[tuple[float, Answer]]:
        zones = self._zones
        region = zones.region_of_host(name)
        if region is not None and name not in zones.own_zones():
            return [(1.0, self._host(name, record_type, region))]
        zone = zones.find(name)
        if zone is None:
            return [(1.0, self._outside(name, record_type))]
        source = zone.source_of(name)
        if source is None:
            return [(1.0, Answer(Status.NO_NAME, zone=zone.name))]
        group = zone.groups.get((source, record_type), ())
        if not group and source == zone.name and record_type in ("SOA", "NS"):
            return [(1.0, self._apex(zone.name, record_type))]
        follow = not group and record_type != "CNAME" and zone.groups.get((source, "CNAME"))
        picks = choose(follow or group, lambda record: self.is_healthy(record, 0), self._location)
        if not picks:
            return [(1.0, Answer(Status.NO_DATA, zone=zone.name))]
        branches = []
        for share, chosen in picks:
            step = ", ".join(_describe(record) for record in chosen)
            for part, given in self._expand_record_sets(name, record_type, chosen, depth, bool(follow)):
                branches.append((share * part, Answer(given.status, given.records, (step, *given.chain), zone.name)))
        return branches

    def is_healthy(self, record: RecordSet, depth: int) -> bool:
        """No check is healthy; an alias that evaluates its target is as healthy as any record there."""
        if record.health_check_id is not None and not self._healthy(record.health_check_id):
            return False
        if record.alias is None or not record.alias.evaluate_target_health or depth > CHAIN_MAX:
            return True
        if self._zones.region_of_host(record.alias.name):
            return True  # as on AWS, an API's host name is not checked by itself
        return any(self.is_healthy(target, depth + 1) for target in self._zones.group(record.alias.name, record.type))

    def _host(self, name: str, record_type: str, region: str) -> Answer:
        zone = next((own for own in self._zones.own_zones() if is_below(name, own)), parent_name(name))
        if record_type != "A":
            return Answer(Status.NO_DATA, chain=(f"{name} is in {region}",), zone=zone)
        found = ResourceRecord(name, "A", self._zones.ttl(ALIAS_TTL_S), self._zones.addresses[region])
        return Answer(Status.ANSWERED, (found,), (f"{name} is in {region}",), zone)

    def _outside(self, name: str, record_type: str) -> Answer:
        """Names that no hosted zone holds: the zones that the world itself makes up, else not ours."""
        if name in self._zones.own_zones():
            return self._apex(name, record_type)
        own = next((zone for zone in self._zones.own_zones() if is_below(name, zone)), None)
        return Answer(Status.NO_NAME, zone=own) if own else Answer(Status.REFUSED)

    def _apex(self, zone: str, record_type: str) -> Answer:
        """What every zone holds without being told: its SOA and its name servers."""
        zones = self._zones
        if record_type == "SOA":
            lines: tuple[ResourceRecord, ...] = (soa(zones, zone),)
        elif record_type == "NS":
            lines = tuple(ResourceRecord(zone, "NS", zones.ttl(NS_TTL_S), host) for host in zones.name_servers())
        else:
            lines = ()
        return Answer(Status.ANSWERED if lines else Status.NO_DATA, lines, zone=zone)

    def _expand_record_sets(
        self, name: str, record_type: str, chosen: tuple[RecordSet, ...], depth: int, follow: bool
    ) -> list[tuple[float, Answer]]:
        record = chosen[0]
        if record.alias is not None:
            if depth >= CHAIN_MAX:
                return [(1.0, Answer(Status.NO_DATA))]
            below = self.expand(record.alias.name, record_type, depth + 1)
            return [(share, self._renamed(given, record.alias.name, name)) for share, given in below]
        if follow:
            return self._chase(name, record_type, record, depth)
        turns = len(record.values) if len(chosen) == 1 else 1
        return [
            (
                1 / turns,
                Answer(Status.ANSWERED, tuple(self._line(name, r, v) for r in chosen for v in _turned(r, turn))),
            )
            for turn in range(turns)
        ]

    def _chase(self, name: str, record_type: str, record: RecordSet, depth: int) -> list[tuple[float, Answer]]:
        """A CNAME and, as far as the world knows it, what its target answers."""
        line = self._line(name, record, record.values[0])
        target = normal_name(record.values[0])
        if depth >= CHAIN_MAX:
            return [(1.0, Answer(Status.ANSWERED, (line,)))]
        return [
            (share, Answer(Status.ANSWERED, (line, *given.records), given.chain))
            for share, given in self.expand(target, record_type, depth + 1)
        ]

    def _line(self, name: str, record: RecordSet, value: str) -> ResourceRecord:
        return ResourceRecord(name, record.type, self._zones.ttl(record.ttl_s), value)

    def _renamed(self, given: Answer, target: str, name: str) -> Answer:
        """An alias answers its target's records as its own."""
        records = tuple(
            ResourceRecord(name, line.type, line.ttl_s, line.value) if line.name == target else line
            for line in given.records
        )
        status = Status.NO_DATA if given.status is not Status.ANSWERED else given.status
        return Answer(status, records, given.chain)


def _turned(record: RecordSet, turn: int) -> tuple[str, ...]:
    return (*record.values[turn:], *record.values[:turn])


def _describe(record: RecordSet) -> str:
    which = f" {record.set_identifier}" if record.set_identifier else ""
    return f"{record.name} {record.type} {record.policy}{which}"
