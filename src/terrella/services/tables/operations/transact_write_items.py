"""TransactWriteItems: up to 100 puts, updates, deletes and checks, of which all are done or none.

Where it is replicated to, its writes arrive together as far as possible; no more is promised, as on AWS.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from terrella.journal import Transaction
from terrella.kernel import AwsError
from terrella.services.tables.capacity import Meter, meter_for
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.expressions import Condition, matches
from terrella.services.tables.operations.put_item import encode_checked
from terrella.services.tables.operations.update_item import check_actions, read_actions, updated
from terrella.services.tables.requests import read_condition, read_substitutions
from terrella.services.tables.table import Table, decode_item
from terrella.services.tables.transactions import transactional_table
from terrella.services.tables.values import Item, attributes_size_bytes, check_attributes, invalid

REQUEST_MAX_BYTES = 4 * 1024 * 1024
_CONDITION = ("ConditionExpression",)
_UPDATE = ("UpdateExpression", "ConditionExpression")
_NO_REASON = {"Code": "None"}

# From the item as it stands to the item as it is to be (None: gone), and the same as stored.
Change = Callable[[Item | None], tuple[Item | None, bytes | None]]


@dataclass(frozen=True, slots=True)
class _Planned:
    """One of a transaction's operations; ``change`` is None for a check."""

    table: Table
    key: bytes
    condition: Condition | None
    change: Change | None
    shows_old: bool


async def transact_write_items(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, TransactWriteItems."""
    planned = [_plan(engine, each) for each in params["TransactItems"]]
    if len({(one.table.data_set_id, one.key) for one in planned}) < len(planned):
        raise invalid("Transaction request cannot include multiple operations on one item")
    meters: dict[str, Meter] = {}
    for one in planned:
        meter = meter_for(one.table, params)
        if meter is not None:
            meters.setdefault(one.table.name, meter)
    token = params.get("ClientRequestToken")

    def judge(transaction: Transaction) -> None:
        if token is not None and not engine.tokens.note(transaction, token, params):
            return
        transaction.together = True
        _carry_out(transaction, planned, meters)

    await engine.journal.write(judge)
    return {"ConsumedCapacity": [meter.shown() for meter in meters.values()]} if meters else {}


def _carry_out(transaction: Transaction, planned: list[_Planned], meters: dict[str, Meter]) -> None:
    """Stage all, or raise ``AwsError`` TransactionCanceledException with a reason for each."""
    reasons: list[dict[str, Any]] = []
    size_bytes = 0
    for one in planned:
        stored = transaction.get(one.table.data_set_id, one.key)
        value = None if stored is None else stored.value
        old: Item | None = None if value is None else decode_item(value)
        if one.condition is not None and not matches(one.condition, old or {}):
            reasons.append(_condition_failed(one, value))
            continue
        try:
            new, encoded = one.change(old) if one.change is not None else (old, None)
        except AwsError as error:
            if error.code != "ValidationException":
                raise
            reasons.append({"Code": "ValidationError", "Message": error.message})
            continue
        reasons.append(_NO_REASON)
        if one.change is not None:
            size_bytes += attributes_size_bytes(new or old or {})
            if encoded is None:
                transaction.delete(one.table.data_set_id, one.key)
            else:
                transaction.put(one.table.data_set_id, one.key, encoded)
        if one.table.name in meters:
            for _ in range(2):  # a transaction costs twice what its operations do
                meters[one.table.name].add_write(one.table, old, new)
    if any(reason is not _NO_REASON for reason in reasons):
        raise _cancelled(reasons)
    if size_bytes > REQUEST_MAX_BYTES:
        raise invalid("The aggregate size of the items in the transaction exceeds 4 MB")


def _cancelled(reasons: list[dict[str, Any]]) -> AwsError:
    codes = ", ".join(reason["Code"] for reason in reasons)
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return AwsError("TransactionCanceledException", message, 400, {"CancellationReasons": reasons})


def _condition_failed(one: _Planned, old: bytes | None) -> dict[str, Any]:
    reason: dict[str, Any] = {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed"}
    if one.shows_old and old is not None:
        reason["Item"] = msgspec.Raw(old)
    return reason


# what each kind of operation does


def _plan(engine: Engine, requested: dict[str, Any]) -> _Planned:
    if len(requested) != 1:
        raise invalid("TransactItems can only contain one of Check, Put, Update or Delete")
    ((kind, params),) = requested.items()
    return _KINDS[kind](engine, params)


def _plan_put(engine: Engine, params: dict[str, Any]) -> _Planned:
    item = params["Item"]
    given = read_substitutions(params, _CONDITION)
    encoded = encode_checked(item)
    condition = read_condition(params, "ConditionExpression", given)
    given.check_all_used()
    table = transactional_table(engine, params["TableName"])
    key = table.key_of_item(item)
    table.check_index_attributes(item)
    table.check_paths(given.nested_heads)
    return _Planned(table, key, condition, lambda _: (item, encoded), _shows_old(params))


def _plan_update(engine: Engine, params: dict[str, Any]) -> _Planned:
    given = read_substitutions(params, _UPDATE)
    attributes = params["Key"]
    check_attributes(attributes)
    actions = read_actions(params, given)
    condition = read_condition(params, "ConditionExpression", given)
    given.check_all_used()
    table = transactional_table(engine, params["TableName"])
    key = table.key_of(attributes)
    check_actions(actions, table)
    table.check_paths(given.nested_heads)

    def change(old: Item | None) -> tuple[Item | None, bytes | None]:
        return updated(table, actions, attributes if old is None else old)

    return _Planned(table, key, condition, change, _shows_old(params))


def _plan_delete(engine: Engine, params: dict[str, Any]) -> _Planned:
    return _plan_by_key(engine, params, lambda _: (None, None))


def _plan_check(engine: Engine, params: dict[str, Any]) -> _Planned:
    return _plan_by_key(engine, params, None)


def _plan_by_key(engine: Engine, params: dict[str, Any], change: Change | None) -> _Planned:
    given = read_substitutions(params, _CONDITION)
    check_attributes(params["Key"])
    condition = read_condition(params, "ConditionExpression", given)
    given.check_all_used()
    table = transactional_table(engine, params["TableName"])
    key = table.key_of(params["Key"])
    table.check_paths(given.nested_heads)
    return _Planned(table, key, condition, change, _shows_old(params))


def _shows_old(params: dict[str, Any]) -> bool:
    return bool(params.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD")


_KINDS: dict[str, Callable[[Engine, dict[str, Any]], _Planned]] = {
    "ConditionCheck": _plan_check,
    "Delete": _plan_delete,
    "Put": _plan_put,
    "Update": _plan_update,
}
