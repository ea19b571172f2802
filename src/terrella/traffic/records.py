"""Resource record sets, as CloudFormation states them and as Route 53 would accept them one by one.

What is wrong only between several records (mixed policies, a set identifier used twice) is found in ``zone``.
"""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

import dns.exception
import dns.rdata
import dns.rdataclass
import dns.rdatatype

from terrella.kernel import VantagePoint, known_regions, region_place
from terrella.traffic.errors import Properties
from terrella.traffic.names import normal_name

RECORD_TYPES = frozenset(
    "A AAAA CAA CNAME HTTPS MX NAPTR NS PTR SPF SRV SSHFP SVCB TLSA TXT".split()  # noqa: SIM905 - reads as a table
)
REFUSED_TYPES = {"DS": "delegating a part of a zone is not built yet", "SOA": "each zone makes its own"}
ALIAS_TTL_S = 60
VALUES_MAX = 400
_TTL_MAX = 2_147_483_647
_CONTINENTS = frozenset({"AF", "AN", "AS", "EU", "NA", "OC", "SA"})


class Policy(StrEnum):
    """The routing policies of record sets that are answered here."""

    SIMPLE = "simple"
    WEIGHTED = "weighted"
    FAILOVER = "failover"
    LATENCY = "latency"
    GEOLOCATION = "geolocation"
    MULTIVALUE = "multivalue"


_POLICY_PROPERTIES = {
    "Weight": Policy.WEIGHTED,
    "Failover": Policy.FAILOVER,
    "Region": Policy.LATENCY,
    "GeoLocation": Policy.GEOLOCATION,
    "MultiValueAnswer": Policy.MULTIVALUE,
}
REFUSED_POLICIES = {"GeoProximityLocation": "geoproximity routing", "CidrRoutingConfig": "IP-based routing"}
_KNOWN = {
    *("Name", "Type", "TTL", "ResourceRecords", "AliasTarget", "HealthCheckId", "SetIdentifier"),
    *("HostedZoneId", "HostedZoneName", "Comment"),
    *_POLICY_PROPERTIES,
    *REFUSED_POLICIES,
}


@dataclass(frozen=True, slots=True)
class AliasTarget:
    """What an alias points to, and whether the alias is as healthy as that is."""

    name: str
    evaluate_target_health: bool


@dataclass(frozen=True, slots=True)
class Location:
    """Where a query comes from, or what a geolocation record is for: the parts that are known."""

    continent: str | None = None
    country: str | None = None
    subdivision: str | None = None
    region: str | None = None

    @classmethod
    def of_region(cls, region: str) -> Self:
        """The location of an AWS region; only its code where the position is not built in."""
        if region not in known_regions():
            return cls(region=region)
        place = region_place(region)
        return cls(continent=place.continent, country=place.country, region=region)

    @classmethod
    def of_vantage_point(cls, at: VantagePoint) -> Self:
        """The location of clients; by latency they are taken to be where the AWS region nearest to them is."""
        return cls(continent=at.continent or None, country=at.country or None, region=at.nearest_region())

    @property
    def is_default(self) -> bool:
        """Whether this is the geolocation record for everywhere else (country ``*``)."""
        return self.country == "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordSet:
    """One resource record set. ``stack_region`` is the region whose stack holds it; names are in normal form."""

    logical_id: str
    physical_id: str
    stack_region: str
    name: str
    type: str
    policy: Policy = Policy.SIMPLE
    ttl_s: int = ALIAS_TTL_S
    values: tuple[str, ...] = ()
    alias: AliasTarget | None = None
    set_identifier: str | None = None
    weight: int = 0
    primary: bool = False
    latency_region: str | None = None
    geolocation: Location | None = None
    health_check_id: str | None = None
    zone_name: str | None = None
    zone_id: str | None = None

    @property
    def owner(self) -> str:
        """How complaints name it."""
        return f"{self.logical_id} in {self.stack_region}"

    @classmethod
    def from_cloudformation(
        cls, *, logical_id: str, physical_id: str, region: str, properties: Mapping[str, object]
    ) -> Self:
        """From the resolved properties of an ``AWS::Route53::RecordSet``; raises ``TrafficError``."""
        read = Properties(f"{logical_id} in {region}", properties)
        read.only(_KNOWN)
        for name, policy_name in REFUSED_POLICIES.items():
            if read.has(name):
                raise read.error(f"{name}: {policy_name} is not built yet")
        policy = _policy(read)
        record_type = read.text("Type")
        if record_type in REFUSED_TYPES:
            raise read.error(f"records of type {record_type} are not served: {REFUSED_TYPES[record_type]}")
        if record_type not in RECORD_TYPES:
            raise read.error(
                f"records of type {record_type} are not served; served are {', '.join(sorted(RECORD_TYPES))}"
            )
        alias = _alias(read, record_type)
        zone_name = read.optional_text("HostedZoneName")
        return cls(
            logical_id=logical_id,
            physical_id=physical_id,
            stack_region=region,
            name=normal_name(read.text("Name")),
            type=record_type,
            policy=policy,
            ttl_s=ALIAS_TTL_S if alias else _ttl(read),
            values=() if alias else _values(read, record_type, policy),
            alias=alias,
            set_identifier=_set_identifier(read, policy),
            weight=read.number("Weight", 0, 255, default=0),
            primary=_primary(read),
            latency_region=_latency_region(read),
            geolocation=_geolocation(read) if policy is Policy.GEOLOCATION else None,
            health_check_id=read.optional_text("HealthCheckId"),
            zone_name=normal_name(zone_name) if zone_name else None,
            zone_id=read.optional_text("HostedZoneId"),
        )


