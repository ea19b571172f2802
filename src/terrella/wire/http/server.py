"""The HTTP/1.1 server behind every listening port: an asyncio protocol on httptools.

Requests on one connection are answered in order. What it measures against uvicorn, and why it is here, is told in
``docs/decisions/0002-http-server.md``.
"""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator
from functools import cache
from typing import Any, cast

import httptools

from terrella.wire.http.message import Handler, Headers, Request, Response, reason_phrase

_log = logging.getLogger(__name__)

MAX_BODY_BYTES = 17 * 1024 * 1024  # DynamoDB takes 16 MiB, API Gateway 10 MiB; the rest is their envelope
MAX_HEADER_BYTES = 64 * 1024
_HEADERS_TOO_LARGE = f"the request's headers are larger than {MAX_HEADER_BYTES} bytes"
_MAX_PIPELINED = 64
PATIENCE_S = 60.0  # for the rest of a request that has begun
_SWEEP_S = 5.0
_INTERNAL_ERROR = b"internal error; the region's log has the details\n"
_NAMES: dict[bytes, str] = {}
_NAMES_MAX = 1000


class HttpServer:
    """Serves ``handler`` on any number of addresses. An exception that it lets out is logged and answers 500."""

    def __init__(self, handler: Handler, name: str = "http") -> None:
        self._handler = handler
        self._name = name
        self._servers: list[asyncio.Server] = []
        self._connections: set[_ServerConnection] = set()
        self._sweeper: asyncio.TimerHandle | None = None

    async def listen(self, host: str, port: int) -> int:
        """Start to listen; port 0 takes a free one. Answers the port. Raises ``OSError`` if it cannot be bound."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(
            lambda: _ServerConnection(self._handler, self._connections), host, port, backlog=1024
        )
        self._servers.append(server)
        self._begin_to_sweep()
        bound: int = server.sockets[0].getsockname()[1]
        return bound

    def accept(self) -> asyncio.Protocol:
        """What speaks to a connection that somebody else has accepted."""
        self._begin_to_sweep()
        return _ServerConnection(self._handler, self._connections)

    async def close(self) -> None:
        """Stop listening, drop every connection and the work that waits on it."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.abort()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

    def _begin_to_sweep(self) -> None:
        if self._sweeper is None:
            self._sweeper = asyncio.get_running_loop().call_later(_SWEEP_S, self._sweep)

    def _sweep(self) -> None:
        """One timer for all connections: a timer for each request would cost more than parsing it."""
        loop = asyncio.get_running_loop()
        for connection in list(self._connections):
            connection.lose_patience(loop.time() - PATIENCE_S)
        self._sweeper = loop.call_later(_SWEEP_S, self._sweep)


