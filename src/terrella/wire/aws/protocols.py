"""A service that speaks several of AWS's protocols: each request is answered in its own."""

from typing import Any, Protocol

import msgspec

from terrella.kernel import AwsError
from terrella.wire.aws.json_protocol import JsonRules, JsonService, error_response, json_headers
from terrella.wire.aws.query import QueryService, speaks_query
from terrella.wire.aws.rpc_v2 import RpcV2Service, plain_body, speaks_rpc_v2
from terrella.wire.http import Request, Response

Params = dict[str, Any]


class WireProtocol(Protocol):
    """One way of reading requests and writing answers. Times are epoch seconds in all of them."""

    def read(self, request: Request) -> tuple[str, Params]:
        """The operation and its parameters, judged against the model. Raises ``AwsError``."""
        ...

    def respond(self, operation: str, result: Params, request_id: str) -> Response:
        """A result, members by their names in the model; None is left out."""
        ...

    def respond_error(self, error: AwsError, request_id: str) -> Response:
        """An error."""
        ...


class Protocols:
    """Those that a service speaks: RPC v2 in CBOR, query, and JSON for all else.

    Which of them a client takes is up to its age: newer SDKs take CBOR, older ones the query protocol.
    """

    def __init__(self, service: str, rules: JsonRules) -> None:
        self._rpc = RpcV2Service(service)
        self._query = QueryService(service)
        self._json = _Json(JsonService(service, rules), rules.namespace)

    def of(self, request: Request) -> WireProtocol:
        """The protocol of a request."""
        if speaks_rpc_v2(request):
            return self._rpc
        return self._query if speaks_query(request) else self._json


class _Json:
    def __init__(self, service: JsonService, namespace: str) -> None:
        self._service = service
        self._namespace = namespace

    def read(self, request: Request) -> tuple[str, Params]:
        operation = self._service.operation(request.header("x-amz-target"))
        if operation is None:
            raise AwsError("UnknownOperationException", "")
        return operation.name, operation.read(plain_body(request))

    def respond(self, operation: str, result: Params, request_id: str) -> Response:
        body = msgspec.json.encode({name: value for name, value in result.items() if value is not None})
        return Response(200, json_headers(body, request_id), body)

    def respond_error(self, error: AwsError, request_id: str) -> Response:
        response = error_response(error, self._namespace, request_id)
        response.status, code, fault = self._service.model.query_error(error.code, error.status)
        response.headers.append(("x-amzn-query-error", f"{code};{fault}"))
        return response
