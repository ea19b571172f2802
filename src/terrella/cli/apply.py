"""``terrella apply``."""

from pathlib import Path
from typing import Any

import click

from terrella.cli.running import ask, world_option
from terrella.kernel import SystemClock, TerrellaError
from terrella.world import ControlClient

_IGNORED = (".terrella", ".aws-sam")


@click.command("apply")
@click.option("--watch", "-w", is_flag=True, help="Apply again whenever a file changes, until Ctrl-C.")
@click.option("--region", metavar="REGION", help="To one region only.  [default: all, one after another]")
@world_option
def command(watch: bool, region: str | None, world_path: Path | None) -> None:
    """Apply the template's and the code's changes.

    One region after another, while the world runs; the first that refuses ends it.
    """

    async def talk(client: ControlClient) -> None:
        if watch:
            directory = Path((await client.get("/_terrella/status"))["template"]).parent
            await _watch(client, region, directory)
        else:
            await _apply(client, region)

    ask(world_path, talk)


async def _apply(client: ControlClient, region: str | None) -> None:
    started_s = SystemClock().monotonic()
    answer = await client.post("/_terrella/apply", {"region": region})
    for each in answer["regions"]:
        click.echo(_line(each))
    click.echo(click.style(f"{SystemClock().monotonic() - started_s:.2f} s", dim=True))


async def _watch(client: ControlClient, region: str | None, directory: Path) -> None:
    from watchfiles import DefaultFilter, awatch  # half of this command's time to start, and seldom needed

    class Sources(DefaultFilter):
        ignore_dirs = (*DefaultFilter.ignore_dirs, *_IGNORED)

    # What it yields first, after a pause or with changes, tells that it watches: an edit made from then on is seen.
    watching = awatch(directory, watch_filter=Sources(), debounce=100, step=20, rust_timeout=100, yield_on_timeout=True)
    await anext(watching)
    await _apply_or_tell(client, region)
    click.echo(f"Watching {directory}.")
    async for changes in watching:
        if changes:
            await _apply_or_tell(client, region)


async def _apply_or_tell(client: ControlClient, region: str | None) -> None:
    try:
        await _apply(client, region)
    except TerrellaError as error:  # a half-edited file: say so, and wait for the next change
        click.secho(f"terrella: {error}", fg="red", err=True)


def _line(each: dict[str, Any]) -> str:
    if "skipped" in each:
        return f"{each['region']}  {each['skipped']}"
    changes = each.get("changes") or []
    told = ", ".join(c if isinstance(c, str) else f"{c['action']} {c['logical_id']}" for c in changes)
    replicas = [f"{one['region']} {one['action']} {one['table']}" for one in each.get("replicas", ())]
    told = ", ".join([*([told] if told else []), *replicas])
    return f"{each['region']}  {str(each['code_version'])[:12]}  {told or 'nothing changed'}"
