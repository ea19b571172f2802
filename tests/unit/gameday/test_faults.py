"""Reading faults: every kind, what is told and asked for, and what is no fault. docs/faults.md says the same."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from terrella.gameday.faults import FAULTS, ClientConditions, FaultError, Order, matches, read_fault
from terrella.wire.links import Link
from terrella.world import World, load_world

PAGE = (Path(__file__).parents[3] / "docs" / "faults.md").read_text()
EXAMPLES: list[dict[str, Any]] = yaml.safe_load(re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0])


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "template.yaml").write_text("")
    (tmp_path / "world.yaml").write_text("template: template.yaml\nregions:\n  us-east-1:\n  eu-west-1:\n")
    return load_world(tmp_path / "world.yaml")


class Noted:
    """An operator that only notes what it is asked for."""

    def __init__(self) -> None:
        self.active: dict[str, Order] = {}
        self.clients = ClientConditions()

    async def inject_fault(self, fault_id: str, order: Order) -> None:
        self.active[fault_id] = order

    async def end_fault(self, fault_id: str) -> None:
        self.active.pop(fault_id, None)

    @property
    def is_well(self) -> bool:
        return not self.active and self.clients == ClientConditions()


BOTH_WAYS = [["us-east-1", "eu-west-1"], ["eu-west-1", "us-east-1"]]
ITEMS = {"service": "dynamodb", "resource": "items", "operations": []}


@pytest.mark.parametrize(
    ("text", "told", "subject", "order"),
    [
        ("kill: eu-west-1", "kill eu-west-1", "eu-west-1", Order("kill", {"region": "eu-west-1"})),
        ("kill: {region: eu-west-1}", "kill eu-west-1", "eu-west-1", Order("kill", {"region": "eu-west-1"})),
        (
            "kill: eu-west-1b",
            "kill eu-west-1b",
            "eu-west-1/eu-west-1b",
            Order("kill-az", {"az": "eu-west-1b"}, ("eu-west-1",)),
        ),
        (
            "kill: {worker: eu-west-1}",
            "kill a worker in eu-west-1",
            "eu-west-1/worker",
            Order("kill-worker", {}, ("eu-west-1",)),
        ),
        (
            "pause: {worker: eu-west-1a, function: F}",
            "pause a worker of F in eu-west-1a",
            "eu-west-1/worker",
            Order("pause-worker", {"az": "eu-west-1a", "function": "F"}, ("eu-west-1",)),
        ),
        ("pause: eu-west-1", "pause eu-west-1", "eu-west-1", Order("pause", {"region": "eu-west-1"})),
        (
            "cut: us-east-1 <-> eu-west-1",
            "cut us-east-1 <-> eu-west-1",
            "us-east-1 <-> eu-west-1",
            Order("link", {"pairs": BOTH_WAYS, "changes": {"cut": True}}),
        ),
        (
            "cut: us-east-1->eu-west-1",
            "cut us-east-1 -> eu-west-1",
            "us-east-1 -> eu-west-1",
            Order("link", {"pairs": BOTH_WAYS[:1], "changes": {"cut": True}}),
        ),
        (
            "slow: us-east-1 <-> eu-west-1, delay: 400ms, bandwidth: 1MB/s",
            "slow us-east-1 <-> eu-west-1: 400ms, 1MB/s",
            "us-east-1 <-> eu-west-1",
            Order("link", {"pairs": BOTH_WAYS, "changes": {"delay_ms": 400.0, "bandwidth_bytes_per_s": 1e6}}),
        ),
        (
            "slow: {table: items, region: eu-west-1}, delay: 2s, rate: 20%",
            "slow items in eu-west-1: 2s, 20% of calls",
            "eu-west-1/items",
            Order("errors", {**ITEMS, "delay_s": 2.0, "jitter_s": 0.0, "rate": 0.2}, ("eu-west-1",)),
        ),
        (
            "loss: us-east-1 <-> eu-west-1, rate: 0.05",
            "lose 5% of us-east-1 <-> eu-west-1",
            "us-east-1 <-> eu-west-1",
            Order("link", {"pairs": BOTH_WAYS, "changes": {"loss": 0.05}}),
        ),
        (
            "errors: {table: items}, error: throttled, rate: 30%",
            "ProvisionedThroughputExceededException from items in every region at 30%",
            "items",
            Order("errors", {**ITEMS, "error": "ProvisionedThroughputExceededException", "rate": 0.3}),
        ),
        (
            "errors: {function: F, region: eu-west-1}",
            "ServiceException from F in eu-west-1 at 100%",
            "eu-west-1/F",
            Order(
                "errors",
                {"service": "lambda", "resource": "F", "operations": [], "error": "ServiceException", "rate": 1.0},
                ("eu-west-1",),
            ),
        ),
        (
            "health: eu-west-1, reports: flapping, every: 10s",
            "health checks of eu-west-1 flap every 10s",
            "eu-west-1",
            Order("health", {"region": "eu-west-1", "reports": "flapping", "every_s": 10.0}),
        ),
        (
            "clock: eu-west-1, skew: -90s",
            "clock of eu-west-1 90s behind (not its handlers')",
            "eu-west-1",
            Order("clock", {"skew_ms": -90000}, ("eu-west-1",)),
        ),
        ("disk: eu-west-1, full: true", "disk of eu-west-1 full", "eu-west-1", Order("disk", {}, ("eu-west-1",))),
        (
            "replication: eu-west-1, paused: 'true'",
            "replication of eu-west-1 paused",
            "eu-west-1",
            Order("replication", {}, ("eu-west-1",)),
        ),
        (
            "deploy: {function: F}, failing: 50%",
            "bad deploy of F in every region: 50% of invocations raise",
            "F",
            Order("deploy", {"function": "F", "rate": 0.5}),
        ),
        ("calls: other-regions", "calls to other regions forbidden", "other-regions", Order("calls")),
    ],
)
async def test_a_fault_is_told_and_asked_for(world: World, text: str, told: str, subject: str, order: Order) -> None:
    """Injected and restored; restoring twice, or what was never injected, does no harm."""
    fault = read_fault(yaml.safe_load(f"{{at: 5s, {text}}}"), world)
    operator = Noted()
    await fault.restore(operator)
    await fault.inject(operator)
    assert (fault.told(), fault.subject, operator.active) == (told, subject, {told: order})
    await fault.restore(operator)
    await fault.restore(operator)
    assert operator.is_well


async def test_what_no_region_can_do_is_for_the_clients(world: World) -> None:
    operator = Noted()
    cut = read_fault({"cut": "frankfurt -> eu-west-1"}, world)
    slow = read_fault({"slow": "frankfurt -> us-east-1", "delay": "300ms"}, world)
    resolver = read_fault({"resolver": "everywhere", "ttl": "300s"}, world)
    for fault in (cut, slow, resolver):
        await fault.inject(operator)
    assert operator.active == {}
    assert operator.clients == replace(operator.clients, resolver_ttl=300.0)
    assert operator.clients.links["frankfurt", "eu-west-1"].cut
    assert operator.clients.links["frankfurt", "us-east-1"] == Link(delay_ms=300.0)
    later = read_fault({"resolver": "everywhere"}, world)
    await later.inject(operator)
    await resolver.restore(operator)
    assert operator.clients == replace(operator.clients, resolver_ttl="ignore"), "the later one still lasts"
    for fault in (cut, slow, later):
        await fault.restore(operator)
    assert operator.is_well


@pytest.mark.parametrize(
    ("text", "key", "message"),
    [
        ("at: 5s", "", "found at, expected one fault: kill, pause,"),
        ("kill: eu-west-1, pause: eu-west-1", "pause", "found kill and pause, expected one fault"),
        ("kill: eu-wst-1", "kill", "found eu-wst-1, expected a region of the world .*: us-east-1 or eu-west-1"),
        ("kill: {az: eu-west-1c}", "az", "found eu-west-1c, expected an availability zone: us-east-1a, us-east-1b"),
        ("kill: {az: eu-west-1a, worker: eu-west-1a}", "kill", "found az and worker, expected one of"),
        ("kill: {az: eu-west-1a, function: F}", "function", "found a function without worker"),
        ("kill: eu-west-1, rate: 3%", "rate", "found the key rate, expected kill to stand alone"),
        ("kill:", "kill", "found nothing, expected a mapping"),
        ("cut: us-east-1", "cut", "found us-east-1, expected a link such as A <-> B"),
        ("cut: us-east-1 <-> us-east-1", "cut", "expected two different ends"),
        ("cut: mars -> eu-west-1", "cut", "found mars, expected us-east-1 or eu-west-1, or a vantage point, before ->"),
        ("cut: eu-west-1 -> frankfurt", "cut", "found frankfurt, expected us-east-1 or eu-west-1 after ->"),
        ("slow: us-east-1 <-> eu-west-1", "slow", "expected delay, jitter or bandwidth beside slow"),
        ("slow: us-east-1 <-> eu-west-1, delay: 4", "delay", "found 4, expected a duration such as"),
        ("slow: us-east-1 <-> eu-west-1, bandwidth: fast", "bandwidth", "found fast, expected a bandwidth"),
        ("loss: us-east-1 <-> eu-west-1", "rate", "found nothing, expected a share"),
        ("loss: us-east-1 <-> eu-west-1, rate: 0%", "rate", "found 0%, expected a share above 0"),
        ("errors: {region: eu-west-1}", "errors", "found neither of them, expected a table or a function"),
        ("errors: {table: items, colour: red}", "colour", "found the key colour, expected table, function, region"),
        ("errors: {function: F, operations: [Invoke]}", "operations", "expected operations of a table only"),
        ("health: eu-west-1, reports: fine", "reports", "found fine, expected unhealthy, healthy or flapping"),
        ("health: eu-west-1, reports: healthy, every: 5s", "every", "expected it beside reports: flapping only"),
        ("clock: eu-west-1, skew: soon", "skew", "found soon, expected a duration such as 90s or -90s"),
        ("disk: eu-west-1, full: false", "full", r"found false, expected true \(restore undoes it\)"),
        ("calls: everyone", "calls", "found everyone, expected other-regions"),
        ("resolver: everywhere, ttl: long", "ttl", "found long, expected ignore, or a duration such as 300s"),
    ],
)
def test_what_is_no_fault_is_said_so(world: World, text: str, key: str, message: str) -> None:
    with pytest.raises(FaultError, match=message) as raised:
        read_fault(yaml.safe_load(f"{{{text}}}"), world)
    assert raised.value.key == key


@pytest.mark.parametrize(
    ("subject", "asked", "meant"),
    [
        ("eu-west-1", "eu-west-1", True),
        ("eu-west-1/eu-west-1a", "eu-west-1", True),
        ("eu-west-1/eu-west-1a", "eu-west-1a", True),
        ("eu-west-1/items", "items", True),
        ("eu-west-1", "eu-west-1a", False),
        ("eu-west-1", "us-east-1", False),
        ("us-east-1 <-> eu-west-1", "us-east-1 <-> eu-west-1", True),
        ("us-east-1 <-> eu-west-1", "eu-west-1 <-> us-east-1", True),
        ("us-east-1 -> eu-west-1", "eu-west-1 <-> us-east-1", True),
        ("us-east-1 -> eu-west-1", "eu-west-1 -> us-east-1", False),
        ("us-east-1 <-> eu-west-1", "eu-west-1", False),
        ("resolver", "everything", True),
    ],
)
def test_what_restoring_means(subject: str, asked: str, meant: bool) -> None:
    assert matches(subject, asked) is meant


def test_the_page_shows_every_kind_and_what_it_shows_can_be_read(world: World) -> None:
    assert {key for entry in EXAMPLES for key in entry} & set(FAULTS) == set(FAULTS)
    told = [read_fault(entry, world).told() for entry in EXAMPLES]
    assert len(set(told)) == len(told), "two faults with the same id would mend each other"


def rows() -> Iterator[tuple[str, str]]:
    for fault, action in re.findall(r"^\| (`.*?) \| (.*?) \|", PAGE.partition("## AWS Fault")[2], re.MULTILINE):
        yield fault, action.strip("`")


def test_the_table_of_fis_actions_has_every_kind() -> None:
    found: dict[str, set[str | None]] = {}
    for fault, action in rows():
        found.setdefault(fault.split("`")[1], set()).add(None if action == "none" else action)
    assert found.keys() == FAULTS.keys()
    for keyword, kind in FAULTS.items():
        assert kind.fis_action in found[keyword], keyword
