"""The figures of replication: what is known, what is not, and since when."""

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrella.journal import (
    Apply,
    CommittedState,
    DataSet,
    Lane,
    Message,
    PairFigures,
    Puller,
    PullServer,
    Reader,
    Records,
    RemoteSlice,
    ReplicationReport,
    Send,
    Sources,
    Store,
    Transaction,
    declaring,
    memory_connection,
)
from terrella.journal.lag import Lags
from terrella.journal.protocol import HEARTBEAT_S, SILENCE_MAX_S, Heads
from terrella.journal.volume import COUNT_ROWS_MAX, LogWindow, SentVolume
from terrella.kernel import hlc_milliseconds
from terrella.testing import ManualClock, SeededIds

EAST, WEST = "us-east-1", "us-west-2"
ITEMS = DataSet("items-0001", "items", Lane.ASYNC, (EAST, WEST))
DELAY_S = 0.03


class Side:
    """One region's store with its report, driven by hand."""

    def __init__(self, name: str, peer: str, clock: ManualClock) -> None:
        self.name, self.peer, self.clock = name, peer, clock
        connection = memory_connection()
        self.store = Store(connection, name, clock, SeededIds(len(name) + ord(name[-1])))
        self.reader = Reader(connection, self.store)
        self.state = CommittedState(self.store, self.reader, clock)
        self.lags, self.sources = Lags(), Sources(self.state)
        self.report = ReplicationReport(self.store, self.reader, self.sources, self.lags, clock)
        self.batch(lambda: [None for _ in declaring(self.store, ITEMS, None, None)])

    def batch(self, work: Callable[[], object]) -> None:
        self.store.begin()
        work()
        self.store.flush()
        self.store.commit()
        self.store.committed()
        self.state.refresh()

    def put(self, key: bytes, value: bytes = b"value") -> None:
        def work() -> None:
            transaction = Transaction(self.store)
            transaction.put(ITEMS.id, key, value)
            transaction.apply()

        self.batch(work)

    def pair(self) -> PairFigures:
        (figures,) = self.report.figures()
        return figures.peers[self.peer]


class Wire:
    """One connection on which ``puller`` pulls from ``server``; what is sent takes ``DELAY_S``."""

    def __init__(self, puller: Side, server: Side) -> None:
        self.side, self.other, self.clock = puller, server, puller.clock
        self.puller = Puller(puller.state, "test", server.name, puller.sources)
        self.server = PullServer(server.state, "test", frozenset((puller.name,)))
        for effect in self.puller.start(self.clock.monotonic()):
            assert isinstance(effect, Send)
            self.server.receive(effect.message, self.clock.monotonic())

    def turn(self) -> None:
        """Everything that either has to say arrives."""
        while messages := list(self._said()):
            self.clock.advance(DELAY_S)
            for message in messages:
                self._receive(message)

    def _said(self) -> Iterator[Message]:
        while (message := self.server.next(self.clock.monotonic())) is not None:
            yield message

    def _receive(self, message: Message) -> None:
        now = self.clock.monotonic()
        for effect in self.puller.receive(message, now):
            if isinstance(effect, Send):
                self.server.receive(effect.message, now)
            elif isinstance(effect, Apply):
                self._apply(effect.records)
        if isinstance(message, Heads):
            self.side.lags.of_data_set(self.other.name, ITEMS.id).heard(message.clock_ms, self.clock.now_ms())
            self._note_caught_up()
            self.side.report.heard(self.other.name, self.puller)
            for effect in self.puller.tick(now):
                assert isinstance(effect, Send)
                self.server.receive(effect.message, now)

    def _note_caught_up(self) -> None:
        if not self.puller.records_behind and self.puller.heads_clock_ms is not None:
            self.side.lags.of_data_set(self.other.name, ITEMS.id).caught_up(self.puller.heads_clock_ms)

    def _apply(self, records: Records) -> None:
        slice_ = RemoteSlice(records.data_set_id, (records.region, records.incarnation), records.first, records.records)
        self.side.batch(lambda: slice_.run(self.side.store, lambda: False))
        self.puller.took(records)
        written, now = slice_.outcome(), self.clock.monotonic()
        if written is not None:
            self.side.lags.applied(self.other.name, ITEMS.id, hlc_milliseconds(written), self.clock.now_ms(), now)
        self._note_caught_up()
        for effect in self.puller.changed(now):
            assert isinstance(effect, Send)
            self.server.receive(effect.message, now)


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def east(clock: ManualClock) -> Side:
    return Side(EAST, WEST, clock)


@pytest.fixture
def west(clock: ManualClock) -> Side:
    return Side(WEST, EAST, clock)


def test_before_anything_was_heard_nothing_is_known(west: Side) -> None:
    behind = west.pair().behind
    assert (behind.lag_ms, behind.records, behind.bytes, behind.records_at_least) == (None, None, None, None)
    assert (behind.known_ms_ago, behind.complete_ms_ago, behind.p99_ms) == (None, None, None)


def test_a_peer_that_is_heard_is_known_to_the_record_and_the_byte(east: Side, west: Side, clock: ManualClock) -> None:
    wire = Wire(west, east)
    wire.turn()
    east.put(b"a")
    wire.turn()
    behind = west.pair().behind
    assert (behind.records, behind.bytes, behind.bytes_exact) == (0, 0, True)
    assert behind.lag_ms == pytest.approx(DELAY_S * 1000, abs=2)
    assert behind.p50_ms == behind.p99_ms is not None
    clock.advance(HEARTBEAT_S)
    wire.turn()
    assert west.pair().theirs == east.report.figures()[0].own
    lacking = east.pair().lacking
    assert (lacking.writes, lacking.oldest_ms) == (0, None)


