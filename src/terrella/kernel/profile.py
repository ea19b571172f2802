"""Timing profiles: what a rehearsal's clockwork runs at. Every report names its profile."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """How fast the machinery of traffic turns.

    ``health_check_interval_scale`` multiplies a health check's ``RequestInterval``; ``health_check_timeout_scale`` its
    time-outs (on AWS 4 s to connect, 2 s to answer); ``dns_ttl_scale`` a TTL; ``readmission_bound_s`` is how far
    behind a returning region may be when it takes traffic again, ``readmission_timeout_s`` how long it waits for that.
    """

    name: str
    health_check_interval_scale: float
    health_check_timeout_scale: float
    dns_ttl_scale: float
    readmission_bound_s: float
    readmission_timeout_s: float


PROFILES = {
    "aws": Profile("aws", 1.0, 1.0, 1.0, 1.0, 60.0),
    "fast": Profile("fast", 0.01, 0.5, 0.0, 1.0, 15.0),
}
