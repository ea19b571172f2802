"""Equality and order of attribute values."""

from decimal import Decimal
from typing import Any

from terrella.services.tables.values import Value, binary_content, value_type

_ORDERED_TYPES = frozenset("SNB")


def values_equal(left: Value, right: Value) -> bool:
    """Same type and same content; sets and maps regardless of order. Texts decide, because both are normalised."""
    kind = value_type(left)
    if kind != value_type(right):
        return False
    one, two = left[kind], right[kind]
    match kind:
        case "SS" | "NS" | "BS":
            return len(one) == len(two) and set(one) == set(two)
        case "L":
            return len(one) == len(two) and all(map(values_equal, one, two))
        case "M":
            return one.keys() == two.keys() and all(values_equal(value, two[key]) for key, value in one.items())
    return bool(one == two)


def comparable(left: Value, right: Value) -> bool:
    """Whether ``<`` and its kin apply: the same type, and one that has an order."""
    kind = value_type(left)
    return kind in _ORDERED_TYPES and kind == value_type(right)


def compare_values(left: Value, right: Value) -> int:
    """Below, equal to or above zero; only for values that are ``comparable``, zero for all others."""
    if not comparable(left, right):
        return 0
    one, two = sort_content(left), sort_content(right)
    return int(one > two) - int(one < two)


def sort_content(value: Value) -> Any:
    """What Python sorts as DynamoDB sorts a string, number or binary. Code points sort as UTF-8 does."""
    if (text := value.get("S")) is not None:
        return text
    if (text := value.get("N")) is not None:
        return Decimal(text)
    return binary_content(value["B"])
