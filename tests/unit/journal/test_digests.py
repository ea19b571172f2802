"""Digests: kept up as items are written, they are what one would compute from what is stored."""

from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrella.journal import Journal, Lane, bucket_of, differing, housekeeping
from terrella.journal.digests import BUCKETS, Buckets, buckets_of, defined_hash, hash_of, salt_of
from terrella.journal.tombstones import is_stable, stable_in
from terrella.testing import ManualClock, SeededIds
from terrella.testing.replicas import ITEMS, Observed, Replica, random_history


def computed(replica: Replica, keys: set[bytes]) -> list[int]:
    """The slow way: over everything that is stored, but for stable tombstones."""
    stable = stable_in(replica.store.catalog.declared(ITEMS.id), replica.region)
    buckets = [0] * BUCKETS
    for key in keys:
        stored = replica.stored(key)
        if stored is not None and (stored.value is not None or not is_stable(stored, stable)):
            dot = stored.dot
            salt = salt_of(dot.region, dot.incarnation)
            buckets[bucket_of(key)] ^= hash_of(crc32(key), salt, dot.sequence, stored.hlc)
    return buckets


def check(observed: Observed) -> None:
    keys = {write.key for write in observed.writes.values()}
    for replica in observed.replicas:
        assert replica.digests() == computed(replica, keys)


@pytest.mark.parametrize("group", range(4))
def test_they_are_what_one_would_compute_after_any_history(group: int) -> None:
    for seed in range(group, 60, 4):
        observed = random_history(seed, disasters=seed % 2 == 0)
        check(observed)
        observed.converge()
        check(observed)


def test_they_are_built_anew_while_items_are_written() -> None:
    observed = random_history(1)
    replica = observed.replicas[0]
    for number in range(250):
        observed.write(replica, b"item-%03d" % number, b"x")
    replica.disk.execute("update data_sets set digests = null")
    replica.open()
    assert replica.digests() is None
    number = 0

    def work() -> None:
        nonlocal number
        for _ in housekeeping(replica.store):
            state = replica.store.catalog.declared(ITEMS.id)
            for key in (b"item-%03d" % number, b"item-%03d" % (249 - number), b"new-%d" % number):
                replica.store.write_local(state, key, b"y", replica.store.lookup(state, key), None)
            number += 1

    replica.run(work)
    assert number > 3
    keys = {write.key for write in observed.writes.values()} | {b"new-%d" % each for each in range(number)}
    assert replica.digests() == computed(replica, keys)


@given(*[st.integers(0, 2**64 - 1)] * 4)
def test_the_fast_hash_is_the_defined_one(key_hash: int, salt: int, sequence: int, hlc: int) -> None:
    assert hash_of(key_hash, salt, sequence, hlc) == defined_hash(key_hash, salt, sequence, hlc)


def test_alike_differences_do_not_cancel_out() -> None:
    """Two items that are each one write behind, by the same difference of sequence and time."""
    found = set()
    for first in range(100):
        for second in range(first):
            difference = 0
            for key in (first, second):
                for behind in (0, 1):
                    difference ^= hash_of(crc32(b"%d" % key), 7, 1000 + 2 * key + behind, 65536 * (5000 + key) + behind)
            assert difference
            found.add(difference)
    assert len(found) == 100 * 99 / 2


def test_where_two_replicas_differ() -> None:
    one, other = Buckets(), Buckets()
    one.toggle(b"k", 1, 2, 3)
    assert list(differing(one.values, other.values)) == [bucket_of(b"k")]
    other.toggle(b"k", 1, 2, 3)
    assert list(differing(one.values, other.values)) == []


@given(st.lists(st.tuples(st.binary(), st.integers(0, 2**64 - 1), st.integers(0, 2**40), st.integers(0, 2**62))))
def test_they_come_back_from_the_file_and_no_order_matters(items: list[tuple[bytes, int, int, int]]) -> None:
    one, other = Buckets(), Buckets()
    for item in items:
        one.toggle(*item)
    for item in reversed(items):
        other.toggle(*item)
    assert buckets_of(one.column).values == other.values
    for item in items:
        one.toggle(*item)
    assert one.values == [0] * BUCKETS


async def test_a_data_set_that_becomes_replicated_is_counted(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "region.sqlite", "eu-west-1", ManualClock(), SeededIds(1))
    await journal.declare(replace(ITEMS, id="local-0001", lane=Lane.LOCAL))
    await journal.write(lambda transaction: transaction.put("local-0001", b"k", b"v"))
    assert journal.digests("local-0001") is None
    await journal.declare(ITEMS)
    assert journal.digests(ITEMS.id) == [0] * BUCKETS
    await journal.write(lambda transaction: transaction.put(ITEMS.id, b"k", b"v"))
    digests = journal.digests(ITEMS.id)
    assert digests is not None
    assert [number for number, each in enumerate(digests) if each] == [bucket_of(b"k")]
    await journal.close()
