"""Tables made by CreateTable and by stacks: what is shown, what is kept, what is refused."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from terrella.kernel import TerrellaError
from terrella.services.tables import TableDefinition

from .conftest import REGION, Region

HASH = [{"AttributeName": "id", "KeyType": "HASH"}]
STRING = [{"AttributeName": "id", "AttributeType": "S"}]
GLOBAL = {
    "TableName": "global",
    "AttributeDefinitions": STRING,
    "KeySchema": HASH,
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamViewType": "NEW_AND_OLD_IMAGES"},
    "TimeToLiveSpecification": {"AttributeName": "expires", "Enabled": "true"},
    "SSESpecification": {"SSEEnabled": "false"},
    "Replicas": [
        {"Region": "us-east-1"},
        {"Region": "eu-west-1", "Tags": [{"Key": "team", "Value": "red"}], "DeletionProtectionEnabled": "true"},
        {"Region": "sa-east-1"},
    ],
}


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Region]:
    region = Region(tmp_path)
    yield region
    region.stop()


def make(client: Any, name: str, **more: Any) -> Any:
    given = {"AttributeDefinitions": STRING, "KeySchema": HASH, "BillingMode": "PAY_PER_REQUEST", **more}
    return client.create_table(TableName=name, **given)["TableDescription"]


def complaint(call: Any, **params: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call(**params)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


def test_a_table_s_life(fresh: Region) -> None:
    client = fresh.client()
    assert make(client, "one", Tags=[{"Key": "a", "Value": "b"}])["TableStatus"] == "CREATING"
    assert complaint(
        client.create_table, TableName="one", AttributeDefinitions=STRING, KeySchema=HASH, BillingMode="PAY_PER_REQUEST"
    ) == ("ResourceInUseException", "Table already exists: one")
    client.get_waiter("table_exists").wait(TableName="one")
    client.put_item(TableName="one", Item={"id": {"S": "kept"}})
    shown = client.describe_table(TableName="one")["Table"]
    assert shown["TableStatus"] == "ACTIVE"
    assert shown["ItemCount"] == 1
    assert shown["TableArn"] == f"arn:aws:dynamodb:{REGION}:000000000000:table/one"
    assert shown["KeySchema"] == HASH
    assert shown["BillingModeSummary"]["BillingMode"] == "PAY_PER_REQUEST"
    assert "Replicas" not in shown
    fresh.reopen()
    client = fresh.client()
    assert client.get_item(TableName="one", Key={"id": {"S": "kept"}})["Item"] == {"id": {"S": "kept"}}
    assert client.describe_table(TableName="one")["Table"]["TableId"] == shown["TableId"]
    assert client.delete_table(TableName="one")["TableDescription"]["TableStatus"] == "DELETING"
    client.get_waiter("table_not_exists").wait(TableName="one")
    assert complaint(client.describe_table, TableName="one") == (
        "ResourceNotFoundException",
        "Requested resource not found: Table: one not found",
    )
    make(client, "one")
    assert client.scan(TableName="one")["Count"] == 0, "made again, it is another data set"
    fresh.reopen()
    assert fresh.client().list_tables()["TableNames"] == ["one"]


def test_lists_tags_and_descriptions_of_what_is_not_there(dynamodb: Any) -> None:
    for number in range(5):
        make(dynamodb, f"listed-{number}")
    pages = dynamodb.get_paginator("list_tables").paginate(PaginationConfig={"PageSize": 2})
    names = [name for page in pages for name in page["TableNames"]]
    assert names == sorted(names)
    assert {f"listed-{number}" for number in range(5)} <= set(names)
    arn = dynamodb.describe_table(TableName="listed-0")["Table"]["TableArn"]
    dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "env", "Value": "test"}, {"Key": "x", "Value": "y"}])
    dynamodb.untag_resource(ResourceArn=arn, TagKeys=["x"])
    assert dynamodb.list_tags_of_resource(ResourceArn=arn)["Tags"] == [{"Key": "env", "Value": "test"}]
    assert dynamodb.describe_limits()["TableMaxReadCapacityUnits"] == 40_000
    ttl = dynamodb.describe_time_to_live(TableName="listed-0")["TimeToLiveDescription"]
    assert ttl == {"TimeToLiveStatus": "DISABLED"}
    backups = dynamodb.describe_continuous_backups(TableName="listed-0")["ContinuousBackupsDescription"]
    assert backups["ContinuousBackupsStatus"] == "DISABLED"


def test_update_table_fills_a_new_index_and_forgets_a_deleted_one(dynamodb: Any) -> None:
    make(dynamodb, "growing")
    for number in range(300):
        item = {"id": {"S": str(number)}, "team": {"S": "red" if number % 3 else "blue"}}
        dynamodb.put_item(TableName="growing", Item=item)
    create = {
        "IndexName": "by-team",
        "KeySchema": [{"AttributeName": "team", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    definitions = [*STRING, {"AttributeName": "team", "AttributeType": "S"}]
    changed = dynamodb.update_table(
        TableName="growing", AttributeDefinitions=definitions, GlobalSecondaryIndexUpdates=[{"Create": create}]
    )["TableDescription"]
    assert changed["TableStatus"] == "UPDATING"
    shown = dynamodb.describe_table(TableName="growing")["Table"]["GlobalSecondaryIndexes"]
    assert [(index["IndexName"], index["IndexStatus"]) for index in shown] == [("by-team", "ACTIVE")]
    found = dynamodb.query(
        TableName="growing",
        IndexName="by-team",
        KeyConditionExpression="team = :t",
        ExpressionAttributeValues={":t": {"S": "blue"}},
        Select="COUNT",
    )
    assert found["Count"] == 100
    assert (
        "already exists"
        in complaint(
            dynamodb.update_table,
            TableName="growing",
            AttributeDefinitions=definitions,
            GlobalSecondaryIndexUpdates=[{"Create": create}],
        )[1]
    )
    dynamodb.update_table(TableName="growing", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-team"}}])
    after = dynamodb.describe_table(TableName="growing")["Table"]
    assert "GlobalSecondaryIndexes" not in after
    assert after["AttributeDefinitions"] == STRING
    code, _ = complaint(
        dynamodb.update_table, TableName="growing", GlobalSecondaryIndexUpdates=[{"Delete": {"IndexName": "by-team"}}]
    )
    assert code == "ResourceNotFoundException"


def test_deletion_protection(dynamodb: Any) -> None:
    make(dynamodb, "protected", DeletionProtectionEnabled=True)
    code, message = complaint(dynamodb.delete_table, TableName="protected")
    assert code == "ValidationException"
    assert "protected against deletion" in message
    dynamodb.update_table(TableName="protected", DeletionProtectionEnabled=False)
    dynamodb.delete_table(TableName="protected")


LSI = {
    "IndexName": "local",
    "KeySchema": [*HASH, {"AttributeName": "x", "KeyType": "RANGE"}],
    "Projection": {"ProjectionType": "ALL"},
}
ONE_OR_MORE = "One or more parameter values were invalid: "


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"TableName": "ab"},
            (
                "1 validation error detected: Value 'ab' at 'tableName' failed to satisfy constraint: "
                "Member must have length greater than or equal to 3"
            ),
        ),
        (
            {"KeySchema": [*HASH, {"AttributeName": "id", "KeyType": "RANGE"}]},
            "Invalid KeySchema: Some index key attribute have no definition",
        ),
        (
            {"KeySchema": [{"AttributeName": "id", "KeyType": "INVALID"}]},
            (
                "1 validation error detected: Value 'INVALID' at 'keySchema.1.member.keyType' failed to satisfy "
                "constraint: Member must satisfy enum value set: [HASH, RANGE]"
            ),
        ),
        (
            {"AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "INVALID"}]},
            (
                "1 validation error detected: Value 'INVALID' at "
                "'attributeDefinitions.1.member.attributeType' failed to "
                "satisfy constraint: Member must satisfy enum value set: [B, N, S]"
            ),
        ),
        (
            {"AttributeDefinitions": [*STRING, {"AttributeName": "x", "AttributeType": "S"}]},
            ONE_OR_MORE + "Number of attributes in KeySchema does not exactly match number of attributes defined in "
            "AttributeDefinitions",
        ),
        (
            {
                "AttributeDefinitions": [*STRING, {"AttributeName": "x", "AttributeType": "S"}],
                "LocalSecondaryIndexes": [LSI],
            },
            ONE_OR_MORE + "Table KeySchema does not have a range key, which is required when specifying a "
            "LocalSecondaryIndex",
        ),
        (
            {"BillingMode": "PROVISIONED"},
            ONE_OR_MORE + "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is "
            "PROVISIONED",
        ),
        (
            {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}},
            "terrella does not implement DynamoDB Streams yet: StreamSpecification cannot be enabled",
        ),
    ],
)
def test_what_create_table_refuses(dynamodb: Any, changes: dict[str, Any], message: str) -> None:
    given = {
        "TableName": "refused",
        "AttributeDefinitions": STRING,
        "KeySchema": HASH,
        "BillingMode": "PAY_PER_REQUEST",
        **changes,
    }
    assert complaint(dynamodb.create_table, **given) == ("ValidationException", message)


def test_a_global_table_from_a_stack(fresh: Region) -> None:
    definition = TableDefinition.from_cloudformation("AWS::DynamoDB::GlobalTable", GLOBAL)
    assert definition.not_acting == ("StreamSpecification: there is no stream of changes here yet",)
    assert definition.time_to_live == "expires"

    async def ensure() -> None:
        await fresh.tables.ensure_table(definition, stack="app", logical_id="Items", members=["eu-west-1", "us-east-1"])

    fresh.run(ensure)
    client = fresh.client()
    client.put_item(TableName="global", Item={"id": {"S": "kept"}})
    fresh.run(ensure)
    shown = client.describe_table(TableName="global")["Table"]
    assert shown["GlobalTableVersion"] == "2019.11.21"
    assert shown["Replicas"] == [{"RegionName": "us-east-1", "ReplicaStatus": "ACTIVE"}], "its own is not listed"
    assert shown["DeletionProtectionEnabled"] is True
    assert client.list_tags_of_resource(ResourceArn=shown["TableArn"])["Tags"] == [{"Key": "team", "Value": "red"}]
    (status,) = fresh.tables.status()
    assert (status.name, status.items, status.lane) == ("global", 1, "async")
    assert status.members == ("eu-west-1", "us-east-1")
    assert status.not_acting == definition.not_acting

    fresh.reopen()
    (again,) = fresh.tables.status()
    assert again == status

    async def remove_and_ensure() -> None:
        await fresh.tables.remove_table("global")
        await fresh.tables.remove_table("global")
        await ensure()

    fresh.run(remove_and_ensure)
    (anew,) = fresh.tables.status()
    assert anew.items == 0
    assert anew.data_set_id != status.data_set_id


def test_two_regions_agree_on_a_data_set_without_talking(fresh: Region, region: Region) -> None:
    definition = TableDefinition.from_cloudformation("AWS::DynamoDB::GlobalTable", {**GLOBAL, "TableName": "agreed"})

    def identity(of: Region) -> str:
        async def ensure() -> None:
            await of.tables.ensure_table(definition, stack="app", logical_id="X", members=["eu-west-1", "us-east-1"])

        of.run(ensure)
        return next(status.data_set_id for status in of.tables.status() if status.name == "agreed")

    assert identity(fresh) == identity(region)


def test_a_stack_s_table_takes_new_indexes_and_refuses_a_new_key(fresh: Region) -> None:
    def ensure(properties: dict[str, Any], logical_id: str = "Plain") -> None:
        definition = TableDefinition.from_cloudformation("AWS::DynamoDB::Table", properties, name="stack-Plain-1")

        async def work() -> None:
            await fresh.tables.ensure_table(definition, stack="app", logical_id=logical_id, members=[])

        fresh.run(work)

    plain = {
        "AttributeDefinitions": STRING,
        "KeySchema": HASH,
        "ProvisionedThroughput": {"ReadCapacityUnits": "2", "WriteCapacityUnits": "3"},
    }
    ensure(plain)
    client = fresh.client()
    client.put_item(TableName="stack-Plain-1", Item={"id": {"S": "a"}, "n": {"N": "7"}})
    shown = client.describe_table(TableName="stack-Plain-1")["Table"]["ProvisionedThroughput"]
    assert (shown["ReadCapacityUnits"], shown["WriteCapacityUnits"]) == (2, 3)
    index = {
        "IndexName": "by-n",
        "KeySchema": [{"AttributeName": "n", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    ensure(
        {
            **plain,
            "AttributeDefinitions": [*STRING, {"AttributeName": "n", "AttributeType": "N"}],
            "GlobalSecondaryIndexes": [index],
        }
    )
    found = client.query(
        TableName="stack-Plain-1",
        IndexName="by-n",
        KeyConditionExpression="n = :n",
        ExpressionAttributeValues={":n": {"N": "7"}},
    )
    assert found["Count"] == 1
    with pytest.raises(TerrellaError, match="cannot change its key schema"):
        ensure({**plain, "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "N"}]})
    with pytest.raises(TerrellaError, match="already exists: stack app"):
        ensure(plain, logical_id="Another")


@pytest.mark.parametrize(
    ("kind", "changes", "words"),
    [
        ("AWS::S3::Bucket", {}, "not a DynamoDB table"),
        ("AWS::DynamoDB::GlobalTable", {"Replicas": []}, "at least one of Replicas"),
        ("AWS::DynamoDB::Table", {"KeySchema": [{"AttributeName": "no", "KeyType": "HASH"}]}, "not defined in"),
        ("AWS::DynamoDB::Table", {"KeySchema": "id"}, "not shaped as"),
        ("AWS::DynamoDB::Table", {"ImportSourceSpecification": {"S3": 1}}, "not filled from S3"),
    ],
)
def test_templates_that_cannot_be_honoured(kind: str, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(TerrellaError, match=words):
        TableDefinition.from_cloudformation(kind, {**GLOBAL, **changes})
