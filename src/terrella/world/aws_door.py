"""One AWS endpoint for all regions: a request goes to the region that it was signed for."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from html import escape

import msgspec

from terrella.kernel import Ids
from terrella.region import METRICS_PATH
from terrella.wire.http import Handler, Headers, HttpClient, Request, Response
from terrella.wire.sigv4 import Scope, credential_scope

CONTROL_PREFIX = "/_terrella/"
_ANSWER_TIMEOUT_S = 910.0  # a Lambda invocation may take 15 minutes
_HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade"}


class AwsDoor:
    """``unavailable(region)`` says why a region cannot be asked, or None if it can; ``clients`` holds one a region."""

    def __init__(
        self,
        world: str,
        clients: Mapping[str, HttpClient],
        unavailable: Callable[[str], str | None],
        control: Handler,
        ids: Ids,
    ) -> None:
        self._world = world
        self._clients = clients
        self._unavailable = unavailable
        self._control = control
        self._ids = ids

    async def handle(self, request: Request) -> Response:
        """Dispatch one request."""
        if request.path.startswith(CONTROL_PREFIX):
            return await self._control(request)
        scope = credential_scope(request)
        if scope is None and request.path == METRICS_PATH:
            return await self._control(replace(request, target=f"{CONTROL_PREFIX}metrics"))
        if scope is None:
            return self._error(
                request,
                scope,
                403,
                "MissingAuthenticationToken",
                "This request is not signed, and this endpoint picks the region by the signature (Signature Version 4)."
                f" Set a region and any credentials, or use a region's own endpoint. Regions: {self._names()}.",
            )
        if scope.region not in self._clients:
            message = f"The world {self._world} has no region {scope.region}; it has {self._names()}."
            return self._error(request, scope, 400, "UnrecognizedClientException", message)
        return await self._forward(request, scope)

    async def _forward(self, request: Request, scope: Scope) -> Response:
        why = self._unavailable(scope.region)
        if why is None:
            headers = [pair for pair in request.headers if pair[0] not in _HOP_BY_HOP]
            try:
                response = await self._clients[scope.region].send(
                    Request(request.method, request.target, headers, request.body), _ANSWER_TIMEOUT_S
                )
            except (TimeoutError, OSError) as error:
                why = f"broke off ({error or type(error).__name__})"
            else:
                kept: Headers = [pair for pair in response.headers if pair[0] not in _HOP_BY_HOP]
                return Response(response.status, kept, response.body)
        return self._error(request, scope, 503, "ServiceUnavailable", f"The region {scope.region} {why}.")

    def _names(self) -> str:
        return ", ".join(self._clients)

    def _error(self, request: Request, scope: Scope | None, status: int, code: str, message: str) -> Response:
        """An error in the form that the service's clients read: JSON, query XML or S3's XML."""
        request_id = self._ids.uuid()
        headers = [("x-amzn-requestid", request_id)]
        said = f"<Code>{code}</Code><Message>{escape(message, quote=False)}</Message>"
        if scope is not None and scope.service == "s3":
            text = f"<Error>{said}<RequestId>{request_id}</RequestId></Error>"
        elif request.header("content-type").startswith("application/x-www-form-urlencoded"):
            kind = "Sender" if status < 500 else "Receiver"
            text = (
                f"<ErrorResponse><Error><Type>{kind}</Type>{said}</Error>"
                f"<RequestId>{request_id}</RequestId></ErrorResponse>"
            )
        else:
            own_type = request.header("content-type")
            content_type = own_type if own_type.startswith("application/x-amz-json") else "application/json"
            body = msgspec.json.encode({"__type": code, "message": message})
            return Response(status, [*headers, ("content-type", content_type), ("x-amzn-errortype", code)], body)
        return Response(status, [*headers, ("content-type", "text/xml")], text.encode())