def record_sets_of_group(
    *, logical_id: str, physical_id: str, region: str, properties: Mapping[str, object]
) -> list[RecordSet]:
    """The members of an ``AWS::Route53::RecordSetGroup``, each as a record set ``LogicalId[n]``."""
    read = Properties(f"{logical_id} in {region}", properties)
    read.only({"Comment", "HostedZoneId", "HostedZoneName", "RecordSets"})
    members = properties.get("RecordSets") or []
    if not isinstance(members, list) or not all(isinstance(member, Mapping) for member in members):
        raise read.error("RecordSets is not a list of record sets")
    zone = {name: properties[name] for name in ("HostedZoneId", "HostedZoneName") if properties.get(name)}
    return [
        RecordSet.from_cloudformation(
            logical_id=f"{logical_id}[{index}]", physical_id=physical_id, region=region, properties={**member, **zone}
        )
        for index, member in enumerate(members)
    ]


def _policy(read: Properties) -> Policy:
    given = [name for name in _POLICY_PROPERTIES if read.has(name)]
    if "MultiValueAnswer" in given and not read.flag("MultiValueAnswer"):
        given.remove("MultiValueAnswer")
    if len(given) > 1:
        raise read.error(f"{' and '.join(given)} are given; a record set has one routing policy")
    return _POLICY_PROPERTIES[given[0]] if given else Policy.SIMPLE


def _alias(read: Properties, record_type: str) -> AliasTarget | None:
    if not read.has("AliasTarget"):
        return None
    if read.has("TTL") or read.has("ResourceRecords"):
        raise read.error("AliasTarget excludes TTL and ResourceRecords")
    if read.has("MultiValueAnswer") and read.flag("MultiValueAnswer"):
        raise read.error("a multivalue answer record set cannot be an alias")
    if record_type == "NS":
        raise read.error("an alias cannot be of type NS")
    below = read.below("AliasTarget")
    below.only({"DNSName", "EvaluateTargetHealth", "HostedZoneId"})
    return AliasTarget(normal_name(below.text("DNSName")), below.flag("EvaluateTargetHealth"))


def _ttl(read: Properties) -> int:
    if not read.has("TTL"):
        raise read.error("TTL is missing; only an alias goes without")
    return read.number("TTL", 0, _TTL_MAX)


def _values(read: Properties, record_type: str, policy: Policy) -> tuple[str, ...]:
    values = read.texts("ResourceRecords")
    if not 1 <= len(values) <= VALUES_MAX:
        raise read.error(f"ResourceRecords has {len(values)} values; expected 1 to {VALUES_MAX}, or an AliasTarget")
    if len(set(values)) < len(values):
        raise read.error("ResourceRecords holds a value twice")
    if len(values) > 1 and (record_type == "CNAME" or policy is Policy.WEIGHTED):
        raise read.error(f"a {policy} record set of type {record_type} takes one value; {len(values)} are given")
    if record_type in ("CNAME", "NS", "SOA") and policy is Policy.MULTIVALUE:
        raise read.error(f"a multivalue answer record set cannot be of type {record_type}")
    for value in values:
        _check_value(read, record_type, value)
    return values


def _check_value(read: Properties, record_type: str, value: str) -> None:
    try:
        if record_type in ("A", "AAAA"):
            address = ipaddress.ip_address(value)
            if (address.version == 4) != (record_type == "A"):
                raise read.error(f"{value!r} is not an address for a record of type {record_type}")
        elif record_type in ("TXT", "SPF") and not value.startswith('"'):
            raise read.error(f"{value!r}: the value of a {record_type} record stands in double quotes")
        dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(record_type), value)
    except (ValueError, dns.exception.DNSException) as error:
        raise read.error(f"{value!r} is not the value of a record of type {record_type}: {error}") from error


def _set_identifier(read: Properties, policy: Policy) -> str | None:
    identifier = read.optional_text("SetIdentifier")
    if policy is Policy.SIMPLE and identifier is not None:
        raise read.error("SetIdentifier is given, but no routing policy (Weight, Failover, Region, GeoLocation, …)")
    if policy is not Policy.SIMPLE and not (identifier and len(identifier) <= 128):
        raise read.error(f"a {policy} record set needs a SetIdentifier of 1 to 128 characters")
    return identifier


def _primary(read: Properties) -> bool:
    role = read.text("Failover", "SECONDARY")
    if role not in ("PRIMARY", "SECONDARY"):
        raise read.error(f"Failover is {role!r}; expected PRIMARY or SECONDARY")
    return role == "PRIMARY"


def _latency_region(read: Properties) -> str | None:
    region = read.optional_text("Region")
    if region is not None and region not in known_regions():
        raise read.error(f"Region is {region!r}, whose position is not known; known are {', '.join(known_regions())}")
    return region


def _geolocation(read: Properties) -> Location:
    below = read.below("GeoLocation")
    below.only({"ContinentCode", "CountryCode", "SubdivisionCode"})
    continent, country = below.optional_text("ContinentCode"), below.optional_text("CountryCode")
    subdivision = below.optional_text("SubdivisionCode")
    if (continent is None) == (country is None):
        raise read.error("GeoLocation takes either a ContinentCode or a CountryCode ('*' is everywhere else)")
    if continent is not None and continent not in _CONTINENTS:
        raise read.error(
            f"GeoLocation.ContinentCode is {continent!r}; expected one of {', '.join(sorted(_CONTINENTS))}"
        )
    if subdivision is not None and country in (None, "*"):
        raise read.error("GeoLocation.SubdivisionCode needs a CountryCode")
    return Location(continent=continent, country=country, subdivision=subdivision)
