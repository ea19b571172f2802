"""``terrella lag``."""

import asyncio
from collections import deque
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import click
import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from terrella.cli.figures import (
    UNKNOWN,
    bytes_of,
    lag_of,
    offsets_of,
    records_of,
    show_ms,
    sparkline,
    unknown_for,
    worst,
)
from terrella.cli.running import ask, region_answers, world_option
from terrella.cli.screen import screen
from terrella.world import ControlClient

_EVERY_S = 0.5
_HISTORY = 24
_UNBOUNDED = 10_000
_HEADINGS = ("region", "peer", "lag", "p50", "p99", "records", "bytes", "offsets", "at risk", "conflicts")
_LEAST_ASKED_FOR = ("bytes", "p50", "conflicts", "offsets", "p99")
_NUMBERS = ("p50", "p99", "records", "bytes", "offsets", "at risk", "conflicts")

# For each region and peer, the lag of each look at it (None: unknown).
History = dict[tuple[str, str], "deque[float | None]"]


@click.command("lag")
@click.option("--table", "table_name", metavar="NAME", help="Of one table only.  [default: all]")
@click.option("--watch", "-w", is_flag=True, help="Keep showing it until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON; with --watch, a line each time.")
@world_option
def command(table_name: str | None, watch: bool, as_json: bool, world_path: Path | None) -> None:
    """Show how far each region is behind each other one.

    First the lag of each region (row) behind each peer (column), then each table: lag now, of half and of 99 % of
    recent records, records and bytes that are still to come, the offsets here and there, and the writes at risk, which
    no other region holds yet.

    A region that cannot hear a peer does not know its lag: "? 12 s" says that it has not known for 12 seconds. "≥ 3":
    at least 3 records are missing.
    """
    console = screen()
    history: History = {}

    async def look(client: ControlClient) -> dict[str, Any]:
        path = "/_terrella/replication" + (f"?table={quote(table_name)}" if table_name is not None else "")
        return await region_answers(client, path)

    async def show(client: ControlClient) -> None:
        if not watch:
            world = await look(client)
            if as_json:
                click.echo(msgspec.json.format(msgspec.json.encode(world), indent=2).decode())
            else:
                console.print(lag_report(world, console, None))
            return
        if as_json:
            while True:
                click.echo(msgspec.json.encode(await look(client)).decode())
                await asyncio.sleep(_EVERY_S)
        with Live(console=console, auto_refresh=False) as live:
            while True:
                world = await look(client)
                remember(world, history)
                live.update(lag_report(world, console, history), refresh=True)
                await asyncio.sleep(_EVERY_S)

    ask(world_path, show)


def remember(world: dict[str, Any], history: History) -> None:
    """Add what was seen now."""
    for name, region in world["regions"].items():
        for peer in world["regions"]:
            if peer == name:
                continue
            pair = worst(_pairs(region, peer))
            seen = history.setdefault((name, peer), deque(maxlen=_HISTORY))
            seen.append(None if pair is None else pair["lag_ms"])


def lag_report(world: dict[str, Any], console: Console, history: History | None) -> RenderableType:
    """Everything on one page."""
    title = f"{world['world']} · profile {world['profile']} · lag of each region behind each peer"
    parts: list[RenderableType] = [Text(title, style="italic"), matrix(world)]
    if history is not None:
        parts += [Text(), sparks(history)]
    tables = sorted({one["table"] for region in world["regions"].values() for one in region.get("tables", ())})
    for table in tables:
        parts += [Text(), fitting_detail(world, table, console)]
    groups = sorted({one["name"] for region in world["regions"].values() for one in region.get("groups", ())})
    for group in groups:
        parts += [Text(), group_detail(world, group)]
    if not tables and not groups:
        parts += [Text(), Text("No replicated tables.")]
    trouble = troubles(world)
    if trouble:
        parts += [Text(), *(Text(line, style="red") for line in trouble)]
    return Group(*parts)


def matrix(world: dict[str, Any]) -> Table:
    """One row a region, one column a peer: the lag of the table that is worst off."""
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True)
    for peer in world["regions"]:
        table.add_column(peer, header_style="dim", justify="right", no_wrap=True)
    for name, region in world["regions"].items():
        cells = [Text("·", style="dim") if peer == name else _cell(region, peer) for peer in world["regions"]]
        table.add_row(name, *cells)
    return table


def _cell(region: dict[str, Any], peer: str) -> Text:
    if "tables" not in region:
        return Text(str(region["state"]), style="red")
    pair = worst(_pairs(region, peer))
    return Text("-", style="dim") if pair is None else _lag(pair)


def _pairs(region: dict[str, Any], peer: str) -> list[dict[str, Any]]:
    return [table["peers"][peer] for table in region.get("tables", ()) if peer in table["peers"]]


def _lag(pair: dict[str, Any]) -> Text:
    text = lag_of(pair)
    return Text(text, style="red" if text.startswith(UNKNOWN) else "yellow" if pair["lag_ms"] >= 1000 else "")


