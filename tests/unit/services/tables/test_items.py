"""Item operations through boto3, against a real server and a real journal."""

import zlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from terrella.wire.http import fetch

from .conftest import Region

BINARY = bytes(range(256))


@pytest.fixture(scope="module")
def table(dynamodb: Any) -> str:
    dynamodb.create_table(
        TableName="items",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "N"},
            {"AttributeName": "owner", "AttributeType": "S"},
        ],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by-owner",
                "KeySchema": [{"AttributeName": "owner", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        BillingMode="PAY_PER_REQUEST",
    )
    return "items"


def key(pk: str, sk: int = 1) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"N": str(sk)}}


def complaint(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_an_item_of_every_type_comes_back_as_it_was(dynamodb: Any, table: str) -> None:
    item = {
        **key("all"),
        "s": {"S": 'unicode \u00e9\U0001f30d "quoted" \\ \x00'},
        "empty": {"S": ""},
        "n": {"N": "-12.5"},
        "b": {"B": BINARY},
        "no": {"BOOL": False},
        "nil": {"NULL": True},
        "ss": {"SS": ["a", "b"]},
        "ns": {"NS": ["1", "2.5"]},
        "bs": {"BS": [b"\x00", b"\xff"]},
        "l": {"L": [{"S": "x"}, {"L": []}, {"M": {}}]},
        "m": {"M": {"deep": {"M": {"er": {"N": "1"}}}}},
    }
    assert "Attributes" not in dynamodb.put_item(TableName=table, Item=item)
    assert dynamodb.get_item(TableName=table, Key=key("all"), ConsistentRead=True)["Item"] == item
    assert "Item" not in dynamodb.get_item(TableName=table, Key=key("all", 2))


def test_return_values_of_put_and_delete(dynamodb: Any, table: str) -> None:
    first = {**key("returned"), "v": {"S": "first"}}
    assert "Attributes" not in dynamodb.put_item(TableName=table, Item=first, ReturnValues="ALL_OLD")
    second = {**key("returned"), "v": {"S": "second"}}
    assert dynamodb.put_item(TableName=table, Item=second, ReturnValues="ALL_OLD")["Attributes"] == first
    assert dynamodb.delete_item(TableName=table, Key=key("returned"), ReturnValues="ALL_OLD")["Attributes"] == second
    assert "Attributes" not in dynamodb.delete_item(TableName=table, Key=key("returned"), ReturnValues="ALL_OLD")


def test_conditions_guard_writes_and_can_return_the_item(dynamodb: Any, table: str) -> None:
    item = {**key("guarded"), "v": {"N": "1"}}
    dynamodb.put_item(TableName=table, Item=item, ConditionExpression="attribute_not_exists(pk)")
    with pytest.raises(dynamodb.exceptions.ConditionalCheckFailedException) as caught:
        dynamodb.put_item(
            TableName=table,
            Item={**item, "v": {"N": "2"}},
            ConditionExpression="v > :v",
            ExpressionAttributeValues={":v": {"N": "1"}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert caught.value.response["Error"]["Message"] == "The conditional request failed"
    assert caught.value.response["Item"] == item
    for call in (dynamodb.delete_item, dynamodb.update_item):
        code, _ = complaint(call, TableName=table, Key=key("guarded"), ConditionExpression="attribute_not_exists(pk)")
        assert code == "ConditionalCheckFailedException"
    assert dynamodb.get_item(TableName=table, Key=key("guarded"))["Item"] == item


def test_updates_and_what_they_return(dynamodb: Any, table: str) -> None:
    def update(expression: str, values: dict[str, Any], wanted: str) -> Any:
        return dynamodb.update_item(
            TableName=table,
            Key=key("updated"),
            UpdateExpression=expression,
            ExpressionAttributeValues=values,
            ReturnValues=wanted,
        ).get("Attributes")

    one = {":v": {"N": "1"}}
    assert update("ADD tally :v", one, "ALL_OLD") is None
    assert update("ADD tally :v", one, "UPDATED_OLD") == {"tally": {"N": "1"}}
    assert update("ADD tally :v", one, "UPDATED_NEW") == {"tally": {"N": "3"}}
    assert update("SET doc = :m", {":m": {"M": {"a": {"N": "1"}, "b": {"N": "2"}}}}, "NONE") is None
    assert update("SET doc.a = :v", {":v": {"N": "9"}}, "UPDATED_NEW") == {"doc": {"M": {"a": {"N": "9"}}}}
    assert update("SET tally = tally - :v", one, "ALL_NEW") == {
        **key("updated"),
        "tally": {"N": "2"},
        "doc": {"M": {"a": {"N": "9"}, "b": {"N": "2"}}},
    }
    assert dynamodb.update_item(TableName=table, Key=key("made by update"), ReturnValues="ALL_NEW")[
        "Attributes"
    ] == key("made by update")


def test_projection_and_reserved_words(dynamodb: Any, table: str) -> None:
    dynamodb.put_item(
        TableName=table, Item={**key("shown"), "status": {"S": "ok"}, "l": {"L": [{"S": "a"}, {"S": "b"}]}}
    )
    found = dynamodb.get_item(
        TableName=table,
        Key=key("shown"),
        ProjectionExpression="#s, l[1]",
        ExpressionAttributeNames={"#s": "status"},
    )
    assert found["Item"] == {"status": {"S": "ok"}, "l": {"L": [{"S": "b"}]}}
    assert complaint(dynamodb.get_item, TableName=table, Key=key("shown"), ProjectionExpression="status") == (
        "ValidationException",
        "Invalid ProjectionExpression: Attribute name is a reserved keyword; reserved keyword: status",
    )


ONE_OR_MORE = "One or more parameter values were invalid: "
NOT_VALID = "One or more parameter values are not valid. "


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"Item": {"pk": {"S": "a"}}}, ONE_OR_MORE + "Missing the key sk in the item"),
        (
            {"Item": {"pk": {"N": "1"}, "sk": {"N": "1"}}},
            ONE_OR_MORE + "Type mismatch for key pk expected: S actual: N",
        ),
        (
            {"Item": key("")},
            NOT_VALID + "The AttributeValue for a key attribute cannot contain an empty string value. Key: pk",
        ),
        ({"Item": key("x" * 2049)}, ONE_OR_MORE + "Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        (
            {"Item": {**key("a"), "owner": {"N": "1"}}},
            ONE_OR_MORE + "Type mismatch for Index Key owner Expected: S Actual: N IndexName: by-owner",
        ),
        (
            {"Item": {**key("a"), "owner": {"S": ""}}},
            NOT_VALID + "A value specified for a secondary index key is not supported. The AttributeValue for a key "
            "attribute cannot contain an empty string value. IndexName: by-owner, IndexKey: owner",
        ),
        ({"Item": {**key("a"), "x": {"S": "x" * 409_600}}}, "Item size has exceeded the maximum allowed size"),
        ({"Item": {**key("a"), "x": {"SS": []}}}, ONE_OR_MORE + "An string set  may not be empty"),
        ({"Item": {**key("a"), "x": {"NS": []}}}, ONE_OR_MORE + "An number set  may not be empty"),
        ({"Item": {**key("a"), "x": {"BS": []}}}, ONE_OR_MORE + "Binary sets should not be empty"),
        ({"Item": {**key("a"), "x": {"SS": ["a", "a"]}}}, ONE_OR_MORE + "Input collection [a, a] contains duplicates."),
        ({"Item": {**key("a"), "x": {"NS": ["1", "1.0"]}}}, "Input collection contains duplicates"),
        (
            {"Item": {**key("a"), "x": {"NULL": False}}},
            ONE_OR_MORE + "Null attribute value types must have the value of true",
        ),
        (
            {"Item": {**key("a"), "x": {"N": "x"}}},
            "The parameter cannot be converted to a numeric value: x",
        ),
        ({"Item": key("a"), "ReturnValues": "ALL_NEW"}, "ReturnValues can only be ALL_OLD or NONE"),
        (
            {"Item": key("a"), "ReturnValues": "SOME", "ReturnConsumedCapacity": "A LOT"},
            (
                "2 validation errors detected: Value 'SOME' at 'returnValues' failed to satisfy "
                "constraint: Member must "
                "satisfy enum value set: [ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]; Value 'A LOT' at "
                "'returnConsumedCapacity' failed to satisfy constraint: Member must satisfy enum value set: "
                "[INDEXES, TOTAL, NONE]"
            ),
        ),
        (
            {"Item": key("a"), "Expected": {"pk": {"Exists": False}}},
            "terrella does not implement the legacy parameter Expected: use ConditionExpression instead",
        ),
        (
            {
                "Item": key("a"),
                "Expected": {"pk": {"Exists": False}},
                "ConditionExpression": "attribute_not_exists(pk)",
            },
            (
                "Can not use both expression and non-expression parameters in the same request: "
                "Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}"
            ),
        ),
        (
            {"Item": key("a"), "ExpressionAttributeValues": {":v": {"S": "x"}}},
            "ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null",
        ),
        (
            {"Item": key("a"), "ConditionExpression": "pk.x = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
            "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key: pk",
        ),
    ],
)
def test_what_put_item_refuses(dynamodb: Any, table: str, params: dict[str, Any], message: str) -> None:
    assert complaint(dynamodb.put_item, TableName=table, **params) == ("ValidationException", message)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        (
            {"UpdateExpression": "SET pk = :v", "ExpressionAttributeValues": {":v": {"S": "x"}}},
            ONE_OR_MORE + "Cannot update attribute pk. This attribute is part of the key",
        ),
        (
            {"UpdateExpression": "SET a = :v", "ExpressionAttributeValues": {":v": {"S": "x"}, ":w": {"S": "y"}}},
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}",
        ),
        (
            {"UpdateExpression": "SET a = :v"},
            (
                "Invalid UpdateExpression: An expression attribute value used in expression is not defined; "
                "attribute value: :v"
            ),
        ),
        ({"UpdateExpression": ""}, "Invalid UpdateExpression: The expression can not be empty;"),
        (
            {"UpdateExpression": "SET owner = :v", "ExpressionAttributeValues": {":v": {"N": "1"}}},
            "Invalid UpdateExpression: Attribute name is a reserved keyword; reserved keyword: owner",
        ),
        (
            {
                "UpdateExpression": "SET #o = :v + :v",
                "ExpressionAttributeValues": {":v": {"N": "1"}},
                "ExpressionAttributeNames": {"#o": "owner"},
            },
            "The update expression attempted to update the secondary index key to unsupported type",
        ),
        (
            {"UpdateExpression": "SET a = :v", "ExpressionAttributeValues": {":v": {"S": "x" * 409_700}}},
            "Item size to update has exceeded the maximum allowed size",
        ),
        ({"Key": {"pk": {"S": "a"}}}, "The provided key element does not match the schema"),
        ({"Key": {**key("a"), "c": {"S": "x"}}}, "The provided key element does not match the schema"),
    ],
)
def test_what_update_item_refuses(dynamodb: Any, table: str, params: dict[str, Any], message: str) -> None:
    given = {"Key": key("a"), **params}
    assert complaint(dynamodb.update_item, TableName=table, **given) == ("ValidationException", message)


