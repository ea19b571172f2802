"""What must hold, as objects of their own; named after the rules of replication that they check.

``at_crash`` judges what lies on one disk at the moment when its process died; ``at_end`` the whole world after it has
healed. Each answers the violations that it finds, as sentences; none means that all is well. All of them go by the
history and the bare contents of disks, never by the journal's own code.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from terrella.journal import NOTHING, DataSet, Dot, Lane, Version, WriteRecord, decode_record
from terrella.kernel import SKEW_BOUND_MS, hlc_milliseconds
from terrella.testing.simulation.disk import StoredDataSet
from terrella.testing.simulation.history import History, Operation, Write, causes_of, name, rank
from terrella.testing.simulation.schema import EXPIRES, Schema

Contents = Mapping[str, StoredDataSet]


@dataclass(slots=True)
class Evidence:
    """What the checkers go by: the data sets that still exist, and each region's disk."""

    history: History
    data_sets: dict[str, DataSet]
    disks: dict[str, dict[str, StoredDataSet]] = field(default_factory=dict)
    clocks_max_ms: dict[str, int] = field(default_factory=dict)
    destroyed: set[str] = field(default_factory=set)
    schemas: dict[str, dict[str, Schema]] = field(default_factory=dict)
    snapshots_excused: bool = True

    def replicas(self, data_set: DataSet) -> list[tuple[str, StoredDataSet]]:
        """Each member's disk."""
        return [(member, self.disks[member][data_set.id]) for member in data_set.members]

    @property
    def replicated(self) -> list[DataSet]:
        """The data sets of which members hold equal copies."""
        return [data_set for data_set in self.data_sets.values() if data_set.lane in (Lane.ASYNC, Lane.BATCH)]


class Checker:
    """One rule."""

    def at_crash(self, evidence: Evidence, region: str, contents: Contents) -> Iterator[str]:
        """What is wrong on the disk of a region that has just died."""
        yield from ()

    def at_end(self, evidence: Evidence) -> Iterator[str]:
        """What is wrong with the healed world."""
        yield from ()


class Durability(Checker):
    """I1: every acknowledged write is, on every member, current, covered by what is current, or in the conflict log.

    Excused only by the destruction of the last disk that held it.
    """

    def at_end(self, evidence: Evidence) -> Iterator[str]:
        """Acknowledged writes that are lost without a trace."""
        for data_set in evidence.replicated:
            # What is stranded with a region that was evicted and came back has been taken over.
            lost = evidence.history.lost.get(data_set.id, ())
            known = evidence.history.writes.get(data_set.id, {})
            writes = [write for dot, write in known.items() if write.acknowledged and dot not in lost]
            for region, stored in evidence.replicas(data_set):
                for write in writes:
                    if not _accounted(evidence.history, data_set.id, stored, write.key, write.version.dot):
                        what = f"{name(write.version.dot)} of {write.key!r}"
                        yield f"I1: the acknowledged write {what} is lost in {region}"

    def at_crash(self, evidence: Evidence, region: str, contents: Contents) -> Iterator[str]:
        """Items of data sets that are not replicated: the last acknowledged value, or one that was asked for later."""
        if region in evidence.destroyed:
            return
        for data_set in evidence.data_sets.values():
            stored = contents.get(data_set.id)
            if data_set.lane is Lane.LOCAL and stored is not None and not stored.dropped:
                yield from self._local(evidence, region, data_set, stored)

    def _local(self, evidence: Evidence, region: str, data_set: DataSet, stored: StoredDataSet) -> Iterator[str]:
        possible: dict[bytes, list[Operation]] = {}
        for (data_set_id, owner, _), operations in evidence.history.operations.items():
            if (data_set_id, owner) != (data_set.id, region):
                continue
            for operation in operations:
                if not operation.failed:
                    candidates = possible.setdefault(operation.key, [])
                    if operation.answered:
                        candidates.clear()
                    candidates.append(operation)
        for key, candidates in possible.items():
            version = stored.items.get(key)
            value = version.value if version else None
            if value is None and any(EXPIRES in (operation.value or b"") for operation in candidates):
                continue
            if value not in [operation.value for operation in candidates] and (value or candidates[0].answered):
                yield f"I1: {region} holds {value!r} at {key!r} of the local {data_set.name}"


