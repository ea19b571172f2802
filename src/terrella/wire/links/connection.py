"""A connection whose bytes cross a link in each direction: the shaper between a socket and its user."""

import asyncio
from collections.abc import Callable
from typing import cast

from terrella.wire.links.shaper import Path, Sign, Stream

UNDER_WAY_BYTES_MAX = 4 * 1024 * 1024
_EARLY_S = 0.0005  # an event loop's timers are a millisecond apart: half of one early is as near as half of one late


class LinkConnection(asyncio.Protocol):
    """A ``Connection`` over two paths. Made by ``Links.connect``; ``on_closed`` is called once, when it has closed.

    ``on_death`` is given for a connection that the other side ends only by dying: it is called when that has happened.
    """

    def __init__(
        self,
        outgoing: Path,
        incoming: Path,
        fraction: Callable[[], float],
        on_closed: Callable[["LinkConnection"], None],
        *,
        on_death: Callable[[], None] | None = None,
    ) -> None:
        self.outgoing = Stream(outgoing, fraction)
        self.incoming = Stream(incoming, fraction)
        self._on_closed = on_closed
        self._on_death = on_death
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._timers: dict[Stream, asyncio.TimerHandle] = {}
        self._received = bytearray()
        self._readable = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self._socket_full = False
        self._reading_paused = False
        self._reached = asyncio.Event()  # the handshake has crossed to the other side
        self._answered = asyncio.Event()  # and back
        self._broken: Exception | None = None  # how the other side ended; seen here once its sign has crossed the link
        self._ended = False
        self._end_sent = False
        self._closed = False

    # asyncio.Protocol: the socket's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open; its answer to the handshake comes before its first byte."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass of it
        self.answer()

    def data_received(self, data: bytes) -> None:
        """Bytes came out of the socket: they enter the incoming path."""
        self.incoming.send(self._loop.time(), data)
        self._deliver_incoming()

    def eof_received(self) -> bool:
        """The other side has finished sending; it may still listen."""
        self._send_end()
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone; its user learns of it when the sign has crossed the link."""
        if exc is not None:
            self._broken = exc
        self._send_end()

    def pause_writing(self) -> None:
        """The socket's buffer is full: what arrives stays on the link."""
        self._socket_full = True

    def resume_writing(self) -> None:
        """The socket takes more."""
        self._socket_full = False
        self._deliver_outgoing()

    # Connection: the user's side

    @property
    def ended(self) -> bool:
        """Whether it is known here that the other side has closed, so that a request on it would be in vain."""
        return self._ended or self._closed

    async def reach(self) -> None:
        """Wait until the handshake has crossed the outgoing link."""
        self.outgoing.send(self._loop.time(), Sign.HANDSHAKE)
        self._deliver_outgoing()
        await self._reached.wait()

    def answer(self) -> None:
        """The other side has answered the handshake, with an open socket or a refusal."""
        self.incoming.send(self._loop.time(), Sign.HANDSHAKE)
        self._deliver_incoming()

    async def answered(self) -> None:
        """Wait until that answer is here."""
        await self._answered.wait()

    async def read(self, max_bytes: int = 65536) -> bytes:
        """The next bytes; empty at the end. Raises ``ConnectionError`` if it broke or was closed here."""
        while not self._received:
            self._check_open()
            if self._ended:
                if self._broken is not None:
                    raise ConnectionResetError(f"the connection broke: {self._broken}") from self._broken
                return b""
            self._readable.clear()
            await self._readable.wait()
        self._check_open()
        data = bytes(self._received[:max_bytes])
        del self._received[:max_bytes]
        self._resume_reading()
        return data

    async def write(self, data: bytes) -> None:
        """Send; waits while more than 4 MB are under way. Raises ``ConnectionError``."""
        self._check_writable()
        if data:
            self.outgoing.send(self._loop.time(), data)
            self._deliver_outgoing()
        while self.outgoing.bytes_under_way > UNDER_WAY_BYTES_MAX:
            self._writable.clear()
            await self._writable.wait()
            self._check_writable()

    def close(self) -> None:
        """Close at once, also while the link is cut. What is under way is lost, and the other side sees the close."""
        if self._closed:
            return
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for stream in (self.outgoing, self.incoming):
            stream.lose_unsent(self._loop.time())
        if self._transport is not None:
            self._transport.abort()
        self._readable.set()
        self._writable.set()
        self._on_closed(self)

    # between the two

    def wake(self, stream: Stream) -> None:
        """The stream's plan has changed: deliver what is due, and set the timer for the rest."""
        if self._closed:
            return
        if stream is self.outgoing:
            self._deliver_outgoing()
        else:
            self._deliver_incoming()

    def _deliver_outgoing(self) -> None:
        if not self._socket_full:
            for payload in self.outgoing.receive(self._loop.time() + _EARLY_S):
                if isinstance(payload, Sign):
                    self._reached.set()
                elif self._transport is not None and not self._transport.is_closing():
                    self._transport.write(payload)
            if self.outgoing.bytes_under_way <= UNDER_WAY_BYTES_MAX:
                self._writable.set()
            self._set_timer(self.outgoing)

    def _deliver_incoming(self) -> None:
        for payload in self.incoming.receive(self._loop.time() + _EARLY_S):
            if payload is Sign.HANDSHAKE:
                self._answered.set()
            elif payload is Sign.END:
                self._ended = True
                self._writable.set()
            else:
                self._received += payload
        if self._received or self._ended:
            self._readable.set()
        waiting = self.incoming.bytes_under_way + len(self._received)
        if waiting > UNDER_WAY_BYTES_MAX and not self._reading_paused and self._transport is not None:
            self._reading_paused = True
            self._transport.pause_reading()
        self._set_timer(self.incoming)

    def _set_timer(self, stream: Stream) -> None:
        timer = self._timers.pop(stream, None)
        if timer is not None:
            timer.cancel()
        due_s = stream.due_at()
        if due_s is not None and not self._closed:
            self._timers[stream] = self._loop.call_at(due_s, self.wake, stream)

    def _resume_reading(self) -> None:
        waiting = self.incoming.bytes_under_way + len(self._received)
        if self._reading_paused and waiting <= UNDER_WAY_BYTES_MAX // 2:
            self._reading_paused = False
            if self._transport is not None and not self._transport.is_closing():
                self._transport.resume_reading()

    def _send_end(self) -> None:
        if not self._end_sent and not self._closed:
            self._end_sent = True
            if self._on_death is not None:
                self._on_death()
            self.incoming.send(self._loop.time(), Sign.END)
            self._deliver_incoming()

    def _check_open(self) -> None:
        if self._closed:
            raise ConnectionAbortedError("the connection was closed here")

    def _check_writable(self) -> None:
        self._check_open()
        if self._ended and (self._transport is None or self._transport.is_closing()):
            raise ConnectionResetError("the other side has closed the connection")
