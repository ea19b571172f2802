"""The words of the journal as values: data sets, origins, dots, versions, entries, conflicts."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

import msgspec

# An origin is one opening of one region's store: (region, incarnation).
Origin = tuple[str, str]
# A vector holds the highest sequence of each origin; an origin that is not in it counts as 0.
Vector = Mapping[Origin, int]

# What an index makes of an item: (index name, index key) pairs. An item that an index cannot take yields none for it.
Indexer = Callable[[bytes, bytes], Iterable[tuple[str, bytes]]]

NO_CONTEXT: Vector = {}


class Lane(StrEnum):
    """How a data set is replicated.

    Not at all; by pull, continuously or on a schedule, the last writer winning; or by a majority of its members, before
    a write is acknowledged.
    """

    LOCAL = "local"
    ASYNC = "async"
    BATCH = "batch"
    SYNC = "sync"


PULLED = (Lane.ASYNC, Lane.BATCH)


@dataclass(frozen=True, slots=True)
class DataSet:
    """What is replicated as one. ``members`` are the regions that hold it, sorted.

    ``joining`` are those that are taking their first snapshot: they are pulled from and keep logs and tombstones from
    going, but count for no majority and serve no client. A membership with a greater ``epoch`` replaces a smaller one.
    ``every_s`` is the interval of the lane ``batch``: at each multiple of it (of the time of day) members fetch from
    each other what has come together. In the lane ``sync``, a ``witness`` is a region that votes and keeps the log, and
    holds nothing.
    """

    id: str
    name: str
    lane: Lane
    members: tuple[str, ...]
    joining: tuple[str, ...] = ()
    epoch: int = 0
    every_s: float = 0.0
    witness: str = ""

    @property
    def holders(self) -> tuple[str, ...]:
        """Members and joining members."""
        return self.members + self.joining


def data_set_id(world: str, stack: str, logical_id: str, generation: int) -> str:
    """The id that every region derives alike, without talking (24 hexadecimal digits); a name is no part of it."""
    identity = "\0".join((world, stack, logical_id, str(generation)))
    return hashlib.sha256(identity.encode()).hexdigest()[:24]


class Dot(msgspec.Struct, frozen=True):
    """The name of one write for ever: its origin and its place in that origin's sequence (per data set, from 1)."""

    region: str
    incarnation: str
    sequence: int

    @property
    def origin(self) -> Origin:
        """``(region, incarnation)``."""
        return (self.region, self.incarnation)


class Version(msgspec.Struct, frozen=True):
    """One state of an item: ``value`` is None for a tombstone.

    ``context`` holds the dots that its writer had seen of this item, without what the own dot implies (everything of
    the same origin up to it). A stored version's context has those of every version merged into it as well. A
    tombstone that time has made names in ``expires`` the version that it ends, and has that one's time.
    """

    value: bytes | None
    dot: Dot
    hlc: int
    context: Vector = NO_CONTEXT
    expires: Dot | None = None


# What a conflict entry names as winner where there was nothing, see ``Conflict``.
NOTHING = Version(None, Dot("", "", 0), 0)


class Entry(msgspec.Struct, frozen=True):
    """A key and the version that it has."""

    key: bytes
    version: Version


class IndexEntry(msgspec.Struct, frozen=True):
    """An entry as an index orders it: by ``index_key``, then by the item's ``key``."""

    index_key: bytes
    key: bytes
    version: Version


class ChangeKind(StrEnum):
    """What a change was to the item, as DynamoDB Streams has it."""

    INSERT = "INSERT"
    MODIFY = "MODIFY"
    REMOVE = "REMOVE"


class Change(msgspec.Struct, frozen=True):
    """What a commit changed of an item here. ``position`` orders all changes of this store; ``at_ms`` since 1970.

    ``old`` is the local version replaced, None if there was none; ``new`` may be a tombstone. Contexts are left out.
    ``local`` says that it was written here, not replicated; ``expiry`` that time has ended the item.
    """

    position: int
    at_ms: int
    key: bytes
    kind: ChangeKind
    old: Version | None
    new: Version
    local: bool
    expiry: bool


class Parked(msgspec.Struct, frozen=True):
    """A record that cannot be applied, and why; ``key`` is None if not even that can be read."""

    data_set_id: str
    dot: Dot
    key: bytes | None
    reason: str
    record_bytes: int


class Conflict(msgspec.Struct, frozen=True):
    """Two versions of an item of which neither writer had seen the other, and which of them lost.

    The versions' contexts are left out: an entry is the same on every member, while contexts grow at each in its own
    time. ``winner`` is ``NOTHING`` for a write that an evicted region made where the members had no such item any more:
    whether that was deleted before or after, nobody knows; and for one that came when its data set had been dropped.
    """

    data_set_id: str
    key: bytes
    loser: Version
    winner: Version
