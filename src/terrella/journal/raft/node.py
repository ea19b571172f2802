"""One member of a Raft group, without any I/O: messages and time in; messages, writes and committed entries out.

The runner (or the simulator) does, over and over::

    node.step(message, now), node.tick(now), node.propose(...), node.read_index(...)
    node.take(now)      messages that go out at once, reads that are ready, members that need a snapshot
    node.next_batch()   what to make durable and what to apply; then, when that is on the disk,
    node.written(batch) and the messages that had to wait for it go out

At most one batch is under way at a time; everything else goes on meanwhile.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from terrella.journal.raft import elections, following, leading
from terrella.journal.raft.configuration import Change, changed
from terrella.journal.raft.core import Core, ReadReady, Role
from terrella.journal.raft.errors import ChangeRefusedError
from terrella.journal.raft.log import encode_configuration
from terrella.journal.raft.messages import (
    AnyMessage,
    Append,
    AppendAnswer,
    CampaignNow,
    EntryKind,
    HardState,
    Heartbeat,
    HeartbeatAnswer,
    InstallSnapshot,
    LogEntry,
    Propose,
    ReadAnswer,
    ReadRequest,
    RequestVote,
    SnapshotPoint,
    VoteAnswer,
)

APPLY_BYTES_MAX = 512 * 1024
UNCOMMITTED_BYTES_MAX = 32 * 1024 * 1024


class Handed(StrEnum):
    """What became of a proposal or a read that was handed in. None of this says whether it will succeed."""

    TAKEN = "taken"  # this member leads
    FORWARDED = "forwarded"  # to the leader
    REFUSED = "refused"  # nobody leads, or nothing is taken at the moment: it has gone nowhere


@dataclass(slots=True)
class Effects:
    """What happens at once."""

    messages: list[AnyMessage]
    reads: list[ReadReady]
    snapshots_wanted: list[str]


@dataclass(slots=True)
class Batch:
    """What is written in one go, in this order; after it is durable, ``messages`` go out.

    ``start``: forget the log up to and including this point; if there is a ``snapshot``, its data replaces the state
    machine. ``entries``: they replace what the disk has from the first one's index on. ``committed``: to be applied.
    """

    hard_state: HardState | None = None
    start: SnapshotPoint | None = None
    snapshot: InstallSnapshot | None = None
    entries: list[LogEntry] = field(default_factory=list)
    committed: list[LogEntry] = field(default_factory=list)
    messages: list[AnyMessage] = field(default_factory=list)

    @property
    def writes(self) -> bool:
        """Whether there is anything for the disk."""
        return bool(self.hard_state or self.start or self.entries or self.committed)


class Node(Core):
    """The member: ``Core`` says what it is made with."""

    _under_way: Batch | None = None

    # in

    def tick(self, now: float) -> None:
        """Let time take effect; needed at ``wakes_at``, and harmless at any other time."""
        if self.role is Role.LEADER:
            leading.tick(self, now)
        else:
            elections.tick(self, now)

    @property
    def wakes_at(self) -> float:
        """When the next ``tick`` is due."""
        return self.heartbeat_at if self.role is Role.LEADER else self.election_at

    def step(self, message: AnyMessage, now: float) -> None:
        """Take in what another member says."""
        if isinstance(message, RequestVote):
            elections.consider(self, message, now)
        elif isinstance(message, Propose):
            if self.role is Role.LEADER:
                self.propose(message.id, message.data, now)
        elif isinstance(message, ReadRequest):
            if self.role is Role.LEADER and self.holds_state:
                self.reads.add(message.sender, message.id, self.commit, self.committed_own_term)
        elif isinstance(message, ReadAnswer):
            following.take_read_answer(self, message)
        elif self._is_of_this_term(message, now):
            self._step_in_term(message, now)

    def _is_of_this_term(self, message: AnyMessage, now: float) -> bool:
        """Enter a later term that is heard of; refuse what is of an earlier one."""
        if message.term > self.term:
            preliminary = isinstance(message, VoteAnswer) and message.preliminary and message.granted
            if not preliminary:
                self.become_follower(message.term, None, now)
            return True
        if message.term < self.term:
            if isinstance(message, Append | Heartbeat | InstallSnapshot):
                # An earlier leader, or one that is cut off from those who have gone on: it has to learn of the term.
                self.send_after(HeartbeatAnswer(self.id, message.sender, self.term, 0))
            return False
        return True

    def _step_in_term(self, message: AnyMessage, now: float) -> None:
        if isinstance(message, Append | Heartbeat | InstallSnapshot):
            assert self.role is not Role.LEADER, f"two leaders in term {self.term}: {self.id}, {message.sender}"
        if isinstance(message, Append):
            following.take_entries(self, message, now)
        elif isinstance(message, Heartbeat):
            following.take_heartbeat(self, message, now)
        elif isinstance(message, InstallSnapshot):
            following.take_snapshot(self, message, now)
        elif isinstance(message, VoteAnswer):
            elections.answered(self, message, now)
        elif isinstance(message, CampaignNow):
            if self.id in self.configuration.voters:
                elections.campaign(self, now, preliminary=False, forced=True)
        elif self.role is not Role.LEADER:
            return  # an answer to what it did when it led
        elif isinstance(message, AppendAnswer):
            leading.append_answered(self, message, now)
        elif isinstance(message, HeartbeatAnswer):
            leading.heartbeat_answered(self, message, now)

    def propose(self, id_: str, data: bytes, now: float) -> Handed:
        """Put data into the log, here or at the leader. It may come to nothing, and it may be handed in again."""
        if self.role is not Role.LEADER:
            if self.leader is None:
                return Handed.REFUSED
            self.send(Propose(self.id, self.leader, self.term, id_, data))
            return Handed.FORWARDED
        full = self.uncommitted_bytes > UNCOMMITTED_BYTES_MAX
        if full or not self.holds_state or self.transfer_to is not None:
            return Handed.REFUSED
        leading.append(self, EntryKind.DATA, id_, data)
        return Handed.TAKEN

    def read_index(self, id_: str) -> Handed:
        """Ask from which index on a state may be read linearizably; ``take`` says so, unless a message is lost."""
        if self.role is not Role.LEADER:
            if self.leader is None:
                return Handed.REFUSED
            self.send(ReadRequest(self.id, self.leader, self.term, id_))
            return Handed.FORWARDED
        if not self.holds_state:
            return Handed.REFUSED
        self.reads.add(self.id, id_, self.commit, self.committed_own_term)
        return Handed.TAKEN

    def change(self, change: Change, now: float) -> None:
        """Add, promote or remove one member; raises ``ChangeRefusedError`` if that cannot be, or not now."""
        if self.role is not Role.LEADER:
            raise ChangeRefusedError(f"{self.id} does not lead")
        if not self.committed_own_term:
            raise ChangeRefusedError("the leader has not committed an entry of its own term yet")
        if self.log.configuration_index > self.commit:
            raise ChangeRefusedError("the change before this one is not committed yet")
        configuration = changed(self.configuration, change)
        leading.change_configuration(self, encode_configuration(configuration), now)

    def transfer(self, member: str, now: float) -> None:
        """Let another member lead, as soon as it has the whole log."""
        if self.role is Role.LEADER and member != self.id and member in self.configuration.serving:
            leading.begin_transfer(self, member, now)
            leading.hand_over(self, now)

    def compact(self, index: int) -> None:
        """Forget the log up to ``index``, which has been applied."""
        if self.log.start.index < index <= self.applied:
            self.log.compact(index)
            self.compacted = True

    # snapshots

    def send_snapshot(self, member: str, index: int, data: bytes, now: float) -> bool:
        """The state as of ``index`` for a member that ``take`` named; False if it is not wanted any more."""
        progress = self.progress.get(member)
        if self.role is not Role.LEADER or progress is None or index < self.log.start.index:
            return False
        progress.snapshot_moved_at = now
        self.send(InstallSnapshot(self.id, member, self.term, self.log.point(index), data))
        return True

    def snapshot_moves(self, member: str, now: float) -> None:
        """A snapshot is on its way to the member: it is not stuck."""
        if member in self.progress:
            self.progress[member].snapshot_moved_at = now

    def restored(self, index: int) -> None:
        """The state machine now holds all up to ``index``, from a snapshot."""
        if index >= self.log.start.index:
            self.applied = self.handed_out = max(self.applied, index)
            self.restoring = False

    # out

    def take(self, now: float) -> Effects:
        """What happens at once; taken away by this."""
        if self.role is Role.LEADER:
            leading.flush(self, now)
        effects = Effects(self.messages, self.reads_ready, self.snapshots_wanted)
        self.messages, self.reads_ready, self.snapshots_wanted = [], [], []
        return effects

    def next_batch(self) -> Batch | None:
        """What is to be written, applied and then said; None if there is nothing, or a batch is under way."""
        if self._under_way is not None:
            return None
        batch = Batch()
        hard_state = HardState(self.term, self.vote)
        if hard_state != self.hard_state_written:
            batch.hard_state = self.hard_state_written = hard_state
        if self.snapshot is not None or self.compacted:
            batch.start, batch.snapshot = self.log.start, self.snapshot
            self.snapshot, self.compacted = None, False
        batch.entries = self.log.unwritten()
        batch.committed = self._to_apply()
        # What was acknowledged in an earlier term has perhaps been replaced since: it is not said any more.
        batch.messages = [message for message in self.messages_after if message.term >= self.term]
        self.messages_after = []
        if not batch.writes and not batch.messages:
            return None
        self._under_way = batch
        return batch

    def _to_apply(self) -> list[LogEntry]:
        if self.id in self.configuration.witnesses:
            self.applied = self.handed_out = self.commit
        if self.handed_out < self.log.start.index or self.handed_out >= self.commit:
            return []
        entries = self.log.slice(self.handed_out + 1, self.commit, APPLY_BYTES_MAX)
        self.handed_out = entries[-1].index
        return entries

    def written(self, batch: Batch, now: float) -> list[AnyMessage]:
        """The batch is durable and applied; answers the messages that may go out now."""
        assert batch is self._under_way
        self._under_way = None
        if batch.committed:
            self.applied = max(self.applied, batch.committed[-1].index)
        outgoing = []
        for message in batch.messages:
            if message.receiver == self.id:
                self.step(message, now)
            else:
                outgoing.append(message)
        return outgoing
