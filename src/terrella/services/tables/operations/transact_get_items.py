"""TransactGetItems: up to 100 items of one moment, from several tables."""

from typing import Any

import msgspec

from terrella.services.tables.capacity import Meter, meter_for, read_units
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.expressions import Path, project
from terrella.services.tables.requests import read_substitutions
from terrella.services.tables.selecting import read_projection
from terrella.services.tables.table import Table, decode_item, encode_item
from terrella.services.tables.transactions import transactional_table
from terrella.services.tables.values import attributes_size_bytes, check_attributes, invalid

ANSWER_MAX_BYTES = 4 * 1024 * 1024
_EXPRESSIONS = ("ProjectionExpression",)


async def transact_get_items(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, TransactGetItems."""
    planned = [_plan(engine, each["Get"]) for each in params["TransactItems"]]
    places = [(table.data_set_id, key) for table, key, _ in planned]
    if len(set(places)) < len(places):
        raise invalid("Transaction request cannot include multiple operations on one item")
    found = engine.journal.read_together(places)
    responses: list[dict[str, Any]] = []
    meters: dict[str, Meter] = {}
    size_bytes = 0
    for (table, _, projection), version in zip(planned, found, strict=True):
        stored = None if version is None else version.value
        meter = meters.get(table.name) or meter_for(table, params)
        if meter is not None:
            meters[table.name] = meter
            item_bytes = 0 if stored is None else attributes_size_bytes(decode_item(stored))
            meter.add_table(2 * read_units(item_bytes, consistent=True))
        if stored is None:
            responses.append({})
            continue
        size_bytes += len(stored)
        shown = stored if projection is None else encode_item(project(projection, decode_item(stored)))
        responses.append({"Item": msgspec.Raw(shown)})
    if size_bytes > ANSWER_MAX_BYTES:
        raise invalid("The aggregate size of the items in the transaction exceeds 4 MB")
    answer: dict[str, Any] = {"Responses": responses}
    if meters:
        answer["ConsumedCapacity"] = [meter.shown() for meter in meters.values()]
    return answer


def _plan(engine: Engine, wanted: dict[str, Any]) -> tuple[Table, bytes, list[Path] | None]:
    given = read_substitutions(wanted, _EXPRESSIONS)
    check_attributes(wanted["Key"])
    projection = read_projection(wanted, given)
    given.check_all_used()
    table = transactional_table(engine, wanted["TableName"])
    key = table.key_of(wanted["Key"])
    table.check_paths(given.nested_heads)
    return table, key, projection
