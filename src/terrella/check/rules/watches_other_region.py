"""The bug that broke the demonstration on stage: the health check of one region, copied into another."""

from collections import defaultdict
from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.view import WorldView, listed


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    found: dict[tuple[int, str, str, str], list[tuple[str, str]]] = defaultdict(list)
    for record in view.records():
        check = view.health_check(str(record.properties.get("HealthCheckId", "")))
        if check is None:
            continue
        leads, watches = view.regions_of_record(record), view.regions_watched(check[1])
        if leads and watches and not leads & watches:
            settings = check[1].properties.get("HealthCheckConfig", {})
            watched_by = "IPAddress" if settings.get("IPAddress") else "FullyQualifiedDomainName"
            name = check[1].logical_id
            line = view.line("Resources", name, "Properties", "HealthCheckConfig", watched_by)
            host = settings.get(watched_by, "through its children")
            place = f"in the stack of {record.region} it leads to {listed(leads)}"
            found[line, name, listed(watches), record.resource.logical_id].append((host, place))
    for (line, name, watched, record_name), places in found.items():
        elsewhere = "; ".join(place for _, place in places)
        subject = f"{name} watches {watched} ({places[0][0]}), but the record {record_name}, which it guards,"
        yield line, f"{subject} leads elsewhere: {elsewhere}"


RULE = Rule(
    id="health-check-watches-other-region",
    number=9101,
    severity=Severity.ERROR,
    alone=Severity.ERROR,
    explanation="A record is handed out or withheld by the health of a region that it does not lead to: when its own"
    " region breaks, clients are still sent there; when the watched one breaks, a healthy region is withheld.",
    fix="Let the health check watch its own region: `!Sub ${Api}.execute-api.${AWS::Region}.amazonaws.com`.",
    find=_find,
)
