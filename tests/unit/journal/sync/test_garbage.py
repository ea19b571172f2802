"""Regions of a group that send garbage: each connection is refused with a reason, and the group goes on."""

import asyncio
import contextlib
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.journal.sync.regions import EAST, REGIONS, WEST, Region, converged, formed

from terrella.journal import ProtocolError
from terrella.journal.protocol import PROTOCOL, SyncHello, envelope, frame
from terrella.journal.sync.frames import (
    Introduction,
    Ping,
    Pong,
    SnapshotFinished,
    SnapshotPart,
    SnapshotTaken,
    Unpacker,
    pack,
)
from terrella.testing import LoopbackNetwork

SAID = [
    pack(Ping(1)),
    pack(Pong(7)),
    pack(Introduction("of no group", "us-west-2/somebody", None)),
    pack(SnapshotPart([(b"key", b"value", 1, 1)], [])),
    pack(SnapshotFinished(1)),
    pack(SnapshotTaken(1)),
    envelope(b"\x93\x02\xa5items\x90"),
    envelope(b""),
    (2**32 - 1).to_bytes(4, "big") + bytes(4),
]


@given(st.binary(max_size=200), st.integers(1, 50))
def test_bytes_are_frames_or_a_protocol_error(data: bytes, size: int) -> None:
    frames = Unpacker()
    with contextlib.suppress(ProtocolError):
        for start in range(0, len(data), size):
            list(frames.feed(data[start : start + size]))


def test_one_flipped_bit_is_seen() -> None:
    good = pack(SnapshotPart([(b"key", b"value", 1, 1)], []))
    assert list(Unpacker().feed(good)) == [SnapshotPart([(b"key", b"value", 1, 1)], [])]
    for place in range(8, len(good)):
        for bit in range(8):
            bad = bytearray(good)
            bad[place] ^= 1 << bit
            with pytest.raises(ProtocolError, match="not those of its checksum"):
                list(Unpacker().feed(bytes(bad)))


def mutated(chance: random.Random) -> bytes:
    """Some frames, in any order, some of them broken, cut off or repeated."""
    parts = []
    for _ in range(chance.randint(1, 6)):
        data = bytearray(chance.choice(SAID))
        kind = chance.randrange(4)
        if kind == 0:
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        elif kind == 1:
            del data[chance.randrange(len(data)) :]
        elif kind == 2:
            data += chance.randbytes(chance.randint(1, 30))
        parts.append(bytes(data))
    return b"".join(parts)


async def told(region: Region, data: bytes) -> None:
    """Say this to a region, and wait until it has had enough of it, or all of it."""
    reader, writer = await asyncio.open_connection(*region.network.address(region.name))
    with contextlib.suppress(ConnectionError):
        writer.write(data)
        writer.write_eof()
        while await reader.read(4096):
            pass
    writer.close()


@pytest.mark.parametrize("seed", range(2))
async def test_a_group_goes_on_whatever_is_said_in_a_members_name(tmp_path: Path, seed: int) -> None:
    network = LoopbackNetwork()
    world = {name: await Region.start(name, network, tmp_path) for name in REGIONS}
    try:
        await formed(world)
        await world[EAST].put(b"before", b"1")
        chance = random.Random(seed)
        hello = frame(SyncHello(PROTOCOL, "test", WEST, EAST, world[WEST].journal.store.incarnation, []))
        for _ in range(40):
            await told(world[EAST], hello + mutated(chance))
        for name, region in world.items():
            await region.put(name.encode(), b"after")
        for region in world.values():
            assert await region.read(b"before") == b"1"
            for name in REGIONS:
                assert await region.read(name.encode()) == b"after"
        await converged(world)
    finally:
        for region in world.values():
            await region.stop()
