"""Records that come through a third region, and lives that a lost or old disk has forgotten: over real sockets."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from terrella.journal import DataSet, Journal, Lane, Origin, Replicator
from terrella.journal.records import OpeningRecord, decode_record
from terrella.kernel import SystemClock, SystemIds
from terrella.testing import LoopbackNetwork

EAST, WEST, IRELAND = "us-east-1", "us-west-2", "eu-west-1"
REGIONS = (IRELAND, EAST, WEST)
# A holder that is never there keeps the logs from being trimmed while a test takes its time.
ABSENT = "ap-south-1"
HOLDERS = (ABSENT, *REGIONS)
ITEMS = DataSet("items-0001", "items", Lane.ASYNC, HOLDERS)


class Region:
    """One region's journal and replicator, whose disk can be lost or exchanged."""

    def __init__(self, name: str, network: LoopbackNetwork, folder: Path) -> None:
        self.name = name
        self.network = network
        self.folder = folder / name
        self.journal: Journal
        self.replicator: Replicator

    async def start(self, data_set: DataSet | None = ITEMS, peers: Sequence[str] = REGIONS) -> None:
        self.journal = await Journal.open(self.folder / "store", self.name, SystemClock(), SystemIds())
        others = [region for region in peers if region != self.name]
        self.replicator = Replicator(
            self.journal, self.network.connector(self.name), others, 0, SystemClock(), SystemIds(), world="test"
        )
        self.network.listens(self.name, "127.0.0.1", await self.replicator.start("127.0.0.1"))
        if data_set is not None:
            await self.journal.declare(data_set)

    async def stop(self) -> None:
        await self.replicator.stop()
        await self.journal.close()

    def lose_disk(self) -> None:
        shutil.rmtree(self.folder)

    def take_image(self) -> Path:
        """Of the disk of a region that is stopped."""
        image = self.folder.with_suffix(".image")
        shutil.copytree(self.folder, image)
        return image

    def restore(self, image: Path) -> None:
        shutil.rmtree(self.folder)
        shutil.copytree(image, self.folder)

    async def put(self, key: bytes, value: bytes = b"x") -> None:
        await self.journal.write(lambda transaction: transaction.put(ITEMS.id, key, value))

    def get(self, key: bytes) -> bytes | None:
        version = self.journal.read(ITEMS.id, key)
        return version.value if version else None

    @property
    def vector(self) -> dict[Origin, int]:
        return self.journal.status().data_sets[0].vector

    def opening(self, incarnation: str) -> OpeningRecord:
        state = self.journal.store.catalog.declared(ITEMS.id)
        (data,) = self.journal.reader.log(state.streams[self.name, incarnation], 0, 1, 1)
        record = decode_record(data)
        assert isinstance(record, OpeningRecord)
        return record


World = dict[str, Region]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    network = LoopbackNetwork()
    regions = {name: Region(name, network, tmp_path) for name in REGIONS}
    for region in regions.values():
        await region.start()
    yield regions
    for region in regions.values():
        await region.stop()


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what will become true; the test's own time-out is the bound."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - states of several regions have no event in common
            await asyncio.sleep(0.005)


async def converged(*regions: Region) -> None:
    await until(lambda: all(region.vector == regions[0].vector for region in regions))
    assert len({region.journal.digest(ITEMS.id) for region in regions}) == 1


async def test_records_go_round_a_cut(world: World) -> None:
    east, west, ireland = world[EAST], world[WEST], world[IRELAND]
    await east.put(b"a", b"before")
    await converged(*world.values())
    east.network.cut(EAST, IRELAND)
    await until(lambda: not ireland.replicator.status()[EAST].connected)
    await east.put(b"a", b"after")
    await ireland.put(b"b", b"after")
    await until(lambda: ireland.get(b"a") == b"after" and east.get(b"b") == b"after")
    status = ireland.replicator.status()
    assert status[EAST].via == WEST
    assert status[WEST].via is None
    assert status[EAST].lag_ms is None, "how old the news of the east is cannot be known"
    assert ireland.replicator.figures()[EAST][ITEMS.id].via == WEST
    assert ireland.replicator.figures()[EAST][ITEMS.id].heard_ms_ago is None
    await until(lambda: east.journal.status().at_risk == 0)
    east.network.heal(EAST, IRELAND)
    await until(lambda: ireland.replicator.status()[EAST].via is None)
    await until(lambda: unacknowledged(east, IRELAND) == unacknowledged(east, WEST) == 0)
    await east.put(b"a", b"direct")
    await converged(*world.values())
    await until(lambda: (ireland.replicator.status()[EAST].lag_ms or 1e9) < 1000)
    del west


