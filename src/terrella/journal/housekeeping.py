"""What a journal does for itself, now and then and a little at a time: acknowledge, drop what may go, trim logs."""

from collections.abc import Iterator

from terrella.journal.acknowledging import acknowledge_if_due
from terrella.journal.changes import forgetting
from terrella.journal.schema import SEQUENCE_BITS, SEQUENCE_MASK
from terrella.journal.state import DataSetState
from terrella.journal.store import Store
from terrella.journal.tombstones import collecting
from terrella.journal.trimming import trimming

_SLICE_ROWS = 100
_ITEMS_FROM = "select key, dot, hlc from items where data_set = ? and key >= ? order by key limit ?"


def building_digests(store: Store, state: DataSetState) -> Iterator[None]:
    """Count what the digests do not have yet, a few items at a time, while others are written."""
    while (digests := state.digests) is not None and digests.pending_from is not None and not state.hollow:
        rows = store.rows(_ITEMS_FROM, (state.number, digests.pending_from, _SLICE_ROWS))
        digests.pending_from = rows[-1][0] + b"\0" if rows else None
        for key, dot, hlc in rows:
            stream = store.catalog.streams[dot >> SEQUENCE_BITS]
            digests.toggle(key, stream.salt, dot & SEQUENCE_MASK, hlc)
        if len(rows) < _SLICE_ROWS:
            digests.pending_from = None
            store.note_counts(state)
        yield


def housekeeping(store: Store) -> Iterator[None]:
    """One round, in steps of well under 2 ms inside open batches; a round in which nothing is due changes nothing."""
    for state in list(store.catalog.data_sets.values()):
        if state.declared and not state.on_the_way_in:
            acknowledge_if_due(store, state)
            yield
            yield from collecting(store, state)
            yield from building_digests(store, state)
    yield from trimming(store)
    yield from forgetting(store)
