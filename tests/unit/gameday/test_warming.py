"""The load rises as fast as it is answered; when it is steady, and when to wait for that is in vain."""

import pytest
from tests.unit.gameday.evidences import sample

from terrella.gameday.load import Sample
from terrella.gameday.warming import RISE_S, Rise, in_trouble, refused, unsteady


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


def samples(*statuses: int) -> list[Sample]:
    return [
        Sample(
            kind="place",
            vantage_point="tokyo",
            intended_s=0.1 * number,
            ended_s=0.1 * number,
            region="eu-west-1",
            status=status,
            attempts=1,
            error="" if status else "connection refused",
            answered=200 <= status < 400,
        )
        for number, status in enumerate(statuses)
    ]


def test_what_fails_is_told_with_the_request_that_it_was() -> None:
    assert "(place: status 400)" in unsteady(samples(400, 200, 400), 0.2, 1.0)
    assert "(place: connection refused)" in unsteady(samples(0, 0), 0.2, 1.0)


@pytest.mark.parametrize(
    ("statuses", "is_in_vain"),
    [
        ((500, 500, 400, 404), True),
        ((500, 200, 500), False),
        ((503, 503), False),  # its functions may still be starting
        ((500, 0), False),
        ((500, 429), False),
        ((), False),
    ],
)
def test_an_application_that_says_no_to_everything(statuses: tuple[int, ...], is_in_vain: bool) -> None:
    assert refused(samples(*statuses)) is is_in_vain
