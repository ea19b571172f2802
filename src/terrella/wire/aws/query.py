"""AWS's query protocol, the server's side: parameters as a form, flattened with dots; answers in XML.

``Dimensions.member.1.Name=TableName`` is the first element's ``Name`` in the list ``Dimensions``. After "AWS Query
protocol" of the Smithy documentation.
"""

import binascii
import re
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import parse_qsl

from terrella.kernel import AwsError
from terrella.wire.aws.constraints import find_violations
from terrella.wire.aws.models import ServiceModel, Shape, load_service_model
from terrella.wire.aws.rpc_v2 import plain_body
from terrella.wire.http import Request, Response

Params = dict[str, Any]
FIELDS_MAX = 50_000
_ELEMENT = re.compile(r"[1-9]\d{0,5}")


def speaks_query(request: Request) -> bool:
    """Whether a request is of this protocol."""
    return request.header("content-type").startswith("application/x-www-form-urlencoded")


class _Node:
    """A form's fields as a tree of the words between their dots."""

    def __init__(self) -> None:
        self.text: str | None = None
        self.children: dict[str, _Node] = {}

    def put(self, path: str, text: str) -> None:
        node = self
        for word in path.split("."):
            node = node.children.setdefault(word, _Node())
        node.text = text


class QueryService:
    """Reads requests to one service and writes its answers, all shapes from the service's model."""

    def __init__(self, service: str) -> None:
        self._service = service

    @property
    def model(self) -> ServiceModel:
        """The service's model; read on first use."""
        return load_service_model(self._service)

    def read(self, request: Request) -> tuple[str, Params]:
        """The operation and its parameters; times are epoch seconds.

        Raises ``AwsError``: UnknownOperationException, SerializationException, ValidationException.
        """
        try:
            text = plain_body(request).decode("ascii")
            fields = parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MAX)
        except ValueError as error:
            raise AwsError("SerializationException", f"the request's body is no form: {error}") from None
        form = _Node()
        for name, value in fields:
            form.put(name, value)
        action = form.children.pop("Action", _Node()).text or ""
        if action not in self.model.operation_names:
            raise AwsError("InvalidAction", f"Could not find operation {action} for version {self.model.api_version}")
        shape_name = self.model.input_shape_name(action)
        params: Params = self._structure(self.model.shape(shape_name), form) if shape_name is not None else {}
        found = find_violations(self.model.shapes, shape_name, params) if shape_name is not None else []
        if found:
            noun = "error" if len(found) == 1 else "errors"
            raise AwsError("ValidationException", f"{len(found)} validation {noun} detected: " + "; ".join(found))
        return action, params

    def respond(self, operation: str, result: Params, request_id: str) -> Response:
        """A result, members by their names in the model, times as epoch seconds; None is left out."""
        shape_name = self.model.output_shape_name(operation)
        parts: list[str] = []
        if shape_name is not None:
            self._members(self.model.shape(shape_name), result, parts)
            content = f"<{operation}Result>{''.join(parts)}</{operation}Result>"
        else:
            content = ""
        return _xml(
            200,
            f'<{operation}Response xmlns="{self.model.xml_namespace}">{content}'
            f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{operation}Response>",
            request_id,
        )

    def respond_error(self, error: AwsError, request_id: str) -> Response:
        """An error as this protocol shapes it."""
        status, code, kind = self.model.query_error(error.code, error.status)
        message = escape(error.message, quote=False)
        return _xml(
            status,
            f'<ErrorResponse xmlns="{self.model.xml_namespace}"><Error><Type>{kind}</Type><Code>{code}</Code>'
            f"<Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>",
            request_id,
        )

    # what is read

    def _structure(self, shape: Shape, node: _Node) -> Params:
        members = shape["members"]
        found = {name: node.children.get(member.get("locationName", name)) for name, member in members.items()}
        return {name: self._value(members[name]["shape"], child) for name, child in found.items() if child is not None}

    def _value(self, shape_name: str, node: _Node) -> Any:
        shape = self.model.shape(shape_name)
        match shape["type"]:
            case "structure":
                return self._structure(shape, node)
            case "list":
                return self._list(shape, node)
            case "map":
                entries = node.children.get("entry", node).children
                pairs = [entries[number].children for number in _numbered(entries)]
                return {
                    str(pair["key"].text): self._value(shape["value"]["shape"], pair["value"])
                    for pair in pairs
                    if "key" in pair and "value" in pair
                }
        return _scalar(shape["type"], node.text or "")

    def _list(self, shape: Shape, node: _Node) -> list[Any]:
        member = shape["member"]
        elements = node if shape.get("flattened") else node.children.get(member.get("locationName", "member"), node)
        return [self._value(member["shape"], elements.children[number]) for number in _numbered(elements.children)]

    # what is written

    def _members(self, shape: Shape, value: Params, parts: list[str]) -> None:
        unknown = value.keys() - shape["members"].keys()
        assert not unknown, f"the answer has no {sorted(unknown)}"
        for name, content in value.items():
            if content is not None:
                member = shape["members"][name]
                self._element(member.get("locationName", name), member["shape"], content, parts)

    def _element(self, tag: str, shape_name: str, value: Any, parts: list[str]) -> None:
        shape = self.model.shape(shape_name)
        kind = shape["type"]
        if kind == "list" and shape.get("flattened"):
            for element in value:
                self._element(tag, shape["member"]["shape"], element, parts)
            return
        parts.append(f"<{tag}>")
        if kind == "structure":
            self._members(shape, value, parts)
        elif kind == "list":
            for element in value:
                self._element(shape["member"].get("locationName", "member"), shape["member"]["shape"], element, parts)
        elif kind == "map":
            for key, element in value.items():
                parts.append(f"<entry><key>{escape(key, quote=False)}</key>")
                self._element("value", shape["value"]["shape"], element, parts)
                parts.append("</entry>")
        else:
            parts.append(_text(kind, value))
        parts.append(f"</{tag}>")


def _numbered(children: dict[str, _Node]) -> list[str]:
    return sorted((word for word in children if _ELEMENT.fullmatch(word)), key=int)


def _scalar(kind: str, text: str) -> Any:
    try:
        match kind:
            case "integer" | "long":
                return int(text)
            case "float" | "double":
                return float(text)
            case "boolean":
                return {"true": True, "false": False}[text.lower()]
            case "timestamp":
                moment = datetime.fromisoformat(text)
                return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
            case "blob":
                return binascii.a2b_base64(text, strict_mode=True)
    except (ValueError, KeyError, OverflowError):
        raise AwsError("MalformedInput", f"{text!r} is no {kind}") from None
    return text


def _text(kind: str, value: Any) -> str:
    match kind:
        case "timestamp":
            moment = datetime.fromtimestamp(value, UTC)
            return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
        case "boolean":
            return "true" if value else "false"
        case "blob":
            return binascii.b2a_base64(value, newline=False).decode()
        case "float" | "double":
            return repr(float(value))
    return escape(str(value), quote=False)


def _xml(status: int, content: str, request_id: str) -> Response:
    headers = [("content-type", "text/xml"), ("x-amzn-requestid", request_id)]
    return Response(status, headers, content.encode())
