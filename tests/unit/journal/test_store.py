"""Reading and writing one journal on SQLite, without peers."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from terrella.journal import (
    DataSet,
    DataSetDroppedError,
    Journal,
    JournalError,
    Lane,
    StoreInUseError,
    Transaction,
    UnknownDataSetError,
    data_set_id,
)
from terrella.kernel import SystemClock, SystemIds
from terrella.testing import ManualClock, SeededIds

ITEMS = DataSet("items-0001", "items", Lane.ASYNC, ("eu-west-1", "us-east-1"))
LOCAL = DataSet("local-0001", "catalog", Lane.LOCAL, ("us-east-1",))


def by_word(key: bytes, value: bytes) -> Iterable[tuple[str, bytes]]:
    """An index by the value's first word, which leaves out items that begin with a dash."""
    if not value.startswith(b"-"):
        yield "word", value.split(b" ")[0]


def by_word_and_length(key: bytes, value: bytes) -> Iterable[tuple[str, bytes]]:
    yield from by_word(key, value)
    yield "length", bytes([len(value)])


async def open_journal(path: Path, seed: int = 1) -> Journal:
    return await Journal.open(path / "region.sqlite", "us-east-1", ManualClock(), SeededIds(seed))


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = await open_journal(tmp_path)
    await journal.declare(ITEMS, by_word)
    await journal.declare(LOCAL)
    yield journal
    await journal.close()


async def put(journal: Journal, key: bytes, value: bytes, data_set: DataSet = ITEMS) -> None:
    await journal.write(lambda transaction: transaction.put(data_set.id, key, value))


async def delete(journal: Journal, key: bytes, data_set: DataSet = ITEMS) -> None:
    await journal.write(lambda transaction: transaction.delete(data_set.id, key))


def keys(journal: Journal, **options: object) -> list[bytes]:
    return [entry.key for entry in journal.scan(ITEMS.id, **{"limit": 100, **options})]  # type: ignore[arg-type]  # passed on


async def test_what_is_written_is_read(journal: Journal) -> None:
    await put(journal, b"a", b"one")
    version = journal.read(ITEMS.id, b"a")
    assert version is not None
    assert version.value == b"one"
    assert version.dot.region == "us-east-1"
    assert version.dot.sequence == 2, "the first record of an incarnation names its predecessor"
    assert journal.read(ITEMS.id, b"b") is None
    assert journal.count(ITEMS.id) == (1, 4)


async def test_each_write_is_later_than_what_it_replaces(journal: Journal) -> None:
    await put(journal, b"a", b"one")
    first = journal.read(ITEMS.id, b"a")
    await put(journal, b"a", b"two")
    second = journal.read(ITEMS.id, b"a")
    assert first is not None
    assert second is not None
    assert second.hlc > first.hlc
    assert second.dot.sequence == first.dot.sequence + 1
    assert second.context == {}, "what one origin did is implied by its own dot"


async def test_a_delete_leaves_nothing_to_read_and_of_an_absent_item_is_no_write(journal: Journal) -> None:
    await put(journal, b"a", b"one")
    await delete(journal, b"a")
    assert journal.read(ITEMS.id, b"a") is None
    assert journal.count(ITEMS.id) == (0, 0)
    before = journal.status().data_sets
    await delete(journal, b"a")
    await delete(journal, b"never")
    assert journal.status().data_sets == before


async def test_a_judge_that_raises_writes_nothing(journal: Journal) -> None:
    def judge(transaction: Transaction) -> None:
        transaction.put(ITEMS.id, b"a", b"one")
        raise KeyError("condition")

    results = await asyncio.gather(
        put(journal, b"b", b"x"), journal.write(judge), put(journal, b"c", b"y"), return_exceptions=True
    )
    assert isinstance(results[1], KeyError)
    assert keys(journal) == [b"b", b"c"]


