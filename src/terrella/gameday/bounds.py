"""What people write as an expectation: ``>= 99.9% excluding the first 40s after a fault``. All raise ``ValueError``."""

import math
import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from terrella.world import duration_ms

_OPERATORS: dict[str, Callable[[float, float], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
_BOUND = re.compile(r"(<=|>=|<|>|==?)?\s*(\d+(?:\.\d+)?\s*(?:%|ms|s|m|h)?)(?=\s|$)\s*(.*)")
_EXCLUDING = re.compile(r"excluding (?:the )?first (\S+) after (a|each|every) (fault|restore|change)")
_FROM = re.compile(r"from (\S+)")
_DIGITS_SHOWN = 4


class Unit(StrEnum):
    """What a figure is counted in."""

    COUNT = ""
    SHARE = "%"
    SECONDS = "s"


@dataclass(frozen=True, slots=True)
class Bound:
    """A comparison: ``value`` is a plain count, a share from 0 to 1, or seconds, as ``unit`` says."""

    sign: str
    value: float
    unit: Unit

    def holds(self, measured: float) -> bool:
        """Whether a figure keeps to it; what is not a number does not."""
        return not math.isnan(measured) and _OPERATORS[self.sign](measured, self.value)

    def __str__(self) -> str:
        figure = show_figure(self.value, self.unit)
        return figure if self.sign == "=" else f"{self.sign} {figure}"


class After(StrEnum):
    """Which moments of the timeline something is counted from."""

    FAULT = "fault"
    RESTORE = "restore"
    CHANGE = "change"


@dataclass(frozen=True, slots=True)
class Excluding:
    """What is left out: the first seconds after each fault, each restoration, or both (a change)."""

    first_s: float
    after: After

    def __str__(self) -> str:
        return f"excluding the first {show_seconds(self.first_s)} after a {self.after}"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which samples count: all, or those ``from`` one vantage point, with what is left out."""

    vantage_point: str | None = None
    excluding: Excluding | None = None

    def __str__(self) -> str:
        origin = f"from {self.vantage_point}" if self.vantage_point else ""
        return " ".join(part for part in (origin, str(self.excluding or "")) if part)


def read_bound(text: str, unit: Unit) -> tuple[Bound, str]:
    """The bound at the beginning, and what follows it. A figure without a sign is meant exactly."""
    match = _BOUND.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    sign = {"==": "=", None: "="}.get(match[1], match[1])
    return Bound(sign, read_figure(match[2], unit), unit), match[3].strip()


def read_figure(text: str, unit: Unit) -> float:
    """A count (``3``), a share (``1%``) or a duration (``400ms``) in seconds."""
    text = text.strip()
    match unit:
        case Unit.COUNT:
            return float(int(text))
        case Unit.SHARE:
            if not text.endswith("%"):
                raise ValueError(text)
            return round(float(text[:-1]) / 100, 12)  # 99.9% is 0.999, and not a little less
        case Unit.SECONDS:
            return duration_ms(text) / 1000


def read_exactly(text: str, unit: Unit) -> Bound:
    """A bound, and nothing after it."""
    bound, rest = read_bound(text, unit)
    if rest:
        raise ValueError(text)
    return bound


def read_scope(text: str) -> Scope:
    """``from tokyo excluding the first 40s after a fault``: both parts may be missing."""
    vantage_point, excluding = None, None
    rest = text.strip()
    if match := _FROM.match(rest):
        vantage_point, rest = match[1], rest[match.end() :].strip()
    if match := _EXCLUDING.fullmatch(rest):
        excluding, rest = Excluding(duration_ms(match[1]) / 1000, After(match[3])), ""
    if rest:
        raise ValueError(text)
    return Scope(vantage_point, excluding)


def show_figure(value: float, unit: Unit) -> str:
    """A figure as it is written in reports."""
    if math.isnan(value):
        return "unknown"
    match unit:
        case Unit.COUNT:
            return f"{value:,.0f}"
        case Unit.SHARE:
            return show_share(value)
        case Unit.SECONDS:
            return show_seconds(value)


def show_share(value: float) -> str:
    """0.9987 → ``99.87%``: never rounded up to all or down to nothing."""
    text = f"{value * 100:.{_DIGITS_SHOWN - 1}f}".rstrip("0").rstrip(".")
    if text == "100" and value < 1:
        return "> 99.999%"
    return "< 0.001%" if text == "0" and value > 0 else f"{text}%"


def show_seconds(value: float) -> str:
    """0.0321 → ``32 ms``, 4.2 → ``4.2 s``, 90 → ``90 s``, 300 → ``5 min``."""
    if math.isinf(value):
        return "never"
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value >= 600 or (value >= 180 and value % 60 == 0):
        return f"{value / 60:.3g} min"
    return f"{value:.3g} s"
