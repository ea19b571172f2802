"""``ListMetrics``."""

from typing import Any

from terrella.kernel import AwsError
from terrella.services.monitoring.metrics import Metrics, told_metric
from terrella.services.monitoring.series import Series

PAGE = 500
LISTED_S = 14 * 86_400
RECENTLY_ACTIVE_S = 3 * 3600


async def list_metrics(metrics: Metrics, params: dict[str, Any]) -> dict[str, Any]:
    """The metrics that had values within two weeks, a page of 500 at a time."""
    since = metrics.now_s - (RECENTLY_ACTIVE_S if params.get("RecentlyActive") else LISTED_S)
    found = [series for series, minute in metrics.all().items() if minute >= since and _matches(series, params)]
    # A metric that was put in two units is one metric.
    told = {(series.namespace, series.name, series.dimensions): told_metric(series) for series in sorted_series(found)}
    start = _start(params.get("NextToken"))
    page = list(told.values())[start : start + PAGE]
    return {"Metrics": page, "NextToken": str(start + PAGE) if start + PAGE < len(told) else None}


def sorted_series(found: list[Series]) -> list[Series]:
    """In an order that stays the same from page to page."""
    return sorted(found, key=lambda series: (series.namespace, series.name, series.dimensions))


def _matches(series: Series, params: dict[str, Any]) -> bool:
    if params.get("Namespace") not in (None, series.namespace) or params.get("MetricName") not in (None, series.name):
        return False
    own = dict(series.dimensions)
    return all(
        wanted["Name"] in own and wanted.get("Value") in (None, own[wanted["Name"]])
        for wanted in params.get("Dimensions") or ()
    )


def _start(token: str | None) -> int:
    if token is None:
        return 0
    if not token.isdecimal():
        raise AwsError("InvalidParameterValueException", "The parameter NextToken is not one that was answered.")
    return int(token)
