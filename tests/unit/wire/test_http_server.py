"""What the HTTP server does with clients that mean ill."""

import asyncio
from contextlib import suppress

import pytest

from terrella.wire.http import Handler, HttpServer, Request, Response
from terrella.wire.http import server as server_module

HOST = "127.77.3.1"


async def hello(request: Request) -> Response:
    return Response(200, [], request.body or b"hello")


async def answer_to(*pieces: bytes, handler: Handler = hello) -> bytes:
    """What a server answers to these bytes until it closes the connection."""
    server = HttpServer(handler)
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


async def test_many_small_headers_are_refused_as_one_large_one_is() -> None:
    head = b"GET / HTTP/1.1\r\n" + b"".join(b"x-%05d: %b\r\n" % (number, b"y" * 90) for number in range(1000))
    assert (await answer_to(head + b"\r\n")).startswith(b"HTTP/1.1 431")
    assert (await answer_to(*(head[start : start + 8192] for start in range(0, len(head), 8192)))).startswith(
        b"HTTP/1.1 431"
    )


async def test_a_client_that_waits_to_be_asked_for_its_body_is_asked() -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\nExpect: 100-Continue\r\nconnection: close\r\ncontent-length: 2\r\n\r\n"
    answer = await answer_to(head, b"ok")
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"ok")


async def test_each_request_of_a_connection_has_its_own_headers_in_their_order() -> None:
    told: list[list[tuple[str, str]]] = []

    async def note(request: Request) -> Response:
        told.append(request.headers)
        return Response(200, [], request.body)

    chunked = (
        b"POST / HTTP/1.1\r\nA: 1\r\na: 2\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nTrailer-B: 3\r\n\r\n"
    )
    answer = await answer_to(chunked + b"GET / HTTP/1.1\r\nC: 4\r\nconnection: close\r\n\r\n", handler=note)
    assert answer.count(b"200 OK") == 2
    assert told == [
        [("a", "1"), ("a", "2"), ("transfer-encoding", "chunked"), ("trailer-b", "3")],
        [("c", "4"), ("connection", "close")],
    ]
