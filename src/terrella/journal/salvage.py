"""After a failure of the disk: the file is moved aside, and the store opens as a verified copy, or as what is left.

A process whose store has failed leaves a mark and ends. The next opening moves the file aside (``quarantine``), reads
all of it, and if it is sound copies it. If it is not, a new store is made in which each replicated data set waits for a
snapshot, with the *tail* of this region's own records, which no other region has: it is shipped from here as ever, and
then discarded with the rest (see ``joining``). What is this region's alone is copied row by row, as far as it can be
read. What could not be is named.
"""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import apsw

from terrella.journal.errors import JournalError
from terrella.journal.model import PULLED, Lane
from terrella.journal.schema import SEQUENCE_BITS, open_connection, prepare
from terrella.journal.standing import Join, Phase, pack_join

# The tables that are copied as they are, if they can be read. (Indexes and digests are built anew.)
_NAMES = ("meta", "incarnations", "data_sets", "streams", "acknowledgements")
_ROWS_OF_DATA_SET = {"items": "id", "conflicts": "loser", "parked": "dot", "changes": "position"}
_SLICE_ROWS = 200

Failed = (apsw.CorruptError, apsw.NotADBError)


@dataclass(slots=True)
class Salvaged:
    """What has become of a file that was moved aside. ``lost`` names what could not be read, a sentence each."""

    quarantined: Path
    reason: str
    sound: bool = False
    records: int = 0
    lost: list[str] = field(default_factory=list)


def mark_of(path: Path) -> Path:
    """The file that says that the store at ``path`` has failed, and why."""
    return path.with_name(path.name + ".failed")


def mark_failed(path: Path, reason: str) -> None:
    """Leave word for the next opening; raises ``OSError`` if not even that can be written."""
    with mark_of(path).open("w") as mark:
        mark.write(reason)
        mark.flush()
        os.fsync(mark.fileno())


def recover_if_failed(path: Path) -> Salvaged | None:
    """What became of a store that has left word that it failed; None if there is none."""
    mark = mark_of(path)
    if not mark.exists():
        return None
    if not path.exists() and _last_aside(path) is None:  # somebody has taken it away
        mark.unlink()
        return None
    return recover(path, mark.read_text())


def recover(path: Path, reason: str) -> Salvaged:
    """Move the store at ``path`` aside and put a copy, or what is left, in its place.

    Blocks for as long as it takes to read it. Whatever interrupts it, the next opening begins again.
    """
    fresh = path.with_name(path.name + ".recovering")
    _remove(fresh)
    found = Salvaged(_quarantine(path), reason)
    source = apsw.Connection(str(found.quarantined), flags=apsw.SQLITE_OPEN_READONLY)
    source.set_busy_timeout(5000)
    try:
        found.sound = _is_sound(source)
        target = open_connection(fresh)
        try:
            if found.sound:
                with target.backup("main", source, "main") as backup:
                    backup.step()
            else:
                prepare(target, fresh)
                target.execute("begin immediate")
                _Salvage(source, target, found).run()
                target.execute("commit")
            target.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
        finally:
            target.close()
    finally:
        source.close()
    _remove(fresh, main=False)
    fresh.rename(path)
    _flush_folder(path.parent)
    mark_of(path).unlink(missing_ok=True)
    return found


def _quarantine(path: Path) -> Path:
    """Move the file and its WAL aside, under the first number that is free."""
    if not path.exists():  # an earlier attempt came no further than this
        last = _last_aside(path)
        if last is None:
            raise JournalError(f"{path} has failed, and is not there any more")
        return last
    aside = next(each for each in _asides(path) if not each.exists())
    # The WAL first: without it the file is an older state, and would be taken for the whole.
    wal = path.with_name(path.name + "-wal")
    if wal.exists():
        wal.rename(aside.with_name(aside.name + "-wal"))
    path.rename(aside)
    path.with_name(path.name + "-shm").unlink(missing_ok=True)
    _flush_folder(path.parent)
    return aside


def _asides(path: Path) -> Iterator[Path]:
    return (path.with_name(f"{path.name}.quarantined-{number}") for number in count(1))


def _last_aside(path: Path) -> Path | None:
    """The last file that was moved aside."""
    last = None
    for aside in _asides(path):
        if not aside.exists():
            return last
        last = aside
    return last


def _is_sound(source: apsw.Connection) -> bool:
    """Whether every page and every row can be read, and what they say agrees."""
    try:
        if source.execute("pragma integrity_check").get != "ok":
            return False
        for (table,) in source.execute("select name from sqlite_schema where type = 'table'").fetchall():
            for _ in source.execute(f"select * from {table}"):  # noqa: S608 - out of the schema
                pass
    except apsw.Error:
        return False
    return True


