"""Vantage points: how far they are, and the subnet that spells their place out."""

import ipaddress

from hypothesis import given
from hypothesis import strategies as st

from terrella.kernel import CITIES, VantagePoint, known_regions


def test_each_city_is_near_to_a_region_and_far_from_others() -> None:
    for city in CITIES.values():
        delays_s = [city.delay_to(region) for region in known_regions()]
        assert 0.001 <= min(delays_s) <= 0.05, city.name
        assert 0.05 < max(delays_s) < 0.2, city.name


@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.sampled_from(["", "AF", "AN", "AS", "EU", "NA", "OC", "SA"]),
    st.from_regex(r"[A-Z]{2}|", fullmatch=True),
)
def test_a_subnet_spells_the_place_out(latitude: float, longitude: float, continent: str, country: str) -> None:
    at = VantagePoint("here", latitude, longitude, continent, country)
    found = VantagePoint.of_subnet(at.subnet.network_address.packed[:11])
    assert found is not None
    assert abs(found.latitude - latitude) < 0.01
    assert abs(found.longitude - longitude) < 0.01
    assert (found.continent, found.country) == (continent, country)


@given(st.binary(max_size=16))
def test_other_addresses_spell_nothing_out(packed: bytes) -> None:
    if not packed.startswith(bytes.fromhex("20010db8")):
        assert VantagePoint.of_subnet(packed) is None
    assert VantagePoint.of_subnet(ipaddress.IPv6Address("2001:db8::ff:ffff:ffff").packed[:4]) is None
