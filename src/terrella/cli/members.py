"""How ``terrella region list`` shows control state."""

from typing import Any

import click
from rich.table import Table
from rich.text import Text

from terrella.cli.screen import screen

_STYLES = {"active": "green", "joining": "cyan", "leaving": "yellow", "evicted": "red", "removed": "magenta"}


def show_members(told: dict[str, Any], *, as_json: bool) -> None:
    """Print it."""
    if as_json:
        screen().print_json(data=told)
        return
    console = screen()
    console.print(regions_table(told))
    tables = groups_table(told)
    if tables.row_count:
        console.print()
        console.print(tables)
    if told["majority_reachable"] is False:
        click.secho(f"{told['region']} reaches no majority: nothing can be decided now.", fg="yellow")
    if told["problem"]:
        click.secho(told["problem"], fg="red")


def regions_table(told: dict[str, Any]) -> Table:
    """One row a region: what it is to the world, and what its process does."""
    state = told["state"]
    generation = f", generation {state['generation']}" if state["generation"] else ""
    title = f"control version {state['version']}{generation}, as {told['region']} has it"
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    for heading in ("region", "is", "since", "state", "address"):
        table.add_column(heading, header_style="dim", no_wrap=True)
    for name, region in state["regions"].items():
        _row(table, told, name, region["status"], "", region["address"])
    for name, former in state["former"].items():
        _row(table, told, name, former["how"], f"version {former['version']}", former["address"])
    return table


def _row(table: Table, told: dict[str, Any], name: str, standing: str, since: str, address: str) -> None:
    process = told["processes"].get(name, {})
    style = _STYLES.get(standing, "yellow")
    table.add_row(name, Text(standing, style=style), since, process.get("state", "-"), address)


def groups_table(told: dict[str, Any]) -> Table:
    """One row a replicated table: who holds it."""
    table = Table(box=None, pad_edge=False)
    for heading in ("table", "epoch", "held by", "joining", "leaving", "evicted"):
        table.add_column(heading, header_style="dim", no_wrap=heading != "held by")
    for group in sorted(told["state"]["groups"].values(), key=lambda group: str(group["name"])):
        table.add_row(
            group["name"],
            str(group["epoch"]),
            ", ".join(group["members"]),
            *(", ".join(group[part]) or "-" for part in ("joining", "leaving", "evicted")),
        )
    return table
