"""A table whose items one region has and the others have not."""

import re
from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.source import Declared, literal
from terrella.check.view import WorldView

_TYPES = ("AWS::DynamoDB::Table", "AWS::Serverless::SimpleTable")

_CONNECTIONS = re.compile(r"connections?(?:table)?$", re.IGNORECASE)
"""Ids of WebSocket connections mean nothing outside the region that holds the connection."""


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    if len(view.regions) < 2:
        return
    for one in view.declared(*_TYPES):
        if view.regions_making(one) and _lane(view, one) is None and not _CONNECTIONS.search(one.logical_id):
            line = view.line("Resources", one.logical_id)
            yield line, f"{one.logical_id} is a table in one region: what is written here, no other region has"


def _lane(view: WorldView, one: Declared) -> str | None:
    """What ``world.yaml`` says of the table, whatever it says: then somebody has thought of it."""
    return view.lanes.get(one.logical_id) or view.lanes.get(literal(one.properties.get("TableName", "")))


RULE = Rule(
    id="table-not-replicated",
    number=9118,
    severity=Severity.WARNING,
    alone=Severity.NOTE,
    explanation="Each region's stack makes an empty table of that name: clients that are sent to another region "
    "do not find what they wrote, and what a lost region held is lost with it.",
    fix="Declare an `AWS::DynamoDB::GlobalTable` in one region's stack, or say in world.yaml that it is "
    "to be so: `lanes: {TABLE: local}`.",
    find=_find,
)
