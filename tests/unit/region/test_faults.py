"""Faults in one region: which are active, and what each mechanism does to the part that it spoils."""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import pytest

from terrella.kernel import PROFILES, AwsError, SystemClock, TerrellaError
from terrella.region import FaultOrder, check_fault
from terrella.region.faults import RegionFaults
from terrella.region.faults.clock import AdjustableClock, SkewedClock
from terrella.region.faults.dependencies import Dependencies, status_of
from terrella.region.faults.deploy import BadDeploy
from terrella.region.faults.health import FalseHealth
from terrella.region.faults.model import ActiveFault
from terrella.region.faults.parameters import KINDS, Clock, Deploy, Errors, Health, Worker, Zone
from terrella.region.faults.zones import KilledZones, PausedWorkers, PausedZones
from terrella.services.functions import Configuration, Functions
from terrella.services.tables import Tables
from terrella.testing import ManualClock, SeededIds
from terrella.traffic import CheckerRunner, CheckKind, HealthCheck


class Noting:
    """A mechanism that notes what is active."""

    def __init__(self, refuse: str = "") -> None:
        self.seen: list[list[str]] = []
        self._refuse = refuse

    def check(self, fault: ActiveFault[Any]) -> None:
        if fault.id == self._refuse:
            raise TerrellaError("it cannot be done here")

    def apply(self, faults: Sequence[ActiveFault[Any]]) -> None:
        self.seen.append([fault.id for fault in faults])
        for fault in faults:
            fault.hits += 1


def region(refuse: str = "") -> tuple[RegionFaults, dict[str, Noting]]:
    mechanisms = {kind: Noting(refuse) for kind in KINDS}
    return RegionFaults(mechanisms, ManualClock(start_ms=5000)), mechanisms


def test_a_mechanism_is_told_all_that_is_active_of_its_kind() -> None:
    faults, mechanisms = region()
    faults.begin(FaultOrder("one", "disk"))
    faults.begin(FaultOrder("two", "disk"))
    faults.begin(FaultOrder("three", "calls", since_ms=4000))
    assert faults.end("one") == {"id": "one", "ended": True}
    assert faults.end("one") == {"id": "one", "ended": False}
    assert mechanisms["disk"].seen == [["one"], ["one", "two"], ["two"]]
    assert mechanisms["calls"].seen == [["three"]]
    assert [(each["id"], each["since_ms"]) for each in faults.report()] == [("two", 5000), ("three", 4000)]
    faults.close()
    assert faults.report() == []
    assert mechanisms["calls"].seen == [["three"], []]


def test_what_is_set_as_a_whole_leaves_alone_what_goes_on() -> None:
    faults, mechanisms = region()
    kept, gone = FaultOrder("kept", "disk"), FaultOrder("gone", "clock", {"skew_ms": 1})
    faults.set_all([kept, gone])
    faults.set_all([kept, FaultOrder("new", "clock", {"skew_ms": 2})])
    assert mechanisms["disk"].seen == [["kept"]]
    assert mechanisms["clock"].seen == [["gone"], [], ["new"]]
    assert [each["parameters"] for each in faults.report()] == [{}, {"skew_ms": 2}]


def test_what_is_refused_is_not_active() -> None:
    faults, mechanisms = region(refuse="bad")
    with pytest.raises(TerrellaError, match="it cannot be done here"):
        faults.begin(FaultOrder("bad", "disk"))
    assert faults.report() == []
    assert mechanisms["disk"].seen == []


def test_what_is_over_at_once_is_never_active() -> None:
    faults, _ = region()
    assert faults.begin(FaultOrder("worker", "kill-worker")) == {"id": "worker", "done": 1}
    assert faults.report() == []


@pytest.mark.parametrize(
    ("kind", "parameters", "message"),
    [
        ("burn", {}, "found the kind of fault 'burn', expected one of kill-az"),
        ("clock", {}, "parameters that do not fit .*skew_ms"),
        ("disk", {"full": True}, "parameters that do not fit .*full"),
    ],
)
def test_a_fault_must_have_its_kinds_parameters(kind: str, parameters: dict[str, Any], message: str) -> None:
    with pytest.raises(TerrellaError, match=message):
        check_fault(kind, parameters)


