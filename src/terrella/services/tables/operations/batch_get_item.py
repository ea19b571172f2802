"""BatchGetItem: up to 100 items by their keys, from several tables.

What does not fit into 16 MB comes back as UnprocessedKeys.
"""

from typing import Any

import msgspec

from terrella.services.tables.capacity import meter_for, read_units
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.expressions import Path, project
from terrella.services.tables.requests import read_substitutions, refuse_legacy
from terrella.services.tables.selecting import read_projection
from terrella.services.tables.strong import settle
from terrella.services.tables.table import Table, decode_item, encode_item
from terrella.services.tables.values import attributes_size_bytes, check_attributes, invalid

KEYS_MAX = 100
ANSWER_MAX_BYTES = 16 * 1024 * 1024
_EXPRESSIONS = ("ProjectionExpression",)


def check_batch(params: dict[str, Any]) -> None:
    """What AWS says of an empty or an overfull batch, ahead of the model's constraints; raises ``AwsError``."""
    requested = params.get("RequestItems")
    if not requested:
        raise invalid("The requestItems parameter is required for BatchGetItem")
    for table, wanted in requested.items():
        if len(wanted.get("Keys", ())) > KEYS_MAX:
            raise invalid(
                f"1 validation error detected: Value at 'RequestItems.{table}.member.Keys' failed to satisfy "
                f"constraint: Member must have length less than or equal to {KEYS_MAX}"
            )


async def batch_get_item(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, BatchGetItem."""
    requested: dict[str, dict[str, Any]] = params["RequestItems"]
    projections = {name: _read_request(wanted) for name, wanted in requested.items()}
    if sum(len(wanted["Keys"]) for wanted in requested.values()) > KEYS_MAX:
        raise invalid("Too many items requested for the BatchGetItem call")
    planned = [(name, engine.table(name)) for name in requested]
    keys = {name: _encode_keys(table, requested[name]["Keys"]) for name, table in planned}
    for name, table in planned:
        await settle(engine.journal, table, requested[name].get("ConsistentRead", False))
    responses: dict[str, list[msgspec.Raw]] = {}
    unprocessed: dict[str, Any] = {}
    capacities = []
    room_bytes = ANSWER_MAX_BYTES
    for name, table in planned:
        wanted = requested[name]
        meter = meter_for(table, params)
        responses[name] = []
        for number, key in enumerate(keys[name]):
            found = engine.journal.read(table.data_set_id, key)
            stored = None if found is None else found.value
            if stored is not None and len(stored) > room_bytes:
                unprocessed[name] = wanted | {"Keys": wanted["Keys"][number:]}
                break
            if stored is not None:
                room_bytes -= len(stored)
                responses[name].append(msgspec.Raw(_shown(stored, projections[name])))
            if meter is not None:
                size_bytes = 0 if stored is None else attributes_size_bytes(decode_item(stored))
                meter.add_table(read_units(size_bytes, wanted.get("ConsistentRead", False)))
        if meter is not None:
            capacities.append(meter.shown())
    answer: dict[str, Any] = {"Responses": responses, "UnprocessedKeys": unprocessed}
    if capacities:
        answer["ConsumedCapacity"] = capacities
    return answer


def _read_request(wanted: dict[str, Any]) -> list[Path] | None:
    refuse_legacy(wanted, ("AttributesToGet",), _EXPRESSIONS)
    given = read_substitutions(wanted, _EXPRESSIONS)
    projection = read_projection(wanted, given)
    given.check_all_used()
    for key in wanted["Keys"]:
        check_attributes(key)
    return projection


def _encode_keys(table: Table, keys: list[Any]) -> list[bytes]:
    encoded = [table.key_of(key) for key in keys]
    if len(set(encoded)) < len(encoded):
        raise invalid("Provided list of item keys contains duplicates")
    return encoded


def _shown(stored: bytes, projection: list[Path] | None) -> bytes:
    return stored if projection is None else encode_item(project(projection, decode_item(stored)))
