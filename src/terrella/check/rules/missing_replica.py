"""A region that has no replica of a global table."""

from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.view import WorldView, listed


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    for _, table in view.resources("AWS::DynamoDB::GlobalTable"):
        replicas = {replica.get("Region") for replica in table.properties.get("Replicas", [])}
        missing = [region for region in view.stacks if region not in replicas]
        if missing:
            line = view.line("Resources", table.logical_id, "Properties", "Replicas")
            yield line, f"the global table {table.logical_id} has no replica in {listed(missing)}"


RULE = Rule(
    id="missing-replica",
    number=9103,
    severity=Severity.WARNING,
    alone=None,
    explanation="A region without a replica cannot serve the table's items without another region.",
    fix="Add the region to the table's Replicas, or take it out of the world.",
    find=_find,
)
