"""Acknowledgement records: a region writes into its own stream what it has applied, for as long as tombstones need it.

Because they travel in the stream, they order: what a region writes after its acknowledgement has seen all that the
acknowledgement covers. A region has a *life* for every opening of its store, and the first record of each acknowledges
what it begins with: so nothing counts that went with a lost disk, or that an older image of one has not seen.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

from terrella.journal.model import NO_CONTEXT, Vector, Version
from terrella.journal.records import encode_acknowledgement
from terrella.journal.state import DataSetState, Stream
from terrella.journal.store import Store
from terrella.journal.vectors import context_beside, covers, join

_ANY_TOMBSTONE = "select 1 from items where value is null and dot > ? and dot <= ? limit 1"


class Life(Protocol):
    """An incarnation of a region, and what it had applied by its latest acknowledgement known here."""

    region: str
    incarnation: str
    acknowledged: Vector


def latest(lives: Sequence[Life]) -> list[Life]:
    """The lives of a region that may be its present one: those that no other life is known to have followed.

    A life follows those of which it has applied anything.
    """
    return [
        life
        for life in lives
        if not any((life.region, life.incarnation) in other.acknowledged for other in lives if other is not life)
    ]


def as_seen_by_writer(incoming: Version, stored: Version | None, acknowledged: Vector, applied: Vector) -> Version:
    """A write with the context that its region's acknowledgement adds to it.

    Its writer may have dropped a tombstone that is still stored here, and so not have named it. (What the
    acknowledgement covers and is applied here already needs no mention, unless it is what is stored.)
    """
    added = {
        origin: sequence
        for origin, sequence in acknowledged.items()
        if sequence > applied.get(origin, 0) and sequence > incoming.context.get(origin, 0)
    }
    if stored is not None and covers(acknowledged, stored.dot) and not covers(incoming.context, stored.dot):
        added[stored.dot.origin] = max(stored.dot.sequence, added.get(stored.dot.origin, 0))
    if not added:
        return incoming
    context = context_beside(incoming.dot, join(incoming.context, added))
    return Version(incoming.value, incoming.dot, incoming.hlc, context, incoming.expires)


def acknowledge(store: Store, state: DataSetState) -> None:
    """Write an acknowledgement record of all that is applied by the open batch."""
    stream = store.own_stream(state)
    vector = state.applied
    store.append_own(state, encode_acknowledgement(store.hlc.tick(), vector))
    store.note_acknowledged(state, stream, vector)


def acknowledge_if_due(store: Store, state: DataSetState) -> None:
    """Write an acknowledgement if a tombstone needs one; to be called at most every few seconds."""
    if not state.replicated or not (state.new_tombstones or state.sweep.awaited):
        return
    own = state.own.acknowledged if state.own is not None else NO_CONTEXT
    if _tombstone_beyond(store, state.streams.values(), own) or _is_awaited(state, own):
        acknowledge(store, state)
    state.new_tombstones = state.parked > 0  # those behind a parked record have to wait for it


def _tombstone_beyond(store: Store, streams: Iterable[Stream], acknowledged: Vector) -> bool:
    """Whether a tombstone is applied that an acknowledgement does not cover."""
    for stream in streams:
        after = acknowledged.get(stream.origin, 0)
        if stream.complete > after and store.ask(_ANY_TOMBSTONE, (stream.dot(after), stream.dot(stream.complete))):
            return True
    return False


def _is_awaited(state: DataSetState, acknowledged: Vector) -> bool:
    """Whether something that stored tombstones supersede has been applied by now, and not been acknowledged."""
    applied = state.applied
    return any(
        min(sequence, applied.get(origin, 0)) > acknowledged.get(origin, 0)
        for origin, sequence in state.sweep.awaited.items()
    )
