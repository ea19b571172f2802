"""The HTTP server and client against each other and against raw sockets."""

import asyncio
from collections.abc import AsyncIterator

import uvloop

from terrella.wire.http import HttpClient, HttpServer, Request, Response, SocketConnection, fetch, json_response


async def _echo(request: Request) -> Response:
    async def parts() -> AsyncIterator[bytes]:
        yield b"one,"
        yield b"two"

    if request.path == "/stream":
        return Response(200, [], parts())
    if request.path == "/raise":
        raise ValueError("as asked")
    return json_response(
        {"method": request.method, "path": request.path, "query": request.query, "size": len(request.body)}
    )


async def _raw(port: int, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(data)
    answer = await reader.read()
    writer.close()
    return answer


async def test_requests_bodies_streams_and_keep_alive() -> None:
    server = HttpServer(_echo)
    port = await server.listen("127.0.0.1", 0)
    response = await fetch("POST", "127.0.0.1", port, "/x?y=1", body=b"z" * 100_000)
    assert response.body == b'{"method":"POST","path":"/x","query":"y=1","size":100000}'
    opened = 0

    async def open_connection() -> SocketConnection:
        nonlocal opened
        opened += 1
        return await SocketConnection.open("127.0.0.1", port)

    client = HttpClient(open_connection)
    for _ in range(3):
        assert (await client.send(Request("GET", "/", [("host", "a")]))).status == 200
    assert opened == 1
    _, chunks = await client.stream(Request("GET", "/stream", [("host", "a")]))
    assert b"".join([chunk async for chunk in chunks]) == b"one,two"
    client.close()
    await server.close()


async def test_a_handler_that_raises_answers_500_and_the_server_lives() -> None:
    server = HttpServer(_echo)
    port = await server.listen("127.0.0.1", 0)
    assert (await fetch("GET", "127.0.0.1", port, "/raise")).status == 500
    assert (await fetch("GET", "127.0.0.1", port, "/")).status == 200
    await server.close()


async def test_garbage_is_refused_with_a_reason() -> None:
    server = HttpServer(_echo)
    port = await server.listen("127.0.0.1", 0)
    assert b"400 Bad Request" in await _raw(port, b"\x16\x03\x01 this is no HTTP\r\n\r\n")
    assert b"431 " in await _raw(port, b"GET / HTTP/1.1\r\nx: " + b"y" * 70_000 + b"\r\n\r\n")
    await server.close()


async def test_pipelined_requests_are_answered_in_order() -> None:
    server = HttpServer(_echo)
    port = await server.listen("127.0.0.1", 0)
    asked = b"".join(b"GET /%d HTTP/1.1\r\nhost: a\r\n\r\n" % number for number in range(100))
    answer = await _raw(port, asked + b"GET /last HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
    positions = [answer.index(b'"/%d"' % number) for number in range(100)]
    assert positions == sorted(positions)
    assert answer.index(b'"/last"') > positions[-1]
    await server.close()


def test_it_serves_under_uvloop_too() -> None:
    async def scenario() -> int:
        server = HttpServer(_echo)
        port = await server.listen("127.0.0.1", 0)
        response = await fetch("GET", "127.0.0.1", port, "/")
        await server.close()
        return response.status

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(scenario()) == 200
