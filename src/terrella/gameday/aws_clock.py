"""What Route 53 would have taken: the health check's interval times its threshold, and then the record's TTL.

The figures are the template's own (``RequestInterval``, ``FailureThreshold``, ``TTL``; 60 s for an alias), unscaled by
any profile. (Amazon Route 53 Developer Guide: "How Amazon Route 53 determines whether a health check is healthy".)
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from terrella.gameday.bounds import show_seconds


@dataclass(frozen=True, slots=True)
class AwsClock:
    """The slowest of the template's health checks, and the longest TTL of its records (None: there is none)."""

    interval_s: float | None = None
    threshold: int | None = None
    ttl_s: float | None = None

    @classmethod
    def of_status(cls, status: Mapping[str, Any]) -> "AwsClock":
        """From what the regions say of themselves."""
        checks = [
            check
            for region in status.get("regions", [])
            for check in region.get("health", {}).values()
            if check.get("interval_s") is not None
        ]
        ttls = [ttl for region in status.get("regions", []) for ttl in region.get("ttls_s", {}).values()]
        slowest = max(checks, key=lambda check: check["interval_s"] * check["threshold"], default=None)
        return cls(
            interval_s=slowest["interval_s"] if slowest else None,
            threshold=slowest["threshold"] if slowest else None,
            ttl_s=max(ttls, default=None),
        )

    @property
    def detection_s(self) -> float | None:
        """Until the health check fails."""
        return None if self.interval_s is None or self.threshold is None else self.interval_s * self.threshold

    @property
    def failover_s(self) -> float | None:
        """Until the last resolver that honours the TTL has asked again; None: nothing leads clients away."""
        return None if self.detection_s is None else self.detection_s + (self.ttl_s or 0.0)

    def told(self) -> str:
        """The sum, for people."""
        if self.failover_s is None:
            if self.ttl_s is None:
                return "AWS: no record leads clients anywhere else, so they stay"
            return "AWS: no health check guards the record, so clients stay"
        sum_of = f"{self.interval_s:g} s \u00d7 {self.threshold} + TTL {self.ttl_s or 0:g} s"
        return f"AWS: up to {sum_of} = {show_seconds(self.failover_s)}"
