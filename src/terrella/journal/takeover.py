"""Taking over what a region wrote before it heard that it was evicted: the drainer's store (see ``draining.py``).

What can be had as records is taken over as they were written. What is in no log any more, because the returning region
had it from a snapshot and all others have lost it since, is taken over as what is stored there: the last write of each
item, and the conflict log.
"""

from collections.abc import Callable, Mapping

from terrella.journal.applying import note_conflict
from terrella.journal.errors import ProtocolError, SequenceGapError
from terrella.journal.merge import Clash, rank
from terrella.journal.model import NOTHING, Dot, Origin, Version
from terrella.journal.protocol import Records, flatten, unflatten
from terrella.journal.records import (
    ConflictRecord,
    WriteRecord,
    decode_record,
    encode_conflict,
    written_version,
)
from terrella.journal.schema import SEQUENCE_MASK
from terrella.journal.snapshot import ConflictsBody, ItemsBody, version_in
from terrella.journal.standing import Draining, pack_draining
from terrella.journal.state import DataSetState
from terrella.journal.store import Store
from terrella.journal.vectors import has_seen

_ORIGINAL = "select original from taken_over where own = ?"
_IS_TAKEN_OVER = "select 1 from taken_over where original = ? limit 1"
_NOTE_ORIGINAL = "insert into taken_over values (?, ?)"
_FORGET_ORIGINALS = "delete from taken_over where own between ? and ?"
_SET_DRAINING = "insert or replace into drains values (?, ?, ?)"


def begin_draining(store: Store, state: DataSetState, region: str) -> None:
    """This region is the one that takes over what ``region`` wrote while it was evicted."""
    if region not in state.drains:
        _set_draining(store, state, region, Draining([]))


def end_draining(store: Store, state: DataSetState, region: str) -> None:
    """All is taken over, and the region knows it."""
    state.drains.pop(region, None)
    store.execute("delete from drains where data_set = ? and region = ?", (state.number, region))
    if not state.drains:
        for stream in state.streams.values():
            if stream.region == store.region:
                store.execute(_FORGET_ORIGINALS, (stream.dot(0), stream.dot(SEQUENCE_MASK)))


def drained_up_to(state: DataSetState, region: str, origin: Origin) -> int:
    """The last sequence of an origin that is held here as it is, or taken over."""
    stream = state.streams.get(origin)
    held = stream.applied if stream is not None else 0
    return max(held, unflatten(state.drains[region].cursors).get(origin, 0))


def take_over(store: Store, state: DataSetState, region: str, origin: Origin, sequence: int, data: bytes) -> None:
    """Take over one record, if it is the next of its stream; ``SequenceGapError`` if earlier ones are missing."""
    last = drained_up_to(state, region, origin)
    if sequence > last + 1:
        raise SequenceGapError(f"record {sequence} of {origin[0]} ({origin[1]}) came where {last + 1} was next")
    if sequence <= last:
        return
    record = decode_record(data)
    if isinstance(record, WriteRecord):
        _take_over_write(store, state, record.key, written_version(record, Dot(*origin, sequence)))
    elif isinstance(record, ConflictRecord) and note_conflict(store, state, record, data):
        store.append_own(state, data)
    cursors = unflatten(state.drains[region].cursors)
    cursors[origin] = sequence
    _set_draining(store, state, region, Draining(flatten(cursors)))


def _take_over_write(store: Store, state: DataSetState, key: bytes, drained: Version) -> None:
    row = store.lookup(state, key)
    stored = store.version(row) if row is not None else None
    if stored is None:
        if not _is_taken_over(store, state, drained):
            _log_conflict(store, state, key, Clash(drained, NOTHING))
        return
    if has_seen(stored, drained.dot):
        return
    seen = has_seen(drained, stored.dot) or _has_seen_original(store, state, drained, stored)
    if rank(drained) < rank(stored):
        _log_conflict(store, state, key, Clash(drained, stored))
        return
    if not seen:
        _log_conflict(store, state, key, Clash(stored, drained))
    assert row is not None
    entries = store.index_changes(state, key, row[1], drained.value)
    store.write_local(state, key, drained.value, row, entries, instead_of=drained)
    own = store.own_stream(state)
    original = store.stream(state, *drained.dot.origin).dot(drained.dot.sequence)
    store.execute(_NOTE_ORIGINAL, (own.dot(own.applied), original))


