"""One data set's group in this region: the Raft core, driven on the event loop and kept in the journal's file."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from terrella.journal.errors import JournalError, StoreUnavailableError
from terrella.journal.journal import Journal
from terrella.journal.model import DataSet
from terrella.journal.raft import (
    AnyMessage,
    Batch,
    ChangeRefusedError,
    Configuration,
    InstallSnapshot,
    Kept,
    Node,
    RaftLog,
    Role,
    Timing,
)
from terrella.journal.standing import Join, Phase
from terrella.journal.state import DataSetState
from terrella.journal.store import Store
from terrella.journal.sync.disk import GroupDisk
from terrella.journal.sync.founding import View, founding_configuration, next_change, region_of, voting_regions
from terrella.journal.sync.frames import Frame, GroupMessage, Introduction
from terrella.journal.sync.restoring import restore
from terrella.journal.sync.spool import Spool
from terrella.journal.sync.waiting import Waiting
from terrella.journal.sync.work import Empty, WriteBatch, arrived
from terrella.kernel import Clock, Ids

_log = logging.getLogger(__name__)

FAILURE_PAUSE_S = 0.5
QUIET_S = 1.0
IDS_HEARD_S = 10.0
KEPT_ENTRIES = 4096
WITNESS_ENTRIES_MAX = 50_000


class Company(Protocol):
    """The regions around this one."""

    def send(self, region: str, content: Frame) -> None:
        """Say something to a region."""
        ...

    def begin_snapshot(self, group: "SyncGroup", member: str) -> None:
        """Transfer this group's state to a member."""
        ...

    def verified(self, regions: frozenset[str]) -> bool:
        """Whether each of these has said what it remembers of this region, and that is no more than is here."""
        ...


