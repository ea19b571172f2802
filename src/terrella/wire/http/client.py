"""An HTTP/1.1 client over any ``Connection``: a bare socket, or a link that delays and breaks."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httptools

from terrella.kernel import Connection
from terrella.wire.http.message import Headers, Request, Response

Open = Callable[[], Awaitable[Connection]]


class HttpError(ConnectionError):
    """The other side broke off, or spoke something else than HTTP."""


class SocketConnection:
    """A ``Connection`` on a bare socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(
        cls, host: str, port: int, timeout_s: float = 10.0, local_address: str | None = None
    ) -> "SocketConnection":
        """Connect; ``local_address`` is the source address. Raises ``OSError`` or ``TimeoutError``."""
        local = (local_address, 0) if local_address else None
        async with asyncio.timeout(timeout_s):
            return cls(*await asyncio.open_connection(host, port, local_addr=local))

    @property
    def ended(self) -> bool:
        """Whether it is known here that the other side has closed, so that a request on it would be in vain."""
        return self._reader.at_eof() or self._reader.exception() is not None

    async def read(self, max_bytes: int = 65536) -> bytes:
        """The next bytes; empty at the end."""
        return await self._reader.read(max_bytes)

    async def write(self, data: bytes) -> None:
        """Send, and wait while the buffer is full."""
        self._writer.write(data)
        await self._writer.drain()

    def close(self) -> None:
        """Close at once."""
        self._writer.transport.abort()


class _ResponseParser:
    def __init__(self) -> None:
        self._parser: Any = httptools.HttpResponseParser(self)
        self.headers: Headers = []
        self.chunks: list[bytes] = []
        self.headers_done = False
        self.done = False
        self.status = 0
        self.reusable = False

    def feed(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            raise HttpError(f"not an HTTP response: {error}") from error

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        if self.status >= 200:
            self.headers_done = True
        else:
            self.headers = []

    def on_body(self, body: bytes) -> None:
        self.chunks.append(body)

    def on_message_complete(self) -> None:
        if self.status >= 200:
            self.done = True
            self.reusable = self._parser.should_keep_alive()

    def closed(self) -> None:
        """The other side closed: lawful as the end of a body without a length, an error anywhere else."""
        framed = any(name in ("content-length", "transfer-encoding") for name, _ in self.headers)
        if not self.headers_done or framed:
            raise HttpError("the connection closed before the response was complete")
        self.done = True


def encode_request(request: Request) -> bytes:
    """A request as bytes; ``content-length`` is added where a body needs it."""
    lines = [f"{request.method} {request.target} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers]
    if (request.body or request.method in ("POST", "PUT", "PATCH")) and not request.header("content-length"):
        lines.append(f"content-length: {len(request.body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + request.body


async def _exchange(connection: Connection, request: Request) -> tuple[Response, bool]:
    await connection.write(encode_request(request))
    parser = _ResponseParser()
    head = request.method == "HEAD"
    while not (parser.done or (head and parser.headers_done)):
        data = await connection.read()
        if not data:
            parser.closed()
            break
        parser.feed(data)
    return Response(parser.status, parser.headers, b"".join(parser.chunks)), parser.reusable and not head


class HttpClient:
    """Keeps idle connections to one server and sends requests on them. No retries: those are the caller's decision.

    ``ended`` tells of an idle connection that the other side is known to have closed: it is not used again.
    """

    def __init__(
        self, open_connection: Open, max_idle: int = 32, ended: Callable[[Connection], bool] = lambda _: False
    ) -> None:
        self._open = open_connection
        self._ended = ended
        self._idle: list[Connection] = []
        self._max_idle = max_idle
        self._closed = False

    async def send(self, request: Request, timeout_s: float = 30.0) -> Response:
        """Send and wait for the whole response.

        Raises ``TimeoutError``, ``ConnectionError``. A kept connection that the server had closed meanwhile is replaced
        once, before any byte of a response has come, as browsers do, if the method is safe to repeat.
        """
        async with asyncio.timeout(timeout_s):
            while self._idle:
                connection = self._idle.pop()
                if self._ended(connection):
                    connection.close()
                    continue
                try:
                    return await self._finish(connection, request)
                except ConnectionError:
                    if request.method not in ("GET", "HEAD", "OPTIONS"):
                        raise
            return await self._finish(await self._open(), request)

    async def _finish(self, connection: Connection, request: Request) -> Response:
        reusable = False
        try:
            response, reusable = await _exchange(connection, request)
        finally:
            if reusable and not self._closed and len(self._idle) < self._max_idle:
                self._idle.append(connection)
            else:
                connection.close()
        return response

    async def stream(self, request: Request, timeout_s: float = 10.0) -> tuple[Response, AsyncIterator[bytes]]:
        """Send on a connection of its own; answers the head, and the body's chunks as they come."""
        connection = await self._open()
        parser = _ResponseParser()
        try:
            async with asyncio.timeout(timeout_s):
                await connection.write(encode_request(request))
                while not parser.headers_done:
                    data = await connection.read()
                    if not data:
                        parser.closed()
                        break
                    parser.feed(data)
        except BaseException:
            connection.close()
            raise

        async def chunks() -> AsyncIterator[bytes]:
            try:
                while True:
                    for chunk in parser.chunks:
                        yield chunk
                    parser.chunks = []
                    if parser.done:
                        return
                    data = await connection.read()
                    if not data:
                        parser.closed()
                    else:
                        parser.feed(data)
            finally:
                connection.close()

        return Response(parser.status, parser.headers), chunks()

    def close(self) -> None:
        """Close every idle connection; those under way close when they end."""
        self._closed = True
        for connection in self._idle:
            connection.close()
        self._idle.clear()


async def fetch(
    method: str,
    host: str,
    port: int,
    target: str,
    headers: Headers | None = None,
    body: bytes = b"",
    timeout_s: float = 30.0,
) -> Response:
    """One request on a connection of its own over a bare socket. Raises ``TimeoutError``, ``OSError``."""
    sent = list(headers or [])
    if not any(name == "host" for name, _ in sent):
        sent.insert(0, ("host", f"{host}:{port}"))
    sent.append(("connection", "close"))
    client = HttpClient(lambda: SocketConnection.open(host, port, timeout_s), max_idle=0)
    return await client.send(Request(method, target, sent, body), timeout_s)
