"""A seeded world of regions without sockets, threads or waiting: faults come from a seed, and a seed replays them.

Each region runs the real journal and replicator on an event loop in virtual time; below them are a simulated network
and disks that break. ``python -m terrella.testing.simulation SEED`` tells what happened under a seed.
"""

from terrella.testing.simulation.checkers import CHECKERS, Checker, Convergence, Evidence
from terrella.testing.simulation.disk import StoredDataSet, contents_of
from terrella.testing.simulation.history import History, Write
from terrella.testing.simulation.plan import Features, Plan
from terrella.testing.simulation.world import SimulationFailure, World, simulate

__all__ = [
    "CHECKERS",
    "Checker",
    "Convergence",
    "Evidence",
    "Features",
    "History",
    "Plan",
    "SimulationFailure",
    "StoredDataSet",
    "World",
    "Write",
    "contents_of",
    "simulate",
]
