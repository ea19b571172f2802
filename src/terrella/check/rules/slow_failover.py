"""Answers that resolvers keep long after a region has gone."""

from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.view import WorldView

_CHOOSERS = ("Failover", "Weight", "Region", "MultiValueAnswer", "GeoLocation")
TTL_S_MAX = 60


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    for record in view.records():
        ttl_s = record.properties.get("TTL", 0)
        if ttl_s > TTL_S_MAX and any(name in record.properties for name in _CHOOSERS):
            yield (
                view.line(*record.path, "TTL"),
                f"{record.resource.logical_id} may be cached for {ttl_s} s after its region is gone",
            )


RULE = Rule(
    id="slow-failover",
    number=9108,
    severity=Severity.WARNING,
    alone=Severity.WARNING,
    explanation="Resolvers hand out a cached answer until its TTL is over: every failover takes that much longer.",
    fix=f"Set TTL to {TTL_S_MAX} or less.",
    find=_find,
)
