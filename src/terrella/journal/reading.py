"""Reads of committed state: single items, walks in key or index order, the log, the conflicts, digests."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import Any, Literal, TypeVar

import apsw
import msgspec

from terrella.journal.changes import CHANGES, change_of
from terrella.journal.digests import buckets_of
from terrella.journal.errors import JournalError
from terrella.journal.merge import rank
from terrella.journal.model import Change, Conflict, Entry, IndexEntry, Parked, Version
from terrella.journal.parking import PARKED_OF_DATA_SET, parked_of
from terrella.journal.protocol import StreamHead, flatten
from terrella.journal.records import ConflictRecord, conflict_of, decode_record
from terrella.journal.schema import SEQUENCE_MASK, unpack_dots
from terrella.journal.state import DataSetState, Stream
from terrella.journal.store import Row, Store
from terrella.journal.tombstones import TOMBSTONES, is_stable, stable_in

# What is stored at a key: key, value, dot, hlc, context (dots, packed), the dot that an expiry ends.
ItemRow = tuple[bytes, bytes | None, int, int, bytes | None, int | None]

_ITEM = "select id, value, dot, hlc, context, expires from items where data_set = ? and key = ?"
_LOG = "select dot, record from log where dot > ? and dot <= ? order by dot limit ?"
_LOG_BYTES = "select sum(length(record)) from log where dot > ? and dot <= ?"
_STREAM_HEADS = (
    "select region, incarnation, applied, predecessor, predecessor_last, acknowledged, "
    "(select min(dot) from parked where dot between id * 1099511627776 and (id + 1) * 1099511627776) "
    "from streams where data_set = ? and applied > 0 order by id"
)
# More stable tombstones than these wait to be dropped only for moments; to look at them all would take long.
_STABLE_TOMBSTONES_MAX = 2000
_DIGEST_ITEMS = "select id, value, dot, hlc, context, expires, key from items where data_set = ? order by key"


class Reader:
    """Reads over a connection of its own, beside the writer's.

    ``store`` is asked only for names (which stream, which index): never for what the open batch has changed.
    """

    def __init__(self, connection: apsw.Connection, store: Store) -> None:
        self._connection = connection
        self._execute: Callable[..., Any] = connection.execute
        self._store = store

    def get(self, state: DataSetState, key: bytes) -> Version | None:
        """The live item at the key."""
        row: Row | None = self._execute(_ITEM, (state.number, key)).get
        return None if row is None or row[1] is None else self._store.version(row)

    def get_together(self, places: list[tuple[DataSetState, bytes]]) -> list[Version | None]:
        """The live items at several places, of one moment."""
        self._execute("begin")
        try:
            return [self.get(state, key) for state, key in places]
        finally:
            self._execute("commit")

    def stored(self, state: DataSetState, key: bytes) -> Version | None:
        """What is stored at the key, a tombstone included."""
        row = self.row(state, key)
        return None if row is None else self._store.version(row)

    def row(self, state: DataSetState, key: bytes) -> Row | None:
        """The same, as it lies in the file."""
        row: Row | None = self._execute(_ITEM, (state.number, key)).get
        return row

    def scan(
        self,
        state: DataSetState,
        start: bytes | None,
        end: bytes | None,
        start_exclusive: bool,
        reverse: bool,
        limit: int,
    ) -> list[Entry]:
        """See ``Journal.scan``."""
        where = ["data_set = ?", "value is not null"]
        bindings: list[Any] = [state.number]
        for bound, comparison in _bounds(start, end, start_exclusive, reverse):
            where.append(f"key {comparison} ?")
            bindings.append(bound)
        order = "desc" if reverse else "asc"
        rows = self._execute(
            f"select id, value, dot, hlc, context, expires, key from items where {' and '.join(where)} "  # noqa: S608
            f"order by key {order} limit ?",
            (*bindings, limit),
        )
        return [Entry(row[6], self._store.version(row[:6])) for row in rows]

    def scan_index(
        self,
        state: DataSetState,
        index_name: str,
        start: tuple[bytes, bytes] | None,
        end: tuple[bytes, bytes] | None,
        start_exclusive: bool,
        reverse: bool,
        limit: int,
    ) -> list[IndexEntry]:
        """See ``Journal.scan_index``."""
        number = state.indexes.get(index_name)
        if number is None:
            return []
        where = ["e.number = ?"]
        bindings: list[Any] = [state.number, number]
        for bound, comparison in _bounds(start, end, start_exclusive, reverse):
            where.append(f"(e.index_key, e.key) {comparison} (?, ?)")
            bindings += bound
        order = "desc" if reverse else "asc"
        rows = self._execute(
            "select i.id, i.value, i.dot, i.hlc, i.context, i.expires, e.key, e.index_key from index_entries e "  # noqa: S608
            f"cross join items i on i.data_set = ? and i.key = e.key where {' and '.join(where)} "
            f"order by e.index_key {order}, e.key {order} limit ?",
            (*bindings, limit),
        )
        return [IndexEntry(row[7], row[6], self._store.version(row[:6])) for row in rows]

    def log(self, stream: Stream, after: int, limit: int, bytes_max: int) -> list[bytes]:
        """The committed records of a stream from ``after + 1`` on, verbatim, without a gap."""
        limit = min(limit, stream.committed - after)
        remembered = len(stream.recent) - (stream.applied - after)
        # While an open batch takes a stream back, what is remembered of it is gone, and what is committed still stands.
        if remembered >= 0 and stream.applied >= stream.committed:
            return _within(islice(stream.recent, remembered, remembered + limit), bytes_max)
        records: list[bytes] = []
        first, last = stream.dot(after), stream.dot(stream.committed)
        for dot, record in self._execute(_LOG, (first, last, limit)).fetchall():
            after += 1
            if dot & SEQUENCE_MASK != after:
                raise JournalError(f"the log of {stream.origin} lacks sequence {after}")
            records.append(record)
        if not records and limit > 0:
            raise JournalError(f"the log of {stream.origin} lacks sequence {after + 1}")
        return _within(records, bytes_max)

    def stream_heads(self, state: DataSetState) -> list[StreamHead]:
        """Every stream as it is committed: how far it is applied, and what its region had acknowledged by then."""
        rows = self._execute(_STREAM_HEADS, (state.number,))
        catalog = self._store.catalog
        heads = []
        for region, incarnation, applied, predecessor, last, acknowledged, parked in rows:
            vector = flatten(catalog.vector_of(unpack_dots(acknowledged))) if acknowledged else []
            if parked is not None:
                applied = (parked & SEQUENCE_MASK) - 1
            heads.append(StreamHead(region, incarnation, applied, predecessor, last, vector))
        return heads

    def items_after(self, state: DataSetState, after: bytes | None, rows_max: int, bytes_max: int) -> list[ItemRow]:
        """What is stored behind a key (None: from the first on), tombstones included."""
        comparison, bound = (">=", b"") if after is None else (">", after)
        rows = self._execute(
            f"select key, value, dot, hlc, context, expires from items where data_set = ? and key {comparison} ? "  # noqa: S608
            "order by key limit ?",
            (state.number, bound, rows_max),
        )
        return _rows_within(rows, 1, bytes_max)

    def conflicts_after(
        self, state: DataSetState, after: int, rows_max: int, bytes_max: int
    ) -> list[tuple[int, bytes]]:
        """Conflict entries behind a loser's dot, in that order."""
        rows = self._execute(
            "select loser, record from conflicts where data_set = ? and loser > ? order by loser limit ?",
            (state.number, after, rows_max),
        )
        return _rows_within(rows, 1, bytes_max)

    def log_bytes(self, stream: Stream, after: int, upto: int) -> int:
        """The bytes of a stream's records after one sequence and up to another, as far as they are in the log."""
        total: int | None = self._execute(_LOG_BYTES, (stream.dot(after), stream.dot(upto))).get
        return total or 0

    def conflicts(self, state: DataSetState, limit: int) -> list[Conflict]:
        """The data set's conflict entries, those whose winner is the latest first."""
        # Of a dropped data set there are those writes that came too late, see ``applying.note_late``.
        number = -state.number if state.dropped else state.number
        rows = self._execute("select record from conflicts where data_set = ?", (number,))
        entries = [decode_record(record) for (record,) in rows]
        conflicts = [conflict_of(state.definition.id, entry) for entry in entries if isinstance(entry, ConflictRecord)]
        return latest_first(conflicts)[:limit]

    def is_logged(self, stream: Stream, sequence: int) -> bool:
        """Whether a record is still in the log."""
        return self._execute("select 1 from log where dot = ?", (stream.dot(sequence),)).get is not None

    def stored_after(self, state: DataSetState, after: bytes | None, limit: int) -> Iterator[tuple[bytes, Version]]:
        """What is stored after a key (None: from the first on), tombstones included, in key order."""
        where, bindings = ("", ()) if after is None else (" and key > ?", (after,))
        rows = self._execute(
            "select id, value, dot, hlc, context, expires, key from items "  # noqa: S608
            f"where data_set = ?{where} order by key limit ?",
            (state.number, *bindings, limit),
        )
        for row in rows:
            yield row[6], self._store.version(row[:6])

    def conflict_records(self, state: DataSetState, after: int, limit: int) -> list[tuple[int, bytes]]:
        """Conflict entries with their places in the file, after a place."""
        found: list[tuple[int, bytes]] = self._execute(
            "select loser, record from conflicts where data_set = ? and loser > ? order by loser limit ?",
            (state.number, after, limit),
        ).fetchall()
        return found

    def parked(self, state: DataSetState, limit: int) -> list[Parked]:
        """The data set's parked records."""
        return parked_of(self._store, state, self._execute(PARKED_OF_DATA_SET, (state.number, limit)).fetchall())

    def changes(self, state: DataSetState, after_position: int, limit: int) -> list[Change]:
        """See ``Journal.changes``."""
        rows = self._execute(CHANGES, (state.number, after_position, limit))
        return [change_of(self._store, row) for row in rows]

    def changes_span(self, state: DataSetState) -> tuple[int, int] | None:
        """See ``Journal.changes_span``."""
        span = self._execute("select min(position), max(position) from changes where data_set = ?", (state.number,))
        first, last = span.get
        return None if first is None else (first, last)

    def digests(self, state: DataSetState) -> list[int] | None:
        """See ``Journal.digests``."""
        stable = stable_in(state, self._store.region)
        self._execute("begin")  # one snapshot of both
        try:
            column = self._execute("select digests from data_sets where number = ?", (state.number,)).get
            if column is None:
                return None
            digests = buckets_of(column)
            for origin, last in stable.items():
                stream = state.streams[origin]
                span = stream.dot(0), stream.dot(last)
                rows = self._execute(TOMBSTONES, (*span, _STABLE_TOMBSTONES_MAX + 1)).fetchall()
                if len(rows) > _STABLE_TOMBSTONES_MAX:
                    return None
                for _, _, dot, hlc, _, _, key in rows:
                    digests.toggle(key, stream.salt, dot & SEQUENCE_MASK, hlc)
            return digests.values
        finally:
            self._execute("commit")

    def digest(self, state: DataSetState) -> str:
        """See ``Journal.digest``."""
        digest = hashlib.sha256()
        stable = stable_in(state, self._store.region)
        self._execute("begin")  # one snapshot for both tables
        try:
            for row in self._execute(_DIGEST_ITEMS, (state.number,)):
                version = self._store.version(row[:6])
                if version.value is not None or not is_stable(version, stable):
                    digest.update(_canonical(row[6], version))
            for (record,) in self._execute(
                "select record from conflicts where data_set = ? order by 1", (state.number,)
            ):
                digest.update(record)
        finally:
            self._execute("commit")
        return digest.hexdigest()


