"""One execution environment: a worker process, its Runtime API, and what it is doing.

```
STARTING --next--> IDLE --assign--> BUSY --answer--> SETTLING --next--> IDLE
any --the process ends, is killed, or its time is up--> DEAD
```
"""

import asyncio
import shutil
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import Enum, auto
from pathlib import Path

import msgspec

from terrella.kernel import Clock, Ids
from terrella.services.functions.configuration import Configuration
from terrella.services.functions.environment import Surroundings, worker_environment
from terrella.services.functions.invocation import (
    UNHANDLED,
    Invocation,
    InvocationResult,
    error_payload,
    exit_error,
    exit_reason,
    iso_time,
    response_too_large,
    timeout_message,
)
from terrella.services.functions.limits import INIT_TIMEOUT_S, LOG_TAIL_BYTES, RESPONSE_MAX_BYTES
from terrella.services.functions.logs import FunctionLog
from terrella.services.functions.process import WorkerProcess
from terrella.services.functions.report import LineSplitter, encode_tail, init_report, report
from terrella.services.functions.runtime_api import RuntimeApi
from terrella.services.functions.runtimes import Runtime

_HOST = "127.0.0.1"
_MEMORY_LOOK_S = 1.0


class State(Enum):
    """Where an execution environment is in its life; the module's docstring draws it."""

    STARTING = auto()
    IDLE = auto()
    BUSY = auto()
    SETTLING = auto()
    DEAD = auto()


TRANSITIONS: dict[State, frozenset[State]] = {
    State.STARTING: frozenset({State.IDLE, State.DEAD}),
    State.IDLE: frozenset({State.BUSY, State.DEAD}),
    State.BUSY: frozenset({State.SETTLING, State.DEAD}),
    State.SETTLING: frozenset({State.IDLE, State.DEAD}),
    State.DEAD: frozenset(),
}


@dataclass(frozen=True, slots=True)
class SandboxSetting:
    """What every sandbox of one deployment shares."""

    configuration: Configuration
    runtime: Runtime
    surroundings: Surroundings
    task_root: Path
    scratch_root: Path
    log: FunctionLog
    clock: Clock
    ids: Ids
    parent: int
    frozen: Collection[str] = ()
    """AZs whose workers are stopped where they are, now."""


