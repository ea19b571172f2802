"""TLS without a socket: whatever way the bytes are cut, what was said is heard."""

import ssl
from dataclasses import dataclass, field
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrella.wire.tls import TlsError, TlsStream, client_context, server_context
from terrella.world import DevelopmentAuthority

from .conftest import EAST, IRELAND

SAID = st.lists(st.binary(max_size=40_000), max_size=6)
CUTS = st.lists(st.integers(1, 3000), min_size=1, max_size=30)


@cache
def east(authority: DevelopmentAuthority) -> ssl.SSLContext:
    return client_context(authority.files(EAST), "test")


@cache
def ireland(authority: DevelopmentAuthority) -> ssl.SSLContext:
    return server_context(authority.files(IRELAND), ["test"])


def client_of(authority: DevelopmentAuthority) -> TlsStream:
    return TlsStream(east(authority))


def server_of(authority: DevelopmentAuthority) -> TlsStream:
    return TlsStream(ireland(authority), server_side=True)


def shake_hands(client: TlsStream, server: TlsStream) -> None:
    done = False
    while not done:
        done = client.shake_hands()
        server.receive(client.take())
        done = server.shake_hands() and done
        client.receive(server.take())


@dataclass
class End:
    """One end: what it has still to say, how much it expects, what it has heard, and its bytes on the wire."""

    stream: TlsStream
    to_say: list[bytes]
    expected_bytes: int
    heard: bytearray = field(default_factory=bytearray)
    wire: bytearray = field(default_factory=bytearray)
    greeted: bool = False
    said_goodbye: bool = False
    ended: bool = False

    def step(self, read_bytes: int) -> None:
        self.greeted = self.greeted or self.stream.shake_hands()
        if self.greeted:
            if self.to_say:
                self.stream.write(self.to_say.pop(0))
            while data := self.stream.read(read_bytes):
                self.heard += data
            self.ended = data == b""
            if not self.to_say and len(self.heard) == self.expected_bytes and not self.said_goodbye:
                self.said_goodbye = True
                self.stream.close()
        self.wire += self.stream.take()

    def cross(self, other: "End", size: int) -> None:
        if self.wire:
            other.stream.receive(bytes(self.wire[:size]))
            del self.wire[:size]


@given(there=SAID, back=SAID, cuts=CUTS)
def test_any_chopping_of_the_bytes(
    authority: DevelopmentAuthority, there: list[bytes], back: list[bytes], cuts: list[int]
) -> None:
    """Both ways at once, handshake and goodbye included, in pieces that mean nothing to TLS."""
    client = End(client_of(authority), list(there), len(b"".join(back)))
    server = End(server_of(authority), list(back), len(b"".join(there)))
    turn = 0
    while not (client.ended and server.ended):
        turn += 1
        assert turn < 1_000_000, "they wait for each other for ever"
        cut = cuts[turn % len(cuts)]
        client.step(cut)
        server.step(cut)
        client.cross(server, cut)
        server.cross(client, cuts[(turn + 1) % len(cuts)])
    assert bytes(server.heard) == b"".join(there)
    assert bytes(client.heard) == b"".join(back)


@given(at=st.integers(0, 10_000), bit=st.integers(0, 7))
def test_a_flipped_bit_is_noticed(authority: DevelopmentAuthority, at: int, bit: int) -> None:
    """Nothing after it is believed."""
    client, server = client_of(authority), server_of(authority)
    shake_hands(client, server)
    client.write(bytes(10_000))
    wire = bytearray(client.take())
    wire[at % len(wire)] ^= 1 << bit
    server.receive(bytes(wire))
    server.receive(b"")
    with pytest.raises(TlsError):
        read_all(server)


def read_all(stream: TlsStream) -> bytes:
    """Until nothing whole is left."""
    data = bytearray()
    while part := stream.read(1):
        data += part
    return bytes(data)


def test_an_end_without_a_goodbye_is_no_end(authority: DevelopmentAuthority) -> None:
    """What was whole before the cut is handed out; then it is said that it was cut off."""
    client, server = client_of(authority), server_of(authority)
    shake_hands(client, server)
    client.write(b"one")
    server.receive(client.take())
    server.receive(b"")
    assert server.read() == b"one"
    for _ in range(2):
        with pytest.raises(TlsError, match="cut off without a goodbye"):
            server.read()


def test_nothing_is_read_before_it_is_whole(authority: DevelopmentAuthority) -> None:
    client, server = client_of(authority), server_of(authority)
    shake_hands(client, server)
    client.write(b"one")
    wire = client.take()
    server.receive(wire[:-1])
    assert server.read() is None
    server.receive(wire[-1:])
    assert server.read() == b"one"
    assert server.read() is None


def test_what_was_agreed(authority: DevelopmentAuthority) -> None:
    client, server = client_of(authority), server_of(authority)
    shake_hands(client, server)
    assert client.protocol == server.protocol == "test"
    assert ("URI", "terrella://items/eu-west-1") in client.certificate["subjectAltName"]
    assert ("DNS", "us-east-1.items.terrella.internal") in server.certificate["subjectAltName"]


@given(noise=st.binary(min_size=1, max_size=2000))
def test_garbage_is_refused_or_waited_for(authority: DevelopmentAuthority, noise: bytes) -> None:
    """It is never an exception of another kind, and never a handshake."""
    server = server_of(authority)
    server.receive(noise)
    try:
        assert not server.shake_hands()
        server.receive(b"")
        server.shake_hands()
    except TlsError:
        return
    raise AssertionError("garbage shook hands")


def test_why_each_stranger_is_refused(
    authority: DevelopmentAuthority, stranger: DevelopmentAuthority, expired: DevelopmentAuthority
) -> None:
    """Whoever finds it out says what it is, and TLS's alert tells the other side."""
    untrusted = "its certificate does not hold: self-signed certificate in certificate chain"
    outdated = "its certificate does not hold: certificate has expired"
    assert reasons_of(client_of(stranger), server_of(authority)) == [untrusted, "it refused us: unknown ca"]
    assert reasons_of(client_of(expired), server_of(authority)) == [outdated, "it refused us: certificate expired"]


def reasons_of(client: TlsStream, server: TlsStream) -> list[str]:
    """What went wrong, in order; each side gives up with its first."""
    reasons: list[str] = []
    ends = [(client, server), (server, client)]
    while len(reasons) < 2:
        for end, other in list(ends):
            try:
                if end.shake_hands():
                    end.read()
            except TlsError as error:
                reasons.append(str(error))
                ends.remove((end, other))
            if data := end.take():
                other.receive(data)
    return reasons