def _rows_within(rows: Any, place: int, bytes_max: int) -> list[Any]:
    """As many rows as fit, by what is at a place of each, but at least one; the statement does not stay open."""
    taken = []
    for row in rows:
        taken.append(row)
        column = row[place]
        if column is not None:
            bytes_max -= len(column)
            if bytes_max <= 0:
                break
    rows.close(True)
    return taken


Bound = TypeVar("Bound", bytes, tuple[bytes, bytes])


def _bounds(
    start: Bound | None, end: Bound | None, start_exclusive: bool, reverse: bool
) -> list[tuple[Bound, Literal["<", "<=", ">", ">="]]]:
    """The comparisons that keep a walk between its bounds."""
    bounds: list[tuple[Bound, Literal["<", "<=", ">", ">="]]] = []
    if start is not None:
        if reverse:
            bounds.append((start, "<" if start_exclusive else "<="))
        else:
            bounds.append((start, ">" if start_exclusive else ">="))
    if end is not None:
        bounds.append((end, ">=" if reverse else "<"))
    return bounds


def _within(records: Iterable[bytes], bytes_max: int) -> list[bytes]:
    """As many as fit, but at least one."""
    taken: list[bytes] = []
    for record in records:
        bytes_max -= len(record)
        if taken and bytes_max < 0:
            break
        taken.append(record)
    return taken


def latest_first(conflicts: list[Conflict]) -> list[Conflict]:
    """In the same order on every member: those with the latest winner first."""
    return sorted(conflicts, key=lambda conflict: (rank(conflict.winner), rank(conflict.loser)), reverse=True)


def _canonical(key: bytes, version: Version) -> bytes:
    """An item as it is on every member, whatever the numbers that streams have in its file.

    Not the context: where a tombstone has been dropped already, it need not be mentioned.
    """
    dot = version.dot
    return msgspec.msgpack.encode((key, version.value, dot.region, dot.incarnation, dot.sequence, version.hlc))