class _ServerConnection(asyncio.Protocol):
    """One connection. The parser calls it a dozen times for each request: so these calls only gather."""

    def __init__(self, handler: Handler, connections: set["_ServerConnection"]) -> None:
        self._handler = handler
        self._connections = connections
        self._parser: Any = httptools.HttpRequestParser(self)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._peer = ""
        self._proven = ""
        self._waiting: deque[tuple[Request, bool]] = deque()
        self._task: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self._reading_paused = False
        self._under_way = False
        self._target = b""
        self._raw_headers: list[tuple[bytes, bytes]] = []
        self._headers: Headers = []
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._unparsed_bytes = 0
        self._begun_s: float | None = None
        self._refused = False

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are alike, but no subclass
        self._connections.add(self)
        peer = transport.get_extra_info("peername")
        self._peer = peer[0] if isinstance(peer, tuple) else ""
        self._proven = str(transport.get_extra_info("proven", ""))

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        self._writable.set()
        if self._task is not None:
            self._task.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return
        self._unparsed_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(501, "this server does not upgrade connections")
        except httptools.HttpParserError as error:
            if not self._refused:
                self._refuse(400, f"not an HTTP/1.1 request: {error}")
        if self._unparsed_bytes > MAX_HEADER_BYTES and not self._refused:
            self._refuse(431, _HEADERS_TOO_LARGE)
        if self._under_way and self._begun_s is None:
            self._begun_s = self._loop.time()

    # httptools callbacks

    def on_message_begin(self) -> None:
        self._under_way = True

    def on_url(self, url: bytes) -> None:
        self._target += url
        if len(self._target) > MAX_HEADER_BYTES:
            self._refuse(414, "the request's target is too long")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._raw_headers.append((name, value))

    def on_headers_complete(self) -> None:
        self._take_headers()
        if self._refused:
            return
        for name, value in self._headers:
            if name == "expect" and value.lower() == "100-continue":
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._unparsed_bytes = 0
        self._begun_s = None  # a slow link may take its time, as long as something comes
        self._body_bytes += len(body)
        if self._body_bytes > MAX_BODY_BYTES:
            self._refuse(413, f"the request's body is larger than {MAX_BODY_BYTES} bytes")
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        if self._raw_headers:
            self._take_headers()  # behind the body
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        request = Request(
            self._parser.get_method().decode("ascii"),
            self._target.decode("latin-1"),
            self._headers,
            body,
            self._peer,
            self._proven,
        )
        self._under_way, self._begun_s, self._unparsed_bytes = False, None, 0
        self._target, self._headers, self._body, self._body_bytes = b"", [], [], 0
        if self._refused:
            return
        self._waiting.append((request, self._parser.should_keep_alive()))
        if len(self._waiting) > _MAX_PIPELINED and not self._reading_paused:
            self._reading_paused = True
            self._transport.pause_reading()
        if self._task is None:
            self._task = self._loop.create_task(self._answer_all())

    def _take_headers(self) -> None:
        raw = self._raw_headers
        # What came at once may have held a body, too: only if it was long is there anything to count.
        if self._unparsed_bytes > MAX_HEADER_BYTES and sum(len(n) + len(v) for n, v in raw) > MAX_HEADER_BYTES:
            self._refuse(431, _HEADERS_TOO_LARGE)
        self._headers += [(_NAMES.get(name) or _lower_name(name), value.decode("latin-1")) for name, value in raw]
        raw.clear()

    # answering

    async def _answer_all(self) -> None:
        try:
            while self._waiting and not self._transport.is_closing():
                request, keep_alive = self._waiting.popleft()
                if self._reading_paused and len(self._waiting) < _MAX_PIPELINED // 2:
                    self._reading_paused = False
                    self._transport.resume_reading()
                try:
                    response = await self._handler(request)
                except Exception:  # noqa: BLE001 - the last resort of a server: it is logged, and the client is told
                    _log.exception("%s %s failed", request.method, request.path)
                    response = Response(500, [("content-type", "text/plain")], _INTERNAL_ERROR)
                head = _head(response, keep_alive)
                if isinstance(response.body, bytes):
                    self._transport.write(head if request.method == "HEAD" else head + response.body)
                else:
                    self._transport.write(head)
                    await self._stream(request, response.body)
                if not self._writable.is_set():
                    await self._writable.wait()
                if not keep_alive:
                    self._transport.close()
        finally:
            self._task = None

    async def _stream(self, request: Request, body: AsyncIterator[bytes]) -> None:
        try:
            async for chunk in body:
                if self._transport.is_closing():
                    return
                if chunk:
                    self._transport.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
                await self._writable.wait()
        except Exception:  # noqa: BLE001 - logged; a body that broke off must not look complete
            _log.exception("the body of %s %s broke off", request.method, request.path)
            self._transport.abort()
            return
        self._transport.write(b"0\r\n\r\n")

    def _refuse(self, status: int, why: str) -> None:
        self._refused = True
        body = f"{why}\n".encode()
        head = (
            f"HTTP/1.1 {status} {reason_phrase(status)}\r\ncontent-type: text/plain\r\n"
            f"content-length: {len(body)}\r\nconnection: close\r\n\r\n"
        )
        self._transport.write(head.encode("latin-1") + body)
        self._transport.close()

    def lose_patience(self, begun_before_s: float) -> None:
        """Close it if its request began before that moment and has not come whole."""
        if self._begun_s is not None and self._begun_s < begun_before_s and not self._refused:
            self._refuse(408, f"the request did not come whole within {PATIENCE_S:.0f} seconds")

    def abort(self) -> None:
        """Drop the connection now."""
        self._transport.abort()
        if self._task is not None:
            self._task.cancel()


def _lower_name(name: bytes) -> str:
    """Clients send few different names, again and again: each is decoded once."""
    known = name.decode("latin-1").lower()
    if len(_NAMES) < _NAMES_MAX:
        _NAMES[name] = known
    return known


@cache
def _status_line(status: int) -> str:
    return f"HTTP/1.1 {status} {reason_phrase(status)}"


def _head(response: Response, keep_alive: bool) -> bytes:
    """The head of a response, with the length of a body that has one."""
    lines = [_status_line(response.status)]
    has_length = False
    for name, value in response.headers:
        lines.append(f"{name}: {value}")
        has_length = has_length or name == "content-length"
    if not keep_alive:
        lines.append("connection: close")
    if not isinstance(response.body, bytes):
        lines.append("transfer-encoding: chunked")
    elif not has_length and response.status >= 200 and response.status not in (204, 304):
        lines.append(f"content-length: {len(response.body)}")
    return _encode_head(lines)


def _encode_head(lines: list[str]) -> bytes:
    """The head of a response; a value with a line break in it must not become a header of its own."""
    head = "\r\n".join(lines)
    breaks = len(lines) - 1
    if head.count("\n") != breaks or head.count("\r") != breaks:
        head = "\r\n".join(line.replace("\r", " ").replace("\n", " ") for line in lines)
    return head.encode("latin-1", "replace") + b"\r\n\r\n"
