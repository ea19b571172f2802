"""The feed of changes: in the order of commits, with what was replaced here, and nothing of what lost."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest

from terrella.journal import Change, DataSet, Journal, Lane, declaring
from terrella.journal.changes import RETENTION_MS
from terrella.testing import ManualClock, SeededIds
from terrella.testing.replicas import REGIONS, Observed, Replica

ITEMS = DataSet("items-0001", "items", Lane.ASYNC, REGIONS)


class Follower(Replica):
    """A replica that feeds its changes."""

    def open(self) -> None:
        super().open()
        self.run(lambda: [None for _ in declaring(self.store, self.data_set, None, None, changes=True)])

    def changes(self, after: int = 0) -> list[Change]:
        return self.reader().changes(self.store.catalog.declared(ITEMS.id), after, 1_000_000)


def told(changes: list[Change]) -> Iterator[tuple[str, bytes, bytes | None, bytes | None]]:
    for change in changes:
        yield change.kind.value, change.key, change.old.value if change.old else None, change.new.value


def replicas() -> tuple[Observed, Follower, Follower, Follower]:
    observed = Observed([Follower(region, number) for number, region in enumerate(REGIONS)])
    first, second, third = (cast("Follower", replica) for replica in observed.replicas)
    return observed, first, second, third


def test_each_region_has_its_own_order_and_its_own_old_images() -> None:
    observed, first, second, third = replicas()
    observed.write(first, b"k", b"one")
    observed.write(second, b"k", b"two")
    observed.converge()
    assert list(told(first.changes())) == [
        ("INSERT", b"k", None, b"one"),
        ("MODIFY", b"k", b"one", b"two"),
    ]
    assert list(told(second.changes())) == [("INSERT", b"k", None, b"two")], "what loses is no change"
    assert [change.local for change in first.changes()] == [True, False]
    observed.write(first, b"k", None)
    observed.converge()
    for follower in (first, second, third):
        assert list(told(follower.changes()))[-1] == ("REMOVE", b"k", b"two", None)


def test_what_changes_nothing_is_no_change() -> None:
    observed, first, second, _ = replicas()
    observed.write(first, b"k", b"same")
    observed.write(first, b"k", b"same")
    observed.write(first, b"absent", None)
    assert len(first.changes()) == 1
    observed.write(first, b"k", None)
    assert second.pull(first, 2) == 2
    before = second.changes()
    observed.converge()
    assert len(second.changes()) == len(before) + 1


def test_an_expiry_says_so() -> None:
    observed, first, second, _ = replicas()
    observed.write(first, b"k", b"v")
    observed.write(first, b"k", None, expire=True)
    second.pull(first)
    assert [change.expiry for change in first.changes()] == [False, True]
    assert second.changes()[-1].expiry
    assert not second.changes()[-1].local


@pytest.mark.parametrize("seed", range(20))
def test_applying_the_feed_gives_the_items_at_every_position(seed: int) -> None:
    """A follower that starts from nothing and applies each change has what is stored: for every history."""
    chance = random.Random(seed)
    observed, *followers = replicas()
    for step in range(60):
        follower = chance.choice(followers)
        if chance.random() < 0.6:
            value = None if chance.random() < 0.3 else b"%d" % step
            observed.write(follower, b"%d" % chance.randrange(3), value, expire=chance.random() < 0.2)
        else:
            follower.pull(chance.choice([other for other in followers if other is not follower]), chance.choice((1, 9)))
        follower.housekeep()
    for follower in followers:
        items: dict[bytes, bytes] = {}
        positions = []
        for change in follower.changes():
            assert items.get(change.key) == (change.old and change.old.value), "the old image is what was here"
            if change.new.value is None:
                del items[change.key]
            else:
                items[change.key] = change.new.value
            positions.append(change.position)
        assert positions == sorted(set(positions))
        stored = {key: follower.stored(key) for key in {write.key for write in observed.writes.values()}}
        assert items == {key: one.value for key, one in stored.items() if one is not None and one.value is not None}


async def test_changes_are_kept_for_a_day_and_over_a_restart(tmp_path: Path) -> None:
    clock = ManualClock()

    async def reopened(seed: int) -> Journal:
        journal = await Journal.open(tmp_path / "region.sqlite", "us-east-1", clock, SeededIds(seed))
        await journal.declare(ITEMS, changes=True)
        return journal

    journal = await reopened(1)
    for number in range(150):
        await journal.write(lambda transaction, n=number: transaction.put(ITEMS.id, b"%d" % n, b"v"))  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
    clock.advance(RETENTION_MS / 2000)
    await journal.write(lambda transaction: transaction.put(ITEMS.id, b"later", b"v"))
    await journal.close()
    journal = await reopened(2)
    assert journal.changes_span(ITEMS.id) == (1, 151)
    assert [change.position for change in journal.changes(ITEMS.id, 10, 2)] == [11, 12]
    await journal.keep_house()
    assert journal.changes_span(ITEMS.id) == (1, 151)
    clock.advance(RETENTION_MS / 2000)
    await journal.keep_house()
    assert journal.changes_span(ITEMS.id) == (151, 151)
    clock.advance(RETENTION_MS / 2000)
    await journal.keep_house()
    assert journal.changes_span(ITEMS.id) is None
    await journal.write(lambda transaction: transaction.put(ITEMS.id, b"new", b"v"))
    assert journal.changes_span(ITEMS.id) == (152, 152), "a position is never given twice"
    await journal.close()


async def test_a_data_set_that_nobody_follows_feeds_nothing(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "region.sqlite", "us-east-1", ManualClock(), SeededIds(1))
    await journal.declare(ITEMS)
    await journal.write(lambda transaction: transaction.put(ITEMS.id, b"k", b"v"))
    assert journal.changes_span(ITEMS.id) is None
    await journal.close()
