"""``terrella gameday``."""

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from terrella.cli.drafting import application_of, save
from terrella.cli.screen import screen
from terrella.gameday import (
    LiveView,
    Outcome,
    Result,
    RunOptions,
    draft_game_day,
    find_world_above,
    html_report,
    json_report,
    junit_report,
    load_game_day,
    run_game_day,
    show_outcome,
)
from terrella.kernel import PROFILES, SystemClock, TerrellaError
from terrella.world import load_world

_WIDTH_OF_A_FILE = 160
_EXIT_CODES = {Result.HELD: 0, Result.NOT_HELD: 1, Result.IN_DOUBT: 3}
_PATH = click.Path(path_type=Path, dir_okay=False)


@click.command("gameday")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--new", is_flag=True, help="Write FILE, a first one for this application, and hold nothing.")
@click.option("--repeat", type=click.IntRange(1, 1000), default=1, metavar="N", help="Hold it N times.  [default: 1]")
@click.option("--seed", type=int, default=1, metavar="S", help="Of the first run; each further one has the next.")
@click.option(
    "--profile", type=click.Choice(sorted(PROFILES)), help="How fast health checks turn.  [default: the file's]"
)
@click.option("--load", type=click.Choice(["file", "none"]), default="file", help="none: you send the load.")
@click.option("--running", is_flag=True, help="In the world that runs, which stays; else in a fresh one of its own.")
@click.option("--report", type=_PATH, metavar="FILE.html", help="Write a report for people: one HTML file.")
@click.option("--junit", type=_PATH, metavar="FILE.xml", help="Write the verdict as JUnit XML.")
@click.option("--json", "json_file", type=_PATH, metavar="FILE.json", help="Write everything as JSON.")
@click.option(
    "--skip-unsupported", is_flag=True, help="Start although the template holds resources that are not supported."
)
@click.option("--keep-world", is_flag=True, help="Leave the worlds' logs and stores where they are, and say where.")
def command(
    file: Path,
    new: bool,
    repeat: int,
    seed: int,
    profile: str | None,
    load: str,
    running: bool,
    report: Path | None,
    junit: Path | None,
    json_file: Path | None,
    skip_unsupported: bool,
    keep_world: bool,
) -> None:
    """Hold a game day: load, faults, and what is expected to hold.

    FILE says what is sent, what breaks and when, and what must hold (docs/gamedays.md). Its application is that of the
    world.yaml beside it or above it. Everything that was broken is mended, however the game day ends.

    The exit code is 0 if every expectation held in every run, 1 if one did not, 3 if all that did not hold is in doubt
    because this machine was too busy.
    """
    if new:
        _draft(file)
        return
    gameday = load_game_day(file, profile=profile, with_load=load == "file")
    if running and repeat > 1:
        raise TerrellaError("found --running with --repeat, expected one of them: each repetition has a fresh world")
    for path in (report, junit, json_file):
        _expect_writable(path)
    console = screen(_WIDTH_OF_A_FILE)
    clock = SystemClock()
    workplace = Path(tempfile.mkdtemp(prefix="terrella-gameday-"))
    options = RunOptions(repeat, seed, running, skip_unsupported)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))  # mend everything, as for Ctrl-C
    try:
        with LiveView(console, clock) as view:
            outcome = asyncio.run(run_game_day(gameday, options, view, clock, workplace))
    finally:
        if keep_world:
            click.echo(f"The worlds are in {workplace}")
        else:
            shutil.rmtree(workplace, ignore_errors=True)
    show_outcome(outcome, console)
    for path, write in ((report, html_report), (junit, junit_report), (json_file, json_report)):
        _write(path, write, outcome)
    if code := _EXIT_CODES[outcome.result]:
        raise SystemExit(code)


def _draft(file: Path) -> None:
    """Write a first game day; what is there already is left alone."""
    if file.exists():
        raise TerrellaError(f"found {file}, expected a file that is not there yet")
    loaded = load_world(find_world_above(file))
    application = application_of(loaded)
    save(file, draft_game_day(loaded, application.routes, named=application.named))
    if not application.named:
        click.echo("The template has no Route 53 record: nobody leads clients away from a lost region, and it says so.")
    click.echo(f"Try it: terrella gameday {file}")


def _write(path: Path | None, write: Callable[[Outcome], str], outcome: Outcome) -> None:
    if path is None:
        return
    save(path, write(outcome))


def _expect_writable(path: Path | None) -> None:
    """Minutes later would be too late to find out. Leaves no file where there was none."""
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        was_there = path.exists()
        with path.open("ab"):
            pass
        if not was_there:
            path.unlink()
    except OSError as error:
        raise TerrellaError(f"could not write {path}: {error.strerror or error}") from error
