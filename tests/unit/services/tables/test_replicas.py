"""Replicas come and go: what UpdateTable and DeleteTable ask for, what DescribeTable says, what a request finds."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from terrella.services.tables import ReplicaGroup, TableDefinition

from .conftest import REGION, Region
from .test_tables import GLOBAL, HASH, STRING, complaint, make

OTHER, THIRD = "us-east-1", "ap-south-1"


class Decided:
    """What the regions have decided, as the test says; ``asked`` is what this region has asked them for."""

    regions: tuple[str, ...] = (REGION, OTHER, THIRD)

    def __init__(self) -> None:
        self.groups: dict[str, ReplicaGroup] = {}
        self.asked: list[tuple[str, ...]] = []
        self.exists: set[str] = set()

    def group(self, data_set_id: str) -> ReplicaGroup | None:
        return self.groups.get(data_set_id)

    def group_called(self, identity: str) -> ReplicaGroup | None:
        return next((one for one in self.groups.values() if one.identity == identity), None)

    def progress(self, data_set_id: str) -> str:
        return ""

    async def table_exists(self, region: str, name: str) -> bool:
        return region in self.exists

    async def add_replica(
        self, data_set_id: str, name: str, identity: str, members: tuple[str, ...], region: str, definition: bytes
    ) -> None:
        self.asked.append(("add", name, region))
        group = self.groups.get(data_set_id) or ReplicaGroup(data_set_id, identity, 1, members)
        self.groups[data_set_id] = replace(group, epoch=group.epoch + 1, joining=(region,), definition=definition)

    async def remove_replica(self, data_set_id: str, region: str) -> None:
        self.asked.append(("remove", region))
        group = self.groups[data_set_id]
        self.groups[data_set_id] = replace(group, epoch=group.epoch + 1, leaving=(region,))

    async def forget(self, data_set_id: str, region: str) -> None:
        self.asked.append(("forget", region))

    def decide(self, **changes: Any) -> None:
        """The one group there is, changed."""
        ((id_, group),) = self.groups.items()
        self.groups[id_] = replace(group, epoch=group.epoch + 1, **changes)


@pytest.fixture
def decided() -> Decided:
    return Decided()


@pytest.fixture
def fresh(tmp_path: Path, decided: Decided) -> Iterator[Region]:
    region = Region(tmp_path, decided)
    yield region
    region.stop()


def update(client: Any, *updates: dict[str, Any], **more: Any) -> Any:
    return client.update_table(TableName="one", ReplicaUpdates=list(updates), **more)["TableDescription"]


def create(region: str, **more: Any) -> dict[str, Any]:
    return {"Create": {"RegionName": region, **more}}


def delete(region: str) -> dict[str, Any]:
    return {"Delete": {"RegionName": region}}


def replicas(client: Any, table: str = "one") -> dict[str, str]:
    shown = client.describe_table(TableName=table)["Table"]
    return {one["RegionName"]: one["ReplicaStatus"] for one in shown.get("Replicas", ())}


def test_a_plain_table_with_data_becomes_a_global_one(fresh: Region, decided: Decided) -> None:
    client = fresh.client()
    make(client, "one")
    client.put_item(TableName="one", Item={"id": {"S": "before"}})
    shown = update(client, create(OTHER))
    assert (shown["TableStatus"], shown["GlobalTableVersion"]) == ("UPDATING", "2019.11.21")
    assert decided.asked == [("add", "one", OTHER)]
    assert replicas(client) == {OTHER: "CREATING"}
    client.put_item(TableName="one", Item={"id": {"S": "meanwhile"}})
    assert complaint(lambda: update(client, create(THIRD)))[0] == "ResourceInUseException"
    assert complaint(client.update_table, TableName="one", DeletionProtectionEnabled=True)[0] == (
        "ResourceInUseException"
    )
    decided.decide(members=tuple(sorted((REGION, OTHER))), joining=())
    fresh.run(fresh.tables.membership_changed)
    shown = client.describe_table(TableName="one")["Table"]
    assert (shown["TableStatus"], shown["ItemCount"], shown["MultiRegionConsistency"]) == ("ACTIVE", 2, "EVENTUAL")
    assert replicas(client) == {OTHER: "ACTIVE"}
    fresh.reopen()
    assert replicas(fresh.client()) == {OTHER: "ACTIVE"}


@pytest.mark.parametrize(
    ("updates", "message"),
    [
        ([create(REGION)], "Cannot add or delete the local region through ReplicaUpdates."),
        ([delete(OTHER)], "Please retry the request without these replicas: [us-east-1]."),
        ([create("us-fake-1")], "Region us-fake-1 is not supported."),
        ([create(OTHER), create(THIRD)], "more than one create or delete replica actions not allowed"),
        ([create(OTHER) | delete(OTHER)], "more than one type of replica actions not allowed"),
        ([{}], "There are no actions specified in the Replica Update Action of the request."),
        ([{"Update": {"RegionName": OTHER}}], "There are no actions specified"),
        ([create(OTHER, KMSMasterKeyId="k")], "terrella does not implement KMSMasterKeyId"),
    ],
)
def test_what_cannot_be_asked_for(fresh: Region, decided: Decided, updates: list[dict[str, Any]], message: str) -> None:
    client = fresh.client()
    make(client, "one")
    code, said = complaint(lambda: update(client, *updates))
    assert code == "ValidationException"
    assert message in said
    assert decided.asked == []


def test_what_aws_wants_before_a_replica(fresh: Region, decided: Decided) -> None:
    client = fresh.client()
    client.create_table(
        TableName="one",
        AttributeDefinitions=STRING,
        KeySchema=HASH,
        ProvisionedThroughput={"ReadCapacityUnits": 1, "WriteCapacityUnits": 1},
    )
    code, said = complaint(lambda: update(client, create(OTHER)))
    assert (code, said) == (
        "ValidationException",
        "Table write capacity should either be Pay-Per-Request or AutoScaled.",
    )
    client.update_table(TableName="one", BillingMode="PAY_PER_REQUEST")
    decided.exists.add(OTHER)
    assert (
        "because one or more replicas already existed as tables." in complaint(lambda: update(client, create(OTHER)))[1]
    )
    assert "cannot be combined" in complaint(lambda: update(client, create(OTHER), DeletionProtectionEnabled=True))[1]
    decided.exists.clear()
    update(client, create(OTHER))
    decided.decide(members=tuple(sorted((REGION, OTHER))), joining=())
    assert "already existed as tables" in complaint(lambda: update(client, create(OTHER)))[1]


def give(fresh: Region, decided: Decided) -> str:
    """Another region's table is to be held here as well; its data set."""
    maker_definition = TableDefinition.from_cloudformation("AWS::DynamoDB::GlobalTable", GLOBAL)

    async def make_it() -> None:
        await fresh.tables.ensure_table(maker_definition, stack="app", logical_id="T", members=[OTHER, REGION])

    fresh.run(make_it)
    (table,) = fresh.tables.replicated()
    told = fresh.tables.told_definition(table.data_set_id)
    group = ReplicaGroup(table.data_set_id, table.identity, 3, (OTHER,), (REGION,), definition=told)
    fresh.run(lambda: fresh.tables.remove_table("global"))
    id_ = f"{table.data_set_id[:-1]}x"  # what was dropped does not come back under its id
    decided.groups[id_] = replace(group, data_set_id=id_)
    return id_


