"""What happened in a simulated world, as an omniscient and simple-minded observer wrote it down.

A disk is looked at after each commit, for what its region wrote itself, and wholly when its region dies and at the end.
The history is the union of what was seen, beside what clients and peers were told meanwhile.
"""

from dataclasses import dataclass, field

from terrella.journal import Dot, Origin, Vector, Version, WriteRecord, decode_record, written_version
from terrella.testing.simulation.disk import Place, StoredDataSet


@dataclass(slots=True, eq=False)
class Operation:
    """One item's write as a client asked for it.

    ``seen`` is all that was held in its region when it was judged, ``unseen`` what of that was parked. ``together`` are
    the writes of the same transaction.
    """

    region: str
    data_set_id: str
    key: bytes
    value: bytes | None
    seen: Vector
    unseen: set[Dot] = field(default_factory=set)
    together: "list[Operation]" = field(default_factory=list)
    answered: bool = False
    failed: bool = False
    dot: Dot | None = None


@dataclass(slots=True)
class Write:
    """One committed write. ``seen`` is what was applied in its region before it, of every key."""

    key: bytes
    version: Version
    seen: Vector
    operation: Operation | None = None

    @property
    def acknowledged(self) -> bool:
        """Whether its client was told that it is durable."""
        return self.operation is not None and self.operation.answered

    def applied(self, other: "Write") -> bool:
        """Whether the other write was applied in this one's region before it."""
        dot = other.version.dot
        if self.operation is not None and dot in self.operation.unseen:
            return False
        return self.seen.get(dot.origin, 0) >= dot.sequence

    @property
    def rank(self) -> "Rank":
        """What last-writer-wins goes by."""
        return rank(self.version)


@dataclass(slots=True)
class Answer:
    """A version that a client was shown."""

    region: str
    data_set_id: str
    key: bytes
    version: Version


Rank = tuple[int, str, str, int, bool, str, str, int]


