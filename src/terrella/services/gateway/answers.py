"""What the gateway itself answers, in the words and statuses of REST APIs and of HTTP APIs.

After "Gateway response types" (REST APIs). For HTTP APIs, and for what stands in no table of AWS (a throttled function
behind a REST API), as the real service was observed to answer.
"""

from dataclasses import dataclass
from enum import Enum, auto

import msgspec

from terrella.kernel import AwsError
from terrella.services.gateway.ports import InvocationResult
from terrella.wire.http import Headers, Response


class Failure(Enum):
    """Why a request is not answered by its function."""

    FORBIDDEN = auto()
    NO_ROUTE = auto()
    TOO_LARGE = auto()
    MALFORMED = auto()
    FUNCTION_FAILED = auto()
    FUNCTION_MISSING = auto()
    THROTTLED = auto()
    TIMED_OUT = auto()


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    message: str
    error_type: str = ""


_REST = {
    Failure.FORBIDDEN: _Answer(403, "Forbidden", "ForbiddenException"),
    Failure.NO_ROUTE: _Answer(403, "Missing Authentication Token", "MissingAuthenticationTokenException"),
    Failure.TOO_LARGE: _Answer(413, "Request Too Long", "RequestTooLargeException"),
    Failure.MALFORMED: _Answer(502, "Internal server error", "InternalServerErrorException"),
    Failure.FUNCTION_FAILED: _Answer(502, "Internal server error", "InternalServerErrorException"),
    Failure.FUNCTION_MISSING: _Answer(500, "Internal server error", "InternalServerErrorException"),
    Failure.THROTTLED: _Answer(500, "Internal server error", "InternalServerErrorException"),
    Failure.TIMED_OUT: _Answer(504, "Endpoint request timed out", "InternalServerErrorException"),
}
_HTTP = {
    Failure.FORBIDDEN: _Answer(404, "Not Found"),
    Failure.NO_ROUTE: _Answer(404, "Not Found"),
    Failure.TOO_LARGE: _Answer(413, "Request Entity Too Large"),
    Failure.MALFORMED: _Answer(500, "Internal Server Error"),
    Failure.FUNCTION_FAILED: _Answer(500, "Internal Server Error"),
    Failure.FUNCTION_MISSING: _Answer(500, "Internal Server Error"),
    Failure.THROTTLED: _Answer(503, "Service Unavailable"),
    Failure.TIMED_OUT: _Answer(503, "Service Unavailable"),
}
_THROTTLED = "TooManyRequestsException"
_NOT_FOUND = "ResourceNotFoundException"


def failure_response(failure: Failure, *, http_api: bool, headers: Headers) -> Response:
    """The response for a failure, with the headers that the gateway adds to every response."""
    answer = (_HTTP if http_api else _REST)[failure]
    sent = [("content-type", "application/json"), *headers]
    if answer.error_type:
        sent.append(("x-amzn-errortype", answer.error_type))
    return Response(answer.status, sent, msgspec.json.encode({"message": answer.message}))


def failure_of_error(error: AwsError) -> Failure:
    """Which failure an error of Lambda's ``Invoke`` is to the caller of an API."""
    return _failure(error.status, error.code)


def failure_of_result(result: InvocationResult) -> Failure | None:
    """Which failure an invocation's result is, None if the function answered."""
    if result.function_error:
        return Failure.FUNCTION_FAILED
    return None if result.status < 400 else _failure(result.status, "")


def _failure(status: int, code: str) -> Failure:
    if status == 413:
        return Failure.TOO_LARGE
    if status == 429 or code == _THROTTLED:
        return Failure.THROTTLED
    if status == 404 or code == _NOT_FOUND:
        return Failure.FUNCTION_MISSING
    return Failure.FUNCTION_FAILED
