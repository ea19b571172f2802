"""The listening side: a port behind which regions speak to those whose certificates say who they are."""

import asyncio
import ssl
from collections.abc import Callable, Mapping
from typing import Any, cast

from terrella.wire.tls.identity import proven_name
from terrella.wire.tls.stream import TlsError, TlsStream

HANDSHAKE_TIMEOUT_S = 5.0
HANDSHAKES_MAX = 100  # beyond that the oldest gives way: strangers who say nothing must not keep regions out
MakeProtocol = Callable[[], asyncio.Protocol]


class TlsDoor:
    """Listens; a connection that has shaken hands gets the protocol that it asked for by ALPN.

    Whoever has a certificate of the world may come in; ``protocols`` makes what speaks to them, whose transport answers
    ``get_extra_info("proven")`` with the name in the certificate. ``refused(address, reason)`` is told of everybody
    else. A refusal costs nothing but its own connection.
    """

    def __init__(
        self,
        context: ssl.SSLContext,
        world: str,
        protocols: Mapping[str, MakeProtocol],
        refused: Callable[[str, str], None],
    ) -> None:
        self._context = context
        self._world = world
        self._protocols = dict(protocols)
        self._refused = refused
        self._server: asyncio.Server | None = None
        self._open: set[_Guest] = set()
        self._shaking_hands: dict[_Guest, None] = {}

    async def listen(self, host: str, port: int) -> int:
        """Start to listen; answers the port. Raises ``OSError`` if it cannot be bound."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Guest(self, self._context), host, port, backlog=1024)
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def close(self) -> None:
        """Stop listening and drop every connection."""
        if self._server is not None:
            self._server.close()
        for guest in list(self._open):
            guest.abort()
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    def came(self, guest: "_Guest") -> None:
        """Somebody has connected."""
        self._open.add(guest)
        self._shaking_hands[guest] = None
        if len(self._shaking_hands) > HANDSHAKES_MAX:
            next(iter(self._shaking_hands)).refuse("too many others were shaking hands as well")

    def went(self, guest: "_Guest") -> None:
        """The connection is gone."""
        self._open.discard(guest)
        self._shaking_hands.pop(guest, None)

    def refuse(self, guest: "_Guest", reason: str) -> None:
        """It was not let in."""
        self._shaking_hands.pop(guest, None)
        self._refused(guest.address, reason)

    def admit(self, guest: "_Guest", stream: TlsStream) -> tuple[str, asyncio.Protocol]:
        """Who has shaken hands, and what is to speak to it; raises ``TlsError`` with the reason if nothing is."""
        name = proven_name(stream.certificate, self._world)
        make = self._protocols.get(stream.protocol or "")
        if make is None:
            raise TlsError(f"{name} asks for no protocol that is spoken here")
        self._shaking_hands.pop(guest, None)
        return name, make()


class _Guest(asyncio.Protocol):
    """One connection: TLS between its socket and the protocol that it is given."""

    def __init__(self, door: TlsDoor, context: ssl.SSLContext) -> None:
        self._door = door
        self._stream = TlsStream(context, server_side=True)
        self._app: asyncio.Protocol | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._writing_paused = False
        self._said_end = False
        self._refused = False
        self.address = "?"
        self.proven = ""
        self.transport: asyncio.Transport

    # asyncio.Protocol: the socket's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own is no subclass of it
        peer = transport.get_extra_info("peername")
        self.address = str(peer[0]) if isinstance(peer, tuple) else "?"
        patience = f"it did not shake hands within {HANDSHAKE_TIMEOUT_S:g} s"
        self._timer = asyncio.get_running_loop().call_later(HANDSHAKE_TIMEOUT_S, self.refuse, patience)
        self._door.came(self)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._stream.receive(data)
        if self._app is None:
            self._shake_hands()
        if self._app is not None:
            self._deliver(self._app)

    def eof_received(self) -> None:
        """The socket is closed after this; TLS has no use for one that is open in one direction."""
        if self._app is not None and not self._said_end:
            self._said_end = True
            self._app.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_timer()
        self._door.went(self)
        if self._app is None and not self._refused:
            self._door.refuse(self, "it broke off the handshake")
        if self._app is not None:
            self._app.connection_lost(exc)

    def pause_writing(self) -> None:
        self._writing_paused = True
        if self._app is not None:
            self._app.pause_writing()

    def resume_writing(self) -> None:
        self._writing_paused = False
        if self._app is not None:
            self._app.resume_writing()

    # between the two

    def refuse(self, reason: str) -> None:
        """Let it go, and say why to those who want to know; TLS's own last words have gone to the other side."""
        self._stop_timer()
        self._refused = True
        self._door.refuse(self, reason)
        self._stream.close()
        self.flush()
        self.transport.close()

    def abort(self) -> None:
        """Drop the connection now."""
        self.transport.abort()

    def say(self, data: bytes) -> None:
        """The app's words."""
        if not self.transport.is_closing():
            self._stream.write(data)
            self.flush()

    def close(self) -> None:
        """The app has said all; what is buffered is still sent."""
        if not self.transport.is_closing():
            self._stream.close()
            self.flush()
            self.transport.close()

    def flush(self) -> None:
        """Encrypted bytes to the socket."""
        data = self._stream.take()
        if data and not self.transport.is_closing():
            self.transport.write(data)

    def _shake_hands(self) -> None:
        try:
            done = self._stream.shake_hands()
            self.flush()
            if not done:
                return
            self.proven, app = self._door.admit(self, self._stream)
        except TlsError as error:
            self.refuse(str(error))
            return
        self._stop_timer()
        self._app = app
        app.connection_made(_Transport(self))
        if self._writing_paused:
            app.pause_writing()

    def _deliver(self, app: asyncio.Protocol) -> None:
        try:
            while (data := self._stream.read()) and not self.transport.is_closing():
                app.data_received(data)
        except TlsError:
            self.transport.abort()  # somebody has meddled with it: nothing more can be believed
            return
        self.flush()
        if data == b"" and not self._said_end:
            self._said_end = True
            app.eof_received()
            self.close()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _Transport(asyncio.Transport):
    """What the app's protocol has in hand in the place of a socket's transport."""

    def __init__(self, guest: _Guest) -> None:
        super().__init__()
        self._guest = guest

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._guest.proven if name == "proven" else self._guest.transport.get_extra_info(name, default)

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self._guest.say(bytes(data))

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return self._guest.transport.get_write_buffer_size()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._guest.transport.set_write_buffer_limits(high, low)

    def is_closing(self) -> bool:
        return self._guest.transport.is_closing()

    def close(self) -> None:
        self._guest.close()

    def abort(self) -> None:
        self._guest.abort()

    def is_reading(self) -> bool:
        return self._guest.transport.is_reading()

    def pause_reading(self) -> None:
        self._guest.transport.pause_reading()

    def resume_reading(self) -> None:
        self._guest.transport.resume_reading()
