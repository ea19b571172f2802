"""What ``/_terrella/verify`` answers: a table's replica here, in hashes, for whoever compares it with the others."""

import asyncio
import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from terrella.journal import BUCKETS, Digest, EntryDigest, Journal, Listing, Origin, Verification, applied
from terrella.kernel import Clock, TerrellaError, hlc_milliseconds
from terrella.region.control import Call


class VerificationDesk:
    """Reads replicas slice by slice. ``locate`` finds a table's data set, or raises ``TerrellaError``."""

    def __init__(self, region: str, journal: Journal, clock: Clock, locate: Callable[[str], str]) -> None:
        self._region = region
        self._journal = journal
        self._locate = locate
        self._verification = Verification(journal.store, journal.reader, clock)

    async def answer(self, call: Call) -> Any:
        """``verify/vector``, ``verify/digest``, ``verify/entries?buckets=1,2``, ``verify/item?key=HEX``."""
        data_set_id = self._locate(call.query.get("table", ""))
        match call.words[1:]:
            case ("vector",):
                return self._standing(data_set_id)
            case ("digest",):
                return await self._digest(data_set_id)
            case ("entries",):
                return await self._entries(data_set_id, _buckets(call.query.get("buckets", "")))
            case ("item",):
                return self._item(data_set_id, _key(call.query.get("key", "")))
        raise TerrellaError("expected verify/vector, verify/digest, verify/entries or verify/item")

    def _standing(self, data_set_id: str) -> dict[str, Any]:
        """How far this replica is, and what keeps it from being compared."""
        state = self._journal.store.catalog.declared(data_set_id)
        return {
            "region": self._region,
            "lane": state.definition.lane,
            "members": state.definition.members,
            "vector": _vector(applied(state)),
            "held": _vector(state.vector),
            "parked": state.parked,
            "snapshot": state.committed_hollow,
        }

    async def digest(self, data_set_id: str) -> str:
        """One hash of a whole replica."""
        digest = await self._digest(data_set_id)
        parts = (*digest["buckets"], digest["conflicts"])
        return hashlib.blake2b("".join(parts).encode(), digest_size=16).hexdigest()

    async def _digest(self, data_set_id: str) -> dict[str, Any]:
        state = self._journal.store.catalog.declared(data_set_id)
        digest = Digest(applied(state))
        await _in_turns(self._verification.digesting(state, digest))
        return {
            **self._standing(data_set_id),
            "vector": _vector(digest.vector),
            "moved": digest.moved,
            "entries": digest.entries,
            "buckets": [f"{one:016x}" for one in digest.buckets],
            "conflicts": f"{digest.conflicts:016x}",
        }

    async def _entries(self, data_set_id: str, buckets: frozenset[int]) -> dict[str, Any]:
        state = self._journal.store.catalog.declared(data_set_id)
        listing = Listing(applied(state))
        await _in_turns(self._verification.listing(state, buckets, listing))
        return {
            "vector": _vector(listing.vector),
            "truncated": listing.truncated,
            "entries": [_told(entry) for entry in listing.entries],
        }

    def _item(self, data_set_id: str, key: bytes) -> dict[str, Any]:
        state = self._journal.store.catalog.declared(data_set_id)
        vector = _vector(applied(state))
        entry = self._verification.entry(state, key)
        version = self._journal.reader.stored(state, key)
        value = None
        if version is not None and version.value is not None:
            value = msgspec.json.decode(version.value)
        return {"vector": vector, "entry": None if entry is None else _told(entry), "value": value}


async def _in_turns(steps: Iterator[None]) -> None:
    for _ in steps:
        await asyncio.sleep(0)


def _told(entry: EntryDigest) -> dict[str, Any]:
    dot = entry.dot
    return {
        "key": entry.key.hex(),
        "origin": f"{dot.region}/{dot.incarnation}",
        "sequence": dot.sequence,
        "hlc": entry.hlc,
        "time_ms": hlc_milliseconds(entry.hlc),
        "value_hash": None if entry.value_hash is None else entry.value_hash.hex(),
    }


def _vector(vector: Mapping[Origin, int]) -> dict[str, int]:
    """JSON has no pairs as keys."""
    return {f"{region}/{incarnation}": sequence for (region, incarnation), sequence in sorted(vector.items())}


def _buckets(text: str) -> frozenset[int]:
    if text == "all":
        return frozenset(range(BUCKETS))
    words = text.split(",")
    if not all(word.isdecimal() and int(word) < BUCKETS for word in words):
        raise TerrellaError(f"buckets is {text!r}; expected numbers below {BUCKETS} with commas between, or all")
    return frozenset(int(word) for word in words)


def _key(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise TerrellaError(f"key is {text!r}; expected hexadecimal digits") from None
