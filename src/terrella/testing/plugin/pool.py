"""Warm worlds: one for each process that runs tests, made like new between them, started anew when it cannot be.

A world of another application takes the place of the one before: worlds that nobody uses would cost the tests that run
their processors, for health checks never rest.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import boto3

from terrella.kernel import Clock, TerrellaError
from terrella.testing.plugin.application import Application
from terrella.testing.plugin.process import WorldProcess
from terrella.testing.plugin.reset import Baseline, DamagedError, make_new
from terrella.testing.plugin.running import Running
from terrella.testing.plugin.settling import PATIENCE_S
from terrella.testing.plugin.waiting import settle
from terrella.testing.plugin.world import World


@dataclass(frozen=True, slots=True)
class Preparation:
    """How a test came by its world: ``started`` or ``reset``, how long it took, and why it was not reset if not."""

    how: str
    took_s: float
    why: str = ""

    def __str__(self) -> str:
        return f"{self.how} in {self.took_s:.2f} s" + (f" ({self.why})" if self.why else "")


class Pool:
    """``make_directory`` answers a new directory for a world's state; ``cache`` keeps translated templates."""

    def __init__(self, make_directory: Callable[[], Path], cache: Path | None, clock: Clock) -> None:
        self._make_directory = make_directory
        self._cache = cache
        self._clock = clock
        self._session = boto3.Session()
        self._running: Running | None = None
        self._baseline: Baseline | None = None
        self._lent: World | None = None
        self.preparations: list[Preparation] = []

    def lend(self, application: Application) -> World:
        """A world that is like new. Raises ``TerrellaError`` if there is none to be had."""
        begun_s = self._clock.monotonic()
        how, why = "reset", ""
        try:
            self._make_new(application)
        except TerrellaError as error:
            why = str(error)
        if why or self._running is None or self._baseline is None:
            how = "started"
            self.close()
            self._start(application)
        self.preparations.append(Preparation(how, self._clock.monotonic() - begun_s, why))
        assert self._running is not None
        assert self._baseline is not None
        self._lent = World(self._running, self._baseline, self._clock.now_ms())
        return self._lent

    def close(self) -> None:
        """Stop the world that runs."""
        running, self._running, self._baseline, self._lent = self._running, None, None, None
        if running is not None:
            running.process.stop()

    def _make_new(self, application: Application) -> None:
        running, baseline, lent = self._running, self._baseline, self._lent
        if running is None or baseline is None or lent is None:
            return
        if running.process.application != application:
            raise DamagedError(f"the world before it was that of {running.process.application.path}")
        if not running.process.running:
            raise DamagedError("its supervisor has ended")
        if lent.damage is not None:
            raise DamagedError(lent.damage)
        running.supervisor.delete("faults")
        running.silenced.clear()
        lent.restore(running.regions)
        for link in running.status()["links"]:
            if link["changed"]:
                lent.link(link["from"], link["to"], one_way=True).heal()
        self._baseline = make_new(running, baseline)

    def _start(self, application: Application) -> None:
        process = WorldProcess(application, self._make_directory(), self._cache, self._clock)
        try:
            running = Running(process, self._session, self._clock)
            status = settle(running, PATIENCE_S[running.world.profile.name])
        except BaseException:
            process.stop()
            raise
        self._running, self._baseline = running, Baseline.of(status)
