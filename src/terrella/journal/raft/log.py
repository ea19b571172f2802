"""A member's log in memory: entries after a snapshot point, and which of them are still to be handed to the disk."""

from collections.abc import Iterable, Sequence

import msgspec

from terrella.journal.raft.configuration import Configuration
from terrella.journal.raft.errors import CompactedError
from terrella.journal.raft.messages import EntryKind, LogEntry, SnapshotPoint

_decode_configuration = msgspec.msgpack.Decoder(Configuration).decode
encode_configuration = msgspec.msgpack.Encoder().encode


class RaftLog:
    """Entries ``start.index + 1`` to ``last_index``; what lies before is in the state machine.

    ``first_unwritten`` is the first entry that the disk has not been given yet.
    """

    def __init__(self, start: SnapshotPoint, entries: Iterable[LogEntry] = ()) -> None:
        self.start = start
        self._entries = list(entries)
        self._configurations: list[tuple[int, Configuration]] = []
        for entry in self._entries:
            self._note(entry)
        assert not self._entries or self._entries[0].index == start.index + 1, "the log has a gap after its start"
        self.first_unwritten = self.last_index + 1

    @property
    def last_index(self) -> int:
        """The last entry's index."""
        return self.start.index + len(self._entries)

    @property
    def last_term(self) -> int:
        """The last entry's term."""
        return self._entries[-1].term if self._entries else self.start.term

    @property
    def configuration(self) -> Configuration:
        """The latest configuration in the log, committed or not: it is in force as soon as it is in the log."""
        return self._configurations[-1][1] if self._configurations else self.start.configuration

    @property
    def configuration_index(self) -> int:
        """The index of the latest configuration."""
        return self._configurations[-1][0] if self._configurations else self.start.index

    def configuration_at(self, index: int) -> Configuration:
        """The configuration as of an index."""
        for at, configuration in reversed(self._configurations):
            if at <= index:
                return configuration
        return self.start.configuration

    def term(self, index: int) -> int | None:
        """The term of an entry; None if it is not here (not yet, or compacted)."""
        offset = index - self.start.index
        if offset == 0:
            return self.start.term
        if 0 < offset <= len(self._entries):
            return self._entries[offset - 1].term
        return None

    def matches(self, index: int, term: int) -> bool:
        """Whether the entry at ``index`` is the one of ``term``."""
        return self.term(index) == term

    def is_behind(self, last_index: int, last_term: int) -> bool:
        """Whether a log that ends so is at least as far as this one: then its owner may be voted for."""
        return (last_term, last_index) >= (self.last_term, self.last_index)

    def slice(self, first: int, last: int, bytes_max: int) -> list[LogEntry]:
        """Entries ``first`` to at most ``last``, at least one if there is one; raises ``CompactedError``."""
        offset = first - self.start.index - 1
        if offset < 0:
            raise CompactedError(f"entry {first} was asked for; the log begins at {self.start.index + 1}")
        taken: list[LogEntry] = []
        for position in range(offset, min(last, self.last_index) - self.start.index):
            entry = self._entries[position]
            bytes_max -= len(entry.data)
            if taken and bytes_max < 0:
                break
            taken.append(entry)
        return taken

    def size_bytes(self, first: int, last: int) -> int:
        """How much the entries from ``first`` to ``last`` hold."""
        offset = self.start.index + 1
        return sum(len(self._entries[index - offset].data) for index in range(max(first, offset), last + 1))

    def append(self, entry: LogEntry) -> None:
        """Add the next entry."""
        assert entry.index == self.last_index + 1, (entry.index, self.last_index)
        self._entries.append(entry)
        self._note(entry)

    def merge(self, entries: Sequence[LogEntry], committed: int) -> None:
        """Take over what a leader sent: what is here already stays; from the first difference on all is replaced."""
        for position, entry in enumerate(entries):
            if self.matches(entry.index, entry.term):
                continue
            if entry.index <= self.last_index:
                assert entry.index > committed, f"entry {entry.index} is committed, and was to be replaced"
                self._truncate(entry.index)
            for new in entries[position:]:
                self.append(new)
            return

    def find(self, index: int, term: int) -> int:
        """The last index up to ``index`` whose term is at most ``term``: above it the logs surely differ."""
        index = min(index, self.last_index)
        while index > self.start.index and (self.term(index) or 0) > term:
            index -= 1
        return index

    def unwritten(self) -> list[LogEntry]:
        """What the disk has to be given now; the first of them replaces whatever it has from there on."""
        entries = self._entries[self.first_unwritten - self.start.index - 1 :]
        self.first_unwritten = self.last_index + 1
        return entries

    def point(self, index: int) -> SnapshotPoint:
        """The place of ``index``, where a log may begin."""
        term = self.term(index)
        if term is None:
            raise CompactedError(f"entry {index} is not in the log ({self.start.index} to {self.last_index})")
        return SnapshotPoint(index, term, self.configuration_at(index))

    def compact(self, index: int) -> SnapshotPoint:
        """Forget the entries up to ``index``."""
        point = self.point(index)
        del self._entries[: index - self.start.index]
        self._configurations = [known for known in self._configurations if known[0] > index]
        self.start = point
        self.first_unwritten = max(self.first_unwritten, index + 1)
        return point

    def restart(self, point: SnapshotPoint) -> None:
        """Begin anew after a snapshot."""
        self.start = point
        self._entries.clear()
        self._configurations.clear()
        self.first_unwritten = point.index + 1

    def _truncate(self, index: int) -> None:
        del self._entries[index - self.start.index - 1 :]
        self._configurations = [known for known in self._configurations if known[0] < index]
        self.first_unwritten = min(self.first_unwritten, index)

    def _note(self, entry: LogEntry) -> None:
        if entry.kind is EntryKind.CONFIGURATION:
            self._configurations.append((entry.index, _decode_configuration(entry.data)))
