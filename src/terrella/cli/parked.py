"""``terrella parked``."""

import asyncio
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import msgspec
from rich.table import Table
from rich.text import Text

from terrella.cli.figures import show_bytes, show_key
from terrella.cli.running import ask, region_clients, world_option
from terrella.cli.screen import screen
from terrella.world import ControlClient

_REPLAY_TIMEOUT_S = 600.0


@click.command("parked")
@click.option("--table", "table_name", metavar="NAME", help="Of one table only.  [default: all]")
@click.option("--replay", is_flag=True, help="Try to apply them again, and show what is left.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@world_option
def command(table_name: str | None, replay: bool, as_json: bool, world_path: Path | None) -> None:
    """Show the records that cannot be applied, and try again.

    A record that its region cannot apply, and never will by itself, is set aside so that what follows it can be: it is
    kept, passed on to other regions, and listed here with the reason. A later write of the same item that has seen it
    takes it off the list.

    With --replay, the exit code is 1 if any is left.
    """

    async def gather(client: ControlClient) -> tuple[int, list[dict[str, Any]]]:
        clients = await region_clients(client, None)
        replayed = 0
        if replay:
            body = {} if table_name is None else {"table": table_name}
            answers = await asyncio.gather(
                *(each.post("/_terrella/parked/replay", body, _REPLAY_TIMEOUT_S) for each in clients)
            )
            replayed = sum(answer["replayed"] for answer in answers)
        path = "/_terrella/parked" + (f"?table={quote(table_name)}" if table_name is not None else "")
        parts = await asyncio.gather(*(each.get(path) for each in clients))
        found = [{"in": each.who, **entry} for each, part in zip(clients, parts, strict=True) for entry in part]
        return replayed, found

    replayed, found = ask(world_path, gather)
    if as_json:
        told = {"replayed": replayed, "parked": found} if replay else found
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=2).decode())
    else:
        if replay:
            click.echo(f"Replayed {replayed}.")
        if found:
            screen().print(parked_table(found))
        else:
            click.echo("Nothing is parked.")
    if replay and found:
        click.get_current_context().exit(1)


def parked_table(found: list[dict[str, Any]]) -> Table:
    """One row a record: where it is parked, whose it is, and why."""
    table = Table(box=None, pad_edge=False)
    for heading in ("in", "table", "of", "key", "size"):
        table.add_column(heading, header_style="dim", no_wrap=heading != "key", overflow="fold")
    table.add_column("reason", header_style="dim", overflow="fold")
    for entry in found:
        table.add_row(
            entry["in"],
            entry["table"],
            f"{entry['region']} #{entry['sequence']}",
            Text("?" if entry["key"] is None else show_key(entry["key"])),
            show_bytes(entry["bytes"]),
            Text(entry["reason"]),
        )
    return table
