"""Reads the stores of a world while it runs and when it has stopped, and judges them by the promises I1 to I4."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import apsw
import msgspec

from terrella.journal import (
    Conflict,
    DataSet,
    Dot,
    Reader,
    Store,
    Vector,
    Version,
    declaring,
)
from terrella.journal.records import WriteRecord, decode_record, written_version
from terrella.journal.schema import SEQUENCE_BITS, SEQUENCE_MASK
from terrella.kernel import SystemClock
from terrella.testing import SeededIds

Records = dict[Dot, tuple[bytes, Version]]


class StoppedReplica:
    """One region's store, copied into memory: nothing is changed on its disk."""

    def __init__(self, path: Path, region: str, table: str) -> None:
        self.name = region
        memory = apsw.Connection(":memory:")
        disk = apsw.Connection(str(path))
        with memory.backup("main", disk, "main") as backup:
            backup.step()
        disk.close()
        self._store = Store(memory, region, SystemClock(), SeededIds(1))
        self._reader = Reader(memory, self._store)
        (self.data_set,) = [
            state.definition
            for state in self._store.catalog.data_sets.values()
            if state.definition.name == table and not state.dropped
        ]
        self._declare(self.data_set)
        self._state = self._store.catalog.declared(self.data_set.id)

    def _declare(self, data_set: DataSet) -> None:
        self._store.begin()
        for _ in declaring(self._store, data_set, None, None):
            pass
        self._store.flush()
        self._store.commit()
        self._store.committed()

    def stored(self, key: bytes) -> Version | None:
        """What is stored at a key, a tombstone included."""
        return self._reader.stored(self._state, key)

    def conflicts(self) -> list[Conflict]:
        """The conflict log."""
        return self._reader.conflicts(self._state, 10_000_000)

    def digest(self) -> str:
        """Everything that is stored, as a hash."""
        return self._reader.digest(self._state)

    def vector(self) -> Vector:
        """What is applied."""
        return self._state.vector


class LogTail:
    """Every record that was ever in a log: logs are cut, so they are read all the time, while the world runs."""

    def __init__(self, paths: dict[str, Path], table: str) -> None:
        self._paths = paths
        self._table = table
        self._last: dict[tuple[str, int], int] = {}
        self.contents: dict[Dot, bytes] = {}
        self.contradictions: list[str] = []

    def collect(self) -> None:
        """Read what is new in each region's file, as another reader beside its process."""
        for region, path in self._paths.items():
            if path.exists():
                self._collect(region, path)

    def _collect(self, region: str, path: Path) -> None:
        file = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READONLY)
        file.set_busy_timeout(2000)
        try:
            streams: Any = file.execute(
                "select s.id, s.region, s.incarnation from streams s join data_sets d on d.number = s.data_set "
                "where d.name = ?",
                (self._table,),
            ).fetchall()
            for stream, origin_region, incarnation in streams:
                after = self._last.get((region, stream), stream << SEQUENCE_BITS)
                rows: Any = file.execute(
                    "select dot, record from log where dot > ? and dot <= ? order by dot",
                    (after, stream << SEQUENCE_BITS | SEQUENCE_MASK),
                )
                for packed, content in rows:
                    dot = Dot(origin_region, incarnation, packed & SEQUENCE_MASK)
                    self._last[region, stream] = packed
                    if self.contents.setdefault(dot, content) != content:
                        self.contradictions.append(f"I3: {_named(dot)} has another content in {region}")
        finally:
            file.close()

    def writes(self) -> Records:
        """Every write."""
        records: Records = {}
        for dot, content in self.contents.items():
            record = decode_record(content)
            if isinstance(record, WriteRecord):
                records[dot] = (record.key, written_version(record, dot))
        return records


@dataclass(frozen=True, slots=True)
class Finding:
    """What an audit found: violations, and what there was to judge."""

    violations: list[str]
    writes: int
    conflicts: int
    incarnations: int


