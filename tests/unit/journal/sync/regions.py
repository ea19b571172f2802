"""Regions with journals and replicators over real sockets on loopback, and one data set of the lane ``sync``."""

import asyncio
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from terrella.journal import DataSet, GroupStatus, Journal, JournalError, Lane, Replicator, Transaction
from terrella.journal.sync.group import SyncGroup
from terrella.kernel import SystemClock, SystemIds
from terrella.testing import LoopbackNetwork

EAST, WEST, IRELAND = "us-east-1", "us-west-2", "eu-west-1"
REGIONS = (IRELAND, EAST, WEST)
ORDERS = DataSet("orders-0001", "orders", Lane.SYNC, REGIONS)
WITNESSED = DataSet("orders-0002", "orders", Lane.SYNC, (IRELAND, EAST), witness=WEST)


@dataclass
class Region:
    name: str
    network: LoopbackNetwork
    path: Path
    data_set: DataSet
    journal: Journal
    replicator: Replicator

    @classmethod
    async def start(cls, name: str, network: LoopbackNetwork, folder: Path, data_set: DataSet = ORDERS) -> "Region":
        path = folder / f"{name}.sqlite"
        journal = await Journal.open(path, name, SystemClock(), SystemIds())
        peers = [region for region in REGIONS if region != name]
        replicator = Replicator(journal, network.connector(name), peers, 0, SystemClock(), SystemIds(), world="test")
        network.listens(name, "127.0.0.1", await replicator.start("127.0.0.1"))
        await journal.declare(data_set)
        return cls(name, network, path, data_set, journal, replicator)

    async def stop(self) -> None:
        await self.replicator.stop()
        await self.journal.close()

    async def put(self, key: bytes, value: bytes) -> None:
        await self.journal.write(lambda transaction: transaction.put(self.data_set.id, key, value))

    async def delete(self, key: bytes) -> None:
        await self.journal.write(lambda transaction: transaction.delete(self.data_set.id, key))

    async def add(self, key: bytes, more: int) -> int:
        def judge(transaction: Transaction) -> int:
            version = transaction.get(self.data_set.id, key)
            total = more + int(version.value or b"0" if version else b"0")
            transaction.put(self.data_set.id, key, b"%d" % total)
            return total

        return await self.journal.write(judge)

    def get(self, key: bytes) -> bytes | None:
        try:
            version = self.journal.read(self.data_set.id, key)
        except JournalError:
            return None
        return version.value if version else None

    async def read(self, key: bytes) -> bytes | None:
        version = await self.journal.read_strong(self.data_set.id, key)
        return version.value if version else None

    @property
    def status(self) -> GroupStatus | None:
        return self.replicator.sync.status().get(self.data_set.id)

    @property
    def group(self) -> SyncGroup:
        group = self.replicator.sync.group(self.data_set.id)
        assert group is not None
        return group


World = dict[str, Region]


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what will become true; the test's own time-out is the bound."""
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - anything may be waited for
            await asyncio.sleep(0.01)


async def formed(world: World) -> None:
    """Until the group has a leader that all know."""
    await until(
        lambda: all(region.status is not None and region.status.leader is not None for region in world.values())
    )


def leader_of(world: World) -> Region:
    (leader,) = {region.status.leader for region in world.values() if region.status is not None}
    assert leader is not None
    return world[leader]


async def converged(world: World) -> None:
    def equal() -> bool:
        statuses = [region.status for region in world.values()]
        return len({status.applied for status in statuses if status}) == 1

    await until(equal)
    digests = {region.journal.digest(region.data_set.id) for region in world.values()}
    assert len(digests) == 1


def isolate(world: World, name: str) -> None:
    for other in REGIONS:
        if other != name:
            world[name].network.cut(name, other)


def heal(world: World, name: str) -> None:
    for other in REGIONS:
        if other != name:
            world[name].network.heal(name, other)
    for region in world.values():
        region.replicator.poke()


def lose_disk(folder: Path, name: str) -> None:
    for file in folder.glob(f"{name}.sqlite*"):
        file.unlink()


def disk_image(folder: Path, name: str) -> Path:
    image = folder / "image"
    image.mkdir()
    for file in folder.glob(f"{name}.sqlite*"):
        shutil.copy(file, image)
    return image


def restore_disk(folder: Path, image: Path) -> None:
    for file in image.iterdir():
        shutil.copy(file, folder)
