"""A region's figures as Prometheus metrics. What is not known is left out, never 0."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

if TYPE_CHECKING:
    from terrella.region.process import Region

METRICS_PATH = "/metrics"
"""Where Prometheus looks if it is not told otherwise."""
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_PAIR = ("region", "peer", "table", "lane")
_TABLE = ("region", "table", "lane")


class Metric(NamedTuple):
    """A metric: its labels' names in order, and what it says."""

    kind: str
    labels: tuple[str, ...]
    help: str


METRICS: dict[str, Metric] = {
    "terrella_region_up": Metric("gauge", ("region",), "1 if the region answers the front door; only there"),
    "terrella_region_serving": Metric("gauge", ("region",), "1 if the region takes traffic"),
    "terrella_replication_lag_seconds": Metric("gauge", _PAIR, "how far the region is behind the peer now"),
    "terrella_replication_lag_quantile_seconds": Metric(
        "gauge", (*_PAIR, "quantile"), "the same, of the last thousand slices of records"
    ),
    "terrella_replication_complete_seconds": Metric(
        "gauge", _PAIR, "age of the moment up to which everything of the peer's is here: the lag is never more"
    ),
    "terrella_replication_known_age_seconds": Metric(
        "gauge", _PAIR, "how long ago the peer last said what it holds; beyond 2 the lag is unknown"
    ),
    "terrella_replication_records_behind": Metric("gauge", _PAIR, "records of the peer's that are not here"),
    "terrella_replication_bytes_behind": Metric("gauge", _PAIR, "the same in bytes"),
    "terrella_replication_bytes_behind_estimated": Metric(
        "gauge", _PAIR, "1 if a part of the bytes behind is an estimate"
    ),
    "terrella_replication_unacknowledged_records": Metric(
        "gauge", _PAIR, "writes of this region that the peer has not acknowledged"
    ),
    "terrella_replication_unacknowledged_bytes": Metric(
        "gauge", _PAIR, "bytes of this region's records that the peer has not acknowledged"
    ),
    "terrella_replication_unacknowledged_oldest_seconds": Metric(
        "gauge", _PAIR, "how long the oldest of these has been waiting"
    ),
    "terrella_replication_at_risk_records": Metric(
        "gauge", _TABLE, "writes of this region that no other region has acknowledged"
    ),
    "terrella_replication_conflicts_total": Metric(
        "counter", _TABLE, "versions that lost to a concurrent write, in the conflict log"
    ),
    "terrella_replication_parked_records": Metric("gauge", _PAIR, "records of the peer's that cannot be applied here"),
    "terrella_replication_stopped": Metric(
        "gauge", _PAIR, "1 if the peer's records are not taken any more, or a snapshot is needed"
    ),
    "terrella_replication_connected": Metric("gauge", ("region", "peer"), "1 if the region pulls from the peer"),
    "terrella_replication_last_contact_seconds": Metric(
        "gauge", ("region", "peer"), "how long ago the peer was last heard"
    ),
    "terrella_replication_retries_total": Metric("counter", ("region", "peer"), "connections that had to be made anew"),
    "terrella_table_items": Metric("gauge", ("region", "table"), "items"),
    "terrella_table_bytes": Metric("gauge", ("region", "table"), "bytes of keys and items, as stored"),
    "terrella_function_invocations_total": Metric("counter", ("region", "az", "function"), "invocations"),
    "terrella_function_errors_total": Metric("counter", ("region", "az", "function"), "invocations that failed"),
    "terrella_function_cold_starts_total": Metric("counter", ("region", "az", "function"), "workers that were started"),
    "terrella_function_workers": Metric("gauge", ("region", "az", "function"), "worker processes"),
    "terrella_function_throttles_total": Metric(
        "counter", ("region", "function"), "invocations refused for want of room"
    ),
    "terrella_health_check_healthy": Metric(
        "gauge", ("region", "check", "name"), "1 if the region takes the health check for healthy"
    ),
    "terrella_dns_answers_total": Metric("counter", ("region",), "answers of the region's name server"),
    "terrella_cross_region_calls_total": Metric(
        "counter", ("region", "to", "function", "service", "operation"), "AWS calls that left the region"
    ),
    "terrella_store_unavailable": Metric("gauge", ("region",), "1 if the region's store takes no writes"),
}
"""Every metric, in the order in which they are told."""


class Sample(msgspec.Struct, array_like=True, frozen=True):
    """One value: labels in the order of the metric's."""

    metric: str
    labels: tuple[str, ...]
    value: float


class Samples:
    """Collects samples; a value that is not known is no sample."""

    def __init__(self) -> None:
        self.all: list[Sample] = []

    def add(self, metric: str, labels: Sequence[str], value: float | None, scale: float = 1.0) -> None:
        """One more, unless it is None."""
        assert len(labels) == len(METRICS[metric].labels), metric
        if value is not None:
            self.all.append(Sample(metric, tuple(labels), value * scale))


