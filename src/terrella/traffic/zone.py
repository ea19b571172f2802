"""Zones: all the record sets of the world's stacks together, and what Route 53 would refuse between them."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from terrella.traffic.errors import TrafficError
from terrella.traffic.names import is_below, normal_name, parent_name
from terrella.traffic.records import Policy, RecordSet
from terrella.wire.hostnames import region_of_hostname

RECORDS_OF_A_NAME_MAX = 100
OUTCOMES_MAX = 10_000
NAME_SERVERS_ZONE = "ns.terrella.internal"
"""Below it, each region's name server has a name: ``us-east-1.ns.terrella.internal``."""

Group = tuple[RecordSet, ...]


@dataclass(frozen=True, slots=True)
class Zone:
    """A hosted zone. ``names`` are all that exist in it, those without records of their own included."""

    name: str
    groups: Mapping[tuple[str, str], Group]
    names: frozenset[str]

    def source_of(self, name: str) -> str | None:
        """The name whose records answer for ``name``: itself, else the wildcard that covers it (RFC 4592)."""
        if name in self.names:
            return name
        encloser = parent_name(name)
        while encloser not in self.names:
            encloser = parent_name(encloser)
        wildcard = f"*.{encloser}"
        return wildcard if wildcard in self.names else None


@dataclass(frozen=True, slots=True)
class Zones:
    """All that the world's name servers know: its zones, and the address of each region (in the world's order)."""

    zones: Mapping[str, Zone] = field(default_factory=dict)
    addresses: Mapping[str, str] = field(default_factory=dict)
    ttl_scale: float = 1.0

    def find(self, name: str) -> Zone | None:
        """The zone that a name (in normal form) lies in: the longest that fits."""
        while name:
            if name in self.zones:
                return self.zones[name]
            name = parent_name(name)
        return None

    def region_of_host(self, name: str) -> str | None:
        """The region of this world that a host name belongs to: ``*.<region>.amazonaws.com``, or a name server's."""
        region = region_of_hostname(name)
        if region is None and parent_name(name) == NAME_SERVERS_ZONE:
            region = name.partition(".")[0]
        return region if region in self.addresses else None

    def region_at(self, address: str) -> str | None:
        """The region that has an address."""
        return next((region for region, own in self.addresses.items() if own == address), None)

    def group(self, name: str, record_type: str) -> Group:
        """The record sets that answer for a name and type; empty if there are none."""
        zone = self.find(name)
        source = zone.source_of(name) if zone else None
        return zone.groups.get((source, record_type), ()) if zone and source else ()

    def own_zones(self) -> tuple[str, ...]:
        """Zones that the world makes up: a region's part of ``amazonaws.com``, and the name servers' names."""
        return (NAME_SERVERS_ZONE, *(f"{region}.amazonaws.com" for region in self.addresses))

    def name_servers(self) -> tuple[str, ...]:
        """The names of the regions' name servers."""
        return tuple(f"{region}.{NAME_SERVERS_ZONE}" for region in self.addresses)

    def ttl(self, ttl_s: int) -> int:
        """A TTL as the profile scales it."""
        return round(ttl_s * self.ttl_scale)

    def regions_of(self, name: str) -> tuple[str, ...]:
        """All regions that some record of a name leads to, through aliases and CNAMEs, in the world's order."""
        found: set[str] = set()
        seen: set[str] = set()
        pending = [name]
        while pending:
            current = pending.pop()
            if current in seen:
                continue
            seen.add(current)
            region = self.region_of_host(current)
            if region is not None:
                found.add(region)
            for record_type in ("A", "AAAA", "CNAME"):
                for record in self.group(current, record_type):
                    found |= {region for value in record.values if (region := self.region_at(value))}
                    pending += _targets(record)
        return tuple(region for region in self.addresses if region in found)

    def application_names(self) -> tuple[str, ...]:
        """Names that lead to regions and that no other record points to: what clients of the world would ask for."""
        names: dict[str, None] = {}
        targets: set[str] = set()
        for zone in self.zones.values():
            for (name, record_type), group in zone.groups.items():
                if record_type in ("A", "AAAA", "CNAME") and not name.startswith("*") and self.regions_of(name):
                    names[name] = None
                targets |= {target for record in group for target in _targets(record)}
        return tuple(name for name in names if name not in targets)


def build_zones(
    record_sets: Iterable[RecordSet],
    addresses: Mapping[str, str],
    *,
    hosted_zones: Mapping[str, str] | None = None,
    health_checks: Collection[str] | None = None,
    ttl_scale: float = 1.0,
) -> Zones:
    """Put the record sets of every region's stack together.

    ``hosted_zones`` gives the names of zones by id, those without records included; a record that names its zone by an
    id that is not there lies in the zone of its last two labels. ``health_checks`` are the ids that exist. Raises
    ``TrafficError`` with one line for each thing that is wrong.
    """
    named = {zone_id: normal_name(name) for zone_id, name in (hosted_zones or {}).items() if name}
    by_zone: dict[str, dict[tuple[str, str], list[RecordSet]]] = {name: {} for name in named.values()}
    problems = []
    for record in record_sets:
        zone_name = _zone_name(record, named)
        by_zone.setdefault(zone_name, {}).setdefault((record.name, record.type), []).append(record)
        if not is_below(record.name, zone_name):
            problems.append(f"{record.owner}: {record.name} does not lie in the zone {zone_name}")
        if health_checks is not None and record.health_check_id not in (None, *health_checks):
            problems.append(f"{record.owner}: there is no health check {record.health_check_id}")
    zones = Zones({name: _zone(name, groups) for name, groups in by_zone.items()}, addresses, ttl_scale)
    for zone in zones.zones.values():
        for group in zone.groups.values():
            problems += _group_problems(group)
        problems += _name_problems(zone)
    problems = problems or _target_problems(zones)
    if problems:
        raise TrafficError("\n".join(problems))
    return zones


