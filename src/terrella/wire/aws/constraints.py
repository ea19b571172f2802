"""Finding what a well-typed request violates of its shape's constraints, worded as AWS words it."""

import re
from functools import cache
from typing import Any

Shape = dict[str, Any]
VIOLATIONS_MAX = 10


def find_violations(shapes: dict[str, Shape], shape_name: str, value: Any, path: str = "") -> list[str]:
    """At most ten complaints about required members, enums, patterns, lengths and ranges; none if all is well."""
    shape = shapes[shape_name]
    match shape["type"]:
        case "structure":
            found = _structure(shapes, shape, value, path)
        case "list":
            found = _length(shape, value, path)
            for number, element in enumerate(value, 1):
                found += find_violations(shapes, shape["member"]["shape"], element, f"{path}.{number}.member")
        case "map":
            found = _length(shape, value, path)
            for key, element in value.items():
                found += _string(shapes[shape["key"]["shape"]], key, path)
                found += find_violations(shapes, shape["value"]["shape"], element, f"{path}.{key}.member")
        case "string":
            found = _string(shape, value, path)
        case "blob":
            found = _length(shape, value, path)
        case "integer" | "long" | "float" | "double":
            found = _range(shape, value, path)
        case _:
            found = []
    return found[:VIOLATIONS_MAX]


@cache
def _pattern(text: str) -> re.Pattern[str]:
    # The models are written for Java's dialect: Python has its letters and digits in one class, and no properties.
    return re.compile(text.replace(r"\p{L}", r"\w").replace(r"\p{N}", r"\d").replace(r"\p{Z}", r"\s"))


def _complaint(shape: Shape, value: Any, path: str, constraint: str) -> str:
    secret = shape.get("sensitive") or shape.get("type") == "blob"
    shown = "null" if value is None else "'***'" if secret else f"'{value}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: Member must {constraint}"


def _structure(shapes: dict[str, Shape], shape: Shape, value: dict[str, Any], path: str) -> list[str]:
    found: list[str] = []
    required = shape.get("required", ())
    for name, member in shape["members"].items():
        where = name[:1].lower() + name[1:]
        where = f"{path}.{where}" if path else where
        if name in value:
            found += find_violations(shapes, member["shape"], value[name], where)
        elif name in required:
            found.append(_complaint({}, None, where, "not be null"))
    return found


def _length(shape: Shape, value: Any, path: str) -> list[str]:
    if len(value) < shape.get("min", 0):
        return [_complaint(shape, value, path, f"have length greater than or equal to {shape['min']}")]
    if len(value) > shape.get("max", float("inf")):
        return [_complaint(shape, value, path, f"have length less than or equal to {shape['max']}")]
    return []


def _range(shape: Shape, value: float, path: str) -> list[str]:
    if value < shape.get("min", value):
        return [_complaint(shape, value, path, f"have value greater than or equal to {shape['min']}")]
    if value > shape.get("max", value):
        return [_complaint(shape, value, path, f"have value less than or equal to {shape['max']}")]
    return []


def _string(shape: Shape, value: str, path: str) -> list[str]:
    if "enum" in shape:
        if value in shape["enum"]:
            return []
        return [_complaint(shape, value, path, f"satisfy enum value set: [{', '.join(shape['enum'])}]")]
    found = _length(shape, value, path)
    if "pattern" in shape and not _pattern(shape["pattern"]).fullmatch(value):
        found.append(_complaint(shape, value, path, f"satisfy regular expression pattern: {shape['pattern']}"))
    return found
