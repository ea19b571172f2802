"""What a function answers a Lambda proxy integration with, made into an HTTP response.

After the API Gateway developer guide: "Output format of a Lambda function for proxy integration", "Lambda function
response for format 1.0 / 2.0" and the table of remapped headers in "Amazon API Gateway important notes".
"""

import base64
import binascii
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from terrella.wire.http import Headers

_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
_NEVER_SENT = frozenset(("transfer-encoding",))
_REMAPPED = frozenset(("connection", "content-length", "date", "server"))  # REST APIs answer x-amzn-remapped-…
_HOP_BY_HOP = frozenset(("connection", "content-length", "transfer-encoding", "keep-alive", "te", "trailer", "upgrade"))


class MalformedResponseError(Exception):
    """A function's answer is not what its integration takes; the text says what is wrong with it."""


@dataclass(slots=True)
class ProxyResponse:
    """A response's status, headers (names in lower case) and body."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""


class _V1(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    status_code: int | str = 200
    headers: dict[str, str | bool] | None = None
    multi_value_headers: dict[str, list[str | bool]] | None = None
    body: str | None = None
    is_base64_encoded: bool | None = None


class _LenientV1(msgspec.Struct, rename="camel"):
    status_code: int | str
    headers: dict[str, str | bool | int | float] | None = None
    multi_value_headers: dict[str, list[str | bool | int | float]] | None = None
    body: str | None = None
    is_base64_encoded: bool | None = None


class _V2(msgspec.Struct, rename="camel"):
    status_code: int | str
    headers: dict[str, str | bool | int | float] | None = None
    body: str | None = None
    is_base64_encoded: bool | None = None
    cookies: list[str] | None = None


_decode_v1 = msgspec.json.Decoder(_V1).decode
_decode_lenient_v1 = msgspec.json.Decoder(_LenientV1).decode


@lru_cache(maxsize=4096)
def _header_name(name: str) -> str:
    if not name or not _TOKEN.issuperset(name):
        raise MalformedResponseError(f"{name!r} is no name for a header")
    return name.lower()


def _text(value: str | bool | float) -> str:
    if isinstance(value, str):
        return value
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _status(value: int | str) -> int:
    try:
        status = int(value)
    except ValueError:
        raise MalformedResponseError(f"statusCode is {value!r}, expected a number from 200 to 599") from None
    if not 200 <= status <= 599:
        raise MalformedResponseError(f"statusCode is {status}, expected a number from 200 to 599")
    return status


def _body(text: str | None, is_base64: bool) -> bytes:
    if not text:
        return b""
    if not is_base64:
        return text.encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise MalformedResponseError(f"isBase64Encoded is true, but the body is not base64: {error}") from None


def _merged(single: dict[str, Any] | None, multi: dict[str, list[Any]] | None) -> Headers:
    """Both kinds of headers; a pair that stands in both is sent once."""
    several = [(_header_name(name), _text(value)) for name, values in (multi or {}).items() for value in values]
    one = [(_header_name(name), _text(value)) for name, value in (single or {}).items()]
    return [pair for pair in one if pair not in several] + several if several else one


def _with_content_type(headers: Headers, default: str) -> Headers:
    if not any(name == "content-type" for name, _ in headers):
        headers.insert(0, ("content-type", default))
    return headers


def read_rest_api_response(payload: bytes, binary_accepted: bool = False) -> ProxyResponse:
    """Read a REST API's answer; ``binary_accepted``: the API and the request's Accept header let a body be decoded.

    Raises ``MalformedResponseError``; any member that is not part of the format is an error, too, as on AWS.
    """
    try:
        answer = _decode_v1(payload)
    except msgspec.DecodeError as error:
        raise MalformedResponseError(str(error)) from None
    headers: Headers = []
    for name, value in _merged(answer.headers, answer.multi_value_headers):
        if name in _REMAPPED:
            headers.append((f"x-amzn-remapped-{name}", value))
        elif name not in _NEVER_SENT:
            headers.append((name, value))
    return ProxyResponse(
        _status(answer.status_code),
        _with_content_type(headers, "application/json"),
        _body(answer.body, bool(answer.is_base64_encoded) and binary_accepted),
    )


def read_http_api_response_v1(payload: bytes) -> ProxyResponse:
    """Read an answer in payload format 1.0 to an HTTP API. Raises ``MalformedResponseError``."""
    try:
        answer = _decode_lenient_v1(payload)
    except msgspec.DecodeError as error:
        raise MalformedResponseError(str(error)) from None
    pairs = _merged(answer.headers, answer.multi_value_headers)
    headers = [pair for pair in pairs if pair[0] not in _HOP_BY_HOP]
    return ProxyResponse(
        _status(answer.status_code),
        _with_content_type(headers, "text/plain;charset=utf-8"),
        _body(answer.body, bool(answer.is_base64_encoded)),
    )


def read_http_api_response_v2(payload: bytes) -> ProxyResponse:
    """Read an answer in payload format 2.0: with a ``statusCode`` it is a response, without one it is the body itself.

    Raises ``MalformedResponseError``.
    """
    try:
        value = msgspec.json.decode(payload)
        if not isinstance(value, dict) or "statusCode" not in value:
            body = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else payload
            return ProxyResponse(200, [("content-type", "application/json")], body)
        answer = msgspec.convert(value, _V2)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise MalformedResponseError(str(error)) from None
    headers = [pair for pair in _merged(answer.headers, None) if pair[0] not in _HOP_BY_HOP]
    headers += [("set-cookie", cookie) for cookie in answer.cookies or ()]
    return ProxyResponse(
        _status(answer.status_code),
        _with_content_type(headers, "text/plain;charset=utf-8"),
        _body(answer.body, bool(answer.is_base64_encoded)),
    )