class Convergence(Checker):
    """I2: replicas are equal, and hold the maximum over all writes to each key; counters agree with items."""

    def at_end(self, evidence: Evidence) -> Iterator[str]:
        """Replicas that differ from each other or from the oracle."""
        for data_set in evidence.replicated:
            replicas = evidence.replicas(data_set)
            yield from self._equal(data_set, replicas)
            for key, writes in evidence.history.by_key(data_set.id).items():
                expected = writes[-1].version
                for region, stored in replicas:
                    yield from self._maximum(region, key, stored.items.get(key), expected)
        for region, contents in evidence.disks.items():
            yield from self._counters(region, contents)

    def at_crash(self, evidence: Evidence, region: str, contents: Contents) -> Iterator[str]:
        """Counters that disagree with what is counted."""
        yield from self._counters(region, contents)

    def _equal(self, data_set: DataSet, replicas: list[tuple[str, StoredDataSet]]) -> Iterator[str]:
        if not replicas:
            return
        first, other = replicas[0]
        for region, stored in replicas[1:]:
            names = f"{region} and {first}"
            if _vector(stored) != _vector(other):
                yield f"I2: {names} have not applied the same of {data_set.name}"
            elif _live(stored) != _live(other):
                here, there = _live(stored), _live(other)
                keys = sorted(key for key in {*here, *there} if here.get(key) != there.get(key))
                yield f"I2: {names} have applied the same of {data_set.name} and differ in {keys}"
            elif stored.conflicts != other.conflicts:
                yield f"I2: {names} have applied the same of {data_set.name} and differ in their conflict logs"

    def _maximum(self, region: str, key: bytes, stored: Version | None, expected: Version) -> Iterator[str]:
        if stored is None and expected.value is None:
            return  # a tombstone that was dropped
        if stored is None:
            yield f"I2: {region} holds nothing at {key!r}; the maximum is {name(expected.dot)}"
        elif (stored.dot, stored.hlc, stored.value) != (expected.dot, expected.hlc, expected.value):
            yield f"I2: {region} holds {name(stored.dot)} at {key!r}; the maximum is {name(expected.dot)}"

    def _counters(self, region: str, contents: Contents) -> Iterator[str]:
        for data_set_id, stored in contents.items():
            if stored.dropped:
                continue
            live = {key: version.value for key, version in stored.items.items() if version.value is not None}
            counted = (len(live), sum(len(key) + len(value) for key, value in live.items()))
            if counted != stored.counted:
                yield f"R2: {region} counts {stored.counted} in {data_set_id}, where {counted} are"


class Cursors(Checker):
    """I3: of every origin, all that the cursor covers is durable here; no dot names two contents."""

    def at_crash(self, evidence: Evidence, region: str, contents: Contents) -> Iterator[str]:
        """Records that the cursor covers and that are neither in the log nor below its floor, or had no effect."""
        for data_set in evidence.replicated:
            stored = contents.get(data_set.id)
            if stored is not None and not stored.dropped and not stored.under_way:
                yield from self._holes(evidence.history, region, data_set, stored)

    def at_end(self, evidence: Evidence) -> Iterator[str]:
        """The same of every disk, and what the observer found contradictory."""
        yield from evidence.history.contradictions
        for region, contents in evidence.disks.items():
            yield from self.at_crash(evidence, region, contents)

    def _holes(self, history: History, region: str, data_set: DataSet, stored: StoredDataSet) -> Iterator[str]:
        records = history.records.get(data_set.id, {})
        for origin, applied in stored.applied.items():
            log = stored.log[origin]
            expected = set(range(stored.floors[origin], applied + 1))
            if log.keys() != expected:
                floor = stored.floors[origin]
                yield (f"I3: {region} has {sorted(log)} of {origin[0]}; its floor is {floor}, and {applied} is applied")
            for sequence in range(1, applied + 1):
                data = log.get(sequence) or records.get(Dot(*origin, sequence))
                if data is None:
                    yield f"I3: {region} counts record {sequence} of {origin[0]} as applied, which nobody ever wrote"
                    continue
                record = decode_record(data)
                dot = Dot(*origin, sequence)
                if isinstance(record, WriteRecord) and not _accounted(history, data_set.id, stored, record.key, dot):
                    yield f"I3: {region} has applied {name(dot)} of {record.key!r} without effect"


