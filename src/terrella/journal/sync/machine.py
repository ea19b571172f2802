"""The state machine of a data set in the lane ``sync``: entries of its group's log, applied to the store's items.

Applying is compare-and-set on each item's dot, and depends on nothing but the log: so all members come to the same
items, dots and times. A dot's origin is the group; its sequence is the entry's index. Nothing of it is pulled, merged
or logged as a conflict. An item that is removed leaves no tombstone.
"""

from collections.abc import Iterator

from terrella.journal.model import Origin
from terrella.journal.raft import EntryKind, LogEntry
from terrella.journal.schema import SEQUENCE_MASK
from terrella.journal.state import DataSetState
from terrella.journal.store import Row, Store
from terrella.journal.sync.proposals import Change, Outcome, Proposal, decode_proposal

# Proposals of so many entries are remembered. One that comes later than that after it was made is refused, so that
# none is ever applied twice.
ENTRIES_REMEMBERED = 10_000
_EMPTY_ROWS = 50

_KNOWN = "select outcome from raft_proposals where data_set = ? and id = ?"
_REMEMBER = "insert into raft_proposals values (?, ?, ?, ?)"
_FORGET = "delete from raft_proposals where data_set = ? and entry <= ?"
_ROWS = "select id, value, dot, hlc, context, expires, key from items where data_set = ? limit ?"


def group_origin(state: DataSetState) -> Origin:
    """The origin of a group's dots; no region has this name."""
    return ("sync", state.definition.id)


def apply_entry(store: Store, state: DataSetState, entry: LogEntry) -> Outcome | None:
    """Apply the next entry; None if it is no proposal. Raises ``RecordError`` for one that cannot be read."""
    if entry.kind is not EntryKind.DATA:
        return None
    known = remembered(store, state, entry.id)
    if known is not None:
        return known
    proposal = decode_proposal(entry.data)
    outcome = _judge(store, state, entry.index, proposal)
    if outcome is not Outcome.EXPIRED:
        store.execute(_REMEMBER, (state.number, entry.id, entry.index, outcome))
        store.execute(_FORGET, (state.number, entry.index - ENTRIES_REMEMBERED))
    return outcome


def remembered(store: Store, state: DataSetState, id_: str) -> Outcome | None:
    """What became of the proposal when it was applied before."""
    outcome = store.ask(_KNOWN, (state.number, id_))
    return None if outcome is None else Outcome(outcome)


def _judge(store: Store, state: DataSetState, index: int, proposal: Proposal) -> Outcome:
    if index - proposal.base > ENTRIES_REMEMBERED:
        return Outcome.EXPIRED
    rows = [store.lookup(state, change.key) for change in proposal.changes]
    if any(stored_index(row) != change.expected for row, change in zip(rows, proposal.changes, strict=True)):
        return Outcome.CONFLICT
    for row, change in zip(rows, proposal.changes, strict=True):
        if change.writes:
            _write(store, state, index, proposal.hlc, change, row)
    return Outcome.APPLIED


def stored_index(row: Row | None) -> int:
    """The entry that wrote what is stored; 0 for nothing."""
    return 0 if row is None else row[2] & SEQUENCE_MASK


def _write(store: Store, state: DataSetState, index: int, hlc: int, change: Change, row: Row | None) -> None:
    if change.value is None:
        if row is not None:
            remove(store, state, change.key, row, index, max(hlc, row[3] + 1))
        return
    hlc = hlc if row is None else max(hlc, row[3] + 1)
    if not store.hlc.observe(hlc):
        store.skewed_records += 1
    put(store, state, change.key, row, change.value, index, hlc)


def put(store: Store, state: DataSetState, key: bytes, row: Row | None, value: bytes, index: int, hlc: int) -> None:
    """Store an item as entry ``index`` wrote it."""
    entries = store.index_changes(state, key, row[1] if row is not None else None, value, lenient=True)
    dot = store.stream(state, *group_origin(state)).dot(index)
    store.put_row(state, key, row, (value, dot, hlc, None, None), entries)


def remove(store: Store, state: DataSetState, key: bytes, row: Row, index: int, hlc: int) -> None:
    """Remove an item as entry ``index`` did; nothing is left of it."""
    dot = store.stream(state, *group_origin(state)).dot(index)
    store.put_row(state, key, row, (None, dot, hlc, None, None), store.index_changes(state, key, row[1], None))
    emptied = store.lookup(state, key)
    assert emptied is not None
    store.drop_row(state, key, emptied)


def emptying(store: Store, state: DataSetState) -> Iterator[None]:
    """Remove everything, a little at a time."""
    while rows := store.rows(_ROWS, (state.number, _EMPTY_ROWS)):
        for *columns, key in rows:
            row: Row = tuple(columns)
            remove(store, state, key, row, 0, row[3])
        yield
    store.execute("delete from raft_proposals where data_set = ?", (state.number,))
