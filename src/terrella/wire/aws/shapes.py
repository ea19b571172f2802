"""Judging a request against its shape in the model: a quick yes, or a slow and exact no.

``compile_fits`` turns a shape into nested closures that only say whether a value fits: what nearly every request costs.
Whatever does not fit goes through ``clean_types`` and ``find_violations``, which walk the shape, drop what AWS ignores
(nulls, unknown members) and word the complaint as AWS does.
"""

import binascii
import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from terrella.kernel import AwsError
from terrella.wire.aws.models import ServiceModel, Shape

Fits = Callable[[Any], bool]
VIOLATIONS_MAX = 10


def lower_first(name: str) -> str:
    """``TableName`` as AWS spells it in messages: ``tableName``."""
    return name[:1].lower() + name[1:]


def compile_fits(model: ServiceModel, shape_name: str, trusted: frozenset[str]) -> Fits:
    """A predicate for a shape; the ``trusted`` shapes are not entered, because the service judges them itself."""
    return _FitsCompiler(model, trusted).compile(shape_name)


class _FitsCompiler:
    def __init__(self, model: ServiceModel, trusted: frozenset[str]) -> None:
        self._model = model
        self._trusted = trusted
        self._compiled: dict[str, Fits] = dict.fromkeys(trusted, lambda value: value is not None)

    def compile(self, name: str) -> Fits:
        if name in self._compiled:
            return self._compiled[name]
        # A shape that contains itself finds this while it is being compiled.
        self._compiled[name] = lambda value: self._compiled[name](value)  # noqa: PLW0108 - looked up when called
        shape = self._model.shape(name)
        match shape["type"]:
            case "structure":
                fits = self._structure(shape)
            case "list":
                fits = self._list(shape)
            case "map":
                fits = self._map(shape)
            case "string":
                fits = _fits_string(shape)
            case "integer" | "long":
                fits = _fits_integer(shape)
            case "boolean":
                fits = _fits_boolean
            case "float" | "double":
                fits = _fits_number
            case _:
                fits = _never  # the slow walk knows blobs and timestamps
        self._compiled[name] = fits
        return fits

    def _structure(self, shape: Shape) -> Fits:
        members = {name: self.compile(member["shape"]) for name, member in shape["members"].items()}
        required = frozenset(shape.get("required", ()))
        find = members.get

        def fits(value: Any) -> bool:
            if type(value) is not dict:
                return False
            for name, content in value.items():
                judge = find(name)
                if judge is None or not judge(content):
                    return False
            return required <= value.keys()

        return fits

    def _list(self, shape: Shape) -> Fits:
        judge = self.compile(shape["member"]["shape"])
        low, high = _bounds(shape)
        return lambda value: type(value) is list and low <= len(value) <= high and all(map(judge, value))

    def _map(self, shape: Shape) -> Fits:
        low, high = _bounds(shape)
        value_name = shape["value"]["shape"]
        judge_key = self.compile(shape["key"]["shape"])
        judge_value = self.compile(value_name)
        if value_name in self._trusted:
            return lambda value: type(value) is dict and low <= len(value) <= high
        return lambda value: (
            type(value) is dict
            and low <= len(value) <= high
            and all(map(judge_key, value))
            and all(map(judge_value, value.values()))
        )


def _bounds(shape: Shape) -> tuple[float, float]:
    return shape.get("min", 0), shape.get("max", float("inf"))


@cache
def _pattern(source: str) -> re.Pattern[str] | None:
    """A shape's pattern; None if it has none, or one in a dialect that Python does not read."""
    try:
        return re.compile(source) if source else None
    except re.error:
        return None


def _fits_string(shape: Shape) -> Fits:
    low, high = _bounds(shape)
    if "enum" in shape:
        allowed = frozenset(shape["enum"])
        return lambda value: type(value) is str and value in allowed
    pattern = _pattern(shape.get("pattern", ""))
    if pattern is not None:
        matches = pattern.fullmatch
        return lambda value: type(value) is str and low <= len(value) <= high and matches(value) is not None
    if low == 0 and high == float("inf"):
        return lambda value: type(value) is str
    return lambda value: type(value) is str and low <= len(value) <= high


def _fits_integer(shape: Shape) -> Fits:
    low, high = shape.get("min", float("-inf")), shape.get("max", float("inf"))
    return lambda value: type(value) is int and low <= value <= high


def _fits_boolean(value: Any) -> bool:
    return type(value) is bool


def _fits_number(value: Any) -> bool:
    return type(value) in (int, float)


def _never(_value: Any) -> bool:
    return False


def _serialization_error(message: str) -> AwsError:
    return AwsError("SerializationException", message)


