"""Calls that are stopped on their way: which tables each operation names, and what the caller is answered."""

from collections.abc import Collection, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from terrella.kernel import AwsError
from terrella.services.tables.requests import named_tables
from tests.unit.services.tables.conftest import REGION, Region

ARN = "arn:aws:dynamodb:eu-west-1:000000000000:table/items"


@pytest.mark.parametrize(
    ("params", "tables"),
    [
        ({"TableName": "items", "Key": {}}, {"items"}),
        ({"TableName": ARN}, {"items"}),
        ({"RequestItems": {"items": [], "orders": {}}}, {"items", "orders"}),
        ({"TransactItems": [{"Put": {"TableName": "items"}}, {"Get": {"TableName": "orders"}}]}, {"items", "orders"}),
        ({"TransactItems": [{"Put": {}}, {}]}, set()),
        ({"Limit": 1}, set()),
    ],
)
def test_an_operation_names_its_tables(params: dict[str, Any], tables: set[str]) -> None:
    assert named_tables(params) == tables


@pytest.fixture
def region(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Region]:
    made = Region(tmp_path_factory.mktemp("broken"))
    yield made
    made.close()


def test_a_call_is_answered_what_stops_it(region: Region) -> None:
    seen = []

    async def interfere(operation: str, resources: Collection[str]) -> None:
        seen.append((operation, set(resources)))
        if operation == "GetItem":
            raise AwsError("ProvisionedThroughputExceededException", "on purpose")

    region.tables.interference = interfere
    client = boto3.client(
        "dynamodb",
        region_name=REGION,
        endpoint_url=f"http://127.0.0.1:{region.port}",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"total_max_attempts": 1}),
    )
    with pytest.raises(client.exceptions.ProvisionedThroughputExceededException, match="on purpose"):
        client.get_item(TableName="items", Key={"id": {"S": "1"}})
    assert client.list_tables()["TableNames"] == []
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.scan(TableName="items")
    assert seen == [("GetItem", {"items"}), ("ListTables", set()), ("Scan", {"items"})]
