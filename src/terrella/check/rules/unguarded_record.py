"""One of several records of a name that is handed out whatever happens."""

from collections import Counter
from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.view import Record, WorldView, listed

_API = ".execute-api."  # evaluating its health finds out nothing: Route 53 counts an API's host name as healthy
_CHOOSERS = ("Weight", "Region", "MultiValueAnswer", "GeoLocation", "Failover")


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    chosen = [record for record in view.records() if any(name in record.properties for name in _CHOOSERS)]
    siblings = Counter(record.key for record in chosen)
    lines: dict[tuple[int, str], list[str]] = {}
    for record in chosen:
        if siblings[record.key] > 1 and not _is_guarded(record):
            place = view.line(*record.path, "Name"), f"{record.resource.logical_id} ({record.name})"
            lines.setdefault(place, []).append(record.region)
    for (line, name), regions in lines.items():
        yield line, f"{name} is one of several records of its name and has no health check, in {listed(set(regions))}"


def _is_guarded(record: Record) -> bool:
    if record.properties.get("Failover") == "SECONDARY":
        return True  # it is the last resort, and is handed out whatever its health
    target = record.properties.get("AliasTarget", {})
    if "HealthCheckId" in record.properties:
        return True
    return bool(target.get("EvaluateTargetHealth")) and _API not in str(target.get("DNSName", ""))


RULE = Rule(
    id="unguarded-record",
    number=9104,
    severity=Severity.WARNING,
    alone=Severity.WARNING,
    explanation="A weighted, latency, geolocation, multivalue or primary record without a health check counts as"
    " healthy: clients are sent to its region when that region is down.",
    fix="Give the record a HealthCheckId.",
    find=_find,
)
