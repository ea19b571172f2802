"""KeyConditionExpression: one value of the partition key, and at most one condition on the sort key."""

from dataclasses import dataclass

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
from terrella.services.tables.values import Value, invalid

_MIRRORED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


@dataclass(frozen=True, slots=True)
class KeyCondition:
    """A condition on one key attribute: ``operator`` is a comparator, ``BETWEEN`` or ``begins_with``."""

    operator: str
    values: tuple[Value, ...]


def key_conditions(condition: Condition) -> dict[str, KeyCondition]:
    """A bound expression as conditions by attribute; raises ``AwsError`` ValidationException."""
    found: dict[str, KeyCondition] = {}
    _collect(condition, found)
    if len(found) > 2:
        raise invalid("Conditions can be of length 1 or 2 only")
    return found


def _collect(condition: Condition, found: dict[str, KeyCondition]) -> None:
    match condition:
        case And(left, right):
            _collect(left, found)
            _collect(right, found)
        case Or() | Not() | In():
            name = {"Or": "OR", "Not": "NOT", "In": "IN"}[type(condition).__name__]
            raise invalid(f"Invalid operator used in KeyConditionExpression: {name}")
        case Compare("<>"):
            raise invalid("Invalid operator used in KeyConditionExpression: <>")
        case Compare(operator, left, right):
            if isinstance(right, Path) and not isinstance(left, Path):
                _add(found, _MIRRORED[operator], right, (left,))
            else:
                _add(found, operator, left, (right,))
        case Between(operand, low, high):
            _require_path("BETWEEN", operand)
            _add(found, "BETWEEN", operand, (low, high))
        case Function("begins_with", (operand, prefix)):
            _require_path("begins_with", operand)
            _add(found, "begins_with", operand, (prefix,))
        case Function(name):
            raise invalid(f"Invalid operator used in KeyConditionExpression: {name}")


def _require_path(operator: str, operand: Operand) -> None:
    if not isinstance(operand, Path):
        raise invalid(
            f"Invalid condition in KeyConditionExpression: {operator} operator must have the key attribute as its "
            "first operand"
        )


def _add(found: dict[str, KeyCondition], operator: str, operand: Operand, values: tuple[Operand, ...]) -> None:
    if any(isinstance(part, Function) for part in (operand, *values)):
        raise invalid("KeyConditionExpressions cannot contain nested operations")
    if not isinstance(operand, Path):
        raise invalid("Invalid condition in KeyConditionExpression: No key attribute specified")
    if any(isinstance(value, Path) for value in values):
        raise invalid("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")
    if len(operand.parts) > 1:
        raise invalid("KeyConditionExpressions cannot have conditions on nested attributes")
    name = operand.parts[0]
    assert isinstance(name, str)
    if name in found:
        raise invalid("KeyConditionExpressions must only contain one condition per key")
    found[name] = KeyCondition(operator, tuple(value.value for value in values if isinstance(value, Literal)))
