"""Raft without I/O: elections with a preliminary round, the log, reads by ReadIndex, changes of members, witnesses.

``Node`` is one member; whoever runs it gives it messages and time, writes what it says, and sends what it says after
that. Nothing in here waits, reads a clock, draws a random number or touches a socket or a file.
"""

from terrella.journal.raft import core, elections, leading, reading
from terrella.journal.raft.configuration import Change, ChangeKind, Configuration, changed
from terrella.journal.raft.core import Core, ReadReady, Role, Timing
from terrella.journal.raft.errors import ChangeRefusedError, CompactedError, RaftError
from terrella.journal.raft.log import RaftLog
from terrella.journal.raft.messages import (
    AnyMessage,
    Append,
    AppendAnswer,
    CampaignNow,
    EntryKind,
    HardState,
    InstallSnapshot,
    LogEntry,
    Message,
    Propose,
    ReadAnswer,
    ReadRequest,
    RequestVote,
    SnapshotPoint,
    VoteAnswer,
)
from terrella.journal.raft.node import Batch, Effects, Handed, Node
from terrella.journal.raft.storage import Kept, MemoryStorage, Storage

__all__ = [
    "AnyMessage",
    "Append",
    "AppendAnswer",
    "Batch",
    "CampaignNow",
    "Change",
    "ChangeKind",
    "ChangeRefusedError",
    "CompactedError",
    "Configuration",
    "Core",
    "Effects",
    "EntryKind",
    "Handed",
    "HardState",
    "InstallSnapshot",
    "Kept",
    "LogEntry",
    "MemoryStorage",
    "Message",
    "Node",
    "Propose",
    "RaftError",
    "RaftLog",
    "ReadAnswer",
    "ReadReady",
    "ReadRequest",
    "RequestVote",
    "Role",
    "SnapshotPoint",
    "Storage",
    "Timing",
    "VoteAnswer",
    "changed",
    "core",
    "elections",
    "leading",
    "reading",
]
