"""What may be expected of a game day, one small file each. ``EXPECTATIONS`` lists them in the order of the verdict."""

from collections.abc import Mapping

from terrella.gameday.expectations.at_risk import AtRisk, RecoveryPoint
from terrella.gameday.expectations.availability import Availability
from terrella.gameday.expectations.base import Expectation, Known
from terrella.gameday.expectations.conflicts import Conflicts
from terrella.gameday.expectations.converged import Converged, converged_s
from terrella.gameday.expectations.cross_region_calls import CrossRegionCalls
from terrella.gameday.expectations.failover import Failover, FailoverExpectation, failovers
from terrella.gameday.expectations.latency import Latency
from terrella.gameday.expectations.readmitted import Readmitted
from terrella.gameday.expectations.replicas import judge_replicas
from terrella.gameday.expectations.stale_reads import StaleReads
from terrella.gameday.expectations.traffic import Traffic
from terrella.gameday.expectations.writes import DuplicatedWrites, LostWrites

_KINDS: tuple[type[Expectation], ...] = (
    Availability,
    Latency,
    FailoverExpectation,
    Readmitted,
    Traffic,
    LostWrites,
    DuplicatedWrites,
    StaleReads,
    AtRisk,
    RecoveryPoint,
    Converged,
    Conflicts,
    CrossRegionCalls,
)

EXPECTATIONS: Mapping[str, type[Expectation]] = {kind.keyword: kind for kind in _KINDS}

__all__ = [
    "EXPECTATIONS",
    "Expectation",
    "Failover",
    "Known",
    "converged_s",
    "failovers",
    "judge_replicas",
]
