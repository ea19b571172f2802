"""The workers of one deployment of a function: a pool in each AZ, and one queue before all of them."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from terrella.kernel import AwsError, Clock
from terrella.services.functions.invocation import UNHANDLED, Invocation, InvocationResult
from terrella.services.functions.limits import Limits
from terrella.services.functions.sandbox import Sandbox, SandboxSetting, State
from terrella.services.functions.scheduling import AzLoad, ColdStarts, Growth, emptiest, growth


@dataclass(slots=True)
class AzCounters:
    """What happened in one AZ since the region started."""

    invocations: int = 0
    errors: int = 0
    cold_starts: int = 0


@dataclass(slots=True)
class Counters:
    """What happened to one function since the region started; kept over its deployments."""

    by_az: dict[str, AzCounters]
    throttles: int = 0


@dataclass(slots=True)
class _Az:
    name: str
    counters: AzCounters
    sandboxes: list[Sandbox] = field(default_factory=list)

    def load(self, up: bool, settled_after: float) -> AzLoad:
        idle = busy = starting = settling = 0
        for sandbox in self.sandboxes:
            if sandbox.free:
                idle += 1
            elif sandbox.doomed:
                continue
            elif sandbox.state is State.STARTING:
                starting += 1
            elif sandbox.state is State.BUSY:
                busy += 1
            elif sandbox.state is State.SETTLING and sandbox.settled_at > settled_after:
                settling += 1
        return AzLoad(up, len(self.sandboxes), idle, busy, starting, settling)


class Pools:
    """Runs one deployment's invocations; ``reserved`` is the function's reserved concurrency.

    ``cold_starts`` is shared by all pools of a region.
    """

    def __init__(
        self,
        setting: SandboxSetting,
        azs: Sequence[str],
        down: set[str],
        reserved: int | None,
        limits: Limits,
        counters: Counters,
        cold_starts: ColdStarts,
        forget: Callable[["Pools"], None],
    ) -> None:
        self.setting = setting
        self.reserved = reserved
        self._clock: Clock = setting.clock
        self._limits = limits
        self._down = down
        self._azs = [_Az(name, counters.by_az.setdefault(name, AzCounters())) for name in azs]
        self._counters = counters
        self._cold_starts = cold_starts
        self._starting: dict[Sandbox, float] = {}
        self._forget = forget
        self._waiting: deque[Invocation] = deque()
        self._turn = 0
        self._warm_streak = 0
        self._last_start = float("-inf")
        self._grow_timer: asyncio.TimerHandle | None = None
        self._idle_timer: asyncio.TimerHandle | None = None
        self._launches: set[asyncio.Task[None]] = set()
        self._retired = False

    # invocations

    def submit(self, invocation: Invocation) -> None:
        """Run it as soon as there is a worker; its future gets the result, or an ``AwsError``."""
        self._drop_gone()
        if not self._waiting and not self._at_reserved():
            sandbox = self._free_sandbox()
            if sandbox is not None:
                self._assign(sandbox, invocation)
                return
        if self.reserved == 0:
            self._throttle(invocation)
        elif all(az.name in self._down for az in self._azs):
            region = self.setting.surroundings.region
            _fail(invocation, AwsError("ServiceException", f"every availability zone of {region} is down", 500))
        elif len(self._waiting) >= self._limits.queue_max:
            self._throttle(invocation)
        else:
            invocation.waiting_since = self._clock.monotonic()
            self._waiting.append(invocation)
            self._grow()

    def _at_reserved(self) -> bool:
        """There may be more workers than are allowed to work at a time: the reserved concurrency was lowered."""
        if self.reserved is None:
            return False
        return sum(sandbox.state is State.BUSY for az in self._azs for sandbox in az.sandboxes) >= self.reserved

    def _free_sandbox(self) -> Sandbox | None:
        """In turn over the AZs; in an AZ the oldest one first, so that surplus ones stay idle and are retired."""
        count = len(self._azs)
        for step in range(count):
            az = self._azs[(self._turn + step) % count]
            if az.name not in self._down:
                for sandbox in az.sandboxes:
                    if sandbox.free:
                        self._turn = (self._turn + step + 1) % count
                        return sandbox
        return None

    def _assign(self, sandbox: Sandbox, invocation: Invocation) -> None:
        self._az(sandbox).counters.invocations += 1
        sandbox.assign(invocation)
        self._spread()

    def _az(self, sandbox: Sandbox) -> _Az:
        return next(az for az in self._azs if az.name == sandbox.az)

    def _throttle(self, invocation: Invocation) -> None:
        self._counters.throttles += 1
        reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
        if self.reserved is None:
            reason = "ConcurrentInvocationLimitExceeded"
        _fail(invocation, AwsError("TooManyRequestsException", "Rate Exceeded.", 429, {"Reason": reason}))

    # growth

    def _loads(self) -> list[AzLoad]:
        fresh = self._clock.monotonic() - self._limits.start_patience_s
        return [az.load(az.name not in self._down, fresh) for az in self._azs]

    def _workers_max(self) -> int:
        everything = self._limits.workers_per_az_max * len(self._azs)
        return everything if self.reserved is None else min(self.reserved, everything)

    def _drop_gone(self) -> None:
        """Nobody waits any more for the first ones of the queue: their callers have gone.

        On AWS they would have run at once. Here, to work through what nobody waits for would let whoever comes after it
        wait too long as well: a region that was overloaded for a moment would answer nobody from then on.
        """
        while self._waiting and self._waiting[0].future.done():
            self._waiting.popleft()

    def _grow(self) -> None:
        """Look after those that wait: start a worker, throttle who waited too long, look again soon."""
        if self._grow_timer is not None:
            self._grow_timer.cancel()
            self._grow_timer = None
        self._drop_gone()
        if not self._waiting or self._retired:
            return
        loads = self._loads()
        now = self._clock.monotonic()
        limits = self._limits
        # Where cold starts take long, the cores are busy: with each one under way, the next waits twice as long.
        patience_s = limits.start_patience_s * 2 ** sum(load.starting for load in loads)
        wish = growth(
            loads,
            len(self._waiting),
            self._workers_max(),
            limits.workers_per_az_max,
            patient=now - self._last_start < patience_s,
            brief=now - self._waiting[0].waiting_since < self._cold_starts.patience_s(limits.wait_patience_s),
            crowded=self._cold_starts.crowded,
        )
        if wish is Growth.START:
            index = emptiest(loads, limits.workers_per_az_max)
            assert index is not None
            self._start(self._azs[index])
        elif wish is Growth.FULL and not any(load.starting for load in loads):
            while self._waiting and now - self._waiting[0].waiting_since >= limits.queue_wait_s:
                self._throttle(self._waiting.popleft())
        if self._waiting:
            self._grow_timer = asyncio.get_running_loop().call_later(limits.wait_patience_s, self._grow)

    def _start(self, az: _Az) -> None:
        self._last_start = self._clock.monotonic()
        self._warm_streak = 0
        az.counters.cold_starts += 1
        sandbox = Sandbox(self.setting, az.name, self._freed, self._died, self._finished)
        az.sandboxes.append(sandbox)
        if az.name not in self.setting.frozen:  # there it takes as long as that lasts, and no core
            self._starting[sandbox] = self._last_start
            self._cold_starts.begin()
        task = asyncio.get_running_loop().create_task(sandbox.start(), name=f"start {az.name}")
        self._launches.add(task)
        task.add_done_callback(self._launches.discard)

    def _spread(self) -> None:
        """A function that is used keeps a worker in every AZ, so that the loss of one is not felt as a cold start."""
        self._warm_streak += 1
        if self._warm_streak >= self._limits.spread_after:
            self._warm_streak = 0
            loads = self._loads()
            if sum(load.live for load in loads) < self._workers_max() and not self._cold_starts.crowded:
                for az, load in zip(self._azs, loads, strict=True):
                    if load.up and load.live == 0:
                        self._start(az)
                        return

    def _retire_idle(self) -> None:
        self._idle_timer = None
        longest = self._clock.monotonic() - self._limits.idle_timeout_s
        for az in self._azs:
            for sandbox in az.sandboxes[1:]:
                if sandbox.free and sandbox.idle_since <= longest:
                    sandbox.retire()
        self._watch_idle()

    def _watch_idle(self) -> None:
        surplus = any(len(az.sandboxes) > 1 for az in self._azs)
        if surplus and self._idle_timer is None and not self._retired:
            delay_s = self._limits.idle_timeout_s / 4
            self._idle_timer = asyncio.get_running_loop().call_later(delay_s, self._retire_idle)

    # what sandboxes tell

    def _freed(self, sandbox: Sandbox) -> None:
        begun = self._starting.pop(sandbox, None)
        if begun is not None:
            self._cold_starts.end(self._clock.monotonic() - begun)
        self._drop_gone()
        if self._retired:
            sandbox.retire()
        elif self._waiting and sandbox.az not in self._down and not self._at_reserved():
            self._assign(sandbox, self._waiting.popleft())
            self._grow()
        else:
            self._watch_idle()

    def _finished(self, sandbox: Sandbox, result: InvocationResult) -> None:
        if result.function_error is not None:
            self._az(sandbox).counters.errors += 1

    def _died(self, sandbox: Sandbox, init_error: bytes | None) -> None:
        self._az(sandbox).sandboxes.remove(sandbox)
        if self._starting.pop(sandbox, None) is not None:
            self._cold_starts.end(None)
        if init_error is not None and self._waiting:
            # Every worker runs the same code: if none got through, nobody who waits will be served by trying again.
            hopeless = not any(load.serving for load in self._loads())
            for _ in range(len(self._waiting) if hopeless else 1):
                invocation = self._waiting.popleft()
                counters = self._az(sandbox).counters
                counters.invocations += 1
                counters.errors += 1
                result = InvocationResult(200, init_error, UNHANDLED, invocation.request_id, None, sandbox.az)
                if not invocation.future.done():
                    invocation.future.set_result(result)
        self._grow()
        if self._retired and self.live == 0:
            self._forget(self)

    # control

    @property
    def live(self) -> int:
        """How many workers there are, starting and dying ones included."""
        return sum(len(az.sandboxes) for az in self._azs)

    @property
    def waiting(self) -> int:
        """How many invocations wait for a worker."""
        return len(self._waiting)

    def sandboxes(self, az: str | None = None) -> list[Sandbox]:
        """Every worker, or those of one AZ."""
        return [sandbox for pool in self._azs if az in (None, pool.name) for sandbox in pool.sandboxes]

    def kill(self, az: str) -> int:
        """SIGKILL an AZ's workers; answers how many."""
        victims = [sandbox for sandbox in self.sandboxes(az) if not sandbox.doomed or sandbox.state is State.BUSY]
        for sandbox in victims:
            sandbox.kill()
        return len(victims)

    def frozen(self, az: str) -> None:
        """An AZ's workers were stopped where they are: those that were starting take no core from the others now."""
        for sandbox in [each for each in self._starting if each.az == az]:
            del self._starting[sandbox]
            self._cold_starts.end(None)

    def look_again(self) -> None:
        """An AZ went down or came back, or the reserved concurrency changed."""
        if all(az.name in self._down for az in self._azs):
            waiting, self._waiting = self._waiting, deque()
            for invocation in waiting:
                self.submit(invocation)
        self._drop_gone()
        while self._waiting and not self._at_reserved():
            sandbox = self._free_sandbox()
            if sandbox is None:
                break
            self._assign(sandbox, self._waiting.popleft())
            self._drop_gone()
        self._grow()

    def retire(self) -> list[Invocation]:
        """A newer deployment takes over: who works finishes, then ends. Answers those that still wait."""
        self._retired = True
        waiting, self._waiting = list(self._waiting), deque()
        for timer in (self._grow_timer, self._idle_timer):
            if timer is not None:
                timer.cancel()
        for sandbox in self.sandboxes():
            sandbox.retire()
        if self.live == 0:
            self._forget(self)
        return waiting

    async def close(self) -> None:
        """End everything now; what was under way fails."""
        for invocation in self.retire():
            _fail(invocation, AwsError("ServiceException", "the region is shutting down", 500))
        sandboxes = self.sandboxes()
        for sandbox in sandboxes:
            sandbox.kill()
        for sandbox in sandboxes:
            await sandbox.closed.wait()

    def workers(self, az: str) -> tuple[int, int, int, int]:
        """Workers of an AZ: all, warm and idle, busy, starting."""
        states = [sandbox.state for sandbox in self.sandboxes(az)]
        idle = states.count(State.IDLE) + states.count(State.SETTLING)
        return len(states), idle, states.count(State.BUSY), states.count(State.STARTING)


def _fail(invocation: Invocation, error: AwsError) -> None:
    if not invocation.future.done():
        invocation.future.set_exception(error)