async def test_a_dead_regions_records_come_from_whoever_has_them(world: World, tmp_path: Path) -> None:
    east, west, ireland = world[EAST], world[WEST], world[IRELAND]
    await east.put(b"both", b"x")
    await converged(*world.values())
    east.network.cut(EAST, IRELAND)
    for number in range(600):
        await east.put(b"%d" % number)
    await until(lambda: west.get(b"599") == b"x")
    await east.stop()
    await until(lambda: ireland.get(b"599") == b"x")
    await converged(west, ireland)
    await east.start()
    east.network.heal(EAST, IRELAND)
    await converged(*world.values())


async def test_a_lost_disk_is_given_its_own_records_back(world: World) -> None:
    east, west, ireland = world[EAST], world[WEST], world[IRELAND]
    first = east.journal.store.incarnation
    for number in range(300):
        await east.put(b"%d" % number)
    await converged(*world.values())
    await east.stop()
    await east.start()
    second = east.journal.store.incarnation
    await east.put(b"second life")
    assert follows(east.opening(second)) == (first, 301)
    await converged(*world.values())
    before = dict(west.vector)
    await east.stop()
    east.lose_disk()
    await east.start()
    # By relay; or, where they are trimmed by then, as a snapshot, of which it makes a record of its own.
    await until(lambda: all(east.vector.get(origin, 0) >= sequence for origin, sequence in before.items()))
    await until(lambda: east.journal.status().data_sets[0].standing == "member")
    assert east.get(b"299") == b"x"
    await until(lambda: EAST in west.replicator.rolled_back_peers or west.replicator.status()[EAST].rolled_back == ())
    third = east.journal.store.incarnation
    await east.put(b"third life")
    assert follows(east.opening(third)) == (None, 0), "to be given records back is not to have done what they did"
    await converged(*world.values())
    assert len({life for region, life in ireland.vector if region == EAST}) == 3
    assert all(ireland.vector[origin] == sequence for origin, sequence in before.items())


async def test_peers_tell_a_lost_disk(world: World) -> None:
    """They see it in the Hello; what is unknown to its file is named."""
    east, west = world[EAST], world[WEST]
    first = east.journal.store.incarnation
    await east.put(b"a")
    await converged(*world.values())
    await east.stop()
    east.lose_disk()
    await east.start(None)  # what is not declared is not pulled: it stays as it is
    await until(lambda: west.replicator.rolled_back_peers == {EAST: (first,)})
    assert west.replicator.status()[EAST].rolled_back == (first,)
    await east.journal.declare(ITEMS)
    await converged(*world.values())


async def test_an_old_image_is_brought_up_to_date_with_its_own_records(world: World) -> None:
    east, west, ireland = world[EAST], world[WEST], world[IRELAND]
    first = east.journal.store.incarnation
    await east.put(b"a", b"old")
    await converged(*world.values())
    await until(lambda: not east.journal.status().at_risk)
    await east.stop()
    image = east.take_image()
    await east.start()
    lost = east.journal.store.incarnation
    await east.put(b"a", b"new")
    await converged(*world.values())
    await east.stop()
    east.restore(image)
    # It writes before it has heard of anyone: what it names is what its file knows.
    east.network.cut(EAST, WEST)
    east.network.cut(EAST, IRELAND)
    await east.start()
    present = east.journal.store.incarnation
    assert len({first, lost, present}) == 3, "no sequence is given twice: every opening counts for itself"
    await east.put(b"b", b"of the old image")
    assert follows(east.opening(present)) == (first, 2)
    assert east.journal.status().at_risk == 1, "and what was acknowledged before is not at risk"
    east.network.heal(EAST, WEST)
    east.network.heal(EAST, IRELAND)
    await until(lambda: EAST in west.replicator.rolled_back_peers)
    assert west.replicator.rolled_back_peers[EAST] == (lost,)
    await converged(*world.values())
    assert east.get(b"a") == b"new"
    assert ireland.get(b"b") == b"of the old image"
    await until(lambda: not east.journal.status().at_risk)
    # The life that comes next follows the one that this disk had last.
    await east.stop()
    await east.start()
    await east.put(b"c")
    assert east.opening(east.journal.store.incarnation).predecessor == present


