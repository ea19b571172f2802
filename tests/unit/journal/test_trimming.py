"""The log goes as far as all have it; beyond its bound as far as anybody has; and then writes are refused."""

from functools import partial
from pathlib import Path

import pytest

from terrella.journal import DataSet, Journal, Lane, StoreUnavailableError, Transaction
from terrella.journal.schema import SEQUENCE_MASK
from terrella.testing import ManualClock, SeededIds
from terrella.testing.replicas import REGIONS, Observed, Replica

ITEMS = DataSet("items-0001", "items", Lane.ASYNC, REGIONS)
LOCAL = DataSet("local-0001", "catalog", Lane.LOCAL, ("eu-west-1",))


def three() -> tuple[Observed, Replica, Replica, Replica]:
    observed = Observed([Replica(region, number) for number, region in enumerate(REGIONS)])
    first, second, third = observed.replicas
    return observed, first, second, third


def floors(replica: Replica) -> dict[str, int]:
    return {stream.region: stream.floor for stream in replica.store.catalog.declared(ITEMS.id).streams.values()}


def log_bytes_in_file(replica: Replica) -> int:
    count: int = replica.disk.execute("select coalesce(sum(length(record)), 0) from log").get
    return count


def acknowledge(holder: Replica, source: Replica) -> None:
    """What the puller says after each commit."""
    held = {**holder.vector(), (holder.region, holder.store.incarnation): SEQUENCE_MASK}
    source.store.note_acknowledgement(holder.region, ITEMS.id, held)


def test_what_all_hold_goes_and_nothing_else() -> None:
    observed, first, second, third = three()
    for number in range(250):
        observed.write(first, b"%d" % number, b"x" * 100)
    second.pull(first)
    acknowledge(second, first)
    first.housekeep()
    assert floors(first) == {"eu-west-1": 1}, "a holder has not said that it has anything"
    third.pull(first, 100)
    acknowledge(third, first)
    first.housekeep()
    assert floors(first) == {"eu-west-1": 101}
    assert first.store.log_bytes == log_bytes_in_file(first)
    acknowledge(third, second)
    second.housekeep()
    assert floors(second) == {"eu-west-1": 1}, "the origin's disk may have been lost since"
    acknowledge(first, second)
    second.housekeep()
    assert floors(second) == {"eu-west-1": 101}
    third.pull(first)
    acknowledge(third, first)
    first.housekeep()
    assert (floors(first), first.store.log_bytes) == ({"eu-west-1": 252}, 0)
    first.open()
    assert (floors(first), first.store.log_bytes) == ({"eu-west-1": 252}, 0)
    observed.converge()
    observed.check()


def test_a_peer_that_lost_its_disk_is_kept_what_it_wrote_in_earlier_lives() -> None:
    observed, first, second, third = three()
    observed.write(first, b"k", b"v")
    observed.converge()
    first.lose_disk()
    observed.write(first, b"other", b"v")
    second.pull(first)
    for holder in (first, third):
        acknowledge(holder, second)
    second.housekeep()
    assert sorted(floors(second).items()) == [("eu-west-1", 1)]
    observed.converge()
    observed.check()


def test_beyond_the_bound_goes_what_somebody_else_has() -> None:
    observed, first, second, _third = three()
    for number in range(300):
        observed.write(first, b"%d" % number, b"x" * 100)
        observed.write(second, b"%d" % number, b"y" * 100)
    first.pull(second)
    second.pull(first, 100)
    acknowledge(second, first)
    first.store.log_bytes_max = 40_000
    first.housekeep()
    assert floors(first)["us-east-1"] == 302, "others' records go first"
    assert floors(first)["eu-west-1"] == 1 + 100, "of our own those that another region has"
    assert first.store.trimmed_beyond_peers == 301 + 100
    assert first.store.log_bytes == log_bytes_in_file(first)
    first.open()
    assert first.store.trimmed_beyond_peers == 301 + 100


async def test_a_log_full_of_what_nobody_fetches_refuses_writes_and_says_why(tmp_path: Path) -> None:
    path = tmp_path / "region.sqlite"
    journal = await Journal.open(path, "eu-west-1", ManualClock(), SeededIds(1), log_bytes_max=5_000)
    await journal.declare(ITEMS)
    await journal.declare(LOCAL)

    async def fill() -> None:
        for number in range(60):
            key = b"%d" % number
            await journal.write(partial(Transaction.put, data_set_id=ITEMS.id, key=key, value=b"x" * 100))

    with pytest.raises(StoreUnavailableError, match="GiB of records wait for peers that do not fetch them"):
        await fill()
    written = journal.count(ITEMS.id)[0]
    assert 5_000 < journal.status().log_bytes < 5_200
    assert journal.status().refusal is not None
    await journal.keep_house()
    assert journal.status().trimmed_beyond_peers == 0, "what nobody else has stays"
    await journal.write(lambda transaction: transaction.put(LOCAL.id, b"k", b"v"))
    (vector,) = [status.vector for status in journal.status().data_sets if status.id == ITEMS.id]
    journal.store.note_acknowledgement("us-east-1", ITEMS.id, vector)
    await journal.keep_house()
    await journal.write(lambda transaction: transaction.put(ITEMS.id, b"k", b"v"))
    assert journal.count(ITEMS.id)[0] == written + 1
    assert journal.status().refusal is None
    assert journal.status().trimmed_beyond_peers > 0
    await journal.drop(ITEMS.id)
    assert journal.status().log_bytes == 0
    await journal.close()


def test_what_a_region_wrote_in_a_life_that_it_has_lost_stays_until_it_has_it_back() -> None:
    """Its next life names no predecessor: both look like its last one."""
    observed, first, second, third = three()
    observed.write(first, b"k", b"v")
    for other in (second, third):
        other.pull(first)
    for other in (first, third):
        acknowledge(other, second)
    life = first.store.incarnation
    second.store.note_acknowledgement(first.region, ITEMS.id, {(first.region, "another"): SEQUENCE_MASK})
    second.housekeep()
    assert floors(second) == {"eu-west-1": 1}
    second.store.note_acknowledgement(first.region, ITEMS.id, {(first.region, life): 2})
    second.housekeep()
    assert floors(second) == {"eu-west-1": 3}
