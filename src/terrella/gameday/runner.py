"""Holds a game day: brings a world up, sends load, breaks and mends what the file says, watches, and judges."""

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from terrella.gameday.audience import Audience
from terrella.gameday.aws_clock import AwsClock
from terrella.gameday.evidence import Evidence, FaultWindow, Look, WritesChecked
from terrella.gameday.judging import judge
from terrella.gameday.load import (
    LoadGenerator,
    ResolverPlan,
    Sample,
    WorldAddresses,
    WriteCheck,
    check_writes,
)
from terrella.gameday.machine import MachineWatch, region_processes, spans_of
from terrella.gameday.model import GameDay, Outcome, Run
from terrella.gameday.observe import Watcher
from terrella.gameday.operator import Operator
from terrella.gameday.own_world import write_world
from terrella.gameday.settling import settle, until_steady
from terrella.gameday.timeline import Step, steps_of
from terrella.gameday.warming import UnsteadyError, warm_up
from terrella.gameday.world_process import WorldProcess
from terrella.kernel import Clock, TerrellaError
from terrella.world import World, claim_base, load_world

LEASE_S = 30.0
_RENEW_S = 3.0
_STEADY_TIMEOUT_S = 60.0
_ABORT_EVERY_S = 0.5
_TOKENS_SHOWN = 20
_BUSY = (
    "; this machine was too busy: health checks time out. If another world runs here, terrella down ends it; "
    "profile aws checks less often"
)
_NAMELESS = "The application has no name of its own (no Route 53 record): each client asks the region nearest to it."


@dataclass(frozen=True, slots=True)
class RunOptions:
    """``running``: in the world that runs already, which then stays; else each run has a fresh world of its own.

    ``skip_unsupported`` is as that of ``terrella up``.
    """

    repeat: int = 1
    seed: int = 1
    running: bool = False
    skip_unsupported: bool = False


async def run_game_day(
    gameday: GameDay, options: RunOptions, audience: Audience, clock: Clock, workplace: Path
) -> Outcome:
    """Hold it ``repeat`` times, with one seed after another. ``workplace`` is a directory for the worlds.

    Raises ``TerrellaError`` if there is no world to hold the first run in; what goes wrong later is told of its run, so
    that the others are not lost by it. However it ends, what was broken is mended.
    """
    outcome = Outcome(gameday)
    for number in range(options.repeat):
        try:
            async with _world(gameday, options, audience, clock, workplace / f"run-{number + 1}") as (world, took_s):
                rehearsal = _Rehearsal(gameday, world, options.seed + number, number + 1, audience, clock)
                rehearsal.run.world_started_s = took_s
                outcome.runs.append(rehearsal.run)
                await rehearsal.hold()
        except TerrellaError as error:
            if number == 0:
                raise
            if len(outcome.runs) == number:
                seed, evidence = options.seed + number, Evidence(regions=tuple(gameday.world.regions))
                outcome.runs.append(Run(number + 1, seed, clock.now_ms(), evidence, AwsClock(), begun=False))
            outcome.runs[number].aborted = str(error)
    return outcome


@contextlib.asynccontextmanager
async def _world(
    gameday: GameDay, options: RunOptions, audience: Audience, clock: Clock, directory: Path
) -> AsyncIterator[tuple[World, float | None]]:
    if options.running:
        yield gameday.world, None
        return
    audience.phase(f"starting a world of its own: {', '.join(gameday.world.regions)}")
    ports = gameday.world.ports
    base = claim_base((ports.aws, ports.application, ports.dns, ports.replication))
    try:
        world = load_world(write_world(gameday.world, directory, base.text))
        arguments = ["--profile", gameday.profile.name, *(["--skip-unsupported"] if options.skip_unsupported else [])]
        async with WorldProcess(world, clock, *arguments) as process:
            yield world, process.started_s
            audience.phase("stopping the world")
    finally:
        base.release()


