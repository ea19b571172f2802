"""What a game day breaks: one small file for each fault, read from an entry of the game day's file.

``FAULTS`` has every kind by its keyword; ``read_fault`` reads an entry of any kind. The regions and the supervisor do
what a fault says; nothing here reaches into them but by their control API.
"""

from collections.abc import Mapping

from terrella.gameday.faults.calls import ForbiddenCalls
from terrella.gameday.faults.clock import SkewedClock
from terrella.gameday.faults.cut import Cut
from terrella.gameday.faults.deploy import BadDeploy
from terrella.gameday.faults.disk import FullDisk
from terrella.gameday.faults.errors import Errors
from terrella.gameday.faults.fault import (
    ClientConditions,
    Entry,
    Fault,
    FaultError,
    FaultOperator,
    Order,
    matches,
)
from terrella.gameday.faults.health import FalseHealth
from terrella.gameday.faults.kill import Kill
from terrella.gameday.faults.loss import Loss
from terrella.gameday.faults.pause import Pause
from terrella.gameday.faults.replication import PausedReplication
from terrella.gameday.faults.resolver import Resolver
from terrella.gameday.faults.slow import Slow
from terrella.world import World

_KINDS: tuple[type[Fault], ...] = (
    Kill,
    Pause,
    Cut,
    Slow,
    Loss,
    FalseHealth,
    Errors,
    SkewedClock,
    FullDisk,
    PausedReplication,
    BadDeploy,
    Resolver,
    ForbiddenCalls,
)
FAULTS: Mapping[str, type[Fault]] = {kind.keyword: kind for kind in _KINDS}
"""Every kind of fault, by its keyword in a game day's file."""


def read_fault(entry: Entry, world: World) -> Fault:
    """The fault that an entry says. Raises ``FaultError`` if it says none, or more than one."""
    said = [keyword for keyword in FAULTS if keyword in entry]
    if len(said) != 1:
        found = " and ".join(said) or ", ".join(str(key) for key in entry) or "nothing"
        raise FaultError(found, f"one fault: {', '.join(FAULTS)}", said[-1] if said else "")
    return FAULTS[said[0]].parse(entry, world)


__all__ = [
    "FAULTS",
    "ClientConditions",
    "Entry",
    "Fault",
    "FaultError",
    "FaultOperator",
    "Order",
    "matches",
    "read_fault",
]
