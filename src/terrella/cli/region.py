"""``terrella region``."""

from pathlib import Path

import click
import uvloop

from terrella import region as room
from terrella.kernel import PROFILES, TerrellaError
from terrella.world import find_world, load_world


@click.command("region")
@click.argument("name")
@click.option("--world", "world_path", type=click.Path(path_type=Path), metavar="PATH", help="[default: ./world.yaml]")
@click.option("--profile", type=click.Choice(sorted(PROFILES)), help="[default: as in world.yaml]")
@click.option("--skip-unsupported", is_flag=True, help="Start although the template holds what is not supported.")
def command(name: str, world_path: Path | None, profile: str | None, skip_unsupported: bool) -> None:
    """Run one region alone, without a supervisor.

    This is what terrella up starts for each region, and how a region runs under systemd. SIGTERM stops it.
    """
    configuration = load_world(find_world(world_path)).region_configuration(
        name, profile=PROFILES[profile] if profile is not None else None, skip_unsupported=skip_unsupported
    )
    run_region = getattr(room, "run_region", None)
    if run_region is None:
        raise TerrellaError("the region itself is not built yet")
    uvloop.run(run_region(configuration, lambda: click.echo(f"{name} is up at {configuration.own.address}")))