async def test_an_indexer_that_raises_writes_nothing_of_its_operation(journal: Journal) -> None:
    def fussy(key: bytes, value: bytes) -> Iterable[tuple[str, bytes]]:
        if value == b"bad":
            raise ValueError("bad")
        return ()

    def judge(transaction: Transaction) -> None:
        transaction.put(ITEMS.id, b"a", b"good")
        transaction.put(ITEMS.id, b"b", b"bad")

    await journal.declare(ITEMS, fussy)
    with pytest.raises(ValueError, match="bad"):
        await journal.write(judge)
    assert keys(journal) == []
    await put(journal, b"c", b"good")
    assert journal.count(ITEMS.id) == (1, 5)


async def test_writes_of_one_batch_see_each_other(journal: Journal) -> None:
    def increment(transaction: Transaction) -> int:
        version = transaction.get(ITEMS.id, b"n")
        count = int(version.value or b"0") if version else 0
        transaction.put(ITEMS.id, b"n", b"%d" % (count + 1))
        return count + 1

    results = await asyncio.gather(*(journal.write(increment) for _ in range(100)))
    assert sorted(results) == list(range(1, 101))
    version = journal.read(ITEMS.id, b"n")
    assert version is not None
    assert version.value == b"100"


async def test_an_operation_sees_what_it_staged(journal: Journal) -> None:
    def judge(transaction: Transaction) -> list[bytes | None]:
        seen = []
        for step in (b"one", None, b"two"):
            if step is None:
                transaction.delete(ITEMS.id, b"a")
            else:
                transaction.put(ITEMS.id, b"a", step)
            version = transaction.get(ITEMS.id, b"a")
            seen.append(version.value if version else None)
        return seen

    await put(journal, b"a", b"zero")
    assert await journal.write(judge) == [b"one", None, b"two"]


async def test_scans_walk_in_key_order_both_ways(journal: Journal) -> None:
    for key in (b"b", b"a", b"d", b"c", b"e"):
        await put(journal, key, b"x")
    await delete(journal, b"c")
    assert keys(journal) == [b"a", b"b", b"d", b"e"]
    assert keys(journal, start=b"b", end=b"e") == [b"b", b"d"]
    assert keys(journal, start=b"b", start_exclusive=True) == [b"d", b"e"]
    assert keys(journal, reverse=True) == [b"e", b"d", b"b", b"a"]
    assert keys(journal, reverse=True, start=b"e", start_exclusive=True, end=b"b") == [b"d", b"b"]
    assert keys(journal, limit=2) == [b"a", b"b"]


def indexed(journal: Journal, name: str = "word", **options: object) -> list[tuple[bytes, bytes]]:
    found = journal.scan_index(ITEMS.id, name, **{"limit": 100, **options})  # type: ignore[arg-type]  # passed on
    return [(entry.index_key, entry.key) for entry in found]


async def test_indexes_follow_their_items(journal: Journal) -> None:
    for key, value in ((b"1", b"pear x"), (b"2", b"apple"), (b"3", b"pear"), (b"4", b"-none")):
        await put(journal, key, value)
    assert indexed(journal) == [(b"apple", b"2"), (b"pear", b"1"), (b"pear", b"3")]
    assert indexed(journal, start=(b"pear", b"1"), start_exclusive=True) == [(b"pear", b"3")]
    assert indexed(journal, reverse=True, start=(b"pear", b"1")) == [(b"pear", b"1"), (b"apple", b"2")]
    assert indexed(journal, end=(b"pear", b"")) == [(b"apple", b"2")]
    await put(journal, b"2", b"quince")
    await delete(journal, b"1")
    assert indexed(journal) == [(b"pear", b"3"), (b"quince", b"2")]
    assert indexed(journal, "other") == []


