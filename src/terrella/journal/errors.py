"""What can go wrong in the journal.

``JournalError``
    ``StoreInUseError``          another process has the file open
    ``StoreUnavailableError``    the disk or the log is full: nothing was written, reading goes on, try again later
    ``OutcomeUnknownError``      the write may or may not be there: the disk failed while committing, or (lane ``sync``)
                                 no majority has answered in time
    ``WriteConflictError``       another region has changed an item since this one judged the write: nothing was written
    ``StoreClosedError``         the journal is closed or closing
    ``UnknownDataSetError``      not declared since the journal was opened
    ``DataSetDroppedError``      was dropped; what is made again under its name needs another generation
    ``DataSetStandingError``     this region does not serve the data set to its own clients at the moment
        ``DataSetJoiningError``  it is taking a snapshot, or waits to be made a member
        ``DataSetLeavingError``  it is to leave: others are given what only it holds
        ``DataSetEvictedError``  it is no member any more
    ``RecordError``              a record that cannot be applied
        ``UnknownFormatError``   written by a version of this program that this one does not know
        ``SequenceGapError``     a record that does not follow the last one applied of its origin
    ``ProtocolError``            a peer said what it may not say; the connection to it ends
"""

from terrella.kernel import TerrellaError


class JournalError(Exception):
    """The root of the journal's errors; its text is one clear sentence."""


class StoreInUseError(JournalError, TerrellaError):
    """Another process has the file open: for a person to mend, and so told without a traceback."""


class StoreUnavailableError(JournalError):
    """Nothing was written, because the disk is full, or the log of what peers do not fetch; reading goes on."""


class OutcomeUnknownError(JournalError):
    """Whether the write is there is not known: the disk failed while committing, or no majority answered in time."""


class WriteConflictError(JournalError):
    """Lane ``sync``: an item has changed since the write was judged. Nothing was written; it may be tried again."""


class StoreClosedError(JournalError):
    """The journal is closed or closing."""


class UnknownDataSetError(JournalError):
    """The data set has not been declared since the journal was opened."""


class DataSetDroppedError(JournalError):
    """The data set was dropped; under the same id it cannot come back."""


class DataSetStandingError(JournalError):
    """This region does not serve the data set to its own clients at the moment."""


class DataSetJoiningError(DataSetStandingError):
    """The region is joining: what it has of the data set is not yet the state of any moment."""


class DataSetLeavingError(DataSetStandingError):
    """The region is leaving: it takes no more writes."""


class DataSetEvictedError(DataSetStandingError):
    """The region is no member any more: what it were to write, nobody would take."""


class RecordError(JournalError):
    """A record that cannot be applied."""


class UnknownFormatError(RecordError):
    """A record or message in a format that this version of the program does not know."""


class SequenceGapError(RecordError):
    """A record that does not follow the last one applied of its origin."""


class ProtocolError(JournalError):
    """A peer said what it may not say: the connection ends, and the reason is shown."""
