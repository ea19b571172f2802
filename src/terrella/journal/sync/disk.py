"""Where a group's member is kept: in the journal's own file, inside the batches in which its entries are applied."""

from dataclasses import dataclass

import msgspec

from terrella.journal.raft import Batch, Configuration, EntryKind, HardState, Kept, LogEntry, SnapshotPoint
from terrella.journal.store import Store

_GROUP = "select member, founding, term, vote, start, applied from raft_groups where data_set = ?"
_ENTRIES = "select term, entry, kind, id, data from raft_log where data_set = ? order by entry"
_NEW = "insert or replace into raft_groups (data_set, member, start) values (?, ?, ?)"
_APPEND = "insert or replace into raft_log values (?, ?, ?, ?, ?, ?)"

_encode = msgspec.msgpack.Encoder().encode
_decode_point = msgspec.msgpack.Decoder(SnapshotPoint).decode
_decode_configuration = msgspec.msgpack.Decoder(Configuration).decode

NOBODY = Configuration(())
BEGINNING = SnapshotPoint(0, 0, NOBODY)


@dataclass(frozen=True, slots=True)
class Membership:
    """Under which id this region belongs to a group. ``founding`` is whom the group began with; None: not known yet."""

    member: str
    founding: Configuration | None


class GroupDisk:
    """One data set's rows; a ``Storage``. Everything but ``load`` and ``membership`` belongs into a batch."""

    def __init__(self, store: Store, number: int) -> None:
        self._store = store
        self._number = number

    def membership(self) -> Membership | None:
        """Under which id; None if this region has never belonged to the group, or has lost what it knew."""
        row = self._store.ask(_GROUP, (self._number,))
        if row is None:
            return None
        return Membership(row[0], None if row[1] is None else _decode_configuration(row[1]))

    def load(self) -> Kept | None:
        """What was kept."""
        row = self._store.ask(_GROUP, (self._number,))
        if row is None:
            return None
        _, _, term, vote, start, applied = row
        entries = [
            LogEntry(term_, index, EntryKind(kind), id_, data)
            for term_, index, kind, id_, data in self._store.rows(_ENTRIES, (self._number,))
        ]
        return Kept(HardState(term, vote), _decode_point(start), entries, applied)

    def begin(self, member: str) -> None:
        """A new member, that knows nothing."""
        self._store.execute(_NEW, (self._number, member, _encode(BEGINNING)))
        self._store.execute("delete from raft_log where data_set = ?", (self._number,))

    def found(self, configuration: Configuration) -> None:
        """The group begins with these."""
        start = _encode(SnapshotPoint(0, 0, configuration))
        self._set("founding", _encode(configuration))
        self._set("start", start)

    def learn_founding(self, configuration: Configuration) -> None:
        """The group began with these, and this member is none of them."""
        self._set("founding", _encode(configuration))

    def set_applied(self, index: int) -> None:
        """The state machine holds all up to here."""
        self._set("applied", index)

    @property
    def applied(self) -> int:
        """What the state machine holds."""
        applied: int = self._store.ask("select applied from raft_groups where data_set = ?", (self._number,))
        return applied

    def write(self, batch: Batch) -> None:
        """Write a batch; writing it again changes nothing."""
        number, execute = self._number, self._store.execute
        if batch.hard_state is not None:
            self._set("term", batch.hard_state.term)
            self._set("vote", batch.hard_state.vote)
        if batch.start is not None:
            point = batch.start
            term = self._store.ask("select term from raft_log where data_set = ? and entry = ?", (number, point.index))
            if batch.snapshot is not None and term != point.term:
                execute("delete from raft_log where data_set = ?", (number,))
            execute("delete from raft_log where data_set = ? and entry <= ?", (number, point.index))
            self._set("start", _encode(point))
        if batch.entries:
            first, last = batch.entries[0].index, batch.entries[-1].index
            for entry in batch.entries:
                execute(_APPEND, (number, entry.index, entry.term, entry.kind, entry.id, entry.data))
            assert last - first + 1 == len(batch.entries)
            execute("delete from raft_log where data_set = ? and entry > ?", (number, last))

    def _set(self, column: str, value: object) -> None:
        self._store.execute(
            f"update raft_groups set {column} = ? where data_set = ?",  # noqa: S608 - the columns are ours
            (value, self._number),
        )
