"""Time ends a version and nothing else: whatever was written meanwhile stands, and nothing of it is a conflict."""

from collections.abc import Iterable
from pathlib import Path

from terrella.journal import DataSet, Dot, Journal, Lane, Transaction, Version, merge
from terrella.testing import ManualClock, SeededIds
from terrella.testing.replicas import REGIONS, Observed, Replica

ITEMS = DataSet("items-0001", "items", Lane.ASYNC, ("eu-west-1", "us-east-1"))
ENDED = Version(b"v", Dot("b", "1", 5), 100)
EXPIRY = Version(None, Dot("a", "1", 7), 100, {("b", "1"): 5}, ENDED.dot)


def by_moment(key: bytes, value: bytes) -> Iterable[tuple[str, bytes]]:
    """Values begin with the moment at which they expire, or with no digit."""
    if value[:1].isdigit():
        yield "ttl", value[:3]


async def open_journal(path: Path) -> Journal:
    journal = await Journal.open(path / "region.sqlite", "us-east-1", ManualClock(), SeededIds(1))
    await journal.declare(ITEMS, by_moment, {"ttl": "1"})
    return journal


def test_an_expiry_wins_over_what_it_ends_and_over_nothing_that_is_greater() -> None:
    assert merge(ENDED, EXPIRY).version.value is None
    for later in (
        Version(b"w", Dot("b", "1", 6), 101),
        Version(b"w", Dot("c", "1", 1), 101, {("b", "1"): 5}),
        Version(None, Dot("a", "2", 9), 100, {("b", "1"): 5}, ENDED.dot),
    ):
        for one, other in ((EXPIRY, later), (later, EXPIRY)):
            result = merge(one, other)
            assert result.version.dot == later.dot
            assert result.clash is None, "nobody loses anything: the version that it ends was seen"


def test_who_had_not_seen_the_version_either_is_in_conflict_with_its_expiry() -> None:
    greater = Version(b"w", Dot("c", "1", 1), 100)
    for one, other in ((EXPIRY, greater), (greater, EXPIRY)):
        result = merge(one, other)
        assert result.version.dot == greater.dot, "it would have won over the version, too"
        assert result.clash is not None
        assert result.clash.loser.dot == EXPIRY.dot


def test_what_lost_to_the_version_loses_to_its_expiry_and_is_logged() -> None:
    earlier = Version(b"w", Dot("a", "2", 1), 100)
    for one, other in ((EXPIRY, earlier), (earlier, EXPIRY)):
        result = merge(one, other)
        assert result.version.dot == EXPIRY.dot
        assert result.clash is not None
        assert result.clash.loser.dot == earlier.dot


def test_two_regions_may_expire_the_same_version() -> None:
    observed = Observed([Replica(region, number) for number, region in enumerate(REGIONS)])
    first, second, _ = observed.replicas
    observed.write(first, b"k", b"v")
    observed.converge()
    observed.write(first, b"k", None, expire=True)
    observed.write(second, b"k", None, expire=True)
    observed.converge()
    assert [replica.conflicts for replica in observed.replicas] == [[], [], []]
    observed.check()


def test_an_expiry_loses_to_a_write_that_did_not_know_of_it() -> None:
    observed = Observed([Replica(region, number) for number, region in enumerate(REGIONS)])
    first, second, _ = observed.replicas
    observed.write(first, b"k", b"v")
    observed.converge()
    first.clock.advance(60)
    observed.write(first, b"k", None, expire=True)
    observed.write(second, b"k", b"prolonged")
    observed.converge()
    assert [replica.stored(b"k").value for replica in observed.replicas] == [b"prolonged"] * 3  # type: ignore[union-attr]  # it is there
    assert [replica.conflicts for replica in observed.replicas] == [[], [], []]
    observed.check()


def test_an_expiry_keeps_what_it_ends_over_a_restart() -> None:
    observed = Observed([Replica(region, number) for number, region in enumerate(REGIONS)])
    first = observed.replicas[0]
    observed.write(first, b"k", b"v")
    written = first.stored(b"k")
    observed.write(first, b"k", None, expire=True)
    first.open()
    stored = first.stored(b"k")
    assert written is not None
    assert stored is not None
    assert (stored.value, stored.expires, stored.hlc) == (None, written.dot, written.hlc)


async def test_a_sweep_ends_what_is_due_and_leaves_the_rest(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    for number in range(120):
        await journal.write(lambda transaction, n=number: transaction.put(ITEMS.id, b"%d" % n, b"%03d" % n))  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
    await journal.write(lambda transaction: transaction.put(ITEMS.id, b"for ever", b"x"))
    assert await journal.expire(ITEMS.id, "ttl", b"010", b"099", limit=60) == 60
    assert await journal.expire(ITEMS.id, "ttl", b"010", b"099") == 30
    assert await journal.expire(ITEMS.id, "ttl", b"010", b"099") == 0
    assert journal.count(ITEMS.id)[0] == 121 - 90
    assert journal.read(ITEMS.id, b"5") is not None, "older than asked for"
    assert await journal.expire(ITEMS.id, "unknown", b"", b"z") == 0
    await journal.close()


async def test_a_version_that_was_replaced_meanwhile_is_not_expired(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    await journal.write(lambda transaction: transaction.put(ITEMS.id, b"k", b"001"))
    version = journal.read(ITEMS.id, b"k")
    assert version is not None
    await journal.write(lambda transaction: transaction.put(ITEMS.id, b"k", b"002"))

    def expire(transaction: Transaction) -> bool:
        return transaction.expire(ITEMS.id, b"k", version.dot)

    assert not await journal.write(expire)
    assert journal.read(ITEMS.id, b"k") is not None
    await journal.close()
