"""BatchWriteItem: up to 25 puts and deletes, in several tables. Nothing is ever left unprocessed here."""

from typing import Any

from terrella.journal import Transaction
from terrella.services.tables.capacity import Meter, meter_for
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.operations.put_item import encode_checked
from terrella.services.tables.table import Table, decode_item
from terrella.services.tables.values import Item, check_attributes, invalid

REQUESTS_MAX = 25

Write = tuple[Table, bytes, Item | None, bytes | None]
"""(table, key, the new item or None for a delete, the same as stored)."""


def check_batch(params: dict[str, Any]) -> None:
    """What AWS says of an empty batch, ahead of the model's constraints; raises ``AwsError``."""
    if not params.get("RequestItems"):
        raise invalid("The requestItems parameter is required for BatchWriteItem")


async def batch_write_item(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, BatchWriteItem."""
    requested: dict[str, list[dict[str, Any]]] = params["RequestItems"]
    if sum(map(len, requested.values())) > REQUESTS_MAX:
        raise invalid("Too many items requested for the BatchWriteItem call")
    encoded = {name: [_check_request(request) for request in requests] for name, requests in requested.items()}
    writes: list[Write] = []
    meters: dict[str, Meter] = {}
    for name, requests in requested.items():
        table = engine.table(name)
        planned = [_plan(table, *pair) for pair in zip(requests, encoded[name], strict=True)]
        if len({key for _, key, _, _ in planned}) < len(planned):
            raise invalid("Provided list of item keys contains duplicates")
        writes += planned
        meter = meter_for(table, params)
        if meter is not None:
            meters[table.name] = meter

    def judge(transaction: Transaction) -> list[bytes | None]:
        before: list[bytes | None] = []
        for table, key, _, value in writes:
            stored = transaction.get(table.data_set_id, key) if meters else None
            before.append(None if stored is None else stored.value)
            if value is None:
                transaction.delete(table.data_set_id, key)
            else:
                transaction.put(table.data_set_id, key, value)
        return before

    before = await engine.journal.write(judge)
    answer: dict[str, Any] = {"UnprocessedItems": {}}
    if meters:
        for (table, _, item, _), old in zip(writes, before, strict=True):
            meters[table.name].add_write(table, None if old is None else decode_item(old), item)
        answer["ConsumedCapacity"] = [meter.shown() for meter in meters.values()]
    return answer


def _check_request(request: dict[str, Any]) -> bytes | None:
    """The item as it is to be stored; None for a delete."""
    if len(request) != 1:
        raise invalid(
            "Supplied AttributeValue has more than one datatypes set, "
            "must contain exactly one of the supported datatypes"
        )
    if "PutRequest" in request:
        return encode_checked(request["PutRequest"]["Item"])
    check_attributes(request["DeleteRequest"]["Key"])
    return None


def _plan(table: Table, request: dict[str, Any], encoded: bytes | None) -> Write:
    if encoded is not None:
        item = request["PutRequest"]["Item"]
        key = table.key_of_item(item)
        table.check_index_attributes(item)
        return table, key, item, encoded
    return table, table.key_of(request["DeleteRequest"]["Key"]), None, None