def test_batches(dynamodb: Any, table: str) -> None:
    puts = [{"PutRequest": {"Item": {**key("batch", number), "n": {"N": str(number)}}}} for number in range(25)]
    assert dynamodb.batch_write_item(RequestItems={table: puts})["UnprocessedItems"] == {}
    dynamodb.batch_write_item(RequestItems={table: [{"DeleteRequest": {"Key": key("batch", 3)}}]})
    found = dynamodb.batch_get_item(
        RequestItems={table: {"Keys": [key("batch", number) for number in range(30)], "ProjectionExpression": "n"}},
        ReturnConsumedCapacity="TOTAL",
    )
    assert sorted(int(item["n"]["N"]) for item in found["Responses"][table]) == [n for n in range(25) if n != 3]
    assert found["UnprocessedKeys"] == {}
    assert found["ConsumedCapacity"] == [{"TableName": table, "CapacityUnits": 15.0}]
    same = [puts[0], {"DeleteRequest": {"Key": key("batch", 0)}}]
    assert complaint(dynamodb.batch_write_item, RequestItems={table: same})[1] == (
        "Provided list of item keys contains duplicates"
    )
    assert complaint(dynamodb.batch_get_item, RequestItems={table: {"Keys": [key("a"), key("a")]}})[1] == (
        "Provided list of item keys contains duplicates"
    )
    many = complaint(dynamodb.batch_write_item, RequestItems={table: [*puts, puts[0]]})[1]
    assert many.startswith("1 validation error detected: Value '{items=[")
    assert many.endswith(
        "at 'requestItems' failed to satisfy constraint: Map value must satisfy constraint: [Member must have length "
        "less than or equal to 25, Member must have length greater than or equal to 1]"
    )
    assert complaint(dynamodb.batch_get_item, RequestItems={})[1] == (
        "The requestItems parameter is required for BatchGetItem"
    )


