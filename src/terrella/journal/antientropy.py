"""Anti-entropy: two members compare what they have both applied, and mend what differs by sending it through the merge.

What differs is told by the digests of 256 buckets, then key by key. Only keys whose versions lie below both sides'
applied vectors count; what differs is read a second time after a pause, for writes go on meanwhile; deletions that
every holder has acknowledged are left out, because each region drops these in its own time.

Two versions of one item are merged, on both sides. What one side has and the other lacks is sent only on evidence that
it was really written: its record is still in a log, or a third member has it too. Else it is reported, no more.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from terrella.journal.errors import JournalError
from terrella.journal.model import Dot, Vector, Version
from terrella.journal.protocol import VersionRow, flatten, unflatten
from terrella.journal.vectors import covers
from terrella.journal.verifying import EntryDigest

PAUSE_S = 1.0
KEYS_ASKED_MAX = 4  # with their values, so that an answer fits into a frame
MISMATCHES_MAX = 1000
PAGE_ENTRIES = 500


class VerificationError(JournalError):
    """The comparison could not be finished: the peer is not connected (any more), or holds no such data set."""


class Difference(StrEnum):
    """In what way two replicas differ at a key."""

    DIFFERENT = "different"
    ONLY_HERE = "only here"
    ONLY_THERE = "only there"
    SAME_DOT = "one write, two contents"


@dataclass(frozen=True, slots=True)
class Finding:
    """A key at which two replicas differ that have both applied what is there.

    ``evidence`` is what speaks for a version that one of them lacks (None: nothing). ``repaired``: it was merged.
    """

    key: bytes
    kind: Difference
    evidence: str | None
    repaired: bool


@dataclass(slots=True)
class VerifyReport:
    """What a comparison has found. ``truncated``: there is more than was looked at.

    ``buckets`` counts those that differed (of 256), ``suspects`` the keys that seemed to; what was still under way
    between the two accounts for most of them. ``conflicts_differ``: after equal records, the conflict logs differ.
    """

    data_set_id: str
    peer: str
    buckets: int = 0
    suspects: int = 0
    findings: list[Finding] = field(default_factory=list)
    conflicts_differ: bool = False
    truncated: bool = False

    @property
    def equal(self) -> bool:
        """Whether nothing was found."""
        return not self.findings and not self.conflicts_differ


# the pure part


@dataclass(frozen=True, slots=True)
class Digests:
    """One side's: see ``verifying.Digest``."""

    vector: Vector
    buckets: Sequence[int]
    conflicts: int
    moved: bool


def differing_buckets(mine: Digests, theirs: Digests) -> list[int]:
    """Which buckets have to be looked at."""
    pairs = zip(mine.buckets, theirs.buckets, strict=True)
    return [number for number, (here, there) in enumerate(pairs) if here != there]


def conflicts_differ(mine: Digests, theirs: Digests) -> bool:
    """Whether the conflict logs differ although they should not: told only of two sides that were at rest."""
    at_rest = not (mine.moved or theirs.moved) and mine.vector == theirs.vector
    return at_rest and mine.conflicts != theirs.conflicts


def suspects(
    mine: Mapping[bytes, EntryDigest], theirs: Mapping[bytes, EntryDigest], here: Vector, there: Vector
) -> Iterator[bytes]:
    """Keys at which entries differ that both sides have applied; ``here`` and ``there`` are the applied vectors."""
    for key in sorted(mine.keys() | theirs.keys()):
        own, other = mine.get(key), theirs.get(key)
        if own == other:
            continue
        if own is not None and not covers(there, own.dot):
            continue
        if other is not None and not covers(here, other.dot):
            continue
        yield key


def compare(own: Version | None, other: Version | None, here: Vector, there: Vector) -> Difference | None:
    """In what way two versions differ that both sides have applied; None if they do not, or one has not applied one."""
    if own is not None and not covers(there, own.dot):
        return None
    if other is not None and not covers(here, other.dot):
        return None
    if own is None or other is None:
        stored = own or other
        # Who has applied more may have dropped a deletion that the other does not yet know to be acknowledged by all.
        if stored is None or (stored.value is None and here != there):
            return None
        return Difference.ONLY_THERE if own is None else Difference.ONLY_HERE
    if own.dot != other.dot:
        return Difference.DIFFERENT
    return None if (own.value, own.hlc) == (other.value, other.hlc) else Difference.SAME_DOT


def pack_version(key: bytes, version: Version, logged: bool) -> VersionRow:
    """A version for the wire; ``logged`` says that its record is in the sender's log."""
    dot, ends = version.dot, version.expires
    return VersionRow(
        key,
        version.value,
        (dot.region, dot.incarnation, dot.sequence),
        version.hlc,
        flatten(version.context),
        None if ends is None else (ends.region, ends.incarnation, ends.sequence),
        logged,
    )


