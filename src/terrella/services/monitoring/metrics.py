"""What operations ask of: every metric with its minutes, those written down and the one that is going on."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from terrella.journal import JournalError
from terrella.kernel import AwsError, Clock
from terrella.services.monitoring.recorder import Recorder
from terrella.services.monitoring.series import Series, SeriesStore
from terrella.services.monitoring.statistics import StatisticSet

Dimensions = tuple[tuple[str, str], ...]


class Metrics:
    """The metrics of one region."""

    def __init__(self, store: SeriesStore, recorder: Recorder, clock: Clock) -> None:
        self._store = store
        self._recorder = recorder
        self._clock = clock

    @property
    def now_s(self) -> float:
        """Epoch seconds."""
        return self._clock.now_ms() / 1000

    def all(self) -> Mapping[Series, int]:
        """Every metric and the latest minute that it has a value of."""
        return {**self._store.latest(), **dict.fromkeys(self._recorder.now, self._recorder.minute)}

    def find(self, namespace: str, name: str, dimensions: Dimensions, unit: str | None) -> list[Series]:
        """The series of one metric: one for each unit that it was put in."""
        return [
            series
            for series in self.all()
            if (series.namespace, series.name, series.dimensions) == (namespace, name, dimensions)
            and unit in (None, series.unit)
        ]

    def minutes(self, series: Series, start_s: int, end_s: int) -> Iterator[tuple[int, StatisticSet]]:
        """Minutes that begin from ``start_s`` and before ``end_s`` on."""
        yield from self._store.minutes(series, start_s, end_s)
        present = self._recorder.now.get(series)
        if present is not None and start_s <= self._recorder.minute < end_s:
            yield self._recorder.minute, present

    def periods(
        self, series: Series, start_s: int, end_s: int, period_s: int, origin_s: int
    ) -> dict[int, StatisticSet]:
        """Minutes put together by periods, which are counted from ``origin_s``; by the start of each."""
        periods: dict[int, StatisticSet] = {}
        for minute, statistics in self.minutes(series, start_s, end_s):
            start = origin_s + (minute - origin_s) // period_s * period_s
            periods.setdefault(start, StatisticSet()).merge(statistics)
        return periods

    async def put(self, minutes: Sequence[tuple[Series, int, StatisticSet]]) -> None:
        """Keep values that were put. Raises ``AwsError`` InternalServiceFault if they could not be kept."""
        try:
            await self._store.put(minutes)
        except JournalError as error:
            raise AwsError("InternalServiceFault", str(error), 500) from error


def dimensions_of(given: Sequence[Mapping[str, Any]] | None) -> Dimensions:
    """Dimensions as a request has them, in the order in which they are kept."""
    return tuple(sorted((str(one["Name"]), str(one["Value"])) for one in given or ()))


def told_metric(series: Series) -> dict[str, Any]:
    """A metric as answers have it."""
    dimensions = [{"Name": name, "Value": value} for name, value in series.dimensions]
    return {"Namespace": series.namespace, "MetricName": series.name, "Dimensions": dimensions}


def check_period(period_s: int) -> None:
    """Raises ``AwsError``: a period is 1, 5, 10, 30 or a multiple of 60 seconds."""
    if period_s not in (1, 5, 10, 30) and period_s % 60:
        raise AwsError(
            "InvalidParameterValueException",
            f"The value {period_s} for parameter Period is invalid: it must be 1, 5, 10, 30, or a multiple of 60.",
        )


def check_times(start_s: float, end_s: float) -> None:
    """Raises ``AwsError``: what ends has begun before."""
    if start_s >= end_s:
        raise AwsError("ValidationError", "The parameter StartTime must be less than the parameter EndTime.")
