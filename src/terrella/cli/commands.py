"""The ``terrella`` command: its table of commands, and how errors are told."""

import importlib
from typing import Any

import click

from terrella import __version__
from terrella.kernel import TerrellaError

COMMANDS = {
    "init": "Write a first world.yaml, game day and test for a template.",
    "up": "Start the world and run it until Ctrl-C.",
    "down": "Stop the world.",
    "status": "Show the regions: health, code version, lag, writes at risk.",
    "logs": "Show what the functions have written.",
    "kill": "Kill a region (it stays down) or a zone's workers.",
    "restore": "Bring back a region that was killed or paused.",
    "link": "Show the links between regions, or break and slow one.",
    "fault": "Break something on purpose, show what is broken, and mend it.",
    "lag": "Show how far each region is behind each other one.",
    "conflicts": "Show the versions that lost to a concurrent write.",
    "parked": "Show the records that cannot be applied, and try again.",
    "verify": "Compare the regions' replicas, key by key where they differ.",
    "check": "Find what is wrong with the template in this world.",
    "apply": "Apply the template's and the code's changes.",
    "gameday": "Hold a game day: load, faults, and what is expected to hold.",
    "demo": "Break the world of examples/items in seven scenes and show what was measured.",
    "certificates": "Make the certificates that regions know each other by.",
    "region": "Run one region alone; add, remove, evict and list a world's.",
}
"""Each command's name and help, so that ``terrella --help`` need not import them."""


class Commands(click.Group):
    """Imports ``terrella.cli.NAME`` when NAME is called; turns a ``TerrellaError`` into one red line."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order of the table."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now."""
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"terrella.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list of commands, from the table."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def invoke(self, ctx: click.Context) -> Any:
        """Run; what a person can mend is told without a traceback."""
        try:
            return super().invoke(ctx)
        except TerrellaError as error:
            click.secho(f"terrella: {error}", fg="red", err=True)
            ctx.exit(1)
        except KeyboardInterrupt:
            ctx.exit(130)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="terrella %(version)s")
def terrella() -> None:
    """Run a SAM application in many real regions on one machine, and rehearse their failures."""
