"""``GetMetricData``."""

from math import ceil
from typing import Any

from terrella.kernel import AwsError
from terrella.services.monitoring.metrics import Metrics, check_period, check_times, dimensions_of
from terrella.services.monitoring.statistics import StatisticSet, check_statistic

QUERIES_MAX = 500
DATAPOINTS_MAX = 100_800


async def get_metric_data(metrics: Metrics, params: dict[str, Any]) -> dict[str, Any]:
    """Several metrics at once, each by one statistic; periods are counted from 1970. Expressions are refused.

    Pages hold ``MaxDatapoints`` values; a token says how many were told before.
    """
    queries = params["MetricDataQueries"]
    if len(queries) > QUERIES_MAX:
        raise AwsError("ValidationError", f"The collection MetricDataQueries must not have more than {QUERIES_MAX}.")
    check_times(params["StartTime"], params["EndTime"])
    _check_queries(queries)
    skip = _skip(params.get("NextToken"))
    room = min(params.get("MaxDatapoints") or DATAPOINTS_MAX, DATAPOINTS_MAX)
    told_before = skip
    results = []
    for query in queries:
        if query.get("ReturnData") is False:
            continue
        points = _points(metrics, query, params)
        page = points[skip : skip + room]
        whole = skip + len(page) >= len(points)
        skip = max(0, skip - len(points))
        room -= len(page)
        told_before += len(page)
        results.append(
            {
                "Id": query["Id"],
                "Label": query.get("Label") or query["MetricStat"]["Metric"].get("MetricName"),
                "Timestamps": [start for start, _ in page],
                "Values": [value for _, value in page],
                "StatusCode": "Complete" if whole else "PartialData",
            }
        )
    complete = all(result["StatusCode"] == "Complete" for result in results)
    return {"MetricDataResults": results, "NextToken": None if complete else str(told_before), "Messages": []}


def _check_queries(queries: list[dict[str, Any]]) -> None:
    ids = [query["Id"] for query in queries]
    if len(set(ids)) != len(ids):
        raise AwsError("ValidationError", "The values for parameter id in MetricDataQueries are not unique.")
    for query in queries:
        if query.get("Expression") is not None or query.get("MetricStat") is None:
            raise AwsError(
                "ValidationError",
                f"Error in expression '{query['Id']}': terrella evaluates no metric math, SEARCH or Metrics Insights; "
                "ask for the metrics themselves (MetricStat).",
            )
        check_period(query["MetricStat"]["Period"])
        check_statistic(query["MetricStat"]["Stat"])


def _points(metrics: Metrics, query: dict[str, Any], params: dict[str, Any]) -> list[tuple[int, float]]:
    wanted, metric = query["MetricStat"], query["MetricStat"]["Metric"]
    period_s = wanted["Period"]
    start_s = int(params["StartTime"] // period_s) * period_s
    periods: dict[int, StatisticSet] = {}
    for series in metrics.find(
        metric.get("Namespace", ""),
        metric.get("MetricName", ""),
        dimensions_of(metric.get("Dimensions")),
        wanted.get("Unit"),
    ):
        for start, statistics in metrics.periods(series, start_s, ceil(params["EndTime"]), period_s, 0).items():
            periods.setdefault(start, StatisticSet()).merge(statistics)
    values = [(start, statistics.statistic(wanted["Stat"])) for start, statistics in periods.items()]
    points = [(start, value) for start, value in values if value is not None]
    return sorted(points, reverse=params.get("ScanBy", "TimestampDescending") == "TimestampDescending")


def _skip(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdecimal():
        raise AwsError("InvalidNextToken", "The parameter NextToken is not one that was answered.")
    return int(token)
