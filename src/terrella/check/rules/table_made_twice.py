"""A global table that more than one region's stack wants to make."""

from collections import defaultdict
from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.view import WorldView, listed


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    makers: dict[str, list[str]] = defaultdict(list)
    for region, table in view.resources("AWS::DynamoDB::GlobalTable"):
        makers[table.logical_id].append(region)
    for logical_id, regions in makers.items():
        if len(regions) > 1:
            line = view.line("Resources", logical_id)
            makes = f"the global table {logical_id} is made by the stacks of {listed(regions)}"
            yield line, f"{makes}; one stack makes all replicas"


RULE = Rule(
    id="table-made-twice",
    number=9102,
    severity=Severity.ERROR,
    alone=Severity.NOTE,
    explanation="One stack in one region owns a global table with all its replicas; the second stack to try fails.",
    fix="Give the table a Condition that holds in one region: `!Equals [!Ref AWS::Region, us-east-1]`.",
    find=_find,
)