def test_consumed_capacity(dynamodb: Any, table: str) -> None:
    item = {**key("metered"), "fill": {"S": "x" * 3000}, "owner": {"S": "me"}}
    written = dynamodb.put_item(TableName=table, Item=item, ReturnConsumedCapacity="INDEXES")["ConsumedCapacity"]
    assert written == {
        "TableName": table,
        "CapacityUnits": 4.0,
        "Table": {"CapacityUnits": 3.0},
        "GlobalSecondaryIndexes": {"by-owner": {"CapacityUnits": 1.0}},
    }
    again = dynamodb.put_item(TableName=table, Item=item, ReturnConsumedCapacity="TOTAL")["ConsumedCapacity"]
    assert again == {"TableName": table, "CapacityUnits": 3.0}
    for consistent, units in ((False, 0.5), (True, 1.0)):
        read = dynamodb.get_item(
            TableName=table, Key=key("metered"), ConsistentRead=consistent, ReturnConsumedCapacity="TOTAL"
        )
        assert read["ConsumedCapacity"] == {"TableName": table, "CapacityUnits": units}


def test_a_table_that_is_not_there(dynamodb: Any) -> None:
    assert complaint(dynamodb.get_item, TableName="nowhere", Key=key("a")) == (
        "ResourceNotFoundException",
        "Requested resource not found",
    )
    assert complaint(dynamodb.put_item, TableName="bad table!", Item=key("a")) == (
        "ValidationException",
        (
            "1 validation error detected: Value 'bad table!' at 'tableName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+"
        ),
    )
    arn = "arn:aws:dynamodb:eu-west-1:000000000000:table/items"
    assert dynamodb.get_item(TableName=arn, Key=key("nothing"))["ResponseMetadata"]["HTTPStatusCode"] == 200


