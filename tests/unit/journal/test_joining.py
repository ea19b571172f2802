"""Regions that take a snapshot, over real sockets: new ones, and those that no log brings up to date any more."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from terrella.journal import (
    DataSet,
    DataSetEvictedError,
    DataSetJoiningError,
    DataSetLeavingError,
    Event,
    Journal,
    Lane,
    Replicator,
    StandingChange,
    Store,
)
from terrella.journal.maintenance import sweep
from terrella.journal.salvage import mark_failed
from terrella.kernel import SystemClock, SystemIds
from terrella.testing import LoopbackNetwork

EAST, WEST, IRELAND = "us-east-1", "us-west-2", "eu-west-1"
REGIONS = (IRELAND, EAST, WEST)
ITEMS = DataSet("items-0001", "items", Lane.ASYNC, REGIONS)
MEMBERS = (EAST, WEST)


def by_first_byte(key: bytes, value: bytes) -> Iterable[tuple[str, bytes]]:
    del key
    yield "first", value[:1]


@dataclass
class Region:
    """One region's journal and replicator, that can be stopped and started again."""

    name: str
    network: LoopbackNetwork
    folder: Path
    journal: Journal = field(init=False)
    replicator: Replicator = field(init=False)
    changes: list[StandingChange] = field(default_factory=list)

    async def start(self) -> None:
        path = self.folder / f"{self.name}.sqlite"
        self.journal = await Journal.open(path, self.name, SystemClock(), SystemIds(), tombstone_grace_ms=0)
        self.journal.on_standing(self.changes.append)
        peers = [region for region in REGIONS if region != self.name]
        connector = self.network.connector(self.name)
        self.replicator = Replicator(self.journal, connector, peers, 0, SystemClock(), SystemIds())
        self.network.listens(self.name, "127.0.0.1", await self.replicator.start("127.0.0.1"))

    async def stop(self) -> None:
        await self.replicator.stop()
        await self.journal.close()

    async def put(self, key: bytes, value: bytes) -> None:
        await self.journal.write(lambda transaction: transaction.put(ITEMS.id, key, value))

    async def put_many(self, count: int, value: bytes, first: int = 0) -> None:
        for number in range(first, first + count, 500):
            keys = [b"key-%07d" % (one * 7919 % 10_000_000) for one in range(number, min(first + count, number + 500))]
            await self.journal.write(
                lambda transaction, keys=keys: [transaction.put(ITEMS.id, key, value) for key in keys]  # type: ignore[misc]
            )

    async def delete(self, key: bytes) -> None:
        await self.journal.write(lambda transaction: transaction.delete(ITEMS.id, key))

    def get(self, key: bytes) -> bytes | None:
        version = self.journal.read(ITEMS.id, key)
        return version.value if version else None

    @property
    def standing(self) -> str:
        return self.journal.status().data_sets[0].standing

    def told(self, event: Event) -> bool:
        return any(change.event is event for change in self.changes)


World = dict[str, Region]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """Two members that replicate; Ireland runs, and holds nothing yet."""
    network = LoopbackNetwork()
    regions = {name: Region(name, network, tmp_path) for name in REGIONS}
    for region in regions.values():
        await region.start()
    for name in MEMBERS:
        await regions[name].journal.declare(ITEMS, by_first_byte, {"first": "1"})
        await regions[name].journal.set_members(ITEMS.id, 1, MEMBERS)
    yield regions
    for region in regions.values():
        await region.stop()


async def set_members(world: World, epoch: int, members: Iterable[str], joining: Iterable[str] = ()) -> None:
    for region in world.values():
        if ITEMS.id in region.journal.store.catalog.data_sets:
            await region.journal.set_members(ITEMS.id, epoch, list(members), list(joining))


async def join(world: World, name: str, epoch: int = 2) -> None:
    """Everyone hears that the region joins; at last itself."""
    others = [member for member in REGIONS if member != name]
    await set_members({other: world[other] for other in others}, epoch, others, [name])
    journal = world[name].journal
    if ITEMS.id not in journal.store.catalog.data_sets:
        await journal.declare(DataSet(ITEMS.id, "items", Lane.ASYNC, tuple(others), (name,), epoch), by_first_byte)
    await journal.set_members(ITEMS.id, epoch, others, [name])


async def until(condition: Callable[[], bool], seconds: float = 60) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - states of several regions have no event
            await asyncio.sleep(0.002)


async def converged(world: World, names: Iterable[str] = REGIONS) -> None:
    """All have applied the same, and are the same byte for byte."""

    def same() -> bool:
        vectors = [world[name].journal.status().data_sets[0].vector for name in names]
        return all(vector == vectors[0] for vector in vectors)

    await until(same)
    assert len({world[name].journal.digest(ITEMS.id) for name in names}) == 1
    logs = [world[name].journal.conflicts(ITEMS.id) for name in names]
    assert all(log == logs[0] for log in logs)


