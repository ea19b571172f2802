"""``terrella conflicts``."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import msgspec
from rich.table import Table

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
    """One row an entry, a column for each of its fields."""
    table = Table(box=None, pad_edge=False)
    fields = list(dict.fromkeys(name for entry in conflicts for name in entry))
    for field in fields:
        table.add_column(field.replace("_", " "), header_style="dim", overflow="fold")
    for entry in conflicts:
        table.add_row(*(_cell(entry.get(field)) for field in fields))
    return table


def _cell(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
