"""What a group has written: pieces of work for the committer, each done inside its batches."""

from collections.abc import Callable, Sequence

from terrella.journal.raft import Batch, LogEntry
from terrella.journal.standing import Join, Phase
from terrella.journal.state import DataSetState
from terrella.journal.store import Store
from terrella.journal.sync.disk import GroupDisk
from terrella.journal.sync.frames import ItemPart, ProposalPart
from terrella.journal.sync.machine import apply_entry, emptying, put
from terrella.journal.sync.proposals import Outcome

_REMEMBER = "insert or replace into raft_proposals values (?, ?, ?, ?)"


class WriteBatch:
    """A Raft batch: first what was promised, then what is to be applied, with how far that has come.

    Its outcome is what became of each proposal. Doing it again after a failure, or a part of it, changes nothing.
    """

    def __init__(self, data_set_id: str, batch: Batch) -> None:
        self._data_set_id = data_set_id
        self._batch = batch
        self._outcomes: dict[str, Outcome] = {}
        self._written = False

    def run(self, store: Store, out_of_time: Callable[[], bool]) -> bool:
        """Write at once, apply as much as there is time for."""
        state = store.catalog.declared(self._data_set_id)
        disk = GroupDisk(store, state.number)
        if not self._written:
            self._written = True
            disk.write(self._batch)
            if self._batch.snapshot is not None and store.region != state.definition.witness:
                store.set_join(state, Join(Phase.DISCARDING, state.definition.epoch))
                disk.set_applied(0)
        return self._apply(store, state, disk, out_of_time)

    def outcome(self) -> dict[str, Outcome]:
        """By proposal."""
        return self._outcomes

    def _apply(self, store: Store, state: DataSetState, disk: GroupDisk, out_of_time: Callable[[], bool]) -> bool:
        applied = before = disk.applied
        try:
            for count, entry in enumerate(self._due(applied), 1):
                outcome = apply_entry(store, state, entry)
                applied = entry.index
                if outcome is not None:
                    self._outcomes[entry.id] = outcome
                if not count & 7 and out_of_time():
                    break
        finally:
            if applied != before:
                disk.set_applied(applied)
        return not self._due(applied)

    def _due(self, applied: int) -> Sequence[LogEntry]:
        committed = self._batch.committed
        return committed[max(0, applied + 1 - committed[0].index) :] if committed else ()


class Empty:
    """Make room for a snapshot, or for a log from its beginning."""

    def __init__(self, data_set_id: str) -> None:
        self._data_set_id = data_set_id

    def run(self, store: Store, out_of_time: Callable[[], bool]) -> bool:
        """Remove as much as there is time for."""
        state = store.catalog.declared(self._data_set_id)
        for _ in emptying(store, state):
            if out_of_time():
                return False
        store.set_join(state, Join(Phase.COPYING, state.definition.epoch))
        return True

    def outcome(self) -> None:
        """Nothing."""


class Restore:
    """Take in a part of a snapshot."""

    def __init__(self, data_set_id: str, items: Sequence[ItemPart], proposals: Sequence[ProposalPart]) -> None:
        self._data_set_id = data_set_id
        self._items = items
        self._proposals = proposals
        self._next = 0

    def run(self, store: Store, out_of_time: Callable[[], bool]) -> bool:
        """As much as there is time for."""
        state = store.catalog.declared(self._data_set_id)
        while self._next < len(self._items):
            key, value, index, hlc = self._items[self._next]
            put(store, state, key, store.lookup(state, key), value, index, hlc)
            store.hlc.observe(hlc)
            self._next += 1
            if not self._next & 7 and out_of_time():
                return False
        for id_, entry, outcome in self._proposals:
            store.execute(_REMEMBER, (state.number, id_, entry, outcome))
        return True

    def outcome(self) -> None:
        """Nothing."""


def arrived(store: Store, data_set_id: str, applied: int | None, whole: bool) -> None:
    """The state is that of ``applied`` (None: of what it was anyway); clients are served if it is ``whole``."""
    state = store.catalog.declared(data_set_id)
    if applied is not None:
        GroupDisk(store, state.number).set_applied(applied)
    store.set_join(state, None if whole else Join(Phase.CATCHING_UP, state.definition.epoch))
