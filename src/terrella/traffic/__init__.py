"""Route 53 and the edge: record sets and policies to answers, health checks to verdicts, name server, HTTP edge."""

from terrella.traffic.answers import Answer, Outcome, ResourceRecord, Status, answer, outcomes
from terrella.traffic.edge import Edge
from terrella.traffic.errors import TrafficError
from terrella.traffic.health import (
    CheckerRunner,
    CheckerState,
    CheckKind,
    HealthCheck,
    Observation,
    ProbeResult,
    Transition,
    Verdict,
    VerdictBoard,
    index_checks,
    step,
)
from terrella.traffic.nameserver import NameServer
from terrella.traffic.records import AliasTarget, Location, Policy, RecordSet, record_sets_of_group
from terrella.traffic.resolver import Resolver
from terrella.traffic.support import SUPPORT, Support
from terrella.traffic.zone import Zone, Zones, build_zones

__all__ = [
    "SUPPORT",
    "AliasTarget",
    "Answer",
    "CheckKind",
    "CheckerRunner",
    "CheckerState",
    "Edge",
    "HealthCheck",
    "Location",
    "NameServer",
    "Observation",
    "Outcome",
    "Policy",
    "ProbeResult",
    "RecordSet",
    "Resolver",
    "ResourceRecord",
    "Status",
    "Support",
    "TrafficError",
    "Transition",
    "Verdict",
    "VerdictBoard",
    "Zone",
    "Zones",
    "answer",
    "build_zones",
    "index_checks",
    "outcomes",
    "record_sets_of_group",
    "step",
]
