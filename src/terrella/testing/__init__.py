"""Clocks that jump, seeded ids, a simulated world, and conformance suites. No production room imports it."""

from terrella.testing.clock import ManualClock
from terrella.testing.ids import SeededIds

__all__ = ["ManualClock", "SeededIds"]
