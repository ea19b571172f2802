"""What each route has answered: counts by status, and how long it took."""

import math
from dataclasses import dataclass, field

_FLOOR_MS = 0.05
_STEP = math.log(1.25)
_BUCKETS = 72  # up to about 8 minutes


@dataclass(slots=True)
class Access:
    """Counts of one route. Percentiles are read from buckets that grow by a quarter, so they are that exact."""

    statuses: dict[int, int] = field(default_factory=dict)
    last_error: str = ""
    max_ms: float = 0.0
    _buckets: list[int] = field(default_factory=lambda: [0] * _BUCKETS)

    def count(self, status: int, seconds: float) -> None:
        """One request was answered."""
        self.statuses[status] = self.statuses.get(status, 0) + 1
        milliseconds = seconds * 1000
        self.max_ms = max(self.max_ms, milliseconds)
        bucket = int(math.log(milliseconds / _FLOOR_MS) / _STEP) + 1 if milliseconds > _FLOOR_MS else 0
        self._buckets[min(bucket, _BUCKETS - 1)] += 1

    @property
    def requests(self) -> int:
        """How many requests were answered."""
        return sum(self.statuses.values())

    def percentile_ms(self, fraction: float) -> float | None:
        """The time within which this share of requests was answered; None before the first."""
        total = self.requests
        if not total:
            return None
        rest = math.ceil(total * fraction)
        for bucket, count in enumerate(self._buckets):
            rest -= count
            if rest <= 0:
                return round(min(_FLOOR_MS * math.exp(bucket * _STEP), max(self.max_ms, _FLOOR_MS)), 3)
        return round(self.max_ms, 3)


@dataclass(frozen=True, slots=True)
class RouteStatus:
    """One route of one stage: what it answered. ``target`` is the function's ARN, or ``mock``."""

    stage: str
    route: str
    target: str
    requests: int
    statuses: dict[int, int]
    p50_ms: float | None
    p99_ms: float | None
    max_ms: float
    last_error: str


@dataclass(frozen=True, slots=True)
class ApiStatus:
    """One API: its kind (``REST`` or ``HTTP``), where it is reached, and its routes."""

    api_id: str
    name: str
    kind: str
    host: str
    stages: list[str]
    routes: list[RouteStatus]


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """The whole gateway.

    ``gate`` is the reason why it is closed, None while it is open; ``domains`` maps a custom domain's base paths to
    ``API/stage``; ``unrouted`` counts the answers, by status, to requests that reached no route.
    """

    gate: str | None
    apis: list[ApiStatus]
    domains: dict[str, dict[str, str]]
    unrouted: dict[int, int]
