"""Taking over what a region that joins (again) has and no member: by one of them, as writes of its own.

It may have been evicted, and have written before it heard of that; or have left in order, and been set back to an older
disk image since. Who joins for the first time has nothing, and says so.

Nobody else takes those records as they are: the members have dropped tombstones, and cut logs, without waiting for the
region. One that wins against what is stored becomes an own write that has seen it, and is last-writer-wins' business
from then on; one that loses, or whose item is not there (any more), goes to the conflict log. So all members decide
alike.

::

    drainer (the puller)                  returning region
      Drain ORDER -------------------------->          the membership: you only join, take no more writes
             <----------------------------- Drain FINAL     what there is, and will be no more of it
      Pull ------------------------------->
             <----------------------------- Records   each taken over, with its cursor, in one transaction
      SnapshotRequest -------------------->           only if some of that is in its log no more
             <----------------------------- what is stored: of those records, the last of each item is taken over
      Drain DONE --------------------------->          up to where, and what a source of a snapshot has to hold
             <----------------------------- Drain CONFIRMED
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from terrella.journal.errors import ProtocolError
from terrella.journal.joining import begin_join, once
from terrella.journal.model import DataSet, Origin, Vector
from terrella.journal.protocol import (
    Drain,
    DrainStep,
    Message,
    Pull,
    Records,
    SnapshotChunk,
    SnapshotCredit,
    SnapshotEnd,
    SnapshotRequest,
    SnapshotStart,
    flatten,
    unflatten,
)
from terrella.journal.pulling import Effect, Perform, Puller, Send, Work
from terrella.journal.snapshot import WINDOW_CHUNKS, chunk_body, next_chunk
from terrella.journal.standing import Phase, Stage
from terrella.journal.state import DataSetState
from terrella.journal.store import Store
from terrella.journal.takeover import Gap, TakeOver, TakeOverItems, close_gaps, drained_up_to, end_draining
from terrella.journal.vectors import join

SAY_AGAIN_S = 2.0

# What all members hold of an origin, the most; None while one of them is not connected.
HeldByMembers = Callable[[str, Origin], int | None]


def held_by_members(
    state: DataSetState, region: str, heads: Mapping[str, Mapping[str, Vector]], origin: Origin
) -> int | None:
    """What the members hold of an origin, the most, given what each peer says; None if one has not said so far."""
    stream = state.streams.get(origin)
    most = stream.committed if stream is not None else 0
    for member in state.definition.members:
        if member != region:
            said = heads.get(member, {}).get(state.definition.id)
            if said is None:
                return None
            most = max(most, said.get(origin, 0))
    return most


@dataclass(slots=True)
class _Order:
    """One data set that is drained over a connection: ``final`` is all that there is, ``wanted`` what is taken over.

    ``gaps`` is what is taken over just now as what is stored, of which ``chunks`` have come. ``said`` is when the
    region was last told something that it has to answer.
    """

    final: Vector | None = None
    wanted: dict[Origin, int] = field(default_factory=dict)
    gaps: dict[Origin, Gap] = field(default_factory=dict)
    chunks: int = 0
    done: bool = False
    said: float = 0.0


class Drainer:
    """The drainer's end of a connection: a part of its ``Puller``."""

    def __init__(self, store: Store, held_by_members: HeldByMembers, on_drained: Callable[[str, str], None]) -> None:
        self._store = store
        self._held_by_members = held_by_members
        self._on_drained = on_drained
        self._peer = ""
        self._orders: dict[str, _Order] = {}
        self._floors: Mapping[tuple[str, Origin], int] = {}
        self._now = 0.0

    def step(self, puller: Puller, now: float) -> Sequence[Effect]:
        """Order what is to be drained from this peer, and go on with what was waited for.

        What is not answered (its disk may be full) is said again after a while.
        """
        self._peer, self._floors, self._now = puller.peer, puller.below_floor, now
        effects: list[Effect] = []
        for data_set_id, state in self._store.catalog.data_sets.items():
            if self._peer not in state.drains or not state.declared:
                continue
            order = self._orders.get(data_set_id)
            if order is not None and (order.final is None or order.done) and now - order.said >= SAY_AGAIN_S:
                order.said = now
                effects.append(Send(self._done(state) if order.done else _order(data_set_id, state.definition)))
            elif order is not None:
                effects += self._go_on(state, data_set_id)
            elif self._peer in state.definition.joining and data_set_id in puller.heads:  # it knows of it
                self._orders[data_set_id] = _Order(said=now)
                effects.append(Send(_order(data_set_id, state.definition)))
        return effects

    def receive(self, message: Message, now: float) -> Sequence[Effect] | None:
        """The returning region says what there is, or sends it."""
        self._now = now
        if isinstance(message, Records) and self._is_drained(message):
            return [
                Perform(TakeOver(self._peer, message), lambda _outcome, _now: self._taken_over(message.data_set_id))
            ]
        if isinstance(message, SnapshotStart | SnapshotChunk | SnapshotEnd):
            return self._stored(message)
        if not isinstance(message, Drain):
            return None
        data_set_id = message.data_set_id
        order = self._orders.get(data_set_id)
        state = self._store.catalog.data_sets.get(data_set_id)
        if order is None or state is None or self._peer not in state.drains:
            return []
        if message.step == DrainStep.FINAL:
            order.final = unflatten(message.vector)
            return self._go_on(state, data_set_id)
        if message.step == DrainStep.CONFIRMED and order.done:
            peer = self._peer
            work = once(lambda store: end_draining(store, store.catalog.declared(data_set_id), peer))
            return [Perform(work, lambda _outcome, _now: self._told(data_set_id))]
        raise ProtocolError(f"{self._peer} says {message.step} of what it is to be drained of")

    def closed(self) -> None:
        """What is not confirmed is ordered again over the next connection."""

    def _is_drained(self, records: Records) -> bool:
        """Whether records are of what was final; what a region sends once it is a member again is pulled as ever.

        Even what was taken over: those who had not heard of the eviction may hold it as it was.
        """
        order = self._orders.get(records.data_set_id)
        state = self._store.catalog.data_sets.get(records.data_set_id)
        if order is None or state is None or self._peer not in state.drains:
            return False
        return records.first <= order.wanted.get((records.region, records.incarnation), 0)

    def _taken_over(self, data_set_id: str) -> Sequence[Effect]:
        state = self._store.catalog.data_sets.get(data_set_id)
        return [] if state is None or self._peer not in state.drains else self._go_on(state, data_set_id)

    def _go_on(self, state: DataSetState, data_set_id: str) -> Sequence[Effect]:
        """Ask for what is to be taken over; once there is no more of it, and all is durable, tell the region."""
        order = self._orders[data_set_id]
        if order.final is None or order.done or order.gaps:
            return []
        missing: dict[Origin, int] = {}
        undecided = False
        for origin, last in order.final.items():
            if drained_up_to(state, self._peer, origin) >= last:
                continue
            if origin[0] in state.definition.members:
                # It comes from that member itself, or by relay; unless its disk was lost, and nobody else has it.
                held = self._held_by_members(data_set_id, origin)
                undecided = undecided or held is None
                if held is None or held >= last:
                    continue
            missing[origin] = last
        if not missing.keys() <= order.wanted.keys():
            order.wanted |= missing
            cursors = {origin: drained_up_to(state, self._peer, origin) for origin in order.wanted}
            return [Send(Pull(data_set_id, [], flatten(cursors), sorted(order.wanted)))]
        below = self._below_floor(state, missing)
        if missing and missing.keys() == below.keys():
            order.gaps, order.chunks = below, 0
            return [Send(SnapshotRequest(data_set_id, Stage.ITEMS, None, WINDOW_CHUNKS))]
        if missing or undecided:
            return []
        order.done, order.said = True, self._now
        return [Send(self._done(state))]

    def _done(self, state: DataSetState) -> Drain:
        epoch, drained = state.definition.epoch, state.drains[self._peer].cursors
        return Drain(state.definition.id, DrainStep.DONE, epoch, [], [], flatten(state.vector), drained)

    def _below_floor(self, state: DataSetState, missing: Mapping[Origin, int]) -> dict[Origin, Gap]:
        """What the region has said to have in its log no more."""
        gaps = {}
        for origin, last in missing.items():
            done = drained_up_to(state, self._peer, origin)
            floor = self._floors.get((state.definition.id, origin), 0)
            if floor > done + 1:
                gaps[origin] = (done, min(last, floor - 1))
        return gaps

    def _stored(self, message: SnapshotStart | SnapshotChunk | SnapshotEnd) -> Sequence[Effect] | None:
        """What is stored in the region comes, because of some of it the records are gone."""
        data_set_id = message.data_set_id
        order = self._orders.get(data_set_id)
        if order is None or not order.gaps:
            return None
        if isinstance(message, SnapshotStart):
            return []
        if isinstance(message, SnapshotChunk):
            order.chunks = next_chunk(message, order.chunks)
            work = TakeOverItems(self._peer, data_set_id, order.gaps, chunk_body(message))
            return [Perform(work, lambda _outcome, _now: [Send(SnapshotCredit(data_set_id, 1))])]
        if message.refusal is not None:
            raise ProtocolError(f"{self._peer} cannot be drained of what its log lacks: {message.refusal}")
        if message.chunks != order.chunks:
            raise ProtocolError(f"a snapshot of {message.chunks} chunks, of which {order.chunks} came")
        peer, gaps = self._peer, order.gaps
        close = once(lambda store: close_gaps(store, store.catalog.declared(data_set_id), peer, gaps))
        return [Perform(close, lambda _outcome, _now: self._gaps_closed(data_set_id))]

    def _gaps_closed(self, data_set_id: str) -> Sequence[Effect]:
        order = self._orders[data_set_id]
        for origin in order.gaps:
            order.wanted.pop(origin, None)  # what is in the log is asked for again, from there on
        order.gaps = {}
        return self._taken_over(data_set_id)

    def _told(self, data_set_id: str) -> Sequence[Effect]:
        self._on_drained(data_set_id, self._peer)
        return []


