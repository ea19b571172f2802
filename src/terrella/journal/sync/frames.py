"""What regions say to each other about their groups, on connections of their own.

They carry one way each, but for the answer to a snapshot; and whoever opened a connection ends it.

::

    sender                                receiver
      SyncHello ------------------------->           see ``protocol``: whose groups, of which world, which opening
      Introduction ---------------------->           per data set: my id in its group, and whom it was founded with
      GroupMessage ---------------------->           per data set: what its Raft core says
      Ping, Pong ------------------------>           for how far apart the two are

    and on a connection for a snapshot alone:

      SyncHello ------------------------->
      SnapshotHead ---------------------->           of which state, for whom
      SnapshotPart ---------------------->           items in key order, then remembered proposals
      SnapshotFinished ------------------>           how many parts there were
             <------------------------------ SnapshotTaken   all are here
"""

from collections.abc import Callable, Iterator

import msgspec

from terrella.journal.errors import ProtocolError
from terrella.journal.protocol import FRAME_BYTES_MAX, Envelopes, Name, envelope
from terrella.journal.raft import AnyMessage, Configuration, SnapshotPoint

# An item of a snapshot: key, value, index of the entry that wrote it, time.
ItemPart = tuple[bytes, bytes, int, int]
# A remembered proposal: id, entry, outcome.
ProposalPart = tuple[str, int, int]


class Introduction(msgspec.Struct, array_like=True, frozen=True, tag=1):
    """The sender's id in a group; ``founding`` is whom the group began with, None if the sender does not know."""

    data_set_id: Name
    member: Name
    founding: Configuration | None


class GroupMessage(msgspec.Struct, array_like=True, frozen=True, tag=2):
    """What a Raft core says."""

    data_set_id: Name
    message: AnyMessage


class Ping(msgspec.Struct, array_like=True, frozen=True, tag=3):
    """Answer this."""

    number: int


class Pong(msgspec.Struct, array_like=True, frozen=True, tag=4):
    """The answer."""

    number: int


class SnapshotHead(msgspec.Struct, array_like=True, frozen=True, tag=5):
    """A snapshot of a group's state as of ``point``, from its leader in ``term``."""

    data_set_id: Name
    leader: Name
    receiver: Name
    term: int
    point: SnapshotPoint


class SnapshotPart(msgspec.Struct, array_like=True, frozen=True, tag=6):
    """The next of it."""

    items: list[ItemPart]
    proposals: list[ProposalPart]


class SnapshotFinished(msgspec.Struct, array_like=True, frozen=True, tag=7):
    """That was all."""

    parts: int


class SnapshotTaken(msgspec.Struct, array_like=True, frozen=True, tag=8):
    """The receiver has all of it, and the sender may end the connection."""

    parts: int


Frame = Introduction | GroupMessage | Ping | Pong | SnapshotHead | SnapshotPart | SnapshotFinished | SnapshotTaken

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Frame).decode


def pack(content: Frame) -> bytes:
    """A frame's bytes, behind their length and checksum."""
    body = _encode(content)
    assert len(body) <= FRAME_BYTES_MAX, f"{type(content).__name__} of {len(body)} bytes"
    return envelope(body)


class Unpacker(Envelopes):
    """Cuts a stream of bytes into what regions say of their groups; raises ``ProtocolError`` for what is none."""

    def __init__(self, begun: bytes = b"") -> None:
        super().__init__(begun=begun)

    def feed(self, data: bytes) -> Iterator[Frame]:
        """What is complete with these bytes."""
        return map(unpack, self.bodies(data))


def unpack(body: bytes, decode: Callable[[bytes], Frame] = _decode) -> Frame:
    """Read a frame's body."""
    try:
        return decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise ProtocolError(f"{len(body)} bytes that are no frame of a group: {error}") from error
