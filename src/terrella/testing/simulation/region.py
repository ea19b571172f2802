"""One region of a simulated world: a disk that outlives it, a store, and the cores that pull and serve."""

from collections import deque
from dataclasses import dataclass, field

from terrella.journal import (
    Apply,
    CommittedState,
    Conflict,
    DataSet,
    JournalError,
    Reader,
    RemoteSlice,
    Store,
    Transaction,
    Vector,
    Version,
    declaring,
    memory_connection,
)
from terrella.testing.ids import SeededIds
from terrella.testing.simulation.history import Write
from terrella.testing.simulation.network import SimulatedConnection
from terrella.testing.simulation.schedule import Schedule, SkewedClock


@dataclass(slots=True)
class _Batch:
    """What an open batch holds."""

    writes: list[Write] = field(default_factory=list)
    slices: list[tuple[SimulatedConnection, RemoteSlice]] = field(default_factory=list)
    refused: list[tuple[SimulatedConnection, str]] = field(default_factory=list)


class SimulatedRegion:
    """Up or down; what is committed is on its disk whatever happens."""

    def __init__(self, schedule: Schedule, name: str, data_set: DataSet, clock: SkewedClock) -> None:
        self.name = name
        self.up = False
        self.store: Store
        self.state: CommittedState
        self._reader: Reader
        self._schedule = schedule
        self._data_set = data_set
        self._clock = clock
        self._ids = SeededIds(schedule.random.getrandbits(32))
        self._disk = memory_connection()
        self._operations: deque[tuple[bytes, bytes | None]] = deque()
        self._slices: deque[tuple[SimulatedConnection, RemoteSlice]] = deque()
        self._batch: _Batch | None = None

    def boot(self) -> None:
        """Open the store, as after a crash; what was not committed is gone."""
        self.store = Store(self._disk, self.name, self._clock, self._ids)
        self._reader = Reader(self._disk, self.store)
        self.state = CommittedState(self.store, self._reader, self._clock)
        self.store.begin()
        for _ in declaring(self.store, self._data_set, None, None):
            pass
        self.commit()
        self.up = True

    def crash(self) -> None:
        """Lose everything that is not on the disk."""
        self.store.rollback()
        self._operations.clear()
        self._slices.clear()
        self._batch = None
        self.up = False

    # the batch

    def submit(self, key: bytes, value: bytes | None) -> None:
        """A client's put, or delete (None)."""
        self._operations.append((key, value))

    def apply(self, connection: SimulatedConnection, effect: Apply) -> None:
        """Records came."""
        records = effect.records
        origin = (records.region, records.incarnation)
        work = RemoteSlice(records.data_set_id, origin, records.first, records.records)
        self._slices.append((connection, work))

    @property
    def busy(self) -> bool:
        """Whether a batch is open."""
        return self._batch is not None

    @property
    def waiting(self) -> bool:
        """Whether there is work for a batch."""
        return bool(self._operations or self._slices)

    def open_batch(self) -> None:
        """Run what waits against a new batch. Remote slices may be done only in part, as when their time is up."""
        batch = self._batch = _Batch()
        self.store.begin()
        while self._operations:
            write = self._write(*self._operations.popleft())
            if write is not None:
                batch.writes.append(write)
        hurry = self._schedule.random.random() < 0.3
        while self._slices:
            connection, work = self._slices[0]
            try:
                done = work.run(self.store, lambda: hurry)
            except JournalError as error:
                batch.refused.append((connection, str(error)))
                done = True
            if not done:
                break
            batch.slices.append(self._slices.popleft())

    def commit(self) -> list[Write]:
        """The disk has it; answers the writes."""
        self.store.flush()
        self.store.commit()
        self.store.committed()
        self.state.refresh()
        batch, self._batch = self._batch, None
        return batch.writes if batch else []

    def refused(self) -> list[tuple[SimulatedConnection, str]]:
        """Slices of the open batch that could not be applied, and why."""
        return self._batch.refused if self._batch else []

    def fail_batch(self) -> list[SimulatedConnection]:
        """The disk is full: nothing of the batch is written. Answers the connections whose records were lost."""
        assert self._batch is not None
        lost = [connection for connection, _ in (*self._batch.slices, *self._slices)]
        self.store.rollback()
        self._slices.clear()
        self._batch = None
        return lost

    def _write(self, key: bytes, value: bytes | None) -> Write | None:
        store = self.store
        state = store.catalog.declared(self._data_set.id)
        seen = {stream.origin: stream.applied for stream in state.streams.values()}
        before = state.own.applied if state.own else 0
        transaction = Transaction(store)
        if value is None:
            transaction.delete(self._data_set.id, key)
        else:
            transaction.put(self._data_set.id, key, value)
        transaction.apply()
        row = store.lookup(state, key)
        if row is None or state.own is None or state.own.applied == before:
            return None
        return Write(key, store.version(row), seen)

    # what the checkers see

    def stored(self, key: bytes) -> Version | None:
        """What is stored at a key, a tombstone included."""
        return self._reader.stored(self.store.catalog.declared(self._data_set.id), key)

    def conflicts(self) -> list[Conflict]:
        """The conflict log."""
        return self._reader.conflicts(self.store.catalog.declared(self._data_set.id), 1_000_000)

    def digest(self) -> str:
        """Everything that is stored, as a hash."""
        return self._reader.digest(self.store.catalog.declared(self._data_set.id))

    def vector(self) -> Vector:
        """What is applied."""
        return self.store.catalog.declared(self._data_set.id).vector
