"""Snapshots without sockets: whatever happens meanwhile, the state is the one that the whole log would have made."""

import zlib
from collections.abc import Iterable

import msgspec
import pytest
from tests.unit.journal.nodes import Cluster

from terrella.journal import DataSet, Event, Lane, ProtocolError
from terrella.journal.protocol import SnapshotChunk, SnapshotCredit, SnapshotRequest, SnapshotStart, StreamHead
from terrella.journal.snapshot import Chunk, ConflictsBody, ItemsBody, SnapshotSource, chunk_body, next_chunk
from terrella.journal.standing import Stage

EAST, WEST, NORTH = "us-east-1", "us-west-2", "eu-north-1"
MEMBERS = (EAST, WEST)
ITEMS = DataSet("items-0001", "items", Lane.ASYNC, MEMBERS)


def by_first_byte(key: bytes, value: bytes) -> Iterable[tuple[str, bytes]]:
    del key
    yield "first", value[:1]


def cluster(seed: int) -> Cluster:
    """Two members, and a third region that is to join."""
    # Chunks of three items, or such as take more than one batch.
    made = Cluster(seed, (*MEMBERS, NORTH), 3 if seed % 2 else 20, by_first_byte)
    for name in MEMBERS:
        made.nodes[name].declare(ITEMS)
        made.nodes[name].set_members(1, MEMBERS)
    return made


def write_somewhere(world: Cluster, names: Iterable[str] = MEMBERS) -> None:
    chance = world.chance
    value = None if chance.random() < 0.3 else b"%d" % chance.randrange(1000)
    world.nodes[chance.choice(sorted(names))].put(b"key-%02d" % chance.randrange(25), value)


def join(world: Cluster) -> None:
    for name in MEMBERS:
        world.nodes[name].set_members(2, MEMBERS, (NORTH,))
    world.nodes[NORTH].declare(DataSet(ITEMS.id, "items", Lane.ASYNC, MEMBERS, (NORTH,), 2))


def has_joined(world: Cluster) -> bool:
    return any(change.event is Event.JOINED for change in world.nodes[NORTH].told)


def admit(world: Cluster) -> None:
    for node in world.nodes.values():
        node.set_members(3, (*MEMBERS, NORTH))


def same_everywhere(world: Cluster) -> None:
    """Byte for byte, conflict log and indexes included."""
    nodes = list(world.nodes.values())
    first = nodes[0]
    for node in nodes[1:]:
        assert node.vector() == first.vector()
        assert node.items() == first.items()
        assert node.digest() == first.digest()
        assert node.conflicts() == first.conflicts()
    for node in nodes:
        assert node.indexed() == [(key, value[:1]) for key, value in node.items()]


@pytest.mark.parametrize("seed", range(40))
def test_at_any_interleaving_a_snapshot_and_pulling_make_what_the_log_makes(seed: int) -> None:
    """The members have pulled everything from the beginning; the joiner has not."""
    world = cluster(seed)
    chance = world.chance
    for _ in range(60):
        write_somewhere(world)
        world.connect()
        for _ in range(chance.randrange(12)):
            world.step()
    join(world)
    for _ in range(400):
        world.connect()
        world.step()
        world.look(world.nodes[NORTH])
        if chance.random() < 0.1:
            write_somewhere(world)
        if chance.random() < 0.02:
            world.disconnect(NORTH, chance.choice(MEMBERS))
        if chance.random() < 0.01:
            world.crash(chance.choice((*MEMBERS, NORTH)))
    world.settle(lambda: has_joined(world))
    assert has_joined(world)
    admit(world)
    world.settle(lambda: world.nodes[NORTH].data_set.join is None)
    write_somewhere(world, (NORTH,))
    world.settle(lambda: world.agree(world.nodes))
    same_everywhere(world)


def join_with_a_crash(seed: int, place: int) -> bool:
    """Whether there is such a place: before or after one of the joiner's batches, counted from 0."""
    world = cluster(seed)
    for _ in range(60):
        write_somewhere(world)
    world.settle(lambda: world.agree(MEMBERS))
    places = iter(range(10**9))
    crashes = []

    def crash_now() -> bool:
        if next(places) == place:
            crashes.append(place)
            return True
        return False

    world.nodes[NORTH].crash_at = crash_now
    world.nodes[NORTH].always_hurry = True
    join(world)
    write_somewhere(world)
    world.settle(lambda: has_joined(world))
    admit(world)
    write_somewhere(world)
    world.settle(lambda: world.agree(world.nodes))
    same_everywhere(world)
    return bool(crashes)


