"""A transaction's records say that they belong together, and are applied in one batch if they came in one piece."""

from pathlib import Path

import pytest

from terrella.journal import DataSet, Journal, JournalError, Lane, RemoteSlice, Transaction, applying
from terrella.journal.merging import set_cursor
from terrella.journal.records import WriteRecord, decode_record, written_version
from terrella.testing import ManualClock, SeededIds
from terrella.testing.replicas import ITEMS, REGIONS, Replica

OTHER = DataSet("other-0001", "other", Lane.ASYNC, REGIONS)


async def written(path: Path) -> list[bytes]:
    """The log of a region that has written alone, then twenty items together, then alone."""
    journal = await Journal.open(path / "region.sqlite", "eu-west-1", ManualClock(), SeededIds(1))
    await journal.declare(ITEMS)
    await journal.declare(OTHER)

    def judge(transaction: Transaction) -> None:
        transaction.together = True
        for number in range(20):
            transaction.put(ITEMS.id, b"%d" % number, b"x")
            transaction.put(OTHER.id, b"%d" % number, b"x")

    for number in range(4):
        await journal.write(lambda transaction, n=number: transaction.put(ITEMS.id, b"before %d" % n, b"x"))  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
    await journal.write(judge)
    await journal.write(lambda transaction: transaction.put(ITEMS.id, b"after", b"x"))
    state = journal.store.catalog.declared(ITEMS.id)
    assert state.own is not None
    records = journal.reader.log(state.own, 0, 1000, 1_000_000)
    await journal.close()
    return records


def parts(records: list[bytes]) -> list[tuple[int, int] | None]:
    found: list[tuple[int, int] | None] = []
    for data in records:
        record = decode_record(data)
        part = record.part if isinstance(record, WriteRecord) else None
        found.append(None if part is None else part[1:])
    return found


def apply(replica: Replica, records: list[bytes], first: int = 1) -> list[int]:
    """How much is committed after each batch, when there is time for the least."""
    work = RemoteSlice(ITEMS.id, ("eu-west-1", "e" * 16), first, records)
    committed = []
    done = False
    while not done:

        def batch() -> None:
            nonlocal done
            done = work.run(replica.store, lambda: True)

        replica.run(batch)
        committed.append(replica.vector()["eu-west-1", "e" * 16])
    return committed


async def test_records_of_a_transaction_follow_each_other_and_are_numbered(tmp_path: Path) -> None:
    records = await written(tmp_path)
    assert parts(records) == [None] * 5 + [(20, place) for place in range(1, 21)] + [None]


async def test_they_are_committed_together_where_they_are_received(tmp_path: Path) -> None:
    records = await written(tmp_path)
    assert apply(Replica("us-east-1", 1), records) == [25, 26]
    split = Replica("us-east-1", 2)
    assert apply(split, records[:10]) == [10], "what came in two pieces goes on as it comes"
    assert apply(split, records[10:], 11) == [25, 26]


async def test_if_a_part_is_parked_the_rest_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = await written(tmp_path)
    honest = written_version

    def broken(record: WriteRecord, dot: object) -> object:
        if record.key == b"7":
            raise ZeroDivisionError("a bug")
        return honest(record, dot)  # type: ignore[arg-type]  # as it came

    monkeypatch.setattr(applying, "written_version", broken)
    replica = Replica("us-east-1", 1)
    assert apply(replica, records) == [25, 26]
    assert [each.key for each in replica.reader().parked(replica.store.catalog.declared(ITEMS.id), 9)] == [b"7"]
    assert replica.stored(b"8") is not None


async def test_what_is_committed_is_served_while_an_open_batch_discards_it(tmp_path: Path) -> None:
    """What is remembered of a stream is gone by then: it must not be taken for all that there is."""
    journal = await Journal.open(tmp_path / "region.sqlite", "eu-west-1", ManualClock(), SeededIds(1))
    await journal.declare(ITEMS)
    for number in range(5):
        await journal.write(lambda transaction, n=number: transaction.put(ITEMS.id, b"%d" % n, b"x"))  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
    stream = journal.store.catalog.declared(ITEMS.id).own
    assert stream is not None
    before = journal.reader.log(stream, 0, 10, 1_000_000)
    set_cursor(journal.store, stream, 0)
    assert journal.reader.log(stream, 0, 10, 1_000_000) == before
    stream.committed += 1
    with pytest.raises(JournalError, match="lacks sequence 7"):
        journal.reader.log(stream, 6, 10, 1_000_000)
    stream.committed -= 1
    journal.store.rollback()
    await journal.close()
