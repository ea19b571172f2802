"""Three journals that replicate over real sockets on loopback."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest

from terrella.journal import DataSet, Journal, Lane, Replicator, Store
from terrella.journal.protocol import envelope
from terrella.kernel import SystemClock, SystemIds
from terrella.testing import LoopbackNetwork

REGIONS = ("eu-west-1", "us-east-1", "us-west-2")
ITEMS = DataSet("items-0001", "items", Lane.ASYNC, REGIONS)
EAST, WEST, IRELAND = "us-east-1", "us-west-2", "eu-west-1"


@dataclass
class Region:
    """One region's journal and replicator."""

    name: str
    network: LoopbackNetwork
    path: Path
    journal: Journal
    replicator: Replicator

    @classmethod
    async def start(cls, name: str, network: LoopbackNetwork, folder: Path, world: str = "test") -> "Region":
        path = folder / f"{name}.sqlite"
        journal = await Journal.open(path, name, SystemClock(), SystemIds())
        peers = [region for region in REGIONS if region != name]
        replicator = Replicator(journal, network.connector(name), peers, 0, SystemClock(), SystemIds(), world=world)
        network.listens(name, "127.0.0.1", await replicator.start("127.0.0.1"))
        return cls(name, network, path, journal, replicator)

    async def stop(self) -> None:
        await self.replicator.stop()
        await self.journal.close()

    async def put(self, key: bytes, value: bytes) -> None:
        await self.journal.write(lambda transaction: transaction.put(ITEMS.id, key, value))

    async def delete(self, key: bytes) -> None:
        await self.journal.write(lambda transaction: transaction.delete(ITEMS.id, key))

    def get(self, key: bytes) -> bytes | None:
        version = self.journal.read(ITEMS.id, key)
        return version.value if version else None


World = dict[str, Region]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    network = LoopbackNetwork()
    regions = {name: await Region.start(name, network, tmp_path) for name in REGIONS}
    for region in regions.values():
        await region.journal.declare(ITEMS)
    yield regions
    for region in regions.values():
        await region.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what will become true; the test's own time-out is the bound."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - states of several regions have no event in common
            await asyncio.sleep(0.002)


def equal(world: World) -> bool:
    return len({region.journal.digest(ITEMS.id) for region in world.values()}) == 1


def vectors(world: World) -> list[object]:
    return [region.journal.status().data_sets[0].vector for region in world.values()]


async def converged(world: World) -> None:
    await until(lambda: all(vector == vectors(world)[0] for vector in vectors(world)))
    assert equal(world)


async def test_what_is_written_in_one_region_is_read_in_all(world: World) -> None:
    await world[EAST].put(b"a", b"one")
    await until(lambda: all(region.get(b"a") == b"one" for region in world.values()))
    await world[WEST].delete(b"a")
    await until(lambda: all(region.get(b"a") is None for region in world.values()))
    await converged(world)
    assert all(region.journal.count(ITEMS.id) == (0, 0) for region in world.values())


async def test_writes_everywhere_converge(world: World) -> None:
    async def work(region: Region) -> None:
        for number in range(200):
            key = b"%d" % (number % 17)
            await (region.delete(key) if number % 5 == 4 else region.put(key, f"{region.name} {number}".encode()))

    await asyncio.gather(*(work(region) for region in world.values()))
    await converged(world)
    logs = [region.journal.conflicts(ITEMS.id) for region in world.values()]
    assert logs[0] == logs[1] == logs[2]


async def test_at_risk_counts_what_no_one_else_has(world: World) -> None:
    network = world[EAST].network
    network.cut(EAST, WEST)
    network.cut(EAST, IRELAND)
    for number in range(7):
        await world[EAST].put(b"%d" % number, b"x")
    status = world[EAST].journal.status()
    assert status.at_risk == 7, "and the record that opened the incarnation is none of them"
    assert status.unacknowledged == {WEST: 7, IRELAND: 7}
    network.heal(EAST, WEST)
    await until(lambda: world[EAST].journal.status().at_risk == 0)
    assert world[EAST].journal.status().unacknowledged == {WEST: 0, IRELAND: 7}
    network.heal(EAST, IRELAND)
    await converged(world)


