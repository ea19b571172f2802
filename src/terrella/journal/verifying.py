"""Reading a whole data set to compare it with another region's, a few milliseconds' worth at a time.

Equal are two replicas that have applied the same if they hold the same items (key, value, dot, time) and conflict
entries. Tombstones that every holder has acknowledged are left out: each region drops these in its own time. A data
set is cut into buckets by the hash of the key, so that only those that differ need be told key by key.
"""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import msgspec

from terrella.journal.model import Dot, Origin, Version
from terrella.journal.reading import Reader
from terrella.journal.state import DataSetState
from terrella.journal.store import Store
from terrella.journal.tombstones import is_stable, stable_in
from terrella.kernel import Clock

BUCKETS = 256
ENTRIES_MAX = 5000
_SLICE_S = 0.0015
_SLICE_ROWS = 400
_SLICE_CONFLICTS = 16  # each with two images


@dataclass(frozen=True, slots=True)
class EntryDigest:
    """A stored version: its place in history, and a hash of its value (None: it is a deletion)."""

    key: bytes
    dot: Dot
    hlc: int
    value_hash: bytes | None


@dataclass(slots=True)
class Digest:
    """What a data set is, in few bytes: a hash for each bucket, and one of the conflict log.

    ``vector`` is what was applied when the reading began; ``moved`` says that more was by its end, so that the hashes
    are those of no moment.
    """

    vector: dict[Origin, int]
    buckets: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    conflicts: int = 0
    entries: int = 0
    moved: bool = False


@dataclass(slots=True)
class Listing:
    """The entries of some buckets, by key; ``truncated`` says that there are more than are told."""

    vector: dict[Origin, int]
    entries: list[EntryDigest] = field(default_factory=list)
    truncated: bool = False


@dataclass(slots=True)
class Paging:
    """Entries by key; ``through`` is the key up to which they were looked for, None if that is the end."""

    vector: dict[Origin, int]
    entries_wanted: int = 0
    entries: dict[bytes, EntryDigest] = field(default_factory=dict)
    through: bytes | None = None


class Verification:
    """Reads one data set slice by slice: whoever drives an iterator gives others their turn between its steps."""

    def __init__(self, store: Store, reader: Reader, clock: Clock) -> None:
        self._store = store
        self._reader = reader
        self._clock = clock

    def digesting(self, state: DataSetState, digest: Digest) -> Iterator[None]:
        """Fill in a digest."""
        for entry in self._entries(state):
            if entry is None:
                yield
                continue
            digest.entries += 1
            digest.buckets[bucket_of(entry.key)] ^= _hash(entry)
        after = 0
        while found := self._reader.conflict_records(state, after, _SLICE_CONFLICTS):
            for _, record in found:
                # Where it lies differs from region to region, so the order must not matter.
                digest.conflicts ^= int.from_bytes(hashlib.blake2b(record, digest_size=8).digest(), "big")
            after = found[-1][0]
            yield
        digest.moved = applied(state) != digest.vector

    def listing(self, state: DataSetState, buckets: Collection[int], listing: Listing) -> Iterator[None]:
        """Fill in a listing."""
        for entry in self._entries(state):
            if entry is None:
                yield
            elif bucket_of(entry.key) in buckets:
                if len(listing.entries) >= ENTRIES_MAX:
                    listing.truncated = True
                    return
                listing.entries.append(entry)

    def paging(
        self, state: DataSetState, buckets: Collection[int], after: bytes | None, through: bytes | None, page: Paging
    ) -> Iterator[None]:
        """Fill in a page: the entries of some buckets after a key, up to another or (None) as many as are wanted."""
        page.through = after
        while True:
            entries, last = self._slice(state, page.through)
            for entry in entries:
                if through is not None and entry.key > through:
                    page.through = through
                    return
                if bucket_of(entry.key) in buckets:
                    page.entries[entry.key] = entry
            page.through = last
            if last is None or (through is None and len(page.entries) >= page.entries_wanted):
                return
            yield

    def entry(self, state: DataSetState, key: bytes) -> EntryDigest | None:
        """What is stored at a key."""
        version = self._reader.stored(state, key)
        return None if version is None else _entry(key, version)

    def _entries(self, state: DataSetState) -> Iterator[EntryDigest | None]:
        """Every entry that replicas must have alike, in key order; None between two slices."""
        entries, after = self._slice(state, None)
        yield from entries
        while after is not None:
            yield None
            entries, after = self._slice(state, after)
            yield from entries

    def _slice(self, state: DataSetState, after: bytes | None) -> tuple[list[EntryDigest], bytes | None]:
        """As many entries as there is time for, and the key after which the next slice begins (None: that was all)."""
        until = self._clock.monotonic() + _SLICE_S
        stable = stable_in(state, self._store.region)
        entries: list[EntryDigest] = []
        for number, (key, version) in enumerate(self._reader.stored_after(state, after, _SLICE_ROWS), 1):
            if version.value is not None or not is_stable(version, stable):
                entries.append(_entry(key, version))
            if number == _SLICE_ROWS or self._clock.monotonic() > until:
                return entries, key
        return entries, None


def applied(state: DataSetState) -> dict[Origin, int]:
    """What of each origin is applied and committed: what is held, up to the first record that is parked."""
    return {
        stream.origin: min(stream.committed, stream.parked[0] - 1) if stream.parked else stream.committed
        for stream in state.streams.values()
        if stream.committed
    }


def bucket_of(key: bytes) -> int:
    """The bucket of a key: the same in every region."""
    return hashlib.blake2b(key, digest_size=1).digest()[0]


def _entry(key: bytes, version: Version) -> EntryDigest:
    value = version.value
    hashed = None if value is None else hashlib.blake2b(value, digest_size=16).digest()
    return EntryDigest(key, version.dot, version.hlc, hashed)


def _hash(entry: EntryDigest) -> int:
    dot = entry.dot
    parts = (entry.key, entry.value_hash, dot.region, dot.incarnation, dot.sequence, entry.hlc)
    return int.from_bytes(hashlib.blake2b(msgspec.msgpack.encode(parts), digest_size=8).digest(), "big")
