"""Clocks that jump, seeded ids, simulated worlds, conformance suites, the pytest plugin. No production room imports it.

What is here loads when it is first asked for: pytest comes through this door in every run, to find the plugin.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from terrella.testing.clock import ManualClock
    from terrella.testing.ids import SeededIds
    from terrella.testing.loopback import LoopbackConnector, LoopbackNetwork

__all__ = ["LoopbackConnector", "LoopbackNetwork", "ManualClock", "SeededIds"]

_HOMES = {
    "LoopbackConnector": "loopback",
    "LoopbackNetwork": "loopback",
    "ManualClock": "clock",
    "SeededIds": "ids",
}


def __getattr__(name: str) -> Any:
    """The room's own classes."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
