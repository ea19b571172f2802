"""Scan: every item of a table or an index, in the order of its keys; a segment takes its share of the partitions."""

from dataclasses import replace
from typing import Any

from terrella.services.tables.capacity import meter_for
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.pages import Walk, read_page
from terrella.services.tables.requests import read_condition, read_substitutions, refuse_legacy
from terrella.services.tables.selecting import (
    check_select,
    check_start_key,
    read_index,
    read_projection,
    read_selection,
    read_start,
)
from terrella.services.tables.values import invalid

_EXPRESSIONS = ("ProjectionExpression", "FilterExpression")
_LEGACY = ("AttributesToGet", "ScanFilter", "ConditionalOperator")


def check_limit(params: dict[str, Any]) -> None:
    """AWS words this one constraint in its own way; raises ``AwsError``."""
    if params.get("Limit", 1) < 1:
        raise invalid(
            "1 validation error detected: Value at 'Limit' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1"
        )


async def scan(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, Scan."""
    refuse_legacy(params, _LEGACY, _EXPRESSIONS)
    given = read_substitutions(params, _EXPRESSIONS)
    check_select(params)
    check_start_key(params)
    segment = _read_segment(params)
    condition = read_condition(params, "FilterExpression", given)
    projection = read_projection(params, given)
    given.check_all_used()
    table = engine.table(params["TableName"])
    index = read_index(params, table)
    walk = Walk(table, index)
    walk = replace(walk, after=read_start(params, walk))
    table.check_paths(given.nested_heads)
    selection = read_selection(params, index, condition, projection, segment)
    meter = meter_for(table, params)
    return await read_page(engine, walk, selection, params.get("Limit"), meter, params.get("ConsistentRead", False))


def _read_segment(params: dict[str, Any]) -> tuple[int, int] | None:
    segment, total = params.get("Segment"), params.get("TotalSegments")
    words = "parameter is required but was not present in the request when"
    if segment is not None and total is None:
        raise invalid(f"The TotalSegments {words} Segment parameter is present")
    if total is None:
        return None
    if segment is None:
        raise invalid(f"The Segment {words} parameter TotalSegments is present")
    if segment >= total:
        raise invalid(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {total}"
        )
    return None if total == 1 else (segment, total)
