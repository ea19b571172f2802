"""What the supervisor knows of one region: its process, and what it says of itself."""

from collections.abc import Mapping
from typing import Any

from terrella.kernel import Clock
from terrella.region import RegionSettings
from terrella.world.keeper import Keeper, Phase

SERVING = "serving"
HELD_DOWN = "held-down"
PAUSED = "paused"
DOWN = "down"
SILENT = "silent"
STARTING = "starting"
OUTSIDE = "outside"
SETTLED = (SERVING, HELD_DOWN, PAUSED, OUTSIDE, "joining", "leaving", "evicted", "removed")
"""A world is up when each region is in one of these states: nothing more is to be waited for."""


class RegionView:
    """One region, from outside.

    ``state`` is the region's own word (``starting``, ``catching-up``, ``serving``, or why it takes no clients:
    ``joining``, ``leaving``, ``recovering``, ``evicted``, ``removed``, ``outside`` the world) or what is seen of it:
    ``held-down``, ``paused``, ``down`` (crashed, about to start again), ``silent`` (runs, and does not answer).
    """

    def __init__(self, name: str, settings: RegionSettings, keeper: Keeper, clock: Clock) -> None:
        self.name = name
        self.settings = settings
        self.keeper = keeper
        self._clock = clock
        self._listening = False
        self._heard_in_this_life = False
        self._heard_at_s: float | None = None
        self._bulletin: Mapping[str, Any] = {}

    @property
    def state(self) -> str:
        """The region's state now."""
        phase = self.keeper.phase
        if phase is Phase.HELD_DOWN:
            return HELD_DOWN
        if phase in (Phase.WAITING, Phase.STOPPED):
            return DOWN
        if self.keeper.paused:
            return PAUSED
        if self._listening:
            return str(self._bulletin.get("state", STARTING))
        return SILENT if self._heard_in_this_life else STARTING

    @property
    def reachable(self) -> bool:
        """It speaks to us."""
        return self._listening and not self.keeper.paused

    @property
    def starting(self) -> bool:
        """Its process runs, and has not said a word yet."""
        return self.keeper.phase is Phase.RUNNING and not self._heard_in_this_life and not self.keeper.paused

    def unavailable(self) -> str | None:
        """Why an AWS request cannot be passed to it; None if it can."""
        return {
            HELD_DOWN: f"is held down (terrella restore {self.name} brings it back)",
            DOWN: "has crashed and is about to start again",
            STARTING: None if self._listening else "is starting",
        }.get(self.state)

    def heard(self, bulletin: Mapping[str, Any]) -> bool:
        """A bulletin came; True if it is the first since the stream was opened."""
        first = not self._listening
        self._listening = self._heard_in_this_life = True
        self._heard_at_s = self._clock.monotonic()
        self._bulletin = bulletin
        return first

    def lost(self) -> bool:
        """The stream broke; True if it had been open."""
        was = self._listening
        self._listening = False
        return was

    def exited(self) -> None:
        """The process is gone."""
        self._listening = self._heard_in_this_life = False

    def last_known(self) -> dict[str, Any]:
        """What it last said of itself, with what is seen from outside put over it.

        ``heard_s_ago`` is None if it never said anything; ``at_risk`` (acknowledged there and nowhere else) is as old.
        """
        said = self._bulletin.get("status")
        status: dict[str, Any] = dict(said) if isinstance(said, Mapping) else {}
        heard_s_ago = None if self._heard_at_s is None else round(self._clock.monotonic() - self._heard_at_s, 3)
        return {
            **status,
            "region": self.name,
            "address": self.settings.address,
            "azs": list(self.settings.azs),
            "pid": self.keeper.pid,
            "state": self.state,
            "reason": self._reason(status),
            "code_version": self._bulletin.get("code_version"),
            "at_risk": status.get("at_risk", self._bulletin.get("at_risk")),
            "heard_s_ago": heard_s_ago,
            "restarts": self.keeper.restarts,
        }

    def _reason(self, status: Mapping[str, Any]) -> str:
        if self.reachable:
            return str(status.get("reason", ""))
        return {
            HELD_DOWN: f"terrella restore {self.name}",
            PAUSED: f"its processes are stopped where they are; terrella restore {self.name}",
            DOWN: "crashed; is started again",
            SILENT: "its process runs but does not answer",
        }.get(self.state, "")
