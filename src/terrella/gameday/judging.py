"""From evidence to verdict. Pure."""

from dataclasses import replace
from itertools import pairwise

from terrella.gameday.bounds import show_seconds
from terrella.gameday.calm import without
from terrella.gameday.evidence import Evidence
from terrella.gameday.expectations import Expectation, judge_replicas
from terrella.gameday.machine import LATE_S, total_s
from terrella.gameday.model import GameDay, Run
from terrella.gameday.verdict import Finding

_NEVER_ITS_DOING = ("lost_writes", "duplicated_writes", "cross_region_calls")
UNSEEN_S = 1.5
MOSTLY = 0.5
"""Where a machine was too busy for more than half of a run, the rest of it says little."""


def judge(gameday: GameDay, run: Run) -> None:
    """Put every expectation's findings into the verdict, and what casts doubt on them into the notes."""
    if run.begun:
        _find(gameday, run)
    run.notes += _notes(run.evidence)


def _find(gameday: GameDay, run: Run) -> None:
    evidence = run.evidence
    calm = without(evidence, evidence.busy) if evidence.busy else None
    for expectation in gameday.expectations:
        if expectation.needs_load and not evidence.loaded:
            nothing = "not judged: no load was sent"
            run.verdict.findings.append(
                Finding(expectation.keyword, expectation.keyword, expectation.expected, nothing, False, judged=False)
            )
            continue
        found = list(expectation.judge(evidence))
        if calm is not None:
            found = _doubted(expectation, found, evidence, calm)
        run.verdict.findings += [replace(one, scene=expectation.keyword) for one in found]
    run.verdict.findings += [replace(one, scene="always") for one in judge_replicas(evidence)]


def _doubted(expectation: Expectation, found: list[Finding], evidence: Evidence, calm: Evidence) -> list[Finding]:
    """What did not hold, but would have without the time in which the machine was too busy, is in doubt."""
    if all(one.held for one in found):
        return found
    again = {one.what: one for one in expectation.judge(calm)}
    mostly = total_s(evidence.busy) > MOSTLY * evidence.watched_s and expectation.keyword not in _NEVER_ITS_DOING
    busy = show_seconds(total_s(evidence.busy))
    doubted = []
    for one in found:
        left = "" if one.held else _left_without(one, again.get(one.what), mostly)
        if left:
            why = f"this machine was too busy for {busy}; without that: {left}"
            one = replace(one, doubtful=True, note=f"{why}. {one.note}" if one.note else why)
        doubted.append(one)
    return doubted


def _left_without(found: Finding, calm: Finding | None, mostly: bool) -> str:
    """What is left of a broken finding without the busy time, if that casts doubt on it; else nothing."""
    if mostly or found.unknown or calm is None or calm.unknown:
        return "too little to judge by"
    return calm.measured if calm.held else ""


def _notes(evidence: Evidence) -> list[str]:
    notes: list[str] = []
    if evidence.busy:
        longest = max(evidence.busy, key=lambda span: span[1] - span[0])
        told = f"This machine was too busy for {show_seconds(total_s(evidence.busy))}"
        if evidence.watched_s:
            told += f" of {show_seconds(evidence.watched_s)}"
        if len(evidence.busy) > 1:
            told += f", {show_seconds(longest[1] - longest[0])} at a time from {longest[0]:.0f} s on"
        notes.append(f"{told}: regions were ready to run and had no core. What was slow or failed then is its doing.")
    if evidence.generator_late_s > LATE_S:
        late = show_seconds(evidence.generator_late_s)
        notes.append(f"The load generator itself was up to {late} late. Latencies include it.")
    gap_s = max((later.at_s - one.at_s for one, later in pairwise(evidence.looks)), default=0.0)
    if gap_s > UNSEEN_S:
        notes.append(f"The world could not be looked at for {show_seconds(gap_s)}.")
    return notes
