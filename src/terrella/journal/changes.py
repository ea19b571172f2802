"""The feed of changes: what each commit here did to the items of a data set, in the order of commits, for a day.

A replicated write is a change where it is applied, and if it won; its old image is the version that it replaced here.
What loses, or changes nothing, is none. The feed is written in the transaction that it tells of.
"""

from collections.abc import Iterator
from typing import Any

from terrella.journal.model import Change, ChangeKind, Version
from terrella.journal.schema import SEQUENCE_BITS
from terrella.journal.store import Store

RETENTION_MS = 24 * 3600 * 1000
_SLICE_ROWS = 100
CHANGES = (
    "select position, at_ms, key, old, old_dot, old_hlc, new, new_dot, new_hlc, expires from changes "
    "where data_set = ? and position > ? order by position limit ?"
)
_OLDEST = "select position, at_ms from changes order by position limit ?"
_FORGET = "delete from changes where position <= ?"


def change_of(store: Store, row: tuple[Any, ...]) -> Change:
    """A row of the feed as its followers see it."""
    position, at_ms, key, old_value, old_dot, old_hlc, value, dot, hlc, expires = row
    old = None if old_value is None else Version(old_value, store.dot(old_dot), old_hlc)
    kind = ChangeKind.REMOVE if value is None else ChangeKind.INSERT if old is None else ChangeKind.MODIFY
    new = Version(value, store.dot(dot), hlc, expires=None if expires is None else store.dot(expires))
    local = store.catalog.streams[dot >> SEQUENCE_BITS].region == store.region
    return Change(position, at_ms, key, kind, old, new, local, expires is not None)


def forgetting(store: Store) -> Iterator[None]:
    """Forget the changes that are a day old."""
    horizon_ms = store.clock.now_ms() - RETENTION_MS
    while True:
        oldest = store.rows(_OLDEST, (_SLICE_ROWS,))
        due = [position for position, at_ms in oldest if at_ms <= horizon_ms]
        if not due or oldest[0][1] > horizon_ms:
            return
        # By position, so that a clock that was set back in between leaves no hole in the feed.
        last = next((position for position, at_ms in oldest if at_ms > horizon_ms), due[-1] + 1) - 1
        store.execute(_FORGET, (last,))
        yield
