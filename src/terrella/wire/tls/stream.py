"""TLS as pure bookkeeping: encrypted bytes in, encrypted bytes out, and what they say.

::

    receive(data)      encrypted bytes came; ``b""``: no more will come
    shake_hands()      whether the handshake is done
    write(data)        say something
    read(max_bytes)    what was said: bytes; ``b""`` at its end; None while there is nothing whole
    take()             encrypted bytes to be sent now, after any of the others, also after they have raised
"""

import contextlib
import ssl
from typing import Any

_NO_TLS = {
    "WRONG_VERSION_NUMBER",
    "HTTP_REQUEST",
    "HTTPS_PROXY_REQUEST",
    "UNEXPECTED_MESSAGE",
    "PACKET_LENGTH_TOO_LONG",
}


class TlsError(ConnectionError):
    """The handshake failed, or the stream was tampered with or cut off; its text is the reason."""


class TlsStream:
    """One side of a TLS connection."""

    def __init__(self, context: ssl.SSLContext, *, server_side: bool = False) -> None:
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._object = context.wrap_bio(self._incoming, self._outgoing, server_side=server_side)
        self._ended = False
        self._broken: TlsError | None = None

    @property
    def certificate(self) -> dict[str, Any]:
        """What the other side's certificate says, in the form of ``ssl.SSLSocket.getpeercert``."""
        return self._object.getpeercert() or {}

    @property
    def protocol(self) -> str | None:
        """What both sides have agreed to speak (ALPN)."""
        return self._object.selected_alpn_protocol()

    def receive(self, data: bytes) -> None:
        """Take in encrypted bytes; empty at their end."""
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    def shake_hands(self) -> bool:
        """Go on with the handshake; True once it is done. Raises ``TlsError``."""
        try:
            self._object.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise TlsError(reason_of(error)) from error
        return True

    def write(self, data: bytes) -> None:
        """Encrypt. Raises ``TlsError``."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._object.write(view) :]
        except ssl.SSLError as error:
            raise TlsError(reason_of(error)) from error

    def read(self, max_bytes: int = 65536) -> bytes | None:
        """Decrypt what has come whole, over as many of TLS's records as it takes. Raises ``TlsError``."""
        if self._broken is not None:
            raise self._broken
        parts: list[bytes] = []
        wanted = max_bytes
        try:
            while wanted > 0 and not self._ended:
                part = self._object.read(wanted)
                self._ended = not part
                parts.append(part)
                wanted -= len(part)
        except (ssl.SSLWantReadError, ssl.SSLZeroReturnError) as error:
            self._ended = isinstance(error, ssl.SSLZeroReturnError)
        except ssl.SSLError as error:
            self._broken = TlsError(reason_of(error))
            if not parts:  # what was said before it broke is handed out first
                raise self._broken from error
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        return data if data or self._ended else None

    def close(self) -> None:
        """Say that nothing more will be said."""
        with contextlib.suppress(ssl.SSLError):  # it would wait for the other side's goodbye; ours is in ``take``
            self._object.unwrap()

    def take(self) -> bytes:
        """Encrypted bytes to be sent, in order."""
        return self._outgoing.read()


def reason_of(error: ssl.SSLError) -> str:
    """OpenSSL's reason as a person would say it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate does not hold: {error.verify_message}"
    if isinstance(error, ssl.SSLEOFError):
        return "the connection was cut off without a goodbye"
    reason = error.reason or str(error)
    if reason in _NO_TLS:
        return "it does not speak TLS"
    if reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return "it showed no certificate"
    if "_ALERT_" in reason:
        return f"it refused us: {reason.partition('_ALERT_')[2].replace('_', ' ').lower()}"
    return f"TLS failed: {reason.replace('_', ' ').lower()}"