async def test_a_new_index_is_filled_and_a_missing_one_deleted(journal: Journal) -> None:
    for number in range(250):
        await put(journal, b"%03d" % number, b"x" * (number % 3 + 1))
    await journal.declare(ITEMS, by_word_and_length, {"word": "1", "length": "1"})
    assert len(journal.scan_index(ITEMS.id, "length", limit=1000)) == 250
    assert len(journal.scan_index(ITEMS.id, "word", limit=1000)) == 250
    await journal.declare(ITEMS, by_word, {"word": "1"})
    assert journal.scan_index(ITEMS.id, "length", limit=1000) == []
    assert len(journal.scan_index(ITEMS.id, "word", limit=1000)) == 250


async def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    await journal.declare(ITEMS, by_word, {"word": "1"})
    await put(journal, b"a", b"one")
    await put(journal, b"b", b"two")
    await delete(journal, b"a")
    first, digest = journal.status(), journal.digest(ITEMS.id)
    await journal.close()
    journal = await open_journal(tmp_path)
    with pytest.raises(UnknownDataSetError):
        journal.read(ITEMS.id, b"b")
    await journal.declare(ITEMS, by_word, {"word": "1"})
    assert keys(journal) == [b"b"]
    assert journal.digest(ITEMS.id) == digest
    assert indexed(journal) == [(b"two", b"b")]
    assert journal.count(ITEMS.id) == (1, 4)
    assert journal.status().incarnation != first.incarnation, "even if the same name were drawn"
    await put(journal, b"b", b"three")
    version = journal.read(ITEMS.id, b"b")
    assert version is not None
    assert version.dot.incarnation == journal.status().incarnation
    assert version.context == {("us-east-1", first.incarnation): 3}
    await journal.close()


async def test_one_process_at_a_time(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    with pytest.raises(StoreInUseError, match="in use"):
        await open_journal(tmp_path, 2)
    await journal.close()
    await (await open_journal(tmp_path, 2)).close()


async def test_declaring_is_checked(journal: Journal) -> None:
    with pytest.raises(JournalError, match="lane"):
        await journal.declare(DataSet(ITEMS.id, "items", Lane.LOCAL, ITEMS.members))
    with pytest.raises(JournalError, match="members"):
        await journal.declare(DataSet("other", "other", Lane.ASYNC, ("eu-west-1",)))


async def test_a_dropped_data_set_is_gone(journal: Journal) -> None:
    for number in range(250):
        await put(journal, b"%d" % number, b"x")
    await put(journal, b"a", b"x", LOCAL)
    await journal.drop(ITEMS.id)
    await journal.drop(LOCAL.id)
    await journal.drop("never")
    with pytest.raises(DataSetDroppedError):
        journal.read(ITEMS.id, b"1")
    with pytest.raises(DataSetDroppedError, match="generation"):
        await journal.declare(ITEMS)
    await journal.declare(LOCAL)
    assert journal.scan(LOCAL.id, limit=10) == []
    assert journal.count(LOCAL.id) == (0, 0)


async def test_a_caller_that_gives_up_harms_nobody(journal: Journal) -> None:
    task = asyncio.ensure_future(put(journal, b"a", b"one"))
    await asyncio.sleep(0)
    task.cancel()
    await put(journal, b"b", b"two")
    assert task.cancelled()
    assert b"b" in keys(journal)


async def test_the_wal_does_not_grow_for_ever(tmp_path: Path) -> None:
    journal = await Journal.open(tmp_path / "region.sqlite", "us-east-1", SystemClock(), SystemIds())
    await journal.declare(LOCAL)
    value = b"v" * 20_000
    for _ in range(60):
        await asyncio.gather(*(put(journal, b"%d" % number, value, LOCAL) for number in range(30)))
    size = (tmp_path / "region.sqlite-wal").stat().st_size
    await journal.close()
    assert size < 30_000_000, "about 38 MB were written"


def test_a_data_set_id_names_the_table_not_its_name() -> None:
    one = data_set_id("guestbook", "app", "Items", 1)
    assert one == data_set_id("guestbook", "app", "Items", 1)
    assert len({one, data_set_id("guestbook", "app", "Items", 2), data_set_id("guestbook", "appItems", "", 1)}) == 3
