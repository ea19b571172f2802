"""Whether an item satisfies a bound condition."""

from collections.abc import Callable
from typing import Any

from terrella.services.tables.expressions.ordering import comparable, compare_values, values_equal
from terrella.services.tables.expressions.tree import (
    And,
    Between,
    Compare,
    Condition,
    Function,
    In,
    Literal,
    Not,
    Operand,
    Or,
    Path,
)
from terrella.services.tables.values import Item, Value, binary_content, binary_length_bytes, value_type

_ORDER: dict[str, Callable[[int], bool]] = {
    "<": lambda sign: sign < 0,
    "<=": lambda sign: sign <= 0,
    ">": lambda sign: sign > 0,
    ">=": lambda sign: sign >= 0,
}


def matches(condition: Condition, item: Item) -> bool:
    """Whether the item (empty if there is none) satisfies the condition.

    An operand that is not there fails every comparison but ``<>``.
    """
    match condition:
        case Compare():
            return _compare(condition, item)
        case And(left, right):
            return matches(left, item) and matches(right, item)
        case Or(left, right):
            return matches(left, item) or matches(right, item)
        case Not(inner):
            return not matches(inner, item)
        case Function():
            return _call(condition, item)
        case Between(operand, low, high):
            value, bottom, top = (resolve(part, item) for part in (operand, low, high))
            return _in_order(bottom, value) and _in_order(value, top)
        case In(operand, choices):
            value = resolve(operand, item)
            return value is not None and any(
                (candidate := resolve(choice, item)) is not None and values_equal(value, candidate)
                for choice in choices
            )
    raise AssertionError(condition)


def find(path: Path, item: Item) -> Value | None:
    """What stands at a path; None if nothing does."""
    parts = path.parts
    found: Any = item.get(parts[0])  # type: ignore[arg-type]  # a path begins with a name
    for part in parts[1:]:
        if found is None:
            return None
        if isinstance(part, int):
            elements = found.get("L")
            found = elements[part] if elements is not None and part < len(elements) else None
        else:
            found = found["M"].get(part) if "M" in found else None
    return found  # type: ignore[no-any-return]  # JSON below the surface


def resolve(operand: Operand, item: Item) -> Value | None:
    """An operand's value; None if it is not there."""
    match operand:
        case Path():
            return find(operand, item)
        case Literal(value):
            return value
        case Function("size", (argument,)):
            return _size(resolve(argument, item))
    raise AssertionError(operand)


def _compare(condition: Compare, item: Item) -> bool:
    left, right = resolve(condition.left, item), resolve(condition.right, item)
    if left is None or right is None:
        return condition.operator == "<>"
    if condition.operator == "=":
        return values_equal(left, right)
    if condition.operator == "<>":
        return not values_equal(left, right)
    return comparable(left, right) and _ORDER[condition.operator](compare_values(left, right))


def _in_order(low: Value | None, high: Value | None) -> bool:
    return low is not None and high is not None and comparable(low, high) and compare_values(low, high) <= 0


def _size(value: Value | None) -> Value | None:
    if value is None:
        return None
    kind = value_type(value)
    if kind in ("N", "BOOL", "NULL"):
        return None
    return {"N": str(binary_length_bytes(value["B"]) if kind == "B" else len(value[kind]))}


def _call(function: Function, item: Item) -> bool:
    first = resolve(function.arguments[0], item)
    match function.name:
        case "attribute_exists":
            return first is not None
        case "attribute_not_exists":
            return first is None
    second = resolve(function.arguments[1], item)
    if first is None or second is None:
        return False
    match function.name:
        case "attribute_type":
            return bool(value_type(first) == second["S"])
        case "begins_with":
            return _begins_with(first, second)
        case "contains":
            return _contains(first, second)
    raise AssertionError(function)


def _begins_with(value: Value, prefix: Value) -> bool:
    if "S" in value and "S" in prefix:
        return bool(value["S"].startswith(prefix["S"]))
    if "B" in value and "B" in prefix:
        return binary_content(value["B"]).startswith(binary_content(prefix["B"]))
    return False


def _contains(value: Value, part: Value) -> bool:
    kind, part_kind = value_type(value), value_type(part)
    if kind == "L":
        return any(values_equal(element, part) for element in value["L"])
    if kind == part_kind == "S":
        return part["S"] in value["S"]
    if kind == part_kind == "B":
        return binary_content(part["B"]) in binary_content(value["B"])
    return kind == part_kind + "S" and part[part_kind] in value[kind]
