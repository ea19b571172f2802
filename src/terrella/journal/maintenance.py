"""Longer changes to the store, as generators that stop after each small step: declaring, indexing, dropping."""

from collections.abc import Callable, Iterator, Mapping

from terrella.journal.errors import DataSetDroppedError, JournalError
from terrella.journal.model import PULLED, DataSet, Indexer, Lane
from terrella.journal.schema import SEQUENCE_MASK
from terrella.journal.standing import Join, Phase
from terrella.journal.state import DROPPED, DROPPING, LIVE, DataSetState
from terrella.journal.store import Store

_STEP_ROWS = 100
_ITEMS_AFTER = "select key, value from items where data_set = ? and key > ? and value is not null order by key limit ?"
_PURGE_INDEX = (
    "delete from index_entries where (number, index_key, key) in "
    "(select number, index_key, key from index_entries where number = ? limit ?)"
)
_KNOWS_GROUP = "select 1 from raft_groups where data_set = ?"
_DONE = object()


def stepwise(begin: Callable[[Store], Iterator[None]]) -> Callable[[Store], bool]:
    """A generator as the committer takes longer work: called until it answers False."""
    steps: Iterator[None] | None = None

    def step(store: Store) -> bool:
        nonlocal steps
        if steps is None:
            steps = begin(store)
        return next(steps, _DONE) is not _DONE

    return step


def declaring(
    store: Store,
    definition: DataSet,
    indexer: Indexer | None,
    indexes: Mapping[str, str] | None,
    *,
    changes: bool = False,
) -> Iterator[None]:
    """Make a data set known and usable; indexes that are new or have another fingerprint are filled from its items."""
    state = store.catalog.data_sets.get(definition.id)
    if state is not None and state.dropped:
        if state.dropped == DROPPING or state.definition.lane is not Lane.LOCAL:
            raise DataSetDroppedError(
                f"data set {definition.name} ({definition.id}) was dropped: it needs a new generation"
            )
        state.dropped = LIVE
        store.execute("update data_sets set dropped = ? where number = ?", (LIVE, state.number))
    lanes = {definition.lane} if state is None else {state.definition.lane, definition.lane}
    begins_log = state is not None and state.definition.lane is Lane.LOCAL and definition.lane in PULLED
    if state is not None and len(lanes) > 1 and not lanes <= set(PULLED) and not begins_log:
        raise JournalError(
            f"data set {definition.name}: its lane is {state.definition.lane}, and cannot become {definition.lane}"
        )
    if store.region not in (*definition.holders, definition.witness):
        raise JournalError(f"data set {definition.name}: {store.region} is not among its members {definition.members}")
    state = store.declare(definition)
    if state.definition.lane is Lane.SYNC and not store.ask(_KNOWS_GROUP, (state.number,)):
        # What is here is the group's state only once the group says so.
        store.set_join(state, Join(Phase.COPYING, state.definition.epoch))
    if begins_log:
        _begin_log(store, state)
    trash, fill = _plan_indexes(store, state, indexes) if indexes is not None else ([], {})
    state.indexer = indexer
    state.feeds_changes = changes
    state.declared = True
    store.note_counts(state)
    yield
    if fill and indexer is not None:
        yield from _filling(store, state, set(fill))
    for name in fill:
        store.execute("update indexes set ready = 1 where data_set = ? and name = ?", (state.number, name))
    for number in trash:
        yield from _purging(store, number)


def _begin_log(store: Store, state: DataSetState) -> None:
    """What was of this region alone is to be replicated: whoever wants what is here takes a snapshot.

    What is written from now on is in the log, in a stream that names as its predecessor what is not.
    """
    for stream in state.streams.values():
        store.raise_floor(stream, stream.applied + 1)
    store.renew_incarnation()