def _zone_name(record: RecordSet, hosted_zones: Mapping[str, str]) -> str:
    if record.zone_name:
        return record.zone_name
    if record.zone_id is not None and record.zone_id in hosted_zones:
        return hosted_zones[record.zone_id]
    return ".".join(record.name.split(".")[-2:])


def _zone(name: str, groups: Mapping[tuple[str, str], list[RecordSet]]) -> Zone:
    names = {name}
    for owner, _ in groups:
        while owner and owner not in names:
            names.add(owner)
            owner = parent_name(owner)
    return Zone(name, {key: tuple(group) for key, group in groups.items()}, frozenset(names))


def _targets(record: RecordSet) -> list[str]:
    if record.alias:
        return [record.alias.name]
    return [value.lower().removesuffix(".") for value in record.values] if record.type == "CNAME" else []


def _group_problems(group: Group) -> list[str]:
    """What is wrong among the record sets of one name and type."""
    first, *others = group
    what = f"{first.name} {first.type}"
    problems = [
        f"{other.owner}: {what} is a {other.policy} record set, but {first.owner} makes it {first.policy}; "
        "a name and type has one routing policy"
        for other in others
        if other.policy is not first.policy
    ]
    if problems:
        return problems
    if first.policy is Policy.SIMPLE:
        return [f"{other.owner}: {what} exists already, from {first.owner}" for other in others]
    seen: dict[tuple[str, object], RecordSet] = {}
    for record in group:
        keys: list[tuple[str, object]] = [("SetIdentifier", record.set_identifier)]
        if record.policy is Policy.FAILOVER:
            keys.append(("Failover", "PRIMARY" if record.primary else "SECONDARY"))
        elif record.policy is Policy.LATENCY:
            keys.append(("Region", record.latency_region))
        elif record.policy is Policy.GEOLOCATION:
            keys.append(("GeoLocation", record.geolocation))
        for key in keys:
            other = seen.setdefault(key, record)
            if other is not record:
                problems.append(f"{record.owner}: {what} with {key[0]} {key[1]} exists already, from {other.owner}")
    if first.policy is Policy.WEIGHTED and len({record.ttl_s for record in group if not record.alias}) > 1:
        problems.append(f"{what}: all weighted record sets of a name and type have the same TTL")
    if len(group) > RECORDS_OF_A_NAME_MAX:
        problems.append(f"{what} has {len(group)} record sets; at most {RECORDS_OF_A_NAME_MAX} are allowed")
    return problems


def _name_problems(zone: Zone) -> list[str]:
    """What is wrong among the types of one name."""
    types = Counter(name for name, _ in zone.groups)
    problems = []
    for (name, record_type), group in zone.groups.items():
        if record_type == "CNAME" and name == zone.name:
            problems.append(f"{group[0].owner}: the zone's own name {name} cannot have a CNAME; use an alias")
        elif record_type == "CNAME" and types[name] > 1:
            problems.append(f"{group[0].owner}: {name} has a CNAME and so can have no other records")
        elif record_type == "NS" and name != zone.name:
            problems.append(f"{group[0].owner}: delegating a part of a zone (NS of {name}) is not built yet")
    return problems


def _target_problems(zones: Zones) -> list[str]:
    """Aliases that lead nowhere, circles, and policies with too many possible answers to compute them all."""
    problems: list[str] = []
    counts: dict[tuple[str, str], int] = {}

    def count(key: tuple[str, str], trail: tuple[tuple[str, str], ...]) -> int:
        if key in trail:
            problems.append(f"{' -> '.join(name for name, _ in (*trail[trail.index(key) :], key))} is a circle")
            return 0
        if key not in counts:
            counts[key] = sum(count_record(record, key[1], (*trail, key)) for record in zones.group(*key))
        return counts[key]

    def count_record(record: RecordSet, record_type: str, trail: tuple[tuple[str, str], ...]) -> int:
        ways = len(record.values)
        for target in _targets(record):
            if record.alias and (problem := _alias_problem(zones, record, target)):
                problems.append(problem)
                continue
            kinds = [record_type] if record.alias else ["A", "AAAA", "CNAME"]
            ways = max(1, *(count((target, kind), trail) for kind in kinds))
        return ways

    for zone in zones.zones.values():
        for key, group in zone.groups.items():
            ways = count(key, ())
            if ways > OUTCOMES_MAX:
                problems.append(f"{group[0].owner}: {key[0]} {key[1]} has {ways} possible answers, over {OUTCOMES_MAX}")
    return list(dict.fromkeys(problems))


def _alias_problem(zones: Zones, record: RecordSet, target: str) -> str | None:
    if zones.region_of_host(target):
        if record.type in ("A", "AAAA"):
            return None
        return f"{record.owner}: an alias to a host of a region has type A or AAAA, not {record.type}"
    zone = zones.find(record.name)
    if zone and is_below(target, zone.name) and zones.group(target, record.type):
        return None
    region = region_of_hostname(target)
    if region:
        return f"{record.owner}: the alias target {target} is in {region}, which is no region of this world"
    return (
        f"{record.owner}: the alias target {target} has no {record.type} record in the same zone, "
        "and is no host name of a region of this world (*.<region>.amazonaws.com)"
    )
