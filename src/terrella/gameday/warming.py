"""The steady state: before anything is broken, the load rises to its rate, and must be answered."""

import asyncio
from collections import Counter, deque
from collections.abc import Sequence

from terrella.gameday.bounds import show_share
from terrella.gameday.evidence import failed_share
from terrella.gameday.load import LoadGenerator, Sample
from terrella.kernel import Clock, TerrellaError

RISE_S = 3.0
STEADY_S = 2.0
TIMEOUT_S = 120.0
REFUSED_S = 15.0
_SAID_NO = frozenset(range(400, 503)) - {408, 429}
_FIRST_SHARE = 0.1
_EVERY_S = 0.1
_SLOW_S = 2.0
_REASONS_SHOWN = 2
_EXPECTED = (
    "an application that answers before anything is broken (the same request under terrella up, and terrella logs, say"
    " why it does not; or is the rate too high for this machine?)"
)


def rate_share(since_s: float) -> float:
    """The share of the full rate, so many seconds after the load began: functions start, connections open."""
    return min(1.0, _FIRST_SHARE + (1 - _FIRST_SHARE) * since_s / RISE_S)


def unsteady(samples: Sequence[Sample], now_s: float, rate_per_s: float) -> str:
    """Why the last ``STEADY_S`` seconds were not steady; empty if they were: all answered, at the pace asked for."""
    recent = [sample for sample in samples if sample.ended_s >= now_s - STEADY_S]
    if len(recent) < 0.5 * rate_per_s * STEADY_S:
        return f"{len(recent)} requests ended in {STEADY_S:g} s, of {rate_per_s * STEADY_S:g} that were due"
    failed = [sample for sample in recent if not sample.ok]
    if failed:
        reasons = Counter(f"{one.kind}: {one.error or f'status {one.status}'}" for one in failed)
        why = ", ".join(reason for reason, _ in reasons.most_common(_REASONS_SHOWN))
        return f"{show_share(1 - failed_share(recent))} of requests were answered ({why})"
    slow = sum(sample.latency_s > _SLOW_S for sample in recent)
    return f"{slow} of {len(recent)} requests took more than {_SLOW_S:g} s" if slow else ""


def refused(samples: Sequence[Sample]) -> bool:
    """Whether the application says no to everything, and not for want of time: then to wait is in vain."""
    return bool(samples) and all(sample.status in _SAID_NO and not sample.ok for sample in samples)


async def warm_up(
    generator: LoadGenerator, samples: deque[Sample], loading: "asyncio.Task[None]", clock: Clock
) -> None:
    """Let the load rise and wait until it is steady; ``samples`` are those that have ended.

    Raises ``TerrellaError`` if it does not become so: whatever was broken then would prove nothing.
    """
    full_per_s, started_s = generator.plan.rate_per_s, clock.monotonic()
    while True:
        since_s = clock.monotonic() - started_s
        generator.rate_per_s = full_per_s * rate_share(since_s)
        if loading.done():
            loading.result()
        why = unsteady(samples, generator.now_s, full_per_s) if since_s >= RISE_S + STEADY_S else "it rises"
        if not why:
            generator.rate_per_s = full_per_s
            generator.lag_behind_s = 0.0
            return
        if since_s > TIMEOUT_S or (since_s > REFUSED_S and refused(samples)):
            raise TerrellaError(f"found no steady state under the load: {why}; expected {_EXPECTED}")
        while samples and samples[0].ended_s < generator.now_s - 2 * STEADY_S:
            samples.popleft()
        await asyncio.sleep(_EVERY_S)
