"""How far the log may be cut: what every holder has, and, when it has grown beyond its bound, what somebody else has.

The log exists for peers to fetch from, so a record that all holders hold may go. (The feed of changes keeps what it
tells of in a table of its own, and does not hold up the log.) Above the bound records go that some holder lacks, which
will then need a snapshot: others' first, then ours if at least one other region has them. Ours that nobody else has
never go: the writes that would add to them are refused, see ``Store.refusal``.
"""

from collections.abc import Iterator, Mapping, Sequence

from terrella.journal.state import DataSetState, Stream
from terrella.journal.store import Store

_SLICE_ROWS = 100
# Beyond this share of the bound, records go that holders lack; writes are refused only at the bound itself.
_PRESSURE = 7 / 8


def held_by_all(held: Sequence[int]) -> int:
    """The last sequence that every other holder has; all, if there is no other holder to wait for."""
    return min(held, default=0)


def may_be_lacked(own: bool, applied: int, held: Sequence[int]) -> int:
    """The last sequence that may go although some holder lacks it: of our own, only what another region has."""
    return max(held, default=0) if own else applied


def held_elsewhere(store: Store, state: DataSetState, stream: Stream) -> list[int]:
    """What each other holder has of a stream, as far as it has said."""
    others = (holder for holder in state.definition.holders if holder != store.region)
    return [store.acknowledged.get(holder, {}).get(stream.id, 0) for holder in others]


def trimming(store: Store) -> Iterator[None]:
    """Cut all logs as far as they may be, in small steps."""
    for state in list(store.catalog.data_sets.values()):
        if not state.replicated or not state.declared:
            continue
        for stream in list(state.streams.values()):
            if stream.floor > stream.applied:
                continue
            held = held_elsewhere(store, state, stream)
            # What is parked here is not in a snapshot of this region's, and has to be pulled by whoever takes one.
            through = min(stream.complete, held_by_all(held) if held else stream.applied)
            while stream.floor <= through:
                store.trim(stream, min(through, stream.floor + _SLICE_ROWS - 1))
                yield
            stream.forget_not_writes(through)
    yield from _trimming_under_pressure(store)


def _trimming_under_pressure(store: Store) -> Iterator[None]:
    """The longest logs first, others' before our own."""
    bound = store.log_bytes_max * _PRESSURE
    if store.log_bytes <= bound:
        return
    limits: dict[Stream, int] = {}
    for state in store.catalog.data_sets.values():
        for stream in state.streams.values():
            if state.replicated and state.declared and stream.floor <= stream.applied:
                own = stream.region == store.region
                limits[stream] = may_be_lacked(own, stream.applied, held_elsewhere(store, state, stream))
    while store.log_bytes > bound:
        longest = _longest(store.region, limits)
        if longest is None:
            return
        last = min(limits[longest], longest.floor + _SLICE_ROWS - 1)
        store.note_trimmed_beyond_peers(last + 1 - longest.floor)
        store.trim(longest, last)
        yield


def _longest(region: str, limits: Mapping[Stream, int]) -> Stream | None:
    candidates = [stream for stream, last in limits.items() if stream.floor <= last]
    return max(candidates, key=lambda stream: (stream.region != region, stream.log_bytes), default=None)
