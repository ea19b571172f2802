"""The Lambda Runtime API (2018-06-01), one listener for each worker, so that a worker is known by its port."""

from typing import Protocol

import msgspec

from terrella.services.functions.invocation import Invocation
from terrella.services.functions.limits import RESPONSE_MAX_BYTES
from terrella.wire.http import Headers, HttpServer, Request, Response

_PREFIX = "/2018-06-01/runtime/"
_JSON: Headers = [("Content-Type", "application/json")]


class Worker(Protocol):
    """What the Runtime API tells, and asks, of the worker that it serves."""

    async def next_invocation(self) -> tuple[Invocation, int]:
        """The worker is free: wait for its next invocation; with its deadline in milliseconds since 1970."""
        ...

    def answered(self, request_id: str, payload: bytes) -> bool:
        """The handler returned; False if that invocation is not under way."""
        ...

    def failed(self, request_id: str, payload: bytes) -> bool:
        """The handler raised; False if that invocation is not under way."""
        ...

    def init_failed(self, payload: bytes, error_type: str) -> None:
        """The handler's module could not be loaded."""
        ...


class RuntimeApi:
    """Serves one worker."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._server = HttpServer(self._handle, "runtime-api")

    async def listen(self, host: str) -> str:
        """Start to listen on a free port; answers ``host:port``, the worker's ``AWS_LAMBDA_RUNTIME_API``."""
        return f"{host}:{await self._server.listen(host, 0)}"

    async def close(self) -> None:
        """Stop listening."""
        await self._server.close()

    async def _handle(self, request: Request) -> Response:
        path = request.target
        if not path.startswith(_PREFIX):
            return _refusal(404, "InvalidRequest", f"no Runtime API is at {path}")
        route = path[len(_PREFIX) :].split("/")
        if route == ["invocation", "next"] and request.method == "GET":
            invocation, deadline_ms = await self._worker.next_invocation()
            return _event(invocation, deadline_ms)
        if request.method != "POST":
            return _refusal(405, "InvalidRequest", f"{request.method} {path} is not in the Runtime API")
        if route == ["init", "error"]:
            self._worker.init_failed(request.body, request.header("lambda-runtime-function-error-type"))
            return _accepted()
        if len(route) == 3 and route[0] == "invocation" and route[2] in ("response", "error"):
            judge = self._worker.answered if route[2] == "response" else self._worker.failed
            if not judge(route[1], request.body):
                return _refusal(400, "InvalidRequestID", "Invalid request ID")
            if len(request.body) > RESPONSE_MAX_BYTES:
                message = f"Exceeded maximum allowed payload size ({RESPONSE_MAX_BYTES} bytes)."
                return _refusal(413, "RequestEntityTooLarge", message)
            return _accepted()
        return _refusal(404, "InvalidRequest", f"no Runtime API is at {path}")


def _event(invocation: Invocation, deadline_ms: int) -> Response:
    headers: Headers = [
        ("Content-Type", "application/json"),
        ("Lambda-Runtime-Aws-Request-Id", invocation.request_id),
        ("Lambda-Runtime-Deadline-Ms", str(deadline_ms)),
        ("Lambda-Runtime-Invoked-Function-Arn", invocation.arn),
        ("Lambda-Runtime-Trace-Id", invocation.trace_id),
    ]
    if invocation.client_context:
        headers.append(("Lambda-Runtime-Client-Context", invocation.client_context))
    return Response(200, headers, invocation.payload)


def _accepted() -> Response:
    return Response(202, _JSON, b'{"status":"OK"}\n')


def _refusal(status: int, error_type: str, message: str) -> Response:
    return Response(status, _JSON, msgspec.json.encode({"errorType": error_type, "errorMessage": message}))