def audit(replicas: list[StoppedReplica], tail: LogTail, acknowledged: dict[str, str]) -> Finding:
    """Judge stopped, converged replicas by what clients were told (the name of each write, and its key)."""
    records = tail.writes()
    final: dict[bytes, Version] = {}
    for key, version in records.values():
        if key not in final or _rank(version) > _rank(final[key]):
            final[key] = version
    found = [*tail.contradictions, *_differences(replicas, final)]
    for replica in replicas:
        accounted = _accounted(replica, records, final)
        found += _lost(replica, records, acknowledged, accounted)
        found += [
            f"I4: {replica.name} has no entry for {_named(dot)}" for dot in sorted(set(records) - accounted, key=_named)
        ]
        found += [
            f"I4: {replica.name} logs {_named(one.loser.dot)} as unseen by {_named(one.winner.dot)}, which had seen it"
            for one in replica.conflicts()
            if one.winner is not None
            and one.winner.dot in records
            and _covered(records[one.winner.dot][1], one.loser.dot)
        ]
    logs = [{(one.loser.dot, one.winner and one.winner.dot) for one in replica.conflicts()} for replica in replicas]
    found += [
        f"I4: {one.name}'s conflict log is another" for one, log in zip(replicas, logs, strict=True) if log != logs[0]
    ]
    origins = {dot.origin for dot in records}
    return Finding(found, len(records), len(logs[0]), len(origins))


def _differences(replicas: list[StoppedReplica], final: dict[bytes, Version]) -> Iterator[str]:
    """I2: replicas are equal, and hold the greatest write to each key; a tombstone may be gone."""
    for replica in replicas[1:]:
        if replica.vector() != replicas[0].vector():
            yield f"I2: {replica.name} and {replicas[0].name} have not applied the same"
        elif replica.digest() != replicas[0].digest():
            yield f"I2: {replica.name} and {replicas[0].name} have applied the same and differ"
    for replica in replicas:
        for key, expected in final.items():
            stored = replica.stored(key)
            if stored is None and expected.value is None:
                continue
            if stored is None or (stored.dot, stored.hlc, stored.value) != (expected.dot, expected.hlc, expected.value):
                holds = "nothing" if stored is None else _named(stored.dot)
                yield f"I2: {replica.name} holds {holds} at {key!r}; the maximum is {_named(expected.dot)}"


def _accounted(replica: StoppedReplica, records: Records, final: dict[bytes, Version]) -> set[Dot]:
    """Writes that are current, in the conflict log, or had been seen by one that is (contexts are transitive)."""
    witnesses: dict[bytes, list[Version]] = {}
    accounted = set()
    for conflict in replica.conflicts():
        accounted.add(conflict.loser.dot)
        if conflict.loser.dot in records:
            witnesses.setdefault(conflict.key, []).append(records[conflict.loser.dot][1])
    for key, expected in final.items():
        # A tombstone that is gone had seen what its record says.
        stored = replica.stored(key) or (expected if expected.value is None else None)
        if stored is not None:
            witnesses.setdefault(key, []).append(stored)
    for dot, (key, _) in records.items():
        if any(_covered(witness, dot) for witness in witnesses.get(key, ())):
            accounted.add(dot)
    return accounted


def _lost(
    replica: StoppedReplica, records: Records, acknowledged: dict[str, str], accounted: set[Dot]
) -> Iterator[str]:
    by_name = {name: dot for dot, (_, version) in records.items() if (name := _name(version))}
    for name, key in acknowledged.items():
        dot = by_name.get(name)
        if dot is None:
            yield f"I1: the acknowledged write {name} of {key} is in no log"
        elif dot not in accounted:
            yield f"I1: the acknowledged write {name} of {key} is lost in {replica.name}"


def _rank(version: Version) -> tuple[int, str, str, int]:
    return (version.hlc, version.dot.region, version.dot.incarnation, version.dot.sequence)


def _covered(version: Version, dot: Dot) -> bool:
    if version.dot.origin == dot.origin:
        return version.dot.sequence >= dot.sequence
    return version.context.get(dot.origin, 0) >= dot.sequence


def _name(version: Version) -> str | None:
    if version.value is None:
        return None
    name: str | None = msgspec.json.decode(version.value).get("write", {}).get("S")
    return name


def _named(dot: Dot) -> str:
    return f"{dot.region}/{dot.incarnation[:4]}#{dot.sequence}"
