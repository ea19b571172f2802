"""A record that always fails is set aside and listed; what follows it goes on, tombstones wait, a replay mends it."""

from collections.abc import Iterable
from pathlib import Path

import apsw
import pytest

from terrella.journal import (
    DataSet,
    Dot,
    Journal,
    Lane,
    MergeResult,
    RemoteSlice,
    SequenceGapError,
    UnknownFormatError,
    Version,
    applying,
    merge,
)
from terrella.journal.model import NOTHING
from terrella.journal.records import FORMAT, encode_acknowledgement, encode_opening, encode_write
from terrella.testing import ManualClock, SeededIds

ITEMS = DataSet("items-0001", "items", Lane.ASYNC, ("eu-west-1", "us-east-1"))
PEER = ("eu-west-1", "e" * 16)
OPENING = encode_opening(1, None, 0)


def write(hlc: int, key: bytes, value: bytes | None) -> bytes:
    return encode_write(hlc, key, value)


def fails_for(key: bytes) -> object:
    """A merge with a bug that only some items meet."""

    def broken(stored: Version | None, incoming: Version) -> MergeResult:
        if incoming.value == key:
            raise ZeroDivisionError("a bug")
        return merge(stored, incoming)

    return broken


async def open_journal(path: Path, seed: int = 1) -> Journal:
    journal = await Journal.open(path / "region.sqlite", "us-east-1", ManualClock(), SeededIds(seed))
    await journal.declare(ITEMS)
    return journal


async def apply(journal: Journal, first: int, *records: bytes) -> None:
    await journal.committer.slice(RemoteSlice(ITEMS.id, PEER, first, records))


def peer_vector(journal: Journal) -> tuple[int, int]:
    """What is held of the peer's, and what is applied."""
    (status,) = journal.status().data_sets
    return status.vector.get(PEER, 0), status.applied.get(PEER, 0)


@pytest.mark.parametrize(
    "poison",
    [
        b"no record at all",
        write(1 << 63, b"k", b"later than a column can hold"),
        encode_write(5, b"k", b"v", {("a", "b"): 1 << 40}),
        encode_write(5, b"k", b"v")[:-3],
    ],
)
async def test_a_record_that_is_none_is_parked_and_what_follows_is_applied(tmp_path: Path, poison: bytes) -> None:
    journal = await open_journal(tmp_path)
    await apply(journal, 1, OPENING, poison, write(9, b"next", b"value"))
    assert journal.read(ITEMS.id, b"next") is not None
    (parked,) = journal.parked()
    assert parked.dot == Dot(*PEER, 2)
    assert parked.record_bytes == len(poison)
    assert peer_vector(journal) == (3, 1), "held, so that it can be relayed; not applied"
    await journal.close()
    journal = await open_journal(tmp_path, 2)
    assert journal.parked(ITEMS.id) == [parked]
    assert peer_vector(journal) == (3, 1)
    stream = journal.store.catalog.declared(ITEMS.id).streams[PEER]
    assert journal.reader.log(stream, 1, 1, 1_000_000) == [poison], "verbatim"
    await journal.close()


async def test_a_parked_record_can_be_replayed_once_it_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = await open_journal(tmp_path)
    monkeypatch.setattr(applying, "merge", fails_for(b"bad"))
    await apply(journal, 1, OPENING, write(5, b"k", b"bad"), write(6, b"l", b"bad"), write(7, b"m", b"good"))
    assert [(each.key, each.reason) for each in journal.parked()] == [
        (b"k", "ZeroDivisionError: a bug"),
        (b"l", "ZeroDivisionError: a bug"),
    ]
    assert await journal.replay_parked() == []
    assert len(journal.parked()) == 2
    monkeypatch.undo()
    assert await journal.replay_parked([Dot(*PEER, 2)]) == [Dot(*PEER, 2)]
    assert journal.read(ITEMS.id, b"k") is not None
    assert peer_vector(journal) == (4, 2)
    assert await journal.replay_parked() == [Dot(*PEER, 3)]
    assert (journal.parked(), peer_vector(journal)) == ([], (4, 4))
    await journal.close()