class ConflictLog(Checker):
    """I4: a write that its key's final version has not seen is in every log, or seen by one that is.

    No entry is false: its loser was truly unseen by its winner.
    """

    def at_end(self, evidence: Evidence) -> Iterator[str]:
        """Writes that were overwritten unseen and unlogged, and entries whose loser was seen."""
        for data_set in evidence.replicated:
            grouped = evidence.history.by_key(data_set.id)
            # What was lost with the last disk may have been somebody's conflict before.
            everything = evidence.history.by_key(data_set.id, lost=True)
            causes = {dot: seen for writes in everything.values() for dot, seen in causes_of(writes).items()}
            by_dot = evidence.history.writes.get(data_set.id, {})
            for region, stored in evidence.replicas(data_set):
                yield from self._false_entries(region, stored, by_dot, causes)
                for key, writes in grouped.items():
                    final = writes[-1].version.dot
                    accounted = {final} | causes[final]
                    for write in writes:
                        if write.version.dot in stored.conflicts:
                            accounted |= {write.version.dot} | causes[write.version.dot]
                    for deletion in _forgotten(evidence, writes, accounted):
                        accounted |= {deletion} | causes[deletion]
                    for write in writes:
                        if write.version.dot not in accounted and write.version.expires is None:
                            yield f"I4: {name(write.version.dot)} of {key!r} lost unseen, and {region} has no entry"

    def _false_entries(
        self, region: str, stored: StoredDataSet, by_dot: dict[Dot, Write], causes: dict[Dot, set[Dot]]
    ) -> Iterator[str]:
        for entry in stored.conflicts.values():
            loser, winner = by_dot.get(entry.loser.version.dot), by_dot.get(entry.winner.version.dot)
            names = f"{name(entry.loser.version.dot)} as unseen by {name(entry.winner.version.dot)}"
            if loser is not None and entry.winner.version.dot == NOTHING.dot:
                continue  # it was drained, and there was nothing (any more)
            if loser is None or winner is None:
                yield f"I4: {region} logs {names}, of which nobody wrote one"
            elif loser.version.dot in causes[winner.version.dot] or loser.rank > winner.rank:
                yield f"I4: {region} logs {names}"
            elif (entry.loser.value, entry.winner.value) != (loser.version.value, winner.version.value):
                yield f"I4: {region} logs {names}, with other values than were written"


