"""Readmission: a returning region takes application traffic only when it has caught up with those it can hear.

A pure state machine. While it says ``catching-up`` the gateway answers 503, so every health check fails by itself and
DNS, edge and clients stay away with no special case anywhere else. The AWS endpoint serves throughout: a stale read of
a table is lawful, being sent customers is not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

CATCHING_UP = "catching-up"
SERVING = "serving"
UNREACHABLE_PATIENCE_S = 3.0


@dataclass(frozen=True, slots=True)
class PeerView:
    """What replication knows of one peer: is it heard, and how far behind it are we (None while unknown)."""

    connected: bool
    behind_s: float | None


@dataclass(frozen=True, slots=True)
class Away:
    """Why a region is not to serve, however well it has caught up: it is joining the world, leaving it, or outside."""

    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class AdmissionState:
    """``since`` is the monotonic moment at which the region began to catch up."""

    state: str
    reason: str
    since: float


class Admission:
    """Decides once for each start of the region; a region that serves is never sent back to wait for others.

    ``bound_s`` is how far behind it may be, ``timeout_s`` how long it waits for peers that are heard but far ahead.
    Peers that cannot be heard are waited for ``UNREACHABLE_PATIENCE_S`` only: a region never needs another to serve.
    """

    def __init__(self, now: float, bound_s: float, timeout_s: float) -> None:
        self._bound_s = bound_s
        self._timeout_s = timeout_s
        self.current = AdmissionState(CATCHING_UP, "has just started", now)

    def step(self, now: float, peers: Mapping[str, PeerView], away: Away | None = None) -> AdmissionState:
        """Judge again; answers the state from now on. A region that was away has to catch up when it is back."""
        if away is not None:
            self.current = AdmissionState(away.state, away.reason, now)
            return self.current
        if self.current.state not in (SERVING, CATCHING_UP):
            self.current = AdmissionState(CATCHING_UP, f"was {self.current.state}", now)
        if self.current.state == SERVING:
            return self.current
        waited_s = now - self.current.since
        behind = {
            name: view.behind_s
            for name, view in peers.items()
            if view.connected and (view.behind_s is None or view.behind_s > self._bound_s)
        }
        silent = sorted(name for name, view in peers.items() if not view.connected)
        if waited_s >= self._timeout_s and (behind or silent):
            lagging = ", ".join([*sorted(behind), *silent])
            return self._serve(f"serves after waiting {waited_s:.0f} s, though not caught up with {lagging}")
        if behind:
            far = ", ".join(f"{name} ({_seconds(by)})" for name, by in sorted(behind.items()))
            return self._wait(f"is behind {far}")
        if silent and waited_s < UNREACHABLE_PATIENCE_S:
            return self._wait(f"has not heard {', '.join(silent)} yet")
        if silent:
            return self._serve(f"serves without having heard {', '.join(silent)}")
        return self._serve("caught up with every peer" if peers else "has no peers")

    def _wait(self, reason: str) -> AdmissionState:
        self.current = AdmissionState(CATCHING_UP, reason, self.current.since)
        return self.current

    def _serve(self, reason: str) -> AdmissionState:
        self.current = AdmissionState(SERVING, reason, self.current.since)
        return self.current


def _seconds(behind_s: float | None) -> str:
    return "by an unknown amount" if behind_s is None else f"by {behind_s:.1f} s"
