"""A table with strong consistency between regions: two replicas and a witness, driven by boto3."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from botocore.exceptions import ClientError
from tests.e2e.worlds import Terrella, until

REGIONS = ("us-east-1", "us-west-2", "us-east-2")
EAST, WEST, WITNESS = REGIONS
TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Conditions:
  Makes: !Equals [!Ref AWS::Region, us-east-1]
Resources:
  Orders:
    Type: AWS::DynamoDB::GlobalTable
    Condition: Makes
    Properties:
      TableName: orders
      BillingMode: PAY_PER_REQUEST
      MultiRegionConsistency: STRONG
      AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
      KeySchema: [{AttributeName: id, KeyType: HASH}]
      Replicas: [{Region: us-east-1}, {Region: us-west-2}]
      GlobalTableWitnesses: [{Region: us-east-2}]
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terrella]:
    source = tmp_path_factory.mktemp("strong-template")
    (source / "template.yaml").write_text(TEMPLATE)
    made = Terrella.of(source, tmp_path_factory.mktemp("strong") / "orders", regions=REGIONS)
    made.up()
    made.until_serving()
    yield made
    made.down()


def put(world: Terrella, region: str, key: str, **more: object) -> None:
    item = {"id": {"S": key}, "by": {"S": region}}
    world.client("dynamodb", region).put_item(TableName="orders", Item=item, **more)


def strong(world: Terrella, region: str, key: str) -> str | None:
    read = world.client("dynamodb", region).get_item(TableName="orders", Key={"id": {"S": key}}, ConsistentRead=True)
    by: str | None = read.get("Item", {}).get("by", {}).get("S")
    return by


def test_what_is_acknowledged_in_one_region_is_read_in_the_other_at_once(world: Terrella) -> None:
    described = world.client("dynamodb", WEST).describe_table(TableName="orders")["Table"]
    assert described["MultiRegionConsistency"] == "STRONG"
    assert described["GlobalTableWitnesses"] == [{"RegionName": WITNESS, "WitnessStatus": "ACTIVE"}]
    for number in range(5):
        writer, reader = (EAST, WEST) if number % 2 else (WEST, EAST)
        put(world, writer, f"order-{number}")
        assert strong(world, reader, f"order-{number}") == writer
    scanned = world.client("dynamodb", EAST).scan(TableName="orders", ConsistentRead=True)
    assert scanned["Count"] == 5


def test_the_witness_has_no_table(world: Terrella) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        put(world, WITNESS, "nowhere")


def test_of_two_that_create_the_same_item_one_wins(world: Terrella) -> None:
    """The other is told so, by its condition or as a conflict; what is stored is the winner's, in both."""
    for number in range(5):
        key = f"race-{number}"

        def create(region: str, key: str = key) -> str | None:
            try:
                put(world, region, key, ConditionExpression="attribute_not_exists(id)")
            except ClientError as error:
                code = error.response["Error"]["Code"]
                assert code in ("ConditionalCheckFailedException", "ReplicatedWriteConflictException")
                return None
            return region

        with ThreadPoolExecutor(2) as both:
            (winner,) = [region for region in both.map(create, (EAST, WEST)) if region is not None]
        assert strong(world, EAST, key) == strong(world, WEST, key) == winner


def test_one_replica_and_the_witness_go_on_without_the_other(world: Terrella) -> None:
    put(world, EAST, "before")
    world.run("kill", EAST)

    def written() -> bool:
        try:
            put(world, WEST, "during")
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("InternalServerError", "ServiceUnavailable"):
                raise
            return False
        return True

    until(written, "a majority without the dead region")
    assert strong(world, WEST, "before") == EAST
    assert "sync" in world.run("lag").stdout
    world.run("restore", EAST)
    until(lambda: strong(world, EAST, "during") == WEST, "the dead region has it")


def test_a_region_whose_replication_is_paused_neither_reads_nor_writes_strongly(world: Terrella) -> None:
    """As on AWS, where pausing the replication of a strongly consistent replica isolates it; the others go on."""
    world.until_serving()
    put(world, EAST, "before-pause")

    def fails() -> bool:
        try:
            strong(world, WEST, "before-pause")
        except ClientError as error:
            return error.response["Error"]["Code"] in ("InternalServerError", "ServiceUnavailable")
        return False

    world.control("POST", "faults", {"id": "paused", "kind": "replication", "regions": [WEST]})
    try:
        until(fails, "the paused region to be alone")
        until(lambda: written_in(world, EAST, "during-pause"), "a majority without it")
    finally:
        world.control("DELETE", "faults/paused")
    until(lambda: read_in(world, WEST, "during-pause") == EAST, "the paused region to take part again")


def written_in(world: Terrella, region: str, key: str) -> bool:
    try:
        put(world, region, key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("InternalServerError", "ServiceUnavailable"):
            raise
        return False
    return True


def read_in(world: Terrella, region: str, key: str) -> str | None:
    try:
        return strong(world, region, key)
    except ClientError as error:
        if error.response["Error"]["Code"] not in ("InternalServerError", "ServiceUnavailable"):
            raise
        return None