class TypeCleaner:
    """Checks JSON types as AWS's deserialiser does; answers a copy without nulls and unknown members."""

    def __init__(self, model: ServiceModel, namespace: str) -> None:
        self._model = model
        self._namespace = namespace

    def clean(self, shape_name: str, value: Any, *, in_collection: bool = False) -> Any:
        """The cleaned value; raises ``AwsError`` SerializationException."""
        shape = self._model.shape(shape_name)
        match shape["type"]:
            case "structure":
                return self._structure(shape_name, shape, value, in_collection)
            case "list":
                return self._list(shape, value)
            case "map":
                return self._map(shape, value)
            case "blob":
                return _clean_blob(value)
            case "boolean":
                return _clean_boolean(value)
            case "integer" | "long" | "float" | "double" | "timestamp":
                return _clean_number(shape["type"], value)
        return _clean_string(value)

    def _structure(self, name: str, shape: Shape, value: Any, in_collection: bool) -> dict[str, Any]:
        if isinstance(value, list):
            raise _serialization_error(f"Unrecognized collection type class {self._namespace}.{name}")
        if not isinstance(value, dict):
            raise _serialization_error("Unexpected value type in payload" if in_collection else "Unexpected field type")
        return {
            member: self.clean(target["shape"], value[member])
            for member, target in shape["members"].items()
            if value.get(member) is not None
        }

    def _list(self, shape: Shape, value: Any) -> list[Any]:
        if isinstance(value, dict):
            raise _serialization_error("Start of structure or map found where not expected")
        if not isinstance(value, list):
            raise _serialization_error("Unexpected field type")
        return [self._element(shape["member"]["shape"], element) for element in value]

    def _map(self, shape: Shape, value: Any) -> dict[str, Any]:
        target = shape["value"]["shape"]
        if isinstance(value, list):
            kind = self._model.shape(target)["type"]
            java = "java.lang.String" if kind == "string" else f"{self._namespace}.{target}"
            raise _serialization_error(f"Unrecognized collection type java.util.Map<java.lang.String, {java}>")
        if not isinstance(value, dict):
            raise _serialization_error("Unexpected field type")
        return {key: self._element(target, element) for key, element in value.items()}

    def _element(self, shape_name: str, value: Any) -> Any:
        """A null in a list or map is not dropped, for that would change the data: the service complains about it."""
        if value is None:
            kind = self._model.shape(shape_name)["type"]
            return {} if kind in ("structure", "map") else [] if kind == "list" else None
        return self.clean(shape_name, value, in_collection=True)


def _refuse_container(value: Any, java_type: str) -> None:
    if isinstance(value, list):
        raise _serialization_error(f"Unrecognized collection type class {java_type}")
    if isinstance(value, dict):
        raise _serialization_error("Start of structure or map found where not expected")


def _token(value: Any) -> str:
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if isinstance(value, int):
        return "NUMBER_VALUE"
    return "DECIMAL_VALUE" if isinstance(value, float) else "STRING_VALUE"


def _clean_string(value: Any) -> str:
    _refuse_container(value, "java.lang.String")
    if not isinstance(value, str):
        raise _serialization_error(f"{_token(value)} cannot be converted to String")
    return value


def _clean_blob(value: Any) -> str:
    _refuse_container(value, "java.nio.ByteBuffer")
    if not isinstance(value, str):
        raise _serialization_error("only base-64-encoded strings are convertible to bytes")
    decode_base64(value)
    return value


def decode_base64(text: str) -> bytes:
    """The bytes of canonical base64; raises ``AwsError`` SerializationException as AWS words it."""
    if len(text) % 4:
        raise _serialization_error(f"Base64 encoded length is expected a multiple of 4 bytes but found: {len(text)}")
    try:
        content = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        content = b""
    if binascii.b2a_base64(content, newline=False).decode() != text:
        raise _serialization_error("Invalid last non-pad Base64 character dectected")
    return content


def _clean_boolean(value: Any) -> bool:
    _refuse_container(value, "java.lang.Boolean")
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        if value.upper() in ("TRUE", "1", "YES"):
            return True
        if value.upper() in ("FALSE", "0", "NO"):
            return False
        raise _serialization_error("Unexpected token received from parser")
    raise _serialization_error(f"{_token(value)} cannot be converted to Boolean")


