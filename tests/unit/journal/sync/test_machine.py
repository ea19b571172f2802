"""The replicated state machine over a real store: compare-and-set, once, alike everywhere."""

from collections.abc import Iterator, Sequence

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from terrella.journal import DataSet, Lane, RecordError, Store, UnknownFormatError, declaring, memory_connection
from terrella.journal.raft import (
    Batch,
    Configuration,
    EntryKind,
    HardState,
    InstallSnapshot,
    LogEntry,
    MemoryStorage,
    SnapshotPoint,
)
from terrella.journal.state import DataSetState
from terrella.journal.sync import machine
from terrella.journal.sync.disk import GroupDisk
from terrella.journal.sync.machine import apply_entry, emptying
from terrella.journal.sync.proposals import FORMAT, Change, Outcome, Proposal, decode_proposal, encode_proposal
from terrella.testing import ManualClock, SeededIds

REGIONS = ("eu-west-1", "us-east-1", "us-west-2")
ORDERS = DataSet("orders-0001", "orders", Lane.SYNC, REGIONS)


def opened(region: str = "us-east-1") -> Store:
    store = Store(memory_connection(), region, ManualClock(), SeededIds(1))
    store.begin()
    for _ in declaring(store, ORDERS, None, None):
        pass
    store.set_join(state_of(store), None)
    return store


@pytest.fixture
def store() -> Iterator[Store]:
    store = opened()
    yield store
    store.rollback()


def state_of(store: Store) -> DataSetState:
    return store.catalog.declared(ORDERS.id)


def entry(index: int, id_: str, *changes: Change, base: int = 0, hlc: int = 1) -> LogEntry:
    return LogEntry(1, index, EntryKind.DATA, id_, encode_proposal(Proposal(FORMAT, base, hlc, list(changes))))


def put(key: bytes, value: bytes, expected: int = 0) -> Change:
    return Change(key, expected, True, value)


def stored(store: Store, key: bytes) -> tuple[bytes | None, int] | None:
    row = store.lookup(state_of(store), key)
    return None if row is None else (row[1], machine.stored_index(row))


def apply(store: Store, *entries: LogEntry) -> list[Outcome | None]:
    return [apply_entry(store, state_of(store), one) for one in entries]


def test_an_item_is_changed_only_if_it_is_as_its_writer_saw_it(store: Store) -> None:
    outcomes = apply(
        store,
        entry(1, "p1", put(b"a", b"one")),
        entry(2, "p2", put(b"a", b"two")),
        entry(3, "p3", put(b"a", b"three", expected=1)),
        entry(4, "p4", Change(b"a", 1, True, None)),
        entry(5, "p5", Change(b"a", 3, True, None)),
    )
    conflict, applied = Outcome.CONFLICT, Outcome.APPLIED
    assert outcomes == [applied, conflict, applied, conflict, applied]
    assert stored(store, b"a") is None, "and nothing is left of it, no tombstone either"
    assert state_of(store).items == 0


def test_all_changes_of_a_proposal_are_made_or_none(store: Store) -> None:
    apply(store, entry(1, "p1", put(b"a", b"one")))
    assert apply(store, entry(2, "p2", put(b"b", b"two"), put(b"a", b"two"))) == [Outcome.CONFLICT]
    assert stored(store, b"b") is None
    looked_at = Change(b"a", 1, False, None)
    assert apply(store, entry(3, "p3", put(b"b", b"two"), looked_at)) == [Outcome.APPLIED]
    assert stored(store, b"a") == (b"one", 1)
    assert stored(store, b"b") == (b"two", 3)


def test_a_proposal_that_comes_again_is_answered_as_before_and_does_nothing(store: Store) -> None:
    first = entry(1, "p1", put(b"a", b"one"))
    apply(store, first, entry(2, "p2", Change(b"a", 1, True, None)))
    again = LogEntry(2, 3, EntryKind.DATA, "p1", first.data)
    assert apply(store, again) == [Outcome.APPLIED]
    assert stored(store, b"a") is None, "although there is nothing at the key, as it expects"


def test_what_comes_too_late_to_be_known_is_refused(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "ENTRIES_REMEMBERED", 10)
    first = entry(1, "p1", put(b"a", b"one"))
    apply(store, first, entry(2, "p2", Change(b"a", 1, True, None)))
    apply(store, *(entry(index, f"q{index}", put(b"b%d" % index, b"x"), base=index - 1) for index in range(3, 20)))
    assert store.ask("select count(*) from raft_proposals") == 10
    assert apply(store, LogEntry(2, 20, EntryKind.DATA, "p1", first.data)) == [Outcome.EXPIRED]
    assert stored(store, b"a") is None


