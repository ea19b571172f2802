"""A latency record that counts the distance to one region and leads to another."""

from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.view import WorldView, listed


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    for record in view.records():
        region = record.properties.get("Region")
        leads = view.regions_of_record(record)
        if isinstance(region, str) and leads and region not in leads:
            line = view.line(*record.path, "Region")
            yield line, f"{record.label} is handed out to clients near {region}, and leads to {listed(leads)}"


RULE = Rule(
    id="latency-of-other-region",
    number=9114,
    severity=Severity.ERROR,
    alone=Severity.ERROR,
    explanation="Route 53 compares the latencies to the regions that the records name, so clients near this "
    "region are sent to another one.",
    fix="Let the record say where it leads: `Region: !Ref AWS::Region`.",
    find=_find,
)