def _clean_number(kind: str, value: Any) -> int | float:
    java = {"integer": "Integer", "long": "Long", "timestamp": "Date"}.get(kind, "Double")
    _refuse_container(value, f"java.lang.{java}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _serialization_error(f"{_token(value)} cannot be converted to {java}")
    return int(value) if kind in ("integer", "long") else value


class ConstraintChecker:
    """Finds what a well-typed request violates, worded as AWS words it, at most ten findings."""

    def __init__(self, model: ServiceModel, enum_order: Mapping[str, tuple[str, ...]]) -> None:
        self._model = model
        self._enum_order = enum_order
        self._found: list[str] = []

    def check(self, shape_name: str, value: dict[str, Any]) -> None:
        """Raises ``AwsError`` ValidationException with every violation in one message."""
        self._found = []
        self._walk(shape_name, value, "")
        if self._found:
            count = len(self._found)
            noun = "error" if count == 1 else "errors"
            raise AwsError("ValidationException", f"{count} validation {noun} detected: " + "; ".join(self._found))

    def _add(self, value: Any, path: str, constraint: str, shape_name: str) -> None:
        if len(self._found) < VIOLATIONS_MAX:
            shown = "null" if value is None else f"'{self._render(shape_name, value)}'"
            self._found.append(f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}")

    def _walk(self, shape_name: str, value: Any, path: str) -> None:
        shape = self._model.shape(shape_name)
        match shape["type"]:
            case "structure":
                self._structure(shape, value, path)
            case "list":
                self._length(shape_name, shape, value, path)
                for number, element in enumerate(value, 1):
                    self._walk(shape["member"]["shape"], element, f"{path}.{number}.member")
            case "map":
                self._length(shape_name, shape, value, path)
                self._map_content(shape_name, shape, value, path)
            case "string":
                self._string(shape_name, shape, value, path)
            case "integer" | "long":
                if value < shape.get("min", value):
                    low = shape["min"]
                    self._add(value, path, f"Member must have value greater than or equal to {low}", shape_name)
                if value > shape.get("max", value):
                    high = shape["max"]
                    self._add(value, path, f"Member must have value less than or equal to {high}", shape_name)

    def _structure(self, shape: Shape, value: dict[str, Any], path: str) -> None:
        required = shape.get("required", ())
        for name, member in shape["members"].items():
            where = f"{path}.{lower_first(name)}" if path else lower_first(name)
            if name in value:
                self._walk(member["shape"], value[name], where)
            elif name in required:
                self._add(None, where, "Member must not be null", member["shape"])

    def _length(self, shape_name: str, shape: Shape, value: Any, path: str) -> None:
        low, high = _bounds(shape)
        if len(value) < low:
            self._add(value, path, f"Member must have length greater than or equal to {low}", shape_name)
        if len(value) > high:
            self._add(value, path, f"Member must have length less than or equal to {high}", shape_name)

    def _map_content(self, shape_name: str, shape: Shape, value: dict[str, Any], path: str) -> None:
        key_shape, value_shape = (self._model.shape(shape[side]["shape"]) for side in ("key", "value"))
        wanted = _length_words(key_shape)
        if wanted and any(not _fits_string(key_shape)(key) for key in value):
            self._add(value, path, f"Map keys must satisfy constraint: [{wanted}]", shape_name)
        if value_shape["type"] == "list":
            low, high = _bounds(value_shape)
            if any(not low <= len(element) <= high for element in value.values()):
                words = _length_words(value_shape)
                self._add(value, path, f"Map value must satisfy constraint: [{words}]", shape_name)
                return
        for key, element in value.items():
            self._walk(shape["value"]["shape"], element, f"{path}.{key}.member")

    def _string(self, shape_name: str, shape: Shape, value: Any, path: str) -> None:
        if value is None:
            return
        if "enum" in shape:
            if value not in shape["enum"]:
                allowed = ", ".join(self._enum_order.get(shape_name, shape["enum"]))
                self._add(value, path, f"Member must satisfy enum value set: [{allowed}]", shape_name)
            return
        pattern = _pattern(shape.get("pattern", ""))
        if pattern is not None and not pattern.fullmatch(value):
            self._add(value, path, f"Member must satisfy regular expression pattern: {shape['pattern']}", shape_name)
        self._length(shape_name, shape, value, path)

    def _render(self, shape_name: str, value: Any) -> str:
        """A value as Java prints it."""
        shape = self._model.shape(shape_name)
        if isinstance(value, list):
            return "[" + ", ".join(self._render(shape["member"]["shape"], element) for element in value) + "]"
        if isinstance(value, dict) and shape["type"] == "map":
            inner = shape["value"]["shape"]
            return "{" + ", ".join(f"{key}={self._render(inner, element)}" for key, element in value.items()) + "}"
        if isinstance(value, dict):
            members = shape["members"]
            shown = (f"{lower_first(key)}={self._render(members[key]['shape'], value[key])}" for key in value)
            return f"{shape_name}({', '.join(shown)})"
        return str(value)


def _length_words(shape: Shape) -> str:
    words = []
    if "max" in shape:
        words.append(f"Member must have length less than or equal to {shape['max']}")
    if "min" in shape:
        words.append(f"Member must have length greater than or equal to {shape['min']}")
    if "pattern" in shape:
        words.append(f"Member must satisfy regular expression pattern: {shape['pattern']}")
    return ", ".join(words)
