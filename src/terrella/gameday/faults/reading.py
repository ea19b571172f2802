"""Reading a fault's parameters: each reads one key of an entry, or raises ``FaultError``."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from terrella.gameday.faults.fault import Entry, FaultError, Value
from terrella.wire.links import Link
from terrella.world import DURATION, SHARE, World, duration_ms, share

COMMON = ("at", "for")
_YES, _NO = ("true", "yes", "on"), ("false", "no", "off")


def show(value: Value) -> str:
    """What stands there, in a few words."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "a list" if isinstance(value, list) else str(value)


def either(words: tuple[str, ...]) -> str:
    """``a, b or c``."""
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " or " + words[-1]


def only(entry: Entry, keyword: str, *parameters: str) -> None:
    """No other key may stand there: one that nobody reads would be believed to act."""
    for key in entry:
        if key not in (keyword, *parameters, *COMMON):
            expected = f"{either(parameters)} beside {keyword}" if parameters else f"{keyword} to stand alone"
            raise FaultError(f"the key {key}", expected, key)


def fields(value: Value, key: str, *known: str) -> Mapping[str, Value]:
    """A mapping in which only these keys stand."""
    if not isinstance(value, Mapping):
        raise FaultError(show(value), f"a mapping with {either(known)}", key)
    for each in value:
        if each not in known:
            raise FaultError(f"the key {each}", either(known), each)
    return value


def text(entry: Entry, key: str, expected: str) -> str:
    """Some text, which must be there."""
    value = entry.get(key)
    if not isinstance(value, str) or not value.strip():
        raise FaultError(show(value), expected, key)
    return " ".join(value.split())


def texts(entry: Entry, key: str, expected: str) -> tuple[str, ...]:
    """A text or a list of texts; none if the key is not there."""
    value = entry.get(key, [])
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(each, str) and each for each in listed):
        raise FaultError(show(value), expected, key)
    return tuple(listed)


def region(entry: Entry, key: str, world: World) -> str:
    """A region of the world."""
    expected = f"a region of the world {world.name}: {either(tuple(world.regions))}"
    name = text(entry, key, expected)
    if name not in world.regions:
        raise FaultError(name, expected, key)
    return name


def zone(entry: Entry, key: str, world: World) -> str:
    """An availability zone of the world."""
    zones = tuple(az for settings in world.regions.values() for az in settings.azs)
    name = text(entry, key, f"an availability zone: {either(zones)}")
    if name not in zones:
        raise FaultError(name, f"an availability zone: {either(zones)}", key)
    return name


def duration_s(entry: Entry, key: str, default: float | None = None) -> float:
    """A duration, in seconds; must be there if there is no default."""
    value = entry.get(key)
    if value is None and default is not None:
        return default
    try:
        return duration_ms(str(value)) / 1000
    except ValueError:
        raise FaultError(show(value), DURATION, key) from None


def signed_duration_s(entry: Entry, key: str) -> float:
    """A duration that may be negative: ``-90s``."""
    value = str(entry.get(key)).strip()
    try:
        return duration_ms(value.removeprefix("-")) / 1000 * (-1 if value.startswith("-") else 1)
    except ValueError:
        raise FaultError(show(entry.get(key)), "a duration such as 90s or -90s", key) from None


def rate(entry: Entry, key: str, default: float | None = None) -> float:
    """A share of calls, more than 0; must be there if there is no default."""
    value = entry.get(key)
    if value is None and default is not None:
        return default
    try:
        found = share(str(value))
    except ValueError:
        raise FaultError(show(value), SHARE, key) from None
    if found == 0:
        raise FaultError(show(value), "a share above 0", key)
    return found


def must_be(entry: Entry, key: str, wanted: bool) -> None:
    """``full: true``: may be left out, and cannot be otherwise, for a fault is undone by ``restore``."""
    value = entry.get(key, wanted)
    word = show(value).lower()
    if word not in (_YES if wanted else _NO):
        raise FaultError(show(value), f"{str(wanted).lower()} (restore undoes it)", key)


@dataclass(frozen=True, slots=True)
class Pairs:
    """A link by its two ends: ``a -> b``, or both ways ``a <-> b``.

    ``natural`` is what it is like otherwise, where ``a`` is a vantage point: that path is broken both ways, however it
    is written. It is None for a link between regions.
    """

    a: str
    b: str
    both_ways: bool
    natural: Link | None = None

    def __str__(self) -> str:
        return f"{self.a} {'<->' if self.both_ways else '->'} {self.b}"

    @property
    def directions(self) -> tuple[tuple[str, str], ...]:
        """Each ordered pair."""
        return ((self.a, self.b), (self.b, self.a)) if self.both_ways else ((self.a, self.b),)

    def client_links(self, changes: Mapping[str, Any]) -> dict[tuple[str, str], Link]:
        """The path from a vantage point with something changed; nothing for a link between regions."""
        return {} if self.natural is None else {(self.a, self.b): replace(self.natural, **changes)}


def link(entry: Entry, key: str, world: World) -> Pairs:
    """A link between two regions, or from a vantage point to a region."""
    expected = "a link such as A <-> B or A -> B between two regions, or from a vantage point to a region"
    given = text(entry, key, expected)
    arrow = "<->" if "<->" in given else "->"
    a, found, b = (part.strip() for part in given.partition(arrow))
    if not found:
        raise FaultError(given, expected, key)
    if a == b:
        raise FaultError(given, "two different ends", key)
    if b not in world.regions:
        raise FaultError(b or "nothing", f"{either(tuple(world.regions))} after {arrow}", key)
    if a in world.regions:
        return Pairs(a, b, arrow == "<->")
    point = world.vantage_points.get(a)
    if point is None:
        raise FaultError(a or "nothing", f"{either(tuple(world.regions))}, or a vantage point, before {arrow}", key)
    try:
        delay_s = point.delay_to(b)
    except KeyError:
        delay_s = 0.0
    return Pairs(a, b, arrow == "<->", Link(delay_ms=delay_s * 1000))


def percent(rate: float) -> str:
    """0.05 → ``5%``."""
    return f"{rate * 100:g}%"