async def test_a_new_region_takes_a_snapshot_and_is_reported(world: World) -> None:
    for number in range(1000):
        await world[EAST if number % 2 else WEST].put(b"%d" % number, b"x%d" % number)
    await world[EAST].delete(b"17")
    await converged(world, MEMBERS)
    await join(world, IRELAND)
    await until(lambda: world[IRELAND].told(Event.JOINED))
    assert world[IRELAND].standing == "joined"
    with pytest.raises(DataSetJoiningError, match="no member yet"):
        await world[IRELAND].put(b"a", b"x")
    with pytest.raises(DataSetJoiningError):
        world[IRELAND].get(b"a")
    await set_members(world, 3, REGIONS)
    await until(lambda: world[IRELAND].standing == "member")
    await world[IRELAND].put(b"from Ireland", b"x")
    await converged(world)
    assert world[IRELAND].get(b"16") == b"x16"
    assert world[IRELAND].get(b"17") is None
    found = world[IRELAND].journal.scan_index(ITEMS.id, "first", start=(b"x", b""), limit=2000)
    assert len(found) == 1000
    floors = world[IRELAND].journal.status().data_sets[0].floor
    assert all(floor > 1 for (region, _), floor in floors.items() if region != IRELAND)


async def test_what_is_written_meanwhile_is_there_too(world: World) -> None:
    """Fuzzy chunks and the log from the start on make one state."""
    await world[EAST].put_many(20_000, b"before")
    await converged(world, MEMBERS)
    stop = asyncio.Event()
    count = 0

    async def write(region: Region) -> None:
        nonlocal count
        while not stop.is_set():
            count += 1
            key = b"key-%07d" % (count * 7919 % 10_000_000)
            await (region.delete(key) if count % 3 == 0 else region.put(key, b"%s %d" % (region.name.encode(), count)))

    writers = [asyncio.create_task(write(world[name])) for name in MEMBERS for _ in range(4)]
    await join(world, IRELAND)
    await until(lambda: world[IRELAND].told(Event.JOINED))
    stop.set()
    await asyncio.gather(*writers)
    await set_members(world, 3, REGIONS)
    await converged(world)
    assert count > 50


async def test_the_source_dies_in_the_middle_and_another_goes_on(world: World) -> None:
    await world[EAST].put_many(20_000, b"before")
    await converged(world, MEMBERS)
    network = world[EAST].network
    network.cut(IRELAND, WEST)
    await until(lambda: not world[IRELAND].replicator.status()[WEST].connected)
    await join(world, IRELAND)
    state = world[IRELAND].journal.store.catalog.declared(ITEMS.id)
    await until(lambda: state.committed_items > 3000)
    await world[EAST].stop()
    await world[WEST].put(b"meanwhile", b"x")
    network.heal(IRELAND, WEST)
    world[IRELAND].replicator.poke()
    await until(lambda: world[IRELAND].told(Event.JOINED))
    await world[EAST].start()
    await world[EAST].journal.declare(ITEMS)
    await set_members(world, 3, REGIONS)
    await converged(world)
    assert world[IRELAND].journal.count(ITEMS.id)[0] == 20_001


async def test_the_joiner_dies_in_the_middle_and_resumes(world: World) -> None:
    await world[EAST].put_many(20_000, b"before")
    await converged(world, MEMBERS)
    await join(world, IRELAND)
    for wanted in (2000, 9000):
        state = world[IRELAND].journal.store.catalog.declared(ITEMS.id)
        await until(lambda state=state, wanted=wanted: state.committed_items > wanted)  # type: ignore[misc]
        await world[IRELAND].stop()
        await world[EAST].put_many(100, b"later", wanted)
        await world[IRELAND].start()
        await world[IRELAND].journal.declare(ITEMS, by_first_byte)
        assert world[IRELAND].journal.count(ITEMS.id)[0] >= wanted
    await until(lambda: world[IRELAND].told(Event.JOINED))
    await set_members(world, 3, REGIONS)
    await converged(world)
    found = world[IRELAND].journal.scan_index(ITEMS.id, "first", start=(b"l", b""), end=(b"m", b""), limit=2000)
    assert len(found) == 200


async def trim(region: Region) -> None:
    """Throw away the whole log, as for a region that was away too long."""

    def step(store: Store) -> bool:
        state = store.catalog.declared(ITEMS.id)
        for stream in state.streams.values():
            for _ in sweep(store, "log", "dot", f"dot between {stream.dot(0)} and {stream.dot(stream.applied)}"):
                pass
            stream.recent.clear()
            store.raise_floor(stream, stream.applied + 1)
        return False

    await region.journal.committer.step(step)


