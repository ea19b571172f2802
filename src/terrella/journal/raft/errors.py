"""What a Raft core refuses.

``RaftError``
    ``ChangeRefusedError``   a change of the configuration that cannot be made, or not now
    ``CompactedError``       the log does not reach back as far as it was asked for
"""


class RaftError(Exception):
    """The root of the core's errors."""


class ChangeRefusedError(RaftError):
    """The change cannot be made, or not now; nothing has happened."""


class CompactedError(RaftError):
    """The log does not reach back so far: a snapshot is there in its place."""
