"""Two members compare what they have both applied; what differs is mended by the merge, where there is evidence."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable
from pathlib import Path

import pytest

from terrella.journal import DataSet, Difference, Dot, Journal, Lane, Replicator, Store, VerificationError, Version
from terrella.journal.antientropy import Digests, compare, conflicts_differ, differing_buckets, suspects
from terrella.journal.verifying import EntryDigest
from terrella.kernel import SystemClock, SystemIds
from terrella.testing import LoopbackNetwork

EAST, WEST, IRELAND = "us-east-1", "us-west-2", "eu-west-1"
REGIONS = (IRELAND, EAST, WEST)
ITEMS = DataSet("items-0001", "items", Lane.ASYNC, REGIONS)
ORIGIN = (EAST, "e1")


def entry(key: bytes, sequence: int, value_hash: bytes | None = b"h") -> EntryDigest:
    return EntryDigest(key, Dot(*ORIGIN, sequence), 1, value_hash)


def version(sequence: int, value: bytes | None = b"x", hlc: int = 1) -> Version:
    return Version(value, Dot(*ORIGIN, sequence), hlc)


# the pure part


def test_what_one_side_has_not_applied_is_no_difference() -> None:
    mine = {b"a": entry(b"a", 1), b"b": entry(b"b", 2), b"d": entry(b"d", 9)}
    theirs = {b"a": entry(b"a", 1), b"b": entry(b"b", 5), b"c": entry(b"c", 3)}
    assert list(suspects(mine, theirs, {ORIGIN: 9}, {ORIGIN: 5})) == [b"b", b"c"]
    assert list(suspects(mine, theirs, {ORIGIN: 4}, {ORIGIN: 9})) == [b"c", b"d"]


def test_versions_are_compared_by_write_and_by_content() -> None:
    both = {ORIGIN: 9}
    assert compare(version(1), version(1), both, both) is None
    assert compare(version(1), version(2), both, both) is Difference.DIFFERENT
    assert compare(version(1), version(1, b"y"), both, both) is Difference.SAME_DOT
    assert compare(version(1), None, both, both) is Difference.ONLY_HERE
    assert compare(None, version(1), both, both) is Difference.ONLY_THERE
    assert compare(None, None, both, both) is None
    assert compare(version(1), version(9), {ORIGIN: 8}, both) is None


def test_a_deletion_that_one_side_lacks_counts_only_between_equals() -> None:
    """Who has applied more may know already that all have acknowledged it."""
    both = {ORIGIN: 9}
    assert compare(version(1, None), None, both, both) is Difference.ONLY_HERE
    assert compare(version(1, None), None, both, {ORIGIN: 9, (WEST, "w"): 1}) is None


def test_conflict_logs_are_compared_only_at_rest() -> None:
    mine = Digests({ORIGIN: 9}, [1, 2, 3], 7, moved=False)
    assert differing_buckets(mine, Digests({}, [1, 5, 4], 7, moved=False)) == [1, 2]
    assert conflicts_differ(mine, Digests({ORIGIN: 9}, [], 8, moved=False))
    assert not conflicts_differ(mine, Digests({ORIGIN: 9}, [], 8, moved=True))
    assert not conflicts_differ(mine, Digests({ORIGIN: 8}, [], 8, moved=False))


# over sockets


class Region:
    def __init__(self, name: str, journal: Journal, replicator: Replicator) -> None:
        self.name = name
        self.journal = journal
        self.replicator = replicator

    async def put(self, key: bytes, value: bytes) -> None:
        await self.journal.write(lambda transaction: transaction.put(ITEMS.id, key, value))

    def get(self, key: bytes) -> bytes | None:
        found = self.journal.read(ITEMS.id, key)
        return found.value if found else None

    async def damage(self, sql: str, *bindings: object) -> None:
        """Change the file behind the journal's back."""

        def step(store: Store) -> bool:
            store.execute(sql, bindings)
            return False

        await self.journal.committer.step(step)


World = dict[str, Region]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    network = LoopbackNetwork()
    regions: World = {}
    for name in REGIONS:
        journal = await Journal.open(
            tmp_path / f"{name}.sqlite", name, SystemClock(), SystemIds(), housekeeping_interval_s=1000
        )
        peers = [region for region in REGIONS if region != name]
        replicator = Replicator(journal, network.connector(name), peers, 0, SystemClock(), SystemIds())
        network.listens(name, "127.0.0.1", await replicator.start("127.0.0.1"))
        await journal.declare(ITEMS)
        regions[name] = Region(name, journal, replicator)
    for third, region in enumerate(regions.values()):
        items = [(b"key-%03d" % number, b"%d" % number) for number in range(third, 900, 3)]
        await region.journal.write(lambda t, items=items: [t.put(ITEMS.id, *item) for item in items])  # type: ignore[misc]
    await converged(regions)
    yield regions
    for region in regions.values():
        await region.replicator.stop()
        await region.journal.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 - states of several regions have no event in common
            await asyncio.sleep(0.002)


async def converged(world: World) -> None:
    def vectors() -> Iterable[object]:
        return [region.journal.status().data_sets[0].vector for region in world.values()]

    await until(lambda: len({str(sorted(vector.items())) for vector in vectors()}) == 1)  # type: ignore[attr-defined]
    await until(
        lambda: all(peer.connected for region in world.values() for peer in region.replicator.status().values())
    )


def equal(world: World) -> bool:
    return len({region.journal.digest(ITEMS.id) for region in world.values()}) == 1


