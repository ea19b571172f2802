"""A health check whose verdict is the same for every region."""

from collections import defaultdict
from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.view import Record, WorldView, listed

_CHOOSERS = ("Failover", "Weight", "Region", "MultiValueAnswer", "GeoLocation")


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    guards: dict[str, list[tuple[Record, frozenset[str]]]] = defaultdict(list)
    for record in view.records():
        identifier = record.properties.get("HealthCheckId")
        if identifier and any(name in record.properties for name in _CHOOSERS):
            guards[str(identifier)].append((record, view.regions_of_record(record)))
    for identifier, guarded in guards.items():
        check = view.health_check(identifier)
        watched = view.regions_watched(check[1]) if check else frozenset()
        led = {frozenset(leads) for _, leads in guarded if leads}
        record = guarded[0][0]
        if len({leads for leads in led if len(leads) == 1}) > 1:
            regions = listed(set().union(*led))
            yield (
                view.line(*record.path, "HealthCheckId"),
                f"one health check ({identifier}) guards the records of {regions}: it takes all of them out, or none",
            )
        elif check and len(watched) > 1 and any(leads < watched for leads in led):
            name, fewest = check[1].logical_id, min((len(leads), leads) for leads in led)[1]
            line = view.line("Resources", name, "Properties", "HealthCheckConfig")
            watches = f"{name} asks what leads to {listed(watched)}"
            yield (
                line,
                f"{watches}, but guards {record.label}, which leads to {listed(fewest)} alone",
            )


RULE = Rule(
    id="shared-health-check",
    number=9109,
    severity=Severity.ERROR,
    alone=Severity.ERROR,
    explanation="A verdict that all regions share says nothing about any of them: when one is down its record "
    "stays, and when the check fails all records are unhealthy at once, which Route 53 answers by "
    "handing out every one of them.",
    fix="Give each region's record a health check of its own that asks this region by its regional name,"
    " never by the name that all regions share.",
    find=_find,
)
