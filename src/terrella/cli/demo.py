"""``terrella demo``: the talk, for real."""

import asyncio
import tempfile
from pathlib import Path

import click

from terrella.cli.screen import screen
from terrella.gameday import play_talk
from terrella.kernel import SystemClock, TerrellaError

_PACKAGE = Path(__file__).parents[1]
_WIDTH_OF_A_FILE = 120


@click.command("demo")
@click.option(
    "--base", metavar="A.B", help="Loopback addresses to play at, beside a world that runs.  [default: 127.0]"
)
def command(base: str | None) -> None:
    """Break the world of examples/items in seven scenes and show what was measured.

    Nothing is left behind: the scenes play on a copy in a temporary directory. The exit code is 0 only if every
    expectation held.
    """
    console = screen(_WIDTH_OF_A_FILE)
    with tempfile.TemporaryDirectory(prefix="terrella-demo-", ignore_cleanup_errors=True) as workplace:
        verdict = asyncio.run(play_talk(_example(), Path(workplace), console, SystemClock(), base))
    if not verdict.held:
        raise SystemExit(1)


def _example() -> Path:
    """``examples/items``: of the installed package, or of the checkout that it runs from."""
    for place in (_PACKAGE / "examples" / "items", _PACKAGE.parents[1] / "examples" / "items"):
        if (place / "world.yaml").is_file():
            return place
    raise TerrellaError("the example examples/items is not installed with this copy of terrella")
