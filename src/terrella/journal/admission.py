"""Who decides that a snapshot is to be taken, that a region has arrived, or that it may go: a pure core over the store.

``Admission.step`` is asked after each commit and as time passes. It is told what each connected peer holds, answers
the work that is due, and tells its listener of what came to pass (``Event``), for whoever decides on memberships.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from msgspec.structs import replace

from terrella.journal.joining import (
    Stepwise,
    begin_anew,
    begin_discarding,
    begin_join,
    begin_merging,
    discarding,
    end_merging,
    finish_join,
    has_caught_up,
    is_pristine,
    missing_elsewhere,
    once,
)
from terrella.journal.model import NO_CONTEXT, PULLED, Vector
from terrella.journal.pulling import Effect, Perform, Work
from terrella.journal.standing import Join, Phase
from terrella.journal.state import DataSetState
from terrella.journal.store import Store

# What each connected peer holds of each data set.
Heads = Mapping[str, Mapping[str, Vector]]


NOBODY_EXCLUDES: Mapping[str, int] = {}


class Event(StrEnum):
    """What came to pass with a region and a data set."""

    JOINED = "joined"
    RECOVERED = "recovered"
    LEFT = "left"
    DRAINED = "drained"
    EVICTED = "evicted"


@dataclass(frozen=True, slots=True)
class StandingChange:
    """Told once it is durable; ``JOINED`` and ``LEFT`` again after each opening, for as long as they stand.

    ``region`` is the other region that was drained, with ``DRAINED``.
    """

    data_set_id: str
    event: Event
    epoch: int
    region: str = ""


class Admission:
    """One region's ways in and out, for all its data sets."""

    def __init__(self, store: Store, tell: Callable[[StandingChange], None]) -> None:
        self._store = store
        self._tell = tell
        self._under_way: set[str] = set()
        self._told: set[StandingChange] = set()

    def step(
        self, heads: Heads, needed: Mapping[str, str], excluded: Mapping[str, int] = NOBODY_EXCLUDES
    ) -> list[Perform]:
        """What is due. ``needed`` names the data sets that no connected peer's log can bring up to date.

        Each with the member that has most of what is missing.
        ``excluded`` names those of which a peer says that this region holds them no more, and since which epoch.
        """
        effects: list[Perform] = []
        for data_set_id, state in self._store.catalog.data_sets.items():
            if data_set_id in self._under_way or not state.declared or state.definition.lane not in PULLED:
                continue
            join = state.committed_join
            if join is None:
                work = self._member(data_set_id, state, needed.get(data_set_id), excluded.get(data_set_id, 0))
            elif join.merging and (again := self._merging_again(data_set_id, state, join, heads, needed)) is not None:
                work = again
            elif join.phase is Phase.CATCHING_UP and data_set_id in needed:
                # Its start was too long ago: a disk image may have brought back a join that was over.
                work = _act(data_set_id, begin_anew)
            else:
                work = self._membership_changed(data_set_id, state, join) or self._way(data_set_id, state, join, heads)
            if work is not None:
                self._under_way.add(data_set_id)
                effects.append(Perform(work, self._done(data_set_id)))
        return effects

    def failed(self) -> None:
        """A batch was lost, and with it perhaps work that was handed out: what is due is due again."""
        self._under_way.clear()

    def _done(self, data_set_id: str) -> Callable[[object, float], Sequence[Effect]]:
        def done(outcome: object, _now: float) -> Sequence[Effect]:
            self._under_way.discard(data_set_id)
            if isinstance(outcome, StandingChange):
                self._tell(outcome)
            return []

        return done

    def _member(self, data_set_id: str, state: DataSetState, needed: str | None, excluded: int) -> Work | None:
        region = self._store.region
        if region in state.definition.holders and excluded > state.definition.epoch:
            return _act(data_set_id, partial(_hear_of_eviction, epoch=excluded))
        if region in state.definition.joining:
            return _act(data_set_id, begin_join)
        if needed is not None and region in state.definition.members:
            return _act(data_set_id, partial(begin_merging, wanted_source=needed))
        return None

    def _merging_again(
        self, data_set_id: str, state: DataSetState, join: Join, heads: Heads, needed: Mapping[str, str]
    ) -> Work | None:
        """A member that merges does so as a member only, with a source that is there, until nothing is missing."""
        if state.definition.epoch != join.epoch:
            return _act(data_set_id, end_merging)
        if join.phase is Phase.CATCHING_UP and data_set_id in needed:
            return _act(data_set_id, partial(begin_merging, wanted_source=needed[data_set_id]))
        if join.phase is Phase.COPYING and join.wanted_source is not None and join.wanted_source not in heads:
            return _act(data_set_id, partial(begin_merging, wanted_source=None))
        return None

    def _membership_changed(self, data_set_id: str, state: DataSetState, join: Join) -> Work | None:
        """A join goes on under the next membership, if this region holds the data set under both of them."""
        definition = state.definition
        region = self._store.region
        if join.phase is Phase.EVICTED:
            heard = definition.epoch >= join.epoch
            return _act(data_set_id, lambda store, state: store.set_join(state, None)) if heard else None
        if definition.epoch == join.epoch:
            return None
        holds = region in definition.holders
        if join.phase is Phase.JOINED and region in definition.members:
            return _act(data_set_id, lambda store, state: store.set_join(state, None))
        if join.phase in (Phase.LEAVING, Phase.LEFT) and region not in definition.members:
            return _act(data_set_id, lambda store, state: store.set_join(state, None))
        in_a_row = definition.epoch == join.epoch + 1
        copied = join.phase in (Phase.COPYING, Phase.CATCHING_UP, Phase.JOINED)
        if copied and not (holds and in_a_row) and not is_pristine(state):
            return _act(data_set_id, begin_anew)
        return _act(data_set_id, _take_over_epoch)

    def _way(self, data_set_id: str, state: DataSetState, join: Join, heads: Heads) -> Work | None:
        match join.phase:
            case Phase.DRAINING:
                own = state.vector
                for peer, held in heads.items():
                    theirs = held.get(data_set_id, {})
                    if peer in state.definition.members and not missing_elsewhere(join, own, theirs):
                        return Stepwise(partial(_make_room, data_set_id, theirs))
            case Phase.DISCARDING:
                return Stepwise(partial(discarding, data_set_id))
            case Phase.CATCHING_UP if has_caught_up(state):
                return _act(data_set_id, _arrive)
            case Phase.JOINED:
                self._tell_once(StandingChange(data_set_id, Event.JOINED, join.epoch))
            case Phase.LEAVING if self._others_hold_all(data_set_id, state, heads):
                return _act(data_set_id, _leave)
            case Phase.LEFT:
                self._tell_once(StandingChange(data_set_id, Event.LEFT, join.epoch))
            case _:
                pass
        return None

    def _others_hold_all(self, data_set_id: str, state: DataSetState, heads: Heads) -> bool:
        """Whether every other holder says at this moment that it holds all that is here.

        What they acknowledged once is not enough: a disk may have been lost since, with its region's own records.
        """
        own = state.vector
        for peer in state.definition.holders:
            if peer != self._store.region:
                theirs = heads.get(peer, {}).get(data_set_id, NO_CONTEXT)
                if any(theirs.get(origin, 0) < sequence for origin, sequence in own.items()):
                    return False
        return True

    def _tell_once(self, change: StandingChange) -> None:
        if change not in self._told:
            self._told.add(change)
            self._tell(change)