class Visibility(Checker):
    """I5: nothing answered or shipped is undone by a crash; a client sees its own acknowledged write."""

    def at_crash(self, evidence: Evidence, region: str, contents: Contents) -> Iterator[str]:
        """Answered writes that are not on the disk, and records that were served and are not there any more."""
        history = evidence.history
        for (data_set_id, owner, _), operations in history.operations.items():
            stored = contents.get(data_set_id)
            if owner != region or stored is None or stored.dropped or stored.lane == Lane.LOCAL:
                continue
            for operation in operations:
                if operation.failed and operation.dot is not None:
                    yield f"I5: {region} answered that {operation.value!r} was not written; {name(operation.dot)} is"
                if operation.answered and operation.dot is None:
                    yield f"I5: {region} answered the write of {operation.value!r}, which is not on its disk"
        for (data_set_id, origin), sequence in history.shipped.get(region, {}).items():
            stored = contents.get(data_set_id)
            if stored is None or stored.dropped or (region, data_set_id) in history.moved:
                continue
            if stored.applied.get(origin, 0) < sequence:
                yield f"I5: {region} served record {sequence} of {origin[0]}, which is not on its disk"

    def at_end(self, evidence: Evidence) -> Iterator[str]:
        """The same of every disk; and answers that show what was never committed."""
        history = evidence.history
        for region, contents in evidence.disks.items():
            yield from self.at_crash(evidence, region, contents)
        for answer in history.answers:
            if answer.data_set_id not in {data_set.id for data_set in evidence.replicated}:
                continue
            dot = answer.version.dot
            write = history.writes.get(answer.data_set_id, {}).get(dot)
            if write is None or (write.key, write.version.value) != (answer.key, answer.version.value):
                yield f"I5: a client of {answer.region} was shown {name(dot)} of {answer.key!r}, never committed so"
        for operation, stored in history.own_reads:
            if operation.dot is None or operation.data_set_id not in evidence.data_sets:
                continue
            if stored is None:
                # By the time of the answer it may have been deleted, or lost to a deletion, and that be forgotten.
                later = [write.version for write in history.by_key(operation.data_set_id).get(operation.key, ())]
                own = next((rank(one) for one in later if one.dot == operation.dot), None)
                excused = any(
                    one.value is None and (_has_seen(one, operation.dot) or own is None or rank(one) > own)
                    for one in later
                )
            else:
                excused = _has_seen(stored, operation.dot)
            if not excused:
                yield f"I5: a client of {operation.region} did not see its own {name(operation.dot)}"


class Transactions(Checker):
    """Rule 12: where they are written, the items of a transaction are committed together."""

    def at_crash(self, evidence: Evidence, region: str, contents: Contents) -> Iterator[str]:
        """Operations of which a part is on the disk."""
        for (data_set_id, owner, _), operations in evidence.history.operations.items():
            stored = contents.get(data_set_id)
            if owner != region or stored is None or stored.dropped or stored.lane == Lane.LOCAL:
                continue
            for operation in operations:
                if len({other.dot is None for other in operation.together if other.data_set_id == data_set_id}) > 1:
                    yield f"RC: {region} has committed a part of the transaction that wrote {operation.value!r}"


class Indexes(Checker):
    """Rule 14: every index holds what it would hold if it were made anew."""

    def at_end(self, evidence: Evidence) -> Iterator[str]:
        """Entries that are missing, or of what is no more."""
        for region, schemas in evidence.schemas.items():
            for data_set_id, schema in schemas.items():
                stored = evidence.disks[region].get(data_set_id)
                if stored is not None and not stored.dropped and not stored.under_way:
                    yield from self._indexes(region, schema, stored)

    def _indexes(self, region: str, schema: Schema, stored: StoredDataSet) -> Iterator[str]:
        expected: dict[str, set[tuple[bytes, bytes]]] = {index: set() for index in schema.indexes}
        for key, version in stored.items.items():
            for index, index_key in schema.entries(key, version.value) if version.value is not None else ():
                expected[index].add((index_key, key))
        for index, entries in expected.items():
            if stored.indexes.get(index, set()) != entries:
                odd = sorted(stored.indexes.get(index, set()) ^ entries)
                yield f"RE: the index {index} of {region} differs from its items at {odd}"


