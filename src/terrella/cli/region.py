"""``terrella region``."""

import logging
from pathlib import Path

import click
import uvloop

from terrella.kernel import PROFILES, SystemClock
from terrella.region import run_region
from terrella.world import find_world, load_world, require_certificates


@click.command("region")
@click.argument("name")
@click.option("--world", "world_path", type=click.Path(path_type=Path), metavar="PATH", help="[default: ./world.yaml]")
@click.option("--profile", type=click.Choice(sorted(PROFILES)), help="[default: as in world.yaml]")
@click.option("--skip-unsupported", is_flag=True, help="Start although the template holds what is not supported.")
@click.option("--resume", is_flag=True, help="Keep what was deployed last, whatever the template says now.")
def command(name: str, world_path: Path | None, profile: str | None, skip_unsupported: bool, resume: bool) -> None:
    """Run one region alone, without a supervisor.

    This is what terrella up starts for each region, and how a region runs under systemd. SIGTERM stops it.
    """
    world = load_world(find_world(world_path))
    configuration = world.region_configuration(
        name, profile=PROFILES[profile] if profile is not None else None, skip_unsupported=skip_unsupported
    )
    require_certificates(world, name, SystemClock())
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    ready = f"{name} is up at {configuration.own.address}"
    uvloop.run(run_region(configuration, lambda: click.echo(ready), resume=resume))
