"""The control API's client: one question, one answer, errors as sentences."""

from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import msgspec

from terrella.kernel import Connection, SystemClock, TerrellaError
from terrella.region import CONTROL_SERVICE
from terrella.wire.http import HttpClient, Request, Response, SocketConnection
from terrella.wire.sigv4 import AccessKey, sign

Open = Callable[[], Awaitable[Connection]]
CONTROL_HEADER = "x-terrella-control"
_SIGNING_REGION = "us-east-1"  # the control API is asked by address, whatever the region
SUPERVISOR = "the supervisor"


class UnansweredError(TerrellaError):
    """Nobody answered, which is not the same as a refusal."""


class ControlClient:
    """Speaks to one region's, or the supervisor's, control API. ``who`` names it in messages.

    What the supervisor says needs no name before it: it speaks of the world. Requests are signed with ``key``, if there
    is one; ``open_connection`` leads there by another way than a bare socket.
    """

    def __init__(
        self,
        who: str,
        address: str,
        port: int,
        *,
        key: AccessKey | None = None,
        open_connection: Open | None = None,
    ) -> None:
        self.who = who
        self.key = key
        self._host = f"{address}:{port}"
        self._open = open_connection or (lambda: SocketConnection.open(address, port))

    async def get(self, path: str, timeout_s: float = 10.0) -> Any:
        """Ask. Raises ``TerrellaError`` if there is no answer, or if it is an error."""
        return await self._ask("GET", path, b"", timeout_s)

    async def post(self, path: str, body: object, timeout_s: float = 60.0) -> Any:
        """Have something done. Raises ``TerrellaError`` as ``get`` does."""
        return await self._ask("POST", path, msgspec.json.encode(body), timeout_s)

    async def delete(self, path: str, timeout_s: float = 60.0) -> Any:
        """Have something ended. Raises ``TerrellaError`` as ``get`` does."""
        return await self._ask("DELETE", path, b"", timeout_s)

    async def lines(self, path: str) -> AsyncIterator[Any]:
        """An answer that is JSON lines, each as it comes. Raises ``TerrellaError``."""
        client = HttpClient(self._open, max_idle=0)
        try:
            response, chunks = await client.stream(self._request("GET", path))
            if response.status != 200:
                body = b"".join([chunk async for chunk in chunks])
                raise TerrellaError(self._said(Response(response.status, [], body)))
            held = b""
            async for chunk in chunks:
                *lines, held = (held + chunk).split(b"\n")
                for line in lines:
                    yield msgspec.json.decode(line)
        except (OSError, msgspec.DecodeError) as error:
            raise TerrellaError(f"{self.who} broke off: {error or type(error).__name__}") from error

    def _said(self, response: Response) -> str:
        return _reason(response) if self.who == SUPERVISOR else f"{self.who}: {_reason(response)}"

    async def _ask(self, method: str, path: str, body: bytes, timeout_s: float) -> Any:
        client = HttpClient(self._open, max_idle=0)
        try:
            response = await client.send(self._request(method, path, body), timeout_s)
        except TimeoutError as error:
            raise UnansweredError(f"{self.who} has not answered within {timeout_s:g} s") from error
        except OSError as error:
            raise UnansweredError(f"{self.who} does not answer: {error.strerror or error}") from error
        if response.status != 200:
            raise TerrellaError(self._said(response))
        assert isinstance(response.body, bytes)
        return msgspec.json.decode(response.body)

    def _request(self, method: str, path: str, body: bytes = b"") -> Request:
        headers = [("host", self._host)]
        if method != "GET":
            headers += [(CONTROL_HEADER, "1"), ("content-type", "application/json")]
        request = Request(method, path, headers, body)
        if self.key is not None:
            request = sign(request, self.key, _SIGNING_REGION, CONTROL_SERVICE, SystemClock().now_ms())
        request.headers.append(("connection", "close"))
        return request


def _reason(response: Response) -> str:
    """What an error answer says, whichever form it has."""
    body = response.body if isinstance(response.body, bytes) else b""
    try:
        content = msgspec.json.decode(body)
    except msgspec.DecodeError:
        content = None
    if isinstance(content, dict):
        for key in ("error", "message", "Message"):
            if isinstance(content.get(key), str):
                return str(content[key])
    return f"{response.status} {body.decode('utf-8', 'replace').strip()}"
