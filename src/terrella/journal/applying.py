"""Applying what other regions wrote: each record exactly once, in its origin's order, inside the batch."""

from collections.abc import Callable, Collection, Iterator, Sequence

import apsw

from terrella.journal.acknowledging import as_seen_by_writer
from terrella.journal.errors import SequenceGapError, UnknownFormatError
from terrella.journal.merge import Clash, MergeResult, merge
from terrella.journal.model import NOTHING, Dot, Origin, Vector, Version
from terrella.journal.parking import discharge, discharge_covered, note_reason, park, parked_records
from terrella.journal.records import (
    AcknowledgementRecord,
    ConflictRecord,
    OpeningRecord,
    Record,
    WriteRecord,
    conflict_rank,
    decode_record,
    encode_conflict,
    encode_write,
    vector_of,
    written_version,
)
from terrella.journal.schema import pack_dots
from terrella.journal.state import DataSetState, Stream
from terrella.journal.store import IndexChanges, Row, Store, Stored
from terrella.journal.vectors import at_least, has_seen, join

# What a merge comes to, as it is to be written: the key and its row, the version, the new row's values (None: nothing
# changes), the index entries that go and come, the conflict entry.
_Merged = tuple[bytes, Row | None, Version, Stored | None, IndexChanges | None, bytes | None]

_SELECT_CONFLICT = "select record from conflicts where loser = ?"
_INSERT_CONFLICT = "insert into conflicts values (?, ?, ?)"
_INSERT_LATE = "insert or ignore into conflicts values (?, ?, ?)"
_UPDATE_CONFLICT = "update conflicts set record = ? where loser = ?"


