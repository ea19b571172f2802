"""Query: the items of one partition, of a table or an index, in the order of the sort key."""

from dataclasses import replace
from typing import Any

from terrella.services.tables.capacity import meter_for
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.expressions import KeyCondition, Substitutions, key_conditions
from terrella.services.tables.keys import after_prefix, encode_closed, encode_open
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
from terrella.services.tables.table import KeySchema
from terrella.services.tables.values import invalid, invalid_parameters

_EXPRESSIONS = ("ProjectionExpression", "FilterExpression", "KeyConditionExpression")
_LEGACY = ("AttributesToGet", "QueryFilter", "ConditionalOperator", "KeyConditions")


async def query(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, Query."""
    refuse_legacy(params, _LEGACY, _EXPRESSIONS)
    given = read_substitutions(params, _EXPRESSIONS)
    check_select(params)
    check_start_key(params)
    if "KeyConditionExpression" not in params:
        raise invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
    key_condition = read_condition(params, "KeyConditionExpression", given)
    assert key_condition is not None
    filter_given = given.fork()
    condition = read_condition(params, "FilterExpression", filter_given)
    given.take_over_use(filter_given)
    projection = read_projection(params, given)
    given.check_all_used()
    conditions = key_conditions(key_condition)
    table = engine.table(params["TableName"])
    index = read_index(params, table)
    walk = Walk(table, index, reverse=params.get("ScanIndexForward") is False)
    walk = _bounded(walk, conditions)
    after = read_start(params, walk)
    if after is not None and not walk.inside(after):
        raise _outside(walk.key, conditions)
    _check_filter(walk.key, filter_given)
    table.check_paths(given.nested_heads)
    selection = read_selection(params, index, condition, projection)
    meter = meter_for(table, params)
    limit = params.get("Limit")
    return await read_page(
        engine, replace(walk, after=after), selection, limit, meter, params.get("ConsistentRead", False)
    )


def _bounded(walk: Walk, conditions: dict[str, KeyCondition]) -> Walk:
    key = walk.key
    if key.sort is None and len(conditions) > 1:
        raise invalid("Query key condition not supported")
    for name, kind in key.pairs:
        condition = conditions.get(name)
        if condition is None:
            if name == key.partition or len(conditions) > 1:
                raise invalid(f"Query condition missed key schema element: {name}")
            continue
        _check_values(condition, name, kind)
        if name == key.partition and condition.operator != "=":
            raise invalid("Query key condition not supported")
    partition = conditions[key.partition].values[0]
    if key.sort is None:
        exact = encode_open(partition)
        return replace(walk, low=exact, high=exact + b"\x00")
    low, high = _sort_bounds(encode_closed(partition), conditions.get(key.sort))
    return replace(walk, low=low, high=high)


def _check_values(condition: KeyCondition, name: str, kind: str) -> None:
    for value in condition.values:
        if kind not in value:
            raise invalid_parameters("Condition parameter type does not match schema type")
        if value[kind] == "" and condition.operator != "begins_with":
            noun = "string" if kind == "S" else "binary"
            raise invalid(
                "One or more parameter values are not valid. "
                f"The AttributeValue for a key attribute cannot contain an empty {noun} value. Key: {name}"
            )


def _sort_bounds(base: bytes, condition: KeyCondition | None) -> tuple[bytes, bytes | None]:
    """From where to before where the keys of a partition satisfy the condition on the sort key."""
    if condition is None:
        return base, after_prefix(base)
    first = base + encode_open(condition.values[0])
    # Nothing lies between a key and the same key with a zero byte after it.
    match condition.operator:
        case "=":
            return first, first + b"\x00"
        case "<":
            return base, first
        case "<=":
            return base, first + b"\x00"
        case ">":
            return first + b"\x00", after_prefix(base)
        case ">=":
            return first, after_prefix(base)
        case "BETWEEN":
            return first, base + encode_open(condition.values[1]) + b"\x00"
    return first, after_prefix(first)


def _outside(key: KeySchema, conditions: dict[str, KeyCondition]) -> Exception:
    if key.sort is not None and key.sort in conditions:
        return invalid("The provided starting key does not match the range key predicate")
    return invalid("The provided starting key is outside query boundaries based on provided conditions")


def _check_filter(key: KeySchema, given: Substitutions) -> None:
    for name in key.names:
        if name in given.heads:
            raise invalid(
                f"Filter Expression can only contain non-primary key attributes: Primary key attribute: {name}"
            )
