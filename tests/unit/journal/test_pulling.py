"""Both sides of pulling, face to face without sockets."""

from collections.abc import Mapping

import pytest

from terrella.journal import (
    Apply,
    DataSet,
    Effect,
    Lane,
    Message,
    Origin,
    ProtocolError,
    Puller,
    PullServer,
    Records,
    Send,
    Vector,
)
from terrella.journal.lag import LagMeter
from terrella.journal.protocol import (
    HEARTBEAT_S,
    PROTOCOL,
    SILENCE_MAX_S,
    Acknowledgement,
    Heads,
    Hello,
    Pull,
    Refusal,
    SnapshotRequired,
    Stop,
    Welcome,
)
from terrella.journal.schema import SEQUENCE_MASK

EAST: Origin = ("us-east-1", "e1")
WEST: Origin = ("us-west-2", "w1")
REGIONS = ("eu-west-1", "us-east-1", "us-west-2")
PEERS = frozenset(("us-west-2", "eu-west-1"))


class FakeState:
    """Some region's state: vectors per data set, and logs that are ``<sequence>`` as bytes."""

    def __init__(self, region: str, incarnation: str, vectors: dict[str, dict[Origin, int]]) -> None:
        self.region = region
        self.incarnation = incarnation
        self.held = vectors
        self.floors: dict[Origin, int] = {}
        self.acknowledged: dict[tuple[str, str], Vector] = {}

    def clock_ms(self) -> int:
        return 1000

    def vectors(self, peer: str) -> Mapping[str, Vector]:
        return {name: dict(vector) for name, vector in self.held.items()}

    def unpulled(self) -> frozenset[str]:
        return frozenset()

    def floor(self, data_set_id: str, origin: Origin) -> int:
        return self.floors.get(origin, 1)

    def records(self, data_set_id: str, origin: Origin, after: int, records_max: int, bytes_max: int) -> list[bytes]:
        last = min(self.held[data_set_id][origin], after + records_max)
        return [b"%d" % sequence for sequence in range(after + 1, last + 1)]

    cursors = vectors

    def definitions(self) -> Mapping[str, DataSet]:
        return {name: DataSet(name, name, Lane.ASYNC, REGIONS) for name in self.held}

    def lives(self) -> set[str]:
        return {self.incarnation}

    def lives_of(self, region: str) -> set[str]:
        return {life for vector in self.held.values() for origin_region, life in vector if origin_region == region}

    def decided(self) -> int:
        return 0

    def excluded(self, peer: str, data_set_id: str) -> int | None:
        return None

    def log_bytes(self, data_set_id: str, origin: Origin, after: int, upto: int) -> int:
        return sum(len(b"%d" % sequence) for sequence in range(after + 1, upto + 1))

    def acknowledge(self, peer: str, data_set_id: str, vector: Vector) -> None:
        self.acknowledged[(peer, data_set_id)] = vector


HELLO = Hello(PROTOCOL, "test", "us-west-2", "us-east-1", "w1", ["w1"])


def greeted(state: FakeState) -> PullServer:
    server = PullServer(state, "test", PEERS)
    server.receive(HELLO, 0.0)
    assert server.next(0.0) == Welcome(PROTOCOL, "us-east-1", "e1")
    return server


def drained(server: PullServer, now: float) -> list[Message]:
    messages = []
    while (message := server.next(now)) is not None:
        messages.append(message)
    return messages


def sent(effects: list[Effect]) -> list[Message]:
    return [effect.message for effect in effects if isinstance(effect, Send)]


def welcomed(state: FakeState) -> Puller:
    puller = Puller(state, "test", "us-east-1")
    assert sent(puller.start(0.0)) == [HELLO]
    puller.receive(Welcome(PROTOCOL, "us-east-1", "e1"), 0.0)
    return puller


@pytest.mark.parametrize(
    ("hello", "reason"),
    [
        (Hello(99, "test", "us-west-2", "us-east-1", "w1"), "protocol 99"),
        (Hello(PROTOCOL, "other", "us-west-2", "us-east-1", "w1"), "world 'other'"),
        (Hello(PROTOCOL, "test", "us-west-2", "eu-west-1", "w1"), "looks for eu-west-1"),
        (Hello(PROTOCOL, "test", "mars-1", "us-east-1", "w1"), "no peer"),
        (Pull("items", [], []), "before Hello"),
    ],
)
def test_a_wrong_greeting_is_refused(hello: Message, reason: str) -> None:
    with pytest.raises(ProtocolError, match=reason):
        PullServer(FakeState("us-east-1", "e1", {}), "test", PEERS).receive(hello, 0.0)


