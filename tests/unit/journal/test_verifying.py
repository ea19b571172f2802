"""Digests by bucket: equal for equal replicas, different in the one bucket that differs, a slice at a time."""

from terrella.journal import (
    BUCKETS,
    CommittedState,
    DataSet,
    Digest,
    Lane,
    Listing,
    Reader,
    Store,
    Transaction,
    Verification,
    declaring,
    memory_connection,
)
from terrella.journal.state import DataSetState
from terrella.journal.verifying import ENTRIES_MAX, applied, bucket_of
from terrella.testing import ManualClock, SeededIds

ITEMS = DataSet("items-0001", "items", Lane.ASYNC, ("us-east-1", "us-west-2"))


class Replica:
    """One region's store."""

    def __init__(self, clock: ManualClock) -> None:
        connection = memory_connection()
        self.clock = clock
        self.store = Store(connection, "us-east-1", clock, SeededIds(7))
        self.reader = Reader(connection, self.store)
        self.state_of = CommittedState(self.store, self.reader, clock)
        self._commit(lambda: [None for _ in declaring(self.store, ITEMS, None, None)])
        self.verification = Verification(self.store, self.reader, clock)

    @property
    def state(self) -> DataSetState:
        return self.store.catalog.declared(ITEMS.id)

    def _commit(self, work: object) -> None:
        assert callable(work)
        self.store.begin()
        work()
        self.store.flush()
        self.store.commit()
        self.store.committed()

    def write(self, **items: bytes | None) -> None:
        def work() -> None:
            transaction = Transaction(self.store)
            for key, value in items.items():
                if value is None:
                    transaction.delete(ITEMS.id, key.encode())
                else:
                    transaction.put(ITEMS.id, key.encode(), value)
            transaction.apply()

        self._commit(work)

    def digest(self) -> Digest:
        digest = Digest(applied(self.state))
        for _ in self.verification.digesting(self.state, digest):
            pass
        return digest


def test_equal_replicas_have_equal_digests_and_one_write_changes_one_bucket() -> None:
    one, other = Replica(ManualClock()), Replica(ManualClock())
    for replica in (one, other):
        replica.write(**{f"k{number}": b"v" for number in range(100)})
    assert one.digest() == other.digest()
    assert one.digest().entries == 100
    other.store.connection.execute("update items set value = x'00' where key = ?", (b"k5",))
    buckets = one.digest().buckets, other.digest().buckets
    assert [number for number in range(BUCKETS) if buckets[0][number] != buckets[1][number]] == [bucket_of(b"k5")]


def test_a_write_while_it_is_read_is_noticed() -> None:
    replica = Replica(ManualClock())
    replica.write(**{f"k{number}": b"v" for number in range(1000)})
    digest = Digest(applied(replica.state))
    steps = replica.verification.digesting(replica.state, digest)
    next(steps)
    replica.write(late=b"v")
    for _ in steps:
        pass
    assert digest.moved


def test_slices_end_when_their_time_is_up() -> None:
    class Slow(ManualClock):
        def monotonic(self) -> float:
            self.advance(0.001)
            return super().monotonic()

    replica = Replica(Slow())
    replica.write(**{f"k{number:03}": b"v" for number in range(100)})
    digest = Digest(applied(replica.state))
    turns = sum(1 for _ in replica.verification.digesting(replica.state, digest))
    assert digest.entries == 100
    assert turns >= 40


def test_entries_are_listed_by_bucket_with_deletions() -> None:
    replica = Replica(ManualClock())
    replica.write(a=b"1", b=b"2")
    replica.write(b=None)
    listing = Listing(applied(replica.state))
    for _ in replica.verification.listing(replica.state, {bucket_of(b"b")}, listing):
        pass
    (entry,) = listing.entries
    assert (entry.key, entry.value_hash, entry.dot.sequence) == (b"b", None, 4)
    assert replica.verification.entry(replica.state, b"b") == entry
    assert replica.verification.entry(replica.state, b"c") is None


def test_long_listings_are_cut() -> None:
    replica = Replica(ManualClock())
    replica.write(**{f"k{number}": b"v" for number in range(ENTRIES_MAX + 1)})
    listing = Listing({})
    for _ in replica.verification.listing(replica.state, range(BUCKETS), listing):
        pass
    assert (len(listing.entries), listing.truncated) == (ENTRIES_MAX, True)