async def test_both_sides_of_a_cut_write_and_the_loser_is_in_every_log(world: World) -> None:
    network = world[EAST].network
    await world[EAST].put(b"a", b"before")
    await converged(world)
    network.cut(EAST, IRELAND)
    network.cut(WEST, IRELAND)
    await world[EAST].put(b"a", b"from the east")
    await asyncio.sleep(0.002)  # so that the later write has the later time
    await world[IRELAND].put(b"a", b"from Ireland")
    assert world[EAST].get(b"a") == b"from the east"
    network.heal(EAST, IRELAND)
    network.heal(WEST, IRELAND)
    await converged(world)
    for region in world.values():
        assert region.get(b"a") == b"from Ireland"
        (conflict,) = region.journal.conflicts(ITEMS.id)
        assert (conflict.winner.value, conflict.winner.dot.region) == (b"from Ireland", IRELAND)
        assert (conflict.loser.value, conflict.loser.dot.region) == (b"from the east", EAST)
        assert conflict.winner.hlc > conflict.loser.hlc


async def test_a_region_that_was_down_catches_up_and_its_earlier_records_are_still_served(
    world: World, tmp_path: Path
) -> None:
    network = world[EAST].network
    network.cut(EAST, IRELAND)
    await world[IRELAND].put(b"only here", b"x")
    await until(lambda: world[WEST].get(b"only here") == b"x")
    await world[IRELAND].stop()
    for number in range(1000):
        await world[EAST].put(b"%d" % (number % 100), b"%d" % number)
    network.heal(EAST, IRELAND)
    world[IRELAND] = await Region.start(IRELAND, network, tmp_path)
    assert not world[IRELAND].replicator.caught_up(1000) or not world[IRELAND].journal.status().data_sets
    await world[IRELAND].journal.declare(ITEMS)
    await until(lambda: world[EAST].get(b"only here") == b"x")
    await until(lambda: world[IRELAND].get(b"99") == b"999")
    await world[IRELAND].put(b"new", b"x")
    await converged(world)
    await until(lambda: world[IRELAND].replicator.caught_up(1000))
    incarnations = {origin for origin in world[EAST].journal.status().data_sets[0].vector if origin[0] == IRELAND}
    assert len(incarnations) == 2


async def test_a_data_set_that_is_not_declared_yet_waits(tmp_path: Path) -> None:
    network = LoopbackNetwork()
    world = {name: await Region.start(name, network, tmp_path) for name in REGIONS}
    await world[EAST].journal.declare(ITEMS)
    await world[EAST].put(b"a", b"one")
    await world[WEST].journal.declare(ITEMS)
    await until(lambda: world[WEST].get(b"a") == b"one")
    await until(lambda: world[IRELAND].replicator.status()[EAST].connected)
    await world[IRELAND].journal.declare(ITEMS)
    await until(lambda: world[IRELAND].get(b"a") == b"one")
    await converged(world)
    for region in world.values():
        await region.stop()


async def test_where_nothing_is_shared_nothing_is_waited_for(tmp_path: Path) -> None:
    """A region is admitted when it has caught up: one without tables must not wait for its patience to end."""
    network = LoopbackNetwork()
    world = {name: await Region.start(name, network, tmp_path) for name in REGIONS}
    await until(lambda: all(region.replicator.caught_up(1000) for region in world.values()))
    await world[EAST].journal.declare(ITEMS)
    await world[EAST].put(b"a", b"one")
    await world[WEST].journal.declare(ITEMS)
    await until(lambda: world[WEST].get(b"a") == b"one")
    await until(lambda: world[WEST].replicator.caught_up(1000))
    for region in world.values():
        await region.stop()


