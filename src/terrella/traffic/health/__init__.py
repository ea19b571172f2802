"""Health checks.

``checks`` says what to probe, ``states`` one checker's opinion, ``board`` the regions' verdict; all pure. ``probe`` and
``runner`` do the probing.
"""

from terrella.traffic.health.board import Transition, Verdict, VerdictBoard
from terrella.traffic.health.checks import CheckKind, HealthCheck, index_checks
from terrella.traffic.health.runner import CheckerRunner
from terrella.traffic.health.states import CheckerState, Observation, ProbeResult, step

__all__ = [
    "CheckKind",
    "CheckerRunner",
    "CheckerState",
    "HealthCheck",
    "Observation",
    "ProbeResult",
    "Transition",
    "Verdict",
    "VerdictBoard",
    "index_checks",
    "step",
]
