"""What a judge sees of a data set in the lane ``sync``: committed state, which its group compares before it writes."""

from collections.abc import Iterator

from terrella.journal.errors import JournalError
from terrella.journal.reading import Reader
from terrella.journal.state import DataSetState
from terrella.journal.store import Row, Store
from terrella.journal.sync.machine import stored_index
from terrella.journal.sync.proposals import Change
from terrella.journal.transaction import Transaction


class SyncTransaction(Transaction):
    """As ``Transaction``, over one data set. What it looked at is part of what it proposes."""

    __slots__ = ("_data_set_id", "_reader")

    def __init__(self, store: Store, reader: Reader, data_set_id: str) -> None:
        super().__init__(store)
        self._reader = reader
        self._data_set_id = data_set_id

    def _stored(self, state: DataSetState, key: bytes) -> Row | None:
        if state.definition.id != self._data_set_id:
            raise JournalError(
                f"data set {state.definition.name}: a write of the lane sync is of one data set, this is another"
            )
        return self._reader.row(state, key)

    @property
    def keys(self) -> list[bytes]:
        """What was looked at."""
        return [key for _, key in self._rows]

    @property
    def writes(self) -> bool:
        """Whether there is anything to propose."""
        return bool(self._staged)

    def changes(self) -> list[Change]:
        """What is proposed."""
        return list(self._changes())

    def _changes(self) -> Iterator[Change]:
        for (data_set_id, key), row in self._rows.items():
            writes = (data_set_id, key) in self._staged
            value = self._staged.get((data_set_id, key))
            if value is not None:
                # Raises for a value that an index cannot take: when it is applied it is too late to refuse it.
                self._store.index_changes(self._store.catalog.data_sets[data_set_id], key, None, value)
            yield Change(key, stored_index(row), writes, value)
