"""``terrella conflicts``."""

import asyncio
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import msgspec
from rich.table import Table
from rich.text import Text

from terrella.cli.running import ask, region_clients, world_option
from terrella.cli.screen import screen
from terrella.world import ControlClient


@click.command("conflicts")
@click.option("--table", "table_name", metavar="NAME", help="Of one table only.  [default: all]")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@world_option
def command(table_name: str | None, as_json: bool, world_path: Path | None) -> None:
    """Show the versions that lost to a concurrent write.

    Two versions neither of whose writers had seen the other: one is kept, the other is here, with both writers.
    """

    async def gather(client: ControlClient) -> list[dict[str, Any]]:
        path = "/_terrella/conflicts" + (f"?table={quote(table_name)}" if table_name is not None else "")
        parts = await asyncio.gather(*(each.get(path) for each in await region_clients(client, None)))
        return union(parts)

    conflicts = ask(world_path, gather)
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode(conflicts), indent=2).decode())
    elif not conflicts:
        click.echo("No conflicts.")
    else:
        screen().print(conflicts_table(conflicts))


def union(parts: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """What the regions know together: each has every entry sooner or later, so equal ones are shown once."""
    found = {msgspec.json.encode(entry, order="deterministic"): entry for part in parts for entry in part}
    return list(found.values())


def conflicts_table(conflicts: list[dict[str, Any]]) -> Table:
    """Two rows an entry: the version that is kept, and the one that lost to it."""
    table = Table(box=None, pad_edge=False)
    for heading in ("table", "", "written in", "at"):
        table.add_column(heading, header_style="dim", no_wrap=True)
    table.add_column("item", header_style="dim", overflow="fold")
    for entry in conflicts:
        table.add_row(entry["table"], "kept", *_version(entry["winner"]))
        table.add_row("", "lost", *_version(entry["loser"]), style="dim")
    return table


def _version(version: dict[str, Any]) -> tuple[str, str, Text]:
    moment = time.strftime("%H:%M:%S", time.localtime(version["time_ms"] / 1000))
    return version["region"], f"{moment}.{version['time_ms'] % 1000:03}", Text(show_item(version["value"]))


def show_item(value: dict[str, dict[str, Any]] | None) -> str:
    """An item's attributes without DynamoDB's type letters, where they are plain."""
    if value is None:
        return "deleted"
    return ", ".join(f"{name}: {_attribute(typed)}" for name, typed in value.items())


def _attribute(typed: dict[str, Any]) -> str:
    ((letter, content),) = typed.items()
    return str(content) if letter in ("S", "N") else msgspec.json.encode(typed).decode()
