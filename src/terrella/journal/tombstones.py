"""When a tombstone may go: when no write that has not seen it can come any more, here or anywhere.

A tombstone is *stable* when every holder has acknowledged it in its own stream, and this region has applied all that
those acknowledgements cover. So whatever a holder wrote before it knew of the tombstone has arrived; what it writes
later has seen it. Replicas that have applied the same agree on which tombstones are stable, and whether such a one is
still stored makes no difference to them. It goes once our own acknowledgement covers all that it supersedes, too: for
what we write then will not name that any more (see ``acknowledging.as_seen_by_writer``).

A region that loses its disk loses its hybrid clock with it, and may write before it hears of anybody: by its physical
clock alone. So a tombstone stays for as long as clocks may differ (``Store.tombstone_grace_ms``), and no clock within
that bound gives such a write an earlier time than a deletion that nobody remembers.
"""

from collections.abc import Iterable, Iterator, Sequence

from terrella.journal.acknowledging import Life, latest
from terrella.journal.model import NO_CONTEXT, Lane, Vector, Version
from terrella.journal.state import NEVER_SWEPT, DataSetState, Sweep
from terrella.journal.store import Row, Store
from terrella.journal.vectors import at_least, covers, join, meet
from terrella.kernel import pack_hlc

_SLICE_ROWS = 50
# One whose key cannot be read may be of any item.
_PARKED_OF_KEY = "select 1 from parked where data_set = ? and (key = ? or key is null) limit 1"
TOMBSTONES = (
    "select id, value, dot, hlc, context, expires, key from items where value is null and dot > ? and dot <= ? "
    "order by dot limit ?"
)


def stable_vector(lives_of_holders: Iterable[Sequence[Life]], applied: Vector) -> Vector:
    """What every holder has acknowledged, given the lives of each; nothing if an acknowledgement is ahead of us."""
    stable: Vector | None = None
    for lives in lives_of_holders:
        for acknowledged in [life.acknowledged for life in latest(lives)] or [NO_CONTEXT]:
            if not at_least(applied, acknowledged):
                return NO_CONTEXT
            stable = acknowledged if stable is None else meet(stable, acknowledged)
    return stable or NO_CONTEXT


def is_stable(tombstone: Version, stable: Vector) -> bool:
    """Whether all have acknowledged the tombstone."""
    return covers(stable, tombstone.dot)


def may_go(tombstone: Version, stable: Vector, acknowledged: Vector, passed: int) -> bool:
    """Whether a tombstone may be dropped in a region where this time has surely passed, by this last acknowledgement.

    One from a clock ahead of ours stays until ours has passed it, for the next write here has to be later.
    """
    return tombstone.hlc <= passed and is_stable(tombstone, stable) and at_least(acknowledged, tombstone.context)


def stable_in(state: DataSetState, region: str) -> Vector:
    """The stable vector of a data set as this region has it; a data set of this region alone has nobody to wait for."""
    if not state.replicated:
        return state.applied if state.definition.lane is Lane.LOCAL else NO_CONTEXT
    holders = state.definition.holders
    if region not in holders:
        return NO_CONTEXT
    return stable_vector((state.lives(holder) for holder in holders), state.applied)


def collecting(store: Store, state: DataSetState) -> Iterator[None]:
    """Drop the tombstones that may go, a few at a time; does nothing if nothing has changed since the last sweep."""
    stable = stable_in(state, store.region)
    acknowledged = stable if not state.replicated or state.own is None else state.own.acknowledged
    last_sweep = state.sweep
    passed = store.hlc.last
    if state.replicated and store.tombstone_grace_ms:
        passed = min(passed, pack_hlc(max(0, store.clock.now_ms() - store.tombstone_grace_ms)))
    clock_has_passed = last_sweep.next_hlc and passed >= last_sweep.next_hlc
    if not stable or ((stable, acknowledged) == (last_sweep.stable, last_sweep.acknowledged) and not clock_has_passed):
        return
    next_hlc = 0
    awaited = NO_CONTEXT
    held_back = False
    for stream in list(state.streams.values()):
        after, last = stream.dot(0), stream.dot(stable.get(stream.origin, 0))
        while after < last and (rows := store.rows(TOMBSTONES, (after, last, _SLICE_ROWS))):
            for *columns, key in rows:
                row: Row = tuple(columns)
                tombstone = store.version(row)
                if state.parked and store.ask(_PARKED_OF_KEY, (state.number, key)):
                    held_back = True  # what is replayed must not bring to life again what was deleted since
                elif may_go(tombstone, stable, acknowledged, passed):
                    store.drop_row(state, key, row)
                elif tombstone.hlc > passed:
                    next_hlc = min(next_hlc or tombstone.hlc, tombstone.hlc)
                else:
                    awaited = join(awaited, tombstone.context)
            after = rows[-1][2]
            yield
    state.sweep = NEVER_SWEPT if held_back else Sweep(stable, acknowledged, next_hlc, awaited)