class _Rehearsal:
    """One run."""

    def __init__(
        self, gameday: GameDay, world: World, seed: int, number: int, audience: Audience, clock: Clock
    ) -> None:
        self._gameday = gameday
        self._world = world
        self._audience = audience
        self._clock = clock
        addresses = {name: settings.address for name, settings in world.regions.items()}
        self._operator = Operator(world.front_door, world.ports.aws, addresses, lease_s=LEASE_S)
        self._evidence = Evidence(regions=tuple(world.regions), loaded=gameday.load is not None)
        self.run = Run(number, seed, clock.now_ms(), self._evidence, AwsClock())
        self._zero_s = 0.0
        self._windows: dict[int, FaultWindow] = {}
        self._generator: LoadGenerator | None = None
        self._before: deque[Sample] = deque()
        self._zero_of_load_s: float | None = None
        self._machine = MachineWatch(clock)

    async def hold(self) -> None:
        """Everything, from the steady state to the verdict. One that could not begin has none, and says why."""
        self._zero_s = self._clock.monotonic()
        watching = asyncio.create_task(self._machine.run(), name="machine")
        try:
            await self._hold()
        except UnsteadyError as error:
            self.run.begun, self.run.aborted = False, f"could not begin: {error}"
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        looks = (replace(one, at_s=one.at_s - self._zero_s) for one in self._machine.looks)
        self._evidence.machine = [one for one in looks if one.at_s > 0]
        self._evidence.busy = spans_of(self._evidence.machine)
        judge(self._gameday, self.run)
        self._audience.ends(self.run)

    async def _hold(self) -> None:
        self._audience.phase("waiting for the steady state")
        status = await self._status()
        self._machine.follow(region_processes(status))
        if why := await until_steady(self._operator, self._clock, _STEADY_TIMEOUT_S):
            hint = _BUSY if any(look.too_busy() for look in self._machine.looks) else ""
            raise UnsteadyError(f"found a world that is not steady ({why}), expected one to begin a game day in{hint}")
        self.run.aws = self._evidence.aws = AwsClock.of_status(await self._operator.status())
        addresses = WorldAddresses.of(self._world, self._gameday.host or _host_of(status))
        if self._gameday.load is not None and not addresses.name:
            self.run.notes.append(_NAMELESS)
            self._audience.phase(_NAMELESS)
        if self._gameday.load is not None:
            plan = self._gameday.load
            self._generator = LoadGenerator(plan, addresses, self._clock, self.run.seed, self._sampled)
        loading = asyncio.create_task(self._load(), name="load")
        try:
            await self._warm_up(loading)
            await self._watch_and_play(loading, addresses)
        finally:
            loading.cancel()
            await asyncio.gather(loading, return_exceptions=True)
            if self._generator is not None:
                await self._generator.close()

    async def _status(self) -> dict[str, Any]:
        """The world's first word. Raises ``TerrellaError`` if it does not run, or is not the one that is meant."""
        if self._world.exposed:
            found = f"found {self._world.path}, whose requests must be signed"
            raise TerrellaError(f"{found}; a game day can be held in a world of its own, without --running")
        try:
            status: dict[str, Any] = await self._operator.status()
        except (OSError, TimeoutError) as error:
            raise TerrellaError(f"{self._world.path} is not running; terrella up starts it") from error
        if status.get("path") != str(self._world.path):
            raise TerrellaError(f"found {status.get('path')} running at these addresses, expected {self._world.path}")
        profile = self._gameday.profile.name
        if status["profile"] != profile:
            found = f"found the world running under profile {status['profile']}, expected {profile}"
            raise TerrellaError(f"{found}: terrella gameday --profile {status['profile']} takes it as it is")
        return status

    async def _watch_and_play(self, loading: "asyncio.Task[None]", addresses: WorldAddresses) -> None:
        watcher = Watcher(self._operator, self._clock, self._zero_s, self._looked, self._machine.follow)
        self._audience.begins(self._gameday, self.run)
        watching = asyncio.create_task(watcher.run(), name="watcher")
        try:
            await self._play(loading)
            await self._settle(addresses)
            await watcher.look()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
        if watcher.failed:
            self.run.notes.append(f"The front door did not answer {watcher.failed} times when it was looked at.")

    @property
    def _now_s(self) -> float:
        return self._clock.monotonic() - self._zero_s

    async def _warm_up(self, loading: "asyncio.Task[None]") -> None:
        """Until the steady state under load; then the run's time begins."""
        if self._generator is not None:
            self._audience.phase("the load rises")
            await warm_up(self._generator, self._before, loading, self._clock)
            self._zero_of_load_s = self._generator.now_s
        self._zero_s = self._clock.monotonic()
        self.run.started_at_ms = self._clock.now_ms()

    async def _play(self, loading: "asyncio.Task[None]") -> None:
        """Load and faults, until the time is over or it is broken off; then all is mended."""
        renewing = asyncio.create_task(self._renew(), name="renewer")
        parts = [
            loading,
            asyncio.create_task(self._step_through(), name="faults"),
            asyncio.create_task(self._look_out(), name="abort"),
        ]
        try:
            done, _ = await asyncio.wait(parts, timeout=self._gameday.duration_s, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in parts[1:]:
                task.cancel()
            renewing.cancel()
            await asyncio.gather(*parts[1:], renewing, return_exceptions=True)
            try:
                await self._restore_all()
            finally:
                await self._stop_load(loading)

    async def _load(self) -> None:
        if self._generator is None:
            await asyncio.Event().wait()
        else:
            await self._generator.run()

    async def _stop_load(self, loading: "asyncio.Task[None]") -> None:
        """What is under way may end, unless nobody waits for it any more."""
        this = asyncio.current_task()
        broken_off = self._generator is None or (this is not None and this.cancelling() > 0)
        if self._generator is not None:
            self._generator.stop()
        if broken_off:
            loading.cancel()
        await asyncio.gather(loading, return_exceptions=broken_off)
        self._evidence.load_until_s = self._now_s
        if self._generator is not None:
            self._evidence.generator_late_s = self._generator.lag_behind_s

    # faults

    async def _step_through(self) -> None:
        for step in steps_of(self._gameday.faults):
            await asyncio.sleep(max(0.0, step.at_s - self._now_s))
            await self._take(step)
        await asyncio.Event().wait()  # the others say when it is over

    async def _take(self, step: Step) -> None:
        fault = self._gameday.faults[step.number].fault
        if not step.begins:
            await fault.restore(self._operator)
            self._follow_conditions()
            self._ended(step.number)
            return
        at_s = self._now_s
        # It is told of before it is tried: one that is only half injected is to be mended too.
        window = FaultWindow(
            fault.keyword,
            fault.subject,
            fault.told(),
            at_s,
            fis_action=fault.fis_action,
            regions=tuple(name for name in self._evidence.regions if name == fault.subject),
        )
        self._windows[step.number] = window
        self._evidence.windows.append(window)
        await fault.inject(self._operator)
        self._follow_conditions()
        self._audience.fault(at_s, window, began=True)

    def _ended(self, number: int) -> None:
        window = self._windows.pop(number, None)
        if window is not None:
            window.until_s = self._now_s
            self._audience.fault(window.until_s, window, began=False)

    async def _restore_all(self) -> None:
        """What still lasts ends now. Raises ``TerrellaError`` if something could not be mended."""
        failed: list[str] = []
        for number in list(self._windows):
            fault = self._gameday.faults[number].fault
            try:
                await fault.restore(self._operator)
            except (OSError, TimeoutError, TerrellaError) as error:
                failed.append(f"{fault.told()} ({error or type(error).__name__})")
            self._ended(number)
        self._follow_conditions()
        if failed:
            raise TerrellaError(f"could not mend {'; '.join(failed)}; it ends by itself within {LEASE_S:.0f} s")

    def _follow_conditions(self) -> None:
        """What is broken on the clients' side is so from now on."""
        conditions, generator = self._operator.clients, self._generator
        if generator is None:
            return
        ttl = conditions.resolver_ttl
        said = ttl if ttl is None or isinstance(ttl, str) else f"{ttl * 1000:g}ms"
        generator.set_resolver(None if said is None else ResolverPlan.parse(said))
        for place, paths in generator.paths.items():
            for region in self._evidence.regions:
                link = conditions.links.get((place, region))
                if link is not None:
                    paths.set(region, link)
                else:
                    paths.heal(region)

    async def _renew(self) -> None:
        """Faults are on a lease: if this process dies, the world mends itself. So it does if this one is held up."""
        while True:
            await asyncio.sleep(_RENEW_S)
            with contextlib.suppress(OSError, TimeoutError, TerrellaError):
                for fault_id in await self._operator.renew_faults():
                    self._lapse(fault_id)

    def _lapse(self, fault_id: str) -> None:
        for number in list(self._windows):
            if self._gameday.faults[number].fault.told() == fault_id:
                self._ended(number)
                self.run.lapsed = fault_id

    # watching

    def _sampled(self, sample: Sample) -> None:
        """What was due before the run began is not judged; the times of the rest count from there."""
        zero_s = self._zero_of_load_s
        if zero_s is None or sample.intended_s < zero_s:
            self._before.append(sample)
            return
        sample = replace(sample, intended_s=sample.intended_s - zero_s, ended_s=sample.ended_s - zero_s)
        self._evidence.samples.append(sample)
        self._audience.sample(sample)

    def _looked(self, look: Look) -> None:
        self._evidence.looks.append(look)
        self._audience.look(look)

    async def _look_out(self) -> None:
        """Returns when a condition of ``abort`` holds, or a fault has not lasted, and says which."""
        while True:
            await asyncio.sleep(_ABORT_EVERY_S)
            if self.run.lapsed:
                why = f"ended before it was due, for its lease of {LEASE_S:.0f} s was not renewed in time"
                self.run.aborted = f"broken off after {self._now_s:.1f} s: {self.run.lapsed} {why}"
                return
            last = self._evidence.looks[-1] if self._evidence.looks else None
            for condition in self._gameday.aborts:
                if reason := condition.reason(self._now_s, self._evidence.samples, last):
                    self.run.aborted = f"broken off after {self._now_s:.1f} s: {reason}"
                    return

    # afterwards

    async def _settle(self, addresses: WorldAddresses) -> None:
        self._audience.phase("everything is restored; waiting until all replicas are equal")
        took_s, why = await settle(self._operator, self._clock, self._gameday.settle_s)
        self._evidence.unequal = why
        self._evidence.equal_after_s = None if why else took_s
        if self._generator is None:
            return
        writes = self._generator.writes
        self._audience.phase(f"reading {len(writes.acknowledged):,} acknowledged writes back from every region")
        self._evidence.writes = _checked(await check_writes(writes, addresses))


def _checked(check: WriteCheck) -> WritesChecked:
    missing: dict[str, list[str]] = {}
    for found in check.lost:
        missing.setdefault(found.region, []).append(found.write.token)
    unchecked = ""
    if check.unread:
        unchecked = f"{len(check.unread)} reads were not answered by {', '.join({one.region for one in check.unread})}"
    elif check.acknowledged and check.unchecked == check.acknowledged:
        unchecked = "no request says read_back"
    return WritesChecked(
        acknowledged=check.acknowledged,
        lost=tuple(dict.fromkeys(found.write.token for found in check.lost)),
        duplicated=tuple(dict.fromkeys(found.write.token for found in check.duplicated)),
        missing={region: tuple(tokens[:_TOKENS_SHOWN]) for region, tokens in missing.items()},
        unchecked=unchecked,
    )


def _host_of(status: dict[str, Any]) -> str:
    """The first name that the world's name servers answer for; empty if there is none."""
    names = status.get("front_door", {}).get("names") or [""]
    return str(names[0])
