"""``GetMetricStatistics``."""

from math import ceil
from typing import Any

from terrella.kernel import AwsError
from terrella.services.monitoring.metrics import Metrics, check_period, check_times, dimensions_of
from terrella.services.monitoring.series import minute_of
from terrella.services.monitoring.statistics import STATISTICS, StatisticSet, check_statistic

DATAPOINTS_MAX = 1440


async def get_metric_statistics(metrics: Metrics, params: dict[str, Any]) -> dict[str, Any]:
    """One metric's statistics; periods begin at the start time, rounded down to its minute."""
    plain, extended = params.get("Statistics") or [], params.get("ExtendedStatistics") or []
    if not plain and not extended:
        raise AwsError(
            "MissingRequiredParameterException",
            "Must specify either Statistics or ExtendedStatistics: at least one statistic is needed.",
        )
    for name in extended:
        check_statistic(name)
    start_s, end_s, period_s = params["StartTime"], params["EndTime"], params["Period"]
    check_period(period_s)
    check_times(start_s, end_s)
    wanted = ceil((end_s - start_s) / period_s)
    if wanted > DATAPOINTS_MAX:
        raise AwsError(
            "InvalidParameterCombinationException",
            f"You have requested up to {wanted:,} datapoints, which exceeds the limit of {DATAPOINTS_MAX:,}. "
            "You may reduce the datapoints requested by increasing Period, or decreasing the time range.",
        )
    first = minute_of(start_s)
    datapoints = []
    dimensions = dimensions_of(params.get("Dimensions"))
    for series in metrics.find(params["Namespace"], params["MetricName"], dimensions, params.get("Unit")):
        for start, statistics in metrics.periods(series, first, ceil(end_s), period_s, first).items():
            datapoints.append({"Timestamp": start, "Unit": series.unit, **_told(statistics, plain, extended)})
    return {"Label": params["MetricName"], "Datapoints": datapoints}


def _told(statistics: StatisticSet, plain: list[str], extended: list[str]) -> dict[str, Any]:
    told: dict[str, Any] = {name: statistics.statistic(name) for name in STATISTICS if name in plain}
    if extended:
        percentiles = {name: statistics.statistic(name) for name in extended}
        told["ExtendedStatistics"] = {name: value for name, value in percentiles.items() if value is not None}
    return told
