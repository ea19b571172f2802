"""Where clients are: built-in cities, and how far each is from a region.

The distance is reckoned as that between two regions (``geography``): the great circle in fibre, with a detour. What a
client's own access adds (some milliseconds at home, more on a phone) is not in it.

Addresses on one machine have no geography, so a vantage point's ``subnet`` spells its place out, in the part of IPv6
that is reserved for documentation (2001:db8::/32): 16 bits each of latitude, longitude and the country's two letters, 8
of the continent. A resolver sends it along (EDNS client subnet, RFC 7871); the name server needs no table to read it.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Network
from typing import Self

from terrella.kernel.geography import Place, delay_between_ms, known_regions, region_place

SUBNET_BITS = 88
_SUBNET = struct.Struct("!4sHH2sB")
_DOCUMENTATION = bytes.fromhex("20010db8")
_CONTINENTS = ("", "AF", "AN", "AS", "EU", "NA", "OC", "SA")
_STEPS = 0xFFFF


@dataclass(frozen=True, slots=True)
class VantagePoint:
    """A place where clients are. ``continent`` and ``country`` are Route 53's codes, empty where not known.

    ``delays_ms`` are one-way delays that were given for it, by region; all others follow from the distance.
    """

    name: str
    latitude: float
    longitude: float
    continent: str = ""
    country: str = ""
    delays_ms: Mapping[str, float] = field(default_factory=dict, hash=False)

    @property
    def place(self) -> Place:
        """The position."""
        return Place(self.name, self.latitude, self.longitude, self.continent, self.country)

    @property
    def subnet(self) -> IPv6Network:
        """Where its resolvers say that their clients are."""
        latitude, longitude = round((self.latitude + 90) / 180 * _STEPS), round((self.longitude + 180) / 360 * _STEPS)
        country = self.country.encode("ascii").ljust(2, b"\0")
        packed = _SUBNET.pack(_DOCUMENTATION, latitude, longitude, country, _CONTINENTS.index(self.continent))
        return IPv6Network((packed.ljust(16, b"\0"), SUBNET_BITS))

    @classmethod
    def of_subnet(cls, packed: bytes) -> Self | None:
        """The place that the first ``SUBNET_BITS`` of an address spell out; without a name. None if they do not."""
        if len(packed) < _SUBNET.size:
            return None
        prefix, latitude, longitude, country, continent = _SUBNET.unpack_from(packed)
        letters = country.rstrip(b"\0")
        if prefix != _DOCUMENTATION or continent >= len(_CONTINENTS) or (letters and not letters.isalpha()):
            return None
        return cls(
            name="",
            latitude=latitude / _STEPS * 180 - 90,
            longitude=longitude / _STEPS * 360 - 180,
            continent=_CONTINENTS[continent],
            country=letters.decode("ascii") if letters.isascii() else "",
        )

    def delay_to(self, region: str) -> float:
        """Seconds one way to a region. Raises ``KeyError`` where neither delay nor the region's position is known."""
        given_ms = self.delays_ms.get(region)
        if given_ms is not None:
            return given_ms / 1000
        return delay_between_ms(self.place, region_place(region)) / 1000

    def nearest_region(self) -> str:
        """The AWS region with the lowest delay: what latency records take such a client to be near to."""
        return min(known_regions(), key=self.delay_to)


def _city(name: str, latitude: float, longitude: float, continent: str, country: str) -> tuple[str, VantagePoint]:
    return name, VantagePoint(name, latitude, longitude, continent, country)


CITIES: Mapping[str, VantagePoint] = dict(
    (
        _city("amsterdam", 52.37, 4.90, "EU", "NL"),
        _city("cairo", 30.04, 31.24, "AF", "EG"),
        _city("chicago", 41.88, -87.63, "NA", "US"),
        _city("dubai", 25.20, 55.27, "AS", "AE"),
        _city("frankfurt", 50.11, 8.68, "EU", "DE"),
        _city("hong-kong", 22.32, 114.17, "AS", "HK"),
        _city("johannesburg", -26.20, 28.05, "AF", "ZA"),
        _city("lagos", 6.52, 3.38, "AF", "NG"),
        _city("london", 51.51, -0.13, "EU", "GB"),
        _city("los-angeles", 34.05, -118.24, "NA", "US"),
        _city("madrid", 40.42, -3.70, "EU", "ES"),
        _city("mexico-city", 19.43, -99.13, "NA", "MX"),
        _city("mumbai", 19.08, 72.88, "AS", "IN"),
        _city("new-york", 40.71, -74.01, "NA", "US"),
        _city("paris", 48.86, 2.35, "EU", "FR"),
        _city("sao-paulo", -23.55, -46.63, "SA", "BR"),
        _city("seattle", 47.61, -122.33, "NA", "US"),
        _city("seoul", 37.57, 126.98, "AS", "KR"),
        _city("singapore", 1.35, 103.82, "AS", "SG"),
        _city("stockholm", 59.33, 18.07, "EU", "SE"),
        _city("sydney", -33.87, 151.21, "OC", "AU"),
        _city("tokyo", 35.68, 139.69, "AS", "JP"),
        _city("toronto", 43.65, -79.38, "NA", "CA"),
    )
)
"""The built-in vantage points by name."""
