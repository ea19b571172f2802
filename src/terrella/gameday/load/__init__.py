"""Load that behaves like clients: from vantage points that feel the real distance, by real DNS, in an open loop.

``LoadPlan`` says what is sent, ``LoadGenerator`` sends it and tells a ``Sample`` for each request, ``check_writes``
reads what was acknowledged back from every region. ``describe_request`` and ``python_requests`` read kinds of requests.
"""

from terrella.gameday.load.addresses import WorldAddresses
from terrella.gameday.load.checking import WriteCheck, WrittenAs, check_writes
from terrella.gameday.load.errors import LoadError
from terrella.gameday.load.generator import LoadGenerator
from terrella.gameday.load.histogram import Histogram
from terrella.gameday.load.plan import LoadPlan, ResolverPlan, RetryPlan, find_vantage_points, rate_per_s
from terrella.gameday.load.requests import (
    READ_BACK_KEYS,
    REQUEST_KEYS,
    RequestKind,
    describe_request,
    python_requests,
)
from terrella.gameday.load.sample import Sample
from terrella.gameday.load.visit import Answer, Visit
from terrella.gameday.load.writes import Write, Writes
from terrella.kernel import CITIES, VantagePoint

__all__ = [
    "CITIES",
    "READ_BACK_KEYS",
    "REQUEST_KEYS",
    "Answer",
    "Histogram",
    "LoadError",
    "LoadGenerator",
    "LoadPlan",
    "RequestKind",
    "ResolverPlan",
    "RetryPlan",
    "Sample",
    "VantagePoint",
    "Visit",
    "WorldAddresses",
    "Write",
    "WriteCheck",
    "Writes",
    "WrittenAs",
    "check_writes",
    "describe_request",
    "find_vantage_points",
    "python_requests",
    "rate_per_s",
]