def test_a_clock_that_is_wrong_still_measures() -> None:
    clock = AdjustableClock(ManualClock(start_ms=1000))
    skewed = SkewedClock(clock)
    skewed.apply([ActiveFault("a", "clock", 0, Clock(5)), ActiveFault("b", "clock", 0, Clock(-400))])
    assert clock.now_ms() == 600, "the last one said is in force"
    skewed.apply([])
    assert clock.now_ms() == 1000
    assert AdjustableClock(SystemClock()).monotonic() > 0


@dataclass
class FakeStatus:
    name: str
    logical_id: str = ""


@dataclass
class FakeTables:
    interference: Any = None

    def status(self) -> list[FakeStatus]:
        return [FakeStatus("items")]


@dataclass
class FakeFunctions:
    """Functions, and workers by zone."""

    region: str = "eu-west-1"
    interference: Any = None
    sabotage: Any = None
    frozen_azs: set[str] = field(default_factory=set)
    told: list[str] = field(default_factory=list)
    living: list["FakeWorker"] = field(default_factory=list)

    def status(self) -> list[FakeStatus]:
        return [FakeStatus("items-get", "GetFunction")]

    def workers(self, az: str = "", function: str = "") -> list["FakeWorker"]:
        return [worker for worker in self.living if az in ("", worker.az)]

    def hold_az_down(self, az: str) -> int:
        self.told.append(f"hold {az}")
        return 2

    def restore_az(self, az: str) -> None:
        self.told.append(f"restore {az}")

    def freeze_az(self, az: str) -> int:
        self.told.append(f"freeze {az}")
        return 1

    def thaw_az(self, az: str) -> None:
        self.told.append(f"thaw {az}")


@dataclass
class FakeWorker:
    az: str
    pid: int
    frozen: bool = False

    def freeze(self) -> None:
        self.frozen = True

    def thaw(self) -> None:
        self.frozen = False


def dependencies() -> tuple[Dependencies, FakeTables, FakeFunctions]:
    tables, functions = FakeTables(), FakeFunctions()
    return Dependencies(cast("Tables", tables), cast("Functions", functions), SeededIds(1)), tables, functions


def active(fault_id: str, kind: str, parameters: Any) -> ActiveFault[Any]:
    return ActiveFault(fault_id, kind, 0, parameters)


async def test_calls_are_spoilt_at_a_rate_and_no_others() -> None:
    spoiler, tables, functions = dependencies()
    fault = active(
        "f", "errors", Errors("dynamodb", "items", ["PutItem"], 0.25, "ProvisionedThroughputExceededException")
    )
    spoiler.apply([fault])
    assert functions.interference is None

    async def failed(operation: str, resources: Collection[str]) -> int:
        calls = (tables.interference(operation, resources) for _ in range(1000))
        errors = [error for error in await asyncio.gather(*calls, return_exceptions=True) if error is not None]
        told = {(error.code, error.status) for error in errors if isinstance(error, AwsError)}
        assert told <= {("ProvisionedThroughputExceededException", 400)}
        return len(errors)

    assert 200 < await failed("PutItem", {"items", "others"}) < 300
    assert fault.hits == pytest.approx(250, abs=50)
    assert await failed("GetItem", {"items"}) == 0
    assert await failed("PutItem", {"others"}) == 0
    spoiler.apply([])
    assert tables.interference is None


async def test_of_a_function_only_its_invocations_are_spoilt() -> None:
    spoiler, tables, functions = dependencies()
    spoiler.apply([active("f", "errors", Errors("lambda", "GetFunction", error="TooManyRequestsException"))])
    assert tables.interference is None
    await functions.interference("GetFunction", ("items-get", "GetFunction"))
    with pytest.raises(AwsError) as raised:
        await functions.interference("Invoke", ("items-get", "GetFunction"))
    assert raised.value.status == 429


