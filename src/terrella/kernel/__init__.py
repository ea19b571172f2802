"""What every room may lean on: clocks, hybrid logical time, ids, ARNs, errors, geography. Standard library only."""

from terrella.kernel.arns import Arn
from terrella.kernel.clock import Clock, SystemClock
from terrella.kernel.connections import Connection, Connector
from terrella.kernel.errors import AwsError, TerrellaError
from terrella.kernel.geography import Place, known_regions, one_way_delay_ms, region_place
from terrella.kernel.hlc import SKEW_BOUND_MS, HybridLogicalClock, hlc_milliseconds, pack_hlc
from terrella.kernel.ids import Ids, SystemIds
from terrella.kernel.later import later
from terrella.kernel.pauses import keep_pauses_short
from terrella.kernel.profile import PROFILE_SOURCES, PROFILES, Profile
from terrella.kernel.vantage_points import CITIES, SUBNET_BITS, VantagePoint

__all__ = [
    "CITIES",
    "PROFILES",
    "PROFILE_SOURCES",
    "SKEW_BOUND_MS",
    "SUBNET_BITS",
    "Arn",
    "AwsError",
    "Clock",
    "Connection",
    "Connector",
    "HybridLogicalClock",
    "Ids",
    "Place",
    "Profile",
    "SystemClock",
    "SystemIds",
    "TerrellaError",
    "VantagePoint",
    "hlc_milliseconds",
    "keep_pauses_short",
    "known_regions",
    "later",
    "one_way_delay_ms",
    "pack_hlc",
    "region_place",
]
