"""A failover group that has nobody to fail over to, or two firsts."""

from collections import defaultdict
from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.view import Record, WorldView, listed


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in view.records():
        if "Failover" in record.properties:
            groups[record.key].append(record)
    for (name, _), records in groups.items():
        kinds = [str(record.properties["Failover"]).upper() for record in records]
        line = view.line(*records[0].path, "Failover")
        missing = {"PRIMARY", "SECONDARY"} - set(kinds)
        if missing and len(view.stacks) == len(view.regions) > 1:
            yield line, f"no region's stack makes the {listed(missing)} record of {name}"
        elif kinds.count("PRIMARY") > 1 or kinds.count("SECONDARY") > 1:
            yield line, f"{name} has {kinds.count('PRIMARY')} PRIMARY and {kinds.count('SECONDARY')} SECONDARY records"


RULE = Rule(
    id="incomplete-failover",
    number=9112,
    severity=Severity.ERROR,
    alone=None,
    explanation="Failover routing is one PRIMARY and one SECONDARY record of a name: with half of it there is "
    "nothing to fail over to, and a second one of a kind is refused.",
    fix="Let one region's parameters say PRIMARY and another's SECONDARY; for more than two regions use "
    "weighted or latency records.",
    find=_find,
)
