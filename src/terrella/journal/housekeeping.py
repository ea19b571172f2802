"""What a journal does for itself, now and then and a little at a time: acknowledge, drop what may go, trim logs."""

from collections.abc import Iterator

from terrella.journal.acknowledging import acknowledge_if_due
from terrella.journal.changes import forgetting
from terrella.journal.store import Store
from terrella.journal.tombstones import collecting
from terrella.journal.trimming import trimming


def housekeeping(store: Store) -> Iterator[None]:
    """One round, in steps of well under 2 ms inside open batches; a round in which nothing is due changes nothing."""
    for state in list(store.catalog.data_sets.values()):
        if state.declared and not state.on_the_way_in:
            acknowledge_if_due(store, state)
            yield
            yield from collecting(store, state)
    yield from trimming(store)
    yield from forgetting(store)
