"""DeleteItem: an item by its key. Of an absent item it is no write at all."""

from typing import Any

import msgspec

from terrella.journal import Transaction
from terrella.services.tables.capacity import meter_for
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.operations.put_item import check_condition
from terrella.services.tables.requests import read_condition, read_substitutions, refuse_legacy
from terrella.services.tables.table import decode_item
from terrella.services.tables.values import check_attributes, invalid

_EXPRESSIONS = ("ConditionExpression",)


async def delete_item(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, DeleteItem."""
    refuse_legacy(params, ("Expected", "ConditionalOperator"), _EXPRESSIONS)
    given = read_substitutions(params, _EXPRESSIONS)
    check_attributes(params["Key"])
    wanted = params.get("ReturnValues", "NONE")
    if wanted not in ("NONE", "ALL_OLD"):
        raise invalid("ReturnValues can only be ALL_OLD or NONE")
    condition = read_condition(params, "ConditionExpression", given)
    given.check_all_used()
    table = engine.table(params["TableName"])
    key = table.key_of(params["Key"])
    table.check_paths(given.nested_heads)
    meter = meter_for(table, params)
    data_set = table.data_set_id

    def judge(transaction: Transaction) -> bytes | None:
        stored = transaction.get(data_set, key)
        old = None if stored is None else stored.value
        check_condition(params, condition, old)
        transaction.delete(data_set, key)
        return old

    old = await engine.journal.write(judge)
    answer: dict[str, Any] = {}
    if wanted == "ALL_OLD" and old is not None:
        answer["Attributes"] = msgspec.Raw(old)
    if meter is not None:
        meter.add_write(table, None if old is None else decode_item(old), None)
        answer["ConsumedCapacity"] = meter.shown()
    return answer
