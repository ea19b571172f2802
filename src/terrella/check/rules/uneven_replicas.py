"""A replica that is protected less than the others."""

from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.source import listing, mapping
from terrella.check.view import WorldView, listed

_SETTINGS = {
    "point-in-time recovery": ("PointInTimeRecoverySpecification", "PointInTimeRecoveryEnabled"),
    "deletion protection": ("DeletionProtectionEnabled",),
}


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    for one in view.declared("AWS::DynamoDB::GlobalTable"):
        replicas = [mapping(replica) for replica in listing(one.properties.get("Replicas"))]
        for what, path in _SETTINGS.items():
            lacking = {str(replica.get("Region")) for replica in replicas if not _is_on(replica, path)}
            if lacking and len(lacking) < len(replicas):
                line = view.line("Resources", one.logical_id, "Properties", "Replicas")
                yield line, f"{one.logical_id} has {what} in some regions, and not in {listed(lacking)}"


def _is_on(replica: object, path: tuple[str, ...]) -> bool:
    value = mapping(replica, *path[:-1]).get(path[-1])
    return value is not None and value is not False and str(value).lower() != "false"


RULE = Rule(
    id="uneven-replicas",
    number=9129,
    severity=Severity.WARNING,
    alone=Severity.WARNING,
    explanation="Backups and protection are settings of each replica. When the region that has them is the one "
    "that is lost, the copy that is left is the one without.",
    fix="Give every replica the same settings.",
    find=_find,
)
