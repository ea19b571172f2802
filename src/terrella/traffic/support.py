"""What of Route 53's records and health checks is honoured, inert or refused.

The tables in ``docs/services/traffic.md`` are these; they are made of the very constants that the code refuses by.
"""

from dataclasses import dataclass

from terrella.traffic.health.checks import HONOURED_PROPERTIES, INERT_PROPERTIES, REFUSED_KINDS, CheckKind
from terrella.traffic.records import RECORD_TYPES, REFUSED_POLICIES, REFUSED_TYPES, Policy


@dataclass(frozen=True, slots=True)
class Support:
    """One row of a table; ``verdict`` is honoured, inert or refused."""

    name: str
    verdict: str
    note: str = ""


_TYPE_NOTES = {
    "AAAA": "an alias to a host name of a region has no AAAA answer: the world has IPv4 addresses only",
    "CNAME": "followed inside the world; not at a zone's own name",
    "NS": "at a zone's own name only; without one, the regions' name servers are answered",
}
_POLICY_NOTES = {
    Policy.SIMPLE: "all values, each first in its turn; a health check counts only as an alias's target health",
    Policy.WEIGHTED: "weights 0 to 255; zero weights only when no other is healthy; all zero means equal shares",
    Policy.FAILOVER: "the primary when both are unhealthy; an unchecked secondary always takes over",
    Policy.LATENCY: "by the built-in distances from the region nearest to the asker, not by measured latency",
    Policy.GEOLOCATION: "continent, country and default; the asker is where its subnet says, else at its name server",
    Policy.MULTIVALUE: "up to eight healthy records, in turn",
}
_KIND_NOTES = {
    CheckKind.HTTPS: "spoken without TLS inside the world; port 443 is the application port",
    CheckKind.HTTP: "port 80 is the application port",
    CheckKind.HTTP_STR_MATCH: "the whole string within the first 5,120 bytes",
    CheckKind.HTTPS_STR_MATCH: "the same",
    CheckKind.TCP: "connecting suffices",
    CheckKind.CALCULATED: "of checks that are not calculated themselves",
}

SUPPORT: dict[str, list[Support]] = {
    "Record types": [
        *(Support(name, "honoured", _TYPE_NOTES.get(name, "")) for name in sorted(RECORD_TYPES)),
        *(Support(name, "refused", why) for name, why in sorted(REFUSED_TYPES.items())),
    ],
    "Routing policies": [
        *(Support(policy.value, "honoured", _POLICY_NOTES[policy]) for policy in Policy),
        *(Support(f"`{name}`", "refused", f"{what} is not built yet") for name, what in REFUSED_POLICIES.items()),
    ],
    "Kinds of health checks": [
        *(Support(kind.value, "honoured", _KIND_NOTES[kind]) for kind in CheckKind),
        *(Support(kind, "refused", why) for kind, why in REFUSED_KINDS.items()),
    ],
    "Properties of health checks": [
        *(Support(name, "honoured", note) for name, note in HONOURED_PROPERTIES.items()),
        *(Support(name, "inert", why) for name, why in INERT_PROPERTIES.items()),
    ],
}
"""The tables by title."""
