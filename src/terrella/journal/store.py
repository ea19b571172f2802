"""The store: items, log, indexes and counters in one SQLite file, changed by one writer inside one open batch.

Nothing here waits or knows of tasks: the journal's committer drives it on an event loop, the simulator in a plain loop.
A batch is ``begin``, any number of changes, ``flush``, ``commit``, ``committed``; or ``rollback`` at any point before.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any
from zlib import crc32

import apsw

from terrella.journal.digests import Buckets, hash_of
from terrella.journal.model import NO_CONTEXT, DataSet, Dot, Vector, Version
from terrella.journal.records import Part, encode_opening, encode_write
from terrella.journal.schema import SEQUENCE_BITS, SEQUENCE_MASK, pack_dots, prepare, unpack_dots
from terrella.journal.standing import Join, pack_join
from terrella.journal.state import Catalog, DataSetState, Stream
from terrella.journal.vectors import seen_by
from terrella.kernel import SKEW_BOUND_MS, Clock, HybridLogicalClock, Ids

_log = logging.getLogger(__name__)

LOG_BYTES_MAX = 1 << 30

# What is stored at a key: value, dot, hlc, context (dots, packed), the dot that an expiry ends.
Stored = tuple[bytes | None, int, int, bytes | None, int | None]
# The same as a row of the table of items: its id first.
Row = tuple[int, bytes | None, int, int, bytes | None, int | None]
# Index entries (index name, index key) that go, and that come.
IndexChanges = tuple[set[tuple[str, bytes]], set[tuple[str, bytes]]]

_SELECT_ITEM = "select id, value, dot, hlc, context, expires from items where data_set = ? and key = ?"
_INSERT_ITEM = "insert into items (data_set, key, value, dot, hlc, context, expires) values (?, ?, ?, ?, ?, ?, ?)"
_UPDATE_ITEM = "update items set value = ?, dot = ?, hlc = ?, context = ?, expires = ? where id = ?"
_INSERT_LOG = "insert into log values (?, ?)"
_INSERT_INDEX_ENTRY = "insert or ignore into index_entries values (?, ?, ?)"
_DELETE_INDEX_ENTRY = "delete from index_entries where number = ? and index_key = ? and key = ?"
_DELETE_ITEM = "delete from items where id = ?"
_UPDATE_STREAM = (
    "update streams set applied = ?, floor = ?, predecessor = ?, predecessor_last = ?, log_bytes = ? where id = ?"
)
_UPDATE_ACKNOWLEDGED = "update streams set acknowledged = ? where id = ?"
_UPDATE_COUNTS = "update data_sets set items = ?, bytes = ?, digests = ? where number = ?"
_SET_ACKNOWLEDGEMENT = "insert or replace into acknowledgements values (?, ?, ?)"
_INSERT_CHANGE = (
    "insert into changes (data_set, at_ms, key, old, old_dot, old_hlc, new, new_dot, new_hlc, expires) "
    "values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SET_JOIN = (
    "insert into joins (data_set, state) values (?, ?) on conflict (data_set) do update set state = excluded.state"
)
_LOG_BYTES = "select coalesce(sum(length(record)), 0) from log where dot >= ? and dot <= ?"
_TRIM_LOG = "delete from log where dot >= ? and dot <= ?"
_SET_TRIMMED = "insert or replace into meta values ('trimmed_beyond_peers', ?)"
_SET_HLC = "insert or replace into meta values ('hlc', ?)"


class Store:
    """One region's state in one SQLite file. ``incarnation`` is drawn anew each time a store is opened."""

    def __init__(self, connection: apsw.Connection, region: str, clock: Clock, ids: Ids) -> None:
        prepare(connection)
        self.connection = connection
        self._ids = ids
        self.region = region
        self.incarnation = _draw_incarnation(connection, ids)
        self.catalog = Catalog.load(connection, region, self.incarnation)
        self.hlc = HybridLogicalClock(clock, self._meta("hlc"))
        self.clock = clock
        self.skewed_records = 0
        self.log_bytes_max = LOG_BYTES_MAX
        self.tombstone_grace_ms = SKEW_BOUND_MS
        self.log_bytes = self.catalog.log_bytes
        self.trimmed_beyond_peers = self._meta("trimmed_beyond_peers")
        self.acknowledged: dict[str, dict[int, int]] = {}
        for peer, stream, sequence in connection.execute("select peer, stream, sequence from acknowledgements"):
            self.acknowledged.setdefault(peer, {})[stream] = sequence
        self.dirty_acknowledgements: set[tuple[str, int]] = set()
        self.dirty = False
        self._dirty_streams: set[Stream] = set()
        self._dirty_counts: set[DataSetState] = set()
        self._execute: Callable[..., Any] = connection.execute
        self._lineage = self._read_lineage()

    def _meta(self, name: str) -> int:
        value: int | None = self.connection.execute("select value from meta where name = ?", (name,)).get
        return value or 0

    # the batch

    def begin(self) -> None:
        """Open a batch."""
        assert not self.connection.in_transaction
        self._execute("begin immediate")

    def flush(self) -> None:
        """Write the counters that the batch moved; the last step before ``commit``."""
        for stream in self._dirty_streams:
            opening = stream.predecessor, stream.predecessor_last
            self._execute(_UPDATE_STREAM, (stream.applied, stream.floor, *opening, stream.log_bytes, stream.id))
        for state in self._dirty_counts:
            digests = None if state.digests is None else state.digests.column
            self._execute(_UPDATE_COUNTS, (state.items, state.bytes, digests, state.number))
        for peer, stream_id in self.dirty_acknowledgements:
            self._execute(_SET_ACKNOWLEDGEMENT, (peer, stream_id, self.acknowledged[peer][stream_id]))
        self.dirty_acknowledgements.clear()
        self._execute(_SET_HLC, (self.hlc.last,))

    def commit(self) -> None:
        """Commit and wait for the disk; may be called from another thread, and nothing else meanwhile."""
        self._execute("commit")

    def committed(self) -> None:
        """After a commit has returned: what the batch did is now what everyone may see."""
        for stream in self._dirty_streams:
            stream.committed = stream.applied
            if stream.data_set is not None:
                stream.data_set.note_committed()
        for state in self._dirty_counts:
            state.committed_items, state.committed_bytes = state.items, state.bytes
            state.committed_join = state.join
            state.committed_declaration = state.declaration
        self._dirty_streams.clear()
        self._dirty_counts.clear()
        self.dirty = False

    def rollback(self) -> None:
        """Undo the batch, and every counter that it touched (the clock only ever goes forward)."""
        if self.connection.in_transaction:
            self._execute("rollback")
        if self.dirty:
            self._dirty_streams.clear()
            self._dirty_counts.clear()
            self.dirty = False
            earlier = self.catalog
            self.catalog = Catalog.load(self.connection, self.region, self.incarnation)
            self.catalog.take_over_declarations(earlier)
            self.log_bytes = self.catalog.log_bytes
            self.trimmed_beyond_peers = self._meta("trimmed_beyond_peers")
            self._forget_acknowledgements_of_lost_streams()

    def execute(self, sql: str, bindings: tuple[Any, ...] = ()) -> Any:
        """Run a statement in the open batch, which it makes one that has to be committed; answers an apsw cursor."""
        self.dirty = True
        return self._execute(sql, bindings)

    def rows(self, sql: str, bindings: tuple[Any, ...] = ()) -> list[Any]:
        """What a query finds, as the open batch has it."""
        found: list[Any] = self._execute(sql, bindings).fetchall()
        return found

    def ask(self, sql: str, bindings: tuple[Any, ...] = ()) -> Any:
        """The first row that a query finds (its value, if it is one column), None if there is none."""
        return self._execute(sql, bindings).get

    # items

    def lookup(self, state: DataSetState, key: bytes) -> Row | None:
        """The stored row, tombstones included, as the open batch has it."""
        row: Row | None = self._execute(_SELECT_ITEM, (state.number, key)).get
        return row

    def version(self, row: Row) -> Version:
        """The version that a row holds."""
        _, value, dot, hlc, context, expires = row
        named = self.dot(dot)
        if context is None and expires is None:
            return Version(value, named, hlc)
        seen = NO_CONTEXT if context is None else self.catalog.vector_of(unpack_dots(context))
        return Version(value, named, hlc, seen, None if expires is None else self.dot(expires))

    def dot(self, number: int) -> Dot:
        """A dot out of the file."""
        stream = self.catalog.streams[number >> SEQUENCE_BITS]
        return Dot(stream.region, stream.incarnation, number & SEQUENCE_MASK)

    def write_local(
        self,
        state: DataSetState,
        key: bytes,
        value: bytes | None,
        row: Row | None,
        entries: IndexChanges | None,
        part: Part | None = None,
        instead_of: Version | None = None,
    ) -> None:
        """A write of this region over the stored ``row``: the next dot, a later time, and a record for the others.

        ``instead_of`` is another region's write that it takes the place of, with its time and all that it had seen.
        """
        stream = state.own or self.own_stream(state)
        if instead_of is not None:
            hlc = max(instead_of.hlc, row[3] + 1 if row is not None else 0)
            taken = [self.stream(state, *origin).dot(last) for origin, last in seen_by(instead_of).items()]
            self._write_own(state, stream, key, value, hlc, row, entries, taken=taken)
            return
        hlc = self.hlc.tick() if row is None else self.hlc.tick(row[3])
        self._write_own(state, stream, key, value, hlc, row, entries, part=part)

    def write_expiry(self, state: DataSetState, key: bytes, row: Row) -> None:
        """Time ends the stored version: a tombstone that ranks right behind it, and so loses to any write."""
        assert row[1] is not None, key
        entries = self.index_changes(state, key, row[1], None)
        self._write_own(state, self.own_stream(state), key, None, row[3], row, entries, expires=row[2])

    def _write_own(
        self,
        state: DataSetState,
        stream: Stream,
        key: bytes,
        value: bytes | None,
        hlc: int,
        row: Row | None,
        entries: IndexChanges | None,
        expires: int | None = None,
        part: Part | None = None,
        taken: list[int] | None = None,
    ) -> None:
        sequence = stream.applied + 1
        context, dots = None, None
        if row is not None and (row[4] is not None or row[2] >> SEQUENCE_BITS != stream.id):
            seen = [row[2], *(unpack_dots(row[4]) if row[4] is not None else ())]
            dots = [dot for dot in seen if dot >> SEQUENCE_BITS != stream.id]
        if taken is not None:
            dots = _latest([*(dots or ()), *taken], stream)
        if dots is not None:
            context = pack_dots(dots)
        dot = stream.dot(sequence)
        self.put_row(state, key, row, (value, dot, hlc, context, expires), entries)
        if state.replicated:
            seen_by_writer = self.catalog.vector_of(dots) if dots else NO_CONTEXT
            if expires is None and part is None:
                record = encode_write(hlc, key, value, seen_by_writer)
            else:
                ends = None if expires is None else self.dot(expires)
                record = encode_write(hlc, key, value, seen_by_writer, ends, part)
            self._execute(_INSERT_LOG, (dot, record))
            stream.remember(record)
            stream.log_bytes += len(record)
            self.log_bytes += len(record)
        self.advance(stream, sequence)

    def put_row(
        self,
        state: DataSetState,
        key: bytes,
        row: Row | None,
        new: Stored,
        entries: IndexChanges | None,
    ) -> None:
        """Replace the stored ``row`` by ``new``, and keep up counters and indexes."""
        self.dirty = True
        value = new[0]
        if row is None:
            self._execute(_INSERT_ITEM, (state.number, key, *new))
            old = None
        else:
            self._execute(_UPDATE_ITEM, (*new, row[0]))
            old = row[1]
        if old is not None:
            state.items -= 1
            state.bytes -= len(key) + len(old)
        if value is not None:
            state.items += 1
            state.bytes += len(key) + len(value)
        else:
            state.new_tombstones = True
        if state.digests is not None:
            self._keep_digests(state.digests, key, row, new)
        if state.feeds_changes and old != value and not state.hollow:
            self._note_change(state, key, row, new)
        self._dirty_counts.add(state)
        if entries is not None:
            for name, index_key in entries[0]:
                self._execute(_DELETE_INDEX_ENTRY, (self.index_number(state, name), index_key, key))
            self.insert_index_entries(state, key, entries[1])

    def _keep_digests(self, digests: Buckets, key: bytes, row: Row | None, new: Stored | None) -> None:
        """What is stored at the key is another now."""
        streams = self.catalog.streams
        key_hash = crc32(key)
        difference = 0
        if row is not None:
            difference = hash_of(key_hash, streams[row[2] >> SEQUENCE_BITS].salt, row[2] & SEQUENCE_MASK, row[3])
        if new is not None:
            difference ^= hash_of(key_hash, streams[new[1] >> SEQUENCE_BITS].salt, new[1] & SEQUENCE_MASK, new[2])
        digests.change(key, key_hash, difference)

    def note_counts(self, state: DataSetState) -> None:
        """The counters or digests have changed otherwise than by a write."""
        self.dirty = True
        self._dirty_counts.add(state)

    def _note_change(self, state: DataSetState, key: bytes, row: Row | None, new: Stored) -> None:
        """For those who follow the changes: what is now at the key, and what it has replaced here."""
        old = (None, None, None) if row is None or row[1] is None else row[1:4]
        value, dot, hlc, _, expires = new
        self._execute(_INSERT_CHANGE, (state.number, self.clock.now_ms(), key, *old, value, dot, hlc, expires))

    def drop_row(self, state: DataSetState, key: bytes, row: Row) -> None:
        """Forget a tombstone."""
        assert row[1] is None, key
        self.note_counts(state)
        if state.digests is not None:
            self._keep_digests(state.digests, key, row, None)
        self._execute(_DELETE_ITEM, (row[0],))

    def index_changes(
        self, state: DataSetState, key: bytes, old: bytes | None, new: bytes | None, *, lenient: bool = False
    ) -> IndexChanges | None:
        """The index entries that go and those that come when ``new`` replaces ``old``; None if nothing is indexed.

        ``lenient`` is for what another region wrote: an item that the indexer cannot take is left out, and counted.
        """
        if state.indexer is None:
            return None
        before = set(self.index_entries(state, key, old, count=False)) if old is not None else set()
        if new is None:
            return before, set()
        after = set(self.index_entries(state, key, new) if lenient else state.indexer(key, new))
        return before - after, after - before

    def index_entries(
        self, state: DataSetState, key: bytes, value: bytes, *, count: bool = True
    ) -> list[tuple[str, bytes]]:
        """What is to be indexed of an item; nothing if the indexer cannot take it."""
        if state.indexer is None:
            return []
        try:
            return list(state.indexer(key, value))
        except Exception as error:  # noqa: BLE001 - what came from elsewhere stays, whatever an index makes of it
            if count:
                state.unindexed += 1
                _log.debug("%s: an item that cannot be indexed: %r", state.definition.name, error)
            return []

    def insert_index_entries(self, state: DataSetState, key: bytes, entries: Iterable[tuple[str, bytes]]) -> None:
        """Add an item's entries to the indexes; what is there already stays."""
        for name, index_key in entries:
            self.dirty = True
            self._execute(_INSERT_INDEX_ENTRY, (self.index_number(state, name), index_key, key))

    def set_join(self, state: DataSetState, join: Join | None) -> None:
        """Write down where the region is on its way in or out; None once it has arrived."""
        state.join = join
        self.dirty = True
        self._dirty_counts.add(state)
        if join is None:
            self._execute("delete from joins where data_set = ?", (state.number,))
        else:
            self._execute(_SET_JOIN, (state.number, pack_join(join)))

    def reset_counts(self, state: DataSetState) -> None:
        """Nothing is left in the data set."""
        state.items = state.bytes = 0
        state.digests = Buckets() if state.replicated else None
        self.note_counts(state)

    def index_number(self, state: DataSetState, name: str) -> int:
        """An index's number in the file; a name that is new gets one."""
        number = state.indexes.get(name)
        if number is None:
            self.dirty = True
            self._execute("insert into indexes (data_set, name) values (?, ?)", (state.number, name))
            number = state.indexes[name] = self.connection.last_insert_rowid()
        return number

    # streams

    def append(self, stream: Stream, sequence: int, record: bytes) -> None:
        """Put a record into the log, as the next of its stream."""
        self._execute(_INSERT_LOG, (stream.dot(sequence), record))
        self.count_log_bytes(stream, len(record))
        self.advance(stream, sequence)

    def advance(self, stream: Stream, sequence: int) -> None:
        """The stream is applied up to ``sequence``."""
        assert sequence == stream.applied + 1, (stream, sequence)
        stream.applied = sequence
        self.dirty = True
        self._dirty_streams.add(stream)

    def raise_floor(self, stream: Stream, floor: int) -> None:
        """The log of the stream begins at ``floor`` now."""
        stream.floor = floor
        self.dirty = True
        self._dirty_streams.add(stream)

    def trim(self, stream: Stream, last: int) -> None:
        """Forget the log of a stream up to ``last``."""
        span = stream.dot(stream.floor), stream.dot(last)
        freed_bytes: int = self.ask(_LOG_BYTES, span)
        self._execute(_TRIM_LOG, span)
        self.count_log_bytes(stream, -freed_bytes)
        self.raise_floor(stream, last + 1)

    def count_log_bytes(self, stream: Stream, more: int) -> None:
        """The log of a stream has grown, or (negative) shrunk."""
        stream.log_bytes += more
        self.log_bytes += more
        self._dirty_streams.add(stream)

    def note_trimmed_beyond_peers(self, records: int) -> None:
        """Records are trimmed that a holder lacks."""
        self.trimmed_beyond_peers += records
        self.execute(_SET_TRIMMED, (self.trimmed_beyond_peers,))

    @property
    def refusal(self) -> str | None:
        """Why a replicated write is refused: the log is full of what no other region has. None if it is not."""
        if self.log_bytes <= self.log_bytes_max:
            return None
        return f"{self.log_bytes / 2**30:.1f} GiB of records wait for peers that do not fetch them"

    def stream(self, state: DataSetState, region: str, incarnation: str) -> Stream:
        """The stream of an origin; one that is new here begins empty."""
        stream = state.streams.get((region, incarnation))
        if stream is None:
            self.dirty = True
            self._execute(
                "insert into streams (data_set, region, incarnation) values (?, ?, ?)",
                (state.number, region, incarnation),
            )
            stream = Stream(self.connection.last_insert_rowid(), region, incarnation)
            self.catalog.add_stream(state, stream)
        return stream

    # what the others have

    def note_acknowledgement(self, peer: str, data_set_id: str, vector: Vector) -> None:
        """A peer says all that it holds of a data set (of its present life: no end); written down with the next batch.

        What it says counts even if it is less than before: its disk may have been lost.
        """
        state = self.catalog.data_sets.get(data_set_id)
        if state is None:
            return
        held = self.acknowledged.setdefault(peer, {})
        for origin, stream in state.streams.items():
            sequence = vector.get(origin, 0)
            if held.get(stream.id, 0) != sequence:
                held[stream.id] = sequence
                self.dirty_acknowledgements.add((peer, stream.id))

    def _forget_acknowledgements_of_lost_streams(self) -> None:
        """After a rollback: a stream that is gone with it must not leave its number's acknowledgements to another."""
        known = self.catalog.streams
        for held in self.acknowledged.values():
            for stream_id in held.keys() - known.keys():
                del held[stream_id]
        self.dirty_acknowledgements = {(peer, id_) for peer, id_ in self.dirty_acknowledgements if id_ in known}

    def append_own(self, state: DataSetState, record: bytes) -> None:
        """Put a record of this region's own into the log that is no write of an item."""
        stream = self.own_stream(state)
        self.append(stream, stream.applied + 1, record)
        stream.not_writes.append(stream.applied)
        stream.remember(record)

    def own_stream(self, state: DataSetState) -> Stream:
        """This incarnation's stream. It begins by naming its predecessor, and how far that had come in this file."""
        if state.own is not None:
            return state.own
        stream = state.own = self.stream(state, self.region, self.incarnation)
        if state.replicated:
            stream.predecessor, stream.predecessor_last = self._lineage.get(state.definition.id, (None, 0))
            opening = stream.predecessor, stream.predecessor_last
            vector = state.applied
            self.append_own(state, encode_opening(self.hlc.tick(), *opening, vector))
            self.note_acknowledged(state, stream, vector)
        return stream

    def renew_incarnation(self) -> None:
        """Go on as if the store had been opened anew: what this incarnation wrote last will be pulled by nobody."""
        self.dirty = True
        self.incarnation = _draw_incarnation(self.connection, self._ids)
        for state in self.catalog.data_sets.values():
            state.own = None
        self._lineage = self._read_lineage()

    def _read_lineage(self) -> dict[str, tuple[str | None, int]]:
        """By data set, which opening of this very file wrote last before this one, and how far it had come.

        Records of this region's that come back from its peers, of openings that an older image of the file has not
        seen, are no part of it: having them here is not having done what they did.
        """
        openings = {incarnation for (incarnation,) in self._execute("select incarnation from incarnations")}
        lineage: dict[str, tuple[str | None, int]] = {}
        for data_set_id, state in self.catalog.data_sets.items():
            for stream in state.lives(self.region):
                if stream.incarnation in openings:
                    lineage[data_set_id] = (stream.incarnation, stream.applied)
        return lineage

    def note_acknowledged(self, state: DataSetState, stream: Stream, vector: Vector) -> None:
        """The stream has an acknowledgement of ``vector``."""
        stream.acknowledged, stream.acknowledged_ahead = vector, True
        dots = [self.stream(state, *origin).dot(last) for origin, last in vector.items()]
        self.execute(_UPDATE_ACKNOWLEDGED, (pack_dots(dots), stream.id))

    # data sets

    def declare(self, definition: DataSet) -> DataSetState:
        """Make a data set known, or take over what changed in its definition."""
        state = self.catalog.data_sets.get(definition.id)
        if state is not None and state.definition.epoch > definition.epoch:
            # What was decided since the template was written stands.
            kept = state.definition
            definition = replace(definition, members=kept.members, joining=kept.joining, epoch=kept.epoch)
        row = (
            definition.name,
            definition.lane.value,
            *_membership_row(definition),
            definition.every_s,
            definition.witness,
        )
        if state is None:
            self._execute(
                "insert into data_sets (id, name, lane, members, joining, epoch, every_s, witness) "
                "values (?, ?, ?, ?, ?, ?, ?, ?)",
                (definition.id, *row),
            )
            state = DataSetState(self.connection.last_insert_rowid(), definition)
            state.digests = Buckets() if state.replicated else None
            self._dirty_counts.add(state)
            self.catalog.data_sets[definition.id] = state
            self.dirty = True
        elif definition != state.definition:
            self._execute(
                "update data_sets set name = ?, lane = ?, members = ?, joining = ?, epoch = ?, every_s = ?, "
                "witness = ? where number = ?",
                (*row, state.number),
            )
            state.definition = definition
            self.dirty = True
        if state.replicated and state.digests is None:
            state.digests = Buckets(None, b"")  # it was this region's alone, and is to be counted now
        return state

    def set_members(self, state: DataSetState, epoch: int, members: Sequence[str], joining: Sequence[str]) -> bool:
        """Take over a membership that was decided; False if a later one is known already."""
        if epoch <= state.definition.epoch:
            return False
        changed = replace(state.definition, members=tuple(sorted(members)), joining=tuple(sorted(joining)), epoch=epoch)
        self._execute(
            "update data_sets set members = ?, joining = ?, epoch = ? where number = ?",
            (*_membership_row(changed), state.number),
        )
        state.definition = changed
        self.dirty = True
        return True


def _latest(dots: Iterable[int], own: Stream) -> list[int]:
    """Of each stream but one's own the latest."""
    latest: dict[int, int] = {}
    for dot in dots:
        if dot >> SEQUENCE_BITS != own.id:
            latest[dot >> SEQUENCE_BITS] = max(dot, latest.get(dot >> SEQUENCE_BITS, 0))
    return list(latest.values())


def _membership_row(definition: DataSet) -> tuple[str, str, int]:
    return ",".join(definition.members), ",".join(definition.joining), definition.epoch


def _draw_incarnation(connection: apsw.Connection, ids: Ids) -> str:
    """A name that no earlier opening of this file had."""
    while True:
        incarnation = ids.token(16)
        connection.execute("insert or ignore into incarnations values (?)", (incarnation,))
        if connection.changes():
            return incarnation
