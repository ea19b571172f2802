"""From evidence to verdict. Pure."""

from dataclasses import replace

from terrella.gameday.bounds import show_seconds
from terrella.gameday.expectations import judge_replicas
from terrella.gameday.model import GameDay, Run
from terrella.gameday.verdict import Finding

LATE_S = 0.25


def judge(gameday: GameDay, run: Run) -> None:
    """Put every expectation's findings into the verdict, and what casts doubt on them into the notes."""
    evidence = run.evidence
    for expectation in gameday.expectations:
        if expectation.needs_load and not evidence.loaded:
            nothing = "not judged: no load was sent"
            run.verdict.findings.append(
                Finding(expectation.keyword, expectation.keyword, expectation.expected, nothing, False, judged=False)
            )
            continue
        found = expectation.judge(evidence)
        run.verdict.findings += [replace(one, scene=expectation.keyword) for one in found]
    run.verdict.findings += [replace(one, scene="always") for one in judge_replicas(evidence)]
    if evidence.generator_late_s > LATE_S:
        late = show_seconds(evidence.generator_late_s)
        run.notes.append(
            f"The load generator itself was up to {late} late: this machine was busy. Latencies include it."
        )
