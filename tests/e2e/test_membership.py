"""Regions come and go while a world runs and clients write: joining, leaving, eviction, return; replicas by boto3."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.e2e.worlds import ROOT, Terrella, change, put, until

EAST, WEST, EU = "us-east-1", "us-west-2", "eu-west-1"
PATIENCE_S = 90.0


def world_of(directory: Path, *regions: str) -> Terrella:
    world = Terrella.of(ROOT / "examples" / "items", directory / "items", regions=regions)
    world.up()
    return world


def members(world: Terrella) -> dict[str, Any]:
    told: dict[str, Any] = world.control("GET", "members")
    return told


def group(world: Terrella, table: str = "items") -> dict[str, Any]:
    return next((one for one in members(world)["state"]["groups"].values() if one["name"] == table), {})


def until_registered(world: Terrella) -> None:
    """Membership is decided in the background; nobody needs it to serve."""
    until(lambda: group(world), "the table known to control state")


def write_region(world: Terrella, region: str) -> None:
    """What its user does before ``terrella region add``."""
    path = world.directory / "world.yaml"
    last = list(world.addresses)[-1]
    change(path, f"  {last}: {{azs: 2}}\n", f"  {last}: {{azs: 2}}\n  {region}: {{azs: 2}}\n")
    world.addresses[region] = f"{world.base}.{len(world.addresses) + 1}.1"


def items(world: Terrella, region: str, table: str = "items") -> dict[str, Any]:
    client = world.client("dynamodb", region)
    pages = client.get_paginator("scan").paginate(TableName=table)
    return {item["id"]["S"]: item for page in pages for item in page["Items"]}


def conflicts(world: Terrella, region: str) -> list[str]:
    told = world.control("GET", "conflicts", address=world.addresses[region])
    return sorted(str((one["loser"], one["winner"])) for one in told)


@contextmanager
def load(world: Terrella, *regions: str) -> Iterator[list[str]]:
    """Clients write in each region, now and then to the same items; what was acknowledged is listed."""
    written: list[str] = []
    stop = threading.Event()

    def write(region: str) -> None:
        count = 0
        while not stop.is_set():
            count += 1
            name = f"shared-{count}" if count % 5 == 0 else f"{region}-{count}"
            with suppress(OSError):  # its region is gone
                if put(world, region, name, f"{region} {count}")[0] in (200, 201):
                    written.append(name)

    threads = [threading.Thread(target=write, args=(region,), daemon=True) for region in regions]
    for thread in threads:
        thread.start()
    try:
        yield written
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Terrella]:
    world = world_of(tmp_path, EAST, EU)
    until_registered(world)
    yield world
    world.down()


def test_a_region_is_added_under_load_and_removed_again(two: Terrella) -> None:
    world = two
    refused = world.run("region", "add", WEST, check=False)
    assert refused.returncode == 1
    assert f"  {WEST}: {{azs: 2}}" in refused.stderr, "it says what to write"
    write_region(world, WEST)
    with load(world, EAST, EU) as written:
        until(lambda: len(written) > 50, "some load")
        added = world.run("region", "add", WEST, timeout_s=PATIENCE_S)
    assert "items so far" in added.stdout
    assert "is serving" in added.stdout.splitlines()[-1]
    assert group(world)["members"] == sorted((EAST, EU, WEST))
    assert put(world, WEST, "from-the-third")[0] in (200, 201)
    world.until_equal("items")
    assert set(written) | {"from-the-third"} == set(items(world, WEST))
    assert conflicts(world, EAST) == conflicts(world, EU) == conflicts(world, WEST)
    assert world.status()["regions"][-1]["control_version"] == members(world)["state"]["version"]
    shares = world.control("GET", "records?name=items.example.com", address=world.addresses[EAST])
    assert set(shares) == {EAST, EU, WEST}

    with load(world, EAST, WEST) as written:
        until(lambda: len(written) > 20, "some load")
        removed = world.run("region", "remove", WEST, timeout_s=PATIENCE_S)
    assert "has left the world" in removed.stdout
    assert group(world)["members"] == sorted((EAST, EU))
    assert set(world.states()) == {EAST, EU}
    shares = world.control("GET", "records?name=items.example.com", address=world.addresses[EAST])
    assert set(shares) == {EAST, EU}
    del world.addresses[WEST]
    world.until_equal("items")
    assert set(written) <= set(items(world, EU)), "what it had acknowledged, the others have"
    assert "exited" not in world.log(), "it was stopped, and was not taken for a crash"

    again = world.run("region", "add", WEST, timeout_s=PATIENCE_S)
    assert "is serving" in again.stdout.splitlines()[-1]
    world.addresses[WEST] = f"{world.base}.3.1"
    world.until_equal("items")


def test_a_region_that_is_gone_is_evicted_and_comes_back(tmp_path: Path) -> None:
    world = world_of(tmp_path, EAST, WEST, EU)
    try:
        until_registered(world)
        for number in range(30):
            assert put(world, EU, f"before-{number}")[0] in (200, 201)
        world.until_equal("items")
        alive = world.run("region", "evict", EU, check=False)
        assert "terrella region remove eu-west-1 hands on what it holds" in alive.stderr
        for other in (EAST, WEST):
            world.run("link", EU, other, "--cut")
        for number in range(5):
            assert put(world, EU, f"only-there-{number}")[0] in (200, 201)
        for region, message in ((EU, "written in vain"), (EAST, "written later")):
            item = {"id": {"S": "before-1"}, "message": {"S": message}}
            world.client("dynamodb", region).put_item(TableName="items", Item=item)
        world.run("kill", EU)
        for other in (EAST, WEST):
            world.run("link", EU, other, "--heal")
        until(lambda: world.run("region", "evict", EU, check=False).returncode == 0, "evicted by a majority")
        assert group(world)["members"] == sorted((EAST, WEST))
        with load(world, EAST, WEST) as written:
            until(lambda: len(written) > 20, "some load")
        world.run("restore", EU, "--no-wait")
        until(lambda: world.states()[EU] == "evicted", "it heard of its eviction")
        assert "terrella region add eu-west-1 brings it back" in world.region(EU)["reason"]
        assert put(world, EU, "not-here")[0] == 503
        with pytest.raises(ClientError, match="was evicted"):
            items(world, EU)
        back = world.run("region", "add", EU, timeout_s=PATIENCE_S)
        assert "is serving" in back.stdout.splitlines()[-1]
        world.until_equal("items")
        kept = {f"before-{number}" for number in range(30)}
        assert set(items(world, EU)) == {*written, *kept}
        assert items(world, EU)["before-1"]["message"]["S"] == "written later"
        assert put(world, EU, "back")[0] in (200, 201)
        lost = conflicts(world, EAST)
        of_eu = [one for one in lost if one.startswith(f"({{'region': '{EU}'")]
        assert len(of_eu) == 6, "what it had written in vain is in the conflict log, everywhere"
        assert conflicts(world, WEST) == conflicts(world, EU) == lost
    finally:
        world.down()


def test_of_two_regions_the_survivor_goes_on_alone_only_by_force(two: Terrella) -> None:
    world = two
    world.run("kill", EU)
    until(lambda: members(world)["majority_reachable"] is False, "the majority gone")
    assert put(world, EAST, "served-all-the-same")[0] in (200, 201)
    refused = world.run("region", "evict", EU, check=False)
    assert refused.returncode == 1
    assert "With --force us-east-1 decides alone" in refused.stderr
    forced = world.run("region", "evict", EU, "--force")
    assert "without a majority" in forced.stdout
    assert members(world)["state"]["generation"] == 1
    world.run("restore", EU, "--no-wait")
    until(lambda: world.states()[EU] == "evicted", "it heard of its eviction")
    back = world.run("region", "add", EU, timeout_s=PATIENCE_S)
    assert "is serving" in back.stdout.splitlines()[-1]
    world.until_equal("items")
    assert "served-all-the-same" in items(world, EU)


def test_replicas_by_boto3_and_by_the_template(two: Terrella) -> None:
    world = two
    east, eu = world.client("dynamodb", EAST), world.client("dynamodb", EU)
    east.create_table(
        TableName="plain",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    )
    for number in range(40):
        east.put_item(TableName="plain", Item={"id": {"S": f"{number}"}})

    def replicas(client: Any, table: str = "plain") -> dict[str, str]:
        shown = client.describe_table(TableName=table)["Table"]
        return {one["RegionName"]: one["ReplicaStatus"] for one in shown.get("Replicas", ())}

    east.update_table(TableName="plain", ReplicaUpdates=[{"Create": {"RegionName": EU}}])
    until(lambda: replicas(east) == {EU: "ACTIVE"}, "the replica made")
    until(lambda: eu.describe_table(TableName="plain")["Table"]["TableStatus"] == "ACTIVE", "known there")
    assert set(items(world, EU, "plain")) == {str(number) for number in range(40)}
    assert replicas(eu) == {EAST: "ACTIVE"}
    eu.put_item(TableName="plain", Item={"id": {"S": "from-eu"}})
    until(lambda: "from-eu" in items(world, EAST, "plain"), "replicated back")

    east.update_table(TableName="plain", ReplicaUpdates=[{"Delete": {"RegionName": EU}}])
    until(lambda: not replicas(east), "the replica gone")
    until(lambda: "plain" not in eu.list_tables()["TableNames"], "its table gone")
    assert len(items(world, EAST, "plain")) == 41
    east.update_table(TableName="plain", ReplicaUpdates=[{"Create": {"RegionName": EU}}])
    until(lambda: replicas(east) == {EU: "ACTIVE"}, "made again")
    until(lambda: len(items(world, EU, "plain")) == 41, "all of it")

    for number in range(25):
        assert put(world, EAST, f"kept-{number}")[0] in (200, 201)
    template = world.directory / "template.yaml"
    kept = template.read_text()
    template.write_text(re.sub(r"        - Region: eu-west-1\n.*\n", "", kept))
    world.run("apply")
    until(lambda: group(world)["members"] == [EAST], "it left the table")
    until(lambda: "items" not in eu.list_tables()["TableNames"], "its table gone")
    template.write_text(kept)
    world.run("apply")
    until(lambda: group(world)["members"] == sorted((EAST, EU)), "it holds the table again", PATIENCE_S)
    world.until_equal("items")
    assert {f"kept-{number}" for number in range(25)} <= set(items(world, EU))
