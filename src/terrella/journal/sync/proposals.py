"""What is proposed to a group: changes of items, each with what its writer took to be there.

An entry's bytes are a MessagePack array whose first field is the format's version. Within a data set of the lane
``sync`` a dot is the log's index, so an item that is expected is named by one number; 0 expects that there is none.
"""

from enum import IntEnum

import msgspec

from terrella.journal.errors import RecordError, UnknownFormatError

FORMAT = 1


class Outcome(IntEnum):
    """What became of a proposal; the same on every member."""

    APPLIED = 0
    CONFLICT = 1  # an item was not as expected: nothing was written
    EXPIRED = 2  # it came so late that it might have been here before, and been forgotten: nothing was written


class Change(msgspec.Struct, array_like=True, frozen=True):
    """One item. ``writes`` is False for one that was only looked at; otherwise ``value`` None removes it."""

    key: bytes
    expected: int
    writes: bool
    value: bytes | None


class Proposal(msgspec.Struct, array_like=True, frozen=True):
    """All or nothing. ``base`` is the index that the proposer had applied, ``hlc`` its clock."""

    format: int
    base: int
    hlc: int
    changes: list[Change]


class _Head(msgspec.Struct, array_like=True, frozen=True):
    format: int


encode_proposal = msgspec.msgpack.Encoder().encode
_decode_head = msgspec.msgpack.Decoder(_Head).decode
_decode = msgspec.msgpack.Decoder(Proposal).decode


def decode_proposal(data: bytes) -> Proposal:
    """Read a proposal; raises ``UnknownFormatError``, or ``RecordError`` if it is none."""
    try:
        head = _decode_head(data)
        if head.format != FORMAT:
            raise UnknownFormatError(f"a proposal of format {head.format}; this version knows format {FORMAT}")
        return _decode(data)
    except msgspec.DecodeError as error:
        raise RecordError(f"{len(data)} bytes that are no proposal: {error}") from error
