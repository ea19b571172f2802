"""Keeps one region's process alive: starts it, starts it again when it crashes, holds it down when it was killed.

::

    STARTING ──exec──> RUNNING ──crash──> WAITING ──backoff──> RUNNING
                          │ kill             │ kill
                          └────> HELD_DOWN <─┘ ── restore ──> RUNNING        any ── stop ──> STOPPED
"""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from terrella.kernel import Clock
from terrella.world.processes import freeze, signal_group, thaw, write_record

BACKOFF_MIN_S = 0.2
BACKOFF_MAX_S = 5.0
_STABLE_S = 10.0
_LOG_BYTES_MAX = 10 * 1024 * 1024


class Phase(StrEnum):
    """What the keeper is doing."""

    STARTING = "starting"
    RUNNING = "running"
    WAITING = "waiting"
    HELD_DOWN = "held-down"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Launch:
    """How a region's process is started, and where it is remembered.

    ``again`` is the command that starts it as it was deployed last: after a crash and when it is restored.
    """

    command: Sequence[str]
    again: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    log: Path
    pid_file: Path


def backoff_s(crashes: int) -> float:
    """How long to wait after so many crashes in a row."""
    return min(BACKOFF_MAX_S, BACKOFF_MIN_S * 2.0 ** (crashes - 1))


def describe_exit(code: int) -> str:
    """An exit code in words."""
    return f"was killed by {signal.Signals(-code).name}" if code < 0 else f"exited with {code}"


class Keeper:
    """``on_phase`` is called after each change of phase; ``on_exit`` with the exit code of each process that ends."""

    def __init__(
        self,
        launch: Launch,
        clock: Clock,
        *,
        held_down: bool,
        paused: bool = False,
        on_phase: Callable[[], None],
        on_exit: Callable[[int], None],
    ) -> None:
        self._launch = launch
        self._clock = clock
        self._on_phase = on_phase
        self._on_exit = on_exit
        self._held_down = held_down
        self.paused = paused
        self._as_the_template_is = True
        self._stopping = False
        self._process: asyncio.subprocess.Process | None = None
        self._wake = asyncio.Event()
        self._gone = asyncio.Event()
        self._gone.set()
        self.phase = Phase.HELD_DOWN if held_down else Phase.STARTING
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """The process's id while it runs."""
        return self._process.pid if self._process is not None else None

    async def run(self) -> None:
        """Until ``stop`` is called."""
        crashes = 0
        while not self._stopping:
            if self._held_down:
                self._enter(Phase.HELD_DOWN)
                await self._wait(None)
                crashes = 0
                continue
            started_s = self._clock.monotonic()
            await self._live()
            if self._unwanted():
                continue
            crashes = 1 if self._clock.monotonic() - started_s > _STABLE_S else crashes + 1
            self.restarts += 1
            self._enter(Phase.WAITING)
            await self._wait(backoff_s(crashes))
        self._enter(Phase.STOPPED)

    async def kill(self) -> bool:
        """Kill the process and its workers at once, and hold the region down; False if it was held down already."""
        if self._held_down:
            return False
        self._held_down = True
        if self._process is not None:
            signal_group(self._process.pid, signal.SIGKILL)
        self._wake.set()
        await self._gone.wait()
        self._enter(Phase.HELD_DOWN)
        return True

    def pause(self) -> None:
        """Stop the process and its workers where they are, and any that is started meanwhile."""
        self.paused = True
        if self._process is not None:
            freeze(self._process.pid)
        self._on_phase()

    def resume(self) -> None:
        """Let them go on."""
        self.paused = False
        if self._process is not None:
            thaw(self._process.pid)
        self._on_phase()

    def start_as_the_template_is(self) -> None:
        """The next start takes the template as it is then; those after it are as it was deployed last again."""
        self._as_the_template_is = True

    def restore(self) -> bool:
        """Let the region live again; False if it was not held down."""
        if not self._held_down:
            return False
        self._held_down = False
        self._enter(Phase.STARTING)
        self._wake.set()
        return True

    async def stop(self, grace_s: float) -> None:
        """Ask the process to end, and kill it after ``grace_s``."""
        self._stopping = True
        self._wake.set()
        process = self._process
        if process is None:
            return
        try:
            process.send_signal(signal.SIGTERM)
            if self.paused:
                thaw(process.pid)
            async with asyncio.timeout(grace_s):
                await self._gone.wait()
        except ProcessLookupError:
            pass
        except TimeoutError:
            signal_group(process.pid, signal.SIGKILL)
        await self._gone.wait()

    def kill_now(self) -> None:
        """Cut a stop short."""
        if self._stopping and self._process is not None:
            signal_group(self._process.pid, signal.SIGKILL)

    def _unwanted(self) -> bool:
        return self._stopping or self._held_down

    async def _live(self) -> None:
        """One life of the process."""
        launch = self._launch
        self._gone.clear()
        try:
            process = await self._spawn()
            self._process = process
            write_record(launch.pid_file, process.pid)
            if self._unwanted():  # decided while it was being started
                signal_group(process.pid, signal.SIGKILL)
            elif self.paused:
                freeze(process.pid)
            self._enter(Phase.RUNNING)
            code = await process.wait()
            signal_group(process.pid, signal.SIGKILL)  # workers that outlived it
        finally:
            self._process = None
            launch.pid_file.unlink(missing_ok=True)
            self._gone.set()
        self._on_exit(code)

    async def _spawn(self) -> asyncio.subprocess.Process:
        launch = self._launch
        command = launch.command if self._as_the_template_is else launch.again
        self._as_the_template_is = False  # should the template be what it dies of, the next start goes without it
        launch.log.parent.mkdir(parents=True, exist_ok=True)
        if launch.log.exists() and launch.log.stat().st_size > _LOG_BYTES_MAX:
            launch.log.replace(launch.log.with_suffix(".log.1"))
        log = os.open(launch.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=launch.directory,
                env=dict(launch.environment),
                start_new_session=True,
            )
        finally:
            os.close(log)

    async def _wait(self, timeout_s: float | None) -> None:
        """Until woken by ``kill``, ``restore`` or ``stop``, or for as long."""
        self._wake.clear()
        try:
            async with asyncio.timeout(timeout_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _enter(self, phase: Phase) -> None:
        if phase is not self.phase:
            self.phase = phase
            self._on_phase()