@pytest.mark.parametrize(
    ("service", "code", "status"),
    [
        ("dynamodb", "InternalServerError", 500),
        ("dynamodb", "ThrottlingException", 400),
        ("dynamodb", "ServiceUnavailable", 503),
        ("lambda", "ServiceException", 500),
        ("lambda", "TooManyRequestsException", 429),
    ],
)
def test_an_error_has_the_status_that_its_service_gives_it(service: str, code: str, status: int) -> None:
    assert status_of(service, code) == status


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (Errors("dynamodb", "orders"), "there is no table orders in eu-west-1; there are items"),
        (Errors("lambda", "Put"), "there is no function Put in eu-west-1; there are GetFunction"),
        (Errors("dynamodb", "items", error="Oops"), "found the error Oops, expected one of dynamodb: AccessDenied"),
    ],
)
def test_what_is_not_there_cannot_fail(parameters: Errors, message: str) -> None:
    spoiler, _, _ = dependencies()
    with pytest.raises(TerrellaError, match=message):
        spoiler.check(active("f", "errors", parameters))


def test_zones_are_held_and_frozen_while_any_fault_says_so() -> None:
    functions = FakeFunctions()
    for mechanism in (KilledZones(cast("Functions", functions)), PausedZones(cast("Functions", functions))):
        one, two, other = (active(name, "az", Zone(az)) for name, az in (("1", "a"), ("2", "a"), ("3", "b")))
        for faults in ([one], [one, two], [two, other], [other], []):
            mechanism.apply(faults)
        assert one.hits
    assert functions.told == [
        *("hold a", "hold b", "restore a", "restore b"),
        *("freeze a", "freeze b", "thaw a", "thaw b"),
    ]


def test_each_fault_pauses_a_worker_of_its_own_and_lets_it_go_again() -> None:
    functions = FakeFunctions(living=[FakeWorker("a", 1), FakeWorker("a", 2), FakeWorker("b", 3)])
    paused = PausedWorkers(cast("Functions", functions))
    one, two, three = (active(name, "pause-worker", Worker(az="a")) for name in "123")
    paused.apply([one])
    paused.apply([one, two, three])
    assert [worker.frozen for worker in functions.living] == [True, True, False]
    assert [fault.hits for fault in (one, two, three)] == [1, 1, 0], "there was no third one"
    paused.apply([two])
    assert [worker.frozen for worker in functions.living] == [False, True, False]
    functions.frozen_azs.add("a")
    paused.apply([])
    assert functions.living[1].frozen, "its zone is paused as well"


def test_a_bad_deploy_raises_in_a_share_of_the_invocations() -> None:
    functions = FakeFunctions()
    bad = BadDeploy(cast("Functions", functions), SeededIds(1))
    fault = active("f", "deploy", Deploy("GetFunction", 0.5))
    bad.apply([fault])
    called = cast("Configuration", FakeStatus("items-get", "GetFunction"))
    other = cast("Configuration", FakeStatus("items-put", "PutFunction"))
    raised = [functions.sabotage(called) for _ in range(1000)]
    assert 400 < sum(each is not None for each in raised) < 600
    assert {each for each in raised if each} == {("InjectedError", "raised on purpose: f")}
    assert functions.sabotage(other) is None
    bad.apply([])
    assert functions.sabotage is None


@dataclass
class FakeChecker:
    interference: Any = None


def test_checkers_say_what_they_are_told_of_one_region() -> None:
    clock, checker = ManualClock(start_ms=0), FakeChecker()
    health = FalseHealth(cast("CheckerRunner", checker), ("us-east-1", "eu-west-1"), PROFILES["aws"], clock)
    check = HealthCheck(
        id="c", logical_id="HealthCheck", stack_region="eu-west-1", kind=CheckKind.HTTP, interval_s=10, threshold=3
    )

    def said(region: str = "eu-west-1") -> bool | None:
        result = checker.interference(check, region)
        return None if result is None else result.ok

    health.apply([active("f", "health", Health("eu-west-1", "unhealthy"))])
    assert (said(), said("us-east-1")) == (False, None)
    health.apply([active("f", "health", Health("eu-west-1", "healthy"))])
    assert said() is True
    health.apply([active("f", "health", Health("eu-west-1", "flapping"))])
    turns = []
    for _ in range(4):
        turns.append(said())
        clock.advance(60)
    assert turns == [False, True, False, True], "60 s each: twice an interval of 10 s and a threshold of 3"
    health.apply([])
    assert checker.interference is None
    with pytest.raises(TerrellaError, match="there is no region mars"):
        health.check(active("f", "health", Health("mars", "healthy")))
    with pytest.raises(TerrellaError, match="found the report 'fine'"):
        health.check(active("f", "health", Health("eu-west-1", "fine")))
