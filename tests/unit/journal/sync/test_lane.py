"""The lane sync over real sockets: three regions, cuts, restarts, lost disks, old images, snapshots."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.unit.journal.sync.regions import (
    EAST,
    IRELAND,
    ORDERS,
    REGIONS,
    WEST,
    WITNESSED,
    Region,
    World,
    converged,
    disk_image,
    formed,
    heal,
    isolate,
    leader_of,
    lose_disk,
    restore_disk,
    until,
)

from terrella.journal import (
    DataSetStandingError,
    OutcomeUnknownError,
    StoreUnavailableError,
    Transaction,
    WriteConflictError,
)
from terrella.journal.sync import clients, group
from terrella.testing import LoopbackNetwork


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    network = LoopbackNetwork()
    regions = {name: await Region.start(name, network, tmp_path) for name in REGIONS}
    await formed(regions)
    yield regions
    for region in regions.values():
        await region.stop()


async def test_what_is_acknowledged_anywhere_is_read_everywhere(world: World) -> None:
    for number, writer in enumerate(world.values()):
        await writer.put(b"a", b"%d" % number)
        for reader in world.values():
            assert await reader.read(b"a") == b"%d" % number
    await world[WEST].delete(b"a")
    assert await world[EAST].read(b"a") is None
    await converged(world)
    assert all(region.journal.count(ORDERS.id) == (0, 0) for region in world.values())


async def test_dots_are_the_logs_and_nothing_of_it_is_pulled_or_in_conflict(world: World) -> None:
    await world[EAST].put(b"a", b"one")
    await world[WEST].read(b"a")
    await world[WEST].put(b"a", b"two")
    await converged(world)
    first, *others = [region.journal.read(ORDERS.id, b"a") for region in world.values()]
    assert others == [first, first]
    version = first
    assert version is not None
    assert version.dot.origin == ("sync", ORDERS.id)
    for region in world.values():
        assert region.journal.conflicts(ORDERS.id) == []
        assert region.journal.status().at_risk == 0


async def test_increments_in_all_regions_are_all_there(world: World) -> None:
    """Contention answers a conflict, as on AWS; who tries again on it loses nothing and does nothing twice."""
    refused = 0

    async def work(region: Region) -> None:
        nonlocal refused
        for _ in range(15):
            while True:
                try:
                    await region.add(b"counter", 1)
                    break
                except WriteConflictError:
                    refused += 1
                    await region.read(b"counter")

    await asyncio.gather(*(work(region) for region in world.values()))
    assert await world[EAST].read(b"counter") == b"45"
    assert refused > 0
    await converged(world)


async def test_writes_of_one_region_to_one_key_wait_for_each_other(world: World) -> None:
    totals = await asyncio.gather(*(world[WEST].add(b"counter", 1) for _ in range(30)))
    assert sorted(totals) == list(range(1, 31))


async def test_a_failed_condition_is_judged_on_what_is_current(world: World) -> None:
    """The other region's own state may not have it yet: then the judge is asked again on one that has."""
    for number in range(20):
        key = b"%d" % number
        await world[EAST].put(key, b"open")

        def judge(transaction: Transaction, key: bytes = key) -> None:
            version = transaction.get(ORDERS.id, key)
            if version is None or version.value != b"open":
                raise LookupError(f"found {version}")
            transaction.put(ORDERS.id, key, b"closed")

        await world[WEST].journal.write(judge)
    with pytest.raises(LookupError, match="closed"):
        await world[IRELAND].journal.write(judge)


async def test_without_a_majority_nothing_is_acknowledged_and_the_others_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "PATIENCE_S", 1.0)
    for lane in world.values():
        lane.replicator.sync._clients[ORDERS.id].patience_s = 1.5
    await world[EAST].put(b"a", b"before")
    await converged(world)
    alone = leader_of(world)
    isolate(world, alone.name)
    with pytest.raises((OutcomeUnknownError, StoreUnavailableError)):
        await alone.put(b"a", b"alone")
    with pytest.raises(StoreUnavailableError):
        await alone.read(b"a")
    assert alone.get(b"a") == b"before", "what is committed is still read"
    others = {name: region for name, region in world.items() if name != alone.name}
    await until(lambda: all(region.status and region.status.leader in others for region in others.values()))
    writer = next(iter(others.values()))
    await writer.put(b"b", b"together")
    heal(world, alone.name)
    await until(lambda: alone.get(b"b") == b"together")
    assert len({await region.read(b"a") for region in world.values()}) == 1
    await converged(world)


async def test_a_leaders_death_is_a_pause(world: World, tmp_path: Path) -> None:
    dead = leader_of(world)
    network = dead.network
    await dead.stop()
    others = {name: region for name, region in world.items() if name != dead.name}
    begun = asyncio.get_running_loop().time()
    await next(iter(others.values())).put(b"a", b"after")
    assert asyncio.get_running_loop().time() - begun < clients.PATIENCE_S
    world[dead.name] = await Region.start(dead.name, network, tmp_path)
    await until(lambda: world[dead.name].get(b"a") == b"after")
    assert await world[dead.name].read(b"a") == b"after"
    await converged(world)


async def test_all_restart_and_go_on(world: World, tmp_path: Path) -> None:
    await world[EAST].put(b"a", b"one")
    await converged(world)
    network = world[EAST].network
    members = {region.status.member for region in world.values() if region.status}
    for region in world.values():
        await region.stop()
    for name in REGIONS:
        world[name] = await Region.start(name, network, tmp_path)
    await formed(world)
    assert await world[WEST].read(b"a") == b"one"
    assert {region.status.member for region in world.values() if region.status} == members