def _act(data_set_id: str, act: Callable[[Store, DataSetState], object]) -> Work:
    return once(lambda store: act(store, store.catalog.declared(data_set_id)))


def _make_room(data_set_id: str, theirs: Vector, store: Store) -> Iterator[None]:
    if begin_discarding(store, store.catalog.declared(data_set_id), theirs):
        yield
        yield from discarding(data_set_id, store)


def _arrive(store: Store, state: DataSetState) -> StandingChange | None:
    if not has_caught_up(state):
        return None
    finish_join(store, state)
    return StandingChange(state.definition.id, Event.RECOVERED, state.definition.epoch) if state.join is None else None


def _take_over_epoch(store: Store, state: DataSetState) -> None:
    if state.join is not None:
        store.set_join(state, replace(state.join, epoch=state.definition.epoch))


def _leave(store: Store, state: DataSetState) -> None:
    if state.join is not None and state.join.phase is Phase.LEAVING:
        store.set_join(state, replace(state.join, phase=Phase.LEFT))


def _hear_of_eviction(store: Store, state: DataSetState, epoch: int) -> StandingChange | None:
    if state.join is not None or epoch <= state.definition.epoch:
        return None
    store.set_join(state, Join(Phase.EVICTED, epoch))
    return StandingChange(state.definition.id, Event.EVICTED, epoch)
