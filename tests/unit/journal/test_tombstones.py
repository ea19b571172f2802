"""Tombstones go when they may: nothing comes back to life, nothing is called a conflict that is none, all are equal."""

from dataclasses import dataclass, field

import pytest

from terrella.journal import Dot, Vector, Version
from terrella.journal.acknowledging import as_seen_by_writer, latest
from terrella.journal.tombstones import may_go, stable_vector
from terrella.testing.replicas import REGIONS, Observed, Replica, random_history

A, B = ("a", "1"), ("b", "1")


@dataclass
class Incarnation:
    """A life as a test tells it."""

    region: str
    incarnation: str
    acknowledged: Vector = field(default_factory=dict)


@pytest.mark.parametrize("group", range(4))
def test_any_history_converges_with_tombstones_dropped_on_its_way(group: int) -> None:
    for seed in range(group, 120, 4):
        observed = random_history(seed)
        observed.converge()
        observed.check()


@pytest.mark.parametrize("group", range(4))
def test_lost_disks_and_old_images_bring_nothing_back(group: int) -> None:
    """Which tombstones are stable is agreed upon again once a region that lost some has acknowledged anew."""
    for seed in range(1000 + group, 1060, 4):
        observed = random_history(seed, 160, disasters=True)
        observed.converge()
        for replica in observed.replicas:
            replica.housekeep()
        observed.converge()
        observed.check()


def test_in_the_end_all_tombstones_are_gone_and_nothing_more_is_said() -> None:
    for seed in range(10):
        observed = random_history(seed, disasters=seed % 2 == 0)
        for _ in range(6):
            observed.converge()
            for replica in observed.replicas:
                replica.housekeep()
        assert [replica.tombstones() for replica in observed.replicas] == [0, 0, 0], seed
        vectors = [replica.vector() for replica in observed.replicas]
        for replica in observed.replicas:
            replica.housekeep()
        assert [replica.vector() for replica in observed.replicas] == vectors, "housekeeping is quiet when all is done"
        observed.check()


def test_replicas_with_and_without_a_stable_tombstone_are_equal() -> None:
    observed = Observed([Replica(region, number) for number, region in enumerate(REGIONS)])
    first, _second, _third = observed.replicas
    observed.write(first, b"k", b"v")
    observed.write(first, b"k", None)
    observed.converge()
    for replica in observed.replicas:
        replica.housekeep()
    observed.converge()
    first.housekeep()
    assert [replica.tombstones() for replica in observed.replicas] == [0, 1, 1]
    observed.check()


def test_a_write_over_a_dropped_tombstone_is_no_conflict() -> None:
    observed = Observed([Replica(region, number) for number, region in enumerate(REGIONS)])
    first, second, _third = observed.replicas
    observed.write(second, b"k", b"v")
    observed.write(second, b"k", None)
    observed.converge()
    for replica in observed.replicas:
        replica.housekeep()
    observed.converge()
    first.housekeep()
    observed.write(first, b"k", b"again")
    assert first.stored(b"k").context == {}, "the tombstone is forgotten here"  # type: ignore[union-attr]  # it is there
    observed.converge()
    assert not any(replica.conflicts for replica in observed.replicas)
    observed.check()


def test_a_region_that_has_not_answered_keeps_the_tombstone() -> None:
    observed = Observed([Replica(region, number) for number, region in enumerate(REGIONS)])
    first, second, third = observed.replicas
    observed.write(first, b"k", b"v")
    third.pull(first)
    observed.write(third, b"k", b"unseen by the delete")
    observed.write(first, b"k", None)
    for _ in range(3):
        for one, other in ((first, second), (second, first)):
            one.pull(other)
            one.housekeep()
    assert [first.tombstones(), second.tombstones()] == [1, 1]
    observed.converge()
    observed.check()


def test_a_tombstone_of_a_clock_ahead_of_ours_stays_until_ours_has_passed_it() -> None:
    tombstone = Version(None, Dot(*A, 3), 100)
    assert not may_go(tombstone, {A: 3}, {A: 3}, 99)
    assert may_go(tombstone, {A: 3}, {A: 3}, 100)
    assert not may_go(tombstone, {A: 2}, {A: 3}, 100)


def test_what_a_tombstone_supersedes_has_to_be_acknowledged_here_too() -> None:
    tombstone = Version(None, Dot(*A, 3), 100, {B: 2})
    assert not may_go(tombstone, {A: 3}, {A: 3, B: 1}, 100)
    assert may_go(tombstone, {A: 3}, {A: 3, B: 2}, 100)


def test_nothing_is_stable_while_an_acknowledgement_is_ahead_of_us() -> None:
    ahead = Incarnation("b", "1", {A: 9, B: 3})
    ours = Incarnation("a", "1", {A: 8, B: 2})
    assert stable_vector([[ours], [ahead]], {A: 9, B: 2}) == {}
    assert stable_vector([[ours], [ahead]], {A: 9, B: 4}) == {A: 8, B: 2}
    assert stable_vector([[ours], []], {A: 9, B: 4}) == {}, "one who has said nothing has acknowledged nothing"


def test_of_two_lives_either_may_be_the_present_one_until_one_has_heard_of_the_other() -> None:
    first = Incarnation("b", "1")
    second = Incarnation("b", "2", {A: 7, ("b", "1"): 9})
    older_image = Incarnation("b", "3", {A: 1, ("b", "1"): 4})
    assert latest([first, second, older_image]) == [second, older_image]
    assert stable_vector([[first, second, older_image]], {A: 7, ("b", "1"): 9}) == {A: 1, ("b", "1"): 4}
    older_image.acknowledged = {A: 5, ("b", "1"): 9, ("b", "2"): 1}
    assert latest([first, second, older_image]) == [older_image]


def test_a_writer_has_seen_what_its_region_acknowledged() -> None:
    stored = Version(None, Dot(*A, 3), 100)
    incoming = Version(b"x", Dot(*B, 7), 200)
    assert as_seen_by_writer(incoming, stored, {A: 3}, {A: 3, B: 6}).context == {A: 3}
    assert as_seen_by_writer(incoming, stored, {A: 2}, {A: 3, B: 6}) == incoming
    assert as_seen_by_writer(incoming, None, {A: 3}, {A: 3, B: 6}) == incoming
    assert as_seen_by_writer(incoming, None, {A: 5}, {A: 3, B: 6}).context == {A: 5}, "what is still to come is noted"


def test_a_deletion_is_remembered_for_as_long_as_clocks_may_differ() -> None:
    """A region that has lost its disk, and with it its hybrid clock, may write by a clock that is behind by that."""
    observed = Observed([Replica(region, number) for number, region in enumerate(REGIONS)])
    first, *_ = observed.replicas
    observed.write(first, b"k", b"v")
    observed.write(first, b"k", None)
    observed.converge()
    for replica in observed.replicas:
        replica.store.tombstone_grace_ms = 60_000
        replica.housekeep()
    observed.converge()
    for replica in observed.replicas:
        replica.clock.advance(50)
        replica.housekeep()
    assert [replica.tombstones() for replica in observed.replicas] == [1, 1, 1]
    for replica in observed.replicas:
        replica.clock.advance(20)
        replica.housekeep()
    assert [replica.tombstones() for replica in observed.replicas] == [0, 0, 0]
