"""``terrella fault``."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

import click
import yaml

from terrella.cli.running import ask, world_option
from terrella.cli.screen import screen
from terrella.cli.status import told_fault
from terrella.gameday import ClientConditions, FaultError, Order, read_fault
from terrella.kernel import TerrellaError
from terrella.world import DURATION, ControlClient, duration_ms, find_world, load_world


class _Operator:
    """Carries a fault out over the control API; there are no clients whose resolvers could be told anything."""

    def __init__(self, client: ControlClient, lease_s: float | None) -> None:
        self._client = client
        self._lease_s = lease_s

    @property
    def clients(self) -> ClientConditions:
        raise TerrellaError("resolvers are those of a game day's load: this fault needs a game day")

    async def inject_fault(self, fault_id: str, order: Order) -> Any:
        body = {
            "id": fault_id,
            "kind": order.kind,
            "parameters": order.parameters,
            "regions": list(order.regions),
            "lease_s": self._lease_s,
        }
        return await self._client.post("/_terrella/faults", body)

    async def end_fault(self, fault_id: str) -> Any:
        return await self._client.delete(f"/_terrella/faults/{quote(fault_id, safe='')}")


@click.group("fault", invoke_without_command=True)
@click.pass_context
def command(ctx: click.Context) -> None:
    """Break something on purpose, show what is broken, and mend it.

    FAULT is written as in a game day's file (docs/faults.md): 'errors: {table: items, region: eu-west-1}, rate: 30%'.
    """
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_faults)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@world_option
def list_faults(as_json: bool = False, world_path: Path | None = None) -> None:
    """Show what is broken on purpose."""
    faults = ask(world_path, lambda client: client.get("/_terrella/faults"))["faults"]
    if as_json:
        screen().print_json(data=faults)
        return
    for fault in faults:
        click.echo(told_fault(fault))
    if not faults:
        click.echo("Nothing is broken on purpose.")


@command.command("inject")
@click.argument("fault", metavar="FAULT")
@click.option("--for", "lasting", metavar="20s", help="Mend it after so long.  [default: when it is cleared]")
@world_option
def inject(fault: str, lasting: str | None, world_path: Path | None) -> None:
    """Break something, until it is cleared or the world stops."""
    try:
        lease_s = None if lasting is None else duration_ms(lasting) / 1000
    except ValueError:
        raise click.BadParameter(f"found {lasting}, expected {DURATION}", param_hint="--for") from None
    given = read_fault(_entry(fault), load_world(find_world(world_path)))
    ask(world_path, lambda client: given.inject(_Operator(client, lease_s)))
    click.echo(f"{given.told()}{f', for {lasting}' if lasting else ''}")


@command.command("clear")
@click.argument("what", metavar="[FAULT|SUBJECT]", required=False)
@world_option
def clear(what: str | None, world_path: Path | None) -> None:
    """Mend what is broken on purpose: all of it, one fault as it is listed, or what concerns a region, zone or link."""

    async def talk(client: ControlClient) -> list[str]:
        faults = (await client.get("/_terrella/faults"))["faults"]
        ended = [fault["id"] for fault in faults if what is None or what in (fault["id"], *fault["regions"])]
        for fault_id in ended:
            await client.delete(f"/_terrella/faults/{quote(fault_id, safe='')}")
        if what is not None and not ended:
            listed = "; ".join(fault["id"] for fault in faults) or "nothing"
            raise TerrellaError(f"found no fault {what}; broken on purpose is {listed}")
        return ended

    for fault_id in ask(world_path, talk):
        click.echo(f"no longer: {fault_id}")


def _entry(text: str) -> dict[str, Any]:
    """A fault as one would write it in a game day's file, with or without the braces around it."""
    written = text.strip()
    try:
        entry = yaml.safe_load(written if written.startswith("{") else f"{{{written}}}")
    except yaml.YAMLError as error:
        raise TerrellaError(f"found {text}, expected a fault such as 'kill: eu-west-1' ({error})") from error
    if not isinstance(entry, dict):
        raise FaultError(text, "a fault such as 'kill: eu-west-1'", "")
    return entry
