"""What people may write as an expectation, and how figures are shown."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrella.gameday.bounds import After, Unit, read_bound, read_exactly, read_scope, show_seconds, show_share


@pytest.mark.parametrize(
    ("text", "unit", "holds", "fails"),
    [
        (">= 99.9%", Unit.SHARE, 0.999, 0.998999),
        ("<= 40s", Unit.SECONDS, 40.0, 40.001),
        ("< 400ms", Unit.SECONDS, 0.399, 0.4),
        ("0", Unit.COUNT, 0, 1),
        ("= 3", Unit.COUNT, 3, 4),
        ("> 1%", Unit.SHARE, 0.02, 0.01),
    ],
)
def test_a_bound_holds_as_it_reads(text: str, unit: Unit, holds: float, fails: float) -> None:
    bound = read_exactly(text, unit)
    assert bound.holds(holds)
    assert not bound.holds(fails)


@pytest.mark.parametrize("text", [">= 99.9", "quick", "<= 40", "", "<= 40s please", "=> 1%", "<= -1s"])
def test_what_is_no_bound_is_refused(text: str) -> None:
    unit = Unit.SHARE if "%" in text or text == ">= 99.9" else Unit.SECONDS
    with pytest.raises(ValueError, match=r".*"):
        read_exactly(text, unit)


def test_what_is_unknown_holds_nothing() -> None:
    assert not read_exactly(">= 0%", Unit.SHARE).holds(math.nan)


def test_a_scope_says_what_is_left_out() -> None:
    _, rest = read_bound(">= 99.9% from tokyo excluding the first 40s after a fault", Unit.SHARE)
    scope = read_scope(rest)
    assert scope.vantage_point == "tokyo"
    assert scope.excluding is not None
    assert (scope.excluding.first_s, scope.excluding.after) == (40.0, After.FAULT)
    assert str(scope) == "from tokyo excluding the first 40 s after a fault"


@given(st.integers(1, 10**6), st.integers(1, 10**6))
def test_a_share_is_never_shown_as_all_or_nothing_where_it_is_not(a: int, b: int) -> None:
    share = min(a, b) / max(a, b)
    shown = show_share(share)
    assert (shown == "100%") == (share == 1)
    assert shown != "0%"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0321, "32 ms"), (4.2, "4.2 s"), (90, "90 s"), (300, "5 min"), (math.inf, "never"), (0, "0 ms")],
)
def test_seconds_are_shown_as_people_say_them(seconds: float, shown: str) -> None:
    assert show_seconds(seconds) == shown
