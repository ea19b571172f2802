"""How a region stands to a data set, where that is not simply "a member": joining, leaving, evicted.

::

    (joining, empty) ------------------------------> COPYING --> CATCHING_UP --> JOINED --> (a member)
    (joining, holds something) --> DRAINING --> DISCARDING --^        |
    (a member that is to take a snapshot) --------^                   '--> (a member)
    (a member that no log can bring up to date) -> COPYING, merging --> CATCHING_UP --> (a member)
    (a member that is to go) --> LEAVING --> LEFT --> (no holder)
    (a member that a peer tells that it is none) --> EVICTED --> (what was decided is heard)

DRAINING: others take what only this region holds. COPYING: a member's state is taken in, chunk by chunk. CATCHING_UP:
the log from the snapshot's start on makes a consistent state of what was copied while it changed.
"""

from enum import IntEnum

import msgspec

from terrella.journal.errors import DataSetEvictedError, DataSetJoiningError, DataSetLeavingError, DataSetStandingError
from terrella.journal.model import DataSet
from terrella.journal.protocol import FlatVector, StreamHead


class Phase(IntEnum):
    """A step on the way in, or out."""

    DRAINING = 1
    DISCARDING = 2
    COPYING = 3
    CATCHING_UP = 4
    JOINED = 5
    LEAVING = 6
    LEFT = 7
    EVICTED = 8


class Stage(IntEnum):
    """What a snapshot consists of, in this order."""

    ITEMS = 0
    CONFLICTS = 1


class Join(msgspec.Struct, frozen=True, array_like=True):
    """The persisted state of a way in or out; kept in the same transaction as what it tells of.

    ``epoch`` is that of the membership under which it goes on. ``required`` is what a source must hold, because this
    region had applied it before it discarded. ``source`` is the last one, ``stage`` and ``after`` say what is durable
    of the snapshot; ``drained`` what a member has taken over of streams that nobody pulls any more; ``target`` what the
    source held when the last chunk was read. ``renew``: this region's own stream ends with what was discarded.
    ``closed``: what is here is final already while it is drained, because it is drained by one member only.
    ``merging``: what is copied is merged into what is here, for a member that lacks what no log has any more.
    ``attempt`` counts the starts: what is still under way of an earlier one has no effect.
    """

    phase: Phase
    epoch: int
    wanted_source: str | None = None
    source: tuple[str, str] | None = None
    required: FlatVector = []
    stage: Stage = Stage.ITEMS
    after: bytes | None = None
    drained: FlatVector = []
    target: FlatVector = []
    renew: bool = False
    closed: bool = False
    attempt: int = 0
    merging: bool = False

    def taken_over(self, required: FlatVector, drained: FlatVector) -> "Join":
        """After a member has taken over what only this region had."""
        return msgspec.structs.replace(self, required=required, drained=drained)

    @property
    def hollow(self) -> bool:
        """Whether nothing is pulled into what is stored: because it is final, or the state of no moment."""
        return self.phase in (Phase.DISCARDING, Phase.COPYING) or (self.phase is Phase.DRAINING and self.closed)

    @property
    def on_the_way_in(self) -> bool:
        """Whether this region has not yet arrived at a state that it may show."""
        return self.phase <= Phase.CATCHING_UP


class Start(msgspec.Struct, frozen=True, array_like=True):
    """Where a snapshot started: of all its sources so far the earliest state of each stream, and the latest clock."""

    hlc: int
    streams: list[StreamHead]


class Draining(msgspec.Struct, frozen=True, array_like=True):
    """How far this region has taken over what a returning region wrote while it was evicted."""

    cursors: FlatVector


_SAYS = {
    Phase.DRAINING: "it waits until others hold what only this region has",
    Phase.DISCARDING: "it makes room for a snapshot",
    Phase.COPYING: "it takes a snapshot",
    Phase.CATCHING_UP: "it catches up after a snapshot",
}
_decode = msgspec.msgpack.Decoder(Join).decode
_decode_draining = msgspec.msgpack.Decoder(Draining).decode
_decode_start = msgspec.msgpack.Decoder(Start).decode


def pack_join(join: Join) -> bytes:
    """As the file holds it."""
    return msgspec.msgpack.encode(join)


def unpack_join(column: bytes) -> Join:
    """From the file."""
    return _decode(column)


def pack_draining(draining: Draining) -> bytes:
    """As the file holds it."""
    return msgspec.msgpack.encode(draining)


def unpack_draining(column: bytes) -> Draining:
    """From the file."""
    return _decode_draining(column)


def pack_start(start: Start) -> bytes:
    """As the file holds it."""
    return msgspec.msgpack.encode(start)


def unpack_start(column: bytes) -> Start:
    """From the file."""
    return _decode_start(column)


def refusal(definition: DataSet, region: str, join: Join | None, *, writing: bool) -> DataSetStandingError | None:
    """Why the region's own clients may not read, or write, this data set here at the moment; None if they may."""
    name = f"data set {definition.name}"
    if join is not None and join.on_the_way_in:
        return DataSetJoiningError(f"{name}: {region} is joining: {_SAYS[join.phase]}")
    if region in definition.joining:
        return DataSetJoiningError(f"{name}: {region} is joining, and no member yet")
    if region == definition.witness:
        return DataSetStandingError(f"{name}: {region} is its witness, and holds nothing to read or write")
    if not writing:
        return None
    if region not in definition.members:
        return DataSetEvictedError(f"{name}: {region} is no member any more, since epoch {definition.epoch}")
    if join is not None and join.phase is Phase.EVICTED:
        return DataSetEvictedError(f"{name}: {region} is no member any more, as a peer says, since epoch {join.epoch}")
    if join is not None and join.phase in (Phase.LEAVING, Phase.LEFT):
        return DataSetLeavingError(f"{name}: {region} is leaving, and takes no more writes")
    return None


def standing_of(definition: DataSet, region: str, join: Join | None) -> str:
    """In one word, for people: ``member``, ``joining``, ``evicted``, or the phase."""
    if join is not None:
        return join.phase.name.lower().replace("_", " ")
    if region in definition.joining:
        return "joining"
    return "member" if region in definition.members else "evicted"
