"""When this machine was too busy, and what that casts doubt on."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.gameday.evidences import lost_region, sample

from terrella.gameday import Result, Run, load_game_day
from terrella.gameday.aws_clock import AwsClock
from terrella.gameday.calm import AFTERMATH_S, without
from terrella.gameday.evidence import Evidence, WritesChecked
from terrella.gameday.judging import judge
from terrella.gameday.machine import MachineLook, region_processes, spans_of, total_s, waited_s

LIBRARY = Path(__file__).parents[3] / "examples" / "items" / "gamedays"


def judged(evidence: Evidence) -> Run:
    gameday = load_game_day(LIBRARY / "lose-a-region.yaml")
    kept = tuple(one for one in gameday.expectations if one.keyword in ("availability", "failover", "lost_writes"))
    run = Run(1, 1, 0, evidence, AwsClock(10, 3, 60))
    judge(replace(gameday, expectations=kept), run)
    return run


def sound() -> Evidence:
    """A region is lost, all as expected."""
    evidence = lost_region()
    evidence.writes = WritesChecked(acknowledged=90)
    return evidence


def test_what_this_system_counts_is_read(tmp_path: Path) -> None:
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "schedstat").write_text("1500000000 2250000000 99\n")
    assert waited_s(7, tmp_path) == 2.25
    (tmp_path / "7" / "schedstat").write_text("0\n")
    assert waited_s(7, tmp_path) is None
    assert waited_s(8, tmp_path) is None
    if Path("/proc/self/schedstat").exists():
        assert waited_s(os.getpid()) is not None


def test_regions_on_other_hosts_have_no_process_here() -> None:
    assert region_processes({"regions": [{"pid": 7}, {"pid": None}, {}]}) == (7,)


def test_busy_seconds_that_lie_close_together_are_one_span() -> None:
    looks = [
        MachineLook(1.0, 0.01, 0.2),
        MachineLook(2.0, 0.01, 0.9),
        MachineLook(3.0, 0.01, None),
        MachineLook(4.0, 0.3, None),
        MachineLook(9.5, 3.0, 0.1),
    ]
    assert spans_of(looks) == [(1.0, 4.0), (6.5, 9.5)]
    assert total_s(spans_of(looks)) == 6.0


def test_time_stands_still_while_the_machine_is_too_busy() -> None:
    evidence = sound()
    calm = without(evidence, [(10.0, 12.0), (13.0, 15.0)])
    gone_s = 5.0 + AFTERMATH_S
    assert len(calm.samples) == len(evidence.samples) - round(10 * gone_s) - 1, (
        "and what was under way at its beginning"
    )
    assert (calm.windows[0].from_s, calm.windows[0].until_s) == (5.0, 10.0)
    assert calm.load_until_s == evidence.load_until_s - gone_s
    assert max(look.at_s for look in calm.looks) == max(look.at_s for look in evidence.looks) - gone_s
    assert min(one.ended_s - one.intended_s for one in calm.samples) > 0


def test_what_would_have_held_without_that_time_is_in_doubt() -> None:
    evidence = sound()
    assert judged(evidence).result is Result.HELD
    evidence.samples += [sample(25.0 + at / 10, ok=False) for at in range(20)]
    failed = judged(evidence)
    assert failed.result is Result.NOT_HELD
    evidence.busy = [(25.0, 27.0)]
    run = judged(evidence)
    assert run.result is Result.IN_DOUBT
    (broken,) = [one for one in run.verdict.findings if not one.held]
    assert broken.what == "availability"
    assert broken.note.startswith("this machine was too busy for 2 s; without that: 100%")
    assert any("too busy for 2 s of 30.8 s" in note for note in run.notes), run.notes


def test_what_fails_while_there_was_time_enough_is_not() -> None:
    evidence = sound()
    evidence.samples += [sample(25.0 + at / 10, ok=False) for at in range(20)]
    evidence.busy = [(9.0, 11.0)]
    assert judged(evidence).result is Result.NOT_HELD


@pytest.mark.parametrize(
    "broken", [{"writes": WritesChecked(90, lost=("a",))}, {"unequal": "items differs", "equal_after_s": None}]
)
def test_no_busy_machine_excuses_what_is_lost(broken: dict[str, object]) -> None:
    run = judged(replace(sound(), busy=[(0.0, 31.0)], **broken))  # type: ignore[arg-type]
    assert run.result is Result.NOT_HELD


def test_what_could_not_be_measured_on_a_busy_machine_is_in_doubt() -> None:
    evidence = sound()
    evidence.writes = WritesChecked(90, unchecked="24 reads were not answered by us-east-1")
    assert judged(evidence).result is Result.NOT_HELD
    evidence.busy = [(28.0, 31.0)]
    assert judged(evidence).result is Result.IN_DOUBT


def test_requests_that_a_busy_machine_overtook_say_nothing_either() -> None:
    evidence = sound()
    evidence.samples += [sample(22.0 + at / 10, took_s=4.0, ok=False) for at in range(20)]
    assert judged(evidence).result is Result.NOT_HELD
    evidence.busy = [(25.0, 27.0)]
    assert judged(evidence).result is Result.IN_DOUBT


def test_a_machine_that_was_mostly_too_busy_proves_nothing() -> None:
    evidence = sound()
    evidence.samples += [sample(22.0 + at / 10, ok=False) for at in range(20)]
    evidence.busy = [(0.0, 8.0)]
    assert judged(evidence).result is Result.NOT_HELD
    evidence.busy = [(0.0, 8.0), (10.0, 19.0)]
    assert judged(evidence).result is Result.IN_DOUBT


def test_where_there_was_no_other_time_nothing_is_certain() -> None:
    evidence = sound()
    evidence.samples += [sample(25.0 + at / 10, ok=False) for at in range(20)]
    evidence.busy = [(0.0, 31.0)]
    run = judged(evidence)
    assert run.result is Result.IN_DOUBT
    (broken,) = [one for one in run.verdict.findings if not one.held]
    assert "without that: too little to judge by" in broken.note


@pytest.mark.parametrize(("busy", "result"), [([], Result.NOT_HELD), ([(3.0, 20.0)], Result.IN_DOUBT)])
def test_a_fault_that_did_not_last_is_no_rehearsal(busy: list[tuple[float, float]], result: Result) -> None:
    evidence = sound()
    evidence.busy = busy
    run = judged(evidence)
    assert run.result is Result.HELD
    run.lapsed = "kill eu-west-1"
    run.aborted = "broken off after 9.0 s: kill eu-west-1 ended before it was due"
    assert run.result is result


@pytest.mark.parametrize(("busy", "result"), [([], Result.NOT_HELD), ([(3.0, 20.0)], Result.IN_DOUBT)])
def test_a_run_that_could_not_begin_tells_whether_the_machine_was_why(
    busy: list[tuple[float, float]], result: Result
) -> None:
    run = Run(1, 1, 0, Evidence(busy=busy), AwsClock(), aborted="could not begin: …", begun=False)
    judge(load_game_day(LIBRARY / "lose-a-region.yaml"), run)
    assert run.result is result
    assert run.verdict.findings == []
