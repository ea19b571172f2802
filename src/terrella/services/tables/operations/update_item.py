"""UpdateItem: change an item in place, or make it."""

from typing import Any

from terrella.journal import Transaction
from terrella.services.tables.capacity import meter_for
from terrella.services.tables.engine import Answer, Engine
from terrella.services.tables.expressions import (
    Action,
    Substitutions,
    apply_update,
    bind_update,
    parse_update,
    project,
)
from terrella.services.tables.expressions.tree import Literal
from terrella.services.tables.operations.put_item import check_condition
from terrella.services.tables.requests import (
    complaining_about,
    read_condition,
    read_substitutions,
    refuse_legacy,
)
from terrella.services.tables.table import Table, decode_item, encode_item
from terrella.services.tables.values import (
    Item,
    check_attributes,
    invalid,
    invalid_parameters,
    is_too_large,
)

_EXPRESSIONS = ("UpdateExpression", "ConditionExpression")
_LEGACY = ("AttributeUpdates", "Expected", "ConditionalOperator")


async def update_item(engine: Engine, params: dict[str, Any]) -> Answer:
    """See AWS's API reference, UpdateItem."""
    refuse_legacy(params, _LEGACY, _EXPRESSIONS)
    given = read_substitutions(params, _EXPRESSIONS)
    key_attributes = params["Key"]
    check_attributes(key_attributes)
    actions = read_actions(params, given)
    condition = read_condition(params, "ConditionExpression", given)
    given.check_all_used()
    table = engine.table(params["TableName"])
    key = table.key_of(key_attributes)
    check_actions(actions, table)
    table.check_paths(given.nested_heads)
    meter = meter_for(table, params)
    data_set = table.data_set_id

    def judge(transaction: Transaction) -> tuple[Item | None, Item]:
        stored = transaction.get(data_set, key)
        value = None if stored is None else stored.value
        check_condition(params, condition, value)
        old: Item | None = None if value is None else decode_item(value)
        new, encoded = updated(table, actions, key_attributes if old is None else old)
        transaction.put(data_set, key, encoded)
        return old, new

    old, new = await engine.journal.write(judge)
    answer: dict[str, Any] = {}
    attributes = _returned(params.get("ReturnValues", "NONE"), actions, old, new)
    if attributes:
        answer["Attributes"] = attributes
    if meter is not None:
        meter.add_write(table, old, new)
        answer["ConsumedCapacity"] = meter.shown()
    return answer


def updated(table: Table, actions: list[Action], old: Item) -> tuple[Item, bytes]:
    """The item after an update, and the same as stored; raises ``AwsError``."""
    new = apply_update(actions, old)
    heads = {str(action.path.parts[0]) for action in actions}
    table.check_index_attributes({name: new[name] for name in heads if name in new}, updating=True)
    check_attributes(new)
    encoded = encode_item(new)
    if is_too_large(new, encoded):
        raise invalid("Item size to update has exceeded the maximum allowed size")
    return new, encoded


def read_actions(params: dict[str, Any], given: Substitutions) -> list[Action]:
    """What an UpdateExpression does, bound; raises ``AwsError``."""
    source = params.get("UpdateExpression")
    if source is None:
        return []
    with complaining_about("UpdateExpression"):
        return bind_update(parse_update(source), given)


def check_actions(actions: list[Action], table: Table) -> None:
    """What can be said before the item is read."""
    for name in table.key.names:
        if any(action.path.parts[0] == name for action in actions):
            raise invalid_parameters(f"Cannot update attribute {name}. This attribute is part of the key")
    for action in actions:
        head = action.path.parts[0]
        if action.kind == "SET" and len(action.path.parts) == 1 and isinstance(action.operand, Literal):
            assert isinstance(head, str)
            table.check_index_attributes({head: action.operand.value})


def _returned(wanted: str, actions: list[Action], old: Item | None, new: Item) -> Item | None:
    paths = [action.path for action in actions]
    match wanted:
        case "ALL_OLD":
            return old
        case "ALL_NEW":
            return new
        case "UPDATED_OLD":
            return project(paths, old) if old is not None else None
        case "UPDATED_NEW":
            return project(paths, new)
    return None
