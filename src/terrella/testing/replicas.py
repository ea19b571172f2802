"""A few stores in memory that pull from each other when told to, and an observer who remembers every write."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import apsw

from terrella.journal import (
    Conflict,
    DataSet,
    Dot,
    Lane,
    Reader,
    RemoteSlice,
    Store,
    Transaction,
    Vector,
    Version,
    declaring,
    housekeeping,
    memory_connection,
)
from terrella.testing.clock import ManualClock
from terrella.testing.ids import SeededIds

REGIONS = ("eu-west-1", "us-east-1", "us-west-2")
ITEMS = DataSet("items-0001", "items", Lane.ASYNC, REGIONS)


@dataclass(slots=True)
class Write:
    """A write, and all that was applied in its region when it was made."""

    key: bytes
    version: Version
    seen: Vector

    @property
    def rank(self) -> tuple[object, ...]:
        """What last-writer-wins goes by: an expiry comes right behind what it ends."""
        dot, ended = self.version.dot, self.version.expires or self.version.dot
        return (self.version.hlc, _place(ended), self.version.expires is not None, _place(dot))

    def knew(self, dot: Dot) -> bool:
        """Whether the dot was applied where this was written."""
        return self.seen.get(dot.origin, 0) >= dot.sequence


def _place(dot: Dot) -> tuple[str, str, int]:
    return (dot.region, dot.incarnation, dot.sequence)


class Replica:
    """One region; its disk is a database in memory."""

    def __init__(self, region: str, seed: int, data_set: DataSet = ITEMS) -> None:
        self.region = region
        self.data_set = data_set
        self.clock = ManualClock()
        self.ids = SeededIds(seed)
        self.disk = memory_connection()
        self.open()

    def open(self) -> None:
        """Another opening of the same disk."""
        self.store = Store(self.disk, self.region, self.clock, self.ids)
        self.store.tombstone_grace_ms = 0
        self.run(lambda: [None for _ in declaring(self.store, self.data_set, None, None)])

    def lose_disk(self) -> None:
        """An empty disk under the same name."""
        self.disk = memory_connection()
        self.open()

    def image(self) -> apsw.Connection:
        """A copy of the disk as it is."""
        copy = memory_connection()
        with copy.backup("main", self.disk, "main") as backup:
            backup.step()
        return copy

    def restore(self, image: apsw.Connection) -> None:
        """An old image of the disk comes back."""
        self.disk = image
        self.open()

    def run(self, work: Callable[[], object]) -> None:
        """One batch."""
        self.store.begin()
        work()
        self.store.flush()
        self.store.commit()
        self.store.committed()

    @property
    def conflicts(self) -> list[Conflict]:
        """The conflict log."""
        return self.reader().conflicts(self.store.catalog.declared(self.data_set.id), 1_000_000)

    def vector(self) -> dict[tuple[str, str], int]:
        """What is held."""
        return dict(self.store.catalog.declared(self.data_set.id).vector)

    def reader(self) -> Reader:
        """Reads of what is committed."""
        return Reader(self.disk, self.store)

    def digests(self) -> list[int] | None:
        """The same by buckets, as it is kept up."""
        return self.reader().digests(self.store.catalog.declared(self.data_set.id))

    def digest(self) -> str:
        """Everything that matters, as a hash."""
        return self.reader().digest(self.store.catalog.declared(self.data_set.id))

    def stored(self, key: bytes) -> Version | None:
        """What is stored at a key, a tombstone included."""
        return self.reader().stored(self.store.catalog.declared(self.data_set.id), key)

    def tombstones(self) -> int:
        """How many are stored."""
        count: int = self.disk.execute("select count(*) from items where value is null").get
        return count

    def housekeep(self) -> None:
        """A round of housekeeping."""
        self.run(lambda: [None for _ in housekeeping(self.store)])

    def write(self, key: bytes, value: bytes | None, *, expire: bool = False) -> Write | None:
        """A put, a delete (None), or what a time to live does to what is stored; None if it was no write."""
        state = self.store.catalog.declared(self.data_set.id)
        seen = dict(state.applied)
        before = self.stored(key)

        def work() -> None:
            transaction = Transaction(self.store)
            if expire:
                if before is not None:
                    transaction.expire(self.data_set.id, key, before.dot)
            elif value is None:
                transaction.delete(self.data_set.id, key)
            else:
                transaction.put(self.data_set.id, key, value)
            transaction.apply()

        self.run(work)
        after = self.stored(key)
        return None if after is None or after == before else Write(key, after, seen)

    def pull(self, source: "Replica", limit: int = 1_000_000) -> int:
        """Take what the source holds and this one lacks, its records of every origin but this opening's."""
        taken = 0
        theirs = source.store.catalog.declared(self.data_set.id)
        for origin, held in theirs.vector.items():
            have = self.vector().get(origin, 0)
            if origin == (self.region, self.store.incarnation) or held <= have:
                continue
            records = source.reader().log(theirs.streams[origin], have, limit, 1_000_000_000)
            work = RemoteSlice(self.data_set.id, origin, have + 1, records)
            self.run(partial(work.run, self.store, lambda: False))
            taken += len(records)
        return taken


