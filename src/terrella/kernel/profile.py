"""Timing profiles: what a rehearsal's clockwork runs at. Every report names its profile."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Profile:
    """How fast the machinery of traffic turns.

    ``health_check_interval_scale`` multiplies a health check's ``RequestInterval``; ``health_check_timeout_scale`` its
    time-outs (on AWS 4 s to connect, 2 s to answer); ``dns_ttl_scale`` a TTL; ``readmission_bound_s`` is how far
    behind a returning region may be when it takes traffic again, ``readmission_timeout_s`` how long it waits for that.
    ``replication_lag_s`` is how long a write to a global table waits, besides the link, until the others are sent it.
    """

    name: str
    health_check_interval_scale: float
    health_check_timeout_scale: float
    dns_ttl_scale: float
    readmission_bound_s: float
    readmission_timeout_s: float
    replication_lag_s: float


_GUIDE = "Amazon Route 53 Developer Guide"
# Where each figure comes from: in `aws` all that AWS has published are AWS's own, unscaled.
PROFILE_SOURCES: Mapping[str, str] = {
    "health_check_interval_scale": (
        f'{_GUIDE}, "Values that you specify when you create or update health checks": every 30 or 10 s, '
        "as the template says; `fast` is our choice"
    ),
    "health_check_timeout_scale": (
        f'{_GUIDE}, "How Amazon Route 53 determines whether a health check is healthy": 4 s to connect (10 s where '
        "TCP is all that is checked), 2 s for the answer; `fast` is our choice: what a busy machine needs"
    ),
    "dns_ttl_scale": (
        f'{_GUIDE}, "Values that are common for all routing policies": the TTL of the record, 60 s of an alias'
    ),
    "readmission_bound_s": "ours; AWS publishes no such bound",
    "readmission_timeout_s": "ours; AWS publishes no such bound",
    "replication_lag_s": (
        'Amazon DynamoDB Developer Guide, "How DynamoDB global tables work": "typically within a second or less", and '
        "no promise; we take the second. `fast` sends at once"
    ),
}

PROFILES = {
    "aws": Profile("aws", 1.0, 1.0, 1.0, 2.5, 60.0, 1.0),
    "fast": Profile("fast", 0.01, 0.5, 0.0, 1.0, 15.0, 0.0),
}