def test_the_resource_interface_and_its_batch_writer(region: Region, table: str) -> None:
    items = region.resource().Table(table)
    with items.batch_writer() as batch:
        for number in range(60):
            batch.put_item(Item={"pk": "resource", "sk": number, "data": {"list": [1, "two", None, True]}})
    assert items.get_item(Key={"pk": "resource", "sk": 7})["Item"]["data"] == {"list": [1, "two", None, True]}
    items.delete_item(Key={"pk": "resource", "sk": 7})
    assert "Item" not in items.get_item(Key={"pk": "resource", "sk": 7})


@pytest.mark.parametrize(
    ("target", "body", "expected"),
    [
        ("PutItem", b"{", {"__type": "com.amazon.coral.service#SerializationException"}),
        ("PutItem", b"[]", {"__type": "com.amazon.coral.service#SerializationException"}),
        (
            "PutItem",
            b'{"TableName":"items","Item":{"pk":{"S":1}}}',
            {
                "__type": "com.amazon.coral.service#SerializationException",
                "Message": "NUMBER_VALUE cannot be converted to String",
            },
        ),
        (
            "PutItem",
            b'{"TableName":"items","Item":{"pk":"a"}}',
            {
                "__type": "com.amazon.coral.service#SerializationException",
                "Message": "Unexpected value type in payload",
            },
        ),
        (
            "PutItem",
            b'{"TableName":"items","Item":{"pk":{"B":"AAA"}}}',
            {
                "__type": "com.amazon.coral.service#SerializationException",
                "Message": "Base64 encoded length is expected a multiple of 4 bytes but found: 3",
            },
        ),
        (
            "PutItem",
            b'{"TableName":"items","Item":{"pk":{}}}',
            {
                "__type": "com.amazon.coral.validate#ValidationException",
                "message": "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes",
            },
        ),
        (
            "GetItem",
            b'{"TableName":"items","Key":{"pk":{"S":"a","N":"1"}}}',
            {
                "__type": "com.amazon.coral.validate#ValidationException",
                "message": "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the "
                "supported datatypes",
            },
        ),
        (
            "PutItem",
            b"{}",
            {
                "__type": "com.amazon.coral.validate#ValidationException",
                "message": "2 validation errors detected: Value null at 'tableName' failed to satisfy constraint: "
                "Member must not be null; Value null at 'item' failed to satisfy constraint: Member must not be null",
            },
        ),
        (
            "GetItem",
            b'{"TableName":"nowhere","Key":{"pk":{"S":"a"}}}',
            {
                "__type": "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException",
                "message": "Requested resource not found",
            },
        ),
        (
            "ExecuteStatement",
            b"{}",
            {
                "__type": "com.amazon.coral.service#UnknownOperationException",
                "message": "terrella does not implement DynamoDB's ExecuteStatement yet",
            },
        ),
        ("NoSuchThing", b"{}", {"__type": "com.amazon.coral.service#UnknownOperationException"}),
    ],
)
async def test_errors_have_the_shape_that_aws_gives_them(
    region: Region, table: str, target: str, body: bytes, expected: dict[str, str]
) -> None:
    import msgspec

    headers = [("x-amz-target", f"DynamoDB_20120810.{target}"), ("content-type", "application/x-amz-json-1.0")]
    response = await fetch("POST", "127.0.0.1", region.port, "/", headers, body)
    assert isinstance(response.body, bytes)
    assert response.status == 400
    assert msgspec.json.decode(response.body) == expected
    assert response.header("content-type") == "application/x-amz-json-1.0"
    assert response.header("x-amz-crc32") == str(zlib.crc32(response.body))
    assert len(response.header("x-amzn-requestid")) == 52


async def test_nulls_and_unknown_members_are_ignored(region: Region, table: str) -> None:
    body = b'{"TableName":"items","Key":{"pk":{"S":"a","N":null},"sk":{"N":"1"}},"ConsistentRead":null,"Other":1}'
    headers = [("x-amz-target", "DynamoDB_20120810.GetItem")]
    assert (await fetch("POST", "127.0.0.1", region.port, "/", headers, body)).status == 200
    health = await fetch("GET", "127.0.0.1", region.port, "/")
    assert health.body == b"healthy: dynamodb.eu-west-1.amazonaws.com "
