"""Which part of a region carries out which kind of fault."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from terrella.kernel import Ids
from terrella.region.faults.calls import ForbiddenCalls
from terrella.region.faults.clock import SkewedClock
from terrella.region.faults.dependencies import Dependencies
from terrella.region.faults.deploy import BadDeploy
from terrella.region.faults.disk import FullDisk
from terrella.region.faults.health import FalseHealth
from terrella.region.faults.model import Mechanism
from terrella.region.faults.replication import PausedReplication
from terrella.region.faults.zones import KilledWorker, KilledZones, PausedWorkers, PausedZones

if TYPE_CHECKING:
    from terrella.region.process import Region


def mechanisms_of(region: "Region", ids: Ids) -> Mapping[str, Mechanism]:
    """By kind; all parts of the region that they act on are there."""
    profile = region.configuration.profile
    return {
        "kill-az": KilledZones(region.functions),
        "pause-az": PausedZones(region.functions),
        "kill-worker": KilledWorker(region.functions),
        "pause-worker": PausedWorkers(region.functions),
        "errors": Dependencies(region.tables, region.functions, ids),
        "clock": SkewedClock(region.clock),
        "disk": FullDisk(region.journal),
        "replication": PausedReplication(region.replicator),
        "health": FalseHealth(region.checker, region.configuration.regions, profile, region.clock),
        "deploy": BadDeploy(region.functions, ids),
        "calls": ForbiddenCalls(region.endpoint),
    }
