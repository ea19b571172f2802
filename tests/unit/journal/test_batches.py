"""The batch lane: windows at multiples of the interval, and packed records."""

import zlib

import pytest
from tests.unit.journal.test_pulling import FakeState, drained, greeted, sent

from terrella.journal import DataSet, Lane, ProtocolError, Puller
from terrella.journal.batches import Batches, next_window_in_ms
from terrella.journal.lag import Lags
from terrella.journal.model import Origin
from terrella.journal.protocol import PROTOCOL, Heads, PackedRecords, Pull, Records, Stop, Welcome, pack, unpack

CLICKS = DataSet("clicks", "clicks", Lane.BATCH, ("us-east-1", "us-west-2"), every_s=60)
EAST: Origin = ("us-east-1", "e1")
MINUTE = 60_000


def test_a_window_opens_at_each_multiple_of_the_interval_and_closes_when_all_is_here() -> None:
    batches = Batches()
    assert batches.is_open(CLICKS, {}, [{EAST: 3}], 10 * MINUTE + 5000), "the process has just started"
    assert batches.is_open(CLICKS, {EAST: 2}, [{EAST: 9}], 10 * MINUTE + 5100)
    assert not batches.is_open(CLICKS, {EAST: 3}, [{EAST: 9}], 10 * MINUTE + 5200), "what came later waits"
    assert not batches.is_open(CLICKS, {EAST: 3}, [{EAST: 9}], 11 * MINUTE - 1)
    assert batches.is_open(CLICKS, {EAST: 3}, [{EAST: 9}], 11 * MINUTE)
    assert not batches.is_open(CLICKS, {EAST: 9}, [{EAST: 9}], 11 * MINUTE + 1)
    assert next_window_in_ms(CLICKS, 11 * MINUTE + 1) == MINUTE - 1


def test_a_window_that_was_interrupted_stays_open_until_it_is_done() -> None:
    batches = Batches()
    assert batches.is_open(CLICKS, {}, [{EAST: 3}], MINUTE)
    assert batches.is_open(CLICKS, {EAST: 1}, [], 5 * MINUTE), "nobody is connected"
    assert not batches.is_open(CLICKS, {EAST: 3}, [{EAST: 4}], 5 * MINUTE + 1)
    assert batches.is_open(CLICKS, {EAST: 3}, [{EAST: 4}], 5 * MINUTE + 2), "the windows that passed meanwhile are one"


def test_nobody_connected_opens_no_window_and_misses_none() -> None:
    batches = Batches()
    assert not batches.is_open(CLICKS, {}, [], MINUTE)
    assert batches.is_open(CLICKS, {}, [{EAST: 1}], MINUTE + 2000)


def test_a_clock_that_is_set_back_opens_nothing_until_it_is_where_it_was() -> None:
    batches = Batches()
    assert not batches.is_open(CLICKS, {}, [{}], 10 * MINUTE)
    assert not batches.is_open(CLICKS, {}, [{EAST: 1}], 9 * MINUTE)
    assert batches.is_open(CLICKS, {}, [{EAST: 1}], 11 * MINUTE)


class BatchState(FakeState):
    """A region whose data sets are all in the batch lane, and whose clock is set by hand."""

    now_ms = 10 * MINUTE

    def clock_ms(self) -> int:
        return self.now_ms

    def definitions(self) -> dict[str, DataSet]:
        return dict.fromkeys(self.held, CLICKS)


def test_the_puller_asks_for_packed_records_only_while_a_window_is_open() -> None:
    state = BatchState("us-west-2", "w1", {"clicks": {}})
    puller = Puller(state, "test", "us-east-1")
    puller.start(0.0)
    puller.receive(Welcome(PROTOCOL, "us-east-1", "e1"), 0.0)
    puller.receive(Heads(0, [("clicks", [(*EAST, 2)])]), 0.1)
    assert Pull("clicks", ["us-east-1"], [], [], packed=True) in sent(puller.tick(0.2))
    state.held["clicks"] = {EAST: 2}
    puller.receive(Heads(0, [("clicks", [(*EAST, 5)])]), 0.3)
    assert Stop("clicks") in sent(puller.tick(0.4))
    assert not any(isinstance(message, Pull) for message in sent(puller.tick(0.5)))
    state.now_ms += MINUTE
    assert Pull("clicks", ["us-east-1"], [(*EAST, 2)], [], packed=True) in sent(puller.tick(0.6))


def test_the_server_packs_what_is_asked_for_packed() -> None:
    server = greeted(FakeState("us-east-1", "e1", {"clicks": {EAST: 3}}))
    server.receive(Pull("clicks", ["us-east-1"], [], [], packed=True), 0.0)
    (message,) = [each for each in drained(server, 0.0) if isinstance(each, PackedRecords)]
    assert unpack(message) == Records("clicks", *EAST, 1, [b"1", b"2", b"3"])


def test_what_was_packed_is_unpacked_and_is_smaller() -> None:
    records = Records("clicks", *EAST, 7, [b'{"id":{"S":"%d"}}' % number for number in range(200)])
    packed = pack(records)
    assert unpack(packed) == records
    assert len(packed.packed) < sum(map(len, records.records)) / 3


@pytest.mark.parametrize(
    "packed",
    [
        b"",
        b"garbage",
        zlib.compress(b"\xc1"),
        zlib.compress(b"x" * (9 << 20)),
        pack(Records("c", *EAST, 1, [b"a"])).packed[:-3],
    ],
    ids=["empty", "garbage", "no list", "a bomb", "cut off"],
)
def test_what_is_not_packed_is_refused(packed: bytes) -> None:
    with pytest.raises(ProtocolError, match="packed records"):
        unpack(PackedRecords("clicks", *EAST, 1, packed))


def test_what_comes_on_a_schedule_tells_nothing_of_how_far_a_region_is_behind() -> None:
    lags = Lags()
    lags.applied("us-east-1", "items", 1000, 1040, 0.0)
    lags.applied("us-east-1", "clicks", 1000, 61_000, 0.1, scheduled=True)
    assert lags.of("us-east-1").percentile_ms(1) == 40
    assert lags.of_data_set("us-east-1", "clicks").percentile_ms(1) == 60_000
