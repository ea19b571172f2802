"""``vantage_points`` of ``world.yaml``: places of one's own beside the built-in cities."""

import re
from collections.abc import Callable, Iterable, Mapping

from terrella.kernel import CITIES, VantagePoint, known_regions, region_place
from terrella.world.document import Document, Entry, did_you_mean
from terrella.world.units import DURATION, duration_ms

VANTAGE_POINT_KEYS = ("latitude", "longitude", "near", "country", "continent", "delays")
CONTINENTS = ("AF", "AN", "AS", "EU", "NA", "OC", "SA")
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_COUNTRY = re.compile(r"[A-Z]{2}")


def read_vantage_points(document: Document, entry: Entry | None, regions: Iterable[str]) -> Mapping[str, VantagePoint]:
    """The built-in cities and those of the section; mistakes are noted in the document."""
    reader = _Reader(document, list(regions))
    own = document.entries(entry.value if entry else None, "a mapping from vantage points to where they are")
    found = {each.key: point for each in own if (point := reader.read(each)) is not None}
    return {**CITIES, **found}


class _Reader:
    def __init__(self, document: Document, regions: list[str]) -> None:
        self._document = document
        self._regions = regions

    def read(self, entry: Entry) -> VantagePoint | None:
        document = self._document
        if _NAME.fullmatch(entry.key) is None or entry.key in known_regions():
            document.mistake(entry.key_node, entry.key, "a name of small letters, digits and hyphens, not a region's")
            return None
        keys = document.keys(entry.value, VANTAGE_POINT_KEYS, "a vantage point")
        near = self._near(keys["near"]) if "near" in keys else None
        lacking = [each for each in ("latitude", "longitude") if each not in keys]
        if lacking and "near" not in keys:
            expected = "latitude and longitude in degrees, or near: a city such as frankfurt"
            document.mistake(entry.key_node, f"{entry.key} without {lacking[0]}", expected)
        latitude = self._degrees(keys, "latitude", 90)
        longitude = self._degrees(keys, "longitude", 180)
        country = self._code(keys, "country", "a country's code of two capital letters, such as DE", _country)
        continent = self._code(keys, "continent", f"one of {', '.join(CONTINENTS)}", _continent)
        at = near if near is not None else VantagePoint(entry.key, 0.0, 0.0)
        return VantagePoint(
            name=entry.key,
            latitude=at.latitude if latitude is None else latitude,
            longitude=at.longitude if longitude is None else longitude,
            continent=continent or at.continent,
            country=country or at.country,
            delays_ms=self._delays(keys.get("delays")),
        )

    def _near(self, entry: Entry) -> VantagePoint | None:
        name = self._document.scalar(entry.value, "a built-in city, or an AWS region", str)
        if name is None or name in CITIES:
            return None if name is None else CITIES[name]
        if name in known_regions():
            place = region_place(name)
            return VantagePoint(name, place.latitude, place.longitude, place.continent, place.country)
        hint = did_you_mean(name, [*CITIES, *known_regions()])
        self._document.mistake(entry.value, name, f"a built-in city, or an AWS region{hint}")
        return None

    def _degrees(self, keys: Mapping[str, Entry], key: str, most: float) -> float | None:
        def read(text: str) -> float:
            if not -most <= float(text) <= most:
                raise ValueError(text)
            return float(text)

        if key not in keys:
            return None
        return self._document.scalar(keys[key].value, f"degrees from -{most:g} to {most:g}", read)

    def _code(self, keys: Mapping[str, Entry], key: str, expected: str, read: Callable[[str], str]) -> str | None:
        return self._document.scalar(keys[key].value, expected, read) if key in keys else None

    def _delays(self, entry: Entry | None) -> Mapping[str, float]:
        delays: dict[str, float] = {}
        given = self._document.keys(entry.value, self._regions, "delays") if entry is not None else {}
        for region, each in given.items():
            delay_ms = self._document.scalar(each.value, DURATION, duration_ms)
            if delay_ms is not None:
                delays[region] = delay_ms
        return delays


def _country(text: str) -> str:
    if _COUNTRY.fullmatch(text) is None:
        raise ValueError(text)
    return text


def _continent(text: str) -> str:
    if text not in CONTINENTS:
        raise ValueError(text)
    return text