def _has_seen_original(store: Store, state: DataSetState, drained: Version, stored: Version) -> bool:
    """Whether what is stored was itself taken over, from a write that this one's writer had seen."""
    original: int | None = store.ask(_ORIGINAL, (store.stream(state, *stored.dot.origin).dot(stored.dot.sequence),))
    if original is None:
        return False
    ((origin, sequence),) = store.catalog.vector_of([original]).items()
    return has_seen(drained, Dot(*origin, sequence))


def _is_taken_over(store: Store, state: DataSetState, drained: Version) -> bool:
    """Whether it was taken over over an earlier connection, and what it became is gone by now."""
    original = store.stream(state, *drained.dot.origin).dot(drained.dot.sequence)
    return store.ask(_IS_TAKEN_OVER, (original,)) is not None


def _log_conflict(store: Store, state: DataSetState, key: bytes, clash: Clash) -> None:
    data = encode_conflict(key, clash)
    entry = decode_record(data)
    assert isinstance(entry, ConflictRecord)
    if note_conflict(store, state, entry, data):
        store.append_own(state, data)


def _set_draining(store: Store, state: DataSetState, region: str, draining: Draining) -> None:
    state.drains[region] = draining
    store.execute(_SET_DRAINING, (state.number, region, pack_draining(draining)))


class TakeOver:
    """Records of an evicted region, as work for the committer."""

    __slots__ = ("_next", "_records", "_region")

    def __init__(self, region: str, records: Records) -> None:
        self._region = region
        self._records = records
        self._next = 0

    def run(self, store: Store, out_of_time: Callable[[], bool]) -> bool:
        """Take over as many as fit in the time."""
        records = self._records
        state = store.catalog.declared(records.data_set_id)
        if self._region not in state.drains:
            return True  # it was called off
        origin = (records.region, records.incarnation)
        while self._next < len(records.records):
            sequence = records.first + self._next
            take_over(store, state, self._region, origin, sequence, records.records[self._next])
            self._next += 1
            if not self._next & 7 and out_of_time():
                return self._next == len(records.records)
        return True

    def outcome(self) -> None:
        """Nothing but that it is durable."""


# Of a stream: what was taken over before, and up to where it is taken over as what is stored.
Gap = tuple[int, int]


class TakeOverItems:
    """What an evicted region has stored, as work for the committer: as far as it is of ``gaps``, and all conflicts."""

    __slots__ = ("_body", "_data_set_id", "_gaps", "_next", "_region")

    def __init__(
        self, region: str, data_set_id: str, gaps: Mapping[Origin, Gap], body: ItemsBody | ConflictsBody
    ) -> None:
        self._region = region
        self._data_set_id = data_set_id
        self._gaps = gaps
        self._body = body
        self._next = 0

    def run(self, store: Store, out_of_time: Callable[[], bool]) -> bool:
        """Take over as many as fit in the time; what was taken over before has no further effect."""
        state = store.catalog.declared(self._data_set_id)
        if self._region not in state.drains:
            return True  # it was called off
        body = self._body
        count = len(body.rows) if isinstance(body, ItemsBody) else len(body.records)
        while self._next < count:
            if isinstance(body, ItemsBody):
                self._take_over_item(store, state, body, self._next)
            else:
                self._take_over_entry(store, state, body.records[self._next])
            self._next += 1
            if not self._next & 7 and out_of_time():
                return self._next == count
        return True

    def outcome(self) -> None:
        """Nothing but that it is durable."""

    def _take_over_item(self, store: Store, state: DataSetState, body: ItemsBody, place: int) -> None:
        drained = version_in(body, body.rows[place])
        after, through = self._gaps.get(drained.dot.origin, (0, 0))
        if after < drained.dot.sequence <= through:
            _take_over_write(store, state, body.rows[place][0], drained)

    @staticmethod
    def _take_over_entry(store: Store, state: DataSetState, data: bytes) -> None:
        record = decode_record(data)
        if not isinstance(record, ConflictRecord):
            raise ProtocolError("a snapshot has a record among its conflicts that is none")
        if note_conflict(store, state, record, data):
            store.append_own(state, data)


def close_gaps(store: Store, state: DataSetState, region: str, gaps: Mapping[Origin, Gap]) -> None:
    """All that was stored of these is taken over."""
    if region in state.drains:
        cursors = unflatten(state.drains[region].cursors)
        cursors |= {origin: max(through, cursors.get(origin, 0)) for origin, (_, through) in gaps.items()}
        _set_draining(store, state, region, Draining(flatten(cursors)))
