"""Resolved properties as the kinds that the support tables name: CloudFormation takes ``"30"`` for 30, and so do we."""

from collections.abc import Callable, Mapping
from typing import Any

from terrella.stack.errors import Mistake, at
from terrella.stack.intrinsics import text_of
from terrella.stack.support import Kind, Property


def as_kinds(values: Mapping[str, Any], known: Mapping[str, Property]) -> dict[str, Any]:
    """The same properties, numbers as numbers, booleans as booleans, text as text; raises ``Mistake``."""
    converted = {}
    for name, value in values.items():
        what = known.get(name)
        with at(name):
            converted[name] = value if what is None else _CONVERSIONS[what.kind](value, what)
    return converted


def _number(value: Any, _: Property) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise Mistake(f"a number is needed here; found {value!r}") from None
    return int(number) if number.is_integer() else number


def _boolean(value: Any, _: Property) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise Mistake(f"true or false is needed here; found {value!r}")


def _text(value: Any, _: Property) -> str:
    return text_of(value)


def _texts(value: Any, _: Property) -> list[str]:
    if not isinstance(value, list):
        return [text_of(value)]
    return [text_of(part) for part in value]


def _text_map(value: Any, _: Property) -> dict[str, str]:
    if not isinstance(value, dict):
        raise Mistake(f"a mapping is needed here; found {value!r}")
    converted = {}
    for name, part in value.items():
        with at(name):
            converted[name] = text_of(part)
    return converted


def _members(value: Any, what: Property) -> Any:
    known = what.members or {}
    if isinstance(value, dict):
        return as_kinds(value, known)
    if not isinstance(value, list):
        raise Mistake(f"a mapping, or a list of mappings, is needed here; found {value!r}")
    converted = []
    for index, part in enumerate(value):
        with at(index):
            if not isinstance(part, dict):
                raise Mistake(f"a mapping is needed here; found {part!r}")
            converted.append(as_kinds(part, known))
    return converted


_CONVERSIONS: dict[Kind, Callable[[Any, Property], Any]] = {
    Kind.ANY: lambda value, _: value,
    Kind.TEXT: _text,
    Kind.NUMBER: _number,
    Kind.BOOLEAN: _boolean,
    Kind.TEXTS: _texts,
    Kind.TEXT_MAP: _text_map,
    Kind.MEMBERS: _members,
}
