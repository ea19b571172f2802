"""One checker's opinion of one check. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What one probe found; ``reason`` tells a person why (``HTTP 400 instead of 2xx/3xx``)."""

    ok: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Observation:
    """One checker's opinion, as the regions tell it to each other."""

    check_id: str
    healthy: bool
    reason: str


@dataclass(frozen=True, slots=True)
class CheckerState:
    """``contrary`` counts the latest results in a row that contradict ``healthy``.

    Every check starts healthy. ``decided`` is False until results bear that out or refute it: a checker that has just
    started says nothing, rather than hold a dead endpoint healthy by not having looked yet.
    """

    healthy: bool = True
    contrary: int = 0
    reason: str = "not checked yet"
    decided: bool = False


def step(state: CheckerState, result: ProbeResult, threshold: int) -> CheckerState:
    """The opinion after one more result: it changes when ``threshold`` results in a row contradict it."""
    if result.ok == state.healthy:
        return CheckerState(state.healthy, 0, result.reason, decided=True)
    if state.contrary + 1 >= threshold:
        return CheckerState(result.ok, 0, result.reason, decided=True)
    return CheckerState(state.healthy, state.contrary + 1, state.reason, state.decided)