def _order(data_set_id: str, definition: DataSet) -> Drain:
    members, joining = list(definition.members), list(definition.joining)
    return Drain(data_set_id, DrainStep.ORDER, definition.epoch, members, joining, [], [])


# the returning region


def obey(store: Store, order: Drain) -> Vector | None:
    """Take over the membership, and with it no more writes; answers what there is, None if nothing is to be drained."""
    state = store.catalog.declared(order.data_set_id)
    if order.epoch > state.definition.epoch:
        store.set_members(state, order.epoch, order.members, order.joining)
    if store.region in state.definition.members:
        raise ProtocolError(f"{store.region} is a member, as of epoch {state.definition.epoch}, and not to be drained")
    join = state.join
    if join is None or join.merging or not (join.on_the_way_in or join.phase is Phase.JOINED):
        begin_join(store, state)
    if state.join is None or state.join.phase is not Phase.DRAINING:
        return None
    return state.applied


def note_drained(store: Store, done: Drain) -> None:
    """What was here is taken over; whoever sends a snapshot has to hold what became of it."""
    state = store.catalog.declared(done.data_set_id)
    if state.join is None or state.join.phase is not Phase.DRAINING:
        return
    required = join(unflatten(state.join.required), unflatten(done.vector))
    store.set_join(state, state.join.taken_over(flatten(required), done.drained))


