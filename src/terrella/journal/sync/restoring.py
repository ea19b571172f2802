"""Replacing a group's state by a snapshot that is here in whole, a little at a time.

From the first step to the last the region's clients are refused, and a crash between them leaves a state machine that
is known to be none: then another snapshot is asked for.
"""

from terrella.journal.committer import Committer
from terrella.journal.store import Store
from terrella.journal.sync.spool import Spool
from terrella.journal.sync.work import Empty, Restore, arrived


async def restore(committer: Committer, data_set_id: str, spool: Spool, index: int, *, whole: bool) -> None:
    """Return when the state is that of entry ``index``; it is shown to clients if it is ``whole``."""
    await committer.slice(Empty(data_set_id))
    for part in spool.read():
        await committer.slice(Restore(data_set_id, part.items, part.proposals))

    def finish(store: Store) -> bool:
        arrived(store, data_set_id, index, whole)
        return False

    await committer.step(finish)