class _Salvage:
    """From a damaged file into a new one."""

    def __init__(self, source: apsw.Connection, target: apsw.Connection, found: Salvaged) -> None:
        self._source = source
        self._read: Callable[..., Any] = source.execute
        self._execute: Callable[..., Any] = target.execute
        self._found = found
        self._alone: dict[int, str] = {}

    def run(self) -> None:
        """Everything, data set by data set."""
        if not all(self._copy_names(table) for table in _NAMES):
            # Without the names of streams a dot means nothing: all begins anew, as on a lost disk.
            for table in _NAMES:
                self._execute(f"delete from {table}")  # noqa: S608 - out of the list above
            return
        columns = "number, id, name, lane, members, joining, epoch, dropped"
        for row in self._execute(f"select {columns} from data_sets").fetchall():  # noqa: S608
            self._data_set(*row)
        for table, key in _ROWS_OF_DATA_SET.items():
            self._copy_rows(table, key)
        for number in self._alone:
            self._count(number)

    def _copy_names(self, table: str) -> bool:
        try:
            rows = self._read(f"select * from {table}").fetchall()  # noqa: S608 - out of the list above
        except apsw.Error as error:
            self._found.lost.append(f"the table {table}, and all that needs it ({error})")
            return False
        for row in rows:
            places = ",".join("?" * len(row))
            self._execute(f"insert into {table} values ({places})", row)  # noqa: S608
        return True

    def _data_set(
        self, number: int, id_: str, name: str, lane: str, members: str, joining: str, epoch: int, dropped: int
    ) -> None:
        execute = self._execute
        execute("update data_sets set items = 0, bytes = 0, digests = null where number = ?", (number,))
        if dropped:
            return
        holders = [holder for holder in (*members.split(","), *joining.split(",")) if holder]
        if Lane(lane) in PULLED and len(holders) > 1:
            self._tail(number, f"{name} ({id_})")
            execute(
                "insert into joins (data_set, state) values (?, ?)", (number, pack_join(Join(Phase.DRAINING, epoch)))
            )
        elif Lane(lane) in (*PULLED, Lane.LOCAL):
            self._alone[number] = f"{name} ({id_})"
        else:  # the lane sync: this region comes back as one that has lost its disk
            execute("delete from streams where data_set = ?", (number,))
            execute("delete from data_sets where number = ?", (number,))

    def _tail(self, number: int, name: str) -> None:
        """Of each own stream what nobody else is known to have, up to the first record that cannot be read."""
        execute = self._execute
        own = {incarnation for (incarnation,) in execute("select incarnation from incarnations")}
        columns = "select id, region, incarnation, applied from streams where data_set = ?"
        for stream, region, incarnation, applied in execute(columns, (number,)).fetchall():
            elsewhere = execute("select max(sequence) from acknowledgements where stream = ?", (stream,)).get or 0
            first, last = applied + 1, applied
            if incarnation in own and elsewhere < applied:
                first = elsewhere + 1
                last = self._records(stream, first, applied)
                if last < applied:
                    self._found.lost.append(
                        f"{name}: records {last + 1} to {applied} of {region} ({incarnation}), which no other region "
                        "has said that it has"
                    )
            log_bytes = execute(
                "select coalesce(sum(length(record)), 0) from log where dot > ? and dot <= ?",
                (stream << SEQUENCE_BITS, stream << SEQUENCE_BITS | last),
            ).get
            execute(
                "update streams set applied = ?, floor = ?, log_bytes = ? where id = ?",
                (last, min(first, last + 1), log_bytes, stream),
            )

    def _records(self, stream: int, first: int, applied: int) -> int:
        """Copy the records of a stream from ``first`` on; the last before one that cannot be read."""
        for sequence in range(first, applied + 1):
            dot = stream << SEQUENCE_BITS | sequence
            try:
                record = self._read("select record from log where dot = ?", (dot,)).get
            except apsw.Error:
                record = None
            if record is None:
                return sequence - 1
            self._execute("insert into log values (?, ?)", (dot, record))
            self._found.records += 1
        return applied

    def _copy_rows(self, table: str, key: str) -> None:
        """The rows of data sets that no other region has, as far as they can be read."""

        def lost(after: int, until: int | None) -> None:
            span = f"from {after + 1} on" if until is None else f"{after + 1} to {until - 1}"
            owners = ", ".join(self._alone.values())
            self._found.lost.append(f"rows {span} of the table {table}, as far as they were of {owners}")

        if not self._alone:
            return
        for row in _readable(self._source, table, key, lost):
            if row[1] in self._alone:
                places = ",".join("?" * len(row))
                # Of two rows that claim one place in a damaged file, the first one stands.
                self._execute(f"insert or ignore into {table} values ({places})", row)  # noqa: S608

    def _count(self, number: int) -> None:
        counts = "select count(*), coalesce(sum(length(key) + length(value)), 0) from items where data_set = ? and "
        items, size_bytes = self._execute(f"{counts} value is not null", (number,)).get
        self._execute("update data_sets set items = ?, bytes = ? where number = ?", (items, size_bytes, number))
        # Its log is for nobody; a member that is added takes a snapshot.
        self._execute("update streams set floor = applied + 1, log_bytes = 0 where data_set = ?", (number,))


def _readable(
    source: apsw.Connection, table: str, key: str, lost: Callable[[int, int | None], None]
) -> Iterator[tuple[Any, ...]]:
    """Rows in the order of their key. Beyond a page that cannot be read the search goes on in ever longer steps."""
    after, step = -1 << 62, 0
    columns = _columns(source, table, key)
    while True:
        rows: list[tuple[Any, ...]] = []
        start = after + step
        try:
            query = f"select {columns} from {table} where {key} > ? order by {key} limit {_SLICE_ROWS}"  # noqa: S608
            cursor: Iterator[tuple[Any, ...]] = source.execute(query, (start,))
            rows.extend(cursor)  # what came before an error stays
        except apsw.Error:
            if not rows:
                if step > 1 << 41:
                    lost(after, None)
                    return
                after = max(after, 0) if not step else after
                step = max(1, step * 2)
                continue
        else:
            if not rows:
                return
        if step:
            lost(after, rows[0][0])
            step = 0
        for row in rows:
            yield row[1:]
        after = rows[-1][0]


def _columns(source: apsw.Connection, table: str, key: str) -> str:
    names = [name for _, name, *_ in source.execute(f"pragma table_info({table})")]
    return ", ".join([key, *names])


def _remove(path: Path, *, main: bool = True) -> None:
    for suffix in ("", "-wal", "-shm") if main else ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
