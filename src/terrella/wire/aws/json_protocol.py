"""AWS's JSON protocol: ``X-Amz-Target`` names the operation, the body is JSON, so is the answer.

Driven by the service's model: a service room registers nothing about shapes but what the model cannot say
(``JsonRules``). Validators are compiled per operation on first use.
"""

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from terrella.kernel import AwsError
from terrella.wire.aws.models import ServiceModel, load_service_model
from terrella.wire.aws.shapes import ConstraintChecker, Fits, TypeCleaner, compile_fits
from terrella.wire.http import Headers, Response

Params = dict[str, Any]

_decode = msgspec.json.Decoder().decode

# Which package of AWS's own code an error comes from shows in its ``__type``.
_VALIDATION = "com.amazon.coral.validate"
_SERVICE = "com.amazon.coral.service"
_PACKAGES = {
    "ValidationException": _VALIDATION,
    "SerializationException": _SERVICE,
    "UnknownOperationException": _SERVICE,
    "InternalFailure": _SERVICE,
    "AccessDeniedException": _SERVICE,
}


@dataclass(frozen=True, slots=True)
class JsonRules:
    """What a service's model does not say.

    ``trusted``: shapes that the service judges itself, so that nothing is walked twice. ``namespace``: the package in
    ``__type``. ``enum_order``: the order in which AWS lists an enum in messages, where it differs from the model's.
    ``before_constraints``: by operation, a check that AWS makes ahead of the model's constraints.
    """

    namespace: str
    trusted: frozenset[str] = frozenset()
    enum_order: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    before_constraints: Mapping[str, Callable[[Params], None]] = field(default_factory=dict)


class JsonOperation:
    """One operation's way in: bytes to judged parameters."""

    def __init__(self, model: ServiceModel, name: str, rules: JsonRules) -> None:
        self.name = name
        self._model = model
        self._rules = rules
        self._input = model.input_shape_name(name)
        self._fits: Fits = (
            compile_fits(model, self._input, rules.trusted) if self._input else lambda value: type(value) is dict
        )

    def read(self, body: bytes) -> Params:
        """The parameters of a request; raises ``AwsError`` SerializationException or ValidationException.

        Trusted shapes come as they were sent.
        """
        params = decode_body(body)
        return params if self._fits(params) else self.explain(params)

    def explain(self, params: Any) -> Params:
        """The slow and exact walk, trusted shapes included: raises what is wrong, or answers cleaned parameters."""
        if not isinstance(params, dict):
            raise AwsError("SerializationException", "")
        if self._input is None:
            return {}
        try:
            cleaned: Params = TypeCleaner(self._model, self._rules.namespace).clean(self._input, params)
        except RecursionError:
            raise AwsError("SerializationException", "The request is nested too deeply") from None
        check = self._rules.before_constraints.get(self.name)
        if check is not None:
            check(cleaned)
        ConstraintChecker(self._model, self._rules.enum_order).check(self._input, cleaned)
        return cleaned


class JsonService:
    """Finds the operation that a request names."""

    def __init__(self, service: str, rules: JsonRules) -> None:
        self._service = service
        self._rules = rules
        self._operations: dict[str, JsonOperation | None] = {}

    @property
    def model(self) -> ServiceModel:
        """The service's model; read on first use."""
        return load_service_model(self._service)

    def operation(self, target: str) -> JsonOperation | None:
        """By the ``X-Amz-Target`` header (``DynamoDB_20120810.GetItem``); None if the model knows no such operation."""
        try:
            return self._operations[target]
        except KeyError:
            pass
        prefix, _, name = target.partition(".")
        if prefix != self.model.target_prefix or name not in self.model.operation_names:
            return None
        operation = self._operations[target] = JsonOperation(self.model, name, self._rules)
        return operation


def decode_body(body: bytes) -> Any:
    """A request's JSON; raises ``AwsError`` SerializationException."""
    try:
        return _decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise AwsError("SerializationException", "") from None


def json_headers(body: bytes, request_id: str, content_type: str = "application/x-amz-json-1.0") -> Headers:
    """The headers that AWS's SDKs look at: request id and checksum."""
    return [
        ("content-type", content_type),
        ("x-amzn-requestid", request_id),
        ("x-amz-crc32", str(zlib.crc32(body))),
    ]


def error_response(error: AwsError, namespace: str, request_id: str) -> Response:
    """An error as the JSON protocol shapes it."""
    package = _PACKAGES.get(error.code, namespace)
    content: dict[str, object] = {"__type": f"{package}#{error.code}"}
    if error.message:
        # AWS's deserialiser spells it with a capital, everything else without.
        content["Message" if error.code == "SerializationException" else "message"] = error.message
    content |= error.fields
    body = msgspec.json.encode(content)
    return Response(error.status, json_headers(body, request_id), body)
