"""CloudWatch's operations, one file each. What is not in the table answers an error that says so."""

from collections.abc import Awaitable, Callable
from typing import Any

from terrella.services.monitoring.metrics import Metrics
from terrella.services.monitoring.operations.get_metric_data import get_metric_data
from terrella.services.monitoring.operations.get_metric_statistics import get_metric_statistics
from terrella.services.monitoring.operations.list_metrics import list_metrics
from terrella.services.monitoring.operations.put_metric_data import put_metric_data

Operation = Callable[[Metrics, dict[str, Any]], Awaitable[dict[str, Any]]]

OPERATIONS: dict[str, Operation] = {
    "GetMetricData": get_metric_data,
    "GetMetricStatistics": get_metric_statistics,
    "ListMetrics": list_metrics,
    "PutMetricData": put_metric_data,
}
"""By their names in the service model."""