def test_times_go_forward_and_depend_on_the_log_alone(store: Store) -> None:
    apply(store, entry(1, "p1", put(b"a", b"one"), hlc=500), entry(2, "p2", put(b"a", b"two", expected=1), hlc=7))
    row = store.lookup(state_of(store), b"a")
    assert row is not None
    assert row[3] == 501


def test_entries_of_the_groups_own_do_nothing(store: Store) -> None:
    assert apply(store, LogEntry(1, 1, EntryKind.NO_OPERATION, "", b"")) == [None]


def test_what_cannot_be_read_is_not_guessed_at(store: Store) -> None:
    with pytest.raises(UnknownFormatError, match="format 2"):
        apply(store, LogEntry(1, 1, EntryKind.DATA, "p1", msgspec.msgpack.encode((2, "news"))))
    with pytest.raises(RecordError):
        decode_proposal(b"nonsense")


def test_a_state_is_emptied_a_little_at_a_time(store: Store) -> None:
    apply(store, *(entry(index, f"p{index}", put(b"%d" % index, b"x")) for index in range(1, 201)))
    assert sum(1 for _ in emptying(store, state_of(store))) == 4
    assert (state_of(store).items, state_of(store).bytes) == (0, 0)
    assert store.ask("select count(*) from raft_proposals") == 0


keys = st.sampled_from([b"a", b"b", b"c"])
changes = st.builds(Change, keys, st.integers(0, 12), st.booleans(), st.one_of(st.none(), st.just(b"x"), st.just(b"y")))
proposals = st.lists(
    st.tuples(st.sampled_from([f"p{n}" for n in range(8)]), st.lists(changes, min_size=1, max_size=2)), max_size=12
)


@given(proposals)
@settings(max_examples=150, deadline=None)
def test_it_agrees_with_a_dictionary(log: Sequence[tuple[str, list[Change]]]) -> None:
    items: dict[bytes, tuple[int, bytes]] = {}
    known: dict[str, Outcome] = {}
    store = opened()
    for index, (id_, wanted) in enumerate(log, 1):
        distinct = list({change.key: change for change in wanted}.values())
        outcome = known.get(id_)
        if outcome is None:
            fits = all(items.get(change.key, (0, b""))[0] == change.expected for change in distinct)
            outcome = known[id_] = Outcome.APPLIED if fits else Outcome.CONFLICT
            for change in distinct if fits else ():
                if change.writes and change.value is not None:
                    items[change.key] = (index, change.value)
                elif change.writes:
                    items.pop(change.key, None)
        assert apply(store, entry(index, id_, *distinct)) == [outcome]
    found = {key: stored(store, key) for key in (b"a", b"b", b"c")}
    assert found == {key: (items[key][1], items[key][0]) if key in items else None for key in found}
    assert state_of(store).items == len(items)
    store.rollback()


NOBODY = Configuration(("a", "b", "c"))


@st.composite
def batches(draw: st.DrawFn) -> list[Batch]:
    """What a core may have written: appends, replaced ends, compaction, snapshots; the terms go up."""
    start, last, term, made = 0, 0, 1, []
    for _ in range(draw(st.integers(1, 8))):
        term += draw(st.integers(0, 1))
        batch = Batch(hard_state=draw(st.one_of(st.none(), st.just(HardState(term, "a")))))
        kind = draw(st.sampled_from(["append", "append", "replace", "compact", "snapshot"]))
        if kind == "compact" and last > start:
            start = draw(st.integers(start + 1, last))
            batch.start = SnapshotPoint(start, 0, NOBODY)
        elif kind == "snapshot":
            start = draw(st.integers(last + 1, last + 3))
            last = start
            batch.start = SnapshotPoint(start, term, NOBODY)
            batch.snapshot = InstallSnapshot("a", "b", term, batch.start, b"")
        else:
            first = last + 1 if kind != "replace" or last == start else draw(st.integers(start + 1, last))
            count = draw(st.integers(0, 3))
            batch.entries = [LogEntry(term, first + n, EntryKind.DATA, f"{term}", b"x") for n in range(count)]
            last = first + count - 1 if count else last
        made.append(batch)
    return made


@given(batches())
@settings(max_examples=150, deadline=None)
def test_the_disk_keeps_what_one_in_memory_keeps(written: list[Batch]) -> None:
    store = opened()
    disk, memory = GroupDisk(store, state_of(store).number), MemoryStorage(NOBODY)
    disk.begin("b")
    disk.found(NOBODY)
    for batch in written:
        for storage in (disk, memory):
            storage.write(batch)
        disk.write(batch)
        kept = disk.load()
        assert kept == memory.load()
    store.rollback()
