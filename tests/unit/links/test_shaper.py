"""The shaper by a clock that only moves when told to."""

import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from terrella.testing import ManualClock, SeededIds
from terrella.wire.links import Link, Path, Sign, Stream


def stream(link: Link, seed: int = 1) -> tuple[Path, Stream]:
    path = Path(link)
    return path, Stream(path, SeededIds(seed).fraction)


def change(path: Path, now_s: float, link: Link, *streams: Stream) -> None:
    was_blocked = path.blocked
    path.change(now_s, link)
    for each in streams:
        each.changed(now_s, healed=was_blocked and not path.blocked)


def test_bytes_arrive_after_the_delay_and_not_before() -> None:
    clock = ManualClock()
    _, one = stream(Link(delay_ms=30))
    one.send(clock.monotonic(), b"a")
    clock.advance(0.029)
    assert one.receive(clock.monotonic()) == []
    clock.advance(0.001)
    assert one.receive(clock.monotonic()) == [b"a"]
    assert one.due_at() is None


def test_bandwidth_lets_bytes_leave_one_after_another_and_is_shared_by_streams() -> None:
    path, one = stream(Link(delay_ms=10, bandwidth_bytes_per_s=1000))
    two = Stream(path, SeededIds(2).fraction)
    one.send(0.0, b"x" * 500)
    two.send(0.0, b"y" * 500)
    assert one.due_at() == 0.51
    assert two.due_at() == 1.01
    one.send(5.0, b"z" * 100)
    assert len(one.receive(5.2)) == 2


def test_a_large_write_arrives_in_pieces() -> None:
    _, one = stream(Link(bandwidth_bytes_per_s=1024 * 1024))
    one.send(0.0, b"x" * 1024 * 1024)
    arrived = sum(len(part) for part in one.receive(0.5) if isinstance(part, bytes))
    assert 450 * 1024 < arrived <= 512 * 1024
    assert one.bytes_under_way == 1024 * 1024 - arrived


def test_a_loss_costs_the_retransmission_time_out_and_a_second_one_twice_that() -> None:
    draws = iter([0.0, 0.0, 0.9])  # lost, lost again, through
    one = Stream(Path(Link(delay_ms=50, loss=0.5)), lambda: next(draws))
    one.send(0.0, b"a")
    due_s = one.due_at()
    assert due_s is not None
    assert math.isclose(due_s, (50 + 300 + 600) / 1000)


def test_a_cut_holds_everything_and_healing_takes_one_delay_more() -> None:
    path, one = stream(Link(delay_ms=30))
    one.send(0.0, b"before")
    change(path, 0.01, Link(delay_ms=30, cut=True), one)
    one.send(0.02, b"during")
    assert one.due_at() is None
    assert one.receive(1000.0) == []
    change(path, 1000.0, Link(delay_ms=30), one)
    assert one.receive(1000.029) == []
    assert one.receive(1000.03) == [b"before", b"during"]


def test_a_total_loss_is_a_cut() -> None:
    path, one = stream(Link(loss=1.0))
    one.send(0.0, b"a")
    assert one.due_at() is None
    change(path, 1.0, Link(), one)
    assert one.receive(1.0) == [b"a"]


def test_another_delay_applies_at_once_to_what_is_under_way() -> None:
    path, one = stream(Link(delay_ms=10_000))
    one.send(0.0, b"a")
    change(path, 1.0, Link(delay_ms=20), one)
    assert one.receive(1.0) == [b"a"]
    one.send(1.0, b"b")
    change(path, 1.01, Link(delay_ms=500), one)
    assert one.due_at() == 1.5


def test_more_bandwidth_applies_at_once_to_what_has_not_left() -> None:
    path, one = stream(Link(bandwidth_bytes_per_s=1))
    one.send(0.0, b"a" * 100)
    change(path, 1.0, Link(bandwidth_bytes_per_s=1000), one)
    assert one.due_at() == 1.1


def test_signs_keep_their_place_among_the_bytes() -> None:
    _, one = stream(Link(delay_ms=5))
    for payload in (Sign.HANDSHAKE, b"a", Sign.END):
        one.send(0.0, payload)
    assert one.receive(1.0) == [Sign.HANDSHAKE, b"a", Sign.END]


links = st.builds(
    Link,
    delay_ms=st.floats(0, 300),
    jitter_ms=st.floats(0, 300),
    loss=st.sampled_from([0.0, 0.01, 0.5, 1.0]),
    bandwidth_bytes_per_s=st.sampled_from([None, 10.0, 1e6]),
    cut=st.booleans(),
)


@given(st.lists(st.tuples(st.floats(0, 1), st.one_of(links, st.binary(min_size=1, max_size=3000))), max_size=30), links)
def test_whatever_the_link_does_all_bytes_arrive_once_and_in_order(
    story: list[tuple[float, Link | bytes]], first: Link
) -> None:
    """The oracle is the concatenation of what was sent."""
    path, one = stream(first)
    clock = ManualClock()
    sent, received = b"", b""

    def take() -> bytes:
        return b"".join(part for part in one.receive(clock.monotonic()) if isinstance(part, bytes))

    for wait_s, event in story:
        clock.advance(wait_s)
        if isinstance(event, Link):
            change(path, clock.monotonic(), event, one)
        else:
            one.send(clock.monotonic(), event)
            sent += event
        received += take()
        assert sent.startswith(received)
        assert one.bytes_under_way == len(sent) - len(received)
    change(path, clock.monotonic(), replace(path.link, cut=False, loss=0.0), one)
    clock.advance(1e7)
    assert received + take() == sent


def test_what_had_not_left_a_sender_that_died_never_comes_and_holds_nobody_up() -> None:
    path, dying = stream(Link(delay_ms=100, bandwidth_bytes_per_s=1000))
    dying.send(0.0, b"a" * 100)
    dying.send(0.0, b"b" * 900)
    dying.lose_unsent(0.15)
    dying.send(0.15, Sign.END)
    assert dying.receive(0.25) == [b"a" * 100, Sign.END]
    other = Stream(path, SeededIds(2).fraction)
    other.send(1.0, b"c" * 100)
    due_s = other.due_at()
    assert due_s is not None
    assert math.isclose(due_s, 1.2)


def test_what_a_cut_holds_dies_with_its_sender() -> None:
    path, dying = stream(Link(delay_ms=10))
    change(path, 0.0, Link(delay_ms=10, cut=True), dying)
    dying.send(0.1, b"held")
    dying.lose_unsent(0.2)
    change(path, 1.0, Link(delay_ms=10), dying)
    assert dying.receive(9.0) == []


def test_on_a_slow_link_bytes_trickle() -> None:
    _, one = stream(Link(bandwidth_bytes_per_s=20_000))
    one.send(0.0, b"x" * 20_000)
    assert len(one.receive(0.5)) >= 5
