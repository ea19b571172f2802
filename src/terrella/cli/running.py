"""Finding the world that runs, for every command that speaks to one."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from terrella.kernel import TerrellaError
from terrella.world import (
    SUPERVISOR,
    ControlClient,
    HostsClient,
    UnansweredError,
    find_world,
    holder,
    load_world,
    region_records,
)

T = TypeVar("T")

SILENT = ("held-down", "paused", "down", "silent")
"""States of a region that need not be asked."""

world_option = click.option(
    "--world",
    "world_path",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The world.yaml of the running world, or its directory.  [default: ./world.yaml]",
)


def front_door(world_path: Path | None) -> ControlClient:
    """The control API of the running world; raises ``TerrellaError`` if it does not run.

    Regions on hosts of their own are asked one by one.
    """
    state_directory = find_world(world_path).resolve().parent / ".terrella"
    found = holder(state_directory)
    if found is not None and found.port:
        key = load_world(find_world(world_path)).security.access_keys[0] if found.signed else None
        return ControlClient(SUPERVISOR, found.address, found.port, key=key)
    if found is not None:
        raise TerrellaError("the world is just being started or stopped; try again in a moment")
    world = load_world(find_world(world_path))
    if world.exposed:
        return HostsClient(world)
    left = [name for name, _, record in region_records(state_directory) if record.alive]
    if left:
        raise TerrellaError(
            f"the world has no supervisor, though {', '.join(left)} still run:"
            " terrella up starts it anew, terrella down stops them"
        )
    raise TerrellaError("the world is not running; terrella up starts it")


def ask(world_path: Path | None, question: Callable[[ControlClient], Awaitable[T]]) -> T:
    """Run one conversation with the front door."""
    client = front_door(world_path)

    async def conversation() -> T:
        return await question(client)

    return asyncio.run(conversation())


async def region_clients(client: ControlClient, only: str | None) -> list[ControlClient]:
    """The control APIs of the regions that answer, or of the one that is asked for."""
    status: dict[str, Any] = await client.get("/_terrella/status")
    port = int(status["front_door"]["aws"].rpartition(":")[2])
    regions = {each["region"]: each for each in status["regions"]}
    if only is not None and only not in regions:
        raise TerrellaError(f"the world {status['world']} has no region {only}; it has {', '.join(regions)}")
    wanted = [regions[only]] if only is not None else list(regions.values())
    answering = [each for each in wanted if each["state"] not in SILENT]
    if not answering:
        raise TerrellaError(f"{only} is {regions[only]['state']}" if only is not None else "no region is up")
    return [ControlClient(each["region"], each["address"], port, key=client.key) for each in answering]


async def region_answers(client: ControlClient, path: str) -> dict[str, Any]:
    """What every region answers at ``path``, by name; of one that does not answer, its state and why."""
    status: dict[str, Any] = await client.get("/_terrella/status")
    port = int(status["front_door"]["aws"].rpartition(":")[2])

    async def answer(region: dict[str, Any]) -> dict[str, Any]:
        silent = {"state": region["state"], "heard_s_ago": region.get("heard_s_ago")}
        if region["state"] in SILENT:
            return {**silent, "reason": f"{region['state']} ({region.get('reason') or 'no reason is known'})"}
        try:
            said = await ControlClient(region["region"], region["address"], port, key=client.key).get(path)
        except UnansweredError as error:
            return {**silent, "reason": str(error)}
        return {"state": region["state"], **said}

    regions = status["regions"]
    answers = await asyncio.gather(*(answer(region) for region in regions))
    return {
        "world": status["world"],
        "profile": status["profile"],
        "regions": {region["region"]: each for region, each in zip(regions, answers, strict=True)},
    }
