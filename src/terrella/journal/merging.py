"""Taking what another replica has into what is here, where neither is the other's past.

Each replica is the sum of the records that its vector covers. So what one has stored and the other has not is either a
record that the other lacks, or one that it has had: then it was deleted there, and the deletion was forgotten because
everybody had it. With both vectors that can be told apart, and of two replicas with their vectors follows the replica
that has applied what either had.
"""

import apsw

from terrella.journal.applying import merge_version
from terrella.journal.merge import Clash
from terrella.journal.model import Dot, Vector, Version
from terrella.journal.parking import discharge, park
from terrella.journal.protocol import unflatten
from terrella.journal.records import encode_write
from terrella.journal.standing import Start
from terrella.journal.state import DataSetState, Stream
from terrella.journal.store import Row, Store
from terrella.journal.vectors import has_seen, join

_LIVE_BETWEEN = (
    "select id, value, dot, hlc, context, expires, key from items where data_set = ?1 and (key > ?2 or ?3) "
    "and (?4 or key < ?5) and value is not null order by key"
)
_PARKED_KEY = "select key from parked where dot = ?"
_IS_LOSER = "select 1 from conflicts where loser = ?"


def set_cursor(store: Store, stream: Stream, sequence: int) -> None:
    """All up to a sequence is here, though not in the log."""
    stream.applied = sequence
    stream.recent.clear()
    stream.recent_bytes = 0
    store.raise_floor(stream, sequence + 1)


def drop_deleted(store: Store, state: DataSetState, covered: Vector, after: bytes | None, before: bytes | None) -> None:
    """Between two keys the source has nothing: what it had applied of what is here was deleted, and that forgotten."""
    rows = store.rows(
        _LIVE_BETWEEN,
        (state.number, b"" if after is None else after, after is None, before is None, before or b""),
    )
    for *columns, key in rows:
        row: Row = tuple(columns)
        dot = store.dot(row[2])
        if dot.sequence <= covered.get(dot.origin, 0):
            gone = (None, *row[2:5], None)
            store.put_row(state, key, row, gone, store.index_changes(state, key, row[1], None))
            store.drop_row(state, key, (row[0], *gone))


def take_cursors(store: Store, state: DataSetState, start: Start) -> None:
    """What is here is now also what the source had applied: no stream goes back, and what was parked has arrived."""
    for head in start.streams:
        stream = store.stream(state, head.region, head.incarnation)
        for sequence in [one for one in stream.parked if one <= head.applied]:
            if _is_settled(store, state, Dot(*stream.origin, sequence)):
                discharge(store, state, stream, sequence)
        if stream is state.own or head.applied <= stream.applied:
            continue
        stream.predecessor, stream.predecessor_last = head.predecessor, head.predecessor_last
        store.note_acknowledged(state, stream, join(stream.acknowledged, unflatten(head.acknowledged)))
        if stream.floor <= stream.applied:
            store.trim(stream, stream.applied)
        set_cursor(store, stream, head.applied)


def _is_settled(store: Store, state: DataSetState, dot: Dot) -> bool:
    """Whether what came of a parked write where it could be applied is here by now."""
    number = store.stream(state, *dot.origin).dot(dot.sequence)
    key: bytes | None = store.ask(_PARKED_KEY, (number,))
    row = store.lookup(state, key) if key is not None else None
    return row is None or has_seen(store.version(row), dot) or store.ask(_IS_LOSER, (number,)) is not None


def merge_or_park(store: Store, state: DataSetState, key: bytes, version: Version, covered: Vector) -> None:
    """Merge a version that another replica has stored; one that cannot be is set aside, as the write that made it.

    ``covered`` is what that replica had applied.
    """
    here = store.stream(state, *version.dot.origin).complete >= version.dot.sequence

    def judged(clash: Clash) -> bool:
        there = clash.loser.dot if clash.winner.dot == version.dot else clash.winner.dot
        return here or there.sequence <= covered.get(there.origin, 0)

    try:
        merge_version(store, state, key, version, judged)
    except (apsw.Error, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, this version causes it: it is parked, and listed
        stream = store.stream(state, *version.dot.origin)
        if version.dot.sequence not in stream.parked:
            data = encode_write(version.hlc, key, version.value, version.context, version.expires)
            park(store, state, stream, version.dot.sequence, data, key, error)
