"""What AWS asks of a global table with multi-Region strong consistency."""

from typing import Any

import pytest

from terrella.journal import Lane
from terrella.kernel import TerrellaError
from terrella.services.tables import TableDefinition
from terrella.services.tables.strong import check_strong

THREE = ["us-east-1", "us-east-2", "us-west-2"]


def defined(replicas: list[str], **more: Any) -> TableDefinition:
    properties = {
        "TableName": "orders",
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "MultiRegionConsistency": "STRONG",
        "Replicas": [{"Region": region} for region in replicas],
        **more,
    }
    return TableDefinition.from_cloudformation("AWS::DynamoDB::GlobalTable", properties)


def test_three_replicas_of_one_set_or_two_and_a_witness() -> None:
    check_strong(defined(THREE), Lane.SYNC)
    check_strong(defined(THREE[:2], GlobalTableWitnesses=[{"Region": "us-west-2"}]), Lane.SYNC)


@pytest.mark.parametrize(
    ("replicas", "more", "reason"),
    [
        (THREE[:2], {}, "three replicas, or two and a witness.*found the replicas us-east-1, us-east-2$"),
        (THREE, {"GlobalTableWitnesses": [{"Region": "us-west-2"}]}, "and the witness us-west-2"),
        (["us-east-1", "us-west-2", "eu-west-1"], {}, "all of one set.*lane sync"),
        (THREE, {"TimeToLiveSpecification": {"Enabled": True, "AttributeName": "until"}}, "items cannot expire"),
    ],
    ids=["two", "four", "two sets", "time to live"],
)
def test_what_aws_does_not_take_is_refused(replicas: list[str], more: dict[str, Any], reason: str) -> None:
    with pytest.raises(TerrellaError, match=reason):
        check_strong(defined(replicas, **more), Lane.SYNC)


def test_the_lane_sync_of_an_eventual_table_takes_any_regions() -> None:
    check_strong(defined(["us-east-1", "eu-west-1"], MultiRegionConsistency="EVENTUAL"), Lane.SYNC)


def test_a_witness_is_for_strong_tables() -> None:
    with pytest.raises(TerrellaError, match="needs MultiRegionConsistency STRONG"):
        defined(THREE, MultiRegionConsistency="EVENTUAL", GlobalTableWitnesses=[{"Region": "us-west-2"}])