def apply_record(store: Store, state: DataSetState, stream: Stream, sequence: int, data: bytes) -> int | None:
    """Apply one record of another region, if it is the next of its stream; answers the time of a write that it was.

    A record that is applied already is dropped, one that cannot be applied is parked. Raises ``SequenceGapError`` if
    earlier ones are missing, ``UnknownFormatError`` if a later version of this program wrote it; then nothing is
    written.
    """
    if not is_next(stream, sequence):
        return None
    record: Record | None = None
    seen: Version | None = None
    merged: _Merged | None = None
    try:
        record = decode_record(data)
        if isinstance(record, WriteRecord):
            row = store.lookup(state, record.key)
            stored = store.version(row) if row else None
            written = written_version(record, Dot(stream.region, stream.incarnation, sequence))
            incoming = _as_seen(state, stream, written, stored)
            seen = incoming if incoming is not written else None
            merged = _plan(store, state, record.key, row, merge(stored, incoming))
    except (UnknownFormatError, apsw.Error, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, this record causes it: it is parked, and listed
        store.append(stream, sequence, data)
        park(store, state, stream, sequence, _as_parked(record, seen, data), getattr(record, "key", None), error)
        return None
    store.append(stream, sequence, data)
    part = record.part if isinstance(record, WriteRecord) else None
    stream.unfinished = part is not None and part[2] < part[1]
    if stream.region == store.region and not isinstance(record, WriteRecord):
        stream.not_writes.append(sequence)  # an earlier life's, which this disk had lost
    return _carry_out(store, state, stream, record, data, merged)


def replaying(store: Store, state: DataSetState, dots: Collection[Dot] | None, done: list[Dot]) -> Iterator[None]:
    """Apply parked records (all, or those of the dots) that can be by now; their dots are added to ``done``."""
    for number, stream, sequence, data in parked_records(store, state):
        dot = Dot(stream.region, stream.incarnation, sequence)
        if dots is not None and dot not in dots:
            continue
        try:
            record = decode_record(data)
            merged = None
            if isinstance(record, WriteRecord):
                row = store.lookup(state, record.key)
                result = merge(store.version(row) if row else None, written_version(record, dot))
                merged = _plan(store, state, record.key, row, result)
        except (apsw.Error, MemoryError):
            raise
        except Exception as error:  # noqa: BLE001 - it stays parked, and says why
            note_reason(store, number, error)
        else:
            discharge(store, state, stream, sequence)
            later = stream.acknowledged
            _carry_out(store, state, stream, record, data, merged)
            if stream.acknowledged != later:
                store.note_acknowledged(state, stream, join(later, stream.acknowledged))
            done.append(dot)
        yield


def note_late(store: Store, state: DataSetState, stream: Stream, sequence: int, data: bytes) -> None:
    """A record of a data set that was dropped here: a write goes to the conflict log, as one that lost to nothing.

    These entries are kept apart (under the negative number), so that dropping does not take them with it. They are this
    region's own: the data set has no log any more.
    """
    if not is_next(stream, sequence):
        return
    record = decode_record(data)
    if isinstance(record, WriteRecord):
        late = written_version(record, Dot(stream.region, stream.incarnation, sequence))
        store.execute(
            _INSERT_LATE, (stream.dot(sequence), -state.number, encode_conflict(record.key, Clash(late, NOTHING)))
        )
    store.advance(stream, sequence)


def is_next(stream: Stream, sequence: int) -> bool:
    """Whether the record is the stream's next; False for one applied already, ``SequenceGapError`` for a later one."""
    if sequence > stream.applied + 1:
        raise SequenceGapError(
            f"record {sequence} of {stream.region} ({stream.incarnation}) came where {stream.applied + 1} was next"
        )
    return sequence > stream.applied


def note_conflict(store: Store, state: DataSetState, record: ConflictRecord, data: bytes) -> bool:
    """Put an entry into the conflict log, keyed by the loser's dot; False if what is there already stands."""
    loser = record.loser
    dot = store.stream(state, loser.region, loser.incarnation).dot(loser.sequence)
    known: bytes | None = store.execute(_SELECT_CONFLICT, (dot,)).get
    if known is None:
        store.execute(_INSERT_CONFLICT, (dot, state.number, data))
        state.conflicts += 1
        return True
    earlier = decode_record(known)
    assert isinstance(earlier, ConflictRecord)
    if conflict_rank(record) <= conflict_rank(earlier):
        return False
    store.execute(_UPDATE_CONFLICT, (data, dot))
    return True


def _as_parked(record: Record | None, seen: Version | None, data: bytes) -> bytes:
    """A write with all that its writer had ``seen``: when it is replayed, its region has acknowledged more."""
    if seen is None or not isinstance(record, WriteRecord):
        return data
    return encode_write(seen.hlc, record.key, seen.value, seen.context, seen.expires)


def _plan(store: Store, state: DataSetState, key: bytes, row: Row | None, result: MergeResult) -> _Merged:
    """What a merge comes to, with nothing written yet but the names of streams: here is what may raise."""
    entry = encode_conflict(key, result.clash) if result.clash is not None else None
    version = result.version
    if not result.changed:
        return key, row, version, None, None, entry
    entries = store.index_changes(state, key, row[1] if row else None, version.value, lenient=True)
    context = pack_dots(_dots(store, state, version.context)) if version.context else None
    dot = _number(store, state, version.dot)
    expires = None if version.expires is None else _number(store, state, version.expires)
    return key, row, version, (version.value, dot, version.hlc, context, expires), entries, entry


def merge_version(
    store: Store, state: DataSetState, key: bytes, incoming: Version, judged: Callable[[Clash], bool] = lambda _: False
) -> bool:
    """Merge a version from another replica's store; whether that changed anything.

    A conflict that was ``judged`` before, where both sides of it had been applied, is in that conflict log or is none.
    """
    row = store.lookup(state, key)
    result = merge(store.version(row) if row else None, incoming)
    if result.clash is not None and judged(result.clash):
        result = MergeResult(result.version, result.changed, None)
    _store_merged(store, state, _plan(store, state, key, row, result))
    return result.changed


def _store_merged(store: Store, state: DataSetState, merged: _Merged) -> None:
    key, row, version, new, entries, entry = merged
    if new is not None:
        store.put_row(state, key, row, new, entries)
    if entry is not None:
        conflict = decode_record(entry)
        assert isinstance(conflict, ConflictRecord)
        if note_conflict(store, state, conflict, entry):
            store.append_own(state, entry)
    if state.parked:
        discharge_covered(store, state, key, version)


def _carry_out(
    store: Store, state: DataSetState, stream: Stream, record: Record, data: bytes, merged: _Merged | None
) -> int | None:
    """Write down what a record does; answers the time of a write."""
    if merged is not None and isinstance(record, WriteRecord):
        if not store.hlc.observe(record.hlc):
            store.skewed_records += 1
        _store_merged(store, state, merged)
        return record.hlc if record.expires is None else None  # an expiry's time is that of what it ends
    if isinstance(record, ConflictRecord):
        note_conflict(store, state, record, data)
    elif isinstance(record, OpeningRecord):
        stream.predecessor, stream.predecessor_last = record.predecessor, record.predecessor_last
    if isinstance(record, OpeningRecord | AcknowledgementRecord):
        store.note_acknowledged(state, stream, vector_of(record))
    return None


def _as_seen(state: DataSetState, stream: Stream, incoming: Version, stored: Version | None) -> Version:
    """The write with what its region had acknowledged before: most writes gain nothing by it, and cost nothing."""
    if stream.acknowledged_ahead:
        stream.acknowledged_ahead = not at_least(state.applied, stream.acknowledged)
    over_tombstone = stored is not None and stored.value is None and not has_seen(incoming, stored.dot)
    if not (stream.acknowledged_ahead or over_tombstone):
        return incoming
    return as_seen_by_writer(incoming, stored, stream.acknowledged, state.applied)


def _number(store: Store, state: DataSetState, dot: Dot) -> int:
    """A dot as it is in the file."""
    return store.stream(state, dot.region, dot.incarnation).dot(dot.sequence)


def _dots(store: Store, state: DataSetState, context: Vector) -> list[int]:
    return [store.stream(state, *origin).dot(sequence) for origin, sequence in context.items()]


class RemoteSlice:
    """Records of one stream, as work for the committer: applied within each batch's time, in order.

    Those of a transaction are applied in one batch, as far as they came together. Its outcome is the time (HLC) of the
    first write among those that were new, None if there was none.
    """

    __slots__ = ("_data_set_id", "_first", "_hlc", "_next", "_origin", "_records")

    def __init__(self, data_set_id: str, origin: Origin, first: int, records: Sequence[bytes]) -> None:
        self._data_set_id = data_set_id
        self._origin = origin
        self._first = first
        self._records = records
        self._next = 0
        self._hlc: int | None = None

    def run(self, store: Store, out_of_time: Callable[[], bool]) -> bool:
        """Apply as many as fit in the time, at least a few; True when all are."""
        dropped = store.catalog.data_sets.get(self._data_set_id)
        if dropped is not None and dropped.dropped:
            return self._note_late(store, dropped)
        state = store.catalog.declared(self._data_set_id)
        if state.hollow:
            return True  # asked for before a snapshot was; it will be asked for again
        stream = store.stream(state, *self._origin)
        eighth = False
        while self._next < len(self._records):
            hlc = apply_record(store, state, stream, self._first + self._next, self._records[self._next])
            self._hlc = self._hlc or hlc
            self._next += 1
            eighth = eighth or not self._next & 7
            if eighth and not stream.unfinished:
                eighth = False
                if out_of_time():
                    return self._next == len(self._records)
        return True

    def _note_late(self, store: Store, state: DataSetState) -> bool:
        stream = store.stream(state, *self._origin)
        for sequence, data in enumerate(self._records, self._first):
            note_late(store, state, stream, sequence, data)
        return True

    def outcome(self) -> int | None:
        """The first new write's time."""
        return self._hlc
