"""Faults on real processes, drawn from a seed: SIGKILL, SIGSTOP, and links that are cut one way or both."""

import asyncio
import os
import random
import signal
from collections.abc import Callable
from contextlib import suppress
from itertools import permutations

from tests.e2e.worlds import Terrella


class Faults:
    """Kills regions and cuts links of a running world, one thing after the other."""

    def __init__(self, world: Terrella, seed: int, tell: Callable[[str], None]) -> None:
        self._world = world
        self._random = random.Random(seed)
        self._tell = tell
        self.kills = 0
        self.cuts = 0
        self.pauses = 0

    async def run(self, kills: int) -> None:
        """Until so many processes were killed; then every link is whole again."""
        healing: set[asyncio.Task[None]] = set()
        while self.kills < kills:
            await asyncio.sleep(self._random.uniform(0.1, 1.5))
            chance = self._random.random()
            if chance < 0.5:
                for region in self._random.sample(self._world.regions, self._random.choice((1, 1, 1, 2))):
                    await self._kill(region)
            elif chance < 0.85:
                healing.add(asyncio.create_task(self._cut()))
            else:
                healing.add(asyncio.create_task(self._pause()))
        await asyncio.gather(*healing)
        for pair in permutations(self._world.regions, 2):
            await self._link(pair, cut=False)

    async def _pid(self, region: str) -> int | None:
        status = await asyncio.to_thread(self._world.status)
        found = [each.get("pid") for each in status["regions"] if each["region"] == region]
        return int(found[0]) if found and found[0] else None

    async def _kill(self, region: str) -> None:
        pid = await self._pid(region)
        if pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            self.kills += 1
            self._tell(f"SIGKILL {region} ({self.kills})")

    async def _pause(self) -> None:
        region = self._random.choice(self._world.regions)
        pid = await self._pid(region)
        if pid is None:
            return
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)
            self.pauses += 1
            self._tell(f"SIGSTOP {region}")
            await asyncio.sleep(self._random.uniform(0.2, 3.0))
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)

    async def _cut(self) -> None:
        one, other = self._random.sample(self._world.regions, 2)
        pairs = [(one, other), (other, one)][: self._random.choice((1, 2))]
        self.cuts += 1
        self._tell(f"cut {one} {'-' if len(pairs) == 2 else '->'} {other}")
        for pair in pairs:
            await self._link(pair, cut=True)
        await asyncio.sleep(self._random.uniform(0.3, 4.0))
        for pair in pairs:
            await self._link(pair, cut=False)

    async def _link(self, pair: tuple[str, str], *, cut: bool) -> None:
        """Through the front door, as ``terrella link`` does: it tells regions that come back as well."""
        body = {"from": pair[0], "to": pair[1], "cut": cut}
        with suppress(OSError, AssertionError):
            await asyncio.to_thread(self._world.control, "POST", "links", body)