@pytest.mark.parametrize("seed", [6, 7])
def test_the_joiner_may_crash_before_and_after_each_of_its_batches(seed: int) -> None:
    """One crash at a time, at every place where one can be."""
    places = 0
    while join_with_a_crash(seed, places):
        places += 1
    assert places > 15


class FixedState:
    """Ten items to copy, and nothing else."""

    def refusal(self, peer: str, data_set_id: str) -> str | None:
        return None if data_set_id == ITEMS.id else f"{peer} asks in vain"

    def vector(self, data_set_id: str) -> dict[tuple[str, str], int]:
        return {(EAST, "e1"): 10}

    def start(self, data_set_id: str) -> SnapshotStart:
        return SnapshotStart(data_set_id, [StreamHead(EAST, "e1", 10, None, 0, [])], 1, 1)

    def chunk(self, data_set_id: str, stage: Stage, after: bytes | None) -> Chunk | None:
        number = 0 if after is None else int(after) + 1
        if stage is Stage.CONFLICTS or number > 9:
            return None
        key = b"%d" % number
        return Chunk(key, ItemsBody([(EAST, "e1")], [(key, b"x" * 1000, 0, number + 1, 1, [], None)]))


def test_a_source_sends_no_more_than_it_has_credit_for() -> None:
    source = SnapshotSource(FixedState())
    assert source.receive(NORTH, SnapshotRequest(ITEMS.id, 0, b"3", 2), 0.0)
    sent = [source.next(NORTH, 0.0) for _ in range(5)]
    assert [type(message).__name__ for message in sent if message] == [
        "SnapshotStart",
        "SnapshotChunk",
        "SnapshotChunk",
    ]
    assert source.receive(NORTH, SnapshotCredit(ITEMS.id, 1), 0.0)
    chunk = source.next(NORTH, 0.0)
    assert isinstance(chunk, SnapshotChunk)
    assert (chunk.after, chunk.through, chunk.compressed) == (b"5", b"6", True)
    body = chunk_body(chunk)
    assert isinstance(body, ItemsBody)
    assert body.rows[0][0] == b"6"
    assert source.next(NORTH, 0.0) is None


def test_who_may_have_no_snapshot_is_told_why() -> None:
    source = SnapshotSource(FixedState())
    source.receive(NORTH, SnapshotRequest("other", 0, None, 2), 0.0)
    answer = source.next(NORTH, 0.0)
    assert answer is not None
    assert "asks in vain" in str(answer)
    with pytest.raises(ProtocolError, match="stage 9"):
        source.receive(NORTH, SnapshotRequest(ITEMS.id, 9, None, 2), 0.0)


@pytest.mark.parametrize(
    "chunk",
    [
        SnapshotChunk(ITEMS.id, 0, None, b"a", False, b"\xc1", 1),
        SnapshotChunk(ITEMS.id, 7, None, b"a", False, b"\x92\x90\x90", 1),
        SnapshotChunk(ITEMS.id, 0, None, b"a", True, b"no zlib", 1),
        SnapshotChunk(ITEMS.id, 0, None, b"a", True, zlib.compress(bytes(9_000_000)), 1),
        SnapshotChunk(ITEMS.id, 0, None, b"a", True, zlib.compress(b"\x92\x90\x90")[:-3], 1),
    ],
)
def test_what_is_no_chunk_is_refused(chunk: SnapshotChunk) -> None:
    with pytest.raises(ProtocolError):
        chunk_body(chunk)


def test_bodies_cross_as_they_are() -> None:
    body = ConflictsBody([b"one", b"two"])
    assert chunk_body(SnapshotChunk(ITEMS.id, 1, None, b"a", False, msgspec.msgpack.encode(body), 1)) == body


def test_a_chunk_that_comes_before_those_it_follows_is_refused() -> None:
    """To whoever merges it, all that lies before it would be deleted."""
    source = SnapshotSource(FixedState())
    source.receive(NORTH, SnapshotRequest(ITEMS.id, 0, None, 3), 0.0)
    first, second = (sent for _ in range(3) if isinstance(sent := source.next(NORTH, 0.0), SnapshotChunk))
    assert next_chunk(first, 0) == 1
    assert next_chunk(second, 1) == 2
    for chunk, chunks in ((second, 0), (first, 1)):
        with pytest.raises(ProtocolError, match=f"chunk {chunk.number} of .* came where {chunks + 1} was next"):
            next_chunk(chunk, chunks)
