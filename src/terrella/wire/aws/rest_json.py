"""AWS's REST-JSON protocol, the server's side: method and path name the operation, parameters come from everywhere.

Driven by the service's model: a service room writes no shape, path or status code. Members travel in the path, the
query, headers, as the whole body (``payload``) or as members of a JSON body, each as the model says.
"""

import base64
import binascii
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from terrella.kernel import AwsError
from terrella.wire.aws.constraints import find_violations
from terrella.wire.aws.models import read_service_model
from terrella.wire.http import Headers, Request, Response

Shape = dict[str, Any]
Params = dict[str, Any]

_LABEL = re.compile(r"\{(\w+)(\+?)\}")
_NUMBERS = ("integer", "long", "float", "double")


@dataclass(frozen=True, slots=True)
class _Route:
    operation: str
    pattern: re.Pattern[str]
    query: tuple[tuple[str, str], ...]


class RestJsonService:
    """Reads requests to one service and writes its answers."""

    def __init__(self, service: str) -> None:
        model = read_service_model(service)
        self._shapes: dict[str, Shape] = model["shapes"]
        self._operations: dict[str, dict[str, Any]] = model["operations"]
        self._routes: dict[tuple[str, int], list[_Route]] = {}
        for name, operation in self._operations.items():
            self._add_route(name, operation["http"]["method"], operation["http"]["requestUri"])
        for routes in self._routes.values():
            # The ones that ask for something in the query first: the others would take theirs.
            routes.sort(key=lambda route: -len(route.query))

    def _add_route(self, name: str, method: str, template: str) -> None:
        path, _, query = template.partition("?")
        pattern, last = "", 0
        for label in _LABEL.finditer(path):
            pattern += re.escape(path[last : label.start()])
            pattern += f"(?P<{label[1]}>{'.+' if label[2] else '[^/]+'})"
            last = label.end()
        pattern += re.escape(path[last:].rstrip("/"))
        # A greedy label takes slashes, so its route is looked for under any number of segments.
        segments = -1 if "+}" in path else path.strip("/").count("/")
        route = _Route(name, re.compile(pattern), tuple(parse_qsl(query, keep_blank_values=True)))
        self._routes.setdefault((method, segments), []).append(route)

    @property
    def operation_names(self) -> list[str]:
        """Every operation of the service, sorted."""
        return sorted(self._operations)

    def read(self, request: Request) -> tuple[str, Params]:
        """The operation and its parameters, judged against the model; blobs as bytes.

        Raises ``AwsError``: UnknownOperationException, SerializationException, ValidationException.
        """
        operation, labels = self.route(request)
        return operation, self.parameters(operation, labels, request)

    def route(self, request: Request) -> tuple[str, dict[str, str]]:
        """The operation that method and path name, and the path's labels (still percent-encoded)."""
        path = request.path.rstrip("/")
        query = parse_qsl(request.query, keep_blank_values=True)
        for segments in (path.strip("/").count("/"), -1):
            for route in self._routes.get((request.method, segments), ()):
                match = route.pattern.fullmatch(path)
                if match and all(pair in query for pair in route.query):
                    return route.operation, match.groupdict()
        raise AwsError("UnknownOperationException", f"no operation is at {request.method} {request.path}", 404)

    def parameters(self, operation: str, labels: dict[str, str], request: Request) -> Params:
        """What a request says, as the operation's input shape names it."""
        target = self._operations[operation].get("input")
        if target is None:
            return {}
        shape = self._shapes[target["shape"]]
        params = self._outside_body(shape, labels, request)
        payload = shape.get("payload")
        body_members = {name: member for name, member in shape["members"].items() if "location" not in member}
        if payload and self._type(shape["members"][payload]) == "blob":
            params[payload] = request.body
        elif payload:
            if request.body:
                params[payload] = self._decode(shape["members"][payload], _json(request.body))
        elif body_members and request.body:
            params |= self._members(body_members, _json(request.body))
        found = find_violations(self._shapes, target["shape"], params)
        if found:
            noun = "error" if len(found) == 1 else "errors"
            raise AwsError("ValidationException", f"{len(found)} validation {noun} detected: " + "; ".join(found))
        return params

    def _outside_body(self, shape: Shape, labels: dict[str, str], request: Request) -> Params:
        params: Params = {}
        query = parse_qsl(request.query, keep_blank_values=True)
        for name, member in shape["members"].items():
            location, wire_name = member.get("location"), member.get("locationName", name)
            if location == "uri":
                params[name] = self._parse(member, unquote(labels[wire_name]))
            elif location == "header":
                if request.header(wire_name.lower()):
                    params[name] = self._parse(member, request.header(wire_name.lower()))
            elif location == "headers":
                prefix = wire_name.lower()
                params[name] = {key[len(prefix) :]: value for key, value in request.headers if key.startswith(prefix)}
            elif location == "querystring":
                values = [value for key, value in query if key == wire_name]
                if not values:
                    continue
                if self._type(member) == "list":
                    inner = self._shapes[member["shape"]]["member"]
                    params[name] = [self._parse(inner, value) for value in values]
                else:
                    params[name] = self._parse(member, values[-1])
        return params

    def _type(self, member: Shape) -> str:
        kind: str = self._shapes[member["shape"]]["type"]
        return kind

    def _parse(self, member: Shape, text: str) -> Any:
        """A value that travels as text."""
        kind = self._type(member)
        try:
            if kind in ("integer", "long"):
                return int(text)
            if kind in ("float", "double"):
                return float(text)
        except ValueError:
            raise AwsError("SerializationException", f"{text!r} is not of type {kind}") from None
        if kind == "boolean":
            return text.lower() == "true"
        if kind == "list":
            inner = self._shapes[member["shape"]]["member"]
            return [self._parse(inner, part.strip()) for part in text.split(",")]
        return text

    def _members(self, members: dict[str, Shape], value: Any) -> Params:
        if not isinstance(value, dict):
            raise AwsError("SerializationException", "Unexpected field type")
        found = {name: value.get(member.get("locationName", name)) for name, member in members.items()}
        return {name: self._decode(members[name], content) for name, content in found.items() if content is not None}

    def _decode(self, member: Shape, value: Any) -> Any:
        """A JSON value as its shape wants it: types checked, nulls and unknown members dropped, blobs decoded."""
        shape = self._shapes[member["shape"]]
        kind = shape["type"]
        if kind == "structure":
            return self._members(shape["members"], value)
        if kind == "list" and isinstance(value, list):
            return [self._decode(shape["member"], element) for element in value if element is not None]
        if kind == "map" and isinstance(value, dict):
            return {key: self._decode(shape["value"], item) for key, item in value.items() if item is not None}
        if kind == "blob" and isinstance(value, str):
            try:
                return binascii.a2b_base64(value, strict_mode=True)
            except (binascii.Error, ValueError) as error:
                raise AwsError("SerializationException", f"a blob is not base64: {error}") from None
        fits = {
            "string": isinstance(value, str),
            "boolean": isinstance(value, bool),
            "timestamp": isinstance(value, int | float | str),
        }
        number = kind in _NUMBERS and isinstance(value, int | float) and not isinstance(value, bool)
        if not (fits.get(kind, False) or number):
            raise AwsError("SerializationException", f"{type(value).__name__} cannot be converted to {kind}")
        return int(value) if kind in ("integer", "long") else value

    def respond(self, operation: str, result: Params, request_id: str) -> Response:
        """A result (members by their names in the model; None is left out) as the answer."""
        http = self._operations[operation]["http"]
        headers: Headers = [("x-amzn-requestid", request_id)]
        status = http.get("responseCode", 200)
        target = self._operations[operation].get("output")
        if target is None:
            return Response(status, headers)
        shape = self._shapes[target["shape"]]
        unknown = result.keys() - shape["members"].keys()
        assert not unknown, f"{operation} does not answer {sorted(unknown)}"
        content: Params = {}
        for name, value in result.items():
            member = shape["members"][name]
            location = member.get("location")
            if value is None or name == shape.get("payload"):
                continue
            if location == "statusCode":
                status = value
            elif location == "header":
                headers.append((member["locationName"].lower(), _header_text(value)))
            else:
                content[member.get("locationName", name)] = value
        payload = shape.get("payload")
        if payload and self._type(shape["members"][payload]) == "blob":
            body = result.get(payload) or b""
            headers.append(("content-type", "application/json"))
            return Response(status, headers, body)
        if status == 204:
            return Response(status, headers)
        headers.append(("content-type", "application/json"))
        return Response(status, headers, _encode(result.get(payload) if payload else content))

    def respond_error(self, error: AwsError, request_id: str) -> Response:
        """An error as REST-JSON shapes it: its name in a header, its message where the model has it."""
        shape = self._shapes.get(error.code, {})
        status = shape.get("error", {}).get("httpStatusCode", error.status)
        members = shape.get("members", {})
        message_name = next((name for name in members if name.lower() == "message"), "message")
        content: dict[str, object] = {message_name: error.message}
        headers: Headers = [("content-type", "application/json")]
        if "Type" in members or not shape:
            content["Type"] = "Service" if status >= 500 else "User"
        for name, value in error.fields.items():
            member = members.get(name, {})
            if member.get("location") == "header":
                headers.append((member["locationName"].lower(), str(value)))
            else:
                content[name] = value
        headers += [("x-amzn-errortype", error.code), ("x-amzn-requestid", request_id)]
        return Response(status, headers, _encode(content))


def _json(body: bytes) -> Any:
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise AwsError("SerializationException", f"the request's body is not JSON: {error}") from None


def _encode(value: Any) -> bytes:
    return msgspec.json.encode(value, enc_hook=_encode_other)


def _encode_other(value: Any) -> Any:
    if isinstance(value, bytes | bytearray):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} is no JSON")


def _header_text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
