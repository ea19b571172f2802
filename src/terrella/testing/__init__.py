"""Clocks that jump, seeded ids, a simulated world, and conformance suites. No production room imports it."""

from terrella.testing.clock import ManualClock
from terrella.testing.ids import SeededIds
from terrella.testing.loopback import LoopbackConnector, LoopbackNetwork

__all__ = ["LoopbackConnector", "LoopbackNetwork", "ManualClock", "SeededIds"]