def dropping(store: Store, data_set_id: str) -> Iterator[None]:
    """Forget a data set: at once for everyone who asks, then its rows.

    Its streams stay, so that no dot is given twice.
    """
    state = store.catalog.data_sets.get(data_set_id)
    if state is None or state.dropped == DROPPED:
        return
    state.dropped, state.declared, state.indexer = DROPPING, False, None
    store.note_counts(state)
    store.execute("update data_sets set dropped = ? where number = ?", (DROPPING, state.number))
    yield
    yield from sweep(store, "items", "id", f"data_set = {state.number}")
    yield from sweep(store, "conflicts", "loser", f"data_set = {state.number}")
    yield from sweep(store, "parked", "dot", f"data_set = {state.number}")
    yield from sweep(store, "changes", "position", f"data_set = {state.number}")
    for table, column in (("raft_log", "entry"), ("raft_proposals", "id"), ("raft_groups", "data_set")):
        yield from sweep(store, table, column, f"data_set = {state.number}")
    for stream in state.streams.values():
        yield from sweep(store, "log", "dot", f"dot between {stream.dot(0)} and {stream.dot(SEQUENCE_MASK)}")
        store.count_log_bytes(stream, -stream.log_bytes)
        store.raise_floor(stream, stream.applied + 1)
        stream.parked.clear()
        store.execute("delete from acknowledgements where stream = ?", (stream.id,))
    for name, number in list(state.indexes.items()):
        _throw_away(store, number)
        del state.indexes[name]
        yield from _purging(store, number)
    state.dropped, state.conflicts, state.parked = DROPPED, 0, 0
    store.reset_counts(state)
    store.execute("update data_sets set dropped = ? where number = ?", (DROPPED, state.number))


def resuming(store: Store) -> Iterator[None]:
    """What a crash left half done: data sets half dropped, index entries thrown away but not yet deleted."""
    for data_set_id, state in list(store.catalog.data_sets.items()):
        if state.dropped == DROPPING:
            yield from dropping(store, data_set_id)
    for (number,) in store.execute("select number from indexes where data_set = 0").fetchall():
        yield from _purging(store, number)


def _plan_indexes(store: Store, state: DataSetState, wanted: Mapping[str, str]) -> tuple[list[int], dict[str, int]]:
    """Which indexes have gone (their numbers), and which are to be filled (their names and new numbers)."""
    rows = store.execute("select name, number, fingerprint, ready from indexes where data_set = ?", (state.number,))
    current = {name: number for name, number, fingerprint, ready in rows if ready and wanted.get(name) == fingerprint}
    trash = [number for name, number in state.indexes.items() if name not in current]
    for number in trash:
        _throw_away(store, number)
    state.indexes = current
    fill = {}
    for name, fingerprint in wanted.items():
        if name not in current:
            number = fill[name] = store.index_number(state, name)
            store.execute("update indexes set fingerprint = ?, ready = 0 where number = ?", (fingerprint, number))
    return trash, fill


def _throw_away(store: Store, number: int) -> None:
    store.execute("update indexes set data_set = 0, name = ? where number = ?", (str(number), number))


def _filling(store: Store, state: DataSetState, names: set[str]) -> Iterator[None]:
    """Index the items that are there, while writes go on and keep up what is indexed already."""
    after = b""
    empty_key = store.execute("select value from items where data_set = ? and key = x''", (state.number,)).get
    if empty_key is not None:
        store.insert_index_entries(
            state, b"", ((n, k) for n, k in store.index_entries(state, b"", empty_key) if n in names)
        )
    while rows := store.execute(_ITEMS_AFTER, (state.number, after, _STEP_ROWS)).fetchall():
        for key, value in rows:
            store.insert_index_entries(
                state, key, ((n, k) for n, k in store.index_entries(state, key, value) if n in names)
            )
        after = rows[-1][0]
        yield


def throw_away_index(store: Store, number: int) -> Iterator[None]:
    """An index goes: for everyone who asks at once, its entries step by step; a crash in between is made up for."""
    _throw_away(store, number)
    return _purging(store, number)


def _purging(store: Store, number: int) -> Iterator[None]:
    while True:
        store.execute(_PURGE_INDEX, (number, _STEP_ROWS))
        if store.connection.changes() < _STEP_ROWS:
            break
        yield
    store.execute("delete from indexes where number = ?", (number,))


def sweep(store: Store, table: str, column: str, where: str) -> Iterator[None]:
    """Delete rows a few at a time."""
    while True:
        chosen = f"select {column} from {table} where {where} limit {_STEP_ROWS}"  # noqa: S608 - the names are ours
        store.execute(f"delete from {table} where {column} in ({chosen})")  # noqa: S608
        if store.connection.changes() < _STEP_ROWS:
            return
        yield
