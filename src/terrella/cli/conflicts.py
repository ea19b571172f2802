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
    """One row an entry: what was kept and what lost, each with the region that wrote it."""
    table = Table(box=None, pad_edge=False)
    for heading in ("written", "table", "kept", "lost"):
        table.add_column(heading, header_style="dim", overflow="fold", no_wrap=heading == "written")
    for entry in conflicts:
        loser = entry.get("loser") or {}
        table.add_row(
            Text(_moment(loser), style="dim"),
            Text(str(entry.get("table", ""))),
            _version(entry.get("winner") or {}, "green"),
            _version(loser, "red"),
        )
    return table


def _version(version: dict[str, Any], style: str) -> Text:
    shown = Text(str(version.get("region", "")), style=style)
    item = version.get("value")
    shown.append("  deleted" if item is None else f"  {_item(item)}", style="default")
    return shown


def _item(item: object) -> str:
    """An item without DynamoDB's types: ``id=7 message=hello``."""
    if not isinstance(item, dict):
        return _plain(item)
    return " ".join(f"{name}={_plain(_untyped(value))}" for name, value in item.items())


def _untyped(value: object) -> object:
    """``{"S": "x"}`` → ``x``."""
    return next(iter(value.values())) if isinstance(value, dict) and len(value) == 1 else value


def _plain(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _moment(version: dict[str, Any]) -> str:
    milliseconds = version.get("time_ms")
    if not isinstance(milliseconds, int):
        return ""
    return time.strftime("%H:%M:%S", time.localtime(milliseconds / 1000)) + f".{milliseconds % 1000:03d}"
