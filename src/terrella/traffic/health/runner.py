"""One region's checker: probes every check of the world at its interval and tells what it observes."""

import asyncio
import logging
from collections.abc import Callable, Iterable

from terrella.kernel import Clock, Connector, Ids, Profile
from terrella.traffic.health.checks import HealthCheck
from terrella.traffic.health.probe import endpoint_of, probe
from terrella.traffic.health.states import CheckerState, Observation, ProbeResult, step

_log = logging.getLogger(__name__)

OVERLAP_MAX = 8
"""Probes of one check under way at once: enough for one every 0.1 s over a link with a round trip of 0.4 s."""
_JITTER = 0.1


class CheckerRunner:
    """Probes from ``region`` over ``connector``.

    ``locate`` finds the region that a name or address belongs to (None: not in this world); ``report`` is told the
    observation after each probe, once there is one. ``interference``, if it is set, may say what a check that leads
    to a region finds, and then it is not probed.
    """

    def __init__(
        self,
        region: str,
        connector: Connector,
        profile: Profile,
        application_port: int,
        *,
        locate: Callable[[str], str | None],
        report: Callable[[Observation], None],
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._region = region
        self._connector = connector
        self._profile = profile
        self._application_port = application_port
        self._locate = locate
        self._report = report
        self._clock = clock
        self._ids = ids
        self.interference: Callable[[HealthCheck, str], ProbeResult | None] | None = None
        self._checks: dict[str, HealthCheck] = {}
        self._states: dict[str, CheckerState] = {}
        self._loops: dict[str, asyncio.Task[None]] = {}
        self._probes: dict[str, set[asyncio.Task[None]]] = {}

    def set_checks(self, checks: Iterable[HealthCheck]) -> None:
        """Probe these checks from now on; a check that stays as it is goes on undisturbed."""
        wanted = {check.id: check for check in checks if check.is_probed}
        for check_id in [known for known, check in self._checks.items() if wanted.get(known) != check]:
            self._stop(check_id)
        for check_id, check in wanted.items():
            if check_id not in self._checks:
                self._checks[check_id] = check
                self._states.setdefault(check_id, CheckerState())
                self._probes[check_id] = set()
                self._loops[check_id] = asyncio.create_task(self._run(check), name=f"check {check_id}")
        for gone in self._states.keys() - wanted.keys():
            del self._states[gone]

    def observations(self) -> list[Observation]:
        """What this checker thinks now; a check that it has not made up its mind about is left out."""
        return [
            Observation(check_id, state.healthy, state.reason)
            for check_id, state in self._states.items()
            if state.decided
        ]

    async def close(self) -> None:
        """Stop probing."""
        under_way = [*self._loops.values(), *(task for tasks in self._probes.values() for task in tasks)]
        for check_id in list(self._checks):
            self._stop(check_id)
        await asyncio.gather(*under_way, return_exceptions=True)

    def _stop(self, check_id: str) -> None:
        del self._checks[check_id]
        for task in (self._loops.pop(check_id), *self._probes.pop(check_id)):
            task.cancel()

    async def _run(self, check: HealthCheck) -> None:
        """Start a probe every interval, whether or not the last one has ended; the first anywhere in the interval."""
        interval_s = check.interval_s * self._profile.health_check_interval_scale
        probes = self._probes[check.id]
        due_s = self._clock.monotonic() + interval_s * self._ids.fraction()
        while True:
            await asyncio.sleep(due_s - self._clock.monotonic())
            if len(probes) < OVERLAP_MAX:
                task = asyncio.create_task(self._probe_once(check))
                probes.add(task)
                task.add_done_callback(probes.discard)
                task.add_done_callback(_log_failure)
            jitter = 1 + _JITTER * (self._ids.fraction() - 0.5)
            due_s = max(due_s + interval_s * jitter, self._clock.monotonic())

    async def _probe_once(self, check: HealthCheck) -> None:
        result = await self._result(check)
        state = step(self._states[check.id], result, check.threshold)
        self._states[check.id] = state
        if state.decided:
            self._report(Observation(check.id, state.healthy, state.reason))

    async def _result(self, check: HealthCheck) -> ProbeResult:
        target = check.address or check.name or ""
        region = self._locate(target)
        if region is None:
            return ProbeResult(ok=False, reason=f"DNS resolution failed: {target} leads to no region of this world")
        if self.interference is not None and (told := self.interference(check, region)) is not None:
            return told
        endpoint = endpoint_of(check, region, self._application_port)
        return await probe(check, endpoint, self._connector, self._region, self._profile.health_check_timeout_scale)


def _log_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("a probe failed in itself", exc_info=error)
