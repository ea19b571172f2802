"""Items go when the moment in their attribute has passed, and only these."""

import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from terrella.services.tables.table import _moment_s

from .conftest import Region

YEAR_S = 366 * 24 * 3600


def make(client: Any, name: str) -> None:
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


def put(client: Any, table: str, name: str, **more: Any) -> None:
    client.put_item(TableName=table, Item={"id": {"S": name}, **more})


def enable(client: Any, table: str, *, enabled: bool = True, attribute: str = "expires") -> Any:
    return client.update_time_to_live(
        TableName=table, TimeToLiveSpecification={"Enabled": enabled, "AttributeName": attribute}
    )


def names(client: Any, table: str) -> set[str]:
    return {item["id"]["S"] for item in client.scan(TableName=table)["Items"]}


def now_s() -> int:
    """The region runs on the machine's own clock."""
    return time.time_ns() // 1_000_000_000


def test_items_expire_by_their_attribute(region: Region, dynamodb: Any) -> None:
    make(dynamodb, "sessions")
    past, future = str(now_s() - 10), str(now_s() + 1000)
    put(dynamodb, "sessions", "past", expires={"N": past})
    put(dynamodb, "sessions", "past, to the millisecond", expires={"N": past + ".5"})
    put(dynamodb, "sessions", "future", expires={"N": future})
    put(dynamodb, "sessions", "text", expires={"S": past})
    put(dynamodb, "sessions", "other", other={"N": past})
    put(dynamodb, "sessions", "ancient", expires={"N": str(now_s() - 6 * YEAR_S)})
    put(dynamodb, "sessions", "in milliseconds", expires={"N": past + "000"})
    region.run(region.tables.sweeper.sweep)
    assert len(names(dynamodb, "sessions")) == 7, "nothing expires before it is enabled"
    assert enable(dynamodb, "sessions")["TimeToLiveSpecification"] == {"Enabled": True, "AttributeName": "expires"}
    put(dynamodb, "sessions", "past as well", expires={"N": past})
    region.run(region.tables.sweeper.sweep)
    assert names(dynamodb, "sessions") == {"future", "text", "other", "ancient", "in milliseconds"}
    assert dynamodb.describe_time_to_live(TableName="sessions")["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "expires",
    }


def test_what_was_prolonged_stays(region: Region, dynamodb: Any) -> None:
    make(dynamodb, "prolonged")
    enable(dynamodb, "prolonged")
    put(dynamodb, "prolonged", "a", expires={"N": str(now_s() + 1000)})
    put(dynamodb, "prolonged", "b", expires={"N": str(now_s() + 1000)})
    dynamodb.update_item(
        TableName="prolonged",
        Key={"id": {"S": "a"}},
        UpdateExpression="SET expires = :t",
        ExpressionAttributeValues={":t": {"N": str(now_s() - 1)}},
    )
    region.run(region.tables.sweeper.sweep)
    assert names(dynamodb, "prolonged") == {"b"}


def test_it_is_swept_by_itself(region: Region, dynamodb: Any) -> None:
    make(dynamodb, "alone")
    enable(dynamodb, "alone")
    put(dynamodb, "alone", "a", expires={"N": str(now_s() - 1)})

    deadline = time.monotonic() + 20
    while names(dynamodb, "alone"):
        assert time.monotonic() < deadline


def test_aws_s_words_for_what_cannot_be_changed(dynamodb: Any) -> None:
    make(dynamodb, "words")

    def complaint(**more: Any) -> tuple[str, str]:
        with pytest.raises(ClientError) as caught:
            enable(dynamodb, "words", **more)
        error = caught.value.response["Error"]
        return error["Code"], error["Message"]

    assert complaint(enabled=False) == ("ValidationException", "TimeToLive is already disabled")
    enable(dynamodb, "words")
    assert complaint() == ("ValidationException", "TimeToLive is already enabled")
    assert complaint(attribute="other") == (
        "ValidationException",
        "TimeToLive is active on a different AttributeName: current AttributeName is expires",
    )
    enable(dynamodb, "words", enabled=False)
    shown = dynamodb.describe_time_to_live(TableName="words")["TimeToLiveDescription"]
    assert shown == {"TimeToLiveStatus": "DISABLED"}


@pytest.mark.parametrize(
    ("value", "moment_s"),
    [
        ({"N": "1700000000"}, 1700000000),
        ({"N": "1700000000.9"}, 1700000000),
        ({"N": "0"}, None),
        ({"N": "-5"}, None),
        ({"N": "1" + "0" * 30}, None),
        ({"S": "1700000000"}, None),
        (None, None),
    ],
)
def test_what_counts_as_a_moment(value: dict[str, str] | None, moment_s: int | None) -> None:
    assert _moment_s(value) == moment_s
