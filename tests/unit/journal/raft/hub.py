"""Members of a Raft group between whom a test carries every message by hand."""

from collections.abc import Iterable
from itertools import count

from terrella.journal import raft
from terrella.journal.raft import AnyMessage, Configuration, MemoryStorage, Node, RaftLog, Role, Timing

TIMING = Timing(heartbeat_s=0.1, election_min_s=0.4, election_spread_s=0.2)


class Hub:
    """``members`` by id. Everything that is said is delivered at once, unless its direction is cut."""

    def __init__(self, ids: Iterable[str], witnesses: tuple[str, ...] = ()) -> None:
        self.now = 0.0
        self.configuration = Configuration(tuple(ids), witnesses)
        self.disks: dict[str, MemoryStorage] = {}
        self.nodes: dict[str, Node] = {}
        self.applied: dict[str, list[str]] = {}
        self.cut: set[tuple[str, str]] = set()
        self.sent: list[AnyMessage] = []
        self.reads: dict[str, int] = {}
        self._draws = count(1)
        for id_ in self.configuration.voters:
            self.add(id_, self.configuration)

    def add(self, id_: str, configuration: Configuration) -> None:
        self.disks[id_] = MemoryStorage(configuration)
        self.applied[id_] = []
        self.boot(id_)

    def boot(self, id_: str) -> None:
        """Start, or start again from the disk (the state machine here is kept beside it)."""
        kept = self.disks[id_].load()
        log = RaftLog(kept.start, kept.entries)
        applied = max(kept.applied, kept.start.index)
        self.nodes[id_] = Node(id_, kept.hard_state, log, applied, TIMING, lambda: next(self._draws) % 7 / 7, self.now)

    def isolate(self, id_: str) -> None:
        self.cut |= {pair for other in self.disks for pair in ((id_, other), (other, id_)) if other != id_}

    def heal(self) -> None:
        self.cut.clear()

    def settle(self, only: Iterable[str] | None = None) -> None:
        """Carry messages, and write, until nothing is left to do."""
        ids = list(only or self.nodes)
        while sum(self.pump(id_) for id_ in ids):
            pass

    def pump(self, id_: str) -> bool:
        node = self.nodes[id_]
        effects = node.take(self.now)
        outgoing = list(effects.messages)
        for read in effects.reads:
            self.reads[read.id] = read.index
        for receiver in effects.snapshots_wanted:
            node.send_snapshot(receiver, node.applied, "\n".join(self.applied[id_]).encode(), self.now)
        batch = node.next_batch()
        if batch is not None:
            self.disks[id_].write(batch)
            if batch.snapshot is not None:
                self.applied[id_] = batch.snapshot.data.decode().split("\n") if batch.snapshot.data else []
                node.restored(batch.snapshot.point.index)
            for entry in batch.committed:
                self.applied[id_].append(entry.id)
            if batch.committed:
                self.disks[id_].kept.applied = batch.committed[-1].index
            outgoing += node.written(batch, self.now)
        for message in outgoing:
            self.carry(message)
        return bool(outgoing or batch)

    def carry(self, message: AnyMessage) -> None:
        self.sent.append(message)
        if (message.sender, message.receiver) not in self.cut and message.receiver in self.nodes:
            self.nodes[message.receiver].step(message, self.now)

    def elect(self, id_: str) -> None:
        """Let this member ask for an election when nobody hears a leader any more."""
        self.now += 1.0
        node = self.nodes[id_]
        node.election_at = self.now
        node.tick(self.now)
        self.settle()

    def pass_time(self, seconds: float, step_s: float = 0.02) -> None:
        """Let everyone's clock run."""
        until = self.now + seconds
        while self.now < until:
            self.now += step_s
            for node in self.nodes.values():
                node.tick(self.now)
            self.settle()

    def propose(self, id_: str, proposal: str) -> raft.Handed:
        return self.nodes[id_].propose(proposal, b"data of " + proposal.encode(), self.now)

    @property
    def leaders(self) -> list[str]:
        return [id_ for id_, node in self.nodes.items() if node.role is Role.LEADER]

    def log(self, id_: str) -> list[tuple[int, str]]:
        node = self.nodes[id_]
        entries = node.log.slice(node.log.start.index + 1, node.log.last_index, 1 << 30)
        return [(entry.term, entry.id or entry.kind.name) for entry in entries]
