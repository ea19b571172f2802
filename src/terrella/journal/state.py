"""What the store keeps in memory of its data sets and streams, loaded from the file and reloaded when a batch fails."""

from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field
from typing import Any

import apsw

from terrella.journal.digests import Buckets, buckets_of, salt_of
from terrella.journal.errors import DataSetDroppedError, UnknownDataSetError
from terrella.journal.model import NO_CONTEXT, PULLED, DataSet, Indexer, Lane, Origin, Vector
from terrella.journal.schema import SEQUENCE_BITS, SEQUENCE_MASK, unpack_dots
from terrella.journal.standing import Draining, Join, refusal, unpack_draining, unpack_join

LIVE, DROPPING, DROPPED = 0, 1, 2
RECENT_BYTES_MAX = 256 * 1024
RECENT_RECORDS_MAX = 1024


@dataclass(slots=True, eq=False)
class Stream:
    """What one origin did to one data set: how far it is held here, and what is committed of that.

    ``applied`` is the last record that was taken in: applied, or parked. ``parked`` are the latter's sequences, sorted.
    ``unfinished`` says that the last one is part of a transaction, and not its last.
    ``floor`` is the oldest sequence still in the log. ``recent`` holds the last records of this region's own, up to
    ``applied``: most pulls want just these, and need not ask the file for them. ``not_writes`` are the sequences of
    this region's own records that are no writes, as far as they are known: conflict entries since the store was
    opened, and what opened an incarnation.

    ``acknowledged`` is what its region had applied by the last acknowledgement here, its opening record included;
    ``acknowledged_ahead`` says that not all of that may be applied here.
    """

    id: int
    region: str
    incarnation: str
    applied: int = 0
    floor: int = 1
    committed: int = 0
    predecessor: str | None = None
    predecessor_last: int = 0
    acknowledged: Vector = field(default_factory=dict)
    acknowledged_ahead: bool = True
    log_bytes: int = 0
    salt: int = field(init=False, default=0)
    parked: list[int] = field(default_factory=list)
    unfinished: bool = False
    recent: deque[bytes] = field(default_factory=deque)
    recent_bytes: int = 0
    not_writes: list[int] = field(default_factory=list)
    data_set: "DataSetState | None" = None

    def writes_after(self, sequence: int) -> int:
        """How many committed writes follow a sequence."""
        others = bisect_right(self.not_writes, self.committed) - bisect_right(self.not_writes, sequence)
        return max(0, self.committed - sequence - max(0, others))

    def remember(self, record: bytes) -> None:
        """Keep the record that follows, at the price of older ones."""
        recent = self.recent
        recent.append(record)
        self.recent_bytes += len(record)
        while self.recent_bytes > RECENT_BYTES_MAX or len(recent) > RECENT_RECORDS_MAX:
            self.recent_bytes -= len(recent.popleft())

    def forget_not_writes(self, through: int) -> None:
        """Nobody will be asked any more whether he lacks what was written up to here."""
        del self.not_writes[: bisect_right(self.not_writes, min(through, self.committed))]

    def __post_init__(self) -> None:
        """The origin as digests have it."""
        self.salt = salt_of(self.region, self.incarnation)

    @property
    def complete(self) -> int:
        """The last record up to which all are applied, and none is parked."""
        return self.parked[0] - 1 if self.parked else self.applied

    @property
    def origin(self) -> Origin:
        """``(region, incarnation)``."""
        return (self.region, self.incarnation)

    def dot(self, sequence: int) -> int:
        """The dot as one integer."""
        return self.id << SEQUENCE_BITS | sequence


@dataclass(frozen=True, slots=True)
class Sweep:
    """What the last sweep for tombstones found: what was stable and acknowledged then, and what stayed behind.

    ``next_hlc`` is the least time of one that is too young to go (0: none), ``awaited`` all that the others
    supersede.
    """

    stable: Vector
    acknowledged: Vector
    next_hlc: int
    awaited: Vector


NEVER_SWEPT = Sweep(NO_CONTEXT, NO_CONTEXT, 0, NO_CONTEXT)


