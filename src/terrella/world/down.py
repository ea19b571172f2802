"""Stops a world from another process, however it was left."""

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from terrella.kernel import TerrellaError
from terrella.world.client import SUPERVISOR, ControlClient
from terrella.world.lock import Holder, WorldLock, holder
from terrella.world.processes import sweep_orphans

_PATIENCE_S = 15.0
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Stopped:
    """What there was to stop: a supervisor, and regions that it (or an earlier one) left behind."""

    supervisor: bool
    left_behind: list[str]


def stop_world(state_directory: Path) -> Stopped:
    """Ask the supervisor to stop everything; kill it if it does not; stop regions without a supervisor."""
    found = holder(state_directory)
    if found is not None and found.pid:
        asyncio.run(_stop_supervisor(found, state_directory))
    if not state_directory.is_dir():
        return Stopped(False, [])
    lock = WorldLock.acquire(state_directory)
    try:
        return Stopped(found is not None, sweep_orphans(state_directory))
    finally:
        lock.release()


async def _stop_supervisor(found: Holder, state_directory: Path) -> None:
    try:
        await ControlClient(SUPERVISOR, found.address, found.port).post("/_terrella/down", {}, 2.0)
    except TerrellaError:  # it hangs, or is just starting or stopping: a signal says the same
        _signal(found.pid, signal.SIGTERM)
    if not await _gone(state_directory):
        _signal(found.pid, signal.SIGKILL)
        await _gone(state_directory)


async def _gone(state_directory: Path) -> bool:
    try:
        async with asyncio.timeout(_PATIENCE_S):
            while holder(state_directory) is not None:  # noqa: ASYNC110 - another process's lock has no event
                await asyncio.sleep(_POLL_S)
    except TimeoutError:
        return False
    return True


def _signal(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
