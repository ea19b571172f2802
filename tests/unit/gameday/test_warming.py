"""When the load is steady, and when to wait for it is in vain."""

import pytest

from terrella.gameday.load import Sample
from terrella.gameday.warming import refused, unsteady


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
