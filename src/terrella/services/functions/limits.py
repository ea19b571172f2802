"""The numbers that shape pools and queues. AWS's own quotas are constants where they are judged."""

from dataclasses import dataclass

PAYLOAD_MAX_BYTES = 6 * 1024 * 1024
RESPONSE_MAX_BYTES = 6 * 1024 * 1024 + 100
EVENT_MAX_BYTES = 1024 * 1024
LOG_TAIL_BYTES = 4096
INIT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What a machine, not AWS, sets.

    ``workers_per_az_max``: of one function. ``queue_wait_s``: how long an invocation waits at that limit (or at the
    reserved concurrency) before it is throttled; ``queue_max``: how many may. ``wait_patience_s``: how long one waits
    for a busy worker before another one is started, or a quarter of what the latest cold start took if that is longer;
    ``start_patience_s``: how long after one start the next may come, twice as long for each start that is still under
    way. ``starts_per_core``: so many cold starts of all of a region's functions at a time, at least one; a function's
    first worker is not held up by it.
    ``idle_timeout_s``: when idle workers beyond an AZ's first are retired. ``spread_after``: how many invocations it
    takes until an AZ without a worker is given one. ``event_retry_delays_s``: before each retry of an asynchronous
    invocation (AWS: 60 s, 120 s); ``event_age_max_s``, ``events_max``: how old, and how many, events may be.
    """

    workers_per_az_max: int = 10
    queue_wait_s: float = 1.0
    queue_max: int = 1000
    wait_patience_s: float = 0.05
    start_patience_s: float = 0.15
    starts_per_core: float = 0.25
    idle_timeout_s: float = 60.0
    spread_after: int = 20
    event_retry_delays_s: tuple[float, ...] = (1.0, 2.0)
    event_age_max_s: float = 6 * 3600.0
    events_max: int = 10_000