def test_a_replica_that_is_made_here_serves_nobody_until_it_has_joined(fresh: Region, decided: Decided) -> None:
    id_ = give(fresh, decided)
    fresh.run(lambda: fresh.tables.adopt(id_))
    client = fresh.client()
    shown = client.describe_table(TableName="global")["Table"]
    assert shown["TableStatus"] == "CREATING"
    assert replicas(client, "global") == {OTHER: "ACTIVE"}
    missing = ("ResourceNotFoundException", "Requested resource not found")
    assert complaint(client.put_item, TableName="global", Item={"id": {"S": "a"}}) == missing
    assert complaint(client.get_item, TableName="global", Key={"id": {"S": "a"}}) == missing
    assert complaint(client.describe_time_to_live, TableName="global")[0] == "ResourceNotFoundException"
    assert complaint(client.delete_table, TableName="global")[0] == "ResourceInUseException"
    decided.decide(members=tuple(sorted((REGION, OTHER))), joining=())
    fresh.run(fresh.tables.membership_changed)
    client.put_item(TableName="global", Item={"id": {"S": "a"}})
    assert client.describe_table(TableName="global")["Table"]["TableStatus"] == "ACTIVE"


def test_deleting_a_replica_s_table_leaves_the_others(fresh: Region, decided: Decided) -> None:
    id_ = give(fresh, decided)
    decided.decide(members=tuple(sorted((REGION, OTHER))), joining=())
    fresh.run(lambda: fresh.tables.adopt(id_))
    client = fresh.client()
    client.put_item(TableName="global", Item={"id": {"S": "a"}})
    assert client.delete_table(TableName="global")["TableDescription"]["TableStatus"] == "DELETING"
    assert decided.asked == [("remove", REGION)]
    fresh.run(fresh.tables.membership_changed)
    assert client.describe_table(TableName="global")["Table"]["TableStatus"] == "DELETING"
    assert client.delete_table(TableName="global")["TableDescription"]["TableStatus"] == "DELETING"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        client.put_item(TableName="global", Item={"id": {"S": "late"}})
    decided.decide(members=(OTHER,), leaving=())
    fresh.run(fresh.tables.membership_changed)
    assert client.list_tables()["TableNames"] == []


