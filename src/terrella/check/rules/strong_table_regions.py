"""A strongly consistent table in a number of regions in which there can be none."""

from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.source import listing
from terrella.check.view import WorldView

_COPIES = 3


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    for one in view.declared("AWS::DynamoDB::GlobalTable"):
        replicas = listing(one.properties.get("Replicas"))
        copies = len(replicas) + len(listing(one.properties.get("GlobalTableWitnesses")))
        if one.properties.get("MultiRegionConsistency") == "STRONG" and replicas and copies != _COPIES:
            line = view.line("Resources", one.logical_id, "Properties", "MultiRegionConsistency")
            yield (
                line,
                f"{one.logical_id} has {copies} replicas and witnesses; strong consistency takes exactly {_COPIES}",
            )


RULE = Rule(
    id="strong-table-regions",
    number=9130,
    severity=Severity.ERROR,
    alone=Severity.ERROR,
    explanation="Strong consistency is a majority of three copies: three replicas, or two and a witness.",
    fix="Name three regions, or two and a GlobalTableWitness; or leave MultiRegionConsistency out.",
    find=_find,
)
