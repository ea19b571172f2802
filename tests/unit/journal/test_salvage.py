"""A store that has failed comes back as a verified copy, or as what could be saved; what is lost is named."""

from functools import partial
from pathlib import Path

import apsw
import pytest

from terrella.journal import (
    DataSet,
    DataSetStandingError,
    Journal,
    Lane,
    OutcomeUnknownError,
    RemoteSlice,
    Transaction,
    salvage,
)
from terrella.journal.records import WriteRecord, decode_record, encode_opening, encode_write
from terrella.testing import ManualClock, SeededIds

ITEMS = DataSet("items-0001", "items", Lane.ASYNC, ("eu-west-1", "us-east-1"))
LOCAL = DataSet("local-0001", "catalog", Lane.LOCAL, ("us-east-1",))
PEER = ("eu-west-1", "e" * 16)
PAGE = 4096


async def open_journal(path: Path, seed: int) -> Journal:
    journal = await Journal.open(path, "us-east-1", ManualClock(), SeededIds(seed))
    await journal.declare(ITEMS)
    await journal.declare(LOCAL)
    return journal


async def filled(path: Path, acknowledged: int = 101) -> None:
    """200 own writes, of which another region has the first hundred; 100 of its; 300 that are only ours to have."""
    journal = await open_journal(path, 1)
    for number in range(200):
        key = b"own-%04d" % number
        await journal.write(partial(Transaction.put, data_set_id=ITEMS.id, key=key, value=key + b"x" * 300))
    theirs = [encode_opening(1, None, 0), *(encode_write(9, b"their-%04d" % each, b"y" * 300) for each in range(100))]
    await journal.committer.slice(RemoteSlice(ITEMS.id, PEER, 1, theirs))
    for number in range(300):
        key = b"alone-%04d" % number
        await journal.write(partial(Transaction.put, data_set_id=LOCAL.id, key=key, value=key + b"z" * 300))
    journal.store.note_acknowledgement("eu-west-1", ITEMS.id, {("us-east-1", journal.store.incarnation): acknowledged})
    await journal.close()


def damage(path: Path, *contents: bytes) -> None:
    """Make every page unreadable that holds one of these."""
    data = bytearray(path.read_bytes())
    for content in contents:
        offset = data.find(content)
        assert offset >= 0
        while offset >= 0:
            page = offset // PAGE * PAGE
            data[page : page + PAGE] = b"\x63" * PAGE
            offset = data.find(content, page + PAGE)
    path.write_bytes(data)


def asides(path: Path) -> list[str]:
    return sorted(each.name for each in path.parent.glob("*.quarantined-*") if not each.name.endswith(("-wal", "-shm")))


async def test_a_sound_file_is_copied(tmp_path: Path) -> None:
    path = tmp_path / "region.sqlite"
    await filled(path)
    salvage.mark_failed(path, "it was said to have failed")
    journal = await open_journal(path, 2)
    assert journal.salvaged is not None
    assert (journal.salvaged.sound, journal.salvaged.lost) == (True, [])
    assert journal.salvaged.reason == "it was said to have failed"
    assert (journal.count(ITEMS.id)[0], journal.count(LOCAL.id)[0]) == (300, 300)
    assert asides(path) == ["region.sqlite.quarantined-1"]
    await journal.close()
    journal = await open_journal(path, 3)
    assert journal.salvaged is None, "it is done once"
    await journal.close()


async def test_a_failing_commit_leaves_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "region.sqlite"
    journal = await open_journal(path, 1)
    await journal.write(lambda transaction: transaction.put(LOCAL.id, b"before", b"v"))

    def fails() -> None:
        raise apsw.IOError("the disk is gone")

    monkeypatch.setattr(journal.store, "commit", fails)
    with pytest.raises(OutcomeUnknownError):
        await journal.write(lambda transaction: transaction.put(LOCAL.id, b"k", b"v"))
    await journal.close()
    journal = await open_journal(path, 2)
    assert journal.salvaged is not None
    assert (journal.salvaged.sound, journal.salvaged.reason) == (True, "the disk is gone")
    assert journal.read(LOCAL.id, b"before") is not None
    await journal.close()


