"""Smithy's RPC v2 protocol in CBOR, the server's side: the path names the operation, the body holds the parameters.

After "Smithy RPC v2 CBOR protocol" of the Smithy documentation. A service whose clients once spoke the query protocol
(``awsQueryCompatible``) also answers the error codes that these knew, in a header.
"""

import zlib
from typing import Any

from terrella.kernel import AwsError
from terrella.wire.aws.cbor import CborError, Timestamp, decode_cbor, encode_cbor
from terrella.wire.aws.constraints import find_violations
from terrella.wire.aws.models import ServiceModel, load_service_model
from terrella.wire.http import Headers, Request, Response

_PREFIX = "/service/"
PROTOCOL_HEADER = "smithy-protocol"
PROTOCOL = "rpc-v2-cbor"
BODY_BYTES_MAX = 16 * 1024 * 1024

Params = dict[str, Any]


def speaks_rpc_v2(request: Request) -> bool:
    """Whether a request is of this protocol."""
    return request.header(PROTOCOL_HEADER) == PROTOCOL


class RpcV2Service:
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
        operation = request.path.rpartition("/operation/")[2] if request.path.startswith(_PREFIX) else ""
        if request.method != "POST" or operation not in self.model.operation_names:
            raise AwsError("UnknownOperationException", f"no operation is at {request.method} {request.path}", 404)
        shape_name = self.model.input_shape_name(operation)
        if shape_name is None:
            return operation, {}
        try:
            content = decode_cbor(plain_body(request)) if request.body else {}
        except CborError as error:
            raise AwsError("SerializationException", f"the request's body is not CBOR: {error}") from None
        params: Params = self._clean(shape_name, content)
        found = find_violations(self.model.shapes, shape_name, params)
        if found:
            noun = "error" if len(found) == 1 else "errors"
            raise AwsError("ValidationException", f"{len(found)} validation {noun} detected: " + "; ".join(found))
        return operation, params

    def respond(self, operation: str, result: Params, request_id: str) -> Response:
        """A result, members by their names in the model, times as epoch seconds; None is left out."""
        shape_name = self.model.output_shape_name(operation)
        content = self._dress(shape_name, result) if shape_name is not None else {}
        return Response(200, _headers(request_id), encode_cbor(content))

    def respond_error(self, error: AwsError, request_id: str) -> Response:
        """An error as this protocol shapes it."""
        status, query_code, fault = self.model.query_error(error.code, error.status)
        members = self.model.shapes.get(error.code, {}).get("members", {})
        message_name = next((name for name in members if name.lower() == "message"), "message")
        headers = _headers(request_id)
        headers.append(("x-amzn-query-error", f"{query_code};{fault}"))
        content = {"__type": error.code, message_name: error.message, **error.fields}
        return Response(status, headers, encode_cbor(content))

    def _clean(self, shape_name: str, value: Any) -> Any:
        """The value as its shape wants it: types checked, nulls and unknown members dropped."""
        shape = self.model.shape(shape_name)
        match shape["type"], value:
            case "structure", dict():
                members = shape["members"]
                known = {name: content for name, content in value.items() if name in members and content is not None}
                return {name: self._clean(members[name]["shape"], content) for name, content in known.items()}
            case "list", list():
                return [self._clean(shape["member"]["shape"], element) for element in value]
            case "map", dict():
                return {key: self._clean(shape["value"]["shape"], element) for key, element in value.items()}
            case ("string", str()) | ("blob", bytes()) | ("boolean", bool()):
                return value
            case ("integer" | "long", int()) if not isinstance(value, bool):
                return value
            case ("float" | "double" | "timestamp", int() | float()) if not isinstance(value, bool):
                return float(value)
        raise AwsError("SerializationException", f"{type(value).__name__} cannot be converted to {shape['type']}")

    def _dress(self, shape_name: str, value: Any) -> Any:
        """The value with its times marked as such."""
        shape = self.model.shape(shape_name)
        match shape["type"]:
            case "structure":
                members = shape["members"]
                unknown = value.keys() - members.keys()
                assert not unknown, f"{shape_name} has no {sorted(unknown)}"
                return {
                    name: self._dress(members[name]["shape"], content)
                    for name, content in value.items()
                    if content is not None
                }
            case "list":
                return [self._dress(shape["member"]["shape"], element) for element in value]
            case "map":
                return {key: self._dress(shape["value"]["shape"], element) for key, element in value.items()}
            case "timestamp":
                return Timestamp(value)
            case "float" | "double":
                return float(value)
        return value


def plain_body(request: Request) -> bytes:
    """The body as it was before the client compressed it. Raises ``AwsError``."""
    encoding = request.header("content-encoding")
    if encoding in ("", "identity"):
        return request.body
    if encoding != "gzip":
        raise AwsError("SerializationException", f"the content encoding {encoding!r} is not known")
    unpacking = zlib.decompressobj(wbits=31)
    try:
        body = unpacking.decompress(request.body, BODY_BYTES_MAX)
    except zlib.error as error:
        raise AwsError("SerializationException", f"the request's body is not gzip: {error}") from None
    if not unpacking.eof:
        raise AwsError("RequestEntityTooLarge", f"the body is cut short, or of more than {BODY_BYTES_MAX} bytes", 413)
    return body


def _headers(request_id: str) -> Headers:
    return [(PROTOCOL_HEADER, PROTOCOL), ("content-type", "application/cbor"), ("x-amzn-requestid", request_id)]
