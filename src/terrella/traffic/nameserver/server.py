"""The name server's sockets: UDP read in batches straight from the socket, TCP as a protocol."""

import asyncio
import socket
import struct
from typing import cast

from terrella.traffic.nameserver.packets import TCP_BYTES_MAX
from terrella.traffic.nameserver.responder import Responder
from terrella.traffic.resolver import Resolver

_BATCH = 32
"""Packets answered in one turn of the event loop: under 1 ms, so that a flood leaves room for others."""
_RECEIVE_BYTES = 4096
_SOCKET_BUFFER_BYTES = 1 << 20
_IDLE_S = 10.0
_CONNECTIONS_MAX = 256
_PORT_TRIES = 20


class NameServer:
    """Answers for the world's zones over UDP and TCP, by what ``resolver`` knows. ``answers`` counts them."""

    def __init__(self, resolver: Resolver) -> None:
        self.answers = 0
        self._responder = Responder(resolver)
        self._sockets: list[socket.socket] = []
        self._servers: list[asyncio.Server] = []
        self._connections: set[_TcpConnection] = set()

    async def listen(self, host: str, port: int) -> int:
        """Listen on UDP and TCP; port 0 takes one that is free for both. Answers the port; raises ``OSError``."""
        for attempt in range(_PORT_TRIES):
            server = await asyncio.get_running_loop().create_server(self._connection, host, port)
            bound: int = server.sockets[0].getsockname()[1]
            try:
                self._listen_udp(host, bound)
            except OSError:
                server.close()
                if port or attempt == _PORT_TRIES - 1:
                    raise
            else:
                self._servers.append(server)
                break
        return bound

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        loop = asyncio.get_running_loop()
        for bound in self._sockets:
            loop.remove_reader(bound)
            bound.close()
        self._sockets.clear()
        for server in self._servers:
            server.close()
        for connection in list(self._connections):
            connection.abort()
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()

    def _listen_udp(self, host: str, port: int) -> None:
        bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            bound.setblocking(False)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SOCKET_BUFFER_BYTES)
            bound.bind((host, port))
        except OSError:
            bound.close()
            raise
        asyncio.get_running_loop().add_reader(bound, self._answer_batch, bound)
        self._sockets.append(bound)

    def _answer_batch(self, bound: socket.socket) -> None:
        receive, respond, send = bound.recvfrom, self._responder.respond, bound.sendto
        for _ in range(_BATCH):
            try:
                query, client = receive(_RECEIVE_BYTES)
            except OSError:
                return  # none is waiting, or an earlier answer's client is gone
            response = respond(query)
            if response is None:
                continue
            self.answers += 1
            try:
                send(response, client)
            except OSError:
                continue  # the client is gone or the buffer full: with UDP, the client asks again

    def _connection(self) -> "_TcpConnection":
        return _TcpConnection(self, self._responder, self._connections)


class _TcpConnection(asyncio.Protocol):
    """Queries and responses, each behind its length in two bytes; several may be under way (RFC 7766)."""

    def __init__(self, server: NameServer, responder: Responder, connections: set["_TcpConnection"]) -> None:
        self._server = server
        self._responder = responder
        self._connections = connections
        self._buffer = bytearray()
        self._transport: asyncio.Transport
        self._idle: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's are alike, but no subclass
        if len(self._connections) >= _CONNECTIONS_MAX:
            self._transport.abort()
            return
        self._connections.add(self)
        self._wait()

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.discard(self)
        if self._idle is not None:
            self._idle.cancel()

    def pause_writing(self) -> None:
        self._transport.pause_reading()

    def resume_writing(self) -> None:
        self._transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while len(self._buffer) >= 2:
            end = 2 + int.from_bytes(self._buffer[:2], "big")
            if len(self._buffer) < end:
                break
            response = self._responder.respond(bytes(self._buffer[2:end]), TCP_BYTES_MAX)
            del self._buffer[:end]
            if response is None:
                self._transport.close()
                return
            self._server.answers += 1
            self._transport.write(struct.pack("!H", len(response)) + response)
        self._wait()

    def abort(self) -> None:
        """Drop the connection now."""
        self._transport.abort()

    def _wait(self) -> None:
        if self._idle is not None:
            self._idle.cancel()
        self._idle = asyncio.get_running_loop().call_later(_IDLE_S, self._transport.abort)