class Drained:
    """The returning region's end of a connection: a part of its ``PullServer``."""

    def __init__(self, perform: Callable[[Work, Callable[[object], None]], None]) -> None:
        self._perform = perform
        self._answers: deque[Message] = deque()

    def receive(self, peer: str, message: Message, now: float) -> bool:
        """A member drains this region."""
        del peer, now
        if not isinstance(message, Drain):
            return False
        if message.step == DrainStep.ORDER:
            self._perform(once(lambda store: obey(store, message)), lambda vector: self._final(message, vector))
        elif message.step == DrainStep.DONE:
            self._perform(once(lambda store: note_drained(store, message)), lambda _: self._confirm(message))
        else:
            raise ProtocolError("a drainer orders, and says when it is done")
        return True

    def next(self, peer: str, now: float) -> Message | None:
        """The answers, once they are durable."""
        del peer, now
        return self._answers.popleft() if self._answers else None

    def _final(self, order: Drain, vector: object) -> None:
        flat = flatten(vector) if isinstance(vector, dict) else []
        self._answers.append(Drain(order.data_set_id, DrainStep.FINAL, order.epoch, [], [], flat, []))

    def _confirm(self, done: Drain) -> None:
        self._answers.append(Drain(done.data_set_id, DrainStep.CONFIRMED, done.epoch, [], [], [], []))
