"""Durable, replicated state: records, the store's transaction, vectors, merge, lanes. Pure core, SQLite at the edge."""

from terrella.journal.errors import (
    DataSetDroppedError,
    JournalError,
    OutcomeUnknownError,
    RecordError,
    SequenceGapError,
    StoreClosedError,
    StoreInUseError,
    StoreUnavailableError,
    UnknownDataSetError,
    UnknownFormatError,
)
from terrella.journal.journal import Journal
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
from terrella.journal.status import DataSetStatus, JournalStatus
from terrella.journal.transaction import Transaction

__all__ = [
    "Clash",
    "Conflict",
    "DataSet",
    "DataSetDroppedError",
    "DataSetStatus",
    "Dot",
    "Entry",
    "IndexEntry",
    "Indexer",
    "Journal",
    "JournalError",
    "JournalStatus",
    "Lane",
    "MergeResult",
    "Origin",
    "OutcomeUnknownError",
    "RecordError",
    "SequenceGapError",
    "StoreClosedError",
    "StoreInUseError",
    "StoreUnavailableError",
    "Transaction",
    "UnknownDataSetError",
    "UnknownFormatError",
    "Vector",
    "Version",
    "data_set_id",
    "merge",
]
