"""``terrella logs``."""

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from terrella.cli.running import ask, region_clients, world_option
from terrella.kernel import TerrellaError
from terrella.world import ControlClient

_COLOURS = ("cyan", "yellow", "magenta", "green", "blue", "red")


@click.command("logs")
@click.argument("function", required=False)
@click.option("--region", metavar="REGION", help="Of one region only.  [default: all]")
@click.option("--follow", "-f", is_flag=True, help="Go on as more comes, until Ctrl-C.")
@click.option("--lines", "-n", type=click.IntRange(1), default=100, show_default=True, help="How many, of each region.")
@world_option
def command(function: str | None, region: str | None, follow: bool, lines: int, world_path: Path | None) -> None:
    """Show what the functions have written.

    All of them, or FUNCTION (its name, or its logical id in the template); of all regions together, in the order of
    time.
    """

    async def show(client: ControlClient) -> None:
        clients = await region_clients(client, region)
        names = [function] if function is not None else await _functions(client)
        writers = [_Writer(each, name, function is None) for each in clients for name in names]
        if follow:
            await asyncio.gather(*(_follow(each, lines, clients) for each in writers))
            return
        found = await asyncio.gather(*(_all(each, lines) for each in writers))
        for line, each in sorted(
            ((line, each) for each, part in zip(writers, found, strict=True) for line in part),
            key=lambda item: int(item[0]["time_ms"]),
        ):
            _show(line, each, clients)

    ask(world_path, show)


@dataclass(frozen=True, slots=True)
class _Writer:
    """One function in one region; ``named``: its lines say which it is."""

    client: ControlClient
    function: str
    named: bool

    def path(self, lines: int) -> str:
        return f"/_terrella/logs?function={quote(self.function)}&lines={lines}"


async def _functions(client: ControlClient) -> list[str]:
    """The logical ids of all functions. Raises ``TerrellaError`` if there is none."""
    status: dict[str, Any] = await client.get("/_terrella/status")
    found = [one["logical_id"] or one["name"] for region in status["regions"] for one in region.get("functions", ())]
    if not found:
        raise TerrellaError(f"the world {status['world']} has no functions")
    return list(dict.fromkeys(found))


async def _all(writer: _Writer, lines: int) -> list[dict[str, Any]]:
    return [line async for line in writer.client.lines(writer.path(lines))]


async def _follow(writer: _Writer, lines: int, clients: list[ControlClient]) -> None:
    async for line in writer.client.lines(writer.path(lines) + "&follow=1"):
        _show(line, writer, clients)


def _show(line: dict[str, Any], writer: _Writer, clients: list[ControlClient]) -> None:
    milliseconds = int(line["time_ms"])
    moment = time.strftime("%H:%M:%S", time.localtime(milliseconds / 1000)) + f".{milliseconds % 1000:03d}"
    colour = _COLOURS[clients.index(writer.client) % len(_COLOURS)]
    zone = click.style(str(line.get("az") or writer.client.who), fg=colour)
    name = f"  {writer.function}" if writer.named else ""
    click.echo(f"{click.style(moment, dim=True)}  {zone}{name}  {str(line['message']).rstrip()}")
