"""Records that cannot be applied, set aside so that what follows them can be, and listed until something helps.

A parked record is held (it is relayed like any other) and not applied: acknowledgements, and so tombstones, wait for
it. It is discharged when it is replayed, or when a version is stored at its key that has seen it.
"""

from bisect import insort
from collections.abc import Iterator

from terrella.journal.model import Dot, Parked, Version
from terrella.journal.schema import SEQUENCE_BITS, SEQUENCE_MASK
from terrella.journal.state import DataSetState, Stream
from terrella.journal.store import Store
from terrella.journal.vectors import has_seen

PARKED_OF_DATA_SET = "select dot, key, length(record), reason from parked where data_set = ? order by dot limit ?"
_PARK = "insert into parked values (?, ?, ?, ?, ?)"
_DISCHARGE = "delete from parked where dot = ?"
_REASON = "update parked set reason = ? where dot = ?"
_OF_KEY = "select dot from parked where data_set = ? and key = ?"
_DOTS = "select dot from parked where data_set = ? order by dot"
_RECORD = "select record from parked where dot = ?"


def park(
    store: Store, state: DataSetState, stream: Stream, sequence: int, data: bytes, key: bytes | None, error: Exception
) -> None:
    """Set a record aside, with the reason."""
    store.execute(_PARK, (stream.dot(sequence), state.number, key, data, _reason(error)))
    insort(stream.parked, sequence)
    state.parked += 1


def discharge(store: Store, state: DataSetState, stream: Stream, sequence: int) -> None:
    """A record is parked no longer."""
    store.execute(_DISCHARGE, (stream.dot(sequence),))
    stream.parked.remove(sequence)
    state.parked -= 1


def discharge_covered(store: Store, state: DataSetState, key: bytes, stored: Version) -> None:
    """Discharge the key's parked records that the version stored now has seen."""
    for (number,) in store.rows(_OF_KEY, (state.number, key)):
        stream, sequence = store.catalog.streams[number >> SEQUENCE_BITS], number & SEQUENCE_MASK
        if has_seen(stored, Dot(stream.region, stream.incarnation, sequence)):
            discharge(store, state, stream, sequence)


def note_reason(store: Store, number: int, error: Exception) -> None:
    """A record could not be replayed."""
    store.execute(_REASON, (_reason(error), number))


def parked_records(store: Store, state: DataSetState) -> Iterator[tuple[int, Stream, int, bytes]]:
    """The data set's parked records: dot as one integer, stream, sequence, bytes."""
    for (number,) in store.rows(_DOTS, (state.number,)):
        data: bytes | None = store.ask(_RECORD, (number,))
        if data is not None:  # else it was discharged meanwhile
            yield number, store.catalog.streams[number >> SEQUENCE_BITS], number & SEQUENCE_MASK, data


def parked_of(store: Store, state: DataSetState, rows: list[tuple[int, bytes | None, int, str]]) -> list[Parked]:
    """Rows of the table as what a person is shown."""
    found = []
    for number, key, record_bytes, reason in rows:
        stream = store.catalog.streams[number >> SEQUENCE_BITS]
        dot = Dot(stream.region, stream.incarnation, number & SEQUENCE_MASK)
        found.append(Parked(state.definition.id, dot, key, reason, record_bytes))
    return found


def _reason(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
