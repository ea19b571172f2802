"""The state of one member, and the few moves that elections, leading and following share."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from terrella.journal.raft.configuration import Configuration
from terrella.journal.raft.log import RaftLog
from terrella.journal.raft.messages import AnyMessage, AppendAnswer, HardState, InstallSnapshot
from terrella.journal.raft.progress import LONG_AGO, Progress
from terrella.journal.raft.reading import ReadQueue

APPEND_BYTES_MAX = 256 * 1024


class Role(StrEnum):
    """What a member is at the moment."""

    FOLLOWER = "follower"
    PRE_CANDIDATE = "pre-candidate"
    CANDIDATE = "candidate"
    LEADER = "leader"


@dataclass(frozen=True, slots=True)
class Timing:
    """How patient the members are.

    A member that has heard no leader for ``election_min_s`` and up to ``election_spread_s`` more (by chance) asks for
    an election; one that heard a leader within ``election_min_s`` votes for nobody else.
    """

    heartbeat_s: float = 0.1
    election_min_s: float = 0.5
    election_spread_s: float = 0.3

    @classmethod
    def for_distance(cls, round_trip_s: float) -> "Timing":
        """For members that are at most so far apart: a leader's death is noticed after two lost heartbeats.

        The spread is a round trip, so that the first who asks is usually answered before the next one asks.
        """
        return cls(0.1, 0.3 + 1.5 * round_trip_s, max(0.1, round_trip_s))


@dataclass(frozen=True, slots=True)
class ReadReady:
    """A read may be done on any state that has applied ``index``."""

    id: str
    index: int


class Core:
    """One member's state. ``fraction`` draws from [0, 1): the only chance in here."""

    def __init__(
        self,
        id_: str,
        hard_state: HardState,
        log: RaftLog,
        applied: int,
        timing: Timing,
        fraction: Callable[[], float],
        now: float,
    ) -> None:
        self.id = id_
        self.log = log
        self.term = hard_state.term
        self.vote = hard_state.vote
        self.applied = applied
        self.handed_out = applied
        self.commit = max(applied, log.start.index)
        self.floor = 0
        self.timing = timing
        self.fraction = fraction
        self.role = Role.FOLLOWER
        self.leader: str | None = None
        self.heard_leader_at = LONG_AGO
        self.election_at = now
        self.heartbeat_at = now
        self.votes: dict[str, bool] = {}
        self.progress: dict[str, Progress] = {}
        self.reads = ReadQueue()
        self.transfer_to: str | None = None
        self.transfer_sent = False
        self.transfer_until = LONG_AGO
        self.hard_state_written = hard_state
        self.messages: list[AnyMessage] = []
        self.messages_after: list[AnyMessage] = []
        self.reads_ready: list[ReadReady] = []
        self.snapshots_wanted: list[str] = []
        self.snapshot: InstallSnapshot | None = None
        self.compacted = False
        self.restoring = False
        self.uncommitted_bytes = 0
        self.append_bytes_max = APPEND_BYTES_MAX
        self.rest(now)

    @property
    def configuration(self) -> Configuration:
        """Who belongs to the group, as far as this member's log says."""
        return self.log.configuration

    @property
    def holds_state(self) -> bool:
        """Whether the state machine is here and whole: not on a witness, nor while a snapshot is still to come."""
        return self.applied >= self.log.start.index and self.id not in self.configuration.witnesses

    @property
    def committed_own_term(self) -> bool:
        """Whether a leader has committed an entry of its own term: then it knows all that is committed."""
        return self.log.term(self.commit) == self.term

    def send(self, message: AnyMessage) -> None:
        """Send at once: the message promises nothing."""
        self.messages.append(message)

    def send_after(self, message: AnyMessage) -> None:
        """Send once all that has happened so far is durable. A message to oneself is an own vote or acknowledgement."""
        self.messages_after.append(message)

    def send_answer(self, index: int, receiver: str) -> None:
        """Acknowledge the log up to ``index``, once it is durable."""
        self.send_after(AppendAnswer(self.id, receiver, self.term, index))

    @property
    def snapshot_needed(self) -> bool:
        """Whether the state machine ends before the log begins, and nothing is on its way that would mend it."""
        witness = self.id in self.configuration.witnesses
        return self.applied < self.log.start.index and not self.restoring and not witness

    def rest(self, now: float) -> None:
        """Wait for the leader's next word. One without state is slower, so that one with it is elected if it can be."""
        patience = self.timing.election_min_s + self.fraction() * self.timing.election_spread_s
        if not self.holds_state:
            patience += self.timing.election_min_s
        self.election_at = now + patience

    def hears_leader(self, now: float) -> bool:
        """Whether there is a leader as far as this member can tell: then it has no vote to give."""
        if self.role is Role.LEADER:
            return True
        return self.leader is not None and now - self.heard_leader_at < self.timing.election_min_s

    def become_follower(self, term: int, leader: str | None, now: float) -> None:
        """Follow, in this term or in a later one."""
        assert term >= self.term, (term, self.term)
        if term > self.term:
            self.term, self.vote = term, ""
        if leader is not None or self.role is not Role.FOLLOWER:
            # A later term alone is no reason to wait: whoever asks for votes in vain must not keep others from asking.
            self.rest(now)
        self.role = Role.FOLLOWER
        self.leader = leader
        self.votes.clear()
        self.progress.clear()
        self.reads = ReadQueue()
        self.transfer_to = None
