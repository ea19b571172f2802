"""Calls that leave the region: each one is a dependency on another region, and is counted and named."""

from dataclasses import dataclass

from terrella.kernel import Clock

_KINDS_MAX = 200


@dataclass(frozen=True, slots=True)
class CallKind:
    """Who called what, where."""

    caller: str
    to_region: str
    service: str
    operation: str


@dataclass(slots=True)
class CallCount:
    """How often, how often in vain, and when last (milliseconds since 1970)."""

    count: int = 0
    failed: int = 0
    last_ms: int = 0


class CrossRegionCalls:
    """Counts by kind. Kinds beyond ``_KINDS_MAX`` are counted together, so that memory is bounded."""

    def __init__(self, region: str, clock: Clock) -> None:
        self._region = region
        self._clock = clock
        self._counts: dict[CallKind, CallCount] = {}

    def record(self, kind: CallKind, failed: bool) -> bool:
        """Count one call; True if it is the first of its kind."""
        if kind not in self._counts and len(self._counts) >= _KINDS_MAX:
            kind = CallKind("(others)", "(any)", "(any)", "(any)")
        first = kind not in self._counts
        count = self._counts.setdefault(kind, CallCount())
        count.count += 1
        count.failed += failed
        count.last_ms = self._clock.now_ms()
        return first

    def report(self) -> list[dict[str, object]]:
        """One entry a kind, in the order in which they first came."""
        return [
            {
                "function": kind.caller,
                "from": self._region,
                "to": kind.to_region,
                "service": kind.service,
                "operation": kind.operation,
                "count": count.count,
                "failed": count.failed,
                "last_ms": count.last_ms,
            }
            for kind, count in self._counts.items()
        ]
