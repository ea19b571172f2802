"""The regions' Raft group that decides: one member of it, driven over the control API and kept in the journal.

What there is to decide is little and rare, so the whole of it (log, state) is written as one piece each time.
"""

import asyncio
import logging
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from terrella.journal import raft
from terrella.kernel import Clock, Ids, TerrellaError
from terrella.region.membership.commands import Command, apply, decode_command, encode_command
from terrella.region.membership.errors import MembershipError, NoMajorityError, OutcomeUndecidedError, RefusedError
from terrella.region.membership.keeper import MembershipKeeper
from terrella.region.membership.state import MembershipState, RegionStatus

_log = logging.getLogger(__name__)

TIMING = raft.Timing(heartbeat_s=0.5, election_min_s=2.0, election_spread_s=1.0)
PATIENCE_S = 6.0
_AGAIN_S = 1.0
_LOG_ENTRIES_MAX = 64
_RECENT_MAX = 256
_PAUSE_AFTER_FAILURE_S = 1.0

# Sends messages of one fork to a region; raises ``TerrellaError`` or ``OSError`` if they were not taken.
Send = Callable[[str, dict[str, str]], Awaitable[object]]

_encode_messages = msgspec.msgpack.Encoder().encode
_decode_messages = msgspec.msgpack.Decoder(list[raft.AnyMessage]).decode


class Machine(msgspec.Struct):
    """What the log makes: the state, and the proposals that are in it already."""

    state: MembershipState
    recent: list[str] = []

    def apply(self, entry: raft.LogEntry) -> MembershipState | MembershipError | None:
        """Take in an entry; None if it is none, or was there before."""
        if entry.kind is not raft.EntryKind.DATA or entry.id in self.recent:
            return None
        self.recent = [*self.recent, entry.id][-_RECENT_MAX:]
        try:
            self.state = apply(self.state, decode_command(entry.data))
        except RefusedError as error:
            return error
        except msgspec.DecodeError as error:
            return RefusedError(f"a command of another version of terrella ({error})")
        return self.state


class _Stored(msgspec.Struct):
    """One member's disk."""

    hard_state: raft.HardState
    start: raft.SnapshotPoint
    entries: list[raft.LogEntry]
    applied: int
    machine: Machine


_encode = msgspec.msgpack.Encoder().encode
_decode_stored = msgspec.msgpack.Decoder(_Stored).decode
_decode_machine = msgspec.msgpack.Decoder(Machine).decode


