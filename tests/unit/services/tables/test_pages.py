"""Query and Scan through boto3: order, conditions, indexes, pages, segments."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

SORTS = ["-100", "-2.5", "0", "1E-3", "1", "9", "10", "99.5"]


@pytest.fixture(scope="module")
def table(dynamodb: Any) -> str:
    dynamodb.create_table(
        TableName="pages",
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": kind}
            for name, kind in (("pk", "S"), ("sk", "N"), ("alt", "S"), ("team", "S"))
        ],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        LocalSecondaryIndexes=[
            {
                "IndexName": "by-alt",
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "alt", "KeyType": "RANGE"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-team",
                "KeySchema": [
                    {"AttributeName": "team", "KeyType": "HASH"},
                    {"AttributeName": "sk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": ["shown"]},
            },
            {
                "IndexName": "all-by-team",
                "KeySchema": [{"AttributeName": "team", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            },
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    for partition in ("a", "a\x00", "ab", "b"):
        for number, sort in enumerate(SORTS):
            item = {
                "pk": {"S": partition},
                "sk": {"N": sort},
                "alt": {"S": f"alt-{9 - number}"},
                "shown": {"N": str(number)},
                "inward": {"S": "secret"},
            }
            if number % 2:
                item["team"] = {"S": "red" if partition == "a" else "blue"}
            dynamodb.put_item(TableName="pages", Item=item)
    return "pages"


def query(dynamodb: Any, condition: str, values: dict[str, Any], **more: Any) -> Any:
    return dynamodb.query(TableName="pages", KeyConditionExpression=condition, ExpressionAttributeValues=values, **more)


def sorts(page: Any) -> list[float]:
    return [float(item["sk"]["N"]) for item in page["Items"]]


A = {":p": {"S": "a"}}
NUMBERS = [float(sort) for sort in SORTS]


@pytest.mark.parametrize("forward", [True, False])
@pytest.mark.parametrize(
    ("condition", "values", "expected"),
    [
        ("pk = :p", {}, NUMBERS),
        ("pk = :p AND sk = :x", {":x": {"N": "1.0"}}, [1.0]),
        ("pk = :p AND sk < :x", {":x": {"N": "1"}}, [-100, -2.5, 0, 0.001]),
        ("pk = :p AND sk <= :x", {":x": {"N": "1"}}, [-100, -2.5, 0, 0.001, 1]),
        ("pk = :p AND sk > :x", {":x": {"N": "-2.5"}}, [0, 0.001, 1, 9, 10, 99.5]),
        ("pk = :p AND sk >= :x", {":x": {"N": "9.5"}}, [10, 99.5]),
        ("pk = :p AND sk BETWEEN :x AND :y", {":x": {"N": "-3"}, ":y": {"N": "1"}}, [-2.5, 0, 0.001, 1]),
        ("(pk = :p) AND (:x < sk)", {":x": {"N": "10"}}, [99.5]),
        ("pk = :p AND sk > :x", {":x": {"N": "1000"}}, []),
    ],
)
def test_key_conditions(
    dynamodb: Any, table: str, condition: str, values: dict[str, Any], expected: list[float], forward: bool
) -> None:
    whole = query(dynamodb, condition, {**A, **values}, ScanIndexForward=forward)
    wanted = expected if forward else expected[::-1]
    assert sorts(whole) == wanted
    assert (whole["Count"], whole["ScannedCount"]) == (len(wanted), len(wanted))
    assert "LastEvaluatedKey" not in whole
    paged = dynamodb.get_paginator("query").paginate(
        TableName=table,
        KeyConditionExpression=condition,
        ExpressionAttributeValues={**A, **values},
        ScanIndexForward=forward,
        PaginationConfig={"PageSize": 2},
    )
    assert [number for page in paged for number in sorts(page)] == wanted


def test_begins_with_on_a_local_index_and_what_it_shows(dynamodb: Any, table: str) -> None:
    condition, values = "pk = :p AND begins_with(alt, :x)", {**A, ":x": {"S": "alt-"}}
    keys_only = query(dynamodb, condition, values, IndexName="by-alt", ConsistentRead=True)
    assert sorts(keys_only) == NUMBERS[::-1]
    assert set(keys_only["Items"][0]) == {"pk", "sk", "alt"}
    everything = query(dynamodb, condition, values, IndexName="by-alt", Select="ALL_ATTRIBUTES")
    assert everything["Items"][0]["inward"] == {"S": "secret"}
    fetched = query(dynamodb, condition, values, IndexName="by-alt", ProjectionExpression="inward")
    assert fetched["Items"][0] == {"inward": {"S": "secret"}}
    one = query(dynamodb, "pk = :p AND alt = :x", {**A, ":x": {"S": "alt-9"}}, IndexName="by-alt")
    assert sorts(one) == [-100]


def test_global_indexes_are_sparse_ordered_and_projected(dynamodb: Any, table: str) -> None:
    red = {":t": {"S": "red"}}
    page = query(dynamodb, "team = :t", red, IndexName="by-team")
    assert sorts(page) == [-2.5, 0.001, 9, 99.5]
    assert set(page["Items"][0]) == {"pk", "sk", "team", "shown"}
    blue = dynamodb.get_paginator("query").paginate(
        TableName=table,
        IndexName="all-by-team",
        KeyConditionExpression="team = :t",
        ExpressionAttributeValues={":t": {"S": "blue"}},
        PaginationConfig={"PageSize": 5},
    )
    found = [item for page in blue for item in page["Items"]]
    assert len(found) == 12
    assert {item["inward"]["S"] for item in found} == {"secret"}
    assert len({(item["pk"]["S"], item["sk"]["N"]) for item in found}) == 12


def test_an_index_follows_updates_and_deletes(dynamodb: Any, table: str) -> None:
    mover = {"pk": {"S": "mover"}, "sk": {"N": "1"}}

    def members(team: str) -> int:
        return int(query(dynamodb, "team = :t", {":t": {"S": team}}, IndexName="all-by-team", Select="COUNT")["Count"])

    dynamodb.put_item(TableName=table, Item={**mover, "team": {"S": "one"}})
    assert (members("one"), members("two")) == (1, 0)
    dynamodb.update_item(
        TableName=table, Key=mover, UpdateExpression="SET team = :t", ExpressionAttributeValues={":t": {"S": "two"}}
    )
    assert (members("one"), members("two")) == (0, 1)
    dynamodb.update_item(TableName=table, Key=mover, UpdateExpression="REMOVE team")
    assert members("two") == 0
    dynamodb.delete_item(TableName=table, Key=mover)


def test_filters_count_what_they_scanned(dynamodb: Any, table: str) -> None:
    page = query(
        dynamodb, "pk = :p", {**A, ":n": {"N": "3"}}, FilterExpression="shown > :n", ReturnConsumedCapacity="INDEXES"
    )
    assert (page["Count"], page["ScannedCount"], len(page["Items"])) == (4, 8, 4)
    assert page["ConsumedCapacity"] == {"TableName": table, "CapacityUnits": 0.5, "Table": {"CapacityUnits": 0.5}}
    counted = query(dynamodb, "pk = :p", {**A, ":n": {"N": "3"}}, FilterExpression="shown > :n", Select="COUNT")
    assert (counted["Count"], counted["ScannedCount"]) == (4, 8)
    assert "Items" not in counted
    limited = query(dynamodb, "pk = :p", {**A, ":n": {"N": "3"}}, FilterExpression="shown > :n", Limit=3)
    assert (limited["Count"], limited["ScannedCount"]) == (0, 3)
    assert limited["LastEvaluatedKey"] == {"pk": {"S": "a"}, "sk": {"N": "0"}}


def test_scans_see_everything_once_in_pages_and_in_segments(dynamodb: Any, table: str) -> None:
    def identities(**params: Any) -> list[tuple[str, str]]:
        pages = dynamodb.get_paginator("scan").paginate(TableName=table, PaginationConfig={"PageSize": 5}, **params)
        return [(item["pk"]["S"], item["sk"]["N"]) for page in pages for item in page["Items"]]

    everything = identities()
    assert len(everything) == len(set(everything)) == 32
    parts = [identities(Segment=number, TotalSegments=3) for number in range(3)]
    assert sorted(identity for part in parts for identity in part) == sorted(everything)
    assert len(identities(IndexName="by-team")) == 16
    filtered = dynamodb.scan(
        TableName=table,
        IndexName="by-team",
        FilterExpression="attribute_exists(inward) OR shown = :n",
        ExpressionAttributeValues={":n": {"N": "1"}},
    )
    assert filtered["Count"] == 4, "what an index does not project, its filter does not see"


def test_pages_end_at_a_megabyte(dynamodb: Any, table: str) -> None:
    for number in range(20):
        item = {"pk": {"S": "large"}, "sk": {"N": str(number)}, "fill": {"S": "x" * 60_000}}
        dynamodb.put_item(TableName=table, Item=item)
    first = query(dynamodb, "pk = :p", {":p": {"S": "large"}})
    assert first["Count"] == 18
    assert first["LastEvaluatedKey"] == {"pk": {"S": "large"}, "sk": {"N": "17"}}
    rest = query(dynamodb, "pk = :p", {":p": {"S": "large"}}, ExclusiveStartKey=first["LastEvaluatedKey"])
    assert rest["Count"] == 2
    assert "LastEvaluatedKey" not in rest
    measured = query(dynamodb, "pk = :p", {":p": {"S": "large"}}, ReturnConsumedCapacity="TOTAL")
    assert (measured["Count"], measured["ConsumedCapacity"]["CapacityUnits"]) == (18, 132.0)
    for number in range(20):
        dynamodb.delete_item(TableName=table, Key={"pk": {"S": "large"}, "sk": {"N": str(number)}})


ONE_OR_MORE = "One or more parameter values were invalid: "


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"KeyConditionExpression": "sk = :n"}, "Query condition missed key schema element: pk"),
        ({"KeyConditionExpression": "pk > :p"}, "Query key condition not supported"),
        (
            {"KeyConditionExpression": "pk = :n"},
            ONE_OR_MORE + "Condition parameter type does not match schema type",
        ),
        (
            {"KeyConditionExpression": "pk = :p AND shown = :n"},
            "Query condition missed key schema element: sk",
        ),
        ({"KeyConditionExpression": ""}, "Invalid KeyConditionExpression: The expression can not be empty;"),
        (
            {},
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.",
        ),
        (
            {"KeyConditionExpression": "pk = :p", "FilterExpression": "sk = :n"},
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: sk",
        ),
        (
            {"KeyConditionExpression": "pk = :p", "IndexName": "nope"},
            "The table does not have the specified index: nope",
        ),
        (
            {"KeyConditionExpression": "team = :p", "IndexName": "by-team", "ConsistentRead": True},
            "Consistent reads are not supported on global secondary indexes",
        ),
        (
            {"KeyConditionExpression": "team = :p", "IndexName": "by-team", "Select": "ALL_ATTRIBUTES"},
            ONE_OR_MORE + "Select type ALL_ATTRIBUTES is not supported for global secondary index by-team because its "
            "projection type is not ALL",
        ),
        (
            {"KeyConditionExpression": "team = :p", "IndexName": "by-team", "ProjectionExpression": "inward"},
            ONE_OR_MORE + "Global secondary index by-team does not project [inward]",
        ),
        (
            {"KeyConditionExpression": "pk = :p", "Limit": 0},
            (
                "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have value "
                "greater than or equal to 1"
            ),
        ),
        (
            {"KeyConditionExpression": "pk = :p", "ExclusiveStartKey": {"pk": {"S": "a"}}},
            "The provided starting key is invalid: The provided key element does not match the schema",
        ),
        (
            {"KeyConditionExpression": "pk = :p", "ExclusiveStartKey": {"pk": {"S": "b"}, "sk": {"N": "1"}}},
            "The provided starting key is outside query boundaries based on provided conditions",
        ),
        (
            {
                "KeyConditionExpression": "pk = :p AND sk > :n",
                "ExclusiveStartKey": {"pk": {"S": "a"}, "sk": {"N": "1"}},
            },
            "The provided starting key does not match the range key predicate",
        ),
        (
            {"KeyConditions": {}},
            "terrella does not implement the legacy parameter KeyConditions: use KeyConditionExpression instead",
        ),
    ],
)
def test_what_query_refuses(dynamodb: Any, table: str, params: dict[str, Any], message: str) -> None:
    text = str(params)
    values = {name: value for name, value in {":p": {"S": "a"}, ":n": {"N": "1"}}.items() if name in text}
    given = {**params, "ExpressionAttributeValues": values} if values else params
    with pytest.raises(ClientError) as caught:
        dynamodb.query(TableName=table, **given)
    error = caught.value.response["Error"]
    assert (error["Code"], error["Message"]) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"Segment": 0},
            (
                "The TotalSegments parameter is required but was not present in the request when Segment "
                "parameter is present"
            ),
        ),
        (
            {"TotalSegments": 4},
            (
                "The Segment parameter is required but was not present in the request when parameter "
                "TotalSegments is present"
            ),
        ),
        (
            {"Segment": 5, "TotalSegments": 5},
            (
                "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
                "Segment: 5 is not less than TotalSegments: 5"
            ),
        ),
    ],
)
def test_what_scan_refuses(dynamodb: Any, table: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(ClientError) as caught:
        dynamodb.scan(TableName=table, **params)
    assert caught.value.response["Error"]["Message"] == message