class Sandbox:
    """Made STARTING; ``start`` launches it. ``on_free(self)``, ``on_dead(self, init_error)`` tell its pool.

    ``init_error`` is the error object that those who wait for this cold start are answered; None if it had become
    ready, or was killed from outside.
    """

    def __init__(
        self,
        setting: SandboxSetting,
        az: str,
        on_free: Callable[["Sandbox"], None],
        on_dead: Callable[["Sandbox", bytes | None], None],
        on_finished: Callable[["Sandbox", InvocationResult], None],
    ) -> None:
        self.az = az
        self.state = State.STARTING
        self.retiring = False
        self.idle_since = self.settled_at = 0.0
        self._setting = setting
        self._clock = setting.clock
        self._on_free = on_free
        self._on_dead = on_dead
        self._on_finished = on_finished
        self._api = RuntimeApi(self)
        self._process: WorkerProcess | None = None
        self._scratch = setting.scratch_root / setting.ids.token(12)
        self._lines = LineSplitter()
        self._invocation: Invocation | None = None
        self._assigned: asyncio.Future[Invocation] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._launched = setting.clock.monotonic()
        self._init_ms: float | None = None
        self._init_error: bytes | None = None
        self._burial: asyncio.Task[None] | None = None
        self._killed = False
        self._memory_mb = 0
        self._memory_looked = 0.0
        self.closed = asyncio.Event()

    def _enter(self, state: State) -> None:
        assert state in TRANSITIONS[self.state], f"{self.state} -> {state}"
        self.state = state

    # life

    async def start(self) -> None:
        """Launch the worker. What goes wrong is told by ``on_dead``."""
        try:
            address = await self._api.listen(_HOST)
            if self._killed:
                await self._bury(-9)
                return
            self._process = self._launch(address)
        except OSError as error:
            self._init_error = error_payload("Runtime.InvalidEntrypoint", f"the worker cannot be started: {error}")
            self._log(f"the worker cannot be started: {error}")
            await self._bury(1)
            return
        limit_s = INIT_TIMEOUT_S + self._setting.configuration.timeout_s
        self._timer = asyncio.get_running_loop().call_later(limit_s, self._init_took_too_long, limit_s)

    def _launch(self, address: str) -> WorkerProcess:
        setting = self._setting
        environment = worker_environment(
            setting.configuration,
            setting.surroundings,
            task_root=setting.task_root,
            scratch=self._scratch,
            runtime_api=address,
            log_stream=_log_stream(setting.clock.now_ms(), setting.ids.token(32)),
        )
        self._log(f"INIT_START Runtime Version: {setting.runtime.describe()}")
        self._scratch.mkdir(parents=True)
        command = setting.runtime.command(setting.parent)
        process = WorkerProcess(command, environment, setting.task_root, self._heard, self._exited)
        if self.az in setting.frozen:
            process.freeze()
        return process

    def kill(self) -> None:
        """End it now; an invocation under way fails."""
        self._killed = True
        if self._process is not None:
            self._process.kill()

    def freeze(self) -> None:
        """Stop it where it is, whatever it does."""
        if self._process is not None:
            self._process.freeze()

    def thaw(self) -> None:
        """Let it go on."""
        if self._process is not None:
            self._process.thaw()

    def retire(self) -> None:
        """End it as soon as it does nothing."""
        self.retiring = True
        if self.state is not State.BUSY:
            self.kill()

    @property
    def doomed(self) -> bool:
        """It takes no further invocation."""
        return self.retiring or self._killed or self.state is State.DEAD

    @property
    def free(self) -> bool:
        """An invocation may be assigned."""
        waits = self._assigned is not None and not self._assigned.done()
        return self.state is State.IDLE and waits and not self.doomed

    @property
    def pid(self) -> int | None:
        """The worker's process id, once it runs."""
        return None if self._process is None else self._process.pid

    def _init_took_too_long(self, limit_s: float) -> None:
        message = f"RequestId: {self._setting.ids.uuid()} Error: initialisation took longer than {limit_s:.0f} seconds"
        self._init_error = error_payload("Sandbox.Timedout", message)
        self._log(message)
        if self._process is not None:
            self._process.kill()

    def _exited(self, returncode: int) -> None:
        self._stop_timer()
        self._burial = asyncio.get_running_loop().create_task(self._bury(returncode), name=f"bury {self.az}")

    async def _bury(self, returncode: int) -> None:
        rest = self._lines.rest()
        if rest:
            self._log(rest)
        was = self.state
        self._enter(State.DEAD)
        if self._invocation is not None:
            invocation = self._invocation
            payload = exit_error(invocation.request_id, returncode)
            self._log(f"RequestId: {invocation.request_id} Error: {exit_reason(returncode)}")
            self._finish(payload, UNHANDLED, "error", "Runtime.ExitError")
        init_error = None
        if was is State.STARTING and not self._killed:
            error_type = _error_type(self._init_error) or "Runtime.ExitError"
            init_error = self._init_error or exit_error(self._setting.ids.uuid(), returncode)
            self._log(init_report(self._elapsed_ms(self._launched), error_type))
        if self._assigned is not None:
            self._assigned.cancel()
        self._on_dead(self, init_error)
        await self._api.close()
        shutil.rmtree(self._scratch, ignore_errors=True)
        self.closed.set()

    # work

    def assign(self, invocation: Invocation) -> None:
        """Give it, IDLE, an invocation."""
        self._enter(State.BUSY)
        assert self._assigned is not None
        invocation.started = self._clock.monotonic()
        self._invocation = invocation
        self._log(f"START RequestId: {invocation.request_id} Version: $LATEST")
        timeout_s = self._setting.configuration.timeout_s
        self._timer = asyncio.get_running_loop().call_later(timeout_s, self._took_too_long)
        self._assigned.set_result(invocation)

    def _took_too_long(self) -> None:
        assert self._invocation is not None
        assert self._process is not None
        timeout_s = self._setting.configuration.timeout_s
        message = timeout_message(self._invocation.request_id, self._clock.now_ms(), timeout_s)
        self._process.drain()
        self._log(message)
        self._finish(msgspec.json.encode({"errorMessage": message}), UNHANDLED, "timeout", "")
        self.kill()

    async def next_invocation(self) -> tuple[Invocation, int]:
        """The worker asks for work."""
        if self._init_ms is None:
            self._init_ms = self._elapsed_ms(self._launched)
            self._stop_timer()
        if self._invocation is not None:
            # It asks for more without having answered: nobody can tell any longer what it answers, so it has to go.
            self.kill()
        if self.state in (State.STARTING, State.SETTLING):
            self._enter(State.IDLE)
        self.idle_since = self._clock.monotonic()
        self._assigned = asyncio.get_running_loop().create_future()
        if self.doomed:
            self.kill()
        else:
            self._on_free(self)
        invocation = await self._assigned
        return invocation, self._clock.now_ms() + self._setting.configuration.timeout_s * 1000

    def answered(self, request_id: str, payload: bytes) -> bool:
        """The handler returned."""
        if self._invocation is None or self._invocation.request_id != request_id:
            return False
        if len(payload) > RESPONSE_MAX_BYTES:
            too_large = response_too_large(request_id, RESPONSE_MAX_BYTES)
            self._finish(too_large, UNHANDLED, "error", "Function.ResponseSizeTooLarge")
        else:
            self._finish(payload, None, "", "")
        return True

    def failed(self, request_id: str, payload: bytes) -> bool:
        """The handler raised."""
        if self._invocation is None or self._invocation.request_id != request_id:
            return False
        self._finish(payload, UNHANDLED, "error", _error_type(payload))
        return True

    def init_failed(self, payload: bytes, error_type: str) -> None:
        """The handler's module could not be loaded: the worker ends by itself now."""
        self._init_error = payload or error_payload(error_type or "Runtime.Unknown", "")

    def _finish(self, payload: bytes, function_error: str | None, status: str, error_type: str) -> None:
        invocation = self._invocation
        assert invocation is not None
        self._stop_timer()
        if self._process is not None and self._process.alive:
            self._process.drain()
            self._look_at_memory()
        rest = self._lines.rest()
        if rest:
            self._log(rest)
        duration_ms = self._elapsed_ms(invocation.started)
        self._log(f"END RequestId: {invocation.request_id}")
        memory_mb = self._setting.configuration.memory_mb
        init_ms, self._init_ms = self._init_ms, 0.0
        self._log(report(invocation.request_id, duration_ms, memory_mb, self._memory_mb, init_ms, status, error_type))
        tail = encode_tail(invocation.tail) if invocation.wants_log_tail else None
        self._invocation = None
        if self.state is State.BUSY:
            self._enter(State.SETTLING)
            self.settled_at = self._clock.monotonic()
        result = InvocationResult(200, payload, function_error, invocation.request_id, tail, self.az)
        if not invocation.future.done():
            invocation.future.set_result(result)
        self._on_finished(self, result)

    # odds and ends

    def _heard(self, data: bytes) -> None:
        for line in self._lines.feed(data):
            self._log(line)

    def _log(self, message: str) -> None:
        invocation = self._invocation
        self._setting.log.append(self.az, invocation.request_id if invocation else "", message)
        if invocation is not None and invocation.wants_log_tail:
            invocation.tail += message.encode() + b"\n"
            del invocation.tail[:-LOG_TAIL_BYTES]

    def _look_at_memory(self) -> None:
        now = self._clock.monotonic()
        if self._process is not None and now - self._memory_looked >= _MEMORY_LOOK_S:
            self._memory_looked = now
            self._memory_mb = self._process.peak_memory_mb()

    def _elapsed_ms(self, since: float) -> float:
        return (self._clock.monotonic() - since) * 1000

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


def _error_type(payload: bytes | None) -> str:
    if not payload:
        return ""
    try:
        decoded = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    return str(decoded.get("errorType", "")) if isinstance(decoded, dict) else ""


def _log_stream(now_ms: int, token: str) -> str:
    return f"{iso_time(now_ms)[:10].replace('-', '/')}/[$LATEST]{token}"
