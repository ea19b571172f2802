"""Calls that are stopped on their way: which tables each operation names, and what the caller is answered."""

from collections.abc import Collection
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.unit.services.tables.conftest import Region

from terrella.kernel import AwsError
from terrella.services.tables.requests import named_tables

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


def test_a_call_is_answered_what_stops_it(region: Region, dynamodb: Any) -> None:
    seen = []

    async def interfere(operation: str, resources: Collection[str]) -> None:
        seen.append((operation, set(resources)))
        if operation == "GetItem":
            raise AwsError("ProvisionedThroughputExceededException", "on purpose")

    region.tables.interference = interfere
    try:
        with pytest.raises(dynamodb.exceptions.ProvisionedThroughputExceededException, match="on purpose"):
            dynamodb.get_item(TableName="items", Key={"id": {"S": "1"}})
        assert dynamodb.list_tables()["TableNames"] == []
        with pytest.raises(ClientError, match="ResourceNotFoundException"):
            dynamodb.scan(TableName="items")
    finally:
        region.tables.interference = None
    assert seen == [("GetItem", {"items"}), ("ListTables", set()), ("Scan", {"items"})]
