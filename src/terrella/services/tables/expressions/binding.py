"""Binding a tree to a request's names and values, and judging it as AWS does before anything is evaluated."""

from collections.abc import Iterable
from typing import Any

from terrella.kernel import AwsError
from terrella.services.tables.expressions.ordering import compare_values
from terrella.services.tables.expressions.tree import (
    Action,
    And,
    Between,
    Compare,
    Condition,
    Function,
    In,
    Literal,
    NameRef,
    Not,
    Operand,
    Or,
    Path,
    ValueRef,
    path_text,
)
from terrella.services.tables.values import Item, MalformedValueError, check_value, invalid, value_type

_TYPE_NAMES = {"S", "N", "B", "SS", "NS", "BS", "BOOL", "NULL", "L", "M"}
_TYPE_WORDS = {"S": "STRING", "N": "NUMBER", "B": "BINARY", "BOOL": "BOOLEAN", "NULL": "NULL", "L": "LIST", "M": "MAP"}
_ARGUMENTS = {
    "attribute_exists": 1,
    "attribute_not_exists": 1,
    "attribute_type": 2,
    "begins_with": 2,
    "contains": 2,
    "size": 1,
    "if_not_exists": 2,
    "list_append": 2,
    "+": 2,
    "-": 2,
}
_ORDERED = frozenset(("<", "<=", ">", ">="))


class Substitutions:
    """ExpressionAttributeNames and ExpressionAttributeValues of one request, and which of them were used."""

    def __init__(self, names: dict[str, str] | None, values: Item | None) -> None:
        """Checks and normalises the values in place; raises ``AwsError`` ValidationException."""
        self.names = names or {}
        self.values = values or {}
        self.nested_heads: set[str] = set()
        self.heads: set[str] = set()
        self.unused_names = set(self.names)
        self.unused_values = set(self.values)
        _check_keys("ExpressionAttributeNames", "#", names)
        _check_keys("ExpressionAttributeValues", ":", values)
        for key, value in self.values.items():
            try:
                check_value(value)
            except MalformedValueError:
                raise
            except AwsError as error:
                if error.code != "ValidationException":
                    raise
                words = f"ExpressionAttributeValues contains invalid value: {error.message} for key {key}"
                raise invalid(words) from None

    def name(self, reference: str) -> str:
        """What ``#name`` stands for."""
        if reference not in self.names:
            words = "An expression attribute name used in the document path is not defined; attribute name: "
            raise invalid(words + reference)
        self.unused_names.discard(reference)
        return self.names[reference]

    def value(self, reference: str) -> Literal:
        """What ``:value`` stands for."""
        if reference not in self.values:
            words = "An expression attribute value used in expression is not defined; attribute value: "
            raise invalid(words + reference)
        self.unused_values.discard(reference)
        return Literal(self.values[reference])

    def check_all_used(self) -> None:
        """After every expression of the request was bound: what is left over is an error."""
        for kind, given, unused in (
            ("Names", self.names, self.unused_names),
            ("Values", self.values, self.unused_values),
        ):
            if unused:
                keys = ", ".join(key for key in given if key in unused)
                raise invalid(f"Value provided in ExpressionAttribute{kind} unused in expressions: keys: {{{keys}}}")

    def take_over_use(self, other: "Substitutions") -> None:
        """What ``other`` (with the same names and values) has used counts as used here too."""
        self.unused_names &= other.unused_names
        self.unused_values &= other.unused_values
        self.heads |= other.heads
        self.nested_heads |= other.nested_heads

    def fork(self) -> "Substitutions":
        """The same names and values, with nothing used yet: to see apart what one of several expressions uses."""
        fork = Substitutions(None, None)
        fork.names, fork.values = self.names, self.values
        fork.unused_names, fork.unused_values = set(self.names), set(self.values)
        return fork

    def bind_path(self, path: Path) -> Path:
        """A path of plain names and indexes."""
        parts = tuple(self.name(part.name) if isinstance(part, NameRef) else part for part in path.parts)
        head = parts[0]
        assert isinstance(head, str)
        self.heads.add(head)
        if len(parts) > 1:
            self.nested_heads.add(head)
        return Path(parts)


def _check_keys(parameter: str, sign: str, given: dict[str, Any] | None) -> None:
    if given is None:
        return
    if not given:
        raise invalid(f"{parameter} must not be empty")
    for key in given:
        if key[:1] != sign or not key[1:].replace("_", "a").isalnum() or not key.isascii():
            raise invalid(f'{parameter} contains invalid key: Syntax error; key: "{key}"')


def bind_condition(condition: Condition, given: Substitutions) -> Condition:
    """A bound copy; raises ``AwsError`` ValidationException."""
    match condition:
        case And(left, right):
            return And(bind_condition(left, given), bind_condition(right, given))
        case Or(left, right):
            return Or(bind_condition(left, given), bind_condition(right, given))
        case Not(inner):
            return Not(bind_condition(inner, given))
        case Compare(operator, left, right):
            compare = Compare(operator, _bind_operand(left, given), _bind_operand(right, given))
            _check_distinct(operator, (compare.left, compare.right))
            if operator in _ORDERED:
                _check_types(operator, (compare.left, compare.right), "SNB", "operator")
            return compare
        case Between(operand, low, high):
            between = Between(_bind_operand(operand, given), _bind_operand(low, given), _bind_operand(high, given))
            _check_types("BETWEEN", (between.operand, between.low, between.high), "SNB", "operator")
            _check_between(between)
            return between
        case In(operand, choices):
            return In(_bind_operand(operand, given), tuple(_bind_operand(choice, given) for choice in choices))
        case Function():
            return _bind_function(condition, given)
    raise AssertionError(condition)