async def test_a_member_that_no_log_brings_up_to_date_gives_what_it_has_then_takes_a_snapshot(world: World) -> None:
    await join(world, IRELAND)
    await until(lambda: world[IRELAND].told(Event.JOINED))
    await set_members(world, 3, REGIONS)
    network = world[EAST].network
    await world[EAST].put_many(1000, b"before")
    await converged(world)
    network.cut(IRELAND, EAST)
    network.cut(IRELAND, WEST)
    await world[IRELAND].put(b"only here", b"x")
    await world[IRELAND].put(b"contested", b"from Ireland")
    await world[EAST].put(b"contested", b"from the east")
    await world[EAST].put_many(500, b"later", 500)
    await world[WEST].delete(b"key-%07d" % 7919)
    await converged(world, MEMBERS)
    await until(lambda: not any(peer.connected for peer in world[IRELAND].replicator.status().values()))
    for name in MEMBERS:
        await trim(world[name])
    network.heal(IRELAND, EAST)
    network.heal(IRELAND, WEST)
    world[IRELAND].replicator.poke()
    await until(lambda: world[IRELAND].told(Event.RECOVERED))
    await converged(world)
    assert world[IRELAND].get(b"only here") == b"x"
    assert world[IRELAND].get(b"key-%07d" % 7919) is None
    assert len(world[IRELAND].journal.conflicts(ITEMS.id)) == 1
    await world[IRELAND].put(b"after", b"x")
    await converged(world)


async def test_a_snapshot_can_be_ordered(world: World) -> None:
    await world[EAST].put_many(500, b"x")
    await converged(world, MEMBERS)
    await world[WEST].journal.take_snapshot(ITEMS.id, EAST)
    await until(lambda: world[WEST].told(Event.RECOVERED))
    await converged(world, MEMBERS)
    found = world[WEST].journal.scan_index(ITEMS.id, "first", start=(b"x", b""), limit=2000)
    assert len(found) == 500, "the index was emptied and filled again"


async def test_a_region_leaves_when_the_others_have_all_that_it_has(world: World) -> None:
    network = world[EAST].network
    network.cut(EAST, WEST)
    await world[WEST].put(b"a", b"x")
    await world[WEST].journal.leave(ITEMS.id)
    with pytest.raises(DataSetLeavingError):
        await world[WEST].put(b"a", b"y")
    assert world[WEST].get(b"a") == b"x", "reads go on"
    await asyncio.sleep(0.3)
    assert not world[WEST].changes
    network.heal(EAST, WEST)
    await until(lambda: world[WEST].told(Event.LEFT))
    await set_members(world, 2, [EAST])
    await until(lambda: world[WEST].standing == "evicted")
    with pytest.raises(DataSetEvictedError):
        await world[WEST].put(b"a", b"y")
    assert world[EAST].get(b"a") == b"x"


async def test_an_evicted_region_hears_of_it_and_what_it_wrote_is_taken_over(world: World) -> None:
    """The members have dropped a tombstone by then, and cut their logs."""
    await join(world, IRELAND)
    await until(lambda: world[IRELAND].told(Event.JOINED))
    await set_members(world, 3, REGIONS)
    await until(lambda: world[IRELAND].standing == "member")
    network = world[EAST].network
    await world[EAST].put(b"deleted", b"x")
    await world[EAST].put(b"kept", b"x")
    await converged(world)
    network.cut(IRELAND, EAST)
    network.cut(IRELAND, WEST)
    await until(lambda: not any(peer.connected for peer in world[IRELAND].replicator.status().values()))
    await set_members({name: world[name] for name in MEMBERS}, 4, MEMBERS)
    await world[WEST].delete(b"deleted")
    await world[IRELAND].put(b"kept", b"from Ireland")
    await world[IRELAND].put(b"deleted", b"from Ireland")
    await world[IRELAND].put(b"new", b"from Ireland")

    def dropped() -> bool:
        state = world[EAST].journal.store.catalog.declared(ITEMS.id)
        return world[EAST].journal.reader.stored(state, b"deleted") is None

    async with asyncio.timeout(60):
        while not dropped():
            for name in MEMBERS:
                await world[name].journal.keep_house()
            await asyncio.sleep(0.01)
    await world[WEST].journal.drain(ITEMS.id, IRELAND)
    await set_members({name: world[name] for name in MEMBERS}, 5, MEMBERS, [IRELAND])
    network.heal(IRELAND, EAST)
    network.heal(IRELAND, WEST)
    world[IRELAND].replicator.poke()
    await until(lambda: world[WEST].told(Event.DRAINED))
    await until(lambda: sum(change.event is Event.JOINED for change in world[IRELAND].changes) == 2)
    await set_members(world, 6, REGIONS)
    await until(lambda: world[IRELAND].standing == "member")
    await world[IRELAND].put(b"after", b"x")
    await converged(world)
    assert {region.get(b"kept") for region in world.values()} == {b"from Ireland"}
    assert {region.get(b"deleted") for region in world.values()} == {None}
    assert {conflict.key for conflict in world[EAST].journal.conflicts(ITEMS.id)} == {b"deleted", b"new"}
    assert world[EAST].get(b"after") == b"x"