class ControlGroup:
    """This region's member of the group of one fork: a ``ControlLog``. ``run`` drives it until it is cancelled.

    A region that holds a later state than the fork began with, and no log, has lost its disk, or is new. It cannot know
    for whom it has voted, so it takes no part in elections until a leader has given it the log. (Of two regions none
    can lead without the other's vote, and whoever has the log refuses its vote to whoever has not: there it need not.)
    """

    def __init__(
        self,
        region: str,
        keeper: MembershipKeeper,
        send: Send,
        clock: Clock,
        ids: Ids,
        timing: raft.Timing = TIMING,
    ) -> None:
        self.fork = keeper.current.fork
        self._region = region
        self._keeper = keeper
        self._send = send
        self._clock = clock
        self._ids = ids
        self._wake = asyncio.Event()
        self._waiting: dict[str, asyncio.Future[MembershipState]] = {}
        self._outboxes: dict[str, asyncio.Queue[raft.AnyMessage]] = {}
        self._senders: dict[str, asyncio.Task[None]] = {}
        self._listeners: list[Callable[[], None]] = []
        stored = self._load()
        self._disk = raft.MemoryStorage(stored.start.configuration)
        self._disk.kept = raft.Kept(stored.hard_state, stored.start, list(stored.entries))
        self._machine = stored.machine
        self._applied = stored.applied
        log = raft.RaftLog(stored.start, stored.entries)
        now = clock.monotonic()
        self.node = raft.Node(region, stored.hard_state, log, stored.applied, timing, ids.fraction, now)
        voters = self.node.configuration.voters
        self._abstains = stored.applied == 0 and len(voters) > 2
        if region in voters and not stored.hard_state.term:
            self.node.election_at = now + timing.heartbeat_s + voters.index(region) * timing.election_spread_s

    def _load(self) -> _Stored:
        content = self._keeper.recall(self._key)
        if content is not None:
            return _decode_stored(content)
        state = self._keeper.current
        # The state that a fork begins with stands for its first entry, so that whoever lacks it is given a snapshot.
        begun = 1 if state.version == state.born else 0
        point = raft.SnapshotPoint(begun, 0, raft.Configuration(state.voters))
        return _Stored(raft.HardState(), point, [], begun, Machine(state))

    @property
    def _key(self) -> bytes:
        return f"group {self.fork}".encode()

    # the log, as others use it

    @property
    def current(self) -> MembershipState:
        """The last version that was decided, as far as this member knows."""
        return self._machine.state

    @property
    def majority_reachable(self) -> bool:
        """Whether there is a leader, which is one only as long as a majority answers it."""
        return self.node.role is raft.Role.LEADER or self.node.hears_leader(self._clock.monotonic())

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each new version."""
        self._listeners.append(listener)

    async def propose(self, command: Command) -> MembershipState:
        """Have a command decided. It is handed in again and again under one name, and takes effect at most once."""
        id_, data = self._ids.token(16), encode_command(command)
        future: asyncio.Future[MembershipState] = asyncio.get_running_loop().create_future()
        self._waiting[id_] = future
        handed_in = False
        deadline = self._clock.monotonic() + PATIENCE_S
        try:
            while (left := deadline - self._clock.monotonic()) > 0:
                # A leader that is not heard any more would be handed it in vain, and leave the outcome in doubt.
                if self.majority_reachable:
                    handed_in |= self.node.propose(id_, data, self._clock.monotonic()) is not raft.Handed.REFUSED
                self._wake.set()
                try:
                    async with asyncio.timeout(min(left, _AGAIN_S if handed_in else _AGAIN_S / 10)):
                        return await asyncio.shield(future)
                except TimeoutError:
                    continue
        finally:
            del self._waiting[id_]
        deciders = ", ".join(self.node.configuration.voters)
        if handed_in:
            raise OutcomeUndecidedError(
                f"too few of {deciders} have answered in time; it may be decided yet, and asking again does no harm"
            )
        raise NoMajorityError(f"too few of {deciders} can be reached from {self._region} to decide")

    # driving

    def receive(self, fork: str, data: str, proven: str = "") -> None:
        """Another region's member says something; what is of another fork is not for this one.

        Raises ``TerrellaError`` for what is no message, or another region's than the one that was ``proven`` (if any):
        no region votes in another's name.
        """
        if fork != self.fork:
            return
        try:
            messages = _decode_messages(b64decode(data))
        except (ValueError, msgspec.DecodeError) as error:
            raise TerrellaError(f"found messages that are none ({error})") from error
        strangers = {message.sender for message in messages} - {proven}
        if proven and strangers:
            raise TerrellaError(f"{proven} speaks in the name of {', '.join(sorted(strangers))}")
        for message in messages:
            if message.receiver != self._region or (self._abstains and isinstance(message, raft.RequestVote)):
                continue
            self.node.step(message, self._clock.monotonic())
        self._wake.set()

    async def run(self) -> None:
        """Until cancelled. Raises ``JournalError`` when the disk does not take what has to be on it before it is said.

        Then nothing of it was said, and the region goes on with another ``ControlGroup``, as after a crash.
        """
        try:
            while True:
                self._wake.clear()
                while await self._once():
                    pass
                pause = max(0.0, self.node.wakes_at - self._clock.monotonic())
                try:
                    async with asyncio.timeout(pause):
                        await self._wake.wait()
                except TimeoutError:
                    self._tick()
        finally:
            for task in self._senders.values():
                task.cancel()

    def _tick(self) -> None:
        now = self._clock.monotonic()
        if self._abstains and self.node.role is raft.Role.FOLLOWER:
            self.node.rest(now)
            return
        self.node.tick(now)
        if self.node.role is raft.Role.LEADER:
            self._follow_state(now)

    async def _once(self) -> bool:
        """Send what is to be sent, write and apply what is to be; False if there was nothing to write."""
        now = self._clock.monotonic()
        effects = self.node.take(now)
        for message in effects.messages:
            self._post(message)
        for member in effects.snapshots_wanted:
            self.node.send_snapshot(member, self.node.applied, _encode(self._machine), now)
        batch = self.node.next_batch()
        if batch is None:
            return bool(effects.snapshots_wanted)
        outcomes = self._write(batch)
        if batch.writes:
            await self._keeper.remember(self._key, self._stored())
        for message in self.node.written(batch, self._clock.monotonic()):
            self._post(message)
        await self._publish(outcomes)
        if len(self._disk.kept.entries) > _LOG_ENTRIES_MAX:
            self.node.compact(self.node.applied)
        return True

    def _write(self, batch: raft.Batch) -> dict[str, MembershipState | MembershipError]:
        outcomes: dict[str, MembershipState | MembershipError] = {}
        self._disk.write(batch)
        if batch.snapshot is not None:
            self._machine = _decode_machine(batch.snapshot.data)
            self._applied = batch.snapshot.point.index
            self.node.restored(self._applied)
            self._abstains = False
            outcomes |= {id_: self._machine.state for id_ in self._waiting if id_ in self._machine.recent}
        for entry in batch.committed:
            outcome = self._machine.apply(entry)
            self._applied = entry.index
            if outcome is not None:
                outcomes[entry.id] = outcome
        return outcomes

    def _stored(self) -> bytes:
        kept = self._disk.kept
        return _encode(_Stored(kept.hard_state, kept.start, kept.entries, self._applied, self._machine))

    async def _publish(self, outcomes: dict[str, MembershipState | MembershipError]) -> None:
        for id_, outcome in outcomes.items():
            future = self._waiting.get(id_)
            if future is None or future.done():
                continue
            if isinstance(outcome, MembershipError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)
        if self._machine.state.later_than(self._keeper.current):
            await self._keeper.adopt(self._machine.state)
            for listener in self._listeners:
                listener()

    def _follow_state(self, now: float) -> None:
        """The leader brings the group's members in line with the state, one at a time."""
        change = next_change(self._machine.state, self.node)
        if change is None:
            return
        try:
            self.node.change(change, now)
        except raft.ChangeRefusedError as error:
            _log.debug("the group is changed later: %s", error)
        self._wake.set()

    # sending

    def _post(self, message: raft.AnyMessage) -> None:
        receiver = message.receiver
        if receiver not in self._outboxes:
            self._outboxes[receiver] = asyncio.Queue()
            self._senders[receiver] = asyncio.get_running_loop().create_task(self._deliver(receiver))
        self._outboxes[receiver].put_nowait(message)

    async def _deliver(self, receiver: str) -> None:
        """What cannot be delivered is dropped: Raft says it again."""
        outbox = self._outboxes[receiver]
        while True:
            messages = [await outbox.get()]
            while not outbox.empty():
                messages.append(outbox.get_nowait())
            body = {"fork": self.fork, "data": b64encode(_encode_messages(messages)).decode()}
            try:
                await self._send(receiver, body)
            except (TerrellaError, OSError) as error:
                _log.debug("%s was not told of control state: %s", receiver, error or type(error).__name__)
                await asyncio.sleep(_PAUSE_AFTER_FAILURE_S * self._ids.fraction())


def next_change(state: MembershipState, node: raft.Node) -> raft.Change | None:
    """What the group's members lack to be what the state says: who is joining learns, who is whole votes."""
    configuration = node.configuration
    for name, region in state.regions.items():
        if name not in configuration.everyone:
            return raft.Change(raft.ChangeKind.ADD_LEARNER, name)
        if name in configuration.learners and region.status is not RegionStatus.JOINING:
            progress = node.progress.get(name)
            if progress is not None and progress.match >= node.commit:
                return raft.Change(raft.ChangeKind.PROMOTE, name)
    gone = [name for name in configuration.everyone if name not in state.regions]
    return raft.Change(raft.ChangeKind.REMOVE, gone[0]) if gone and configuration.voters != (gone[0],) else None


def told_to(body: dict[str, Any]) -> tuple[str, str]:
    """Fork and messages of a request's body; raises ``TerrellaError``."""
    fork, data = body.get("fork"), body.get("data")
    if not isinstance(fork, str) or not isinstance(data, str):
        raise TerrellaError("expected fork and data")
    return fork, data
