"""A game day as its file says, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from terrella.gameday.aborts import Abort
from terrella.gameday.aws_clock import AwsClock
from terrella.gameday.evidence import Evidence
from terrella.gameday.expectations import Expectation
from terrella.gameday.load import LoadPlan
from terrella.gameday.timeline import PlannedFault
from terrella.gameday.verdict import Finding, Verdict
from terrella.kernel import Profile
from terrella.world import World

SETTLE_S = 60.0
"""For how long convergence is waited for, once the load has ended."""


@dataclass(frozen=True, slots=True)
class GameDay:
    """Load, faults and expectations. ``duration_s`` is how long the load lasts; ``load`` None: nobody sends any."""

    path: Path
    name: str
    about: str
    world: World
    profile: Profile
    load: LoadPlan | None
    host: str
    faults: tuple[PlannedFault, ...]
    expectations: tuple[Expectation, ...]
    aborts: tuple[Abort, ...]
    duration_s: float
    text: str
    settle_s: float = SETTLE_S


class Result(StrEnum):
    """What came of a run, or of several. ``IN_DOUBT``: a machine that was too busy explains all that did not hold."""

    HELD = "held"
    IN_DOUBT = "in doubt"
    NOT_HELD = "NOT held"


@dataclass(slots=True)
class Run:
    """One time that the game day was held.

    ``aborted`` says why it did not go to its end, ``begun`` whether there was a steady state to begin in. ``lapsed`` is
    the fault that ended before it was due, for this process had no time to renew it.
    """

    number: int
    seed: int
    started_at_ms: int
    evidence: Evidence
    aws: AwsClock
    verdict: Verdict = field(default_factory=Verdict)
    aborted: str = ""
    begun: bool = True
    lapsed: str = ""
    notes: list[str] = field(default_factory=list)
    world_started_s: float | None = None

    @property
    def held(self) -> bool:
        """Whether it went to its end and everything that was expected held."""
        return not self.aborted and self.verdict.held

    @property
    def result(self) -> Result:
        """In one word."""
        if self.held:
            return Result.HELD
        if self.aborted:
            excused = self.evidence.busy and (not self.begun or self.lapsed)
            return Result.IN_DOUBT if excused else Result.NOT_HELD
        return Result.IN_DOUBT if self.verdict.doubtful else Result.NOT_HELD


@dataclass(slots=True)
class Outcome:
    """Every run of a game day."""

    gameday: GameDay
    runs: list[Run] = field(default_factory=list)

    @property
    def verdict(self) -> bool:
        """Whether there was a run and each one held."""
        return bool(self.runs) and all(run.held for run in self.runs)

    @property
    def result(self) -> Result:
        """The worst of all runs'."""
        results = {run.result for run in self.runs}
        worst = (each for each in (Result.NOT_HELD, Result.IN_DOUBT, Result.HELD) if each in results)
        return next(worst, Result.NOT_HELD)

    def by_expectation(self) -> Mapping[tuple[str, str], Sequence[Finding | None]]:
        """What was found of each (what, expected) in each run; None where a run did not come to it."""
        rows: dict[tuple[str, str], list[Finding | None]] = {}
        for index, run in enumerate(self.runs):
            for finding in run.verdict.findings:
                row = rows.setdefault((finding.what, finding.expected), [None] * len(self.runs))
                row[index] = finding
        return rows