async def test_what_an_earlier_life_wrote_is_at_risk_until_somebody_has_it(world: World) -> None:
    east, west = world[EAST], world[WEST]
    east.network.cut(EAST, WEST)
    east.network.cut(EAST, IRELAND)
    for number in range(5):
        await east.put(b"%d" % number)
    assert east.journal.status().at_risk == 5
    await east.stop()
    await east.start()
    await east.put(b"one more")
    assert east.journal.status().at_risk == 6
    east.network.heal(EAST, WEST)
    await until(lambda: west.get(b"one more") == b"x")
    await until(lambda: east.journal.status().at_risk == 0)
    assert unacknowledged(east, WEST) == 0
    assert unacknowledged(east, ABSENT) == 6


async def test_peers_come_and_go_with_the_memberships(world: World) -> None:
    east, west, ireland = world[EAST], world[WEST], world[IRELAND]
    for region in world.values():
        for name in REGIONS:
            region.replicator.remove_peer(name)
    assert set(east.replicator.peers) == {WEST, IRELAND, ABSENT}, "whoever holds a data set is a peer anyway"
    await east.put(b"a")
    await converged(*world.values())
    await east.journal.set_members(ITEMS.id, 4, [EAST, WEST])
    await west.journal.set_members(ITEMS.id, 4, [EAST, WEST])
    assert east.replicator.peers == (WEST,)
    await until(lambda: "last decided in epoch 4" in str(ireland.replicator.status()[EAST].last_error))
    assert any("in epoch 4" in refusal for refusal in east.replicator.refusals)
    await east.put(b"b")
    await converged(east, west)
    assert ireland.get(b"b") is None
    for region in world.values():
        await region.journal.set_members(ITEMS.id, 5, HOLDERS)
    await until(lambda: ireland.get(b"b") == b"x")
    east.replicator.add_peer("eu-south-1")
    assert "eu-south-1" in east.replicator.status()
    east.replicator.remove_peer("eu-south-1")
    assert "eu-south-1" not in east.replicator.status()


async def test_one_that_holds_another_data_set_is_told_what_it_holds_no_more(world: World) -> None:
    east, west, ireland = world[EAST], world[WEST], world[IRELAND]
    other = replace(ITEMS, id="other-0001", name="other")
    for region in world.values():
        await region.journal.declare(other)
    await east.put(b"a")
    await converged(*world.values())
    for region in (east, west):
        await region.journal.set_members(ITEMS.id, 7, [EAST, WEST])
    await until(lambda: ireland.replicator.status()[EAST].excluded == {ITEMS.id: 7})
    assert ireland.replicator.status()[EAST].connected
    await east.put(b"b")
    await east.journal.write(lambda transaction: transaction.put(other.id, b"c", b"x"))
    await until(lambda: ireland.journal.read(other.id, b"c") is not None)
    assert ireland.get(b"b") is None
    for region in (east, west):
        await region.journal.set_members(ITEMS.id, 8, HOLDERS)
    await until(lambda: ireland.get(b"b") == b"x")
    await until(lambda: ireland.replicator.status()[EAST].excluded == {})


def unacknowledged(region: Region, peer: str) -> int:
    """How many of its writes a peer has not said to hold."""
    return region.journal.status().unacknowledged[peer]


def follows(opening: OpeningRecord) -> tuple[str | None, int]:
    """The life that an opening names as the one before it, and how far that had come."""
    return opening.predecessor, opening.predecessor_last
