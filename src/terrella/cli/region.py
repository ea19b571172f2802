"""``terrella region``: one region alone, and the regions of a running world."""

import asyncio
import logging
from pathlib import Path
from typing import Any

import click
import uvloop

from terrella.cli.running import ask, world_option
from terrella.kernel import PROFILES, SystemClock, TerrellaError
from terrella.region import run_region
from terrella.world import ControlClient, find_world, load_world, require_certificates

_POLL_S = 0.2


class _Region(click.Group):
    """``terrella region NAME`` runs a region: no region of any world has the name of a command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take what is no command for the name of a region to run."""
        asks_for_help = bool(args) and args[0] in ctx.help_option_names
        if args and args[0] not in self.commands and not asks_for_help:
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Both ways to call it."""
        return ["NAME [OPTIONS] | COMMAND [ARGS]..."]


@click.command("region", cls=_Region, no_args_is_help=True)
def command() -> None:
    """Run one region alone; add, remove, evict and list a world's.

    terrella region NAME runs one region without a supervisor: what terrella up starts for each of them, and how a
    region runs under systemd. The commands change and show a world that runs.
    """


@command.command("run")
@click.argument("name")
@click.option("--world", "world_path", type=click.Path(path_type=Path), metavar="PATH", help="[default: ./world.yaml]")
@click.option("--profile", type=click.Choice(sorted(PROFILES)), help="[default: as in world.yaml]")
@click.option("--skip-unsupported", is_flag=True, help="Start although the template holds what is not supported.")
@click.option("--resume", is_flag=True, help="Keep what was deployed last, whatever the template says now.")
def run(name: str, world_path: Path | None, profile: str | None, skip_unsupported: bool, resume: bool) -> None:
    """Run one region alone, without a supervisor; region NAME is short for it. SIGTERM stops it."""
    world = load_world(find_world(world_path))
    configuration = world.region_configuration(
        name, profile=PROFILES[profile] if profile is not None else None, skip_unsupported=skip_unsupported
    )
    require_certificates(world, name, SystemClock())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    ready = f"{name} is up at {configuration.own.address}"
    uvloop.run(run_region(configuration, lambda: click.echo(ready), resume=resume))


@command.command("add")
@click.argument("name", metavar="REGION")
@click.option("--no-wait", is_flag=True, help="Return at once.  [default: when the region serves]")
@world_option
def add(name: str, no_wait: bool, world_path: Path | None) -> None:
    """Add a region that world.yaml names to the running world.

    A majority of the regions decides. The region is started, takes a snapshot of every table that its template gives
    it, and is sent clients once it has caught up. One that was evicted comes back in this way.
    """

    async def talk(client: ControlClient) -> None:
        answer = await client.post("/_terrella/add", {"region": name})
        click.echo(f"{name} is a region of the world, at {answer['address']}.")
        if not no_wait:
            await _until_whole(client, name)

    ask(world_path, talk)


@command.command("remove")
@click.argument("name", metavar="REGION")
@click.option("--force", is_flag=True, help="Although it has tables of its own that no other region has.")
@click.option("--no-wait", is_flag=True, help="Return at once.  [default: when the region has gone]")
@world_option
def remove(name: str, force: bool, no_wait: bool, world_path: Path | None) -> None:
    """Take a region out of the running world; nothing is lost.

    Clients are sent elsewhere first, then it takes no more writes, hands on what only it holds, and is stopped. A
    majority of the regions decides.
    """

    async def talk(client: ControlClient) -> None:
        await client.post("/_terrella/remove", {"region": name, "force": force})
        click.echo(f"{name} is leaving.")
        if not no_wait:
            await _until_gone(client, name)

    ask(world_path, talk)


@command.command("evict")
@click.argument("name", metavar="REGION")
@click.option("--force", is_flag=True, help="Although no majority can be reached, or it holds what no other has.")
@world_option
def evict(name: str, force: bool, world_path: Path | None) -> None:
    """Count a region that is gone no longer.

    The others stop keeping anything for it. What only it holds is not lost as long as its disk is not: when it is
    added again, that is merged, or listed by terrella conflicts. A majority of the regions decides; with --force the
    region that is asked does, without the others, which may decide otherwise meanwhile if they are only cut off.
    """

    async def talk(client: ControlClient) -> None:
        answer = await client.post("/_terrella/evict", {"region": name, "force": force})
        how = "without a majority" if answer["forced"] else "by a majority"
        click.echo(f"{name} was evicted {how}. {answer['records_held']:,} of its records are held by the others.")
        if answer["forced"]:
            click.secho(
                "Regions that were not heard may have decided otherwise meanwhile: that is lost when they are heard.",
                fg="yellow",
            )
        click.echo(f"terrella region add {name} brings it back; what only it holds is merged then, or listed as lost.")

    ask(world_path, talk)


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="Everything, as JSON.")
@world_option
def list_regions(as_json: bool, world_path: Path | None) -> None:
    """Show who belongs to the world, and who holds which table.

    As the region that was asked has it, with the version that it acts on.
    """
    from terrella.cli.members import show_members  # drawing tables is nothing that a region should wait for to start

    told = ask(world_path, lambda client: client.get("/_terrella/members"))
    show_members(told, as_json=as_json)


async def _until_whole(client: ControlClient, name: str) -> None:
    started_s = SystemClock().monotonic()
    shown = ("", "")
    while True:
        region = await _status_of(client, name)
        now = (str(region["state"]), str(region.get("reason") or ""))
        if now != shown:
            _tell(started_s, name, f"is {now[0]}{': ' + now[1] if now[1] else ''}")
            shown = now
        if now[0] == "serving" and region.get("standing") == "active":
            return
        if now[0] == "held-down":
            raise TerrellaError(f"{name} is held down; terrella restore {name} lets it go on joining")
        await asyncio.sleep(_POLL_S)


async def _until_gone(client: ControlClient, name: str) -> None:
    started_s = SystemClock().monotonic()
    shown = ""
    while True:
        status = await client.get("/_terrella/status")
        regions = {each["region"]: each for each in status["regions"]}
        unsupervised = status["pid"] is None  # then nobody stops its process but its own host
        if name not in regions or (unsupervised and regions[name].get("standing") == "removed"):
            _tell(started_s, name, "has left the world")
            click.echo("Take it out of world.yaml, or the next terrella up starts it again.")
            return
        region = regions[name]
        holding = sorted(
            f"{table['name']} ({table['standing'].lower()})"
            for table in region.get("tables") or []
            if table["lane"] != "local"
        )
        now = f"is {region['state']}" + (f"; holds {', '.join(holding)}" if holding else "")
        if now != shown:
            _tell(started_s, name, now)
            shown = now
        if region["state"] in ("held-down", "down"):
            raise TerrellaError(f"{name} is {region['state']}: it goes on leaving when it is back")
        await asyncio.sleep(_POLL_S)


async def _status_of(client: ControlClient, name: str) -> dict[str, Any]:
    status = await client.get("/_terrella/status")
    return next(region for region in status["regions"] if region["region"] == name)


def _tell(started_s: float, name: str, text: str) -> None:
    click.echo(f"{SystemClock().monotonic() - started_s:6.1f} s  {name} {text}")
