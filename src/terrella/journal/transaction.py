"""What a judge sees of the open batch, and what it stages."""

from typing import Any

from terrella.journal.errors import StoreUnavailableError
from terrella.journal.model import Dot, Lane, Version
from terrella.journal.state import DataSetState
from terrella.journal.store import IndexChanges, Row, Store


class JudgedElsewhere(Exception):  # noqa: N818 - no error: the way from the lane that was tried to the right one
    """A judge has asked for an item of the lane ``sync``, which is not judged in the open batch."""

    def __init__(self, data_set_id: str) -> None:
        super().__init__(data_set_id)
        self.data_set_id = data_set_id


class Transaction:
    """One write operation: reads see the open batch and what it staged; nothing is written until its judge returns.

    Only valid while the judge that it was given to runs. What it writes is committed together here in any case; with
    ``together`` it is where it is replicated to as well, as far as possible: per data set, and if it came in one piece.
    """

    __slots__ = ("_expired", "_rows", "_staged", "_store", "together")

    def __init__(self, store: Store) -> None:
        self.together = False
        self._store = store
        self._rows: dict[tuple[str, bytes], Row | None] = {}
        self._staged: dict[tuple[str, bytes], bytes | None] = {}
        self._expired: set[tuple[str, bytes]] = set()

    def get(self, data_set_id: str, key: bytes) -> Version | None:
        """The item as it stands in the open batch; None if there is none.

        What this operation itself staged is seen with sequence 0: its dot is given when it is written.
        """
        row = self._row(data_set_id, key)
        if (data_set_id, key) in self._staged:
            value = self._staged[(data_set_id, key)]
            dot = Dot(self._store.region, self._store.incarnation, 0)
            return None if value is None else Version(value, dot, self._store.hlc.last)
        return None if row is None or row[1] is None else self._store.version(row)

    def put(self, data_set_id: str, key: bytes, value: bytes) -> None:
        """Stage an item's new value."""
        if type(key) is not bytes or type(value) is not bytes:
            raise TypeError(f"keys and values are bytes, not {type(key).__name__} and {type(value).__name__}")
        self._row(data_set_id, key)
        self._staged[(data_set_id, key)] = value
        self._expired.discard((data_set_id, key))

    def delete(self, data_set_id: str, key: bytes) -> None:
        """Stage an item's removal; of an absent item it is no write at all."""
        row = self._row(data_set_id, key)
        self._expired.discard((data_set_id, key))
        if row is None or row[1] is None:
            self._staged.pop((data_set_id, key), None)
        else:
            self._staged[(data_set_id, key)] = None

    def expire(self, data_set_id: str, key: bytes, dot: Dot) -> bool:
        """Stage the end of a version by its time to live; False, and no write, if it is not what is stored any more."""
        row = self._row(data_set_id, key)
        if (data_set_id, key) in self._staged or row is None or row[1] is None or self._store.dot(row[2]) != dot:
            return False
        self._staged[(data_set_id, key)] = None
        self._expired.add((data_set_id, key))
        return True

    def apply(self) -> None:
        """Write what was staged into the open batch. Called by the committer, once the judge has returned.

        What may raise (the indexers) comes before the first write, so that an operation is written whole or not at all.
        """
        if not self._staged:
            return
        store = self._store
        refusal = store.refusal
        planned = []
        for (data_set_id, key), value in self._staged.items():
            row = self._rows[(data_set_id, key)]
            state = store.catalog.data_sets[data_set_id]
            if refusal is not None and state.replicated:
                raise StoreUnavailableError(refusal)
            entries = store.index_changes(state, key, row[1] if row else None, value)
            planned.append((state, key, value, row, entries))
        if self.together:
            self._write_together(planned)
            return
        for state, key, value, row, entries in planned:
            if row is not None and value is None and (state.definition.id, key) in self._expired:
                store.write_expiry(state, key, row)
            else:
                store.write_local(state, key, value, row, entries)

    def _write_together(
        self, planned: list[tuple[DataSetState, bytes, bytes | None, Row | None, IndexChanges | None]]
    ) -> None:
        """Write data set by data set, so that the records of each follow each other, and number them."""
        store = self._store
        by_data_set: dict[str, list[Any]] = {}
        for plan in planned:
            by_data_set.setdefault(plan[0].definition.id, []).append(plan)
        transaction_id = store.hlc.tick()
        for plans in by_data_set.values():
            for place, (state, key, value, row, entries) in enumerate(plans, 1):
                store.write_local(state, key, value, row, entries, (transaction_id, len(plans), place))

    def _row(self, data_set_id: str, key: bytes) -> Row | None:
        place = (data_set_id, key)
        if place in self._rows:
            return self._rows[place]
        row = self._rows[place] = self._stored(self._store.catalog.serving(data_set_id, writing=True), key)
        return row

    def _stored(self, state: DataSetState, key: bytes) -> Row | None:
        if state.definition.lane is Lane.SYNC:
            raise JudgedElsewhere(state.definition.id)
        return self._store.lookup(state, key)
