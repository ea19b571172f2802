"""What a running world says of its replication: known, unknown and since when; JSON, Prometheus, CloudWatch."""

import contextlib
import http.client
import json
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.e2e.worlds import ROOT, Terrella, put, until

from terrella.journal.records import encode_write

EAST, WEST = "us-east-1", "eu-west-1"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terrella]:
    made = Terrella.of(
        ROOT / "examples" / "items",
        tmp_path_factory.mktemp("reporting") / "items",
        regions=(EAST, WEST),
        edit=lambda template: re.sub(r"        - Region: us-west-2\n.*\n", "", template),
    )
    made.up()
    assert put(made, EAST, "first")[0] == 201
    assert put(made, WEST, "second")[0] == 201
    made.until_equal("items")
    yield made
    made.down()


def figures(world: Terrella) -> dict[str, Any]:
    """``terrella lag --json``."""
    told: dict[str, Any] = json.loads(world.run("lag", "--json").stdout)
    return told


def pair(world: Terrella, region: str, peer: str) -> dict[str, Any]:
    (table,) = figures(world)["regions"][region]["tables"]
    found: dict[str, Any] = table["peers"][peer]
    return found


def samples(world: Terrella, name: str, address: str = "") -> dict[tuple[str, ...], float]:
    """One metric by its labels, without the table's."""
    _, headers, body = world.http("GET", address or world.door, 4566, "/metrics")
    assert headers["content-type"].startswith("text/plain; version=0.0.4")
    return {
        tuple(sample.labels[label] for label in ("region", "peer") if label in sample.labels): sample.value
        for family in text_string_to_metric_families(body.decode())
        for sample in family.samples
        if sample.name == name
    }


def test_a_whole_world_knows_everything(world: Terrella) -> None:
    until(lambda: pair(world, EAST, WEST)["lag_p99_ms"], "a lag that was measured")
    known = pair(world, EAST, WEST)
    assert known["lag_ms"] is not None
    assert (known["records_behind"], known["bytes_behind"], known["unacknowledged"]) == (0, 0, 0)
    shown = world.run("lag").stdout
    assert "?" not in shown
    assert "items · async" in shown
    assert set(samples(world, "terrella_replication_lag_seconds")) == {(EAST, WEST), (WEST, EAST)}
    assert set(samples(world, "terrella_replication_lag_seconds", world.addresses[EAST])) == {(EAST, WEST)}
    assert samples(world, "terrella_region_up") == {(EAST,): 1.0, (WEST,): 1.0}


def test_a_cut_link_makes_the_lag_unknown_and_says_since_when(world: Terrella) -> None:
    world.run("link", EAST, WEST, "--cut")
    try:
        until(lambda: pair(world, EAST, WEST)["lag_ms"] is None, "an unknown lag")
        assert put(world, WEST, "third")[0] == 201
        unknown = pair(world, EAST, WEST)
        assert (unknown["records_behind"], unknown["bytes_behind"]) == (None, None)
        assert unknown["known_ms_ago"] > 1000
        assert unknown["last_lag_ms"] is not None
        assert unknown["complete_ms_ago"] >= unknown["known_ms_ago"]
        lacking = pair(world, WEST, EAST)
        assert lacking["unacknowledged"] == 1
        assert lacking["unacknowledged_bytes"] > 0
        assert lacking["unacknowledged_oldest_ms"] > 0
        shown = world.run("lag").stdout
        assert re.search(r"us-east-1 +\S* +\? \d", shown), shown
        assert f"{EAST} is not connected to {WEST}, not heard for" in shown
        assert samples(world, "terrella_replication_lag_seconds") == {}
        assert samples(world, "terrella_replication_records_behind") == {}
        assert samples(world, "terrella_replication_known_age_seconds")[(EAST, WEST)] > 1
        assert samples(world, "terrella_replication_unacknowledged_records")[(WEST, EAST)] == 1
        assert samples(world, "terrella_replication_at_risk_records")[(WEST,)] == 1
    finally:
        world.run("link", EAST, WEST, "--heal")
    until(lambda: pair(world, EAST, WEST)["lag_ms"] is not None, "a lag that is known again")
    world.until_equal("items")
    until(lambda: pair(world, WEST, EAST)["unacknowledged"] == 0, "everything acknowledged")


def test_cloudwatch_has_the_latency_of_the_source_region_for_boto3_unchanged(world: Terrella) -> None:
    cloudwatch = world.client("cloudwatch", EAST)
    listed = until(lambda: cloudwatch.list_metrics(Namespace="AWS/DynamoDB")["Metrics"], "a metric")
    dimensions = [{"Name": "ReceivingRegion", "Value": WEST}, {"Name": "TableName", "Value": "items"}]
    assert listed == [{"Namespace": "AWS/DynamoDB", "MetricName": "ReplicationLatency", "Dimensions": dimensions}]
    now = datetime.now(UTC)
    asked = {
        "Namespace": "AWS/DynamoDB",
        "MetricName": "ReplicationLatency",
        "Dimensions": dimensions,
        "StartTime": now - timedelta(minutes=10),
        "EndTime": now + timedelta(minutes=1),
        "Period": 60,
    }
    answer = cloudwatch.get_metric_statistics(**asked, Statistics=["Average", "Maximum"])
    point = answer["Datapoints"][0]
    assert point["Unit"] == "Milliseconds"
    assert 1 < point["Average"] <= point["Maximum"]
    stat = {"Metric": listed[0], "Period": 60, "Stat": "Maximum"}
    answer = cloudwatch.get_metric_data(
        MetricDataQueries=[{"Id": "worst", "MetricStat": stat}], StartTime=asked["StartTime"], EndTime=asked["EndTime"]
    )
    (result,) = answer["MetricDataResults"]
    assert result["Values"]
    with pytest.raises(cloudwatch.exceptions.InvalidParameterValueException, match="AWS's own"):
        cloudwatch.put_metric_data(Namespace="AWS/x", MetricData=[{"MetricName": "m", "Value": 1}])
    west = world.client("cloudwatch", WEST).list_metrics(Dimensions=[{"Name": "ReceivingRegion", "Value": EAST}])
    assert len(west["Metrics"]) == 1