class SyncGroup:
    """``node`` is None until this region knows under which id, and in which company, it belongs to the group."""

    def __init__(
        self, journal: Journal, state: DataSetState, clock: Clock, ids: Ids, company: Company, timing: Timing
    ) -> None:
        self.data_set_id = state.definition.id
        self.definition: DataSet = state.definition
        self.node: Node | None = None
        self.member = ""
        self.founding: Configuration | None = None
        self.failure: str | None = None
        self.snapshot: str | None = None
        self.fresh = False
        self._journal = journal
        self._clock = clock
        self._ids = ids
        self._company = company
        self._timing = timing
        self._loop = asyncio.get_running_loop()
        self._heard: dict[str, tuple[str, float]] = {}
        self._unfounded: dict[str, tuple[str, float]] = {}
        self.waiting = Waiting(lambda: self.node, clock, self.plan_pump)
        self._quiet_until = 0.0
        self._writing = False
        self._snapshot_written: asyncio.Future[None] = self._loop.create_future()
        self._pump_planned = False
        self._founding_under_way = False
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        self.pins: set[int] = set()

    # what it is

    @property
    def is_witness(self) -> bool:
        """Whether this region keeps the log only."""
        return self._journal.store.region == self.definition.witness

    @property
    def regions(self) -> frozenset[str]:
        """All other regions that belong, or are to."""
        definition = self.definition
        everyone = {*voting_regions(definition), *definition.joining}
        if self.node is not None:
            everyone |= {region_of(member) for member in self.node.configuration.everyone}
        return frozenset(everyone - {self._journal.store.region, ""})

    # beginning

    async def open(self) -> None:
        """Go on from what is kept, or begin as someone new."""
        drawn = f"{self._journal.store.region}/{self._ids.token(12)}"
        kept = await self._outcome_of(lambda store, state, disk: self._open(store, state, disk, drawn))
        join = self._state.join
        if join is not None and join.phase is Phase.DISCARDING:
            await self._journal.committer.slice(Empty(self.data_set_id))
        if kept is not None:
            self._quiet_until = 0.0 if self.fresh else self._clock.monotonic() + QUIET_S
            self._begin(kept)

    def _open(self, store: Store, state: DataSetState, disk: GroupDisk, drawn: str) -> Kept | None:
        membership = disk.membership()
        if membership is None:
            self.fresh = True
            disk.begin(drawn)
            if store.region != state.definition.witness:
                store.set_join(state, Join(Phase.COPYING, state.definition.epoch))
            self.member = drawn
            return None
        self.member, self.founding = membership.member, membership.founding
        return None if self.founding is None else disk.load()

    def _begin(self, kept: Kept) -> None:
        log = RaftLog(kept.start, kept.entries)
        applied = kept.start.index if self.is_witness else kept.applied
        now = self._clock.monotonic()
        self.node = Node(self.member, kept.hard_state, log, applied, self._timing, self._ids.fraction, now)
        self.pump()

    async def begin_again(self) -> None:
        """What is here is no continuation of what was promised: begin anew under another id, as a learner."""
        _log.warning("%s: this region has lost a part of its log, and begins again as a learner", self.data_set_id)
        self._stop_node()
        drawn = f"{self._journal.store.region}/{self._ids.token(12)}"

        def forget(store: Store, state: DataSetState, disk: GroupDisk) -> None:
            disk.begin(drawn)
            store.set_join(state, Join(Phase.DISCARDING, state.definition.epoch))

        await self._outcome_of(forget)
        self.member, self.founding, self.fresh = drawn, None, True
        await self._journal.committer.slice(Empty(self.data_set_id))
        self.introduce()

    def _stop_node(self) -> None:
        self.node = None
        if self._timer is not None:
            self._timer.cancel()
        self.waiting.end(f"{self.name}: this region takes no part in its group any more")

    def close(self) -> None:
        """Take no more part; nothing of this is told to anyone."""
        self._closed = True
        self._stop_node()

    # meeting the others

    def introduce(self, region: str | None = None) -> None:
        """Tell a region (all: None) under which id this one belongs to the group."""
        introduction = Introduction(self.data_set_id, self.member, self.founding)
        for other in self.regions if region is None else (region,):
            self._company.send(other, introduction)

    def introduced(self, region: str, introduction: Introduction) -> None:
        """A region has said who it is in the group."""
        if region_of(introduction.member) != region or self._closed:
            return
        now = self._clock.monotonic()
        self._heard[region] = (introduction.member, now)
        if introduction.founding is None:
            self._unfounded[region] = (introduction.member, now)
            if self.founding is not None:
                self.introduce(region)
        else:
            self._unfounded.pop(region, None)
            if self.founding is None:
                self._settle(introduction.founding)
        if self.founding is None:
            self._found()

    def _found(self) -> None:
        now = self._clock.monotonic()
        fresh = {region: member for region, (member, at) in self._unfounded.items() if now - at < IDS_HEARD_S}
        fresh[self._journal.store.region] = self.member
        configuration = founding_configuration(self.definition, self._journal.store.region, fresh)
        if configuration is not None:
            self._settle(configuration)

    def _settle(self, configuration: Configuration) -> None:
        """The group is founded, with this member or without it."""
        if self._founding_under_way:
            return
        self._founding_under_way = True
        self._loop.create_task(self._write_founding(configuration)).add_done_callback(self._settled)

    async def _write_founding(self, configuration: Configuration) -> None:
        def write(store: Store, state: DataSetState, disk: GroupDisk) -> Kept | None:
            if self.member in configuration.voters:
                disk.found(configuration)
                store.set_join(state, None)
            else:
                disk.learn_founding(configuration)
            return disk.load()

        kept = await self._outcome_of(write)
        if kept is None or self._closed:
            return
        self.founding = configuration
        self._begin(kept)
        self.introduce()

    def _settled(self, task: "asyncio.Task[None]") -> None:
        self._founding_under_way = False
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("%s: founding is tried again: %s", self.data_set_id, error)

    # driving

    def receive(self, region: str, message: AnyMessage) -> None:
        """A member in another region says something."""
        node = self.node
        if node is None or self.failure or message.receiver != self.member or region_of(message.sender) != region:
            return
        if self._quiet():
            return
        try:
            node.step(message, self._clock.monotonic())
        except AssertionError as error:
            # Two leaders in a term, or a committed entry replaced: whoever is wrong, nothing may be added to it.
            self._stand_still(f"what {message.sender} says contradicts what is known here: {error}")
        self.plan_pump()

    def _quiet(self) -> bool:
        """After an opening: until the others have said what they remember, in case that is more than is here."""
        if self._quiet_until and (self._clock.monotonic() >= self._quiet_until or self._company.verified(self.regions)):
            self._quiet_until = 0.0
            assert self.node is not None
            self.node.rest(self._clock.monotonic())
        return bool(self._quiet_until)

    def retime(self, timing: Timing) -> None:
        """The members are so far apart."""
        self._timing = timing
        if self.node is not None:
            self.node.timing = timing

    def plan_pump(self) -> None:
        """Do what the core says, soon: what else comes until then goes with it."""
        if not self._pump_planned:
            self._pump_planned = True
            self._loop.call_soon(self.pump)

    def pump(self) -> None:
        """Do what the core says, until there is nothing left but to wait."""
        self._pump_planned = False
        node = self.node
        if node is None or self._closed or self.failure is not None:
            return
        while True:
            effects = node.take(self._clock.monotonic())
            for message in effects.messages:
                self._send(message)
            for read in effects.reads:
                self.waiting.decided(read.id, read.index)
            for member in effects.snapshots_wanted:
                self._company.begin_snapshot(self, member)
            batch = None if self._writing else node.next_batch()
            if batch is None:
                break
            if batch.writes:
                self._write(node, batch)
            else:
                self._say(node, batch)
        self.waiting.led_by(node.leader, node.term)
        self._set_timer(node)

    def _set_timer(self, node: Node) -> None:
        if self._timer is not None:
            self._timer.cancel()
        pause_s = max(0.001, node.wakes_at - self._clock.monotonic())
        self._timer = self._loop.call_later(pause_s, self._tick)

    def _tick(self) -> None:
        node = self.node
        if node is None or self._closed or self.failure is not None:
            return
        if self._quiet():
            node.rest(self._clock.monotonic())
        else:
            node.tick(self._clock.monotonic())
            if node.role is Role.LEADER:
                self._follow_members(node)
        self.pump()

    def _send(self, message: AnyMessage) -> None:
        self._company.send(region_of(message.receiver), GroupMessage(self.data_set_id, message))

    def _write(self, node: Node, batch: Batch) -> None:
        self._writing = True
        future = self._journal.committer.slice(WriteBatch(self.data_set_id, batch))
        future.add_done_callback(lambda done: self._written(node, batch, done))

    def _written(self, node: Node, batch: Batch, done: "asyncio.Future[Any]") -> None:
        self._writing = False
        if done.cancelled() or self._closed or node is not self.node:
            return
        error = done.exception()
        if isinstance(error, StoreUnavailableError):
            # Nothing of it was said; when there is room again it will be.
            self._loop.call_later(FAILURE_PAUSE_S, lambda: self._write(node, batch))
            self._writing = True
            return
        if error is not None:
            self._stand_still(str(error))
            return
        for id_, outcome in done.result().items():
            self.waiting.decided(id_, outcome)
        self._say(node, batch)
        if batch.snapshot is not None and self.is_witness:
            node.restored(batch.snapshot.point.index)
        if batch.snapshot is not None and not self._snapshot_written.done():
            self._snapshot_written.set_result(None)
        self.waiting.applied(node.applied)
        self._arrive_if_promoted(node)
        self._compact(node)
        self.plan_pump()

    def _stand_still(self, why: str) -> None:
        self.failure = why
        self.waiting.end(f"{self.name}: its group stands still here: {why}")
        _log.error("%s: the group stands still in this region: %s", self.data_set_id, why)

    def _say(self, node: Node, batch: Batch) -> None:
        for message in node.written(batch, self._clock.monotonic()):
            self._send(message)

    def _compact(self, node: Node) -> None:
        log = node.log
        if log.last_index - log.start.index < 2 * KEPT_ENTRIES:
            return
        through = node.applied - KEPT_ENTRIES
        if self.is_witness:
            through = max(min(through, node.floor), log.last_index - WITNESS_ENTRIES_MAX)
        node.compact(min([through, *self.pins]))

    # who belongs

    def _follow_members(self, node: Node) -> None:
        now = self._clock.monotonic()
        ids = {region: member for region, (member, at) in self._heard.items() if now - at < IDS_HEARD_S}
        ids[self._journal.store.region] = self.member

        def lag_of(member: str) -> int | None:
            progress = node.progress.get(member)
            return None if progress is None or not progress.match else node.commit - progress.match

        change = next_change(self.definition, View(node.configuration, ids, lag_of))
        if change is None:
            return
        try:
            node.change(change, now)
        except ChangeRefusedError as error:
            _log.debug("%s: %s is put off: %s", self.data_set_id, change, error)
        else:
            _log.info("%s: %s %s", self.data_set_id, change.kind, change.member)

    def _arrive_if_promoted(self, node: Node) -> None:
        join = self._state.join
        if join is None or not node.holds_state or self.member not in node.configuration.voters:
            return
        self._in_background(lambda store, _state, _disk: arrived(store, self.data_set_id, None, whole=True))

    # snapshots

    async def take_over(self, message: InstallSnapshot, spool: Spool) -> None:
        """A snapshot has arrived whole: the log begins anew behind it, then the state is replaced."""
        node = self.node
        if node is None or self._closed or message.receiver != self.member:
            return
        before = node.log.start.index
        node.step(message, self._clock.monotonic())
        if not node.restoring or node.log.start.index == before:
            self.plan_pump()
            return
        self.snapshot = "restoring"
        self._snapshot_written = self._loop.create_future()
        try:
            self.pump()
            await self._snapshot_written
            whole = self.member in node.configuration.voters
            await restore(self._journal.committer, self.data_set_id, spool, message.point.index, whole=whole)
            node.restored(message.point.index)
        finally:
            self.snapshot = None
        self.waiting.applied(node.applied)
        self._arrive_if_promoted(node)
        self.plan_pump()

    def ready(self) -> Node:
        """The core, if there is one to be asked; raises ``JournalError`` with the reason if not."""
        if self.failure is not None:
            raise JournalError(f"{self.name}: its group stands still here: {self.failure}")
        if self.node is None:
            missing = ", ".join(self.waiting_for) or "the others"
            raise StoreUnavailableError(f"{self.name}: its group has not come together yet; it waits for {missing}")
        return self.node

    # helpers

    @property
    def waiting_for(self) -> tuple[str, ...]:
        """Voting regions that have not been heard, while the group is not founded."""
        if self.node is not None:
            return ()
        now = self._clock.monotonic()
        heard = {region for region, (_, at) in self._heard.items() if now - at < IDS_HEARD_S}
        return tuple(sorted(set(voting_regions(self.definition)) - heard - {self._journal.store.region}))

    @property
    def heard(self) -> Mapping[str, tuple[str, float]]:
        """By region: its id, and when it last said so."""
        return self._heard

    @property
    def name(self) -> str:
        """For people."""
        return f"data set {self.definition.name}"

    @property
    def _state(self) -> DataSetState:
        return self._journal.store.catalog.data_sets[self.data_set_id]

    async def _outcome_of(self, change: Callable[[Store, DataSetState, GroupDisk], Any]) -> Any:
        outcome: list[Any] = []

        def step(store: Store) -> bool:
            state = store.catalog.declared(self.data_set_id)
            outcome.append(change(store, state, GroupDisk(store, state.number)))
            store.dirty = True
            return False

        await self._journal.committer.step(step)
        return outcome[-1]

    def _in_background(self, change: Callable[[Store, DataSetState, GroupDisk], Any]) -> None:
        task = self._loop.create_task(self._outcome_of(change))
        task.add_done_callback(_log_failure)


def _log_failure(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.warning("a group's note was not written down, and will be: %s", error)
