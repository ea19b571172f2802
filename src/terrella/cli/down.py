"""``terrella down``."""

from pathlib import Path

import click

from terrella.cli.running import world_option
from terrella.kernel import TerrellaError
from terrella.world import find_world, stop_world


@click.command("down")
@world_option
def command(world_path: Path | None) -> None:
    """Stop the world.

    All regions, and those that a supervisor which was killed has left behind. What was written stays in .terrella.
    """
    stopped = stop_world(find_world(world_path).resolve().parent / ".terrella")
    if stopped.left_behind:
        click.echo(f"Stopped {', '.join(stopped.left_behind)}, left by a supervisor that was killed.")
    elif stopped.supervisor:
        click.echo("Stopped.")
    else:
        raise TerrellaError("the world is not running; there is nothing to stop")
