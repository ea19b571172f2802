"""Asynchronous invocations: accepted at once, run later, tried again when they fail.

They are held in memory: those not done when the region ends are lost. How many that are is in the status.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Protocol

from terrella.kernel import AwsError, Clock
from terrella.services.functions.invocation import InvocationResult
from terrella.services.functions.limits import Limits

_BACKOFF_MAX_S = 300.0


class Run(Protocol):
    """Runs an event once, under the request id that all of its tries share."""

    def __call__(self) -> Awaitable[InvocationResult]:
        """Raises ``AwsError`` if it could not be run."""
        ...


class EventQueue:
    """Runs accepted events. ``tell`` writes a line to a function's log."""

    def __init__(self, limits: Limits, clock: Clock, tell: Callable[[str, str, str], None]) -> None:
        self._limits = limits
        self._clock = clock
        self._tell = tell
        self._tasks: set[asyncio.Task[None]] = set()
        self.pending: Counter[str] = Counter()
        self.discarded: Counter[str] = Counter()

    def submit(self, function: str, request_id: str, run: Run) -> None:
        """Accept an event; raises ``AwsError`` TooManyRequestsException if too many are waiting."""
        if self.pending.total() >= self._limits.events_max:
            raise AwsError(
                "TooManyRequestsException",
                f"{self._limits.events_max} asynchronous invocations are waiting",
                429,
                {"Reason": "CallerRateLimitExceeded"},
            )
        self.pending[function] += 1
        task = asyncio.get_running_loop().create_task(self._work(function, request_id, run))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, function: str, request_id: str, run: Run) -> None:
        why = "the region is shutting down"
        done = False
        try:
            why = await self._try(run)
            done = not why
        finally:
            self.pending[function] -= 1
            if not done:
                self.discarded[function] += 1
                self._tell(function, request_id, f"the event {request_id} is discarded: {why}")

    async def _try(self, run: Run) -> str:
        """Empty once it succeeded, else why it was given up."""
        accepted = self._clock.monotonic()
        failures, refusals = 0, 0
        while True:
            try:
                result = await run()
            except AwsError as error:
                if error.status not in (429, 500, 503):
                    return error.message
                # Throttles and the service's own failures are no tries: they are waited out, for hours if need be.
                delay_s = min(2.0**refusals, _BACKOFF_MAX_S)
                refusals += 1
                if self._clock.monotonic() - accepted + delay_s > self._limits.event_age_max_s:
                    return f"it is too old ({error.message})"
            else:
                if result.function_error is None:
                    return ""
                if failures >= len(self._limits.event_retry_delays_s):
                    return f"it failed {failures + 1} times"
                delay_s = self._limits.event_retry_delays_s[failures]
                failures += 1
            await asyncio.sleep(delay_s)

    async def close(self) -> None:
        """Give up everything that is not done."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
