"""A record that is guarded by a health check which nobody makes."""

from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.view import WorldView


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    for record in view.records():
        identifier = record.properties.get("HealthCheckId")
        if identifier and view.health_check(identifier) is None:
            name = record.resource.logical_id
            line = view.line(*record.path, "HealthCheckId")
            yield line, f"{name} is guarded by the health check {identifier}, which no region's stack makes"


RULE = Rule(
    id="unknown-health-check",
    number=9105,
    severity=Severity.WARNING,
    alone=None,
    explanation="Without a health check to ask, a record counts as healthy for ever.",
    fix="Make the health check in the template and name it by `!Ref`.",
    find=_find,
)