@dataclass(slots=True, eq=False)
class DataSetState:
    """A data set: its definition, its counters with their committed values, its streams, its indexes.

    ``declared`` says whether it was declared since the store was opened; until then nothing is read, written or pulled.
    ``new_tombstones`` says that there may be tombstones that this region has not acknowledged. ``parked`` counts
    records that are; ``unindexed`` versions that an index could not take, since the store was opened.
    ``feeds_changes`` says that each change of an item is noted for those who follow them. ``digests`` are kept up for
    what is replicated.
    """

    number: int
    definition: DataSet
    items: int = 0
    bytes: int = 0
    committed_items: int = 0
    committed_bytes: int = 0
    conflicts: int = 0
    dropped: int = LIVE
    declared: bool = False
    indexer: Indexer | None = None
    streams: dict[Origin, Stream] = field(default_factory=dict)
    own: Stream | None = None
    indexes: dict[str, int] = field(default_factory=dict)
    join: Join | None = None
    committed_join: Join | None = None
    drains: dict[str, Draining] = field(default_factory=dict)
    sweep: Sweep = field(default_factory=lambda: NEVER_SWEPT)
    new_tombstones: bool = True
    parked: int = 0
    unindexed: int = 0
    feeds_changes: bool = False
    digests: Buckets | None = None
    committed_declaration: tuple[bool, Indexer | None, bool] = (False, None, False)
    _vector: Vector | None = None

    @property
    def declaration(self) -> tuple[bool, Indexer | None, bool]:
        """What the file does not know: whether it was declared, with which indexer, and whether changes are noted."""
        return self.declared, self.indexer, self.feeds_changes

    @declaration.setter
    def declaration(self, declaration: tuple[bool, Indexer | None, bool]) -> None:
        self.declared, self.indexer, self.feeds_changes = declaration

    @property
    def replicated(self) -> bool:
        """Whether records are kept for other members to pull."""
        return self.definition.lane in PULLED

    @property
    def on_the_way_in(self) -> bool:
        """Whether this region has not yet arrived at a state that it may show, or speak for."""
        return self.join is not None and self.join.on_the_way_in

    @property
    def hollow(self) -> bool:
        """Whether no log can be applied to what is stored: it is the state of no moment, or final until it goes."""
        return self.join is not None and self.join.hollow

    @property
    def committed_hollow(self) -> bool:
        """The same, as of the last commit."""
        return self.committed_join is not None and self.committed_join.hollow

    @property
    def vector(self) -> Vector:
        """What is held and committed of each origin; the same object until that has changed."""
        if self._vector is None:
            self._vector = {stream.origin: stream.committed for stream in self.streams.values() if stream.committed}
        return self._vector

    def note_committed(self) -> None:
        """More is committed of a stream."""
        self._vector = None

    @property
    def applied(self) -> Vector:
        """What is applied of each origin, by the open batch: what is held, less what is parked."""
        return {stream.origin: last for stream in self.streams.values() if (last := stream.complete)}

    def lives(self, region: str) -> list[Stream]:
        """The streams of a region's incarnations of which something is here."""
        return [stream for stream in self.streams.values() if stream.region == region and stream.applied]


