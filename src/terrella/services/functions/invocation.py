"""One invocation, its result, and the ways in which it can fail, as Lambda words them."""

import asyncio
import signal
from dataclasses import dataclass, field
from datetime import UTC, datetime

import msgspec

UNHANDLED = "Unhandled"


@dataclass(frozen=True, slots=True)
class InvocationResult:
    """What came of it. ``status`` is 200 also if the function failed: then ``function_error`` says so.

    ``log_tail`` is the invocation's last 4 KB of log in base64, if it was asked for; ``az`` where it ran.
    """

    status: int
    payload: bytes
    function_error: str | None
    request_id: str
    log_tail: str | None
    az: str
    executed_version: str = "$LATEST"


@dataclass(slots=True, eq=False)
class Invocation:
    """An invocation on its way. ``future`` resolves once; a caller that has gone does not stop the handler."""

    request_id: str
    payload: bytes
    arn: str
    trace_id: str
    future: "asyncio.Future[InvocationResult]"
    client_context: str = ""
    wants_log_tail: bool = False
    waiting_since: float = 0.0
    started: float = 0.0
    tail: bytearray = field(default_factory=bytearray)


def error_payload(error_type: str, message: str, **further: object) -> bytes:
    """An error object as the service, not the handler, reports it."""
    return msgspec.json.encode({"errorType": error_type, "errorMessage": message, **further})


def exit_error(request_id: str, returncode: int) -> bytes:
    """The worker ended by itself, or was killed."""
    return error_payload("Runtime.ExitError", f"RequestId: {request_id} Error: {exit_reason(returncode)}")


def exit_reason(returncode: int) -> str:
    """How a process ended, in Lambda's words."""
    if returncode == 0:
        return "Runtime exited without providing a reason"
    if returncode > 0:
        return f"Runtime exited with error: exit status {returncode}"
    words = signal.strsignal(-returncode) or str(-returncode)
    return f"Runtime exited with error: signal: {words.lower()}"


def timeout_message(request_id: str, now_ms: int, timeout_s: int) -> str:
    """What Lambda says, in the answer and in the log, when a handler took too long."""
    return f"{iso_time(now_ms)} {request_id} Task timed out after {timeout_s:.2f} seconds"


def response_too_large(request_id: str, limit_bytes: int) -> bytes:
    """The handler answered more than a caller may be given."""
    return error_payload(
        "Function.ResponseSizeTooLarge",
        f"Response payload size exceeded maximum allowed payload size ({limit_bytes} bytes).",
        requestId=request_id,
    )


def iso_time(now_ms: int) -> str:
    """``2026-01-02T03:04:05.678Z``."""
    text = datetime.fromtimestamp(now_ms / 1000, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
