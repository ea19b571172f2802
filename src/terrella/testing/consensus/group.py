"""A simulated Raft group: its members, the links between them, and the promises that are watched while it runs."""

from collections.abc import Callable
from typing import Any

from terrella.journal import raft
from terrella.testing.consensus.climate import Climate
from terrella.testing.consensus.member import Member
from terrella.testing.simulation.schedule import Schedule

TIMING = raft.Timing(heartbeat_s=0.1, election_min_s=0.4, election_spread_s=0.2)


class ConsensusFailure(AssertionError):  # noqa: N818 - a verdict, not an error
    """A promise of Raft's was broken; the text says which, and when."""


class Group:
    """Members and links. ``cut`` holds the directions in which nothing passes."""

    def __init__(self, schedule: Schedule, climate: Climate, tell: Callable[[str], None]) -> None:
        self.climate = climate
        self.schedule = schedule
        self.random = schedule.random
        self.members: dict[str, Member] = {}
        self.cut: set[tuple[str, str]] = set()
        self.lost_share = 0.0
        self.repeated_share = 0.0
        self.slowness = 1.0
        self.timing = TIMING
        self.crash_after_write_share = 0.0
        self.snapshots: dict[bytes, Any] = {}
        self._tell = tell
        self._leaders: dict[int, str] = {}
        self._committed: dict[int, raft.LogEntry] = {}
        self._written: dict[tuple[int, int], tuple[str, bytes, int | None]] = {}

    def tell(self, what: str) -> None:
        """A line of the story."""
        self._tell(f"{self.schedule.now:8.3f} {what}")

    def fail(self, what: str) -> None:
        """A promise is broken."""
        self.tell(f"FAILED {what}")
        raise ConsensusFailure(f"{what}, at {self.schedule.now:.3f} s")

    def add(self, id_: str, configuration: raft.Configuration, witness: bool = False) -> Member:
        """A new member, which knows of this configuration and nothing else."""
        member = self.members[id_] = Member(self, id_, configuration, witness)
        member.boot()
        return member

    @property
    def up(self) -> list[Member]:
        """The members that run."""
        return [member for member in self.members.values() if member.up]

    @property
    def leader(self) -> Member | None:
        """The one that leads in the latest term."""
        leading = [member for member in self.up if member.node.role is raft.Role.LEADER]
        return max(leading, key=lambda member: member.node.term, default=None)

    # the links

    def send(self, message: raft.AnyMessage) -> None:
        """Put a message on its way: late, out of order, twice, or never there."""
        if (message.sender, message.receiver) in self.cut or self.random.random() < self.lost_share:
            return
        self._deliver_later(message, self.slowness * (0.005 + 0.03 * self.random.random()))
        if self.random.random() < self.repeated_share:
            self._deliver_later(message, 0.005 + self.climate.echo_s * self.random.random())

    def _deliver_later(self, message: raft.AnyMessage, delay_s: float) -> None:
        self.schedule.after(delay_s, lambda: self._arrive(message))

    def _arrive(self, message: raft.AnyMessage) -> None:
        member = self.members.get(message.receiver)
        if member is not None and member.up and (message.sender, message.receiver) not in self.cut:
            member.receive(message)

    # what is watched

    def note_leader(self, member: Member) -> None:
        """Someone leads: alone in its term, and with everything that was ever committed."""
        node = member.node
        known = self._leaders.setdefault(node.term, member.id)
        if known != member.id:
            self.fail(f"election safety: {known} and {member.id} both lead term {node.term}")
        for index, entry in self._committed.items():
            if entry.term < node.term and index > node.log.start.index and node.log.term(index) != entry.term:
                self.fail(f"leader completeness: {member.id} leads term {node.term} without committed entry {index}")

    def note_written(self, entries: list[raft.LogEntry], before: int | None) -> None:
        """Entries on a disk: those of one index and term are the same everywhere, and so is what is before them."""
        for entry in entries:
            content = (entry.id, entry.data, before)
            if self._written.setdefault((entry.index, entry.term), content) != content:
                self.fail(f"log matching: entry {entry.index} of term {entry.term} is not the same everywhere")
            before = entry.term

    def note_applied(self, member: Member, entry: raft.LogEntry) -> None:
        """An entry was applied: all apply the same at its index."""
        if self._committed.setdefault(entry.index, entry) != entry:
            self.fail(f"state machine safety: {member.id} applied another entry {entry.index}")

    @property
    def terms_led(self) -> int:
        """How many elections were won."""
        return len(self._leaders)
