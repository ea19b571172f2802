"""Looks at the whole world a few times a second, and keeps what it saw."""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from terrella.gameday.evidence import Look, RegionLook
from terrella.gameday.machine import region_processes
from terrella.gameday.operator import Operator
from terrella.kernel import Clock, TerrellaError

EVERY_S = 0.25


def look_of(at_s: float, status: Mapping[str, Any]) -> Look:
    """What the front door's status says of each region, at a moment of the run."""
    regions = status.get("regions", [])
    return Look(at_s, {str(one["region"]): _region(one, regions) for one in regions})


def _region(said: Mapping[str, Any], regions: list[Mapping[str, Any]]) -> RegionLook:
    data_sets = (said.get("journal") or {}).get("data_sets", [])
    lags = {
        peer: None if one.get("lag_ms") is None else float(one["lag_ms"]) / 1000
        for peer, one in (said.get("replication") or {}).items()
    }
    return RegionLook(
        state=str(said.get("state", "unknown")),
        healthy=healthy(regions, str(said["region"])),
        lags_s=lags,
        at_risk=said.get("at_risk"),
        conflicts=sum(one.get("conflicts", 0) for one in data_sets),
        parked=sum(one.get("parked", 0) for one in data_sets),
        calls=sum(one.get("count", 0) for one in said.get("cross_region_calls", ())),
    )


def healthy(regions: list[Mapping[str, Any]], name: str) -> bool | None:
    """The verdict on a region's health checks, by the first other region that serves: a dead one has no say."""
    judges = sorted((one for one in regions if one.get("state") == "serving"), key=lambda one: one["region"] == name)
    for judge in judges:
        verdicts = [check["healthy"] for check in judge.get("health", {}).values() if check["region"] == name]
        if verdicts:
            return all(verdicts)
    return None


class Watcher:
    """Looks every ``EVERY_S`` until it is cancelled, and tells ``on_look``. ``zero_s`` is the run's start.

    ``on_processes`` is told which processes the regions are now.
    """

    def __init__(
        self,
        operator: Operator,
        clock: Clock,
        zero_s: float,
        on_look: Callable[[Look], None],
        on_processes: Callable[[Iterable[int]], None],
    ) -> None:
        self._operator = operator
        self._clock = clock
        self._zero_s = zero_s
        self._on_look = on_look
        self._on_processes = on_processes
        self.failed = 0
        """How often the front door did not answer."""

    async def run(self) -> None:
        """Look, and look again."""
        while True:
            begun_s = self._clock.monotonic()
            await self.look()
            await asyncio.sleep(max(EVERY_S / 2, EVERY_S - (self._clock.monotonic() - begun_s)))

    async def look(self) -> Look | None:
        """One look; None if the front door does not answer."""
        try:
            status = await self._operator.status()
        except (OSError, TimeoutError, TerrellaError):
            self.failed += 1
            return None
        self._on_processes(region_processes(status))
        look = look_of(self._clock.monotonic() - self._zero_s, status)
        self._on_look(look)
        return look
