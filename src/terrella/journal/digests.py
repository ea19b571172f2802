"""Digests: of each data set 256 numbers, kept up as items are written, by which two replicas find where they differ.

A bucket holds the items whose keys hash to it, each as a hash of key, dot and time, all XORed: so putting an item in
and taking it out are the same, and the order does not matter. Tombstones are in them while they are stored; those that
are stable are taken out when a digest is asked for, for another replica may have dropped them already.
"""

import struct
from collections.abc import Iterator
from hashlib import blake2b
from zlib import crc32

BUCKETS = 256
_pack_buckets = struct.Struct(f"<{BUCKETS}Q").pack
_unpack_buckets = struct.Struct(f"<{BUCKETS}Q").unpack
_MASK = (1 << 64) - 1
_MODULUS = (1 << 61) - 1
_PRIMES = (11400714785074694791, 14029467366897019727, 2870177450012600261)


def salt_of(region: str, incarnation: str) -> int:
    """An origin, in every replica alike, as a number."""
    return int.from_bytes(blake2b(f"{region}\0{incarnation}".encode(), digest_size=8).digest(), "little")


def bucket_of(key: bytes) -> int:
    """The bucket that an item is in."""
    return crc32(key) & (BUCKETS - 1)


def defined_hash(key_hash: int, salt: int, sequence: int, hlc: int) -> int:
    """What an item adds to its bucket, as it is defined: xxHash's mixing of four numbers, as CPython hashes a tuple.

    It is mixed so well that alike differences of two items do not cancel out. Nobody is kept from making two items
    alike on purpose.
    """
    mixed = _PRIMES[2]
    for number in (key_hash, salt, sequence, hlc):
        mixed = mixed + number % _MODULUS * _PRIMES[1] & _MASK
        mixed = (mixed << 31 | mixed >> 33) & _MASK
        mixed = mixed * _PRIMES[0] & _MASK
    mixed = mixed + (4 ^ _PRIMES[2] ^ 3527539) & _MASK
    return 1546275796 if mixed == _MASK else mixed


def _native_hash(key_hash: int, salt: int, sequence: int, hlc: int) -> int:
    """The same, twenty times as fast: it is counted twice for each write."""
    return hash((key_hash, salt, sequence, hlc)) & _MASK


_SAMPLES = ((0, 0, 0, 0), (1, 2, 3, 4), (2**32 - 1, 2**64 - 1, 2**40 - 1, 2**62 - 1))
hash_of = _native_hash if all(_native_hash(*each) == defined_hash(*each) for each in _SAMPLES) else defined_hash


class Buckets:
    """One data set's. While they are built anew, items from ``pending_from`` on are not counted yet (None: all are)."""

    __slots__ = ("pending_from", "values")

    def __init__(self, values: list[int] | None = None, pending_from: bytes | None = None) -> None:
        self.values = values or [0] * BUCKETS
        self.pending_from = pending_from

    def toggle(self, key: bytes, salt: int, sequence: int, hlc: int) -> None:
        """Put an item in, or take it out."""
        key_hash = crc32(key)
        self.change(key, key_hash, hash_of(key_hash, salt, sequence, hlc))

    def change(self, key: bytes, key_hash: int, difference: int) -> None:
        """Take what was at a key out and put in what is there now: all that is XORed of the two."""
        if self.pending_from is None or key < self.pending_from:
            self.values[key_hash & 255] ^= difference

    @property
    def column(self) -> bytes | None:
        """As the file keeps them: only whole ones."""
        return None if self.pending_from is not None else _pack_buckets(*self.values)


def buckets_of(column: bytes | None) -> Buckets:
    """Out of the file; those that are not there are to be built."""
    return Buckets(None, b"") if column is None else Buckets(list(_unpack_buckets(column)))


def differing(one: list[int], other: list[int]) -> Iterator[int]:
    """The buckets in which two replicas differ."""
    return (number for number, (mine, theirs) in enumerate(zip(one, other, strict=True)) if mine != theirs)