def test_the_pages_examples_work_as_they_stand(world: Terrella) -> None:
    cloudwatch = (ROOT / "docs" / "services" / "monitoring.md").read_text()
    (code,) = re.findall(r"```python\n(.*?)```", cloudwatch, re.DOTALL)
    environment = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        exec(code.replace("127.0.0.1:4566", f"{world.door}:4566"), {})
    page = (ROOT / "docs" / "reporting.md").read_text()
    for command, documented in re.findall(r"```console\n\$ terrella (.*?)\n(.*?)```", page, re.DOTALL):
        shown = world.run(*command.split()).stdout
        for heading in re.findall(r"^(?:items|region) .*", documented, re.MULTILINE):
            words = re.sub(r"\d+|us-west-2, |us-west-2", "", heading).split()
            assert words in [re.sub(r"\d+", "", line).split() for line in shown.splitlines()], (heading, shown)


def test_what_is_parked_is_listed_everywhere_and_replayed(world: Terrella) -> None:
    """As a region would find it that had not been able to apply a record of the other's."""
    world.run("kill", WEST)
    with contextlib.closing(sqlite3.connect(world.directory / ".terrella" / f"{WEST}.sqlite")) as store:
        item = "select dot, data_set, key, hlc, value from items where key = cast('first' as blob)"
        dot, data_set, key, hlc, value = store.execute(item).fetchone()
        record = encode_write(hlc, key, value)
        reason = "ValueError: no reason at all"
        store.execute("insert into parked values (?, ?, ?, ?, ?)", (dot, data_set, key, record, reason))
        store.commit()
    world.run("restore", WEST)
    shown = world.run("parked").stdout
    assert re.search(rf"{WEST} +items +{EAST} #\d+ +first +\S+ k?B +ValueError: no reason at all", shown), shown
    assert f"{WEST}: items: 1 record is parked" in world.run("status").stdout
    assert figures(world)["regions"][WEST]["tables"][0]["parked"] == 1
    assert samples(world, "terrella_replication_parked_records")[(WEST, EAST)] == 1
    unproven = world.run("verify", "--timeout", "1", check=False)
    assert unproven.returncode == 3
    assert f"{WEST} has parked what it cannot apply: 1" in unproven.stdout
    assert world.run("parked", "--replay", "--table", "items").stdout == "Replayed 1.\nNothing is parked.\n"
    assert world.run("verify").returncode == 0


def test_verify_tells_equal_from_on_its_way_and_from_diverged(world: Terrella) -> None:
    equal = world.run("verify")
    assert re.match(r"items  equal  \d+ entries in us-east-1, eu-west-1", equal.stdout), equal.stdout
    world.run("link", EAST, WEST, "--cut")
    try:
        assert put(world, WEST, "fourth")[0] == 201
        unproven = world.run("verify", "--timeout", "1", check=False)
        assert unproven.returncode == 3, unproven.stdout
        assert "items  unproven" in unproven.stdout
        assert re.search(r"us-east-1 lacks \d records? of eu-west-1, incarnation \w+", unproven.stdout)
        assert "1 key differs that is still on the way" in unproven.stdout
    finally:
        world.run("link", EAST, WEST, "--heal")
    assert world.run("verify", "--table", "items").returncode == 0
    with contextlib.closing(sqlite3.connect(world.directory / ".terrella" / f"{EAST}.sqlite", timeout=20)) as store:
        rotten = "cast(replace(value, 'hello', 'rot') as blob)"
        store.execute(f"update items set value = {rotten} where key = cast('fourth' as blob)")
        store.commit()
    diverged = world.run("verify", check=False)
    assert diverged.returncode == 1, diverged.stdout
    assert "items  diverged" in diverged.stdout
    assert "key fourth differs" in diverged.stdout
    told = json.loads(world.run("verify", "--json", check=False).stdout)[0]
    (difference,) = told["differences"]
    assert [difference["entries"][name]["value"]["message"] for name in (EAST, WEST)] == [{"S": "rot"}, {"S": "hello"}]
    assert (
        "no region that is up replicates a table 'mars'" in world.run("verify", "--table", "mars", check=False).stderr
    )


def test_figures_can_be_followed_line_by_line(world: Terrella) -> None:
    connection = http.client.HTTPConnection(world.addresses[EAST], 4566, timeout=20)
    try:
        connection.request("GET", "/_terrella/replication?watch")
        response = connection.getresponse()
        lines = [json.loads(response.readline()) for _ in range(2)]
        assert [line["region"] for line in lines] == [EAST, EAST]
        assert lines[1]["clock_ms"] > lines[0]["clock_ms"]
    finally:
        connection.close()
    status, _, answer = world.http("GET", world.addresses[EAST], 4566, "/_terrella/replication?table=mars")
    assert (status, "there are items" in answer.decode()) == (400, True)
