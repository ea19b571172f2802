"""What an acknowledgement is worth: full disks, failing disks, killed processes."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from terrella.journal import (
    DataSet,
    Journal,
    JournalError,
    Lane,
    OutcomeUnknownError,
    StoreClosedError,
    StoreUnavailableError,
)
from terrella.kernel import SystemClock, SystemIds
from terrella.testing import ManualClock, SeededIds

ITEMS = DataSet("items-0001", "items", Lane.ASYNC, ("eu-west-1", "us-east-1"))
SOURCE = Path(__file__).parents[3] / "src"

WRITER = """
import asyncio, sys
from pathlib import Path
from terrella.journal import DataSet, Journal, Lane
from terrella.kernel import SystemClock, SystemIds

async def main():
    journal = await Journal.open(Path(sys.argv[1]), "us-east-1", SystemClock(), SystemIds())
    items = DataSet("items-0001", "items", Lane.ASYNC, ("eu-west-1", "us-east-1"))
    await journal.declare(items)
    async def work(writer):
        for number in range(1_000_000):
            key = b"%d/%d" % (writer, number)
            await journal.write(lambda transaction: transaction.put(items.id, key, key))
            sys.stdout.write(key.decode() + "\\n")
            sys.stdout.flush()
    await asyncio.gather(*(work(writer) for writer in range(16)))

