"""A seeded world of journals without sockets, threads or waiting: faults come from a seed, and a seed replays them.

The regions run the journal's own store, merge and both sides of pulling, over simulated links and disks, in virtual
time. ``python -m terrella.testing.simulation SEED`` tells what happened under a seed.
"""

from terrella.testing.simulation.checkers import Checker, ConflictLog, Convergence, Dots, Durability
from terrella.testing.simulation.history import History, Write
from terrella.testing.simulation.world import Plan, SimulationFailure, World, simulate

__all__ = [
    "Checker",
    "ConflictLog",
    "Convergence",
    "Dots",
    "Durability",
    "History",
    "Plan",
    "SimulationFailure",
    "World",
    "Write",
    "simulate",
]