async def test_of_a_damaged_file_the_tail_can_still_be_shipped(tmp_path: Path) -> None:
    path = tmp_path / "region.sqlite"
    await filled(path)
    damage(path, b"their-0050")
    salvage.mark_failed(path, "damaged")
    journal = await open_journal(path, 2)
    salvaged = journal.salvaged
    assert salvaged is not None
    assert (salvaged.sound, salvaged.records) == (False, 100)
    assert all("table items, as far as they were of catalog" in lost for lost in salvaged.lost)
    state = journal.store.catalog.declared(ITEMS.id)
    (own,) = [stream for stream in state.streams.values() if stream.region == "us-east-1"]
    assert (own.floor, own.applied) == (102, 201)
    records = [decode_record(each) for each in journal.reader.log(own, 101, 1000, 1_000_000)]
    assert [each.key for each in records if isinstance(each, WriteRecord)] == [
        b"own-%04d" % each for each in range(100, 200)
    ]
    with pytest.raises(DataSetStandingError):
        await journal.write(lambda transaction: transaction.put(ITEMS.id, b"k", b"v"))
    assert journal.count(LOCAL.id)[0] == 300, "what is only ours is all there"
    await journal.write(lambda transaction: transaction.put(LOCAL.id, b"k", b"v"))
    await journal.close()


async def test_what_is_lost_is_named(tmp_path: Path) -> None:
    path = tmp_path / "region.sqlite"
    await filled(path)
    damage(path, b"own-0150x", b"alone-0150z")
    salvage.mark_failed(path, "damaged")
    journal = await open_journal(path, 2)
    salvaged = journal.salvaged
    assert salvaged is not None
    (own,) = [
        stream for stream in journal.store.catalog.declared(ITEMS.id).streams.values() if stream.region == "us-east-1"
    ]
    assert 101 < own.applied < 152, "up to the first that cannot be read"
    assert salvaged.records == own.applied - 101
    tail, *rows = salvaged.lost
    assert tail.startswith(f"items (items-0001): records {own.applied + 1} to 201 of us-east-1 (")
    assert len(rows) == 2, "a page of each data set: whose it was is not to be known"
    assert all(row.endswith("of the table items, as far as they were of catalog (local-0001)") for row in rows)
    left = journal.count(LOCAL.id)[0]
    assert 270 < left < 300
    found = journal.scan(LOCAL.id, limit=1000)
    assert len(found) == left
    assert all(entry.version.value == entry.key + b"z" * 300 for entry in found)
    assert journal.read(LOCAL.id, b"alone-0299") is not None, "beyond the damage, too"
    await journal.close()


async def test_a_file_that_is_no_store_is_moved_aside_at_once(tmp_path: Path) -> None:
    path = tmp_path / "region.sqlite"
    await filled(path)
    path.write_bytes(b"no database at all" * 1000)
    journal = await open_journal(path, 2)
    assert journal.salvaged is not None
    assert not journal.salvaged.sound
    assert journal.salvaged.lost
    assert journal.count(LOCAL.id)[0] == 0
    await journal.write(lambda transaction: transaction.put(ITEMS.id, b"k", b"v"))
    await journal.close()


async def test_a_rescue_that_was_cut_short_begins_again(tmp_path: Path) -> None:
    path = tmp_path / "region.sqlite"
    await filled(path)
    salvage.mark_failed(path, "damaged")
    salvage._quarantine(path)
    (tmp_path / "region.sqlite.recovering").write_bytes(b"half of it")
    journal = await open_journal(path, 2)
    assert journal.salvaged is not None
    assert journal.salvaged.sound
    assert journal.count(LOCAL.id)[0] == 300
    assert asides(path) == ["region.sqlite.quarantined-1"]
    await journal.close()


async def test_a_failed_store_that_somebody_took_away_is_a_new_one(tmp_path: Path) -> None:
    path = tmp_path / "region.sqlite"
    salvage.mark_failed(path, "damaged")
    journal = await open_journal(path, 1)
    assert journal.salvaged is None
    await journal.close()
