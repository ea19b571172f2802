"""``terrella status``."""

import asyncio
from collections.abc import Collection
from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from terrella.cli.running import SILENT, ask, world_option
from terrella.cli.screen import screen
from terrella.world import ControlClient

_EVERY_S = 0.5
_HEADINGS = ("region", "state", "address", "pid", "code", "health", "lag", "at risk")
_LEAST_ASKED_FOR = ("pid", "code", "address")
_MAY_WRAP = ("lag", "at risk")
_UNBOUNDED = 10_000
_STYLES = {"serving": "green", "held-down": "magenta", "down": "red", "silent": "red"}


@click.command("status")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@click.option("--watch", "-w", is_flag=True, help="Keep showing it until Ctrl-C.")
@world_option
def command(as_json: bool, watch: bool, world_path: Path | None) -> None:
    """Show the regions: health, code version, lag, writes at risk.

    At risk are writes that a region has acknowledged and no other holds yet. Of a region that is down, the last number
    known is shown, with its age. Below the regions stands what is broken on purpose (terrella fault), and what should
    be looked after: lanes that have stopped, snapshots that are needed or under way, stores that take no writes.
    """
    console = screen()

    async def show(client: ControlClient) -> None:
        status = await client.get("/_terrella/status")
        if as_json:
            click.echo(msgspec.json.format(msgspec.json.encode(status), indent=2).decode())
            return
        if not watch:
            console.print(page(status, console))
            return
        with Live(page(status, console), console=console, auto_refresh=False) as live:
            while True:
                await asyncio.sleep(_EVERY_S)
                live.update(page(await client.get("/_terrella/status"), console), refresh=True)

    ask(world_path, show)


def page(status: dict[str, Any], console: Console) -> RenderableType:
    """The table, and below it what somebody should look after."""
    notes = [
        Text(f"{region['region']}: {warning}", style="yellow")
        for region in status["regions"]
        for warning in region.get("warnings", ())
    ]
    faults = [Text(f"fault: {fault}", style="red") for fault in map(told_fault, status.get("faults", ()))]
    return Group(fitting_table(status, console), *([Text(), *faults, *notes] if faults or notes else []))


def told_fault(fault: dict[str, Any]) -> str:
    """What is broken on purpose, and when that ends by itself."""
    ends_in_s = fault["ends_in_s"]
    return fault["id"] if ends_in_s is None else f"{fault['id']} (ends in {ends_in_s:.0f} s unless it is renewed)"


def fitting_table(status: dict[str, Any], console: Console) -> Table:
    """What fits the console whole: what is asked for least is left out first, rather than everything cut short."""
    for count in range(len(_LEAST_ASKED_FOR) + 1):
        table = status_table(status, _LEAST_ASKED_FOR[:count])
        if console.measure(table, options=console.options.update(width=_UNBOUNDED)).maximum <= console.width:
            break
    return table


def status_table(status: dict[str, Any], left_out: Collection[str] = ()) -> Table:
    """One row a region."""
    changed = sum(link["changed"] for link in status["links"])
    caption = f"{changed} link{'s' if changed > 1 else ''} changed; terrella link shows them" if changed else None
    title = f"{status['world']} · profile {status['profile']}"
    table = Table(title=title, title_justify="left", caption=caption, caption_justify="left", box=None, pad_edge=False)
    reasons = [_reason(region) for region in status["regions"]]
    for heading in _HEADINGS:
        if heading not in left_out:
            table.add_column(heading, header_style="dim", no_wrap=heading not in _MAY_WRAP)
    if any(reasons):
        table.add_column("why", header_style="dim", style="dim", overflow="fold")
    for region, reason in zip(status["regions"], reasons, strict=True):
        state = str(region["state"])
        cells = (
            region["region"],
            Text(state, style=_STYLES.get(state, "yellow")),
            region["address"],
            str(region["pid"] or "-"),
            str(region.get("code_version") or "-")[:8],
            health(region),
            lag(region),
            at_risk(region),
        )
        shown = [cell for heading, cell in zip(_HEADINGS, cells, strict=True) if heading not in left_out]
        table.add_row(*shown, *([reason] if any(reasons) else []))
    return table


def _reason(region: dict[str, Any]) -> str:
    """Why it does not serve."""
    return "" if region["state"] == "serving" else str(region.get("reason") or "")


def health(region: dict[str, Any]) -> str:
    """``2/3``: how many of the checks that the region knows are healthy in its eyes."""
    checks = region.get("health") or {}
    if not checks or region["state"] in SILENT:
        return "-"
    return f"{sum(bool(check.get('healthy')) for check in checks.values())}/{len(checks)}"


def lag(region: dict[str, Any]) -> str:
    """How far behind its peers it is, at worst; peers that are not heard make it unknown, and are named."""
    peers = region.get("replication") or {}
    if not peers or region["state"] in SILENT:
        return "-"
    unknown = [name for name, peer in peers.items() if peer.get("lag_ms") is None]
    if unknown:
        return f"? ({', '.join(unknown)})"
    return f"{max(float(peer['lag_ms']) for peer in peers.values()):.0f} ms"


def at_risk(region: dict[str, Any]) -> str:
    """The number, with its age once the region is silent."""
    number = region.get("at_risk")
    if number is None:
        return "-"
    if region["state"] not in SILENT:
        return str(number)
    return f"{number} ({region['heard_s_ago']:.0f} s ago)"
