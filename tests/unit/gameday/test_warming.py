"""The load rises as fast as it is answered."""

import pytest
from tests.unit.gameday.evidences import sample

from terrella.gameday.warming import RISE_S, Rise, in_trouble, unsteady


def test_it_rises_while_all_is_well() -> None:
    rise = Rise()
    shares = []
    for tick in range(1, 51):
        rise.step(tick / 10, trouble=False)
        shares.append(rise.share)
    assert shares == sorted(shares)
    assert shares[0] < 0.2
    assert shares[round(RISE_S * 10)] == 1.0
    assert rise.full_for_s(5.0) == pytest.approx(1.9)


def test_it_falls_where_requests_fail_and_begins_anew() -> None:
    rise = Rise(share=1.0, full_since_s=0.0)
    falling = []
    for tick in range(51, 101):
        rise.step(tick / 10, trouble=True)
        falling.append(rise.share)
    assert falling[0] == falling[5] == 0.5, "once a second"
    assert falling[-1] == 0.1, "but never to nothing"
    assert rise.full_for_s(10.0) == 0.0


def test_trouble_is_failures_slowness_and_requests_without_an_end() -> None:
    well = [sample(at / 10) for at in range(50)]
    assert not in_trouble(well, 5.0, under_way=3, rate_per_s=30)
    assert in_trouble([*well, sample(4.5, ok=False)], 5.0, 3, 30)
    assert in_trouble([*well, sample(1.5, took_s=3.0)], 5.0, 3, 30)
    assert not in_trouble([sample(1.0, ok=False), *well], 5.0, 3, 30), "that is over"
    assert in_trouble(well, 5.0, 61, 30)
    assert not in_trouble([], 0.5, 9, 3)


def test_a_steady_state_is_all_answered_at_the_full_pace() -> None:
    well = [sample(at / 10) for at in range(50)]
    assert unsteady(well, 5.0, 10) == ""
    assert "that were due" in unsteady(well, 5.0, 100)
    assert "connection refused" in unsteady([*well, sample(4.5, ok=False)], 5.0, 10)
    assert "took more than 2 s" in unsteady([*well, sample(1.5, took_s=3.0)], 5.0, 10)