def test_a_cut_makes_the_lag_unknown_with_an_age_and_a_bound(east: Side, west: Side, clock: ManualClock) -> None:
    wire = Wire(west, east)
    east.put(b"a")
    wire.turn()
    before = west.pair().behind
    clock.advance(SILENCE_MAX_S + 8)
    east.put(b"b", b"x" * 100)
    behind = west.pair().behind
    assert (behind.lag_ms, behind.records, behind.bytes) == (None, None, None)
    assert behind.last_lag_ms == before.lag_ms
    assert behind.known_ms_ago == pytest.approx((SILENCE_MAX_S + 8) * 1000)
    assert behind.complete_ms_ago is not None
    assert behind.known_ms_ago is not None
    assert behind.complete_ms_ago >= behind.known_ms_ago
    assert behind.records_at_least == 0


def test_what_a_peer_lacks_is_summed_and_has_an_age(east: Side, west: Side, clock: ManualClock) -> None:
    wire = Wire(west, east)
    east.put(b"a")
    wire.turn()
    east.put(b"b", b"x" * 100)
    clock.advance(5)
    east.put(b"c", b"x" * 100)
    clock.advance(1)
    figures = east.report.figures()[0]
    lacking = figures.peers[WEST].lacking
    assert (figures.at_risk, lacking.writes) == (2, 2)
    assert lacking.oldest_ms == pytest.approx(6000, abs=2)
    assert lacking.bytes is None, "nobody has counted yet"


async def test_bytes_that_a_peer_lacks_are_exact_once_counted(east: Side, west: Side) -> None:
    for number in range(10):
        east.put(b"%d" % number, b"x" * 100)
    lacking = (await east.report.counted())[0].peers[WEST].lacking
    stream = next(iter(east.store.catalog.data_sets[ITEMS.id].streams.values()))
    assert (lacking.bytes, lacking.bytes_exact) == (sum(map(len, stream.recent)), True)
    Wire(west, east).turn()
    assert (await east.report.counted())[0].peers[WEST].lacking.bytes == 0


def test_bytes_to_come_are_what_the_server_has_counted_less_what_is_applied(
    east: Side, west: Side, clock: ManualClock
) -> None:
    wire = Wire(west, east)
    wire.turn()
    stream = east.store.catalog.data_sets[ITEMS.id].streams
    for number in range(5):
        east.put(b"%d" % number, b"x" * 50)
    clock.advance(HEARTBEAT_S)
    message = wire.server.next(clock.monotonic())
    assert message is not None
    wire._receive(message)
    behind = west.pair().behind
    log = [len(record) for one in stream.values() for record in one.recent]
    assert (behind.records, behind.bytes, behind.bytes_exact) == (len(log), sum(log), True)
    wire.turn()
    assert (west.pair().behind.records, west.pair().behind.bytes) == (0, 0)


def test_a_lost_connection_makes_it_unknown_at_once(east: Side, west: Side, clock: ManualClock) -> None:
    wire = Wire(west, east)
    east.put(b"a")
    wire.turn()
    clock.advance(HEARTBEAT_S)
    wire.turn()
    west.report.lost(EAST)
    assert west.pair().behind.lag_ms is None
    assert west.pair().behind.last_lag_ms is not None
    Wire(west, east).turn()
    assert west.pair().behind.lag_ms is not None


SIZES = st.lists(st.integers(1, 50), min_size=1, max_size=40)


@given(SIZES, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=12))
def test_a_window_counts_what_a_sum_would(sizes: list[int], moves: list[tuple[int, int]]) -> None:
    window = LogWindow()
    for one, other in moves:
        after, upto = sorted((min(one, len(sizes)), min(other, len(sizes))))
        while not window.step(after, upto, lambda low, high: sum(sizes[low:high])):
            pass
        assert window.bytes(after, upto) == (sum(sizes[after:upto]), True)


@given(SIZES, st.integers(0, 40), st.lists(st.integers(0, 40), max_size=8))
def test_what_was_sent_and_what_was_counted_ahead_is_counted_once(
    sizes: list[int], cursor: int, sends: list[int]
) -> None:
    cursor = min(cursor, len(sizes))
    origin = (EAST, "e1")
    volume = SentVolume({origin: cursor})
    records = [bytes(size) for size in sizes]
    sent = cursor
    for number, upto in enumerate(sorted(min(max(upto, cursor), len(sizes)) for upto in sends)):
        volume.sent(origin, sent, records[sent:upto])
        sent = upto
        if number % 2:
            held = {origin: len(sizes)}
            volume.until(held, lambda _, low, high: sum(sizes[low:high]))
    answer = volume.until({origin: len(sizes)}, lambda _, low, high: sum(sizes[low:high]))
    assert answer == {EAST: (sum(sizes[cursor:]), True)}


def test_a_long_backlog_is_estimated_until_it_is_counted() -> None:
    held = {(EAST, "e1"): 3 * COUNT_ROWS_MAX}
    volume = SentVolume({})
    said = [volume.until(held, lambda _, low, high: 10 * (high - low))[EAST] for _ in range(3)]
    assert said == [(30 * COUNT_ROWS_MAX, exact) for exact in (False, False, True)]
