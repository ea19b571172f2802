"""What a person sees of a game day, on a terminal and in a file."""

import io
from pathlib import Path

import pytest
from rich.console import Console
from tests.unit.gameday.evidences import lost_region

from terrella.gameday import LiveView, Outcome, Run, load_game_day, show_outcome
from terrella.gameday.aws_clock import AwsClock
from terrella.gameday.judging import judge

LIBRARY = Path(__file__).parents[3] / "examples" / "items" / "gamedays"


class Still:
    """A clock that is set by hand."""

    now_s = 0.0

    def now_ms(self) -> int:
        return 0

    def monotonic(self) -> float:
        return self.now_s


@pytest.mark.parametrize("terminal", [True, False])
def test_it_shows_progress_regions_and_faults(terminal: bool) -> None:
    gameday = load_game_day(LIBRARY / "lose-a-region.yaml")
    evidence = lost_region()
    written, clock = io.StringIO(), Still()
    console = Console(file=written, force_terminal=terminal, width=120, highlight=False)
    run = Run(1, 1, 0, evidence, AwsClock(10, 3, 60), world_started_s=2.0)
    with LiveView(console, clock) as view:
        view.phase("starting a world")
        view.begins(gameday, run)
        for sample in evidence.samples[:100]:
            view.sample(sample)
        view.look(evidence.looks[30])
        view.fault(5.0, evidence.windows[0], True)
        clock.now_s = 10.0
        shown = Console(file=io.StringIO(), width=120)
        shown.print(view.render())
        assert isinstance(shown.file, io.StringIO)
        picture = shown.file.getvalue()
        view.fault(15.0, evidence.windows[0], False)
        view.ends(run)
    for words in ("lose a region · profile fast", "10 of 45 s", "kill eu-west-1", "held-down", "unhealthy", "failed"):
        assert words in picture, picture
    assert "end of: kill eu-west-1" in written.getvalue()


@pytest.mark.parametrize("runs", [1, 2])
def test_the_verdict_is_a_table(runs: int) -> None:
    gameday = load_game_day(LIBRARY / "lose-a-region.yaml")
    outcome = Outcome(gameday)
    for number in range(runs):
        outcome.runs.append(Run(number + 1, number + 1, 0, lost_region(), AwsClock(10, 3, 60)))
        judge(gameday, outcome.runs[-1])
    written = io.StringIO()
    show_outcome(outcome, Console(file=written, width=200, highlight=False))
    told = written.getvalue()
    assert ("NOT held" if runs == 1 else "0 of 2 runs held") in told
    assert "failover from frankfurt" in told
    assert "Profile fast" in told
