"""Each expectation, on the evidence of a region that was lost for ten seconds."""

import math
from dataclasses import replace

import pytest
from tests.unit.gameday.evidences import REGIONS, kill, look, lost_region, sample

from terrella.gameday.aws_clock import AwsClock
from terrella.gameday.evidence import Evidence, RegionLook, WritesChecked
from terrella.gameday.expectations import EXPECTATIONS, Known, failovers
from terrella.gameday.expectations.converged import converged_s
from terrella.gameday.verdict import Finding

KNOWN = Known(REGIONS, ("tokyo", "frankfurt"))


def judge(keyword: str, text: str, evidence: Evidence) -> list[Finding]:
    return list(EXPECTATIONS[keyword].parse(text, KNOWN).judge(evidence))


@pytest.mark.parametrize(
    ("keyword", "text", "held", "measured"),
    [
        ("availability", ">= 99.9%", False, "96.667% (10 of 300 failed)"),
        ("availability", ">= 99.9% excluding the first 2s after a fault", True, "100% (0 of 279 failed)"),
        ("availability", ">= 99.9% from tokyo", True, "100% (0 of 150 failed)"),
        ("latency", "p99 <= 100ms", False, "p99 100 ms of 290"),
        ("latency", "p50 <= 150ms", True, "p50 100 ms of 290"),
        ("failover", "<= 2.1s from frankfurt", True, "2 s after kill eu-west-1 (10 failed)"),
        ("failover", "<= 1s from frankfurt", False, "2 s after kill eu-west-1 (10 failed)"),
        ("failover", "<= 1s from tokyo", True, "nothing failed"),
        ("readmitted", "<= 4s after restore", True, "eu-west-1 3.2 s"),
        ("converged", "<= 10s after the last fault", True, "2 s"),
        ("traffic", "eu-west-1 = 0% during faults", True, "0% of 90"),
        ("at_risk", "<= 6", False, "at most 7 (in eu-west-1, 5 s into the run)"),
        ("rpo", "<= 1s", True, "0 ms (7 writes were in eu-west-1 alone)"),
        ("conflicts", "0", True, "0"),
        ("cross_region_calls", "0", True, "0"),
    ],
)
def test_what_is_found_of_a_lost_region(keyword: str, text: str, held: bool, measured: str) -> None:
    evidence = lost_region()
    if keyword == "latency":
        evidence.samples = [one if one.ok else sample(one.intended_s, ok=False) for one in evidence.samples]
    found = judge(keyword, text, evidence)
    if keyword == "rpo":
        evidence.looks = [one for one in evidence.looks if one.at_s < 5] + [
            look(5.0, 0.0, eu_west_1=RegionLook("serving", True, {"us-east-1": 0.0}, at_risk=7))
        ]
        found = judge(keyword, text, evidence)
    assert [(one.measured, one.held) for one in found] == [(measured, held)]


def test_a_failover_that_never_comes_is_told_as_such() -> None:
    evidence = Evidence(regions=REGIONS, windows=[kill(5.0, 15.0)])
    evidence.samples = [sample(at / 10, "eu-west-1", ok=at < 50) for at in range(150)]
    (one,) = failovers(evidence)
    assert math.isinf(one.took_s)
    (found,) = judge("failover", "<= 40s", evidence)
    assert not found.held
    assert found.measured == "not within the 10 s of kill eu-west-1 (100 failed)"


def test_what_only_retries_have_hidden_is_told() -> None:
    evidence = Evidence(regions=REGIONS, windows=[kill(5.0, 15.0)])
    again = replace(sample(5.2, took_s=0.4), attempts=2)
    evidence.samples = [sample(5.1), again, replace(again, intended_s=20.0, ended_s=21.0), sample(9.0)]
    (one,) = failovers(evidence)
    assert (one.failed, one.retried) == (0, 1)
    assert one.retried_s == pytest.approx(0.6)
    (found,) = judge("failover", "<= 1s", evidence)
    assert found.held
    assert found.measured == "nothing failed (1 sent again, until 600 ms after kill eu-west-1)"