async def is_member_again(world: World, name: str, former: str) -> None:
    """Until the region votes under another id, and all know."""

    def is_voter() -> bool:
        statuses = [region.status for region in world.values()]
        if any(status is None for status in statuses) or len({status.leader for status in statuses if status}) != 1:
            return False
        own = world[name].status
        voters = [{member.id for member in status.members if member.part == "voter"} for status in statuses if status]
        return (
            own is not None
            and own.serving
            and own.member != former
            and voters == 3 * [voters[0]]
            and (own.member in voters[0] and former not in voters[0] and len(voters[0]) == 3)
        )

    await until(is_voter)


async def test_a_region_that_lost_its_disk_comes_back_under_a_new_id(world: World, tmp_path: Path) -> None:
    for number in range(20):
        await world[EAST].put(b"%d" % number, b"x")
    lost = leader_of(world).name
    former = world[lost].group.member
    network = world[lost].network
    await world[lost].stop()
    lose_disk(tmp_path, lost)
    world[lost] = await Region.start(lost, network, tmp_path)
    with pytest.raises(DataSetStandingError):
        world[lost].journal.read(ORDERS.id, b"1")
    others = {name: region for name, region in world.items() if name != lost}
    await next(iter(others.values())).put(b"meanwhile", b"y")
    await until(lambda: world[lost].get(b"meanwhile") == b"y")
    await is_member_again(world, lost, former)
    await world[lost].put(b"back", b"z")
    await converged(world)


async def test_an_old_image_of_a_disk_counts_for_nothing(world: World, tmp_path: Path) -> None:
    await world[EAST].put(b"a", b"old")
    await converged(world)
    restored = next(name for name in REGIONS if name != leader_of(world).name)
    network = world[restored].network
    former = world[restored].group.member
    await world[restored].stop()
    image = disk_image(tmp_path, restored)
    world[restored] = await Region.start(restored, network, tmp_path)
    await formed(world)
    await world[restored].put(b"a", b"new")
    await world[restored].stop()
    lose_disk(tmp_path, restored)
    restore_disk(tmp_path, image)
    world[restored] = await Region.start(restored, network, tmp_path)
    await is_member_again(world, restored, former)
    assert await world[restored].read(b"a") == b"new"
    await converged(world)


async def test_who_is_far_behind_takes_a_snapshot_while_writes_go_on(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group, "KEPT_ENTRIES", 5)
    behind = next(name for name in REGIONS if name != leader_of(world).name)
    network = world[behind].network
    await world[behind].put(b"gone", b"x")
    await world[behind].stop()
    leader = leader_of({name: region for name, region in world.items() if name != behind})
    await leader.delete(b"gone")
    for number in range(60):
        await leader.put(b"%d" % number, b"x" * 10_000)
    assert leader.status is not None
    assert leader.status.log_first > 20
    world[behind] = await Region.start(behind, network, tmp_path)
    for number in range(20):
        await leader.put(b"%d" % number, b"later")
    await until(lambda: world[behind].get(b"19") == b"later")
    assert world[behind].get(b"gone") is None
    await world[behind].put(b"back", b"y")
    await converged(world)


async def test_a_witness_makes_the_majority_and_holds_nothing(tmp_path: Path) -> None:
    network = LoopbackNetwork()
    world = {name: await Region.start(name, network, tmp_path, WITNESSED) for name in REGIONS}
    await formed(world)
    await world[EAST].put(b"a", b"one")
    with pytest.raises(DataSetStandingError, match="witness"):
        world[WEST].journal.read(WITNESSED.id, b"a")
    with pytest.raises(DataSetStandingError, match="witness"):
        await world[WEST].put(b"a", b"two")
    await world[EAST].stop()
    await world[IRELAND].put(b"a", b"two")
    assert await world[IRELAND].read(b"a") == b"two"
    assert world[WEST].journal.count(WITNESSED.id) == (0, 0)
    for name in (IRELAND, WEST):
        await world[name].stop()


async def test_a_group_that_never_came_together_says_for_whom_it_waits(tmp_path: Path) -> None:
    network = LoopbackNetwork()
    world = {name: await Region.start(name, network, tmp_path) for name in (EAST, IRELAND)}

    def waits_for() -> tuple[str, ...]:
        status = world[EAST].status
        return () if status is None else status.waiting_for

    await until(lambda: waits_for() == (WEST,))
    with pytest.raises(DataSetStandingError):
        await world[EAST].put(b"a", b"one")
    world[WEST] = await Region.start(WEST, network, tmp_path)
    await formed(world)
    await world[EAST].put(b"a", b"one")
    for region in world.values():
        await region.stop()


async def test_a_data_set_that_is_dropped_leaves_nothing(world: World) -> None:
    await world[EAST].put(b"a", b"one")
    await world[EAST].journal.drop(ORDERS.id)
    await until(lambda: world[EAST].replicator.sync.status() == {})
    for table in ("raft_groups", "raft_log", "raft_proposals", "items"):
        assert world[EAST].journal.store.ask(f"select count(*) from {table}") == 0


async def test_a_write_is_of_one_data_set(world: World) -> None:
    def judge(transaction: Transaction) -> None:
        transaction.put(ORDERS.id, b"a", b"one")
        transaction.put("other", b"a", b"one")

    with pytest.raises(Exception, match="other"):
        await world[EAST].journal.write(judge)
