"""``terrella logs``."""

import asyncio
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from terrella.cli.running import ask, region_clients, world_option
from terrella.world import ControlClient

_COLOURS = ("cyan", "yellow", "magenta", "green", "blue", "red")


@click.command("logs")
@click.argument("function")
@click.option("--region", metavar="REGION", help="Of one region only.  [default: all]")
@click.option("--follow", "-f", is_flag=True, help="Go on as more comes, until Ctrl-C.")
@click.option("--lines", "-n", type=click.IntRange(1), default=100, show_default=True, help="How many, of each region.")
@world_option
def command(function: str, region: str | None, follow: bool, lines: int, world_path: Path | None) -> None:
    """Show what a function has written.

    Of all regions together, in the order of time.
    """

    async def show(client: ControlClient) -> None:
        clients = await region_clients(client, region)
        path = f"/_terrella/logs?function={quote(function)}&lines={lines}"
        if follow:
            await asyncio.gather(*(_follow(each, path + "&follow=1", clients) for each in clients))
            return
        found = await asyncio.gather(*(_all(each, path) for each in clients))
        for _, line, each in sorted(
            ((int(line["time_ms"]), line, each) for each, part in zip(clients, found, strict=True) for line in part),
            key=lambda item: item[0],
        ):
            _show(line, each, clients)

    ask(world_path, show)


async def _all(client: ControlClient, path: str) -> list[dict[str, Any]]:
    return [line async for line in client.lines(path)]


async def _follow(client: ControlClient, path: str, clients: list[ControlClient]) -> None:
    async for line in client.lines(path):
        _show(line, client, clients)


def _show(line: dict[str, Any], client: ControlClient, clients: list[ControlClient]) -> None:
    milliseconds = int(line["time_ms"])
    moment = time.strftime("%H:%M:%S", time.localtime(milliseconds / 1000)) + f".{milliseconds % 1000:03d}"
    zone = click.style(str(line.get("az") or client.who), fg=_COLOURS[clients.index(client) % len(_COLOURS)])
    click.echo(f"{click.style(moment, dim=True)}  {zone}  {str(line['message']).rstrip()}")
