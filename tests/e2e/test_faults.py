"""Every fault once, in one world of two regions: it breaks what it says, and nothing is broken when it is over."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import quote

import pytest
import yaml
from botocore.exceptions import ClientError
from tests.e2e.worlds import ROOT, Terrella, put, until

from terrella.gameday.faults import read_fault
from terrella.gameday.faults.fault import Ordered
from terrella.world import load_world

EAST, WEST = REGIONS = ("us-east-1", "eu-west-1")


def two_regions(template: str) -> str:
    """The example, with replicas where there are regions, and a function that calls another region."""
    return re.sub(r"(?m)^        - Region: us-west-2\n          .*\n", "", template)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terrella]:
    made = Terrella.of(
        ROOT / "examples" / "items", tmp_path_factory.mktemp("faults") / "items", regions=REGIONS, edit=two_regions
    )
    try:
        made.up()
        for region in REGIONS:
            assert put(made, region, f"from-{region}")[0] == 201
        made.until_equal("items")
        yield made
    finally:
        made.down()


@pytest.fixture
def broken(world: Terrella) -> Iterator[Callable[..., Any]]:
    """Break something within a block, as a game day's file says it; everything is whole after the test."""
    known = load_world(world.directory / "world.yaml")

    @contextmanager
    def broken(text: str) -> Iterator[str]:
        fault = read_fault(yaml.safe_load(f"{{{text}}}"), known)
        assert isinstance(fault, Ordered)
        order, fault_id = fault.order(), fault.told()
        body = {"id": fault_id, "kind": order.kind, "parameters": order.parameters, "regions": list(order.regions)}
        world.control("POST", "faults", body)
        yield fault_id
        world.control("DELETE", f"faults/{quote(fault_id, safe='')}")

    yield broken
    world.control("DELETE", "faults")
    world.until_serving()
    assert [each["faults"] for each in world.status()["regions"]] == [[], []]


def get(world: Terrella, region: str, item_id: str) -> int:
    return world.application(region, "GET", f"/items/{item_id}")[0]


