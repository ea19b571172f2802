"""GetItem: an item by its key.

Every read is a consistent one as far as this region is concerned; one that is to miss nothing of other regions' waits
for a majority, on a table with strong consistency between regions.
"""

from typing import Any

import msgspec

from terrella.services.tables.capacity import meter_for, read_units
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.expressions import project
from terrella.services.tables.requests import read_substitutions, refuse_legacy
from terrella.services.tables.selecting import read_projection
from terrella.services.tables.strong import settle
from terrella.services.tables.table import decode_item, encode_item
from terrella.services.tables.values import attributes_size_bytes, check_attributes

_EXPRESSIONS = ("ProjectionExpression",)
_PLAIN = frozenset(("TableName", "Key", "ConsistentRead"))


async def get_item(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, GetItem."""
    if not params.keys() <= _PLAIN:
        return await _get_with_options(engine, params)
    key = params["Key"]
    check_attributes(key)
    table = engine.table(params["TableName"])
    encoded = table.key_of(key)
    if table.strong:
        await settle(engine.journal, table, params.get("ConsistentRead", False))
    found = engine.journal.read(table.data_set_id, encoded)
    if found is None or found.value is None:
        return b"{}"
    return b'{"Item":' + found.value + b"}"


async def _get_with_options(engine: Engine, params: dict[str, Any]) -> Answer:
    refuse_legacy(params, ("AttributesToGet",), _EXPRESSIONS)
    given = read_substitutions(params, _EXPRESSIONS)
    check_attributes(params["Key"])
    projection = read_projection(params, given)
    given.check_all_used()
    table = engine.table(params["TableName"])
    key = table.key_of(params["Key"])
    table.check_paths(given.nested_heads)
    await settle(engine.journal, table, params.get("ConsistentRead", False))
    found = engine.journal.read(table.data_set_id, key)
    answer: dict[str, Any] = {}
    stored = None if found is None else found.value
    if stored is not None:
        shown = stored if projection is None else encode_item(project(projection, decode_item(stored)))
        answer["Item"] = msgspec.Raw(shown)
    meter = meter_for(table, params)
    if meter is not None:
        size_bytes = 0 if stored is None else attributes_size_bytes(decode_item(stored))
        meter.add_table(read_units(size_bytes, params.get("ConsistentRead", False)))
        answer["ConsumedCapacity"] = meter.shown()
    return answer
