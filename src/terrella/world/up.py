"""Brings a world up in this process and runs it until it is told to stop."""

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Protocol

import uvloop

from terrella.kernel import Clock, Ids, Profile, SystemClock, SystemIds, TerrellaError
from terrella.world.control_api import ControlApi
from terrella.world.events import Event, EventLog
from terrella.world.front_door import Traffic
from terrella.world.lock import Holder, WorldLock
from terrella.world.model import World
from terrella.world.ports import check_ports
from terrella.world.processes import sweep_orphans
from terrella.world.security import make_certificates
from terrella.world.supervisor import CommandFactory, Options, Supervisor

MakeTraffic = Callable[[World, Profile, EventLog, Clock, Ids], Awaitable[Traffic | None]]
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SWEPT_TIMEOUT_S = 5.0


class Reporter(Protocol):
    """Who is told how it goes."""

    def swept(self, regions: list[str]) -> None:
        """Regions that an earlier supervisor had left were stopped."""
        ...

    def starting(self, supervisor: Supervisor) -> None:
        """The regions are being started; ``supervisor.views`` shows how far they are."""
        ...

    def ready(self, status: dict[str, Any]) -> None:
        """Every region serves."""
        ...

    def event(self, event: Event) -> None:
        """Something happened while the world runs."""
        ...

    def stopping(self) -> None:
        """It was told to stop."""
        ...


def run_world(
    world: World,
    options: Options,
    reporter: Reporter,
    *,
    make_traffic: MakeTraffic | None = None,
    command: CommandFactory | None = None,
) -> None:
    """Run until SIGINT, SIGTERM, SIGHUP or the control API's ``down``. Raises ``TerrellaError`` if it cannot start.

    Regions that an earlier supervisor left behind are replaced: they are killed, which costs nothing that was
    acknowledged, and started anew.
    """
    lock = WorldLock.acquire(world.state_directory, world.name)
    try:
        swept = sweep_orphans(world.state_directory)
        if swept:
            reporter.swept(swept)
        if world.exposed:  # on loopback each region sees to its own while it starts, and the front door needs none
            make_certificates(world, SystemClock())
        _wait_for_ports(world, _SWEPT_TIMEOUT_S if swept else 0.0)
        uvloop.run(_run(world, options, reporter, lock, make_traffic, command))
    finally:
        lock.release()


async def _run(
    world: World,
    options: Options,
    reporter: Reporter,
    lock: WorldLock,
    make_traffic: MakeTraffic | None,
    command: CommandFactory | None,
) -> None:
    clock, ids = SystemClock(), SystemIds()
    events = EventLog(clock, world.state_directory / "logs" / "world.log")
    events.subscribe(reporter.event)
    profile = options.profile or world.profile
    traffic = await make_traffic(world, profile, events, clock, ids) if make_traffic is not None else None
    own = Holder(os.getpid(), world.front_door, world.ports.aws, signed=world.exposed)
    lock.write(own)
    supervisor = Supervisor(world, options, events, clock, ids, traffic=traffic, command=command)
    told = 0

    def interrupted() -> None:
        nonlocal told
        told += 1
        if told == 1:
            reporter.stopping()
            supervisor.stop()
        else:
            supervisor.kill_now()

    ready: list[asyncio.Task[None]] = []

    async def tell_ready() -> None:
        reporter.ready(await supervisor.status())

    def on_ready() -> None:
        lock.write(replace(own, ready=True))
        ready.append(asyncio.create_task(tell_ready()))

    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, interrupted)
    try:
        reporter.starting(supervisor)
        await supervisor.run(ControlApi(supervisor).handle, on_ready)
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
        for task in ready:
            task.cancel()
        events.close()


def _wait_for_ports(world: World, timeout_s: float) -> None:
    """A killed process counts as dead a moment before the kernel has closed what its threads had open."""
    deadline_s = SystemClock().monotonic() + timeout_s
    while True:
        try:
            return check_ports(world)
        except TerrellaError:
            if SystemClock().monotonic() >= deadline_s:
                raise
        time.sleep(0.02)
