"""``terrella certificates``."""

from pathlib import Path

import click

from terrella.kernel import SystemClock
from terrella.world import find_world, load_world, make_certificates


@click.command("certificates")
@click.option("--world", "world_path", type=click.Path(path_type=Path), metavar="PATH", help="[default: ./world.yaml]")
def command(world_path: Path | None) -> None:
    """Make the certificates that regions know each other by.

    Those that are missing, or do not hold any more; a world on one machine does so by itself. For regions on hosts of
    their own, make them here and copy to each host the authority's certificate (authority.pem) and its own region's
    certificate and key; authority.key stays here.
    """
    world = load_world(find_world(world_path))
    made = make_certificates(world, SystemClock())
    for name in world.regions:
        files = world.tls_files(name)
        click.echo(f"{name}  {files.certificate}  {files.key}{'  (made now)' if name in made else ''}")
    click.echo(f"judged by {world.tls_files(next(iter(world.regions))).authority}")