class Catalog:
    """All data sets and streams of a store, by every name that they have."""

    def __init__(self, region: str) -> None:
        self.region = region
        self.data_sets: dict[str, DataSetState] = {}
        self.streams: dict[int, Stream] = {}

    @classmethod
    def load(cls, connection: apsw.Connection, region: str, incarnation: str) -> "Catalog":
        """Read what is committed."""
        catalog = cls(region)
        by_number: dict[int, DataSetState] = {}
        columns = "number, id, name, lane, members, joining, epoch, every_s, witness, items, bytes, dropped"
        for (
            number,
            id_,
            name,
            lane,
            members,
            joining,
            epoch,
            every_s,
            witness,
            items,
            bytes_,
            dropped,
        ) in connection.execute(
            f"select {columns} from data_sets"  # noqa: S608 - the columns are ours
        ):
            definition = DataSet(id_, name, Lane(lane), _regions(members), _regions(joining), epoch, every_s, witness)
            state = DataSetState(number, definition, items, bytes_, items, bytes_, dropped=dropped)
            by_number[number] = catalog.data_sets[id_] = state
        catalog._load_streams(connection, by_number, region, incarnation)
        for number, data_set, name in connection.execute(
            "select number, data_set, name from indexes where data_set != 0"
        ):
            by_number[data_set].indexes[name] = number
        for data_set, count in connection.execute(
            "select data_set, count(*) from conflicts where data_set > 0 group by data_set"
        ):
            by_number[data_set].conflicts = count
        for number, digests in connection.execute("select number, digests from data_sets"):
            if by_number[number].replicated:
                by_number[number].digests = buckets_of(digests)
        for dot, data_set in connection.execute("select dot, data_set from parked order by dot"):
            catalog.streams[dot >> SEQUENCE_BITS].parked.append(dot & SEQUENCE_MASK)
            by_number[data_set].parked += 1
        for number, join in connection.execute("select data_set, state from joins"):
            by_number[number].join = by_number[number].committed_join = unpack_join(join)
        for number, drained, draining in connection.execute("select data_set, region, state from drains"):
            by_number[number].drains[drained] = unpack_draining(draining)
        return catalog

    def _load_streams(
        self, connection: apsw.Connection, by_number: dict[int, DataSetState], region: str, incarnation: str
    ) -> None:
        columns = "id, data_set, region, incarnation, applied, floor, predecessor, predecessor_last, log_bytes"
        rows: list[tuple[Any, ...]] = connection.execute(
            f"select {columns}, acknowledged from streams order by id"  # noqa: S608 - the columns are ours
        ).fetchall()
        for id_, number, of_region, of_incarnation, applied, floor, predecessor, last, log_bytes, _ in rows:
            stream = Stream(id_, of_region, of_incarnation, applied, floor, applied, predecessor, last)
            stream.log_bytes = log_bytes
            state = by_number[number]
            self.add_stream(state, stream)
            if of_region == region and state.replicated and floor == 1:
                stream.not_writes.append(1)
            if stream.origin == (region, incarnation):
                state.own = stream
        for id_, *_, acknowledged in rows:
            if acknowledged is not None:
                self.streams[id_].acknowledged = self.vector_of(unpack_dots(acknowledged))

    @property
    def log_bytes(self) -> int:
        """Bytes of all records in the log."""
        return sum(stream.log_bytes for stream in self.streams.values())

    def add_stream(self, state: DataSetState, stream: Stream) -> None:
        """Make a stream known."""
        stream.data_set = state
        state.streams[stream.origin] = stream
        self.streams[stream.id] = stream

    def declared(self, data_set_id: str) -> DataSetState:
        """The data set; raises ``UnknownDataSetError`` or ``DataSetDroppedError``."""
        state = self.data_sets.get(data_set_id)
        if state is not None and state.dropped:
            raise DataSetDroppedError(f"data set {state.definition.name} ({data_set_id}) was dropped")
        if state is None or not state.declared:
            raise UnknownDataSetError(f"data set {data_set_id} has not been declared since the journal was opened")
        return state

    def serving(self, data_set_id: str, *, writing: bool) -> DataSetState:
        """The data set, if this region's clients may read or write it; raises ``DataSetStandingError`` otherwise."""
        state = self.declared(data_set_id)
        definition = state.definition
        join = state.join if writing else state.committed_join
        if join is not None or self.region not in definition.members:
            reason = refusal(definition, self.region, join, writing=writing)
            if reason is not None:
                raise reason
        return state

    def vector_of(self, dots: list[int]) -> Vector:
        """Dots of the file as a vector."""
        vector: dict[Origin, int] = {}
        for dot in dots:
            stream = self.streams[dot >> SEQUENCE_BITS]
            vector[stream.origin] = dot & SEQUENCE_MASK
        return vector

    def take_over_declarations(self, earlier: "Catalog") -> None:
        """After a reload: what was declared before the batch still is, if the file knows it.

        What the batch declared is not: an indexer of other indexes than the file's would let these go stale.
        """
        for data_set_id, state in earlier.data_sets.items():
            reloaded = self.data_sets.get(data_set_id)
            if reloaded is not None:
                reloaded.declaration = reloaded.committed_declaration = state.committed_declaration
                reloaded.unindexed = state.unindexed
        for id_, stream in self.streams.items():
            known = earlier.streams.get(id_)
            if known is not None and known.origin == stream.origin:
                stream.not_writes = [sequence for sequence in known.not_writes if sequence <= stream.applied]


def _regions(column: str) -> tuple[str, ...]:
    return tuple(column.split(",")) if column else ()
