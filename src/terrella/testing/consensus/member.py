"""One simulated member: a disk that outlives it, the node, and the clients' waiting."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from terrella.journal import raft
from terrella.testing.consensus.machine import Registers

if TYPE_CHECKING:
    from terrella.testing.consensus.group import Group

SEPARATOR = b"\0"


def encode(action: tuple[str, ...]) -> bytes:
    """An action as an entry's data."""
    return SEPARATOR.join(part.encode() for part in action)


def decode(entry: raft.LogEntry) -> tuple[str, ...] | None:
    """The action of an entry; None if it is none of a client's."""
    if entry.kind is not raft.EntryKind.DATA:
        return None
    return tuple(part.decode() for part in entry.data.split(SEPARATOR))


class Member:
    """Up or down. ``disk`` and ``machine`` are what a crash leaves."""

    def __init__(self, group: "Group", id_: str, configuration: raft.Configuration, witness: bool) -> None:
        self.group = group
        self.id = id_
        self.witness = witness
        self.lost = False
        self.disk = raft.MemoryStorage(configuration)
        self.machine = Registers()
        self.up = False
        self.node: raft.Node
        self.proposals: dict[str, Callable[[Any], None]] = {}
        self.reads: dict[str, Callable[[Registers], None]] = {}
        self._ready: list[raft.ReadReady] = []
        self.rate = 1.0
        self.disk_s = group.climate.disk_s * group.random.choice((0.05, 0.2, 1.0))
        self._life = 0
        self._held: list[Callable[[], None]] | None = None
        self._tick_at = float("inf")

    @property
    def now(self) -> float:
        """Seconds by this member's clock, which may be fast or slow: nothing but patience may depend on it."""
        return self.group.schedule.now * self.rate

    def boot(self) -> None:
        """Start from what is on the disk."""
        kept = self.disk.load()
        log = raft.RaftLog(kept.start, kept.entries)
        applied = log.start.index if self.witness else self.machine.applied
        chance = self.group.random.random
        self.node = raft.Node(self.id, kept.hard_state, log, applied, self.group.timing, chance, self.now)
        self.node.append_bytes_max = self.group.climate.append_bytes_max
        self.up = True
        self._life += 1
        self._held = None
        self._tick_at = float("inf")
        self.pump()

    def crash(self) -> None:
        """Lose everything that is not on the disk."""
        self.up = False
        self._life += 1
        self.proposals.clear()
        self.reads.clear()
        self._ready.clear()
        self.group.tell(f"{self.id} crashes")

    def pause(self) -> None:
        """Stand still; what comes meanwhile waits."""
        self._held = self._held or []
        self.group.tell(f"{self.id} pauses")

    def resume(self, first: Callable[[], None]) -> None:
        """Go on, as if no time had passed: ``first`` is done before what waited."""
        held, self._held = self._held, None
        if held is not None and self.up:
            self.group.tell(f"{self.id} goes on")
            first()
            for action in held:
                action()

    def receive(self, message: raft.AnyMessage) -> None:
        """A message came."""
        self._soon(lambda: self._step(message))

    def _step(self, message: raft.AnyMessage) -> None:
        led = self.node.role is raft.Role.LEADER
        self.node.step(message, self.now)
        self.pump(led)

    def propose(self, id_: str, action: tuple[str, ...]) -> None:
        """Hand a client's proposal in (again)."""

        def propose() -> None:
            self.node.propose(id_, encode(action), self.now)
            self.pump()

        self._soon(propose)

    def read(self, id_: str, done: Callable[[Registers], None]) -> None:
        """Hand a client's read in."""

        def read() -> None:
            self.reads[id_] = done
            self.node.read_index(id_)
            self.pump()

        self._soon(read)

    def pump(self, led: bool = False) -> None:
        """Do what the node says."""
        if self.node.role is raft.Role.LEADER and not led:
            self.group.note_leader(self)
        effects = self.node.take(self.now)
        for message in effects.messages:
            self.group.send(message)
        self._ready += effects.reads
        for receiver in effects.snapshots_wanted:
            self._after(0.05 * self.group.random.random(), partial(self._send_snapshot, receiver))
        self._finish_reads()
        batch = self.node.next_batch()
        if batch is not None:
            if batch.writes:
                self.begin_write(batch)
            else:
                self._written(batch)
        elif self.node.wakes_at < self._tick_at:
            self._tick_at = self.node.wakes_at
            self._at(self._tick_at / self.rate + 1e-6, self._tick)

    def begin_write(self, batch: raft.Batch) -> None:
        """Give the disk a batch; it is there a little later, or, after a crash, never."""
        self._after(self.disk_s * self.group.random.random(), lambda: self._commit(batch))

    def write(self, batch: raft.Batch) -> None:
        """The disk has the batch: log and state together."""
        group, node = self.group, self.node
        self.disk.write(batch)
        if batch.entries:
            first = batch.entries[0].index
            before = [entry.term for entry in self.disk.kept.entries if entry.index == first - 1]
            group.note_written(batch.entries, before[0] if before else self.disk.kept.start.term)
        if batch.snapshot is not None:
            if not self.witness:
                self.machine = group.snapshots[batch.snapshot.data].copy()
                for id_ in list(self.proposals):
                    if id_ in self.machine.answered:
                        self._answer(id_, self.machine.answered[id_][1])
            node.restored(batch.snapshot.point.index)
        for entry in batch.committed:
            group.note_applied(self, entry)
            outcome = self.machine.apply(entry.index, entry.id, decode(entry))
            self._answer(entry.id, outcome)

    def _commit(self, batch: raft.Batch) -> None:
        self.write(batch)
        if self.group.random.random() < self.group.crash_after_write_share:
            self.crash()
            self.group.schedule.after(0.3, self.boot)
            return
        self._written(batch)

    def _written(self, batch: raft.Batch) -> None:
        led = self.node.role is raft.Role.LEADER
        for message in self.node.written(batch, self.now):
            self.group.send(message)
        self.pump(led)

    def _answer(self, id_: str, outcome: Any) -> None:
        done = self.proposals.pop(id_, None)
        if done is not None:
            done(outcome)

    def _finish_reads(self) -> None:
        if self.witness:
            return
        waiting = []
        for read in self._ready:
            if self.machine.applied < read.index:
                waiting.append(read)
            elif read.id in self.reads:
                self.reads.pop(read.id)(self.machine)
        self._ready = waiting

    def _send_snapshot(self, receiver: str) -> None:
        data = b"%d" % len(self.group.snapshots)
        self.group.snapshots[data] = self.machine.copy()
        self.node.send_snapshot(receiver, self.machine.applied, data, self.now)
        self.pump()

    def _tick(self) -> None:
        self._tick_at = float("inf")
        led = self.node.role is raft.Role.LEADER
        self.node.tick(self.now)
        self.pump(led)

    def _after(self, delay_s: float, action: Callable[[], None]) -> None:
        self._at(self.group.schedule.now + delay_s, action)

    def _at(self, time: float, action: Callable[[], None]) -> None:
        """Plan something that happens only if the member does not crash before."""
        life = self._life

        def happen() -> None:
            if self._life == life:
                self._soon(action)

        self.group.schedule.at(time, happen)

    def _soon(self, action: Callable[[], None]) -> None:
        """Now, or when it goes on."""
        if self._held is None:
            action()
            return
        life = self._life
        self._held.append(lambda: action() if self._life == life else None)
