"""Clients whose whereabouts nobody knows are given no answer."""

from collections import defaultdict
from collections.abc import Iterator

from terrella.check.findings import Rule, Severity
from terrella.check.view import Record, WorldView


def _find(view: WorldView) -> Iterator[tuple[int, str]]:
    groups: dict[tuple[str, str], list[Record]] = defaultdict(list)
    for record in view.records():
        if record.properties.get("GeoLocation"):
            groups[record.key].append(record)
    for (name, _), records in groups.items():
        if not any(record.properties["GeoLocation"].get("CountryCode") == "*" for record in records):
            line = view.line(*records[0].path, "GeoLocation")
            yield line, f"{name} has no record for the location *: clients from elsewhere get no answer"


RULE = Rule(
    id="no-default-location",
    number=9113,
    severity=Severity.WARNING,
    alone=Severity.WARNING,
    explanation="Geolocation records answer only the places that they name; everybody else, and everybody who "
    "cannot be located, is told that there is no such address.",
    fix='Add a record with `GeoLocation: {CountryCode: "*"}`.',
    find=_find,
)
