"""PutItem: an item, whole."""

from typing import Any

import msgspec

from terrella.journal import Transaction
from terrella.services.tables.capacity import meter_for
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.expressions import Condition, matches
from terrella.services.tables.requests import condition_failed, read_condition, read_substitutions, refuse_legacy
from terrella.services.tables.table import decode_item, encode_item
from terrella.services.tables.values import Item, check_attributes, invalid, is_too_large

_EXPRESSIONS = ("ConditionExpression",)


def encode_checked(item: Item) -> bytes:
    """An item as it is stored; raises ``AwsError`` if a value is none, or the item is above 400 KB."""
    check_attributes(item)
    encoded = encode_item(item)
    if is_too_large(item, encoded):
        raise invalid("Item size has exceeded the maximum allowed size")
    return encoded


async def put_item(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, PutItem."""
    item = params["Item"]
    if len(params) == 2:  # a table and an item, as nearly always
        value = encode_checked(item)
        table = engine.table(params["TableName"])
        key = table.key_of_item(item)
        table.check_index_attributes(item)
        data_set = table.data_set_id
        await engine.journal.write(lambda transaction: transaction.put(data_set, key, value))
        return b"{}"
    return await _put_with_options(engine, params)


async def _put_with_options(engine: Engine, params: dict[str, Any]) -> Answer:
    item = params["Item"]
    refuse_legacy(params, ("Expected", "ConditionalOperator"), _EXPRESSIONS)
    given = read_substitutions(params, _EXPRESSIONS)
    value = encode_checked(item)
    wanted = params.get("ReturnValues", "NONE")
    if wanted not in ("NONE", "ALL_OLD"):
        raise invalid("ReturnValues can only be ALL_OLD or NONE")
    condition = read_condition(params, "ConditionExpression", given)
    given.check_all_used()
    table = engine.table(params["TableName"])
    key = table.key_of_item(item)
    table.check_index_attributes(item)
    table.check_paths(given.nested_heads)
    meter = meter_for(table, params)
    data_set = table.data_set_id

    def judge(transaction: Transaction) -> bytes | None:
        stored = transaction.get(data_set, key)
        old = None if stored is None else stored.value
        check_condition(params, condition, old)
        transaction.put(data_set, key, value)
        return old

    old = await engine.journal.write(judge)
    answer: dict[str, Any] = {}
    if wanted == "ALL_OLD" and old is not None:
        answer["Attributes"] = msgspec.Raw(old)
    if meter is not None:
        meter.add_write(table, None if old is None else decode_item(old), item)
        answer["ConsumedCapacity"] = meter.shown()
    return answer


def check_condition(params: dict[str, Any], condition: Condition | None, old: bytes | None) -> None:
    """Raises ``AwsError`` ConditionalCheckFailedException if a condition does not hold for the stored item."""
    if condition is None:
        return
    if not matches(condition, {} if old is None else decode_item(old)):
        raise condition_failed(params, None if old is None else msgspec.Raw(old))