async def test_equal_replicas_are_found_equal(world: World) -> None:
    report = await world[EAST].replicator.verify(ITEMS.id, WEST)
    assert report.equal
    assert (report.buckets, report.suspects) == (0, 0)
    assert world[EAST].replicator.verified[ITEMS.id, WEST] is report


async def test_writes_that_go_on_meanwhile_are_no_difference(world: World) -> None:
    stop = asyncio.Event()

    async def write(region: Region) -> None:
        number = 0
        while not stop.is_set():
            number += 1
            await region.put(b"key-%03d" % (number * 7 % 900), b"%d" % number)

    writers = [asyncio.create_task(write(region)) for region in world.values()]
    for _ in range(3):
        report = await world[WEST].replicator.parts.verify(ITEMS.id, IRELAND, pause_s=0.3)
        assert report.equal, report.findings
    stop.set()
    await asyncio.gather(*writers)
    await converged(world)
    assert equal(world)


async def test_what_is_missing_is_sent_if_its_record_or_a_third_region_speaks_for_it(world: World) -> None:
    await world[EAST].damage("delete from items where key = ?", b"key-010")
    await world[WEST].damage("delete from items where key = ?", b"key-020")
    for region in world.values():
        await region.damage("delete from log")
    report = await world[EAST].replicator.parts.verify(ITEMS.id, WEST, pause_s=0.01)
    assert {(one.key, one.kind, one.evidence, one.repaired) for one in report.findings} == {
        (b"key-010", Difference.ONLY_THERE, f"{IRELAND} has it too", True),
        (b"key-020", Difference.ONLY_HERE, f"{IRELAND} has it too", True),
    }
    assert report.buckets == 2
    assert equal(world)
    assert world[EAST].get(b"key-010") == b"10"
    assert (await world[EAST].replicator.verify(ITEMS.id, WEST)).equal


async def test_what_nothing_speaks_for_is_reported_and_left(world: World) -> None:
    """Neither a log nor a third region has it: it may as well be the other side that is right."""
    for name in (EAST, IRELAND):
        await world[name].damage("delete from items where key = ?", b"key-030")
    for region in world.values():
        await region.damage("delete from log")
    (finding,) = (await world[WEST].replicator.parts.verify(ITEMS.id, EAST, pause_s=0.01)).findings
    assert (finding.kind, finding.evidence, finding.repaired) == (Difference.ONLY_HERE, None, False)
    assert world[EAST].get(b"key-030") is None


async def test_a_record_in_the_log_is_evidence_enough(world: World) -> None:
    for name in (EAST, IRELAND):
        await world[name].damage("delete from items where key = ?", b"key-031")
    (finding,) = (await world[EAST].replicator.parts.verify(ITEMS.id, WEST, pause_s=0.01)).findings
    assert (finding.kind, finding.evidence, finding.repaired) == (
        Difference.ONLY_THERE,
        "its record is in the log",
        True,
    )
    assert world[EAST].get(b"key-031") == b"31"


async def test_two_versions_are_merged_and_one_write_with_two_contents_is_only_reported(world: World) -> None:
    state = world[EAST].journal.store.catalog.declared(ITEMS.id)
    earlier = world[EAST].journal.reader.stored(state, b"key-041")
    assert earlier is not None
    await world[EAST].damage(
        "update items set dot = (select dot from items where key = ?), hlc = 1, value = ? where key = ?",
        b"key-001",
        b"stale",
        b"key-040",
    )
    await world[WEST].damage("update items set value = ? where key = ?", b"rotten", b"key-050")
    report = await world[EAST].replicator.parts.verify(ITEMS.id, WEST, pause_s=0.01)
    assert {(one.key, one.kind, one.repaired) for one in report.findings} == {
        (b"key-040", Difference.DIFFERENT, True),
        (b"key-050", Difference.SAME_DOT, False),
    }
    assert world[EAST].get(b"key-040") == b"40"
    assert world[WEST].get(b"key-050") == b"rotten"


async def test_nothing_is_mended_if_it_is_only_to_be_looked_at(world: World) -> None:
    await world[EAST].damage("delete from items where key = ?", b"key-010")
    (finding,) = (await world[WEST].replicator.verify(ITEMS.id, EAST, repair=False)).findings
    assert not finding.repaired
    assert world[EAST].get(b"key-010") is None


async def test_who_cannot_be_compared_says_why(world: World) -> None:
    with pytest.raises(VerificationError, match="no such data set"):
        await world[EAST].replicator.verify("other", WEST)
    with pytest.raises(VerificationError, match="no member"):
        await world[EAST].replicator.verify(ITEMS.id, "mars")
    await world[WEST].journal.drop(ITEMS.id)
    with pytest.raises(VerificationError, match="no such data set"):
        await world[EAST].replicator.verify(ITEMS.id, WEST)
    await world[WEST].replicator.stop()
    with pytest.raises(VerificationError, match="connect"):
        await world[EAST].replicator.verify(ITEMS.id, WEST)


async def test_in_the_background_the_first_by_name_compares_every_pair(world: World) -> None:
    await world[IRELAND].damage("delete from items where key = ?", b"key-010")
    comparing = asyncio.create_task(world[IRELAND].replicator.parts.verify_all(0.05, lambda: 0.5))
    await until(lambda: world[IRELAND].get(b"key-010") == b"10")
    await until(lambda: {(ITEMS.id, EAST), (ITEMS.id, WEST)} <= world[IRELAND].replicator.verified.keys())
    comparing.cancel()
    await asyncio.gather(comparing, return_exceptions=True)