async def region_samples(region: "Region") -> list[Sample]:
    """Everything of one region now."""
    samples = Samples()
    name = region.configuration.region
    samples.add("terrella_region_serving", (name,), region.admission.current.state == "serving")
    add_replication(samples, await region.operations.replication())
    for table in region.tables.status():
        samples.add("terrella_table_items", (name, table.name), table.items)
        samples.add("terrella_table_bytes", (name, table.name), table.size_bytes)
    for function in region.functions.status():
        samples.add("terrella_function_throttles_total", (name, function.name), function.throttles)
        for az in function.azs:
            labels = (name, az.az, function.name)
            samples.add("terrella_function_invocations_total", labels, az.invocations)
            samples.add("terrella_function_errors_total", labels, az.errors)
            samples.add("terrella_function_cold_starts_total", labels, az.cold_starts)
            samples.add("terrella_function_workers", labels, az.workers)
    for check_id, check in region.desk.health_report().items():
        healthy = check["healthy"]
        samples.add("terrella_health_check_healthy", (name, check_id, str(check["name"])), bool(healthy))
    samples.add("terrella_dns_answers_total", (name,), region.name_server.answers)
    for call in region.calls.report():
        words = [str(call[word]) for word in ("to", "function", "service", "operation")]
        samples.add("terrella_cross_region_calls_total", (name, *words), float(str(call["count"])))
    samples.add("terrella_store_unavailable", (name,), region.journal.status().unavailable is not None)
    return samples.all


def add_replication(samples: Samples, told: Mapping[str, Any]) -> None:
    """What ``/_terrella/replication`` tells, as samples."""
    region = told["region"]
    for peer, connection in told["peers"].items():
        labels = (region, peer)
        samples.add("terrella_replication_connected", labels, connection["connected"])
        samples.add("terrella_replication_last_contact_seconds", labels, connection["last_contact_ms_ago"], 1e-3)
        samples.add("terrella_replication_retries_total", labels, connection["retries"])
    for table in told["tables"]:
        of_table = (region, table["table"], table["lane"])
        samples.add("terrella_replication_at_risk_records", of_table, table["at_risk"])
        samples.add("terrella_replication_conflicts_total", of_table, table["conflicts"])
        for peer, pair in table["peers"].items():
            _add_pair(samples, (region, peer, table["table"], table["lane"]), pair)


def _add_pair(samples: Samples, labels: tuple[str, ...], pair: Mapping[str, Any]) -> None:
    samples.add("terrella_replication_lag_seconds", labels, pair["lag_ms"], 1e-3)
    samples.add("terrella_replication_lag_quantile_seconds", (*labels, "0.5"), pair["lag_p50_ms"], 1e-3)
    samples.add("terrella_replication_lag_quantile_seconds", (*labels, "0.99"), pair["lag_p99_ms"], 1e-3)
    samples.add("terrella_replication_complete_seconds", labels, pair["complete_ms_ago"], 1e-3)
    samples.add("terrella_replication_known_age_seconds", labels, pair["known_ms_ago"], 1e-3)
    samples.add("terrella_replication_records_behind", labels, pair["records_behind"])
    samples.add("terrella_replication_bytes_behind", labels, pair["bytes_behind"])
    if pair["bytes_behind"] is not None:
        samples.add("terrella_replication_bytes_behind_estimated", labels, not pair["bytes_behind_exact"])
    samples.add("terrella_replication_unacknowledged_records", labels, pair["unacknowledged"])
    samples.add("terrella_replication_unacknowledged_bytes", labels, pair["unacknowledged_bytes"])
    samples.add("terrella_replication_unacknowledged_oldest_seconds", labels, pair["unacknowledged_oldest_ms"], 1e-3)
    samples.add("terrella_replication_parked_records", labels, pair["parked"])
    samples.add("terrella_replication_stopped", labels, bool(pair["stopped"] or pair["snapshot_required"]))


def render_metrics(samples: Iterable[Sample]) -> bytes:
    """Samples in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, generate_latest  # 40 ms, which only who is scraped need spend
    from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

    by_metric: dict[str, list[Sample]] = {}
    for sample in samples:
        by_metric.setdefault(sample.metric, []).append(sample)
    families = []
    for name, metric in METRICS.items():
        if name in by_metric:
            make = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = make(name, metric.help, labels=metric.labels)
            for sample in by_metric[name]:
                family.add_metric(sample.labels, sample.value)
            families.append(family)

    class _Collected:
        def collect(self) -> list[Any]:
            return families

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected())
    return generate_latest(registry)
