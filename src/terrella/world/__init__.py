"""world.yaml, the links, the supervisor and the front door: what makes regions a world.

``load_world`` reads a world, ``run_world`` runs it in this process; ``holder`` and ``ControlClient`` are for whoever
speaks to one that runs. ``Traffic`` is the seam through which the front door gets its edge and DNS.

What runs a world loads when it is first asked for: every command comes through this door, and most of them only ask.
"""

from typing import TYPE_CHECKING

from terrella.kernel import later
from terrella.world.addresses import Base, claim_base
from terrella.world.certificates import DevelopmentAuthority
from terrella.world.client import SUPERVISOR, ControlClient, UnansweredError
from terrella.world.document import Document, Entry, MistakesError, did_you_mean, either, show
from terrella.world.down import Stopped, stop_world
from terrella.world.events import Event, EventLog, Mood
from terrella.world.front_door import NameServer, Traffic
from terrella.world.hosts import HostsClient
from terrella.world.loader import find_world, load_world
from terrella.world.lock import Holder, WorldLock, holder
from terrella.world.model import World
from terrella.world.processes import region_records, sweep_orphans
from terrella.world.security import make_certificates, require_certificates
from terrella.world.units import (
    BANDWIDTH,
    DURATION,
    SHARE,
    bandwidth_bytes_per_s,
    duration_ms,
    share,
    show_bandwidth,
    show_duration,
)

if TYPE_CHECKING:
    from terrella.world.supervisor import Options, Supervisor, region_command
    from terrella.world.traffic import FrontTraffic, front_traffic
    from terrella.world.up import MakeTraffic, Reporter, run_world
else:
    __getattr__ = later(
        __name__,
        {
            "FrontTraffic": "traffic",
            "MakeTraffic": "up",
            "Options": "supervisor",
            "Reporter": "up",
            "Supervisor": "supervisor",
            "front_traffic": "traffic",
            "region_command": "supervisor",
            "run_world": "up",
        },
    )


__all__ = [
    "BANDWIDTH",
    "DURATION",
    "SHARE",
    "SUPERVISOR",
    "Base",
    "ControlClient",
    "DevelopmentAuthority",
    "Document",
    "Entry",
    "Event",
    "EventLog",
    "FrontTraffic",
    "Holder",
    "HostsClient",
    "MakeTraffic",
    "MistakesError",
    "Mood",
    "NameServer",
    "Options",
    "Reporter",
    "Stopped",
    "Supervisor",
    "Traffic",
    "UnansweredError",
    "World",
    "WorldLock",
    "bandwidth_bytes_per_s",
    "claim_base",
    "did_you_mean",
    "duration_ms",
    "either",
    "find_world",
    "front_traffic",
    "holder",
    "load_world",
    "make_certificates",
    "region_command",
    "region_records",
    "require_certificates",
    "run_world",
    "share",
    "show",
    "show_bandwidth",
    "show_duration",
    "stop_world",
    "sweep_orphans",
]
