"""Ending what its time to live has run out for, a little at a time, by an index of these times.

When an item expires is its service's business: its indexer puts it into an index under the moment, as bytes that sort
as moments do. Each region sweeps for itself; that two end the same version, or that one ends what another has written
anew meanwhile, comes to nothing: see ``merge.rank``.
"""

from terrella.journal.model import Lane
from terrella.journal.state import DataSetState
from terrella.journal.store import Store

_DUE = (
    "select index_key, key from index_entries where number = ? and index_key >= ? and index_key <= ? "
    "order by index_key, key limit ?"
)
_DELETE_ENTRY = "delete from index_entries where number = ? and index_key = ? and key = ?"
STEP_ITEMS = 25


def expire_due(store: Store, state: DataSetState, index_name: str, since: bytes, now: bytes, limit: int) -> int:
    """End at most ``limit`` items that the index has between ``since`` and ``now``; how many of them there were.

    In the lane ``sync`` nothing expires, as on AWS.
    """
    number = state.indexes.get(index_name)
    if number is None or store.refusal is not None or state.definition.lane is Lane.SYNC:
        return 0
    due = store.rows(_DUE, (number, since, now, limit))
    for index_key, key in due:
        row = store.lookup(state, key)
        if row is not None and row[1] is not None:
            store.write_expiry(state, key, row)
        # In case the indexer makes nothing of the item any more: it is not to be found again.
        store.execute(_DELETE_ENTRY, (number, index_key, key))
    return len(due)
