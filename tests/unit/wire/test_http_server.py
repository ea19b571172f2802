"""What the HTTP server does with clients that mean ill."""

import asyncio
from contextlib import suppress

import pytest

from terrella.wire.http import HttpServer, Request, Response
from terrella.wire.http import server as server_module

HOST = "127.77.3.1"


async def hello(request: Request) -> Response:
    return Response(200, [], request.body or b"hello")


async def answer_to(*pieces: bytes) -> bytes:
    """What a server answers to these bytes until it closes the connection."""
    server = HttpServer(hello)
    port = await server.listen(HOST, 0)
    reader, writer = await asyncio.open_connection(HOST, port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        await server.close()


@pytest.mark.parametrize(
    "beginning",
    [
        b"GET / HTTP/1.1\r\nhost: x\r\nlong: ",
        b"GET /",
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1;",
    ],
)
async def test_what_never_ends_is_not_gathered_in_memory(beginning: bytes) -> None:
    """The parser keeps a header's value until the line ends: a region grew by 200 MB."""
    answer = await answer_to(beginning, *[b"a" * 65536] * 16)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 431", b"HTTP/1.1 414"))


async def test_a_request_that_does_not_come_whole_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "_SWEEP_S", 0.01)
    monkeypatch.setattr(server_module, "PATIENCE_S", 0.02)
    assert (await answer_to(b"GET / HTTP/1.1\r\nhost:")).startswith(b"HTTP/1.1 408 Request Timeout")


async def test_a_large_body_in_small_pieces_is_no_offence() -> None:
    body = b"x" * 3_000_000
    head = b"POST / HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
    answer = await answer_to(head, *(body[start : start + 65536] for start in range(0, len(body), 65536)))
    assert answer.endswith(body)
