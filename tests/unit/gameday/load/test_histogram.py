"""The histogram against a sorted list."""

from math import ceil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrella.gameday.load import Histogram

DURATIONS = st.lists(st.floats(1e-6, 10_000), min_size=1, max_size=60)


@given(DURATIONS, st.floats(0, 100))
def test_a_percentile_is_at_most_a_hundredth_above_the_true_one(durations_s: list[float], percent: float) -> None:
    found_s = Histogram(durations_s).percentile(percent)
    true_s = sorted(durations_s)[max(1, ceil(percent * len(durations_s) / 100)) - 1]
    assert true_s <= found_s * (1 + 1e-9)
    assert found_s <= true_s * 1.008 + 1e-6


@given(DURATIONS, DURATIONS)
def test_merging_is_counting_together(one: list[float], other: list[float]) -> None:
    merged, whole = Histogram(one), Histogram(one + other)
    merged.merge(Histogram(other))
    merged.merge(Histogram())
    assert merged.steps() == whole.steps()
    assert (merged.count, merged.min_s, merged.max_s) == (whole.count, whole.min_s, whole.max_s)
    assert merged.mean_s == pytest.approx(whole.mean_s)


def test_of_nothing_and_of_shares() -> None:
    assert (Histogram().percentile(99), Histogram().mean_s, Histogram().share_within(1)) == (0, 0, 1)
    assert Histogram([0.1, 0.2, 0.3, 0.4]).share_within(0.2) == 0.5
    with pytest.raises(ValueError, match="found the percentile 101"):
        Histogram().percentile(101)
