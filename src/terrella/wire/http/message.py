"""A request and its response, as every room sees them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import msgspec

Headers = list[tuple[str, str]]
"""Names in lower case, in the order in which they came; a name may stand several times."""


@dataclass(slots=True)
class Request:
    """What a client asked. ``target`` is the raw path and query as sent; ``peer`` the client's IP address.

    ``proven`` is the name in the client's certificate, where one had to be shown; empty elsewhere.
    """

    method: str
    target: str
    headers: Headers
    body: bytes = b""
    peer: str = ""
    proven: str = ""
    _by_name: dict[str, str] | None = field(default=None, repr=False)

    @property
    def path(self) -> str:
        """The path as sent (percent-encoding kept), without the query."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The raw query, without the question mark; empty if there is none."""
        return self.target.partition("?")[2]

    def header(self, name: str, default: str = "") -> str:
        """The last value of a header; ``name`` in lower case."""
        if self._by_name is None:
            self._by_name = dict(self.headers)
        return self._by_name.get(name, default)


@dataclass(slots=True)
class Response:
    """What is answered. A body that is an iterator is streamed in chunks; ``content-length`` is added otherwise."""

    status: int = 200
    headers: Headers = field(default_factory=list)
    body: bytes | AsyncIterator[bytes] = b""

    def header(self, name: str, default: str = "") -> str:
        """The last value of a header; ``name`` in lower case."""
        return next((value for key, value in reversed(self.headers) if key == name), default)


Handler = Callable[[Request], Awaitable[Response]]


def json_response(value: Any, status: int = 200) -> Response:
    """A response whose body is ``value`` as JSON."""
    return Response(status, [("content-type", "application/json")], msgspec.json.encode(value))


def reason_phrase(status: int) -> str:
    """The words that go with a status code."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