def group_detail(world: dict[str, Any], name: str) -> Table:
    """A table of the lane sync: each region's part in its group, and how far it has applied what was decided."""
    shown = Table(title=f"{name} · sync", title_justify="left", box=None, pad_edge=False)
    for heading in ("region", "role", "leader", "term", "decided", "applied", "state"):
        right: Literal["right", "left"] = "right" if heading in ("term", "decided", "applied") else "left"
        shown.add_column(heading, header_style="dim", justify=right, no_wrap=heading != "state")
    for region_name, region in world["regions"].items():
        for group in region.get("groups", ()):
            if group["name"] == name:
                shown.add_row(region_name, *_group_cells(group))
    return shown


def _group_cells(group: dict[str, Any]) -> list[str | Text]:
    waiting = f"waits to hear {', '.join(group['waiting_for'])} for the first time" if group["waiting_for"] else ""
    witness = "witness: holds nothing" if group["witness"] else ""
    state = group["failure"] or waiting or witness or ("serves" if group["serving"] else "does not serve")
    leader = Text("none known", style="red") if group["leader"] is None else group["leader"]
    figures = [str(group[name]) for name in ("term", "commit", "applied")]
    return [group["role"], leader, *figures, Text(state, style="" if group["serving"] or witness else "red")]


def sparks(history: History) -> Table:
    """The lags of the last seconds as bars, each line scaled to its own greatest."""
    table = Table(box=None, pad_edge=False, show_header=False)
    for (name, peer), values in history.items():
        known = [value for value in values if value is not None]
        top = f"up to {show_ms(max(known))}" if known else UNKNOWN
        table.add_row(name, Text(f"behind {peer}", style="dim"), sparkline(list(values)), Text(top, style="dim"))
    return table


def fitting_detail(world: dict[str, Any], name: str, console: Console) -> Table:
    """What fits the console whole: what is asked for least is left out first."""
    for count in range(len(_LEAST_ASKED_FOR) + 1):
        table = detail(world, name, _LEAST_ASKED_FOR[:count])
        if console.measure(table, options=console.options.update(width=_UNBOUNDED)).maximum <= console.width:
            break
    return table


def detail(world: dict[str, Any], name: str, left_out: tuple[str, ...] = ()) -> Table:
    """One table: a row for each region and peer."""
    of_table = {
        region_name: table
        for region_name, region in world["regions"].items()
        for table in region.get("tables", ())
        if table["table"] == name
    }
    lane = next(iter(of_table.values()))["lane"]
    shown = Table(title=f"{name} · {lane}", title_justify="left", box=None, pad_edge=False)
    for heading in _HEADINGS:
        if heading not in left_out:
            right: Literal["right", "left"] = "right" if heading in _NUMBERS else "left"
            shown.add_column(heading, header_style="dim", justify=right, no_wrap=True)
    for region_name, table in of_table.items():
        for number, (peer, pair) in enumerate(table["peers"].items()):
            first = number == 0
            cells: dict[str, str | Text] = {
                "region": region_name if first else "",
                "peer": Text(peer, style="dim"),
                "lag": _lag(pair),
                "p50": show_ms(pair["lag_p50_ms"]),
                "p99": show_ms(pair["lag_p99_ms"]),
                "records": records_of(pair),
                "bytes": bytes_of(pair),
                "offsets": offsets_of(table, peer),
                "at risk": str(table["at_risk"]) if first else "",
                "conflicts": str(table["conflicts"]) if first else "",
            }
            shown.add_row(*(cells[heading] for heading in _HEADINGS if heading not in left_out))
    return shown


def troubles(world: dict[str, Any]) -> list[str]:
    """What the figures do not say: regions that do not answer, lanes that stand still, connections that fail."""
    lines = []
    for name, region in world["regions"].items():
        if "tables" not in region:
            lines.append(f"{name}: {region['reason']}; last heard {_heard(region)}")
            continue
        for peer, connection in region["peers"].items():
            if not connection["connected"]:
                why = f": {connection['last_error']}" if connection["last_error"] else ""
                ago = unknown_for(connection["last_contact_ms_ago"]).removeprefix(UNKNOWN).strip()
                heard = f"not heard for {ago}" if ago else "never heard"
                lines.append(f"{name} is not connected to {peer}, {heard}, {_times(connection['retries'])}{why}")
        for table in region["tables"]:
            for peer, pair in table["peers"].items():
                if pair["stopped"]:
                    lines.append(f"{name} has stopped taking {table['table']} from {peer}: {pair['stopped']}")
                if pair["snapshot_required"]:
                    lines.append(f"{name} needs a snapshot of {table['table']}: {peer} has trimmed what it lacks")
    return lines


def _times(retries: int) -> str:
    return "tried once" if retries == 1 else f"tried {retries} times"


def _heard(region: dict[str, Any]) -> str:
    ago = region["heard_s_ago"]
    return "never" if ago is None else f"{show_ms(ago * 1000)} ago"
