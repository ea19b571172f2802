"""A DNS record that two stacks want to make."""

from collections import defaultdict
from collections.abc import Iterator

from terrella.check.bare import is_made_up
from terrella.check.findings import Rule, Severity
from terrella.check.source import ELSEWHERE, references
from terrella.check.view import Record, WorldView, listed


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    makers: dict[tuple[str, str, str, str], list[Record]] = defaultdict(list)
    for record in view.records():
        zone = str(record.properties.get("HostedZoneId") or record.properties.get("HostedZoneName") or "")
        makers[(*record.key, str(record.properties.get("SetIdentifier", "")), zone)].append(record)
    for (name, kind, identifier, _), records in makers.items():
        regions = {record.region for record in records}
        if len(regions) > 1 and name and not any(_may_differ(view, record) for record in records):
            what = f"the {kind} record {name}" + (f" ({identifier})" if identifier else "")
            why = "the same SetIdentifier" if identifier else "no SetIdentifier"
            yield view.line(*records[0].path, "Name"), f"{what} is made by the stacks of {listed(regions)}, with {why}"


def _may_differ(view: WorldView, record: Record) -> bool:
    """Whether each region has a hosted zone of its own, which its stack makes; or a name of its own."""
    zones = {zone.physical_id for _, zone in view.resources("AWS::Route53::HostedZone")}
    if record.properties.get("HostedZoneId") in zones or ELSEWHERE in references(view.written(*record.path, "Name")):
        return True
    if not view.is_assumed:
        return False
    siblings = [one for one in view.records() if one.key == record.key and one.region == record.region]
    return is_made_up(record.name) or len(siblings) > 1  # one stack makes them for all regions, it seems


RULE = Rule(
    id="record-made-twice",
    number=9111,
    severity=Severity.ERROR,
    alone=Severity.NOTE,
    explanation="Route 53 is global: the first stack makes the record, and the stack of the next region fails "
    "because it is there already.",
    fix="Make it one of several records of the name: `SetIdentifier: !Ref AWS::Region` with Weight, "
    "Region (latency) or Failover, and a HealthCheckId.",
    find=_find,
)
