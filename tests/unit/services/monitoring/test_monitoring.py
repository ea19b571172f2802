"""CloudWatch as its clients see it, in every protocol that they speak."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.services.monitoring.conftest import Watch, written

from terrella.journal import Journal
from terrella.kernel import AwsError
from terrella.services.monitoring.statistics import VALUES_MAX, StatisticSet
from terrella.testing import ManualClock

DIMENSIONS = [{"Name": "TableName", "Value": "items"}, {"Name": "ReceivingRegion", "Value": "eu-west-1"}]
LATENCY: dict[str, Any] = {"Namespace": "AWS/DynamoDB", "MetricName": "ReplicationLatency", "Dimensions": DIMENSIONS}
START = datetime.fromtimestamp(1_700_000_040, UTC)
MINUTE = timedelta(minutes=1)


def times(minutes: float = 10) -> dict[str, Any]:
    return {"StartTime": START, "EndTime": START + minutes * MINUTE}


def query(stat: str = "Average", period: int = 60, **more: Any) -> dict[str, Any]:
    return {"Id": "q1", "MetricStat": {"Metric": LATENCY, "Period": period, "Stat": stat}, **more}


async def test_replication_latency_by_the_minute(watch: Watch) -> None:
    for number in range(150):
        await watch.second(40.0 if number < 60 else 100.0 + number % 2)
    answer = await watch.ask(
        "GetMetricStatistics", **LATENCY, **times(), Period=60, Statistics=["Average", "Maximum", "SampleCount"]
    )
    assert answer["Label"] == "ReplicationLatency"
    points = sorted(answer["Datapoints"], key=lambda point: point["Timestamp"])
    assert points == [
        {"Timestamp": START, "Average": 40.0, "Maximum": 40.0, "SampleCount": 60.0, "Unit": "Milliseconds"},
        {"Timestamp": START + MINUTE, "Average": 100.5, "Maximum": 101.0, "SampleCount": 60.0, "Unit": "Milliseconds"},
        {
            "Timestamp": START + 2 * MINUTE,
            "Average": 100.5,
            "Maximum": 101.0,
            "SampleCount": 30.0,
            "Unit": "Milliseconds",
        },
    ]


async def test_minutes_of_which_nothing_is_known_have_no_datapoint(watch: Watch) -> None:
    for number in range(180):
        await watch.second(None if 60 <= number < 120 else 40.0)
    answer = await watch.ask("GetMetricData", MetricDataQueries=[query()], **times(), ScanBy="TimestampAscending")
    (result,) = answer["MetricDataResults"]
    assert result["Timestamps"] == [START, START + 2 * MINUTE]
    assert (result["Values"], result["StatusCode"], result["Label"]) == ([40.0, 40.0], "Complete", "ReplicationLatency")


async def test_several_statistics_and_periods_at_once(watch: Watch) -> None:
    for number in range(120):
        await watch.second(float(number))
    queries = [
        query("p50", 120) | {"Id": "half"},
        query("Maximum", 3600) | {"Id": "most", "Label": "worst"},
        query("Sum") | {"Id": "silent", "ReturnData": False},
        query("Average") | {"Id": "other", "MetricStat": {**query()["MetricStat"], "Unit": "Seconds"}},
    ]
    answer = await watch.ask("GetMetricData", MetricDataQueries=queries, **times())
    found = {result["Id"]: result for result in answer["MetricDataResults"]}
    assert list(found) == ["half", "most", "other"]
    assert sum(found["half"]["Values"]) > 0
    assert (found["most"]["Values"], found["most"]["Label"]) == ([119.0], "worst")
    assert found["other"]["Values"] == []


async def test_pages_of_metric_data(watch: Watch) -> None:
    for number in range(300):
        await watch.second(float(number // 60))
    values, token, pages = [], None, 0
    while token is not None or not pages:
        more: dict[str, Any] = {"NextToken": token} if token else {}
        answer = await watch.ask("GetMetricData", MetricDataQueries=[query()], **times(), MaxDatapoints=2, **more)
        values += answer["MetricDataResults"][0]["Values"]
        token = answer.get("NextToken")
        pages += 1
    assert (values, pages) == ([4.0, 3.0, 2.0, 1.0, 0.0], 3)
    asked = {"MetricDataQueries": [query()], **times(), "NextToken": "x"}
    assert (await watch.fails("GetMetricData", **asked))[0] == "InvalidNextToken"


async def test_metrics_are_listed_with_their_dimensions(watch: Watch) -> None:
    assert (await watch.ask("ListMetrics"))["Metrics"] == []
    await watch.second(40.0)
    await watch.second(40.0, "clicks", "us-west-2")
    await watch.ask("PutMetricData", Namespace="shop", MetricData=[{"MetricName": "orders", "Value": 1.0}])
    everything = (await watch.ask("ListMetrics"))["Metrics"]
    assert [metric["MetricName"] for metric in everything] == ["ReplicationLatency", "ReplicationLatency", "orders"]
    of_items = await watch.ask(
        "ListMetrics", Namespace="AWS/DynamoDB", Dimensions=[{"Name": "TableName", "Value": "items"}]
    )
    (metric,) = of_items["Metrics"]
    assert {one["Name"]: one["Value"] for one in metric["Dimensions"]} == {
        "ReceivingRegion": "eu-west-1",
        "TableName": "items",
    }
    assert len((await watch.ask("ListMetrics", Dimensions=[{"Name": "TableName"}]))["Metrics"]) == 2
    watch.clock.advance(4 * 3600)
    assert (await watch.ask("ListMetrics", RecentlyActive="PT3H"))["Metrics"] == []
    watch.clock.advance(15 * 86_400)
    assert (await watch.ask("ListMetrics"))["Metrics"] == []


async def test_other_names_answer_nothing_as_aws_does(watch: Watch) -> None:
    await watch.second(40.0)
    unknown: dict[str, Any] = {
        "Namespace": "AWS/DynamoDB",
        "MetricName": "ConsumedWriteCapacityUnits",
        "Dimensions": DIMENSIONS,
    }
    answer = await watch.ask("GetMetricStatistics", **unknown, **times(), Period=60, Statistics=["Sum"])
    assert (answer["Datapoints"], answer["Label"]) == ([], "ConsumedWriteCapacityUnits")
    fewer: dict[str, Any] = {**LATENCY, "Dimensions": DIMENSIONS[:1]}
    assert (await watch.ask("GetMetricStatistics", **fewer, **times(), Period=60, Statistics=["Sum"]))[
        "Datapoints"
    ] == []


async def test_metrics_of_the_application_are_kept(watch: Watch, journal: Journal, clock: ManualClock) -> None:
    data = [
        {"MetricName": "orders", "Value": 2.0, "Unit": "Count", "Dimensions": [{"Name": "shop", "Value": "7"}]},
        {"MetricName": "orders", "Values": [1.0, 5.0], "Counts": [3.0, 1.0], "Unit": "Count",
         "Dimensions": [{"Name": "shop", "Value": "7"}]},
        {"MetricName": "sizes", "Timestamp": START - MINUTE,
         "StatisticValues": {"SampleCount": 4.0, "Sum": 10.0, "Minimum": 1.0, "Maximum": 4.0}},
    ]  # fmt: skip
    await watch.ask("PutMetricData", Namespace="shop", MetricData=data, pack=watch.protocol != "query")
    again = Watch(journal, clock, watch.protocol)
    await again.monitoring.start()
    asked: dict[str, Any] = {
        "Namespace": "shop",
        "Dimensions": [{"Name": "shop", "Value": "7"}],
        **times(),
        "Period": 60,
    }
    statistics = ["SampleCount", "Sum", "Minimum", "Maximum"]
    (point,) = (await again.ask("GetMetricStatistics", MetricName="orders", Statistics=statistics, **asked))[
        "Datapoints"
    ]
    assert (point["SampleCount"], point["Sum"], point["Minimum"], point["Maximum"]) == (5.0, 10.0, 1.0, 5.0)
    assert point["Unit"] == "Count"
    asked = {"Namespace": "shop", "StartTime": START - 5 * MINUTE, "EndTime": START + MINUTE, "Period": 300}
    extended: dict[str, Any] = {"Statistics": ["Average"], "ExtendedStatistics": ["p99"]}
    (point,) = (await again.ask("GetMetricStatistics", MetricName="sizes", **extended, **asked))["Datapoints"]
    assert (point["Average"], point.get("ExtendedStatistics", {})) == (2.5, {})


@pytest.mark.parametrize(
    ("operation", "params", "code", "words"),
    [
        ("PutMetricData", {"Namespace": "AWS/EC2", "MetricData": []}, "InvalidParameterValue", "AWS's own"),
        ("PutMetricData", {"Namespace": "a"}, "MissingParameter", "MetricData"),
        (
            "PutMetricData",
            {"Namespace": "a", "MetricData": [{"MetricName": "m"}]},
            "InvalidParameterCombination",
            "Value",
        ),
        (
            "PutMetricData",
            {
                "Namespace": "a",
                "MetricData": [{"MetricName": "m", "Value": 1.0, "Timestamp": START - timedelta(days=15)}],
            },
            "InvalidParameterValue",
            "two weeks",
        ),
        (
            "PutMetricData",
            {"Namespace": "a", "MetricData": [{"MetricName": "m", "Values": [1.0], "Counts": [1.0, 2.0]}]},
            "InvalidParameterValue",
            "same length",
        ),
        (
            "GetMetricData",
            {"MetricDataQueries": [{"Id": "e1", "Expression": "m1*2"}], **times()},
            "ValidationError",
            "no metric math",
        ),
        ("GetMetricData", {"MetricDataQueries": [query(), query()], **times()}, "ValidationError", "not unique"),
        ("GetMetricData", {"MetricDataQueries": [query("tm99")], **times()}, "InvalidParameterValue", "tm99"),
        ("GetMetricStatistics", {**LATENCY, **times(), "Period": 60}, "MissingParameter", "Statistics"),
        (
            "GetMetricStatistics",
            {**LATENCY, **times(2000), "Period": 60, "Statistics": ["Sum"]},
            "InvalidParameterCombination",
            "2,000 datapoints",
        ),
        (
            "GetMetricStatistics",
            {**LATENCY, **times(), "Period": 61, "Statistics": ["Sum"]},
            "InvalidParameterValue",
            "multiple of 60",
        ),
        (
            "GetMetricStatistics",
            {**LATENCY, **times(-1), "Period": 60, "Statistics": ["Sum"]},
            "ValidationError",
            "StartTime",
        ),
        ("ListMetrics", {"NextToken": "?"}, "InvalidParameterValue", "NextToken"),
    ],
)
async def test_what_cannot_be_is_refused(
    watch: Watch, operation: str, params: dict[str, Any], code: str, words: str
) -> None:
    found, message = await watch.fails(operation, **params)
    assert found == code
    assert words in message


async def test_operations_that_are_not_built_say_so(watch: Watch) -> None:
    assert "DescribeAlarms" in (await watch.fails("DescribeAlarms"))[1]


async def test_old_minutes_are_swept(watch: Watch) -> None:
    await watch.second(40.0)
    await watch.monitoring.close()
    watch.clock.advance(16 * 86_400)
    for _ in range(61):
        watch.clock.advance(60)
        await watch.second(None)
    assert list(watch.monitoring._store.latest()) == []
    asked: dict[str, Any] = {**LATENCY, "StartTime": START - MINUTE, "EndTime": START + MINUTE, "Period": 60}
    assert (await watch.ask("GetMetricStatistics", Statistics=["Sum"], **asked))["Datapoints"] == []


async def test_what_was_measured_survives_a_restart(watch: Watch, journal: Journal, clock: ManualClock) -> None:
    await watch.second(40.0)
    await watch.monitoring.close()
    again = Watch(journal, clock, watch.protocol)
    await again.monitoring.start()
    await again.second(60.0)
    answer = await again.ask("GetMetricStatistics", **LATENCY, **times(), Period=60, Statistics=["Average"])
    assert sorted(point["Average"] for point in answer["Datapoints"]) in ([50.0], [40.0, 60.0])


async def test_rubbish_is_refused(watch: Watch) -> None:
    request = written(watch.protocol, "ListMetrics", {})
    request.body = b"\xff\xfe"
    response = await watch.monitoring.handle(request)
    assert response.status in (400, 404)


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=400), st.lists(st.floats(-1e9, 1e9), max_size=400))
def test_sets_put_together_are_what_one_set_would_be(one: list[float], other: list[float]) -> None:
    parts, whole = (StatisticSet(), StatisticSet()), StatisticSet()
    for part, values in zip(parts, (one, other), strict=True):
        for value in values:
            part.add(value)
            whole.add(value)
    parts[0].merge(parts[1])
    for name in ("SampleCount", "Minimum", "Maximum"):
        assert parts[0].statistic(name) == whole.statistic(name)
    assert parts[0].statistic("Sum") == pytest.approx(whole.statistic("Sum"), abs=1)
    assert parts[0].values is not None
    assert len(parts[0].values) <= VALUES_MAX
    middle = parts[0].statistic("p50")
    assert middle is not None
    assert min(one + other) <= middle <= max(one + other)


@given(st.lists(st.integers(1, 100), min_size=1, max_size=100))
def test_percentiles_of_few_values_are_exact(values: list[int]) -> None:
    statistics = StatisticSet()
    for value in values:
        statistics.add(float(value))
    ordered = sorted(values)
    assert statistics.statistic("p100") == ordered[-1]
    assert statistics.statistic("p0") == ordered[0]
    assert statistics.statistic("p50") == ordered[(len(ordered) + 1) // 2 - 1]


def test_a_statistic_that_is_none() -> None:
    with pytest.raises(AwsError, match="IQM"):
        StatisticSet().statistic("IQM")
