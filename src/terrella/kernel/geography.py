"""Where AWS's regions are, and how long light and routers take between them.

The delay is the great-circle distance at the speed of light in fibre (200 km a millisecond), times 1.45 for the detours
that cables make, plus 1 ms for routers. For pairs whose round trip is widely published, half of it is used.
"""

import math
from dataclasses import dataclass

_KM_PER_MS = 200.0
_DETOUR = 1.45
_ROUTERS_MS = 1.0
_EARTH_RADIUS_KM = 6371.0


@dataclass(frozen=True, slots=True)
class Place:
    """A region's or a vantage point's position; ``continent`` is Route 53's two-letter code."""

    city: str
    latitude: float
    longitude: float
    continent: str
    country: str


_REGIONS: dict[str, Place] = {
    "af-south-1": Place("Cape Town", -33.92, 18.42, "AF", "ZA"),
    "ap-east-1": Place("Hong Kong", 22.32, 114.17, "AS", "HK"),
    "ap-northeast-1": Place("Tokyo", 35.68, 139.69, "AS", "JP"),
    "ap-northeast-2": Place("Seoul", 37.57, 126.98, "AS", "KR"),
    "ap-northeast-3": Place("Osaka", 34.69, 135.50, "AS", "JP"),
    "ap-south-1": Place("Mumbai", 19.08, 72.88, "AS", "IN"),
    "ap-south-2": Place("Hyderabad", 17.39, 78.49, "AS", "IN"),
    "ap-southeast-1": Place("Singapore", 1.35, 103.82, "AS", "SG"),
    "ap-southeast-2": Place("Sydney", -33.87, 151.21, "OC", "AU"),
    "ap-southeast-3": Place("Jakarta", -6.21, 106.85, "AS", "ID"),
    "ap-southeast-4": Place("Melbourne", -37.81, 144.96, "OC", "AU"),
    "ca-central-1": Place("Montreal", 45.50, -73.57, "NA", "CA"),
    "ca-west-1": Place("Calgary", 51.05, -114.07, "NA", "CA"),
    "eu-central-1": Place("Frankfurt", 50.11, 8.68, "EU", "DE"),
    "eu-central-2": Place("Zurich", 47.38, 8.54, "EU", "CH"),
    "eu-north-1": Place("Stockholm", 59.33, 18.07, "EU", "SE"),
    "eu-south-1": Place("Milan", 45.46, 9.19, "EU", "IT"),
    "eu-south-2": Place("Zaragoza", 41.65, -0.89, "EU", "ES"),
    "eu-west-1": Place("Dublin", 53.35, -6.26, "EU", "IE"),
    "eu-west-2": Place("London", 51.51, -0.13, "EU", "GB"),
    "eu-west-3": Place("Paris", 48.86, 2.35, "EU", "FR"),
    "il-central-1": Place("Tel Aviv", 32.09, 34.78, "AS", "IL"),
    "me-central-1": Place("Dubai", 25.20, 55.27, "AS", "AE"),
    "me-south-1": Place("Manama", 26.23, 50.59, "AS", "BH"),
    "mx-central-1": Place("Queretaro", 20.59, -100.39, "NA", "MX"),
    "sa-east-1": Place("Sao Paulo", -23.55, -46.63, "SA", "BR"),
    "us-east-1": Place("N. Virginia", 38.95, -77.45, "NA", "US"),
    "us-east-2": Place("Ohio", 39.96, -83.00, "NA", "US"),
    "us-west-1": Place("N. California", 37.35, -121.96, "NA", "US"),
    "us-west-2": Place("Oregon", 45.84, -119.70, "NA", "US"),
}

# Half of the round trips that are commonly reported between these regions (milliseconds).
_MEASURED_ONE_WAY_MS: dict[frozenset[str], float] = {
    frozenset(("us-east-1", "us-east-2")): 6.0,
    frozenset(("us-east-1", "us-west-2")): 32.0,
    frozenset(("us-east-1", "eu-west-1")): 34.0,
    frozenset(("us-west-2", "eu-west-1")): 60.0,
    frozenset(("us-east-1", "eu-central-1")): 45.0,
    frozenset(("us-east-1", "ap-northeast-1")): 74.0,
    frozenset(("us-west-2", "ap-northeast-1")): 49.0,
    frozenset(("eu-west-1", "eu-central-1")): 12.0,
}


def known_regions() -> list[str]:
    """The codes of the AWS regions whose position is built in, sorted."""
    return sorted(_REGIONS)


def region_place(region: str) -> Place:
    """The position of an AWS region; raises ``KeyError`` for a code that is not built in."""
    return _REGIONS[region]


def distance_km(a: Place, b: Place) -> float:
    """The great-circle distance in kilometres (haversine)."""
    latitude_a, latitude_b = math.radians(a.latitude), math.radians(b.latitude)
    half_latitude = (latitude_b - latitude_a) / 2
    half_longitude = math.radians(b.longitude - a.longitude) / 2
    chord = math.sin(half_latitude) ** 2 + math.cos(latitude_a) * math.cos(latitude_b) * math.sin(half_longitude) ** 2
    return 2 * _EARTH_RADIUS_KM * math.asin(math.sqrt(chord))


def one_way_delay_ms(from_region: str, to_region: str) -> float:
    """The usual one-way network delay between two AWS regions, in milliseconds, to a tenth."""
    if from_region == to_region:
        return 0.0
    measured = _MEASURED_ONE_WAY_MS.get(frozenset((from_region, to_region)))
    if measured is not None:
        return measured
    return delay_between_ms(region_place(from_region), region_place(to_region))


def delay_between_ms(a: Place, b: Place) -> float:
    """The one-way network delay that the distance between two places makes, in milliseconds, to a tenth."""
    return round(distance_km(a, b) / _KM_PER_MS * _DETOUR + _ROUTERS_MS, 1)
