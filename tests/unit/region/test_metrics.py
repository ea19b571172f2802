"""Prometheus' text: every metric is declared, and what is not known is not told."""

from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from terrella.region import METRICS, Sample, render_metrics
from terrella.region.metrics import Samples, add_replication

PAIR: dict[str, Any] = {
    "lag_ms": 34.0,
    "lag_p50_ms": 33.0,
    "lag_p99_ms": 61.0,
    "complete_ms_ago": 40.0,
    "known_ms_ago": 12.0,
    "records_behind": 3,
    "bytes_behind": 4100,
    "bytes_behind_exact": False,
    "unacknowledged": 2,
    "unacknowledged_bytes": 900,
    "unacknowledged_oldest_ms": 1500.0,
    "parked": 0,
    "stopped": None,
    "snapshot_required": False,
}
UNKNOWN = {
    **PAIR,
    **dict.fromkeys(("lag_ms", "lag_p50_ms", "lag_p99_ms", "complete_ms_ago", "known_ms_ago"), None),
    **dict.fromkeys(("records_behind", "bytes_behind", "unacknowledged_bytes", "unacknowledged_oldest_ms"), None),
}


def told(pair: dict[str, Any]) -> dict[str, Any]:
    return {
        "region": "us-east-1",
        "peers": {"eu-west-1": {"connected": False, "last_contact_ms_ago": None, "retries": 7}},
        "tables": [{"table": 'it"ems', "lane": "async", "at_risk": 2, "conflicts": 5, "peers": {"eu-west-1": pair}}],
    }


def text(pair: dict[str, Any]) -> str:
    samples = Samples()
    add_replication(samples, told(pair))
    return render_metrics(samples.all).decode()


def test_replication_as_prometheus_reads_it() -> None:
    families = {family.name: family for family in text_string_to_metric_families(text(PAIR))}
    lag = families["terrella_replication_lag_seconds"]
    assert lag.type == "gauge"
    assert [(sample.labels, sample.value) for sample in lag.samples] == [
        ({"region": "us-east-1", "peer": "eu-west-1", "table": 'it"ems', "lane": "async"}, 0.034)
    ]
    quantiles = families["terrella_replication_lag_quantile_seconds"].samples
    assert {sample.labels["quantile"]: sample.value for sample in quantiles} == {"0.5": 0.033, "0.99": 0.061}
    conflicts = families["terrella_replication_conflicts"]
    assert (conflicts.type, conflicts.samples[0].name) == ("counter", "terrella_replication_conflicts_total")
    assert families["terrella_replication_bytes_behind_estimated"].samples[0].value == 1
    assert families["terrella_replication_connected"].samples[0].value == 0


def test_what_is_unknown_is_absent_and_not_zero() -> None:
    shown = text(UNKNOWN)
    for name in ("lag_seconds", "records_behind", "bytes_behind", "last_contact_seconds", "known_age_seconds"):
        assert f"terrella_replication_{name}" not in shown
    assert "terrella_replication_at_risk_records" in shown


def test_samples_of_several_regions_stand_under_one_heading() -> None:
    shown = render_metrics([Sample("terrella_region_up", (name,), 1.0) for name in ("us-east-1", "eu-west-1")]).decode()
    assert shown.count("# TYPE terrella_region_up gauge") == 1
    assert 'terrella_region_up{region="eu-west-1"} 1.0' in shown


def test_names_follow_prometheus_conventions() -> None:
    for name, metric in METRICS.items():
        assert name.startswith("terrella_")
        assert name.endswith("_total") == (metric.kind == "counter"), name
        assert "region" in metric.labels
        assert not name.endswith("_ms"), "base units"
