"""What one replica has, merged into another without any log: the same as if all records had come one by one."""

import random
from functools import partial

import pytest

from terrella.journal.applying import RemoteSlice
from terrella.journal.joining import (
    ChunkWork,
    StartWork,
    StoreSource,
    begin_merging,
    end_copying,
    finish_join,
    has_caught_up,
)
from terrella.journal.protocol import SnapshotChunk, SnapshotEnd, flatten
from terrella.journal.standing import Stage
from terrella.testing.replicas import ITEMS, REGIONS, Observed, Replica

KEYS = [b"%d" % number for number in range(6)]


def pull_own(target: Replica, source: Replica, limit: int) -> int:
    """What the source itself has written: each region's own log is whole, whatever was merged."""
    own = source.store.catalog.declared(ITEMS.id).own
    have = 0 if own is None else target.vector().get(own.origin, 0)
    if own is None or own.committed <= have:
        return 0
    records = source.reader().log(own, have, limit, 1_000_000)
    work = RemoteSlice(ITEMS.id, own.origin, have + 1, records)
    target.run(partial(work.run, target.store, lambda: False))
    return len(records)


def merge(observed: Observed, target: Replica, source: Replica, rows: int, meanwhile: list[bytes]) -> None:
    """A snapshot of the source into the target, some rows at a time; ``meanwhile`` the source writes to these keys."""
    state = target.store.catalog.declared(ITEMS.id)
    target.run(lambda: begin_merging(target.store, state, None))
    served = StoreSource(source.store, source.reader(), rows, 1_000_000)
    started = StartWork(served.start(ITEMS.id), (source.region, source.store.incarnation))
    target.run(lambda: started.run(target.store, lambda: False))
    for stage in (Stage.ITEMS, Stage.CONFLICTS):
        after = None
        while chunk := served.chunk(ITEMS.id, stage, after):
            message = SnapshotChunk(ITEMS.id, stage, after, chunk.through, False, b"", 1)
            work = ChunkWork(started, message, chunk.body)
            target.run(partial(work.run, target.store, lambda: False))
            after = chunk.through
            if meanwhile:
                observed.write(source, meanwhile.pop(), b"meanwhile")
    wanted = served.vector(ITEMS.id)
    end = SnapshotEnd(ITEMS.id, flatten(wanted), None)
    target.run(lambda: end_copying(target.store, state, end, started))
    for other in observed.replicas:  # what was copied while it changed is the state of a moment once this is here
        lacking = wanted.get((other.region, other.store.incarnation), 0) - target.vector().get(
            (other.region, other.store.incarnation), 0
        )
        if other is not target and lacking > 0:
            pull_own(target, other, lacking)
    assert has_caught_up(state)
    target.run(lambda: finish_join(target.store, state))


def history(seed: int) -> Observed:
    """Writes, deletes, pulls, housekeeping and merges in any order."""
    chance = random.Random(seed)
    observed = Observed([Replica(region, number) for number, region in enumerate(REGIONS)])
    for _ in range(120):
        one, other = chance.sample(observed.replicas, 2)
        for replica in observed.replicas:
            replica.clock.advance(0.01)
        match chance.choice(("write", "write", "delete", "pull", "pull", "housekeep", "merge")):
            case "write":
                observed.write(one, chance.choice(KEYS), b"%d" % chance.randrange(1000))
            case "delete":
                observed.write(one, chance.choice(KEYS), None)
            case "pull":
                pull_own(one, other, chance.randint(1, 30))
            case "housekeep":
                one.housekeep()
            case _:
                meanwhile = chance.choices(KEYS, k=chance.randrange(3))
                merge(observed, one, other, chance.randint(1, 4), meanwhile)
    return observed


@pytest.mark.parametrize("group", range(4))
def test_replicas_that_merge_are_as_replicas_that_pull(group: int) -> None:
    for seed in range(group, 100, 4):
        observed = history(seed)
        replicas = observed.replicas
        for _ in range(3):
            while sum(pull_own(one, other, 1000) for one in replicas for other in replicas if one is not other):
                pass
            for replica in replicas:
                replica.housekeep()
        observed.check()


def test_what_both_have_forgotten_stays_forgotten() -> None:
    observed = Observed([Replica(region, number) for number, region in enumerate(REGIONS)])
    first, second, third = observed.replicas
    observed.write(first, b"k", b"v")
    pull_own(second, first, 10)
    image = second.image()  # it holds what is deleted now
    observed.write(first, b"k", None)
    for _ in range(3):
        for one in observed.replicas:
            for other in observed.replicas:
                if one is not other:
                    pull_own(one, other, 100)
        for one in observed.replicas:
            one.housekeep()
    assert [one.tombstones() for one in observed.replicas] == [0, 0, 0]
    second.restore(image)
    assert second.stored(b"k") is not None
    merge(observed, second, third, 10, [])
    assert second.stored(b"k") is None
    second.restore(image)
    merge(observed, third, second, 10, [])
    assert third.stored(b"k") is None
