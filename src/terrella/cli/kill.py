"""``terrella kill``."""

from pathlib import Path

import click

from terrella.cli.running import ask, world_option


@click.command("kill")
@click.argument("name", metavar="REGION|ZONE")
@world_option
def command(name: str, world_path: Path | None) -> None:
    """Kill a region (it stays down) or a zone's workers.

    A region's processes get SIGKILL all at once, and it is held down until terrella restore. The workers of an
    availability zone start again with its next request.
    """
    answer = ask(world_path, lambda client: client.post("/_terrella/kill", {"region": name}))
    if "az" in answer:
        click.echo(f"Killed {answer['killed']} worker{'s' if answer['killed'] != 1 else ''} of {name}.")
        return
    click.echo(f"Killed {name}; it is held down until terrella restore {name}.")
    if answer["at_risk"]:
        heard = answer["heard_s_ago"]
        as_of = f", as of {heard:.1f} s before" if heard is not None else ""
        click.echo(f"Of its writes, {answer['at_risk']:,} had not been confirmed by another region{as_of}.")
        click.echo("Those that did not get away return with it.")