def test_nothing_is_said_before_the_greeting() -> None:
    assert PullServer(FakeState("us-east-1", "e1", {"items": {EAST: 3}}), "test", PEERS).next(0.0) is None


def test_records_come_from_the_cursor_on_and_as_they_are_committed() -> None:
    state = FakeState("us-east-1", "e1", {"items": {EAST: 3}})
    server = greeted(state)
    server.receive(Pull("items", ["us-east-1"], [(*EAST, 1)]), 0.0)
    assert drained(server, 0.0) == [
        Heads(1000, [("items", [(*EAST, 3)])], [("items", "us-east-1", 2, True)]),
        Records("items", *EAST, 2, [b"2", b"3"]),
    ]
    state.held["items"][EAST] = 4
    assert drained(server, 0.1) == [Records("items", *EAST, 4, [b"4"])]
    assert drained(server, HEARTBEAT_S) == [Heads(1000, [("items", [(*EAST, 4)])], [("items", "us-east-1", 3, True)])]
    assert drained(server, 2 * HEARTBEAT_S) == [Heads(1000, [])]


def test_any_origin_can_be_asked_for_and_none_is_sent_unasked() -> None:
    server = greeted(FakeState("us-east-1", "e1", {"items": {EAST: 1, WEST: 1}}))
    server.receive(Pull("items", ["us-west-2"], []), 0.0)
    assert drained(server, 0.0)[1:] == [Records("items", *WEST, 1, [b"1"])]
    server.receive(Stop("items"), 0.1)
    assert drained(server, 0.1) == []


def test_a_pull_of_what_is_not_declared_waits() -> None:
    state = FakeState("us-east-1", "e1", {})
    server = greeted(state)
    server.receive(Pull("items", ["us-east-1"], []), 0.0)
    assert drained(server, 0.0) == [Heads(1000, [])]
    state.held["items"] = {EAST: 1}
    assert drained(server, 0.01) == [
        Heads(1000, [("items", [(*EAST, 1)])], [("items", "us-east-1", 1, True)]),
        Records("items", *EAST, 1, [b"1"]),
    ]


def test_long_backlogs_take_turns_and_leave_room_for_heartbeats() -> None:
    server = greeted(FakeState("us-east-1", "e1", {"one": {EAST: 1000}, "two": {EAST: 1000}}))
    for name in ("one", "two"):
        server.receive(Pull(name, ["us-east-1"], []), 0.0)
    first = [server.next(0.0) for _ in range(3)]
    assert [m.data_set_id for m in first if isinstance(m, Records)] == ["one", "two"]
    assert isinstance(server.next(HEARTBEAT_S), Heads)


def test_a_request_below_the_floor_needs_a_snapshot() -> None:
    state = FakeState("us-east-1", "e1", {"items": {EAST: 9}})
    state.floors[EAST] = 5
    server = greeted(state)
    server.receive(Pull("items", ["us-east-1"], [(*EAST, 2)]), 0.0)
    assert drained(server, 0.0)[1:] == [SnapshotRequired("items", *EAST, 5)]
    puller = welcomed(FakeState("us-west-2", "w1", {"items": {EAST: 2}}))
    assert puller.receive(SnapshotRequired("items", *EAST, 5), 0.0) == []
    assert puller.below_floor == {("items", EAST): 5}


def test_the_puller_asks_from_its_cursors_and_acknowledges_what_is_durable() -> None:
    state = FakeState("us-west-2", "w1", {"items": {EAST: 2, WEST: 7}})
    puller = Puller(state, "test", "us-east-1")
    puller.start(0.0)
    assert sent(puller.receive(Welcome(PROTOCOL, "us-east-1", "e1"), 0.0)) == [
        Pull("items", ["us-east-1"], [(*EAST, 2)]),
        Acknowledgement([("items", [(*EAST, 2), (*WEST, SEQUENCE_MASK)])]),
    ]
    assert puller.receive(Records("items", *EAST, 3, [b"3"]), 0.1) == [Apply(Records("items", *EAST, 3, [b"3"]))]
    assert puller.changed(0.1) == []
    state.held["items"][EAST] = 3
    assert sent(puller.changed(0.2)) == [Acknowledgement([("items", [(*EAST, 3), (*WEST, SEQUENCE_MASK)])])]
    state.held["items"][WEST] = 8
    assert puller.changed(0.3) == [], "its own writes are no news to acknowledge"


def test_a_data_set_is_asked_for_once_it_is_declared_and_stopped_when_it_is_dropped() -> None:
    state = FakeState("us-west-2", "w1", {})
    puller = welcomed(state)
    state.held["items"] = {}
    assert sent(puller.changed(0.1))[0] == Pull("items", ["us-east-1"], [])
    del state.held["items"]
    assert sent(puller.changed(0.2)) == [Stop("items")]
    assert puller.receive(Records("items", *EAST, 1, [b"1"]), 0.3) == []


