"""What is kept of one minute of a metric, and the statistics that are made of it."""

import re
from math import ceil, floor, log10

import msgspec

from terrella.kernel import AwsError

STATISTICS = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
VALUES_MAX = 150
_PERCENTILE = re.compile(r"[pP](\d{1,2}(?:\.\d{1,10})?|100)")


class StatisticSet(msgspec.Struct, array_like=True):
    """Values put together. ``values`` counts each of them (rounded, where they are many); None where only sums came."""

    count: float = 0.0
    sum: float = 0.0
    minimum: float = float("inf")
    maximum: float = float("-inf")
    values: dict[float, float] | None = msgspec.field(default_factory=dict)

    def add(self, value: float, count: float = 1.0) -> None:
        """One value, so many times."""
        self.count += count
        self.sum += value * count
        self.minimum = min(self.minimum, value)
        self.maximum = max(self.maximum, value)
        if self.values is not None:
            self.values[value] = self.values.get(value, 0.0) + count
            self._round()

    def merge(self, other: "StatisticSet") -> None:
        """What another set holds, too."""
        self.count += other.count
        self.sum += other.sum
        self.minimum = min(self.minimum, other.minimum)
        self.maximum = max(self.maximum, other.maximum)
        if self.values is None or other.values is None:
            self.values = None
            return
        for value, count in other.values.items():
            self.values[value] = self.values.get(value, 0.0) + count
        self._round()

    def statistic(self, name: str) -> float | None:
        """One statistic by its name in CloudWatch (``Average``, ``p99``); None if it cannot be made of what is kept.

        Raises ``AwsError`` InvalidParameterValueException for a name that is none, or one that is not computed here.
        """
        match name:
            case "SampleCount":
                return self.count
            case "Sum":
                return self.sum
            case "Minimum":
                return self.minimum
            case "Maximum":
                return self.maximum
            case "Average":
                return self.sum / self.count
        return self._percentile(percentile_of(name))

    def _percentile(self, share: float) -> float | None:
        if self.values is None:
            return None
        wanted = max(1.0, ceil(share * self.count))
        seen = 0.0
        for value in sorted(self.values):
            seen += self.values[value]
            if seen >= wanted:
                return min(max(value, self.minimum), self.maximum)
        return self.maximum

    def _round(self) -> None:
        """Keep the number of different values bounded: percentiles are then good to two digits."""
        if self.values is None or len(self.values) <= VALUES_MAX:
            return
        for digits in (3, 2, 1):
            rounded: dict[float, float] = {}
            for value, count in self.values.items():
                near = _significant(value, digits)
                rounded[near] = rounded.get(near, 0.0) + count
            self.values = rounded
            if len(rounded) <= VALUES_MAX:
                return


def percentile_of(name: str) -> float:
    """``p99`` as a share; raises ``AwsError``."""
    match = _PERCENTILE.fullmatch(name)
    if match is None:
        raise AwsError(
            "InvalidParameterValueException",
            f"The value {name} for parameter Statistic is not supported: terrella computes "
            f"{', '.join(STATISTICS)} and percentiles (p0 to p100).",
        )
    return float(match[1]) / 100


def check_statistic(name: str) -> None:
    """Raises ``AwsError`` for a statistic that there is not."""
    if name not in STATISTICS:
        percentile_of(name)


def _significant(value: float, digits: int) -> float:
    return 0.0 if value == 0 else round(value, digits - 1 - floor(log10(abs(value))))
