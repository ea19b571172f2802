"""A region's disk: a store's file that outlives its processes, the ways in which it fails, and what is on it."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from terrella.journal import (
    SEQUENCE_BITS,
    SEQUENCE_MASK,
    ConflictRecord,
    Dot,
    Origin,
    Version,
    decode_record,
    unpack_dots,
)

Place = tuple[str, Origin]  # a data set and an origin


@dataclass(slots=True)
class StoredDataSet:
    """One data set as it lies on a disk; ``under_way`` says that its region is joining or leaving it."""

    number: int
    lane: str
    dropped: bool
    counted: tuple[int, int]
    under_way: bool
    items: dict[bytes, Version] = field(default_factory=dict)
    conflicts: dict[Dot, ConflictRecord] = field(default_factory=dict)
    late: dict[Dot, ConflictRecord] = field(default_factory=dict)
    applied: dict[Origin, int] = field(default_factory=dict)
    floors: dict[Origin, int] = field(default_factory=dict)
    log: dict[Origin, dict[int, bytes]] = field(default_factory=dict)
    parked: set[Dot] = field(default_factory=set)
    indexes: dict[str, set[tuple[bytes, bytes]]] = field(default_factory=dict)


class Disk:
    """A file. ``image`` is what a backup of it holds; ``replace`` puts an old one (or nothing) in its place."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "journal.db"
        self._folder = folder
        folder.mkdir()

    @property
    def exists(self) -> bool:
        """Whether there is anything."""
        return self.path.exists()

    def image(self) -> bytes | None:
        """What is committed, as a file."""
        if not self.exists:
            return None
        with _Reading(self.path) as connection:
            image: bytes = connection.serialize("main")
        return image

    def replace(self, image: bytes | None) -> None:
        """The disk is another one now."""
        shutil.rmtree(self._folder)
        self._folder.mkdir()
        if image is not None:
            self.path.write_bytes(image)

    def applied(self) -> dict[Place, int]:
        """How far each origin's records are here."""
        if not self.exists:
            return {}
        with _Reading(self.path) as connection:
            if not connection.execute("select count(*) from sqlite_schema where name = 'streams'").get:
                return {}
            rows = connection.execute(
                "select d.id, s.region, s.incarnation, s.applied from streams s "
                "join data_sets d on d.number = s.data_set"
            ).fetchall()
        return {(data_set, (region, incarnation)): applied for data_set, region, incarnation, applied in rows}

    def contents(self) -> dict[str, StoredDataSet]:
        """Everything."""
        return contents_of(self.path) if self.exists else {}


class Watch:
    """Looks at a disk after each commit, for what its region has written itself."""

    def __init__(self, disk: Disk, region: str) -> None:
        self._connection = apsw.Connection(str(disk.path))
        self._region = region
        self._read: dict[int, int] = {}

    def moving(self) -> set[str]:
        """The data sets which the region is joining, or leaving, or taking in anew."""
        rows: Any = self._connection.execute("select d.id from joins j join data_sets d on d.number = j.data_set")
        return {id_ for (id_,) in rows}

    def news(self) -> list[tuple[str, Dot, bytes]]:
        """The region's own records since the last time."""
        found = []
        streams: Any = self._connection.execute(
            "select s.id, d.id, s.incarnation, s.applied from streams s join data_sets d on d.number = s.data_set "
            "where s.region = ?",
            (self._region,),
        ).fetchall()
        for id_, data_set_id, incarnation, applied in streams:
            read = self._read.get(id_, 0)
            if applied <= read:
                continue
            self._read[id_] = applied
            for packed, record in self._connection.execute(
                "select dot, record from log where dot > ? and dot <= ?",
                (id_ << SEQUENCE_BITS | read, id_ << SEQUENCE_BITS | applied),
            ):
                found.append((data_set_id, Dot(self._region, incarnation, packed & SEQUENCE_MASK), record))
        return found

    def close(self) -> None:
        """Look no more."""
        self._connection.close()


class _Reading:
    """A connection of our own, for as long as it is needed."""

    def __init__(self, path: Path) -> None:
        self._connection = apsw.Connection(str(path))

    def __enter__(self) -> Any:
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()


def contents_of(path: Path) -> dict[str, StoredDataSet]:
    """Everything in a store's file, read without the journal's own code."""
    with _Reading(path) as connection:
        if not connection.execute("select count(*) from sqlite_schema where name = 'streams'").get:
            return {}
        return _read(connection.execute)


def _read(execute: Callable[..., Any]) -> dict[str, StoredDataSet]:
    by_number: dict[int, StoredDataSet] = {}
    found: dict[str, StoredDataSet] = {}
    for number, id_, lane, items, bytes_, dropped, joins in execute(
        "select number, id, lane, items, bytes, dropped, (select count(*) from joins where data_set = number) "
        "from data_sets"
    ):
        found[id_] = by_number[number] = StoredDataSet(number, lane, bool(dropped), (items, bytes_), joins > 0)
    streams: dict[int, tuple[StoredDataSet, Origin]] = {}
    for id_, number, region, incarnation, applied, floor in execute(
        "select id, data_set, region, incarnation, applied, floor from streams"
    ):
        origin = (region, incarnation)
        data_set = by_number[number]
        streams[id_] = (data_set, origin)
        data_set.applied[origin], data_set.floors[origin], data_set.log[origin] = applied, floor, {}

    def dot(packed: int) -> Dot:
        return Dot(*streams[packed >> SEQUENCE_BITS][1], packed & SEQUENCE_MASK)

    for packed, record in execute("select dot, record from log"):
        data_set, origin = streams[packed >> SEQUENCE_BITS]
        data_set.log[origin][packed & SEQUENCE_MASK] = record
    for number, key, value, packed, hlc, context, ended in execute(
        "select data_set, key, value, dot, hlc, context, expires from items"
    ):
        seen = [dot(other) for other in unpack_dots(context)] if context is not None else []
        vector = {other.origin: other.sequence for other in seen}
        version = Version(value, dot(packed), hlc, vector, None if ended is None else dot(ended))
        by_number[number].items[key] = version
    for packed, number, record in execute("select loser, data_set, record from conflicts"):
        entry = decode_record(record)
        assert isinstance(entry, ConflictRecord)
        # Of a data set that was dropped: what came too late.
        place = by_number[number].conflicts if number > 0 else by_number[-number].late
        place[dot(packed)] = entry
    for number, packed in execute("select data_set, dot from parked"):
        by_number[number].parked.add(dot(packed))
    for number, name, index_key, key in execute(
        "select i.data_set, i.name, e.index_key, e.key from indexes i left join index_entries e on e.number = i.number "
        "where i.ready and i.data_set"
    ):
        entries = by_number[number].indexes.setdefault(name, set())
        if key is not None:
            entries.add((index_key, key))
    return found