@dataclass(slots=True)
class Observed:
    """Replicas and every write that was made."""

    replicas: list[Replica]
    writes: dict[Dot, Write] = field(default_factory=dict)

    def write(self, replica: Replica, key: bytes, value: bytes | None, *, expire: bool = False) -> None:
        """A put, a delete (None), or an expiry."""
        made = replica.write(key, value, expire=expire)
        if made is not None:
            self.writes[made.version.dot] = made

    def converge(self) -> None:
        """Everything goes everywhere, until nothing new comes of it."""
        while sum(one.pull(other) for one in self.replicas for other in self.replicas if one is not other):
            pass

    def of_key(self, key: bytes) -> list[Write]:
        """The writes to a key, the one that stands last."""
        return sorted((write for write in self.writes.values() if write.key == key), key=lambda write: write.rank)

    def check(self) -> None:
        """All are equal, each key has its greatest write, and the conflict log tells of all that was lost unseen."""
        assert len({replica.digest() for replica in self.replicas}) == 1
        digests = [replica.digests() for replica in self.replicas]
        assert all(each == digests[0] for each in digests)
        for key in {write.key for write in self.writes.values()}:
            greatest = self.of_key(key)[-1].version
            for replica in self.replicas:
                stored = replica.stored(key)
                if stored is None:
                    assert greatest.value is None, f"{replica.region} lost {greatest}"
                else:
                    assert (stored.dot, stored.hlc, stored.value) == (greatest.dot, greatest.hlc, greatest.value)
        self._check_conflicts()

    def _check_conflicts(self) -> None:
        keys = {write.key for write in self.writes.values()}
        causes = {dot: known for key in keys for dot, known in self._causes(key).items()}
        for replica in self.replicas:
            for conflict in replica.conflicts:
                assert conflict.loser.dot not in causes[conflict.winner.dot], (
                    f"{replica.region} logs falsely {conflict}"
                )
            losers = {conflict.loser.dot for conflict in replica.conflicts}
            for key in keys:
                writes = {write.version.dot: write for write in self.of_key(key)}
                dots = [dot for dot, write in writes.items() if write.version.expires is None]
                accounted = {list(writes)[-1], *(losers & writes.keys())}
                accounted |= {dot for by in accounted for dot in causes[by]}
                assert accounted >= set(dots), f"{replica.region}: writes of {key!r} were lost unseen and unlogged"

    def _causes(self, key: bytes) -> dict[Dot, set[Dot]]:
        """For each write to a key, those that were overwritten knowingly by it, or by one of these."""
        causes: dict[Dot, set[Dot]] = {}
        for write in self.of_key(key):
            known = {dot for dot in causes if write.knew(dot)}
            causes[write.version.dot] = known.union(*(causes[dot] for dot in known))
        return causes


def random_history(seed: int, steps: int = 120, *, disasters: bool = False) -> Observed:
    """Writes, partial pulls, restarts and housekeeping, as a seed has it; with lost and restored disks if wanted."""
    chance = random.Random(seed)
    observed = Observed([Replica(region, seed * 10 + number) for number, region in enumerate(REGIONS)])
    images: list[tuple[Replica, apsw.Connection]] = []
    for step in range(steps):
        replica = chance.choice(observed.replicas)
        replica.clock.advance(chance.random() * 0.01)
        drawn = chance.random()
        if drawn < 0.35:
            value = None if chance.random() < 0.5 else b"%d" % step
            observed.write(replica, b"key-%d" % chance.randrange(4), value, expire=chance.random() < 0.15)
        elif drawn < 0.75:
            other = chance.choice([each for each in observed.replicas if each is not replica])
            replica.pull(other, chance.choice((1, 2, 1000)))
        elif drawn < 0.93:
            replica.housekeep()
        elif drawn < 0.97 or not disasters:
            replica.open()
        elif chance.random() < 0.4:
            images.append((replica, replica.image()))
        else:
            _disaster(observed, replica, images, chance)
    return observed


def _disaster(
    observed: Observed, replica: Replica, images: list[tuple[Replica, apsw.Connection]], chance: random.Random
) -> None:
    """A disk is lost, or an old image of it comes back; then all that others hold of it is pulled before it writes."""
    others = [each for each in observed.replicas if each is not replica]
    for other in others:
        other.pull(replica)  # what nobody else holds is lost with a disk: that is not what is tested here
    old = [image for whose, image in images if whose is replica]
    if old and chance.random() < 0.6:
        replica.restore(old[-1])
        images[:] = [(whose, image) for whose, image in images if image is not old[-1]]
    else:
        replica.lose_disk()
    for other in (*others, *others):
        replica.pull(other)
