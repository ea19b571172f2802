"""``terrella restore``."""

import asyncio
from pathlib import Path
from typing import Any

import click

from terrella.cli.running import ask, world_option
from terrella.kernel import SystemClock
from terrella.world import ControlClient

_POLL_S = 0.1


@click.command("restore")
@click.argument("name", metavar="REGION")
@click.option("--no-wait", is_flag=True, help="Return at once.  [default: when the region serves]")
@world_option
def command(name: str, no_wait: bool, world_path: Path | None) -> None:
    """Bring back a region that was killed or paused.

    It is given traffic again when it has caught up with the others.
    """

    async def restore(client: ControlClient) -> None:
        started_s = SystemClock().monotonic()
        await client.post("/_terrella/restore", {"region": name})
        shown = ("", "")
        while not no_wait:
            region = await _region(client, name)
            now = (region["state"], region["reason"])
            if now != shown:
                waited_s = SystemClock().monotonic() - started_s
                reason = f": {now[1]}" if now[1] else ""
                click.echo(f"{waited_s:6.1f} s  {name} is {now[0]}{reason}")
                shown = now
            if now[0] in ("serving", "held-down"):
                return
            await asyncio.sleep(_POLL_S)

    ask(world_path, restore)


async def _region(client: ControlClient, name: str) -> dict[str, Any]:
    status = await client.get("/_terrella/status")
    return next(region for region in status["regions"] if region["region"] == name)
