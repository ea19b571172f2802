"""What becomes of a series when one of its runs cannot be held."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from terrella.gameday import Nobody, Outcome, Result, Run, RunOptions, load_game_day, run_game_day, runner
from terrella.gameday.aws_clock import AwsClock
from terrella.gameday.evidence import Evidence
from terrella.kernel import SystemClock, TerrellaError

LIBRARY = Path(__file__).parents[3] / "examples" / "items" / "gamedays"


async def series(monkeypatch: pytest.MonkeyPatch, failing: int, stopping: bool = False) -> Outcome:
    """Three runs, of which the world of one does not start, or does not stop."""
    begun: list[int] = []

    @contextlib.asynccontextmanager
    async def world(*_: Any) -> AsyncIterator[tuple[Any, float]]:
        begun.append(len(begun))
        if begun[-1] == failing and not stopping:
            raise TerrellaError("the game day's world did not come up")
        yield None, 1.0
        if begun[-1] == failing:
            raise TerrellaError("the game day's world did not stop")

    def rehearsal(_: Any, __: Any, seed: int, number: int, *___: Any) -> Any:
        run = Run(number, seed, 0, Evidence(), AwsClock())
        run.verdict.expect("", "something", "to hold", "it does", held=True)

        async def hold() -> None:
            """It holds."""

        return SimpleNamespace(run=run, hold=hold)

    monkeypatch.setattr(runner, "_world", world)
    monkeypatch.setattr(runner, "_Rehearsal", rehearsal)
    gameday = load_game_day(LIBRARY / "lose-a-region.yaml")
    return await run_game_day(gameday, RunOptions(repeat=3, seed=7), Nobody(), SystemClock(), Path("unused"))


@pytest.mark.parametrize("stopping", [False, True])
async def test_the_other_runs_are_not_lost(monkeypatch: pytest.MonkeyPatch, stopping: bool) -> None:
    outcome = await series(monkeypatch, failing=1, stopping=stopping)
    assert [(run.number, run.seed) for run in outcome.runs] == [(1, 7), (2, 8), (3, 9)]
    assert [run.result for run in outcome.runs] == [Result.HELD, Result.NOT_HELD, Result.HELD]
    assert "did not" in outcome.runs[1].aborted
    assert outcome.result is Result.NOT_HELD


async def test_what_goes_wrong_at_once_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(TerrellaError, match="did not come up"):
        await series(monkeypatch, failing=0)
