"""The talk's demonstration, for real: seven scenes against a world that is started for them."""

import asyncio
import contextlib
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from rich.console import Console

from terrella.gameday.client import Client
from terrella.gameday.operator import Operator
from terrella.gameday.scenes import SCENES, wrong_health_check
from terrella.gameday.stage import Stage
from terrella.gameday.theatre import Theatre
from terrella.gameday.verdict import Verdict
from terrella.gameday.world_process import WorldProcess
from terrella.kernel import Clock
from terrella.world import World, load_world

GLOBAL_NAME = "items.example.com"
TABLE = "items"
_WATCH_S = 0.25


async def play_talk(example: Path, workplace: Path, console: Console, clock: Clock, base: str | None = None) -> Verdict:
    """Play every scene on copies of ``example`` in ``workplace``; answers the verdict. Raises ``TerrellaError``.

    ``base`` moves the worlds to other loopback addresses than ``world.yaml`` has: ``127.9`` to 127.9.0.1, 127.9.1.1, …
    """
    verdict = Verdict()
    sound = _copy(example, workplace / "items", base)
    broken = _copy(example, workplace / "items-with-the-bug", base)
    with Stage(console) as stage:
        stage.say(f"terrella up, on a copy of {example.name}")
        async with _theatre(sound, stage, verdict, clock) as (theatre, process):
            first_s = process.started_s
            stage.say(f"{len(theatre.regions)} regions serve after {first_s:.1f} s")
            host = _execute_api_host(process.status, next(iter(theatre.regions)))
            for play in SCENES:
                await theatre.calm()
                await play(theatre)
        line = wrong_health_check.plant(broken / "template.yaml", host)
        await wrong_health_check.check(theatre, broken, line)
        async with _theatre(broken, stage, verdict, clock) as (theatre, _):
            await theatre.calm()
            await wrong_health_check.play(theatre)
    profile = load_world(sound / "world.yaml").profile.name
    stage.verdict(
        verdict,
        f"What was measured (profile {profile}; regions up in {first_s:.1f} s)",
        [
            f"Profile {profile}: health checks run a hundred times faster than Route 53's; clients resolve before",
            "every request. docs/limits.md says what this does not prove.",
        ],
    )
    return verdict


def _copy(example: Path, to: Path, base: str | None) -> Path:
    """Never play in the user's own directory: its state is the user's."""
    shutil.copytree(example, to, ignore=shutil.ignore_patterns(".terrella", "__pycache__"))
    if base is not None:
        with (to / "world.yaml").open("a") as world:
            world.write(f'\naddresses: {{base: "{base}"}}\n')
    return to


@contextlib.asynccontextmanager
async def _theatre(
    directory: Path, stage: Stage, verdict: Verdict, clock: Clock
) -> AsyncIterator[tuple[Theatre, WorldProcess]]:
    world: World = load_world(directory / "world.yaml")
    addresses = {name: settings.address for name, settings in world.regions.items()}
    in_use = "stop the other world first, or play beside it: terrella demo --base 127.50"
    async with WorldProcess(world, clock, whose="the demo's", in_use=in_use) as process:
        theatre = Theatre(
            operator=Operator(world.front_door, world.ports.aws, addresses),
            client=Client(GLOBAL_NAME, (world.front_door, world.ports.dns), world.ports.application, clock),
            stage=stage,
            verdict=verdict,
            clock=clock,
            regions=addresses,
            delays_ms={pair: link.delay_ms for pair, link in world.links.items()},
            table=TABLE,
        )
        watcher = asyncio.create_task(_watch(theatre))
        try:
            yield theatre, process
        finally:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)


async def _watch(theatre: Theatre) -> None:
    """Keep the stage's picture of the regions fresh."""
    while True:
        with contextlib.suppress(OSError, TimeoutError):
            status: dict[str, Any] = await theatre.operator.status()
            theatre.stage.regions(status, _recent_split(theatre))
        await asyncio.sleep(_WATCH_S)


def _recent_split(theatre: Theatre) -> Counter[str]:
    """Where the client's latest requests were served."""
    return Counter(theatre.names.get(one.address, "nowhere") for one in theatre.client.recent if one.ok)


def _execute_api_host(status: dict[str, Any], region: str) -> str:
    """The host name of a region's API, as its console shows it."""
    found = next(one for one in status["regions"] if one["region"] == region)
    return str(found["gateway"]["apis"][0]["host"])
