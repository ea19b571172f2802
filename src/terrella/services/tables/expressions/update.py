"""Carrying out a bound update expression."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from terrella.services.tables.expressions.evaluation import find
from terrella.services.tables.expressions.tree import Action, Function, Literal, Operand, Path
from terrella.services.tables.numbers import add_numbers, subtract_numbers
from terrella.services.tables.values import Item, Value, invalid, value_type

_REMOVED: Any = object()


def apply_update(actions: Iterable[Action], item: Item) -> Item:
    """A changed copy; raises ``AwsError`` ValidationException.

    Every operand is read from the item as it was, and list indexes mean positions as they were.
    """
    planned = [(action, _operand(action, item)) for action in actions]
    changed: Item = dict(item)
    workspace = _Workspace()
    for action, operand in planned:
        _apply(action, operand, changed, workspace)
    workspace.settle()
    return changed


class _Workspace:
    """The copies that an update works on; list elements beyond the end and removals wait until all actions are done."""

    def __init__(self) -> None:
        self._copies: dict[int, Value] = {}
        self._changed: list[list[Any]] = []
        self._beyond: dict[int, dict[int, Value]] = {}

    def copied(self, value: Value, kind: str) -> Value:
        """A list or map that this update may change: ``value`` itself, if it is a copy already."""
        if id(value) in self._copies:
            return value
        content = value[kind]
        copy: Value = {kind: list(content) if kind == "L" else dict(content)}
        self._copies[id(copy)] = copy
        return copy

    def put(self, elements: list[Any], index: int, value: Any) -> None:
        if not any(elements is known for known in self._changed):
            self._changed.append(elements)
        if index < len(elements):
            elements[index] = value
        elif value is not _REMOVED:
            self._beyond.setdefault(id(elements), {})[index] = value

    def settle(self) -> None:
        for elements in self._changed:
            beyond = self._beyond.get(id(elements), {})
            kept = [element for element in elements if element is not _REMOVED]
            elements[:] = kept + [beyond[index] for index in sorted(beyond)]


def _operand(action: Action, item: Item) -> Value | None:
    return None if action.operand is None else _value(action.operand, item)


def _value(operand: Operand, item: Item) -> Value:
    match operand:
        case Literal(value):
            return value
        case Path():
            found = find(operand, item)
            if found is None:
                raise invalid("The provided expression refers to an attribute that does not exist in the item")
            return found
        case Function("if_not_exists", (path, fallback)):
            assert isinstance(path, Path)
            found = find(path, item)
            return _value(fallback, item) if found is None else found
        case Function("list_append", (first, second)):
            return {"L": _content(first, item, "L") + _content(second, item, "L")}
        case Function(sign, (left, right)):
            calculate = add_numbers if sign == "+" else subtract_numbers
            return {"N": calculate(_content(left, item, "N"), _content(right, item, "N"))}
    raise AssertionError(operand)


def _content(operand: Operand, item: Item, kind: str) -> Any:
    value = _value(operand, item)
    if kind not in value:
        raise invalid("An operand in the update expression has an incorrect data type")
    return value[kind]


def _apply(action: Action, operand: Value | None, item: Item, workspace: _Workspace) -> None:
    container = _container(action, item, workspace)
    last = action.path.parts[-1]
    existing = _existing(container, last)
    match action.kind:
        case "SET":
            new: Any = operand
        case "REMOVE":
            new = _REMOVED
        case "ADD":
            assert operand is not None
            new = _added(existing, operand)
        case _:
            assert operand is not None
            new = _deleted(existing, operand)
    if isinstance(container, list):
        assert isinstance(last, int)
        workspace.put(container, last, new)
    elif new is _REMOVED:
        container.pop(last, None)
    else:
        container[last] = new


def _existing(container: Any, last: Any) -> Value | None:
    if isinstance(container, list):
        return container[last] if last < len(container) else None
    return container.get(last)  # type: ignore[no-any-return]  # JSON below the surface


def _container(action: Action, item: Item, workspace: _Workspace) -> Any:
    """The map or list in which the path's last part stands.

    It is copied on the way down, so that the item as it was stays untouched.
    """
    container: Any = item
    parts = action.path.parts
    for part, following in pairwise(parts):
        value = _existing(container, part)
        kind = "L" if isinstance(following, int) else "M"
        if value is None or value is _REMOVED or kind not in value:
            raise invalid("The document path provided in the update expression is invalid for update")
        value = container[part] = workspace.copied(value, kind)
        container = value[kind]
    return container


def _added(existing: Value | None, operand: Value) -> Value:
    kind = value_type(operand)
    if existing is None:
        return operand
    if kind not in existing:
        raise invalid("An operand in the update expression has an incorrect data type")
    if kind == "N":
        return {"N": add_numbers(existing["N"], operand["N"])}
    return {kind: list(dict.fromkeys(existing[kind] + operand[kind]))}


def _deleted(existing: Value | None, operand: Value) -> Any:
    kind = value_type(operand)
    if existing is None:
        return _REMOVED
    if kind not in existing:
        raise invalid("An operand in the update expression has an incorrect data type")
    gone = set(operand[kind])
    left = [element for element in existing[kind] if element not in gone]
    return {kind: left} if left else _REMOVED