def test_an_evicted_region_keeps_what_it_has_and_says_how_it_comes_back(fresh: Region, decided: Decided) -> None:
    id_ = give(fresh, decided)
    decided.decide(members=tuple(sorted((REGION, OTHER))), joining=())
    fresh.run(lambda: fresh.tables.adopt(id_))
    client = fresh.client()
    client.put_item(TableName="global", Item={"id": {"S": "a"}})
    decided.decide(members=(OTHER,), evicted=(REGION,))
    fresh.run(fresh.tables.membership_changed)
    code, said = complaint(client.put_item, TableName="global", Item={"id": {"S": "b"}})
    assert code == "ServiceUnavailable"
    assert "terrella region add eu-west-1 brings it back" in said
    assert client.list_tables()["TableNames"] == ["global"]


def test_a_stack_s_table_that_others_hold_is_waited_for(fresh: Region, decided: Decided) -> None:
    id_ = give(fresh, decided)
    decided.decide(joining=())
    definition = TableDefinition.from_cloudformation("AWS::DynamoDB::GlobalTable", GLOBAL)

    async def ensure() -> str | None:
        return await fresh.tables.ensure_table(definition, stack="app", logical_id="T", members=[OTHER, REGION])

    assert fresh.run(ensure) == id_
    assert fresh.tables.status() == []
    decided.decide(joining=(REGION,))
    assert fresh.run(ensure) is None
    (status,) = fresh.tables.status()
    assert (status.standing, status.joining) == ("CREATING", (REGION,))


def test_a_replica_that_was_given_up_can_be_made_here_again(fresh: Region, decided: Decided) -> None:
    id_ = give(fresh, decided)
    both = tuple(sorted((REGION, OTHER)))
    decided.decide(members=both, joining=())
    fresh.run(lambda: fresh.tables.adopt(id_))
    client = fresh.client()
    client.put_item(TableName="global", Item={"id": {"S": "a"}})
    decided.decide(leaving=(REGION,))
    fresh.run(fresh.tables.membership_changed)
    decided.decide(members=(OTHER,), leaving=())
    fresh.run(fresh.tables.membership_changed)
    fresh.reopen()
    decided.decide(members=both)
    fresh.run(lambda: fresh.tables.adopt(id_))
    client = fresh.client()
    assert client.scan(TableName="global")["Items"] == []
    client.put_item(TableName="global", Item={"id": {"S": "b"}})