class History:
    """Every record, every write, every promise."""

    def __init__(self) -> None:
        self.records: dict[str, dict[Dot, bytes]] = {}
        self.versions: dict[str, dict[bytes, dict[Dot, Version]]] = {}
        self.writes: dict[str, dict[Dot, Write]] = {}
        self.operations: dict[tuple[str, str, str], list[Operation]] = {}
        self.answers: list[Answer] = []
        self.own_reads: list[tuple[Operation, Version | None]] = []
        self.shipped: dict[str, dict[Place, int]] = {}
        self.destroyed: list[tuple[Place, int, int]] = []
        # What only evicted regions had left: it is gone if none of them comes back.
        self.left_to_evicted: list[tuple[Place, int, int, frozenset[str]]] = []
        self.lost: dict[str, set[Dot]] = {}
        self.stranded: dict[str, set[Dot]] = {}
        self.moved: set[tuple[str, str]] = set()
        self.contradictions: list[str] = []
        self._matched: dict[tuple[str, str, str], int] = {}
        self._read: dict[tuple[str, str, str], int] = {}

    def add(self, data_set_id: str, dot: Dot, write: Write) -> None:
        """A write that is known from elsewhere."""
        self.versions.setdefault(data_set_id, {}).setdefault(write.key, {})[dot] = write.version
        self.writes.setdefault(data_set_id, {})[dot] = write

    def judged(self, incarnation: str, operation: Operation) -> None:
        """A write was judged; whether it is committed is seen later."""
        place = (operation.data_set_id, operation.region, incarnation)
        self.operations.setdefault(place, []).append(operation)

    def sent(self, region: str, place: Place, first: int, records: list[bytes]) -> None:
        """A region served records."""
        data_set_id, origin = place
        for offset, record in enumerate(records):
            self._note(data_set_id, Dot(*origin, first + offset), record, f"was sent by {region}")
        promised = self.shipped.setdefault(region, {})
        promised[place] = max(promised.get(place, 0), first + len(records) - 1)

    def seen_on_disk(self, region: str, contents: dict[str, StoredDataSet]) -> None:
        """Take in what is on a region's disk."""
        for data_set_id, stored in contents.items():
            if stored.dropped:
                continue
            for origin, log in stored.log.items():
                for sequence in sorted(log):
                    self._note(data_set_id, Dot(*origin, sequence), log[sequence], f"lies in {region}")

    def committed(self, region: str, news: list[tuple[str, Dot, bytes]]) -> None:
        """A region has committed records of its own (or got some of an earlier life back)."""
        for data_set_id, dot, record in news:
            self._note(data_set_id, dot, record, f"was committed by {region}")
            place = (data_set_id, *dot.origin)
            if dot.sequence > self._read.get(place, 0):
                self._read[place] = dot.sequence
                self._take_in(place, dot, record)

    def _note(self, data_set_id: str, dot: Dot, record: bytes, how: str) -> None:
        records = self.records.setdefault(data_set_id, {})
        known = records.get(dot)
        if known is None:
            records[dot] = record
            decoded = decode_record(record)
            if isinstance(decoded, WriteRecord):
                of_key = self.versions.setdefault(data_set_id, {}).setdefault(decoded.key, {})
                of_key[dot] = written_version(decoded, dot)
        elif known != record:
            self.contradictions.append(f"I3: {name(dot)} has two contents, one of which {how}")

    def _take_in(self, place: tuple[str, str, str], dot: Dot, data: bytes) -> None:
        record = decode_record(data)
        if not isinstance(record, WriteRecord):
            return
        version = self.versions[place[0]][record.key][dot]
        if version.expires is not None:
            # Nobody asks for it. Its writer had seen what it ends, and what that had seen.
            seen = {**version.context, dot.origin: dot.sequence - 1}
            self.writes.setdefault(place[0], {})[dot] = Write(record.key, version, seen)
            return
        operations = self.operations.get(place, [])
        number = self._matched.get(place, 0)
        while number < len(operations):
            operation = operations[number]
            number += 1
            if not operation.failed and (operation.key, operation.value) == (record.key, record.value):
                break
        else:
            if self._taken_over(place[0], dot, record.key, version):
                seen = {**version.context, dot.origin: dot.sequence - 1}
                self.writes.setdefault(place[0], {})[dot] = Write(record.key, version, seen)
                return
            self.contradictions.append(f"I5: nobody asked for {name(dot)}, or its client was told that it failed")
            return
        self._matched[place] = number
        operation.dot = dot
        self.writes.setdefault(place[0], {})[dot] = Write(record.key, version, operation.seen, operation)

    def _taken_over(self, data_set_id: str, dot: Dot, key: bytes, version: Version) -> bool:
        """Whether a write is another region's, taken over when that was drained."""
        return any(
            other.value == version.value
            and of.origin != dot.origin
            and version.context.get(of.origin, 0) >= of.sequence
            for of, other in self.versions[data_set_id][key].items()
        )

    def lose(self, data_set_id: str, origin: Origin, first: int, last: int) -> None:
        """Writes are gone with the last disk that held them, or with a region that was written off."""
        gone = self.lost.setdefault(data_set_id, set())
        gone.update(Dot(*origin, sequence) for sequence in range(first, last + 1))

    def surviving(self, data_set_id: str) -> list[Write]:
        """The writes that members hold: not lost with the last disk, nor stranded with a region that is none."""
        gone = self.lost.get(data_set_id, set()) | self.stranded.get(data_set_id, set())
        return [write for dot, write in self.writes.get(data_set_id, {}).items() if dot not in gone]

    def by_key(self, data_set_id: str, *, lost: bool = False) -> dict[bytes, list[Write]]:
        """The surviving (or all) writes to each key, in the order of last-writer-wins."""
        grouped: dict[bytes, list[Write]] = {}
        for write in self.writes.get(data_set_id, {}).values() if lost else self.surviving(data_set_id):
            grouped.setdefault(write.key, []).append(write)
        return {key: sorted(grouped[key], key=lambda write: write.rank) for key in sorted(grouped)}


def rank(version: Version) -> Rank:
    """What last-writer-wins goes by: time, then writer. An expiry stands right behind the version that it ends."""
    dot, ended = version.dot, version.expires or version.dot
    return (version.hlc, *_flat(ended), version.expires is not None, *_flat(dot))


def _flat(dot: Dot) -> tuple[str, str, int]:
    return (dot.region, dot.incarnation, dot.sequence)


def causes_of(writes: list[Write]) -> dict[Dot, set[Dot]]:
    """For each write to a key, those that it has overwritten knowingly: applied there before it, or causes of such.

    ``writes`` are in the order of last-writer-wins: causes come before what they cause. Delivery is not causal: a write
    may arrive, and be overwritten, before one that its own writer had seen.
    """
    causes: dict[Dot, set[Dot]] = {}
    for number, write in enumerate(writes):
        known = causes[write.version.dot] = set()
        for place, other in enumerate(writes):
            # What was taken over has the time of the original, and may stand before it.
            if place != number and (place < number or other.version.hlc == write.version.hlc) and write.applied(other):
                known.add(other.version.dot)
                known |= causes.get(other.version.dot, set())
    return causes


def name(dot: Dot) -> str:
    """A dot as transcripts show it."""
    return f"{dot.region}/{dot.incarnation[:4]}#{dot.sequence}"
