"""Durable, replicated state: records, the store's transaction, vectors, merge, lanes. Pure core, SQLite at the edge.

Services use ``Journal``, ``DataSet``, ``Transaction`` and the errors; a region also ``Replicator``. The rest of the
door is for the simulator, which drives the same store and protocol without sockets, threads or waiting.
"""

from terrella.journal.applying import RemoteSlice
from terrella.journal.committed import CommittedState
from terrella.journal.errors import (
    DataSetDroppedError,
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
)
from terrella.journal.journal import Journal
from terrella.journal.maintenance import declaring
from terrella.journal.merge import Clash, MergeResult, merge
from terrella.journal.model import (
    Conflict,
    DataSet,
    Dot,
    Entry,
    IndexEntry,
    Indexer,
    Lane,
    Origin,
    Vector,
    Version,
    data_set_id,
)
from terrella.journal.protocol import FrameReader, Message, Records, frame
from terrella.journal.pulling import Apply, Effect, Puller, Send
from terrella.journal.reading import Reader
from terrella.journal.records import ConflictRecord, OpeningRecord, WriteRecord, decode_record, written_version
from terrella.journal.replicator import PeerStatus, Replicator
from terrella.journal.schema import SEQUENCE_BITS, SEQUENCE_MASK, memory_connection, unpack_dots
from terrella.journal.serving import PullServer
from terrella.journal.status import DataSetStatus, JournalStatus
from terrella.journal.store import Store
from terrella.journal.transaction import Transaction

__all__ = [
    "SEQUENCE_BITS",
    "SEQUENCE_MASK",
    "Apply",
    "Clash",
    "CommittedState",
    "Conflict",
    "ConflictRecord",
    "DataSet",
    "DataSetDroppedError",
    "DataSetStatus",
    "Dot",
    "Effect",
    "Entry",
    "FrameReader",
    "IndexEntry",
    "Indexer",
    "Journal",
    "JournalError",
    "JournalStatus",
    "Lane",
    "MergeResult",
    "Message",
    "OpeningRecord",
    "Origin",
    "OutcomeUnknownError",
    "PeerStatus",
    "ProtocolError",
    "PullServer",
    "Puller",
    "Reader",
    "RecordError",
    "Records",
    "RemoteSlice",
    "Replicator",
    "Send",
    "SequenceGapError",
    "Store",
    "StoreClosedError",
    "StoreInUseError",
    "StoreUnavailableError",
    "Transaction",
    "UnknownDataSetError",
    "UnknownFormatError",
    "Vector",
    "Version",
    "WriteRecord",
    "data_set_id",
    "declaring",
    "decode_record",
    "frame",
    "memory_connection",
    "merge",
    "unpack_dots",
    "written_version",
]
