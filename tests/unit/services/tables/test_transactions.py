"""Transactions through boto3: all or nothing, with a reason for each; and the same token does nothing twice."""

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import Region


@pytest.fixture(scope="module", autouse=True)
def _tables(dynamodb: Any) -> None:
    for name in ("accounts", "orders"):
        dynamodb.create_table(
            TableName=name,
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )


def key(name: str) -> dict[str, dict[str, str]]:
    return {"id": {"S": name}}


def put(table: str, name: str, **more: Any) -> dict[str, Any]:
    return {"Put": {"TableName": table, "Item": {**key(name), "n": {"N": "1"}}, **more}}


def change(name: str, by: int, least: int | None = None) -> dict[str, Any]:
    update: dict[str, Any] = {
        "TableName": "accounts",
        "Key": key(name),
        "UpdateExpression": "ADD n :by",
        "ExpressionAttributeValues": {":by": {"N": str(by)}},
    }
    if least is not None:
        update["ConditionExpression"] = "n >= :least"
        update["ExpressionAttributeValues"][":least"] = {"N": str(least)}
    return {"Update": update}


def number(client: Any, name: str) -> str | None:
    item = client.get_item(TableName="accounts", Key=key(name)).get("Item")
    return None if item is None else str(item["n"]["N"])


def refused(call: Any, **params: Any) -> Any:
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response


def test_all_are_done(dynamodb: Any) -> None:
    dynamodb.transact_write_items(TransactItems=[put("accounts", "a"), put("accounts", "b"), put("orders", "o")])
    dynamodb.transact_write_items(
        TransactItems=[
            change("a", -1, least=1),
            change("b", 1),
            {"Delete": {"TableName": "orders", "Key": key("o")}},
            {
                "ConditionCheck": {
                    "TableName": "orders",
                    "Key": key("x"),
                    "ConditionExpression": "attribute_not_exists(id)",
                }
            },
        ]
    )
    assert (number(dynamodb, "a"), number(dynamodb, "b")) == ("0", "2")
    got = dynamodb.transact_get_items(
        TransactItems=[
            {"Get": {"TableName": "accounts", "Key": key("b"), "ProjectionExpression": "n"}},
            {"Get": {"TableName": "orders", "Key": key("o")}},
        ]
    )
    assert got["Responses"] == [{"Item": {"n": {"N": "2"}}}, {}]


def test_or_none_with_a_reason_for_each(dynamodb: Any) -> None:
    dynamodb.transact_write_items(TransactItems=[put("accounts", "c")])
    failing = change("c", -5, least=5)
    failing["Update"]["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    wrong = change("d", 1)
    wrong["Update"]["UpdateExpression"] = "SET n = n + :by"
    response = refused(dynamodb.transact_write_items, TransactItems=[put("orders", "kept out"), failing, wrong])
    assert response["Error"] == {
        "Code": "TransactionCanceledException",
        "Message": "Transaction cancelled, please refer cancellation reasons for specific reasons "
        "[None, ConditionalCheckFailed, ValidationError]",
    }
    reasons = response["CancellationReasons"]
    assert [reason["Code"] for reason in reasons] == ["None", "ConditionalCheckFailed", "ValidationError"]
    assert reasons[1]["Item"] == {**key("c"), "n": {"N": "1"}}
    assert reasons[2]["Message"]
    assert "Item" not in dynamodb.get_item(TableName="orders", Key=key("kept out"))


def test_the_same_token_does_nothing_twice(tmp_path: Path) -> None:
    region = Region(tmp_path)
    client = region.client()
    client.create_table(
        TableName="accounts",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    for _ in range(2):
        client.transact_write_items(TransactItems=[change("a", 1)], ClientRequestToken="once")
    region.reopen()
    client = region.client()
    client.transact_write_items(TransactItems=[change("a", 1)], ClientRequestToken="once")
    assert number(client, "a") == "1"
    response = refused(client.transact_write_items, TransactItems=[change("a", 2)], ClientRequestToken="once")
    assert response["Error"]["Code"] == "IdempotentParameterMismatchException"
    client.transact_write_items(TransactItems=[change("a", 1)], ClientRequestToken="twice")
    assert number(client, "a") == "2"
    failing = [change("a", -9, least=9)]
    for _ in range(2):
        response = refused(client.transact_write_items, TransactItems=failing, ClientRequestToken="failed")
        assert response["Error"]["Code"] == "TransactionCanceledException", "what was not done may be tried again"
    region.run(region.tables.sweeper.sweep)
    region.stop()


def test_what_is_no_transaction(dynamodb: Any) -> None:
    twice = [put("accounts", "e"), change("e", 1)]
    assert refused(dynamodb.transact_write_items, TransactItems=twice)["Error"] == {
        "Code": "ValidationException",
        "Message": "Transaction request cannot include multiple operations on one item",
    }
    both = [{**put("accounts", "e"), **change("f", 1)}]
    assert refused(dynamodb.transact_write_items, TransactItems=both)["Error"]["Message"] == (
        "TransactItems can only contain one of Check, Put, Update or Delete"
    )
    many = [put("accounts", f"many {each}") for each in range(101)]
    assert refused(dynamodb.transact_write_items, TransactItems=many)["Error"]["Code"] == "ValidationException"
    large = [put("accounts", f"large {each}") for each in range(12)]
    for each in large:
        each["Put"]["Item"]["text"] = {"S": "x" * 390_000}
    assert "4 MB" in refused(dynamodb.transact_write_items, TransactItems=large)["Error"]["Message"]
    unknown = refused(dynamodb.transact_write_items, TransactItems=[put("unknown", "x")])
    assert unknown["Error"]["Code"] == "ResourceNotFoundException"


def test_they_cost_twice(dynamodb: Any) -> None:
    answer = dynamodb.transact_write_items(TransactItems=[put("accounts", "g")], ReturnConsumedCapacity="TOTAL")
    assert answer["ConsumedCapacity"] == [{"TableName": "accounts", "CapacityUnits": 2.0}]
    answer = dynamodb.transact_get_items(
        TransactItems=[{"Get": {"TableName": "accounts", "Key": key("g")}}], ReturnConsumedCapacity="TOTAL"
    )
    assert answer["ConsumedCapacity"] == [{"TableName": "accounts", "CapacityUnits": 2.0}]


@pytest.fixture
def transfers(region: Region, dynamodb: Any) -> Iterator[threading.Event]:
    """Money goes to and fro between two accounts."""
    dynamodb.transact_write_items(TransactItems=[put("accounts", "left"), put("accounts", "right")])
    stop = threading.Event()

    def run() -> None:
        client = region.client()
        while not stop.is_set():
            client.transact_write_items(TransactItems=[change("left", -1), change("right", 1)])

    thread = threading.Thread(target=run)
    thread.start()
    yield stop
    stop.set()
    thread.join()


@pytest.mark.usefixtures("transfers")
def test_reads_see_all_of_a_transaction_or_nothing(dynamodb: Any) -> None:
    for _ in range(50):
        got = dynamodb.transact_get_items(
            TransactItems=[{"Get": {"TableName": "accounts", "Key": key(name)}} for name in ("left", "right")]
        )
        assert sum(int(each["Item"]["n"]["N"]) for each in got["Responses"]) == 2
