"""A health check that one lost packet turns."""

from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.view import WorldView


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    for _, check in view.resources("AWS::Route53::HealthCheck"):
        if str(check.properties.get("HealthCheckConfig", {}).get("FailureThreshold")) == "1":
            line = view.line("Resources", check.logical_id, "Properties", "HealthCheckConfig", "FailureThreshold")
            yield line, f"{check.logical_id} turns on a single failed request (FailureThreshold 1)"


RULE = Rule(
    id="hasty-health-check",
    number=9107,
    severity=Severity.WARNING,
    alone=Severity.WARNING,
    explanation="With a threshold of 1 a single lost packet takes a region out, and a single lucky answer brings a"
    " broken one back: traffic flaps.",
    fix="Set FailureThreshold to 2 or 3; shorten RequestInterval if it is too slow.",
    find=_find,
)
