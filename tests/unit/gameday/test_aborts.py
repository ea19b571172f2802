"""When a game day is broken off."""

import pytest
from tests.unit.gameday.evidences import look, sample

from terrella.gameday.aborts import ABORTS
from terrella.gameday.evidence import RegionLook


def test_availability_is_judged_over_its_time_and_not_before() -> None:
    condition = ABORTS["availability"][0].parse("< 50% over 10s")
    samples = [sample(at / 2, ok=at < 20) for at in range(60)]
    assert condition.reason(5.0, samples, None) is None
    assert condition.reason(12.0, samples[:25], None) is None
    assert condition.reason(30.0, samples, None) == "availability was 0% over the last 10 s"
    assert condition.reason(30.0, samples[:5], None) is None, "a handful of requests says nothing"


def test_the_world_s_own_conditions() -> None:
    risky = look(1.0, eu_west_1=RegionLook("held-down", at_risk=70))
    assert ABORTS["at_risk"][0].parse("> 50").reason(1.0, [], risky) == "70 writes were at risk in eu-west-1"
    assert ABORTS["at_risk"][0].parse("> 70").reason(1.0, [], risky) is None
    assert ABORTS["serving"][0].parse("< 2").reason(1.0, [], risky) == "only 1 regions served"
    assert ABORTS["serving"][0].parse("< 2").reason(1.0, [], None) is None


@pytest.mark.parametrize(("key", "text"), [("availability", "< 50%"), ("at_risk", "> 5%"), ("serving", "few")])
def test_what_is_no_condition_is_refused(key: str, text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        ABORTS[key][0].parse(text)