def bind_update(actions: Iterable[Action], given: Substitutions) -> list[Action]:
    """Bound copies; raises ``AwsError`` ValidationException."""
    bound = [
        Action(
            action.kind,
            given.bind_path(action.path),
            None if action.operand is None else _bind_operand(action.operand, given),
        )
        for action in actions
    ]
    _check_overlaps([action.path for action in bound])
    for action in bound:
        if action.kind in ("ADD", "DELETE"):
            assert isinstance(action.operand, Literal)
            kind = value_type(action.operand.value)
            if kind in _TYPE_WORDS and not (action.kind == "ADD" and kind == "N"):
                raise invalid(
                    "Incorrect operand type for operator or function; "
                    f"operator: {action.kind}, operand type: {_TYPE_WORDS[kind]}, "
                    "typeSet: ALLOWED_FOR_" + action.kind + "_OPERAND"
                )
    return bound


def bind_projection(paths: Iterable[Path], given: Substitutions) -> list[Path]:
    """Bound copies; raises ``AwsError`` ValidationException."""
    bound = [given.bind_path(path) for path in paths]
    _check_overlaps(bound)
    return bound


def _bind_operand(operand: Operand, given: Substitutions) -> Operand:
    match operand:
        case Path():
            return given.bind_path(operand)
        case ValueRef(name):
            return given.value(name)
        case Function():
            return _bind_function(operand, given)
    return operand


def _bind_function(function: Function, given: Substitutions) -> Function:
    name = function.name
    arguments = tuple(_bind_operand(argument, given) for argument in function.arguments)
    if len(arguments) != _ARGUMENTS[name]:
        raise invalid(
            "Incorrect number of operands for operator or function; "
            f"operator or function: {name}, number of operands: {len(arguments)}"
        )
    match name:
        case "attribute_exists" | "attribute_not_exists" | "if_not_exists":
            if not isinstance(arguments[0], Path):
                words = "Operator or function requires a document path; operator or function: "
                raise invalid(words + name)
        case "begins_with":
            _check_types(name, arguments, "SB")
        case "size":
            _check_types(name, arguments, ("S", "B", "SS", "NS", "BS", "L", "M"))
        case "list_append":
            _check_types(name, arguments, "L")
        case "+" | "-":
            _check_types(name, arguments, "N")
        case "attribute_type":
            _check_type_name(arguments[1])
    if name in ("contains", "begins_with"):
        _check_distinct(name, arguments)
    return Function(name, arguments)


def _check_types(
    name: str, operands: Iterable[Operand], allowed: Iterable[str], noun: str = "operator or function"
) -> None:
    permitted = tuple(allowed)
    for operand in operands:
        if isinstance(operand, Literal) and value_type(operand.value) not in permitted:
            kind = value_type(operand.value)
            raise invalid(f"Incorrect operand type for operator or function; {noun}: {name}, operand type: {kind}")


def _check_type_name(operand: Operand) -> None:
    if not isinstance(operand, Literal) or value_type(operand.value) != "S":
        kind = value_type(operand.value) if isinstance(operand, Literal) else "{NS,SS,L,BS,N,M,B,BOOL,NULL,S}"
        raise invalid(
            "Incorrect operand type for operator or function; "
            f"operator or function: attribute_type, operand type: {kind}"
        )
    name = operand.value["S"]
    if name not in _TYPE_NAMES:
        raise invalid(f"Invalid attribute type name found; type: {name}, valid types: {{B,NULL,SS,BOOL,L,BS,N,NS,S,M}}")


def _check_distinct(name: str, operands: tuple[Operand, ...]) -> None:
    first = operands[0]
    if isinstance(first, Path) and first in operands[1:]:
        raise invalid(
            "The first operand must be distinct from the remaining operands for this operator or function; "
            f"operator: {name}, first operand: {path_text(first)}"
        )


def _check_between(between: Between) -> None:
    low, high = between.low, between.high
    if not isinstance(low, Literal) or not isinstance(high, Literal):
        return
    low_kind, high_kind = value_type(low.value), value_type(high.value)
    bounds = (
        f"lower bound operand: AttributeValue: {{{low_kind}:{low.value[low_kind]}}}, "
        f"upper bound operand: AttributeValue: {{{high_kind}:{high.value[high_kind]}}}"
    )
    if low_kind != high_kind:
        raise invalid(f"The BETWEEN operator requires same data type for lower and upper bounds; {bounds}")
    if compare_values(low.value, high.value) > 0:
        raise invalid(f"The BETWEEN operator requires upper bound to be greater than or equal to lower bound; {bounds}")


def _check_overlaps(paths: list[Path]) -> None:
    for number, later in enumerate(paths):
        for earlier in paths[:number]:
            relation = _relation(earlier.parts, later.parts)
            if relation:
                raise invalid(
                    f"Two document paths {relation} with each other; must remove or rewrite one of these paths; "
                    f"path one: {path_text(earlier)}, path two: {path_text(later)}"
                )


def _relation(one: tuple[Any, ...], two: tuple[Any, ...]) -> str:
    for left, right in zip(one, two, strict=False):
        if type(left) is not type(right):
            return "conflict"
        if left != right:
            return ""
    return "overlap"