async def test_a_region_whose_peers_share_a_data_set_no_more_says_so(world: World) -> None:
    """Only for this one: of another it is a member still, so that they talk to it."""
    other = DataSet("other-0001", "other", Lane.ASYNC, MEMBERS)
    for name in MEMBERS:
        await world[name].journal.declare(other)
    await world[WEST].put(b"a", b"x")
    await converged(world, MEMBERS)
    await world[EAST].journal.set_members(ITEMS.id, 2, [EAST])
    await until(lambda: world[WEST].told(Event.EVICTED))
    assert world[WEST].standing == "evicted"
    with pytest.raises(DataSetEvictedError, match="as a peer says, since epoch 2"):
        await world[WEST].put(b"a", b"y")
    assert world[WEST].get(b"a") == b"x"
    await world[WEST].journal.write(lambda transaction: transaction.put(other.id, b"a", b"x"))
    await world[WEST].journal.set_members(ITEMS.id, 2, [EAST])
    await until(lambda: world[WEST].journal.store.catalog.declared(ITEMS.id).join is None)


def disk_image(folder: Path, name: str) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.glob(f"{name}.sqlite*")}


def restore_disk(folder: Path, name: str, image: dict[Path, bytes]) -> None:
    for path in folder.glob(f"{name}.sqlite*"):
        path.unlink()
    for path, content in image.items():
        path.write_bytes(content)


async def test_an_old_image_whose_peers_have_cut_their_logs_gives_what_it_has_then_takes_a_snapshot(
    world: World, tmp_path: Path
) -> None:
    """What it had written since is not lost: others have it; what only it has, since it came back, is not either."""
    west = world[WEST]
    await world[EAST].put_many(300, b"before")
    await west.put(b"of the image", b"x")
    await converged(world, MEMBERS)
    await west.stop()
    image = disk_image(tmp_path, WEST)
    await west.start()
    await west.journal.declare(ITEMS, by_first_byte, {"first": "1"})
    await west.put(b"after the image", b"x")
    await west.delete(b"of the image")
    await world[EAST].put_many(300, b"later", 200)
    await converged(world, MEMBERS)
    await west.stop()
    restore_disk(tmp_path, WEST, image)
    await trim(world[EAST])
    west.network.cut(EAST, WEST)
    await west.start()
    await west.journal.declare(ITEMS, by_first_byte, {"first": "1"})
    assert west.get(b"after the image") is None
    await west.put(b"only here", b"x")
    west.network.heal(EAST, WEST)
    west.replicator.poke()
    await until(lambda: west.told(Event.RECOVERED))
    await converged(world, MEMBERS)
    assert west.get(b"only here") == world[EAST].get(b"only here") == b"x"
    assert west.get(b"after the image") == b"x"
    assert west.get(b"of the image") is None


async def test_a_damaged_file_gives_what_only_it_has_then_takes_a_snapshot(world: World, tmp_path: Path) -> None:
    west = world[WEST]
    await world[EAST].put_many(300, b"from the east" * 20)
    await converged(world, MEMBERS)
    west.network.cut(EAST, WEST)
    for number in range(50):
        await west.put(b"only here %d" % number, b"x")
    await west.stop()
    path = tmp_path / f"{WEST}.sqlite"
    content = bytearray(path.read_bytes())
    page = content.find(b"from the east") // 4096 * 4096
    content[page : page + 4096] = b"\x63" * 4096
    path.write_bytes(content)
    mark_failed(path, "a damaged page")
    await west.start()
    await west.journal.declare(ITEMS, by_first_byte, {"first": "1"})
    assert west.journal.salvaged is not None
    assert (west.journal.salvaged.sound, west.journal.salvaged.lost) == (False, [])
    west.network.heal(EAST, WEST)
    west.replicator.poke()
    await until(lambda: west.told(Event.RECOVERED))
    await converged(world, MEMBERS)
    assert west.journal.count(ITEMS.id)[0] == 350
    assert all(world[EAST].get(b"only here %d" % number) == b"x" for number in range(50))
    await west.put(b"only here 1", b"y")
    await converged(world, MEMBERS)