def code_of(call: Callable[..., Any], **parameters: Any) -> str:
    """The code of the error that a call answers; empty if it succeeds."""
    try:
        call(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""


def healthy(world: Terrella, of: str, seen_from: str) -> bool:
    checks = world.region(seen_from)["health"].values()
    return all(check["healthy"] for check in checks if check["region"] == of)


def test_a_table_that_fails_is_slow_or_throttles_in_one_region(world: Terrella, broken: Any) -> None:
    east, west = world.client("dynamodb", EAST).get_item, world.client("dynamodb", WEST).get_item
    item = {"TableName": "items", "Key": {"id": {"S": f"from-{EAST}"}}}
    with broken(f"errors: {{table: items, region: {WEST}, operations: [GetItem]}}, error: throttled") as fault:
        assert code_of(west, **item) == "ProvisionedThroughputExceededException"
        assert code_of(east, **item) == ""
        assert (get(world, WEST, f"from-{EAST}"), get(world, EAST, f"from-{EAST}")) == (502, 200)
        (told,) = world.region(WEST)["faults"]
        assert (told["id"], told["hits"] >= 2) == (fault, True)
        assert world.region(EAST)["faults"] == []
    with broken(f"slow: {{table: items, region: {WEST}}}, delay: 1ms"):
        assert code_of(west, **item) == ""
        assert world.region(WEST)["faults"][0]["hits"] == 1
    refused = world.http(
        "POST",
        world.door,
        4566,
        "/_terrella/faults",
        json.dumps({"id": "x", "kind": "errors", "parameters": {"service": "dynamodb", "resource": "orders"}}).encode(),
        {"x-terrella-control": "1"},
    )
    assert (refused[0], b"there is no table orders" in refused[2]) == (400, True)


def test_a_function_that_fails(world: Terrella, broken: Any) -> None:
    invoke = world.client("lambda", WEST).invoke
    with broken(f"errors: {{function: GetFunction, region: {WEST}}}, error: throttled"):
        assert code_of(invoke, FunctionName="items-get", Payload=b"{}") == "TooManyRequestsException"
        assert get(world, WEST, f"from-{EAST}") == 200, "the gateway does not invoke by Lambda's API"
    with broken(f"deploy: {{function: GetFunction, region: {WEST}}}, failing: 100%"):
        answer = invoke(FunctionName="items-get", Payload=b"{}")
        assert answer["FunctionError"] == "Unhandled"
        assert json.loads(answer["Payload"].read())["errorType"] == "InjectedError"
        assert (get(world, WEST, f"from-{EAST}"), get(world, EAST, f"from-{EAST}")) == (502, 200)
    assert get(world, WEST, f"from-{EAST}") == 200


def test_a_full_disk_refuses_writes_and_catches_up(world: Terrella, broken: Any) -> None:
    item = {"TableName": "items", "Item": {"id": {"S": "disk"}}}
    with broken(f"disk: {WEST}, full: true"):
        assert code_of(world.client("dynamodb", WEST).put_item, **item) == "ServiceUnavailable"
        assert get(world, WEST, f"from-{EAST}") == 200
        assert put(world, EAST, "while-full")[0] == 201
    until(lambda: get(world, WEST, "while-full") == 200, "what was written meanwhile to arrive")
    assert code_of(world.client("dynamodb", WEST).put_item, **item) == ""
    world.until_equal("items")


def test_paused_replication_holds_back_both_ways(world: Terrella, broken: Any) -> None:
    with broken(f"replication: {WEST}, paused: true"):
        for region in REGIONS:
            assert put(world, region, f"paused-{region}")[0] == 201
        until(lambda: not world.region(WEST)["replication"][EAST]["connected"], "the pull to end")
        assert get(world, WEST, f"paused-{EAST}") == get(world, EAST, f"paused-{WEST}") == 404
        assert world.region(WEST)["at_risk"] >= 1
    world.until_equal("items")
    assert get(world, WEST, f"paused-{EAST}") == get(world, EAST, f"paused-{WEST}") == 200


def test_a_wrong_clock_stamps_what_is_written(world: Terrella, broken: Any) -> None:
    with broken(f"clock: {WEST}, skew: 1h"):
        assert put(world, WEST, "future")[0] == 201
        until(lambda: any("clock" in each for each in world.region(EAST)["warnings"]), "the other region to notice")
    world.until_equal("items")


def test_health_checks_lie_and_flap(world: Terrella, broken: Any) -> None:
    with broken(f"health: {WEST}, reports: unhealthy"):
        until(lambda: not healthy(world, WEST, EAST), "the check to fail")
        assert get(world, WEST, f"from-{EAST}") == 200
    until(lambda: healthy(world, WEST, EAST), "the check to succeed again")
    with broken(f"health: {WEST}, reports: flapping"):
        until(lambda: not healthy(world, WEST, EAST), "a turn of failing")
        until(lambda: healthy(world, WEST, EAST), "a turn of succeeding")
    until(lambda: healthy(world, WEST, EAST), "the check to succeed again")


def test_zones_and_workers_die_and_hang(world: Terrella, broken: Any) -> None:
    def zones() -> dict[str, Any]:
        function = next(each for each in world.region(WEST)["functions"] if each["logical_id"] == "GetFunction")
        return {each["az"]: each for each in function["azs"]}

    with broken(f"kill: {WEST}a"):
        assert get(world, WEST, f"from-{EAST}") == 200
        dead, alive = zones()[f"{WEST}a"], zones()[f"{WEST}b"]
        assert (dead["down"], dead["workers"], alive["workers"] > 0) == (True, 0, True)
    assert not zones()[f"{WEST}a"]["down"]
    killed = {"id": "k", "kind": "kill-worker", "parameters": {"function": "GetFunction"}, "regions": [WEST]}
    assert world.control("POST", "faults", killed) == {"id": "k", "done": 1}
    until(lambda: get(world, WEST, f"from-{EAST}") == 200, "another worker")
    with broken(f"pause: {{az: {WEST}a}}"), broken(f"pause: {{az: {WEST}b}}"), suppress(TimeoutError):
        world.http("GET", world.addresses[WEST], 8080, "/items/x", headers={"host": "items.example.com"}, timeout_s=0.3)
        raise AssertionError("all its workers are stopped, and it answers")
    until(lambda: get(world, WEST, f"from-{EAST}") == 200, "the workers to go on")


def test_a_paused_region_hangs_and_goes_on(world: Terrella, broken: Any) -> None:
    with broken(f"pause: {WEST}"):
        assert world.states() == {EAST: "serving", WEST: "paused"}
        with pytest.raises(TimeoutError):
            world.http("GET", world.addresses[WEST], 8080, "/health", timeout_s=0.3)
        until(lambda: not healthy(world, WEST, EAST), "the check to time out")
    world.until_serving()
    assert get(world, WEST, f"from-{EAST}") == 200


def test_a_link_is_cut_and_calls_to_other_regions_are_refused(world: Terrella, broken: Any) -> None:
    elsewhere = world.client("dynamodb", EAST, address=world.addresses[WEST]).list_tables
    with broken("calls: other-regions"):
        assert code_of(elsewhere) == "AccessDeniedException"
        assert world.region(WEST)["cross_region_calls"][-1]["failed"] == 1
    assert code_of(elsewhere) == ""
    with broken(f"cut: {EAST} <-> {WEST}"):
        assert put(world, EAST, "cut")[0] == 201
        until(lambda: world.region(WEST)["replication"][EAST]["lag_ms"] is None, "silence to be noticed")
        assert get(world, WEST, "cut") == 404
    world.until_equal("items")


def test_a_region_that_starts_again_has_its_faults_and_the_command_mends_them(world: Terrella, broken: Any) -> None:
    """By the command line, as a user does it; a kill that nobody renews ends by itself."""
    told = "InternalServerError from items in eu-west-1 at 100%"
    assert world.run("fault", "inject", f"errors: {{table: items, region: {WEST}}}").stdout.strip() == told
    world.control("POST", "faults", {"id": "k", "kind": "kill", "parameters": {"region": WEST}, "lease_s": 0.1})
    until(lambda: world.states()[WEST] == "serving", "the region to return by itself")
    assert [each["id"] for each in world.region(WEST)["faults"]] == [told]
    assert get(world, WEST, f"from-{EAST}") == 502
    assert f"fault: {told}" in world.run("status").stdout
    assert world.run("fault", "clear", WEST).stdout.strip() == f"no longer: {told}"
    until(lambda: get(world, WEST, f"from-{EAST}") == 200, "the table to answer again")
