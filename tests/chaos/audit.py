"""Reads the stores of a stopped world, and judges them by the simulator's checkers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

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
from terrella.kernel import SystemClock
from terrella.testing import SeededIds
from terrella.testing.simulation import Convergence, Evidence, History, StoredDataSet, Write, contents_of

Records = dict[Dot, tuple[bytes, Version]]


class StoppedReplica:
    """One region's store, copied into memory: nothing is changed on its disk."""

    def __init__(self, path: Path, region: str, table: str) -> None:
        self.name = region
        self.contents: dict[str, StoredDataSet] = contents_of(path)
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

    def logged(self) -> Iterator[tuple[Dot, bytes]]:
        """Every record that the log still has; fails where it lacks one between its floor and its end."""
        for stream in self._state.streams.values():
            after = stream.floor - 1
            while after < stream.committed:
                for record in self._reader.log(stream, after, 1000, 1 << 20):
                    after += 1
                    yield Dot(*stream.origin, after), record


@dataclass(frozen=True, slots=True)
class Finding:
    """What an audit found: violations, and what there was to judge."""

    violations: list[str]
    writes: int
    conflicts: int
    incarnations: int


def audit(replicas: list[StoppedReplica], acknowledged: dict[str, str]) -> Finding:
    """Judge stopped, converged replicas by what clients were told (the name of each write, and its key)."""
    found: list[str] = []
    records = _records(replicas, found)
    history = History()
    data_set = replicas[0].data_set
    for dot, (key, version) in records.items():
        history.add(data_set.id, dot, Write(key, version, {}))
    disks = {replica.name: replica.contents for replica in replicas}
    found += Convergence().at_end(Evidence(history, {data_set.id: data_set}, disks))
    for replica in replicas:
        accounted = _accounted(replica, records)
        found += _lost(replica, records, acknowledged, accounted)
        found += [
            f"I4: {replica.name} has no entry for {_named(dot)}" for dot in sorted(set(records) - accounted, key=_named)
        ]
        found += [
            f"I4: {replica.name} logs {_named(one.loser.dot)} as unseen by {_named(one.winner.dot)}, which had seen it"
            for one in replica.conflicts()
            if one.winner.dot in records and _covered(records[one.winner.dot][1], one.loser.dot)
        ]
    logs = [{(one.loser.dot, one.winner.dot) for one in replica.conflicts()} for replica in replicas]
    found += [
        f"I4: {one.name}'s conflict log is another" for one, log in zip(replicas, logs, strict=True) if log != logs[0]
    ]
    origins = {dot.origin for dot in records}
    return Finding(found, len(records), len(logs[0]), len(origins))


def _accounted(replica: StoppedReplica, records: Records) -> set[Dot]:
    """Writes that are current, in the conflict log, or had been seen by one that is (contexts are transitive)."""
    witnesses: dict[bytes, list[Version]] = {}
    accounted = set()
    for conflict in replica.conflicts():
        accounted.add(conflict.loser.dot)
        if conflict.loser.dot in records:
            witnesses.setdefault(conflict.key, []).append(records[conflict.loser.dot][1])
    for key in {key for key, _ in records.values()}:
        if (stored := replica.stored(key)) is not None:
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


def _records(replicas: list[StoppedReplica], found: list[str]) -> Records:
    """Every write that any log still has; no dot may name two contents (I3)."""
    contents: dict[Dot, bytes] = {}
    for replica in replicas:
        for dot, content in replica.logged():
            if contents.setdefault(dot, content) != content:
                found.append(f"I3: {_named(dot)} has another content in {replica.name}")
    records: Records = {}
    for dot, content in contents.items():
        record = decode_record(content)
        if isinstance(record, WriteRecord):
            records[dot] = (record.key, written_version(record, dot))
    return records


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