def test_a_request_that_was_under_way_when_the_region_died_counts() -> None:
    evidence = Evidence(regions=REGIONS, windows=[kill(5.0, 15.0)])
    evidence.samples = [sample(4.9, "eu-west-1", took_s=3.0, ok=False), sample(6.0), sample(9.0)]
    (one,) = failovers(evidence)
    assert one.failed == 1
    assert one.took_s == pytest.approx(2.9)


def test_what_aws_would_have_taken_stands_beside_a_region_s_failover() -> None:
    evidence = lost_region()
    evidence.aws = AwsClock(10.0, 3, 60.0)
    notes = {one.note for one in judge("failover", "<= 3s", evidence)}
    assert notes == {"AWS: up to 10 s \u00d7 3 + TTL 60 s = 90 s"}
    assert AwsClock(ttl_s=60.0).told() == "AWS: no health check guards the record, so clients stay"
    assert AwsClock().told() == "AWS: no record leads clients anywhere else, so they stay"


def test_it_has_not_converged_while_a_lag_reaches_back_beyond_the_fault_s_end() -> None:
    evidence = Evidence(regions=REGIONS, windows=[kill(5.0, 15.0)])
    evidence.looks = [look(16.0, 3.0), look(17.0, None), look(18.0, 2.9)]
    assert converged_s(evidence) == pytest.approx(3.0)
    evidence.looks = evidence.looks[:2]
    assert math.isinf(converged_s(evidence))


def test_writes_are_lost_by_name_and_unknown_is_not_none_lost() -> None:
    evidence = Evidence(writes=WritesChecked(100, lost=("a", "b"), duplicated=("c",)))
    (lost,) = judge("lost_writes", "0", evidence)
    assert (lost.measured, lost.held, lost.note) == ("2 of 100", False, "a, b")
    (twice,) = judge("duplicated_writes", "<= 1", evidence)
    assert twice.held
    (unknown,) = judge("lost_writes", "0", Evidence(writes=WritesChecked(100, unchecked="no request says read_back")))
    assert not unknown.held


def test_a_region_that_starts_anew_makes_no_calls_undone() -> None:
    calls = [3, 5, 0, 2]
    evidence = Evidence(looks=[look(at, eu_west_1=RegionLook("serving", calls=made)) for at, made in enumerate(calls)])
    (found,) = judge("cross_region_calls", "0", evidence)
    assert (found.measured, found.held) == ("4 (from eu-west-1 4)", False)


@pytest.mark.parametrize("keyword", sorted(EXPECTATIONS))
def test_nothing_seen_is_nothing_held(keyword: str) -> None:
    """Without evidence no expectation holds, whatever it bounds."""
    texts = {"latency": "p99 <= 10h", "traffic": "eu-west-1 <= 100%", "availability": ">= 0%"}
    usual = "<= 10h" if keyword in ("failover", "readmitted", "rpo") else ">= 0"
    if keyword == "converged":
        usual = "<= 10h"
    assert not any(one.held for one in judge(keyword, texts.get(keyword, usual), Evidence(regions=REGIONS)))


@pytest.mark.parametrize(
    ("keyword", "text"),
    [
        ("availability", ">= 99.9% from atlantis"),
        ("latency", "<= 3s"),
        ("failover", "<= 3"),
        ("lost_writes", "none"),
        ("converged", "<= 3s before the fault"),
        ("traffic", "mars-1 <= 3%"),
        ("readmitted", "soon"),
    ],
)
def test_what_is_no_expectation_is_refused(keyword: str, text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        EXPECTATIONS[keyword].parse(text, KNOWN)


def test_what_was_under_way_when_a_fault_came_is_left_out_with_it() -> None:
    evidence = lost_region()
    evidence.samples = [one for one in evidence.samples if one.ok]
    evidence.samples.append(sample(4.9, "eu-west-1", "frankfurt", took_s=0.3, ok=False))
    (found,) = judge("availability", ">= 99.9% excluding the first 2s after a fault", evidence)
    assert found.held, found
    evidence.samples.append(sample(4.5, "eu-west-1", "frankfurt", took_s=0.3, ok=False))
    (found,) = judge("availability", ">= 99.9% excluding the first 2s after a fault", evidence)
    assert not found.held, "that had failed before"
