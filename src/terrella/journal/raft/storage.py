"""Where a member keeps what must survive it: as a protocol, and in memory for tests and simulations."""

from dataclasses import dataclass, field
from typing import Protocol

from terrella.journal.raft.configuration import Configuration
from terrella.journal.raft.messages import HardState, LogEntry, SnapshotPoint
from terrella.journal.raft.node import Batch


@dataclass(slots=True)
class Kept:
    """What is on the disk. ``applied`` belongs to the state machine, and is written together with what was applied."""

    hard_state: HardState
    start: SnapshotPoint
    entries: list[LogEntry] = field(default_factory=list)
    applied: int = 0


class Storage(Protocol):
    """One member's disk."""

    def load(self) -> Kept | None:
        """What was kept; None for a member that is new here."""
        ...

    def write(self, batch: Batch) -> None:
        """Write a batch: state, start and entries, not what is to be applied. Durable with the disk's next commit."""
        ...


class MemoryStorage:
    """A disk in memory: every write is durable at once."""

    def __init__(self, configuration: Configuration) -> None:
        self.kept = Kept(HardState(), SnapshotPoint(0, 0, configuration))

    def load(self) -> Kept:
        """What was kept."""
        kept = self.kept
        return Kept(kept.hard_state, kept.start, list(kept.entries), kept.applied)

    def write(self, batch: Batch) -> None:
        """Write a batch."""
        kept = self.kept
        if batch.hard_state is not None:
            kept.hard_state = batch.hard_state
        if batch.start is not None:
            begins_anew = batch.snapshot is not None and not any(
                entry.index == batch.start.index and entry.term == batch.start.term for entry in kept.entries
            )
            kept.entries = [] if begins_anew else [entry for entry in kept.entries if entry.index > batch.start.index]
            kept.start = batch.start
        if batch.entries:
            first = batch.entries[0].index
            kept.entries = [entry for entry in kept.entries if entry.index < first] + batch.entries
