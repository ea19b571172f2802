"""Answers that resolvers keep long after a region has gone."""

from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.view import Record, WorldView

_CHOOSERS = ("Failover", "Weight", "Region", "MultiValueAnswer", "GeoLocation")
TTL_S_MAX = 60


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    for record in view.records():
        if not any(name in record.properties for name in _CHOOSERS):
            continue
        ttl_s = _number(record.properties.get("TTL", 0))
        name, line = record.resource.logical_id, view.line(*record.path, "TTL")
        if view.objective_s is None:
            if ttl_s > TTL_S_MAX:
                yield line, f"{name} may be cached for {ttl_s:.0f} s after its region is gone"
            continue
        detected_s = _detection_s(view, record)
        if ttl_s + detected_s > view.objective_s:
            sum_s = f"{detected_s:.0f} s until its health check has failed + TTL {ttl_s:.0f} s"
            asked = f"{view.objective_s:g} s are asked for ({view.objective_source})"
            yield line, f"{name} is answered for {sum_s} after its region is gone; {asked}"


def _detection_s(view: WorldView, record: Record) -> float:
    """Interval times threshold of the record's health check, with Route 53's defaults; 0 if there is none."""
    check = view.health_check(str(record.properties.get("HealthCheckId", "")))
    if check is None:
        return 0.0
    settings = check[1].properties.get("HealthCheckConfig", {})
    return _number(settings.get("RequestInterval", 30)) * _number(settings.get("FailureThreshold", 3))


def _number(value: object) -> float:
    try:
        return float(str(value))
    except ValueError:
        return 0.0


RULE = Rule(
    id="slow-failover",
    number=9108,
    severity=Severity.WARNING,
    alone=Severity.WARNING,
    explanation="Resolvers hand out a cached answer until its TTL is over: every failover takes that much longer, after"
    " the health check has failed for as long as its interval and threshold say.",
    fix=f"Set TTL to {TTL_S_MAX} or less, and RequestInterval to 10, until it fits what is asked for.",
    find=_find,
)