class Clocks(Checker):
    """Rule 4: a write is later than what it replaced, and a wrong clock elsewhere does not move a region's own."""

    def at_end(self, evidence: Evidence) -> Iterator[str]:
        """Writes with a time that they may not have."""
        for data_set in evidence.replicated:
            for writes in evidence.history.by_key(data_set.id).values():
                for write in writes:
                    replaced = [other.version.hlc for other in writes if other is not write and write.applied(other)]
                    yield from self._time(evidence, data_set.id, write, max(replaced, default=0))

    def _time(self, evidence: Evidence, data_set_id: str, write: Write, replaced: int) -> Iterator[str]:
        dot, hlc = write.version.dot, write.version.hlc
        if write.version.expires is not None:
            ended = evidence.history.versions[data_set_id][write.key].get(write.version.expires)
            if ended is None or ended.hlc != hlc:
                yield f"RB: {name(dot)} of {write.key!r} has not the time of what it ends"
            return
        if write.operation is None:
            return  # taken over from a region that was drained, with its time
        if hlc <= replaced:
            yield f"R4: {name(dot)} of {write.key!r} is not later than what it replaced"
        bound_ms = evidence.clocks_max_ms[dot.region] + SKEW_BOUND_MS
        if hlc_milliseconds(hlc) > max(bound_ms, hlc_milliseconds(replaced) + 1):
            yield f"R4: {name(dot)} of {write.key!r} follows a clock beyond the bound"


class Trimming(Checker):
    """Rule 18: where no disk, no log and no member is given up, nobody ever needs a snapshot."""

    def at_end(self, evidence: Evidence) -> Iterator[str]:
        """Snapshots that were taken because records had gone too early: that heals, and costs time."""
        if not evidence.snapshots_excused:
            for region, data_set_id in sorted(evidence.history.moved):
                yield f"RT: {region} took a snapshot of {data_set_id}, although nothing was given up"


CHECKERS: tuple[Checker, ...] = (
    Durability(),
    Convergence(),
    Cursors(),
    ConflictLog(),
    Visibility(),
    Transactions(),
    Indexes(),
    Clocks(),
    Trimming(),
)


def _forgotten(evidence: Evidence, writes: list[Write], accounted: set[Dot]) -> list[Dot]:
    """Deletions that all had acknowledged, and forgotten, when a region wrote that had lost its disk, and them with it.

    What that region writes is later, and says so; that it had not seen them nobody can tell any more.
    """
    later = [
        write.rank
        for write in writes
        if write.version.dot in accounted and write.version.dot.region in evidence.destroyed
    ]
    latest = max(later, default=None)
    return [
        write.version.dot
        for write in writes
        if latest is not None and write.version.value is None and write.rank < latest
    ]


def _accounted(history: History, data_set_id: str, stored: StoredDataSet, key: bytes, dot: Dot) -> bool:
    """Whether a write is current, covered by what is current, in the conflict log, or gone with a dropped tombstone.

    Whether a tombstone was dropped too early shows in what comes to life again.
    """
    current = stored.items.get(key)
    if (current is not None and _has_seen(current, dot)) or dot in stored.conflicts or dot in stored.parked:
        return True
    versions = history.versions.get(data_set_id, {}).get(key, {})
    dropped = [
        version
        for version in versions.values()
        if version.value is None
        and stored.applied.get(version.dot.origin, 0) >= version.dot.sequence
        and (current is None or rank(current) > rank(version))
    ]
    logged = [version for version in versions.values() if version.dot in stored.conflicts]
    if dot in history.stranded.get(data_set_id, ()) and any(_has_seen(version, dot) for version in logged):
        return True  # what was taken over lost, and this was written over before that where it was written
    return bool(dropped) and any(_has_seen(version, dot) for version in (*dropped, *logged))


def _has_seen(version: Version, dot: Dot) -> bool:
    if version.dot.origin == dot.origin and version.dot.sequence >= dot.sequence:
        return True
    return version.context.get(dot.origin, 0) >= dot.sequence


def _live(stored: StoredDataSet) -> dict[bytes, tuple[Dot, int, bytes]]:
    return {k: (v.dot, v.hlc, v.value) for k, v in stored.items.items() if v.value is not None}


def _vector(stored: StoredDataSet) -> dict[tuple[str, str], int]:
    return {origin: applied for origin, applied in stored.applied.items() if applied}
