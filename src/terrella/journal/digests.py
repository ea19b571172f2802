"""Digests: of each data set 256 numbers, kept up as items are written, by which two replicas find where they differ.

A bucket holds the items whose keys hash to it, each as a hash of key, dot and time, all XORed: so putting an item in
and taking it out are the same, and the order does not matter. Tombstones are in them while they are stored; those that
are stable are taken out when a digest is asked for, for another replica may have dropped them already.
"""

import struct
import zlib
from collections.abc import Iterator
from hashlib import blake2b

BUCKETS = 256
_pack_place = struct.Struct("<QQQ").pack
_pack_buckets = struct.Struct(f"<{BUCKETS}Q").pack
_unpack_buckets = struct.Struct(f"<{BUCKETS}Q").unpack
_from_bytes = int.from_bytes


def salt_of(region: str, incarnation: str) -> int:
    """An origin, in every replica alike, as a number."""
    return _from_bytes(blake2b(f"{region}\0{incarnation}".encode(), digest_size=8).digest(), "little")


def bucket_of(key: bytes) -> int:
    """The bucket that an item is in."""
    return zlib.crc32(key) & (BUCKETS - 1)


def hash_of(key: bytes, salt: int, sequence: int, hlc: int) -> int:
    """What an item adds to its bucket."""
    return _from_bytes(blake2b(_pack_place(salt, sequence, hlc) + key, digest_size=8).digest(), "little")


class Buckets:
    """One data set's. While they are built anew, items from ``pending_from`` on are not counted yet (None: all are)."""

    __slots__ = ("pending_from", "values")

    def __init__(self, values: list[int] | None = None, pending_from: bytes | None = None) -> None:
        self.values = values or [0] * BUCKETS
        self.pending_from = pending_from

    def toggle(self, key: bytes, salt: int, sequence: int, hlc: int) -> None:
        """Put an item in, or take it out."""
        if self.pending_from is None or key < self.pending_from:
            self.values[zlib.crc32(key) & 255] ^= hash_of(key, salt, sequence, hlc)

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
