"""Health checks from CloudFormation, one checker's opinion, and the verdict of several: all without a socket."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from terrella.kernel import PROFILES
from terrella.testing import ManualClock
from terrella.traffic import (
    CheckerState,
    HealthCheck,
    Observation,
    ProbeResult,
    TrafficError,
    VerdictBoard,
    index_checks,
    step,
)

HOST = "a.execute-api.us-east-1.amazonaws.com"


def check(check_id: str = "c", **config: Any) -> HealthCheck:
    base = {"Type": "HTTPS", "FullyQualifiedDomainName": HOST, "ResourcePath": "/prod/health", "RequestInterval": 10}
    if config.get("Type") == "CALCULATED":
        base = {}
    merged = {name: value for name, value in {**base, **config}.items() if value is not None}
    return HealthCheck.from_cloudformation(
        logical_id="Check", physical_id=check_id, region="us-east-1", properties={"HealthCheckConfig": merged}
    )


def test_a_check_is_read_with_route_53_s_defaults() -> None:
    found = check(RequestInterval=None, EnableSNI=True, Regions=["us-east-1"], MeasureLatency=False)
    assert (found.interval_s, found.threshold, found.inverted, found.disabled) == (30, 3, False, False)
    assert found.endpoint == f"https://{HOST}/prod/health"
    assert check(FailureThreshold="1", RequestInterval="10", ResourcePath="x", Port=8443).endpoint.endswith(":8443/x")


@pytest.mark.parametrize(
    ("config", "complaint"),
    [
        ({"Type": "CLOUDWATCH_METRIC"}, "of type CLOUDWATCH_METRIC are not built: there are no CloudWatch alarms"),
        ({"Type": "RECOVERY_CONTROL"}, "routing controls are not built yet"),
        ({"Type": "SMOKE"}, "Type is 'SMOKE'"),
        ({"RequestInterval": 20}, "RequestInterval is 20; expected 10 or 30"),
        ({"RequestInterval": 5}, "RequestInterval is 5"),
        ({"FailureThreshold": 11}, "FailureThreshold is 11; expected a whole number from 1 to 10"),
        ({"FullyQualifiedDomainName": None}, "needs a FullyQualifiedDomainName or an IPAddress"),
        ({"IPAddress": "127.0.1"}, "which is no IP address"),
        ({"Type": "TCP"}, "needs a Port"),
        ({"Type": "HTTP_STR_MATCH"}, "SearchString and the …_STR_MATCH types go together"),
        ({"SearchString": "ok"}, "SearchString and the"),
        ({"Type": "HTTP_STR_MATCH", "SearchString": "x" * 256}, "has 256 characters"),
        ({"Type": "CALCULATED"}, "names 0 health checks"),
        ({"ChildHealthChecks": ["a"]}, "are for CALCULATED"),
        ({"Inverted": "perhaps"}, "expected true or false"),
        ({"Colour": 1}, "HealthCheckConfig.Colour is not known"),
    ],
)
def test_a_bad_check_is_refused_with_its_reason(config: dict[str, Any], complaint: str) -> None:
    with pytest.raises(TrafficError, match="Check in us-east-1") as raised:
        check(**config)
    assert complaint in str(raised.value)


def test_children_exist_and_are_not_calculated_themselves() -> None:
    calculated = check("sum", Type="CALCULATED", ChildHealthChecks=["c"], HealthThreshold=1)
    assert set(index_checks([check(), calculated])) == {"c", "sum"}
    with pytest.raises(TrafficError, match="there is no health check c"):
        index_checks([calculated])
    with pytest.raises(TrafficError, match="is calculated itself"):
        index_checks([check(), calculated, replace(calculated, id="more", children=("sum",))])
    with pytest.raises(TrafficError, match="same id"):
        index_checks([check(), check()])


def opinions(results: str, threshold: int) -> str:
    """The opinion after each result: ``+`` a good probe, ``-`` a bad one; ``.`` where there is none yet."""
    state = CheckerState()
    told = ""
    for result in results:
        state = step(state, ProbeResult(result == "+", result), threshold)
        told += ("+" if state.healthy else "-") if state.decided else "."
    return told


@pytest.mark.parametrize(
    ("results", "threshold", "expected"),
    [
        ("+++---+++", 3, "+++++---+"),
        ("+--+--+---", 3, "+++++++++-"),
        ("---", 3, "..-"),
        ("--+", 3, "..+"),
        ("-+-+", 1, "-+-+"),
        ("+-----++-+++", 3, "+++---------"[:9] + "--+"),
    ],
)
def test_an_opinion_changes_after_as_many_results_in_a_row(results: str, threshold: int, expected: str) -> None:
    assert opinions(results, threshold) == expected


@given(st.text("+-", max_size=60), st.integers(1, 10))
def test_opinions_agree_with_a_plain_reading(results: str, threshold: int) -> None:
    told = opinions(results, threshold)
    healthy = True
    for position in range(len(results)):
        latest = results[max(0, position + 1 - threshold) : position + 1]
        if len(latest) == threshold and set(latest) == ({"-"} if healthy else {"+"}):
            healthy = not healthy
        assert told[position] in (".", "+" if healthy else "-")


class Board:
    """A board with a clock that moves by hand; ``hear`` takes ``a+ b-``: what each checker says of check ``c``."""

    def __init__(self, *checks: HealthCheck, profile: str = "fast") -> None:
        self.clock = ManualClock()
        self.board = VerdictBoard(self.clock, PROFILES[profile], index_checks(checks or [check()]))
        self.changes = 0
        self.board.on_change(self._changed)

    def _changed(self) -> None:
        self.changes += 1

    def hear(self, said: str, check_id: str = "c") -> bool:
        for word in said.split():
            reason = "HTTP 200" if word.endswith("+") else "HTTP 400 instead of 2xx/3xx"
            self.board.hear(word[:-1], [Observation(check_id, word.endswith("+"), reason)])
        return self.board.healthy(check_id)


@pytest.mark.parametrize(
    ("said", "healthy"),
    [
        ("", True),
        ("a+ b+ c+", True),
        ("a- b- c+", True),
        ("a- b- c-", False),
        ("a- b- c- d- e+", True),  # 20 %
        ("a- b- c- d- e- f+", False),  # 17 %
        ("a- b- c- a+", True),
    ],
)
def test_more_than_18_percent_of_the_checkers_decide(said: str, healthy: bool) -> None:
    assert Board().hear(said) is healthy


def test_a_killed_region_s_own_checker_does_not_keep_it_alive() -> None:
    world = Board()
    assert world.hear("dead+ a- b-") is True
    world.board.forget("dead")
    assert world.board.healthy("c") is False
    assert world.changes == 1


def test_an_observation_that_is_not_repeated_expires() -> None:
    world = Board()
    world.hear("dead+")
    for _ in range(60):
        world.clock.advance(0.1)
        world.hear("a- b-")
    assert world.board.healthy("c") is False
    assert set(world.board.verdict("c").checkers) == {"a", "b"}


def test_with_no_checker_left_the_last_verdict_stays_and_is_stale() -> None:
    world = Board()
    world.hear("a- b-")
    world.board.forget("a")
    world.board.forget("b")
    verdict = world.board.verdict("c")
    assert (verdict.healthy, verdict.stale, verdict.checkers) == (False, True, {})
    world.clock.advance(1000)
    world.board.expire()
    assert world.board.verdict("c").stale
    world.hear("a+")
    assert (world.board.healthy("c"), world.board.verdict("c").stale) == (True, False)


def test_profile_aws_waits_a_few_real_intervals() -> None:
    world = Board(profile="aws")
    world.hear("a-")
    world.clock.advance(35)
    world.board.expire()
    assert not world.board.verdict("c").stale
    world.clock.advance(10)
    world.board.expire()
    assert world.board.verdict("c").stale


def test_history_tells_when_what_and_why() -> None:
    world = Board()
    world.hear("a+ b+")
    start_ms = world.clock.now_ms()
    world.clock.advance(0.5)
    world.hear("a- b-")
    world.clock.advance(0.5)
    world.hear("a+")
    told = [(t.time_ms - start_ms, t.check_id, t.from_healthy, t.to_healthy, t.why) for t in world.board.history]
    assert told == [
        (500, "c", True, False, "HTTP 400 instead of 2xx/3xx (0 of 2 checkers find it healthy)"),
        (1000, "c", False, True, "HTTP 200 (1 of 2 checkers find it healthy)"),
    ]


def test_inverted_and_disabled_checks() -> None:
    world = Board(
        check("inverted", Inverted=True),
        check("disabled", Disabled=True),
        check("off", Disabled=True, Inverted=True),
    )
    board = world.board
    assert [board.healthy(name) for name in ("inverted", "disabled", "off")] == [False, True, False]
    assert world.hear("a-", "inverted") is True
    assert world.hear("a-", "disabled") is True
    assert world.hear("a+", "inverted") is False


@pytest.mark.parametrize(
    ("threshold", "unhealthy", "healthy"),
    [(2, "", True), (2, "x", True), (2, "x y", False), (0, "x y z", True), (4, "", False)],
)
def test_calculated_checks_count_their_healthy_children(threshold: int, unhealthy: str, healthy: bool) -> None:
    world = Board(
        check("sum", Type="CALCULATED", ChildHealthChecks=["x", "y", "z"], HealthThreshold=threshold),
        *(check(name) for name in "xyz"),
    )
    for name in unhealthy.split():
        world.hear("a- b-", name)
    assert world.board.healthy("sum") is healthy


def test_changing_the_checks_keeps_the_verdicts_of_those_that_stay() -> None:
    world = Board(check("stays"), check("goes"))
    world.hear("a-", "stays")
    world.hear("a-", "goes")
    world.board.set_checks(index_checks([check("stays"), check("new")]))
    verdicts = {name: verdict.healthy for name, verdict in world.board.verdicts().items()}
    assert verdicts == {"stays": False, "new": True}
    assert world.board.healthy("goes"), "a check that does not exist is no reason to withhold an answer"
    world.hear("a-", "unheard of")