async def test_a_later_version_that_has_seen_it_discharges_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = await open_journal(tmp_path)
    monkeypatch.setattr(applying, "merge", fails_for(b"bad"))
    await apply(journal, 1, OPENING, write(5, b"k", b"bad"), write(6, b"l", b"bad"))
    await apply(journal, 4, write(7, b"k", b"good"))
    assert [each.key for each in journal.parked()] == [b"l"]
    assert peer_vector(journal) == (4, 2)
    await journal.close()


async def test_what_is_parked_keeps_tombstones_from_going(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = await open_journal(tmp_path)
    monkeypatch.setattr(applying, "merge", fails_for(b"bad"))
    await apply(journal, 1, OPENING, write(5, b"k", b"bad"), write(6, b"l", b"v"), write(7, b"l", None))
    await apply(journal, 5, encode_acknowledgement(8, {PEER: 4}))

    def tombstones() -> object:
        return journal.store.ask("select count(*) from items where value is null")

    for _ in range(3):
        await journal.keep_house()
    assert tombstones() == 1
    monkeypatch.undo()
    await journal.replay_parked()
    for _ in range(3):
        await journal.keep_house()
    assert tombstones() == 0
    await journal.close()


async def test_an_unknown_format_stops_and_is_not_parked(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    later = OPENING.replace(bytes([FORMAT]), bytes([FORMAT + 1]), 1)
    with pytest.raises(UnknownFormatError):
        await apply(journal, 1, later)
    with pytest.raises(SequenceGapError):
        await apply(journal, 2, OPENING)
    assert (journal.parked(), peer_vector(journal)) == ([], (0, 0))
    await journal.close()


async def test_a_failing_disk_parks_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = await open_journal(tmp_path)

    def full(stored: Version | None, incoming: Version) -> MergeResult:
        raise apsw.FullError("the disk is full")

    monkeypatch.setattr(applying, "merge", full)
    with pytest.raises(Exception, match="disk is full"):
        await apply(journal, 1, OPENING, write(5, b"k", b"v"))
    assert journal.parked() == []
    await journal.close()


async def test_an_item_that_an_index_cannot_take_is_left_out_of_it_and_counted(tmp_path: Path) -> None:
    def fussy(key: bytes, value: bytes) -> Iterable[tuple[str, bytes]]:
        if value == b"bad":
            raise ValueError("bad")
        yield "all", value

    journal = await open_journal(tmp_path)
    await journal.declare(ITEMS, fussy, {"all": "1"})
    await apply(journal, 1, OPENING, write(5, b"k", b"bad"), write(6, b"l", b"good"))
    assert [entry.key for entry in journal.scan_index(ITEMS.id, "all", limit=9)] == [b"l"]
    assert journal.read(ITEMS.id, b"k") is not None
    (status,) = journal.status().data_sets
    assert (status.unindexed, status.parked) == (1, 0)
    await journal.declare(ITEMS, fussy, {"all": "2"})
    assert [entry.key for entry in journal.scan_index(ITEMS.id, "all", limit=9)] == [b"l"]
    await journal.write(lambda transaction: transaction.put(ITEMS.id, b"k", b"better"))
    assert len(journal.scan_index(ITEMS.id, "all", limit=9)) == 2
    await journal.close()


async def test_writes_to_a_data_set_that_was_dropped_here_are_in_the_conflict_log(tmp_path: Path) -> None:
    journal = await open_journal(tmp_path)
    await apply(journal, 1, OPENING, write(5, b"k", b"in time"))
    await journal.drop(ITEMS.id)
    await apply(journal, 2, write(5, b"k", b"in time"), write(6, b"l", b"late"), encode_acknowledgement(7, {}))
    await apply(journal, 3, write(6, b"l", b"late"), encode_acknowledgement(7, {}))
    (late,) = journal.conflicts()
    assert (late.data_set_id, late.key, late.loser.value) == (ITEMS.id, b"l", b"late")
    assert late.winner == NOTHING
    await journal.close()
    journal = await Journal.open(tmp_path / "region.sqlite", "us-east-1", ManualClock(), SeededIds(2))
    assert journal.conflicts() == journal.conflicts(ITEMS.id) == [late]
    await journal.close()
