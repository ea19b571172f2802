"""``terrella verify``."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import msgspec
from rich.console import Console
from rich.text import Text

from terrella.cli.comparing import Difference, Findings, confirmed, differing_buckets, suspects, unrest
from terrella.cli.conflicts import show_item
from terrella.cli.figures import show_key
from terrella.cli.running import SILENT, ask, world_option
from terrella.cli.screen import screen
from terrella.kernel import TerrellaError
from terrella.world import ControlClient

DIVERGED, UNPROVEN = 1, 3
_EVERY_S = 0.25
_READ_AGAIN_S = 1.0
_KEYS_SHOWN = 20
_KEYS_READ_AGAIN = 200
_DIGEST_TIMEOUT_S = 600.0
_ALL = "all"

_SECONDS = click.FloatRange(0)

Regions = Mapping[str, ControlClient]


@click.command("verify")
@click.option("--table", "table_name", metavar="NAME", help="One table only.  [default: all that are replicated]")
@click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(0),
    default=30.0,
    metavar="SECONDS",
    help="For quiet.  [default: 30]",
)
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@world_option
def command(table_name: str | None, timeout_s: float, as_json: bool, world_path: Path | None) -> None:
    """Compare the regions' replicas, key by key where they differ.

    Replicas are compared when all have applied the same; so it waits until writes have come to rest and says what it
    waits for. A table that does not come to rest in time is compared as far as both sides have applied the same.

    The exit code is 0 if all replicas are equal, 1 if any differ, 3 if nothing differs and not all could be compared.
    """
    console = screen()

    async def verify(client: ControlClient) -> list[Findings]:
        world = await _World.of(client)
        tables = sorted(world.tables if table_name is None else {table_name})
        if table_name is not None and table_name not in world.tables:
            there_are = ", ".join(sorted(world.tables)) or "none"
            raise TerrellaError(f"no region that is up replicates a table {table_name!r}; there are {there_are}")
        return [await compare(world, table, timeout_s) for table in tables]

    findings = ask(world_path, verify)
    if as_json:
        told = [{"verdict": one.verdict, **asdict(one)} for one in findings]
        click.echo(msgspec.json.format(msgspec.json.encode(told), indent=2).decode())
    else:
        show(findings, console)
    verdicts = {one.verdict for one in findings}
    if verdicts - {"equal"}:
        click.get_current_context().exit(DIVERGED if "diverged" in verdicts else UNPROVEN)


class _World:
    """The regions, those that answer and those that do not, and which of them hold a table."""

    def __init__(self, clients: Regions, silent: Mapping[str, str], tables: Mapping[str, set[str]]) -> None:
        self._clients = clients
        self.silent = silent
        self.tables = tables

    @classmethod
    async def of(cls, client: ControlClient) -> "_World":
        status = await client.get("/_terrella/status")
        port = int(status["front_door"]["aws"].rpartition(":")[2])
        clients, silent = {}, {}
        tables: dict[str, set[str]] = {}
        for region in status["regions"]:
            name = region["region"]
            if region["state"] in SILENT:
                silent[name] = region["state"]
                continue
            clients[name] = ControlClient(name, region["address"], port, key=client.key)
            for table in region.get("tables", ()):
                if table["lane"] != "local":
                    tables.setdefault(table["name"], set()).update(table["members"])
        return cls(clients, silent, tables)

    def holders(self, table: str) -> Regions:
        """Those that hold a table and answer."""
        return {name: client for name, client in self._clients.items() if name in self.tables[table]}


async def compare(world: _World, table: str, timeout_s: float) -> Findings:
    """One table: wait for rest, compare by hash, and what differs by key."""
    regions = world.holders(table)
    findings = Findings(table, list(regions))
    reasons = [
        f"{name} was not asked: it is {world.silent[name]}" for name in sorted(world.tables[table] - set(regions))
    ]
    begun = time.perf_counter()
    while True:
        standings = await _all(regions, f"vector?table={quote(table)}")
        waiting = unrest(standings)
        late = time.perf_counter() - begun >= timeout_s
        digests: dict[str, Any] = {}
        if not waiting or late:
            digests = await _all(regions, f"digest?table={quote(table)}")
            waiting = waiting or unrest(digests)
            waiting += [f"{name} was written to while it was read" for name, one in digests.items() if one["moved"]]
        findings.waited_s = round(time.perf_counter() - begun, 1)
        if not waiting or late:
            break
        await asyncio.sleep(_EVERY_S)
    findings.entries = max((one["entries"] for one in digests.values()), default=0)
    findings.conflict_logs_differ = not waiting and len({one["conflicts"] for one in digests.values()}) > 1
    buckets = differing_buckets(digests)
    if buckets:
        await _compare_keys(regions, table, buckets, findings)
    if findings.left_out:
        one = findings.left_out == 1
        keys = "1 key differs that is" if one else f"{findings.left_out} keys differ that are"
        waiting.append(f"{keys} still on the way")
    findings.reasons = reasons + waiting
    if len(regions) < 2:
        findings.reasons.append("there is nothing to compare it with")
    return findings


async def _compare_keys(regions: Regions, table: str, buckets: list[int], findings: Findings) -> None:
    wanted = ",".join(map(str, buckets))
    listings = await _all(regions, f"entries?table={quote(table)}&buckets={wanted}")
    found, findings.left_out = suspects(listings)
    if found:
        await asyncio.sleep(_READ_AGAIN_S)  # a write may have come in between the two readings
    for suspect in found[:_KEYS_READ_AGAIN]:
        items = await _all(regions, f"item?table={quote(table)}&key={suspect.key}")
        difference = confirmed(suspect.key, items)
        if difference is None:
            findings.left_out += 1
            continue
        for region, entry in difference.entries.items():
            if entry is not None:
                difference.entries[region] = {**entry, "value": items[region]["value"]}
        findings.differences.append(difference)
    findings.left_out += max(0, len(found) - _KEYS_READ_AGAIN)


async def _all(regions: Regions, question: str) -> dict[str, Any]:
    answers = await asyncio.gather(
        *(client.get(f"/_terrella/verify/{question}", _DIGEST_TIMEOUT_S) for client in regions.values())
    )
    return dict(zip(regions, answers, strict=True))


def show(findings: list[Findings], console: Console) -> None:
    """A line for each table, and below it what differs or was left open."""
    if not findings:
        console.print("No replicated tables.")
    styles = {"equal": "green", "diverged": "red", "unproven": "yellow"}
    for one in findings:
        compared = f"{one.entries} entries in {', '.join(one.regions)}"
        waited = f", after {one.waited_s:g} s" if one.waited_s >= 1 else ""
        console.print(Text.assemble(one.table, "  ", (one.verdict, styles[one.verdict]), f"  {compared}{waited}"))
        for reason in one.reasons:
            console.print(Text(f"  {reason}"))
        if one.conflict_logs_differ:
            console.print(Text("  the conflict logs differ", style="red"))
        for difference in one.differences[:_KEYS_SHOWN]:
            _show_difference(difference, console)
        more = len(one.differences) - _KEYS_SHOWN
        if more > 0:
            console.print(Text(f"  and {more} more keys; --json has them all"))


def _show_difference(difference: Difference, console: Console) -> None:
    console.print(Text(f"  key {show_key(difference.key)} differs", style="red"))
    for region, entry in difference.entries.items():
        if entry is None:
            console.print(Text(f"    {region}: nothing"))
            continue
        written = f"{entry['origin'].partition('/')[0]} #{entry['sequence']}"
        console.print(Text(f"    {region}: {show_item(entry['value'])}  (written in {written})"))
