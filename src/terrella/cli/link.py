"""``terrella link``."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from terrella.cli.running import ask, world_option
from terrella.cli.screen import screen
from terrella.world import (
    BANDWIDTH,
    DURATION,
    SHARE,
    ControlClient,
    bandwidth_bytes_per_s,
    duration_ms,
    share,
    show_bandwidth,
    show_duration,
)


class Quantity(click.ParamType[float]):
    """A value with its unit, as in ``world.yaml``."""

    def __init__(self, name: str, expected: str, read: Callable[[str], float]) -> None:
        self.name = name
        self._expected = expected
        self._read = read

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read it; a usage error if it cannot be."""
        try:
            return self._read(str(value))
        except ValueError:
            self.fail(f"found {value}, expected {self._expected}", param, ctx)


_DURATION = Quantity("duration", DURATION, duration_ms)


@click.command("link")
@click.argument("a", required=False)
@click.argument("b", required=False)
@click.option("--cut", is_flag=True, help="Nothing gets through until it is healed.")
@click.option("--heal", is_flag=True, help="As world.yaml has it: by default the real distance.")
@click.option("--delay", type=_DURATION, metavar="200ms", help="One way.")
@click.option("--jitter", type=_DURATION, metavar="20ms", help="The delay varies by up to this, either way.")
@click.option("--loss", type=Quantity("share", SHARE, share), metavar="1%", help="Each loss costs a retransmission.")
@click.option(
    "--bandwidth", type=Quantity("bandwidth", BANDWIDTH, bandwidth_bytes_per_s), metavar="10MB/s", help="At most."
)
@click.option("--one-way", is_flag=True, help="Only from A to B.  [default: both ways]")
@click.option("--json", "as_json", is_flag=True, help="The links as JSON.")
@world_option
def command(
    a: str | None,
    b: str | None,
    cut: bool,
    heal: bool,
    one_way: bool,
    as_json: bool,
    world_path: Path | None,
    **quantities: float | None,
) -> None:
    """Show the links between regions, or break and slow one.

    Changes apply at once, to open connections as well. What is not given stays as it is.
    """
    names = {"delay": "delay_ms", "jitter": "jitter_ms", "loss": "loss", "bandwidth": "bandwidth_bytes_per_s"}
    changes: dict[str, Any] = {names[name]: value for name, value in quantities.items() if value is not None}
    if cut:
        changes["cut"] = True
    if heal and changes:
        raise click.UsageError("--heal makes the link as world.yaml has it; it goes with no other change")
    if (a is None) != (b is None) or (a is None and (changes or heal)):
        raise click.UsageError("name both regions: terrella link A B")

    async def talk(client: ControlClient) -> list[dict[str, Any]]:
        if changes or heal:
            body = {"a": a, "b": b, "one_way": one_way, "heal": heal, **changes}
            await client.post("/_terrella/links", body)
        links = (await client.get("/_terrella/status"))["links"]
        return [link for link in links if a is None or {link["from"], link["to"]} == {a, b}]

    links = ask(world_path, talk)
    if as_json:
        screen().print_json(data=links)
    else:
        screen().print(links_table(links))


def links_table(links: list[dict[str, Any]]) -> Table:
    """One row a direction."""
    table = Table(box=None, pad_edge=False)
    for heading in ("from", "to", "delay", "jitter", "loss", "bandwidth", ""):
        table.add_column(heading, header_style="dim", no_wrap=True)
    for link in links:
        state = "cut" if link["cut"] else "changed" if link["changed"] else ""
        table.add_row(
            link["from"],
            link["to"],
            show_duration(link["delay_ms"]),
            show_duration(link["jitter_ms"]) if link["jitter_ms"] else "-",
            f"{link['loss']:.3g}" if link["loss"] else "-",
            show_bandwidth(link["bandwidth_bytes_per_s"]),
            Text(state, style="red" if link["cut"] else "yellow"),
        )
    return table
