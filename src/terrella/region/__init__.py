"""One region: wires the services together through their ports and serves them.

What brings all of ``traffic`` with it loads when it is first asked for: every command comes through this door, and most
of them only ask a world that runs.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from terrella.kernel import later
from terrella.region.access import CONTROL_SERVICE, Access
from terrella.region.admission import Admission, PeerView
from terrella.region.bulletin import BulletinBoard, BulletinReader
from terrella.region.configuration import (
    ACCOUNT,
    FRONT_DOOR,
    HTTP,
    MONITOR,
    LaneSettings,
    Ports,
    RegionConfiguration,
    RegionSettings,
    Security,
)
from terrella.region.faults import MOMENTARY_FAULTS, FaultOrder, check_fault
from terrella.region.metrics import CONTENT_TYPE as METRICS_CONTENT_TYPE
from terrella.region.metrics import METRICS, METRICS_PATH, Sample, render_metrics

if TYPE_CHECKING:
    from terrella.region.desk import TrafficDesk, contribution_of
else:
    __getattr__ = later(__name__, {"TrafficDesk": "desk", "contribution_of": "desk"})


__all__ = [
    "ACCOUNT",
    "CONTROL_SERVICE",
    "FRONT_DOOR",
    "HTTP",
    "METRICS",
    "METRICS_CONTENT_TYPE",
    "METRICS_PATH",
    "MOMENTARY_FAULTS",
    "MONITOR",
    "Access",
    "Admission",
    "BulletinBoard",
    "BulletinReader",
    "FaultOrder",
    "LaneSettings",
    "PeerView",
    "Ports",
    "RegionConfiguration",
    "RegionSettings",
    "Sample",
    "Security",
    "TrafficDesk",
    "check_fault",
    "contribution_of",
    "render_metrics",
    "run_region",
]


async def run_region(
    configuration: RegionConfiguration, on_ready: Callable[[], None] = lambda: None, *, resume: bool = False
) -> None:
    """Run until SIGTERM, SIGINT or a fatal error of the store (which is raised).

    With ``resume``, what was deployed last stays deployed, whatever the template says now.
    """
    from terrella.region.process import run_until_stopped  # the supervisor uses this door too, and needs no services

    await run_until_stopped(configuration, on_ready, resume=resume)
