"""The values of a template's parameters for one region, checked as CloudFormation checks them."""

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from terrella.stack.errors import Mistake, at
from terrella.stack.local_files import mapping_at

ParameterValue = str | list[str]
_LIST_TYPES = ("CommaDelimitedList", "List<")
_TYPES = re.compile(
    r"String|Number|CommaDelimitedList|List<(Number|String|AWS::[\w:]+)>|AWS::[\w:]+(<(List<)?[\w:]+>?>)?"
)


def parameter_values(source: dict[str, Any], given: Mapping[str, Any]) -> dict[str, ParameterValue]:
    """Each declared parameter's value: the one given, else its default. Raises ``Mistake``.

    Lists (``CommaDelimitedList``, ``List<…>``) become lists of text, everything else text, as ``Ref`` answers them. The
    value of a parameter that names an SSM parameter is the name itself: there is no parameter store to ask.
    """
    declared = mapping_at(source, "Parameters")
    for name in given:
        if name not in declared:
            close = get_close_matches(name, declared, 1)
            hint = f"; did you mean {close[0]}?" if close else f"; it declares {', '.join(declared) or 'none'}"
            raise Mistake(
                f"a value is given for the parameter {name}, which the template does not declare{hint}", ["Parameters"]
            )
    values: dict[str, ParameterValue] = {}
    for name, declaration in declared.items():
        with at("Parameters", name):
            values[name] = _value(name, declaration, given)
    return values


def unset_parameters(source: dict[str, Any]) -> list[str]:
    """The declared parameters that have no default, so that a value must be given for each of them."""
    declared = mapping_at(source, "Parameters")
    return [name for name, one in declared.items() if isinstance(one, dict) and one.get("Default") is None]


def _value(name: str, declaration: Any, given: Mapping[str, Any]) -> ParameterValue:
    if not isinstance(declaration, dict) or not isinstance(declaration.get("Type"), str):
        raise Mistake(f"the parameter {name} has no Type; expected String, Number, CommaDelimitedList, …")
    kind = declaration["Type"]
    if not _TYPES.fullmatch(kind):
        raise Mistake(f"the parameter {name} has the unknown Type {kind}", ["Type"])
    value = given.get(name, declaration.get("Default"))
    if value is None:
        raise Mistake(
            f"the parameter {name} has no value: the template gives no Default and world.yaml none for this region"
        )
    is_list = kind.startswith(_LIST_TYPES) or "<List<" in kind
    if isinstance(value, list):
        text = ",".join(_text(part) for part in value)
    elif isinstance(value, dict):
        raise Mistake(f"the parameter {name} has a mapping as its value; expected text or a number")
    else:
        text = _text(value)
    parts = [part.strip() for part in text.split(",")] if is_list else [text]
    for part in parts:
        _check(name, kind, declaration, part)
    if is_list:
        return parts if text else []
    return text


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _check(name: str, kind: str, declaration: dict[str, Any], value: str) -> None:
    """The constraints of the declaration on one value, or on one element of a list."""
    explanation = declaration.get("ConstraintDescription")
    because = f" ({explanation})" if explanation else ""

    def refuse(expected: str, constraint: str) -> Mistake:
        return Mistake(f"the parameter {name} has the value {value!r}; expected {expected}{because}", [constraint])

    allowed = declaration.get("AllowedValues")
    if isinstance(allowed, list) and value not in [_text(option) for option in allowed]:
        raise refuse(f"one of {', '.join(_text(option) for option in allowed)}", "AllowedValues")
    pattern = declaration.get("AllowedPattern")
    if isinstance(pattern, str):
        _check_pattern(name, pattern, value, refuse)
    if kind in ("Number", "List<Number>"):
        try:
            number = float(value)
        except ValueError:
            raise refuse("a number", "Type") from None
        if number < _limit(declaration, "MinValue", number):
            raise refuse(f"at least {declaration['MinValue']}", "MinValue")
        if number > _limit(declaration, "MaxValue", number):
            raise refuse(f"at most {declaration['MaxValue']}", "MaxValue")
    else:
        if len(value) < _limit(declaration, "MinLength", len(value)):
            raise refuse(f"at least {declaration['MinLength']} characters", "MinLength")
        if len(value) > _limit(declaration, "MaxLength", len(value)):
            raise refuse(f"at most {declaration['MaxLength']} characters", "MaxLength")


def _check_pattern(name: str, pattern: str, value: str, refuse: Any) -> None:
    try:
        matches = re.fullmatch(pattern, value)
    except re.error:
        return  # AWS's patterns are Java's; what Python cannot read, it cannot judge (cfn-lint reports it)
    if matches is None:
        raise refuse(f"text that matches {pattern}", "AllowedPattern")


def _limit(declaration: dict[str, Any], name: str, default: float) -> float:
    limit = declaration.get(name, default)
    try:
        return float(limit)
    except (TypeError, ValueError):
        raise Mistake(f"{name} is {limit!r}; expected a number", [name]) from None