def unpack_version(row: VersionRow) -> Version:
    """A version from the wire."""
    expires = None if row.expires is None else Dot(*row.expires)
    return Version(row.value, Dot(*row.dot), row.hlc, unflatten(row.context), expires)


# the comparison, step by step


@dataclass(frozen=True, slots=True)
class Page:
    """Entries of some buckets after a key and up to ``through`` (None: there are no more)."""

    vector: Vector
    entries: Mapping[bytes, EntryDigest]
    through: bytes | None


@dataclass(frozen=True, slots=True)
class Held:
    """What is stored at some keys, and which of these have their record in the log."""

    vector: Vector
    versions: Mapping[bytes, Version]
    logged: frozenset[bytes]


class Side(Protocol):
    """A replica that is compared: one's own, or a peer's over a connection."""

    async def digests(self, data_set_id: str) -> Digests:
        """All buckets'."""
        ...

    async def page(
        self, data_set_id: str, buckets: Collection[int], after: bytes | None, through: bytes | None
    ) -> Page:
        """Entries in key order; up to a key, or (None) as many as are sent at once."""
        ...

    async def held(self, data_set_id: str, keys: Sequence[bytes]) -> Held:
        """What is stored at a few keys; nothing for a deletion that all have acknowledged."""
        ...

    async def merge(self, data_set_id: str, key: bytes, version: Version) -> None:
        """Merge a version that the side has applied before."""
        ...


async def verify(
    data_set_id: str,
    peer: str,
    own: Side,
    other: Side,
    others: Mapping[str, Side],
    pause: Callable[[], Any],
    *,
    repair: bool = True,
) -> VerifyReport:
    """Compare, and mend what may be; ``others`` are further members that may be asked for evidence."""
    report = VerifyReport(data_set_id, peer)
    mine, theirs = await own.digests(data_set_id), await other.digests(data_set_id)
    report.conflicts_differ = conflicts_differ(mine, theirs)
    buckets = differing_buckets(mine, theirs)
    report.buckets = len(buckets)
    keys = await _list_suspects(report, frozenset(buckets), own, other) if buckets else []
    report.suspects = len(keys)
    if keys:
        await pause()
    for first in range(0, len(keys), KEYS_ASKED_MAX):
        asked = keys[first : first + KEYS_ASKED_MAX]
        here, there = await own.held(data_set_id, asked), await other.held(data_set_id, asked)
        for key in asked:
            kind = compare(here.versions.get(key), there.versions.get(key), here.vector, there.vector)
            if kind is not None:
                finding = await _mend(report, key, kind, (own, here), (other, there), others, repair=repair)
                report.findings.append(finding)
    return report


async def _list_suspects(report: VerifyReport, buckets: frozenset[int], own: Side, other: Side) -> list[bytes]:
    found: list[bytes] = []
    after: bytes | None = None
    while True:
        theirs = await other.page(report.data_set_id, buckets, after, None)
        mine = await own.page(report.data_set_id, buckets, after, theirs.through)
        found += suspects(mine.entries, theirs.entries, mine.vector, theirs.vector)
        if len(found) >= MISMATCHES_MAX:
            report.truncated = True
            return found[:MISMATCHES_MAX]
        if theirs.through is None:
            return found
        after = theirs.through


async def _mend(
    report: VerifyReport,
    key: bytes,
    kind: Difference,
    own: tuple[Side, Held],
    other: tuple[Side, Held],
    others: Mapping[str, Side],
    *,
    repair: bool,
) -> Finding:
    """Send through the merge what differs, where there is no doubt that it was written."""
    (here, held_here), (there, held_there) = own, other
    mine, theirs = held_here.versions.get(key), held_there.versions.get(key)
    if kind is Difference.SAME_DOT:
        return Finding(key, kind, None, repaired=False)
    if kind is Difference.DIFFERENT:
        evidence: str | None = "both are stored"
    else:
        version = mine or theirs
        assert version is not None
        logged = held_here.logged if mine is not None else held_there.logged
        evidence = (
            "its record is in the log" if key in logged else await _third(report.data_set_id, key, version, others)
        )
    mended = repair and evidence is not None
    if mended and mine is not None:
        await there.merge(report.data_set_id, key, mine)
    if mended and theirs is not None:
        await here.merge(report.data_set_id, key, theirs)
    return Finding(key, kind, evidence, mended)


async def _third(data_set_id: str, key: bytes, version: Version, others: Mapping[str, Side]) -> str | None:
    for name, side in others.items():
        try:
            held = await side.held(data_set_id, [key])
        except VerificationError:
            continue
        stored = held.versions.get(key)
        if stored is not None and stored.dot == version.dot:
            return f"{name} has it too"
    return None
