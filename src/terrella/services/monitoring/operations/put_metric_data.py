"""``PutMetricData``."""

import math
from collections.abc import Iterator
from typing import Any

from terrella.kernel import AwsError
from terrella.services.monitoring.metrics import Metrics, dimensions_of
from terrella.services.monitoring.series import RETENTION_S, Series, minute_of
from terrella.services.monitoring.statistics import StatisticSet

METRICS_MAX = 1000
VALUES_MAX = 150
PAST_MAX_S, FUTURE_MAX_S = 14 * 86_400, 2 * 3600
_LARGEST = 2.0**360
assert PAST_MAX_S <= RETENTION_S


async def put_metric_data(metrics: Metrics, params: dict[str, Any]) -> dict[str, Any]:
    """Values of the application's own metrics, durable when this answers. They stay in this region, as on AWS."""
    namespace = params["Namespace"]
    if namespace.startswith("AWS/"):
        raise AwsError(
            "InvalidParameterValueException",
            f"The value {namespace} for parameter Namespace is invalid: names that begin with AWS/ are AWS's own.",
        )
    data = [*(params.get("MetricData") or ())]
    for entity in params.get("EntityMetricData") or ():
        data += entity.get("MetricData") or ()
    if not data:
        raise AwsError("MissingRequiredParameterException", "The parameter MetricData is required.")
    if len(data) > METRICS_MAX:
        raise AwsError(
            "InvalidParameterValueException",
            f"The collection MetricData must not have a size greater than {METRICS_MAX}.",
        )
    await metrics.put(list(_minutes(namespace, data, metrics.now_s)))
    return {}


def _minutes(namespace: str, data: list[dict[str, Any]], now_s: float) -> Iterator[tuple[Series, int, StatisticSet]]:
    for number, datum in enumerate(data, 1):
        where = f"MetricData.member.{number}"
        time_s = datum.get("Timestamp", now_s)
        if not now_s - PAST_MAX_S <= time_s <= now_s + FUTURE_MAX_S:
            raise AwsError(
                "InvalidParameterValueException",
                f"The parameter {where}.Timestamp must specify a time within the past two weeks, and no more than two "
                "hours in the future.",
            )
        dimensions = dimensions_of(datum.get("Dimensions"))
        series = Series(namespace, datum["MetricName"], dimensions, datum.get("Unit", "None"))
        yield series, minute_of(time_s), _statistics(datum, where)


def _statistics(datum: dict[str, Any], where: str) -> StatisticSet:
    given = [name for name in ("Value", "Values", "StatisticValues") if datum.get(name) is not None]
    if len(given) != 1:
        raise AwsError(
            "InvalidParameterCombinationException",
            f"The parameters {where}.Value, {where}.Values and {where}.StatisticValues: exactly one must be given.",
        )
    if given == ["StatisticValues"]:
        return _ready_made(datum["StatisticValues"], where)
    values = datum["Values"] if given == ["Values"] else [datum["Value"]]
    counts = datum.get("Counts") or [1.0] * len(values)
    if len(values) > VALUES_MAX or len(counts) != len(values):
        raise AwsError(
            "InvalidParameterValueException",
            f"The parameters {where}.Values and {where}.Counts must be of the same length, at most {VALUES_MAX}.",
        )
    statistics = StatisticSet()
    for value, count in zip(values, counts, strict=True):
        _check_number(value, f"{where}.Value")
        _check_number(count, f"{where}.Counts")
        if count < 0:
            raise AwsError("InvalidParameterValueException", f"The parameter {where}.Counts must not be negative.")
        if count:
            statistics.add(value, count)
    return statistics


def _ready_made(given: dict[str, float], where: str) -> StatisticSet:
    """Sums that the client has made: there are no percentiles of them, unless all values were the same."""
    for name, value in given.items():
        _check_number(value, f"{where}.StatisticValues.{name}")
    count, low, high = given["SampleCount"], given["Minimum"], given["Maximum"]
    if count <= 0 or low > high:
        raise AwsError(
            "InvalidParameterValueException",
            f"The parameter {where}.StatisticValues must have a SampleCount above 0, and Minimum not above Maximum.",
        )
    values = {low: count} if low == high else None
    return StatisticSet(count, given["Sum"], low, high, values)


def _check_number(value: float, where: str) -> None:
    if not math.isfinite(value) or abs(value) > _LARGEST:
        raise AwsError(
            "InvalidParameterValueException", f"The value {value} for parameter {where} is invalid: it is out of range."
        )
