"""The region's AWS endpoint: own calls go to the service that they name, calls for another region cross the link.

Which service and region a call is for stands in its SigV4 credential scope, as on AWS.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from html import escape

import msgspec

from terrella.kernel import AwsError, Connection, Connector
from terrella.region.access import Access
from terrella.region.calls import CallKind, CrossRegionCalls
from terrella.region.metrics import METRICS_PATH
from terrella.wire.http import Handler, HttpClient, Request, Response
from terrella.wire.sigv4 import Scope, credential_scope

_log = logging.getLogger(__name__)

CONTROL_PREFIX = "/_terrella/"
FORWARDED_HEADER = "x-terrella-forwarded-from"
_CONNECT_TIMEOUT_S = 60.0  # botocore's own default: a cut link looks to a handler as it would on AWS
_ANSWER_TIMEOUT_S = 120.0


class AwsEndpoint:
    """Dispatches what arrives on the AWS port of one region.

    ``services`` maps a signing name (``dynamodb``, ``lambda``) to its handler; ``caller_of`` tells which function holds
    an access key; ``regions`` are the world's, which ``connector`` leads to, at ``port``. While calls to other regions
    are ``forbidden``, it says why.
    """

    def __init__(
        self,
        region: str,
        regions: tuple[str, ...],
        services: Mapping[str, Handler],
        control: Handler,
        connector: Connector,
        port: int,
        calls: CrossRegionCalls,
        caller_of: Callable[[str], str | None],
        access: Access,
    ) -> None:
        self._region = region
        self._services = services
        self._control = control
        self._calls = calls
        self._caller_of = caller_of
        self._access = access
        self._connector = connector
        self._port = port
        self._clients: dict[str, HttpClient] = {}
        self.forbidden: Callable[[], str] | None = None
        self.set_regions(regions)

    def set_regions(self, regions: tuple[str, ...]) -> None:
        """The world has these regions now."""
        self._regions = regions
        for gone in set(self._clients) - set(regions):
            self._clients.pop(gone).close()
        for peer in regions:
            if peer != self._region and peer not in self._clients:
                self._clients[peer] = HttpClient(_opener(self._connector, peer, self._port))

    async def handle(self, request: Request) -> Response:
        """Answer one request."""
        try:
            if request.target.startswith(CONTROL_PREFIX):
                self._access.check_control(request)
                return await self._control(request)
            if request.path == METRICS_PATH and credential_scope(request) is None:
                self._access.check_control(request)
                return await self._control(replace(request, target=f"{CONTROL_PREFIX}metrics"))
            self._access.check_service(request)
        except AwsError as error:
            return error_response(request, error.status, error.code, error.message)
        scope = credential_scope(request)
        if scope is not None and scope.region != self._region:
            return await self._forward(request, scope)
        service = scope.service if scope is not None else _guess_service(request)
        handler = self._services.get(service)
        if handler is not None:
            return await handler(request)
        if not service:
            return error_response(
                request, 403, "MissingAuthenticationToken", "the request is not signed and names no service"
            )
        offered = ", ".join(sorted(self._services))
        return error_response(
            request, 501, "NotImplemented", f"terrella does not serve {service!r} yet; it serves {offered}"
        )

    async def _forward(self, request: Request, scope: Scope) -> Response:
        client = self._clients.get(scope.region)
        if client is None:
            there_are = ", ".join(self._regions)
            return error_response(
                request,
                400,
                "UnrecognizedClientException",
                f"the request is signed for {scope.region!r}, which is no region of this world; there are {there_are}",
            )
        caller = self._caller_of(scope.access_key) or f"a client at {request.peer}"
        kind = CallKind(caller, scope.region, scope.service, _operation(request))
        if self.forbidden is not None:
            self._count(kind, failed=True)
            return error_response(request, 403, "AccessDeniedException", self.forbidden())
        forwarded = Request(
            request.method,
            request.target,
            [*((n, v) for n, v in request.headers if n not in _HOP_BY_HOP), (FORWARDED_HEADER, self._region)],
            request.body,
        )
        failed = True
        try:
            response = await client.send(forwarded, _ANSWER_TIMEOUT_S)
            failed = False
        except (TimeoutError, OSError) as error:
            why = str(error) or type(error).__name__
            return error_response(
                request, 503, "ServiceUnavailable", f"{scope.region} cannot be reached from {self._region}: {why}"
            )
        finally:
            self._count(kind, failed)
        response.headers = [(name, value) for name, value in response.headers if name not in _HOP_BY_HOP]
        return response

    def _count(self, kind: CallKind, failed: bool) -> None:
        if self._calls.record(kind, failed):
            _log.warning(
                "%s in %s called %s (%s) in %s: a region that needs another one to serve is not active-active",
                kind.caller,
                self._region,
                kind.service,
                kind.operation,
                kind.to_region,
            )

    def close(self) -> None:
        """Close what is open to other regions."""
        for client in self._clients.values():
            client.close()


_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "upgrade", "expect"}


def _opener(connector: Connector, peer: str, port: int) -> Callable[[], Awaitable[Connection]]:
    return lambda: connector.connect(peer, port, _CONNECT_TIMEOUT_S)


def _guess_service(request: Request) -> str:
    """Unsigned requests are welcome on loopback, if they name a service in some other way."""
    if request.header("x-amz-target").startswith("DynamoDB_"):
        return "dynamodb"
    if request.path.startswith("/service/GraniteServiceVersion20100801/"):
        return "monitoring"
    if request.path.startswith(("/2015-03-31/", "/2016-08-19/", "/2017-03-31/", "/2017-10-31/", "/2019-09-30/")):
        return "lambda"
    return ""


def _operation(request: Request) -> str:
    target = request.header("x-amz-target")
    if not target and "/operation/" in request.path:
        return request.path.rpartition("/")[2]
    return target.rpartition(".")[2] if target else f"{request.method} {request.path}"


def error_response(request: Request, status: int, code: str, message: str) -> Response:
    """An error in the protocol that the caller speaks: XML for query and REST-XML services, JSON for the others."""
    content_type = request.header("content-type")
    scope = credential_scope(request)
    if content_type.startswith("application/x-www-form-urlencoded"):
        body = (
            f"<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code>"
            f"<Message>{escape(message, quote=False)}</Message></Error></ErrorResponse>"
        )
        return Response(status, [("content-type", "text/xml")], body.encode())
    if scope is not None and scope.service in ("s3", "route53", "cloudfront"):
        body = f"<Error><Code>{code}</Code><Message>{escape(message, quote=False)}</Message></Error>"
        return Response(status, [("content-type", "application/xml")], body.encode())
    return Response(
        status,
        [("content-type", "application/x-amz-json-1.0"), ("x-amzn-errortype", code)],
        msgspec.json.encode({"__type": code, "message": message}),
    )
