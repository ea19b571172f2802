"""What the members of a Raft group say to each other, and the entries of its log: values that go over the wire as is.

Every message names its sender, its receiver and the sender's term. ``InstallSnapshot.data`` is whatever the runner and
the state machine understand (bytes, or the name of what was transferred beside it): the core never looks inside.
"""

from enum import IntEnum

import msgspec

from terrella.journal.raft.configuration import Configuration


class EntryKind(IntEnum):
    """What an entry of the log is: the state machine's, a new leader's first word, or a configuration."""

    DATA = 0
    NO_OPERATION = 1
    CONFIGURATION = 2


class LogEntry(msgspec.Struct, array_like=True, frozen=True):
    """One entry. ``id`` is the proposal's, by which a resubmission is recognised; "" for the group's own entries."""

    term: int
    index: int
    kind: EntryKind
    id: str
    data: bytes


class HardState(msgspec.Struct, array_like=True, frozen=True):
    """What must be durable before a vote or an answer leaves. ``vote`` is "" while none is given in the term."""

    term: int = 0
    vote: str = ""


class SnapshotPoint(msgspec.Struct, array_like=True, frozen=True):
    """Where a log begins: everything up to ``index`` is in the state machine; the group was so configured then."""

    index: int
    term: int
    configuration: Configuration


class Message(msgspec.Struct, array_like=True, frozen=True):
    """What all messages have."""

    sender: str
    receiver: str
    term: int


class RequestVote(Message, frozen=True, tag=1):
    """``preliminary``: would you vote for me in ``term``, which I have not begun? ``forced``: your leader sent me."""

    last_index: int
    last_term: int
    preliminary: bool
    forced: bool


class VoteAnswer(Message, frozen=True, tag=2):
    """A preliminary yes carries the term that was asked for, everything else the answerer's own."""

    granted: bool
    preliminary: bool


class Append(Message, frozen=True, tag=3):
    """Entries that follow ``(previous_index, previous_term)``.

    ``commit`` is how far the group has committed, ``floor`` up to where every member that serves holds the log.
    """

    previous_index: int
    previous_term: int
    entries: list[LogEntry]
    commit: int
    floor: int


class AppendAnswer(Message, frozen=True, tag=4):
    """The log is the leader's up to ``index``; or it is ``rejected`` there, and the hint says where to try again."""

    index: int
    rejected: bool = False
    hint_index: int = 0
    hint_term: int = 0


class Heartbeat(Message, frozen=True, tag=5):
    """The leader is there. ``round`` numbers the confirmations that reads wait for."""

    commit: int
    round: int


class HeartbeatAnswer(Message, frozen=True, tag=6):
    """When it heard of round ``round``, the sender was still a follower of that leader.

    ``snapshot_needed``: whatever its log says, its state machine has to be replaced as a whole. ``lacking``: its log
    ends before what the leader takes to be there, because its disk was lost.
    """

    round: int
    snapshot_needed: bool = False
    lacking: bool = False


class InstallSnapshot(Message, frozen=True, tag=7):
    """The state machine as of ``point``, in place of entries that the leader's log does not have any more."""

    point: SnapshotPoint
    data: bytes


class Propose(Message, frozen=True, tag=8):
    """A follower hands a proposal on to whom it takes for the leader."""

    id: str
    data: bytes


class ReadRequest(Message, frozen=True, tag=9):
    """Asks from which index on a state contains everything that was acknowledged before now."""

    id: str


class ReadAnswer(Message, frozen=True, tag=10):
    """From ``index`` on."""

    id: str
    index: int


class CampaignNow(Message, frozen=True, tag=11):
    """The leader hands over: stand for election at once."""


AnyMessage = (
    RequestVote
    | VoteAnswer
    | Append
    | AppendAnswer
    | Heartbeat
    | HeartbeatAnswer
    | InstallSnapshot
    | Propose
    | ReadRequest
    | ReadAnswer
    | CampaignNow
)
