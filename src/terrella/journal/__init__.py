"""Durable, replicated state: records, the store's transaction, vectors, merge, lanes. Pure core, SQLite at the edge.

Services use ``Journal``, ``DataSet``, ``Transaction`` and the errors; a region also ``Replicator``. The rest of the
door is for the simulator, which drives the same store and protocol without sockets, threads or waiting.
"""

from terrella.journal import raft
from terrella.journal.admission import Admission, Event, StandingChange
from terrella.journal.antientropy import Difference, Finding, VerificationError, VerifyReport
from terrella.journal.applying import RemoteSlice
from terrella.journal.committed import CommittedState
from terrella.journal.digests import bucket_of, differing
from terrella.journal.errors import (
    DataSetDroppedError,
    DataSetEvictedError,
    DataSetJoiningError,
    DataSetLeavingError,
    DataSetStandingError,
    JournalError,
    OutcomeUnknownError,
    ProtocolError,
    RecordError,
    SequenceGapError,
    StoreClosedError,
    StoreInUseError,
    StoreUnavailableError,
    UnknownDataSetError,
    UnknownFormatError,
    WriteConflictError,
)
from terrella.journal.housekeeping import housekeeping
from terrella.journal.joining import StoreSource, StoreTarget
from terrella.journal.journal import Journal
from terrella.journal.maintenance import declaring
from terrella.journal.merge import Clash, MergeResult, merge
from terrella.journal.model import (
    NOTHING,
    Change,
    ChangeKind,
    Conflict,
    DataSet,
    Dot,
    Entry,
    IndexEntry,
    Indexer,
    Lane,
    Origin,
    Parked,
    Vector,
    Version,
    data_set_id,
)
from terrella.journal.peers import DataSetFigures, PeerStatus
from terrella.journal.protocol import FrameReader, Message, PackedRecords, Records, frame, unpack
from terrella.journal.pulling import Apply, Effect, Perform, Puller, PullerPart, Send
from terrella.journal.reading import Reader
from terrella.journal.records import ConflictRecord, OpeningRecord, WriteRecord, decode_record, written_version
from terrella.journal.replicator import Replicator
from terrella.journal.report import Behind, Lacking, PairFigures, ReplicaFigures, ReplicationReport
from terrella.journal.salvage import Salvaged
from terrella.journal.schema import SEQUENCE_BITS, SEQUENCE_MASK, memory_connection, unpack_dots
from terrella.journal.serving import PullServer, ServerPart
from terrella.journal.snapshot import SnapshotSource, SnapshotTaker
from terrella.journal.sources import Sources
from terrella.journal.status import DataSetStatus, JournalStatus
from terrella.journal.store import Store
from terrella.journal.sync import GroupStatus, MemberStatus, SyncLane
from terrella.journal.transaction import Transaction
from terrella.journal.verifying import BUCKETS, Digest, EntryDigest, Listing, Verification, applied

__all__ = [
    "BUCKETS",
    "NOTHING",
    "SEQUENCE_BITS",
    "SEQUENCE_MASK",
    "Admission",
    "Apply",
    "Behind",
    "Change",
    "ChangeKind",
    "Clash",
    "CommittedState",
    "Conflict",
    "ConflictRecord",
    "DataSet",
    "DataSetDroppedError",
    "DataSetEvictedError",
    "DataSetFigures",
    "DataSetJoiningError",
    "DataSetLeavingError",
    "DataSetStandingError",
    "DataSetStatus",
    "Difference",
    "Digest",
    "Dot",
    "Effect",
    "Entry",
    "EntryDigest",
    "Event",
    "Finding",
    "FrameReader",
    "GroupStatus",
    "IndexEntry",
    "Indexer",
    "Journal",
    "JournalError",
    "JournalStatus",
    "Lacking",
    "Lane",
    "Listing",
    "MemberStatus",
    "MergeResult",
    "Message",
    "OpeningRecord",
    "Origin",
    "OutcomeUnknownError",
    "PackedRecords",
    "PairFigures",
    "Parked",
    "PeerStatus",
    "Perform",
    "ProtocolError",
    "PullServer",
    "Puller",
    "PullerPart",
    "Reader",
    "RecordError",
    "Records",
    "RemoteSlice",
    "ReplicaFigures",
    "ReplicationReport",
    "Replicator",
    "Salvaged",
    "Send",
    "SequenceGapError",
    "ServerPart",
    "SnapshotSource",
    "SnapshotTaker",
    "Sources",
    "StandingChange",
    "Store",
    "StoreClosedError",
    "StoreInUseError",
    "StoreSource",
    "StoreTarget",
    "StoreUnavailableError",
    "SyncLane",
    "Transaction",
    "UnknownDataSetError",
    "UnknownFormatError",
    "Vector",
    "Verification",
    "VerificationError",
    "VerifyReport",
    "Version",
    "WriteConflictError",
    "WriteRecord",
    "applied",
    "bucket_of",
    "data_set_id",
    "declaring",
    "decode_record",
    "differing",
    "frame",
    "housekeeping",
    "memory_connection",
    "merge",
    "raft",
    "unpack",
    "unpack_dots",
    "written_version",
]