async def test_lag_is_small_when_caught_up_and_unknown_when_cut(world: World) -> None:
    await world[EAST].put(b"a", b"one")
    await converged(world)
    await until(lambda: all(region.replicator.caught_up(1000) for region in world.values()))
    await until(lambda: world[WEST].replicator.status()[EAST].lag_p99_ms is not None)
    await until(lambda: world[WEST].replicator.status()[EAST].records_behind == 0)
    assert world[WEST].replicator.status()[EAST].connected
    world[EAST].network.cut(EAST, WEST)
    await until(lambda: world[WEST].replicator.status()[EAST].lag_ms is None)
    assert not world[WEST].replicator.caught_up(1000)
    await until(lambda: "nothing was heard" in str(world[WEST].replicator.status()[EAST].last_error))
    world[EAST].network.heal(EAST, WEST)
    world[WEST].replicator.poke(EAST)
    await until(lambda: world[WEST].replicator.caught_up(1000))


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "a frame of 1195725856 bytes"),
        (envelope(b"abc"), "no message"),
        (envelope(b"\x94\x04\xa1x\x90\x90")[:-1], "inside a message"),
        (envelope(b"\x94\x04\xa1x\x90"), "no message"),
        (b"\x00\x00\x00\x03\x00\x00\x00\x00abc", "not those of its checksum"),
    ],
)
async def test_garbage_is_refused_with_a_reason(world: World, sent: bytes, reason: str) -> None:
    reader, writer = await asyncio.open_connection(*world[EAST].network.address(EAST))
    writer.write(sent)
    writer.write_eof()
    await reader.read()
    writer.close()
    await until(lambda: bool(world[EAST].replicator.refusals))
    assert reason in world[EAST].replicator.refusals[0]
    await world[EAST].put(b"a", b"one")
    await until(lambda: all(region.get(b"a") == b"one" for region in world.values()))


async def test_another_world_is_refused(tmp_path: Path) -> None:
    network = LoopbackNetwork()
    east = await Region.start(EAST, network, tmp_path, "one")
    west = await Region.start(WEST, network, tmp_path, "other")
    await until(lambda: "is of world 'other'" in str(west.replicator.status()[EAST].last_error))
    assert "is of world 'other'" in east.replicator.refusals[0]
    await east.stop()
    await west.stop()


async def test_a_record_of_a_later_format_stops_its_data_set_and_nothing_else(world: World) -> None:
    """Its lane says so; other data sets, and the record's own region, go on."""
    other = DataSet("other-0001", "other", Lane.ASYNC, REGIONS)
    for region in world.values():
        await region.journal.declare(other)
    await world[EAST].put(b"a", b"one")
    await converged(world)

    def of_the_future(store: Store) -> bool:
        store.append_own(store.catalog.declared(ITEMS.id), msgspec.msgpack.encode((2, 0, "news")))
        return False

    await world[EAST].journal.committer.step(of_the_future)
    await until(lambda: ITEMS.id in world[WEST].replicator.status()[EAST].stopped)
    assert "format 2" in world[WEST].replicator.status()[EAST].stopped[ITEMS.id]
    await world[EAST].put(b"a", b"two")
    await world[EAST].journal.write(lambda transaction: transaction.put(other.id, b"b", b"x"))
    await until(lambda: world[WEST].journal.read(other.id, b"b") is not None)
    assert world[WEST].get(b"a") == b"one"
    assert world[EAST].get(b"a") == b"two"
    assert world[WEST].replicator.status()[EAST].connected


async def test_a_region_whose_replication_is_paused_drifts_apart_and_catches_up(world: World) -> None:
    """The others go on without it; nothing that they try meanwhile makes them trust its link less."""
    await world[EAST].put(b"before", b"1")
    await until(lambda: equal(world))
    world[IRELAND].replicator.pause()
    await world[EAST].put(b"abroad", b"1")
    await world[IRELAND].put(b"at home", b"1")
    await until(lambda: world[WEST].get(b"abroad") == b"1")
    await until(lambda: not any(peer.connected for peer in world[IRELAND].replicator.status().values()))
    retries = world[EAST].replicator.status()[IRELAND].retries
    await until(lambda: world[EAST].replicator.status()[IRELAND].retries >= retries + 3)
    assert world[IRELAND].get(b"abroad") is world[EAST].get(b"at home") is None
    assert not world[EAST].replicator.refusals
    world[IRELAND].replicator.resume()
    await until(lambda: equal(world))
    assert world[IRELAND].get(b"abroad") == world[EAST].get(b"at home") == b"1"