def test_a_data_set_with_a_bad_record_stays_stopped() -> None:
    state = FakeState("us-west-2", "w1", {"items": {}})
    puller = welcomed(state)
    assert sent(puller.stop("items", "us-east-1", "format 2", 0.1)) == [Stop("items")]
    assert not any(isinstance(message, Pull) for message in sent(puller.changed(0.2)))
    puller.closed(0.5)
    again = Puller(state, "test", "us-east-1", puller.sources)
    again.start(1.0)
    assert not any(isinstance(m, Pull) for m in sent(again.receive(Welcome(PROTOCOL, "us-east-1", "e2"), 1.0)))


def test_silence_ends_the_connection_and_having_nothing_to_say_does_not() -> None:
    puller = welcomed(FakeState("us-west-2", "w1", {}))
    assert sent(puller.tick(1.0)) == [Acknowledgement([])]
    puller.receive(Heads(1000, []), 1.5)
    puller.tick(1.5 + SILENCE_MAX_S)
    with pytest.raises(ProtocolError, match="nothing was heard"):
        puller.tick(1.6 + SILENCE_MAX_S)


@pytest.mark.parametrize(
    "message", [Records("items", *WEST, 1, [b"1"]), Refusal("no"), Stop("items"), Welcome(PROTOCOL, "us-east-1", "x")]
)
def test_what_a_server_may_not_say_ends_the_connection(message: Message) -> None:
    puller = welcomed(FakeState("us-west-2", "w1", {"items": {}}))
    with pytest.raises(ProtocolError):
        puller.receive(message, 0.1)


def test_records_behind_counts_what_the_peer_holds_of_its_own() -> None:
    state = FakeState("us-west-2", "w1", {"items": {EAST: 2}})
    puller = welcomed(state)
    behind = [puller.records_behind]
    puller.receive(Heads(1000, [("items", [(*EAST, 5), (*WEST, 99)]), ("unknown here", [(*EAST, 7)])]), 0.1)
    behind.append(puller.records_behind)
    state.held["items"][EAST] = 6
    behind.append(puller.records_behind)
    assert behind == [None, 3, 0]


def test_lag() -> None:
    meter = LagMeter()
    assert meter.lag_ms(None, 10_000, 0.0) is None
    assert meter.lag_ms(0, 10_000, 0.0) is None, "nothing was heard yet"
    meter.heard(10_000, 10_040)
    meter.caught_up(10_000)
    assert meter.lag_ms(0, 10_100, 0.1) == 40, "idle: what a heartbeat takes"
    meter.applied(10_200, 10_250, 0.25)
    assert meter.lag_ms(0, 10_260, 0.26) == 50, "caught up: what records take"
    assert meter.lag_ms(3, 11_200, 1.2) == 1000, "behind: since the last moment of which everything is here"
    assert meter.lag_ms(0, 11_200, 1.2) == 1000, "no heartbeat for a second: perhaps behind"
    assert meter.lag_ms(None, 11_200, 1.2) is None
    assert meter.percentile_ms(0.5) == 50
    meter.applied(11_000, 11_300, 1.3)
    assert meter.percentile_ms(0.99) == 300
    meter.applied(12_000, 11_900, 2.0)
    assert meter.lag_ms(0, 11_900, 2.0) == 0, "clocks differ; a lag is never negative"


def test_what_is_written_here_is_told_at_once_and_sent_after_the_hold() -> None:
    state = FakeState("us-east-1", "e1", {"items": {EAST: 3, WEST: 2}})
    server = PullServer(state, "test", PEERS, hold_s=1.0)
    server.receive(HELLO, 0.0)
    server.receive(Pull("items", ["us-east-1", "us-west-2"], []), 0.0)
    _, heads, others = drained(server, 0.0)
    assert isinstance(heads, Heads)
    assert heads.vectors == [("items", [(*EAST, 3), (*WEST, 2)])]
    assert isinstance(others, Records)
    assert (others.region, len(others.records)) == ("us-west-2", 2), "what others wrote has waited where it was written"
    state.held["items"] = {EAST: 4, WEST: 2}
    assert not [one for one in drained(server, 0.7) if isinstance(one, Records)]
    (own,) = [one for one in drained(server, 1.2) if isinstance(one, Records)]
    assert (own.region, own.first, len(own.records)) == ("us-east-1", 1, 3)
    (last,) = [one for one in drained(server, 1.7) if isinstance(one, Records)]
    assert (last.first, len(last.records)) == (4, 1)