asyncio.run(main())
"""


async def reopened(path: Path) -> Journal:
    journal = await Journal.open(path, "us-east-1", SystemClock(), SystemIds())
    await journal.declare(ITEMS)
    return journal


def killed_writer(path: Path, acknowledged: int) -> list[str]:
    """The keys that a process said were written, before it was killed in the middle of writing on."""
    with subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True, env={"PYTHONPATH": str(SOURCE)}
    ) as child:
        assert child.stdout is not None
        keys = [child.stdout.readline().strip() for _ in range(acknowledged)]
        child.send_signal(signal.SIGKILL)
        keys += [line.strip() for line in child.stdout.read().splitlines()[:-1]]
    return keys


@pytest.mark.parametrize("acknowledged", [1, 40, 700])
async def test_a_killed_process_keeps_what_it_acknowledged(tmp_path: Path, acknowledged: int) -> None:
    path = tmp_path / "region.sqlite"
    keys = killed_writer(path, acknowledged)
    journal = await reopened(path)
    missing = [key for key in keys if journal.read(ITEMS.id, key.encode()) is None]
    assert missing == []
    assert len(keys) >= acknowledged
    (vector,) = [status.vector for status in journal.status().data_sets]
    assert journal.count(ITEMS.id)[0] == sum(vector.values()) - 1, "every record but the opening one is an item"
    await journal.close()


async def test_a_copy_of_the_files_has_what_was_acknowledged(tmp_path: Path) -> None:
    """What a crash of the machine leaves behind is what is in the files."""
    journal = await reopened(tmp_path / "region.sqlite")
    for number in range(50):
        key = b"%d" % number
        await journal.write(lambda transaction, key=key: transaction.put(ITEMS.id, key, b"x"))  # type: ignore[misc]  # mypy cannot infer lambdas with defaults
        if number % 10 == 0:
            copy = tmp_path / f"copy-{number}"
            copy.mkdir()
            for suffix in ("", "-wal"):
                (copy / f"region.sqlite{suffix}").write_bytes((tmp_path / f"region.sqlite{suffix}").read_bytes())
            image = await reopened(copy / "region.sqlite")
            assert image.count(ITEMS.id)[0] == number + 1
            await image.close()
    await journal.close()


async def put(journal: Journal, key: bytes, size: int = 1) -> None:
    await journal.write(lambda transaction: transaction.put(ITEMS.id, key, b"x" * size))


async def test_a_full_disk_makes_the_store_read_only_until_there_is_room(tmp_path: Path) -> None:
    clock = ManualClock()
    journal = await Journal.open(tmp_path / "region.sqlite", "us-east-1", clock, SeededIds())
    await journal.declare(ITEMS)
    await put(journal, b"a")
    pages = journal.store.connection.execute("pragma page_count").get
    journal.store.connection.execute(f"pragma max_page_count = {pages + 5}")
    results = await asyncio.gather(
        put(journal, b"b"), put(journal, b"c", 1_000_000), put(journal, b"d"), return_exceptions=True
    )
    assert [type(result) for result in results] == [StoreUnavailableError] * 3
    assert journal.read(ITEMS.id, b"a") is not None
    assert journal.read(ITEMS.id, b"b") is None
    assert journal.count(ITEMS.id) == (1, 2)
    with pytest.raises(StoreUnavailableError):
        await put(journal, b"e")
    assert "full" in str(journal.status().unavailable)
    journal.store.connection.execute("pragma max_page_count = 1000000")
    clock.advance(1.5)
    await put(journal, b"f")
    assert journal.status().unavailable is None
    assert [entry.key for entry in journal.scan(ITEMS.id, limit=10)] == [b"a", b"f"]
    version = journal.read(ITEMS.id, b"f")
    assert version is not None
    assert version.dot.sequence == 3, "the sequence has no gap"
    assert journal.count(ITEMS.id) == (2, 4)
    await journal.close()


async def test_a_failing_disk_leaves_the_outcome_unknown_and_ends_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fatal: list[BaseException] = []
    journal = await Journal.open(tmp_path / "region.sqlite", "us-east-1", ManualClock(), SeededIds(), fatal.append)
    await journal.declare(ITEMS)

    def fail() -> None:
        raise apsw.IOError("the disk is on fire")

    monkeypatch.setattr(journal.store, "commit", fail)
    with pytest.raises(OutcomeUnknownError, match="on fire"):
        await put(journal, b"a")
    assert len(fatal) == 1
    monkeypatch.undo()
    with pytest.raises(OutcomeUnknownError):
        await put(journal, b"b")
    assert journal.read(ITEMS.id, b"a") is None
    await journal.close()


async def test_a_closed_journal_refuses_writes(tmp_path: Path) -> None:
    journal = await reopened(tmp_path / "region.sqlite")
    under_way = asyncio.ensure_future(put(journal, b"a"))
    await asyncio.sleep(0)
    await journal.close()
    await under_way
    await journal.close()
    with pytest.raises(StoreClosedError):
        await put(journal, b"b")


async def test_a_file_of_another_version_is_refused(tmp_path: Path) -> None:
    connection = apsw.Connection(str(tmp_path / "region.sqlite"))
    connection.execute("pragma user_version = 99; create table x (y)")
    connection.close()
    with pytest.raises(JournalError, match="version 99"):
        await reopened(tmp_path / "region.sqlite")


async def test_a_disk_that_is_held_full_refuses_writes_until_it_is_let_go(tmp_path: Path) -> None:
    """As a full disk does, whatever is under way meanwhile; what was acknowledged stays readable."""
    clock = ManualClock()
    journal = await Journal.open(tmp_path / "held.sqlite", "us-east-1", clock, SeededIds(1))
    try:
        await journal.declare(ITEMS)
        under_way = asyncio.ensure_future(journal.write(lambda transaction: transaction.put(ITEMS.id, b"a", b"1")))
        await asyncio.sleep(0)
        journal.hold_full(True)
        await under_way
        for _ in range(2):
            with pytest.raises(StoreUnavailableError, match="the disk is full"):
                await journal.write(lambda transaction: transaction.put(ITEMS.id, b"b", b"1"))
            clock.advance(3600)
        assert journal.status().unavailable
        assert journal.read(ITEMS.id, b"a") is not None
        journal.hold_full(False)
        await journal.write(lambda transaction: transaction.put(ITEMS.id, b"b", b"1"))
        assert journal.status().unavailable is None
    finally:
        journal.hold_full(False)
        await journal.close()


async def test_a_store_that_could_not_be_opened_is_free_for_whoever_tries_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_store: object) -> Iterator[None]:
        raise apsw.FullError("no room")

    path = tmp_path / "region.sqlite"
    with monkeypatch.context() as patched:
        patched.setattr("terrella.journal.journal.resuming", full)
        with pytest.raises(StoreUnavailableError, match="the disk is full"):
            await reopened(path)
    await (await reopened(path)).close()
