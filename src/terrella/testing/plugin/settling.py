"""Whether a world has come to rest: from what its regions say of themselves to what is still to come. Pure.

What checkers have to find is known where a health check's endpoint can be asked. Elsewhere (a cut link keeps checkers
from seeing it, a check is inverted or calculated) nothing is expected, and health is at rest once it has not changed
for ``calm_s``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from terrella.kernel import PROFILES

_INTERVALS_S = 100.0
"""Three intervals of 30 s, the longest that Route 53 offers, with what a probe takes."""
_COLD_START_S = 1.0
PATIENCE_S = {"fast": 60.0, "aws": 300.0}
"""How long coming to rest may take, by profile."""

HELD_DOWN = "held-down"
TAKEN_DOWN = (HELD_DOWN, "paused")
"""States of regions that somebody has taken down."""

Status = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """``waiting`` is what has to come; ``unsure`` what may never come; ``seen`` changes whenever any health does."""

    waiting: Sequence[str]
    unsure: Sequence[str]
    seen: tuple[Any, ...]


def calm_s(profile: str) -> float:
    """How long health has to stay as it is before it counts as settled where nothing is expected of it."""
    return _COLD_START_S + _INTERVALS_S * PROFILES[profile].health_check_interval_scale


def down_regions(status: Status) -> frozenset[str]:
    """The regions that somebody has taken down, and that nothing is waited for from."""
    return frozenset(each["region"] for each in status["regions"] if each["state"] in TAKEN_DOWN)


def standing_of(status: Status, down: frozenset[str], expected: Mapping[str, bool | None]) -> Standing:
    """What a world's status says of its rest; ``expected`` is what each health check will find, None if not known."""
    serving = [each for each in status["regions"] if each["region"] not in down and each["state"] == "serving"]
    waiting = [
        f"{each['region']} is {each['state']}" + (f" ({each['reason']})" if each.get("reason") else "")
        for each in status["regions"]
        if each["region"] not in down and each["state"] != "serving"
    ]
    waiting += [f"{each['region']} has not told how it is" for each in serving if "health" not in each]
    unsure: list[str] = ["links are cut"] if any(link["cut"] for link in status["links"]) else []
    voices = len(status["regions"]) - len(down)
    seen: list[Any] = []
    for each in serving:
        for check_id, verdict in sorted(each.get("health", {}).items()):
            checkers = {name: one for name, one in verdict["checkers"].items() if name not in down}
            seen.append((each["region"], check_id, verdict["healthy"], tuple(sorted(checkers.items()))))
            wanted = expected.get(check_id)
            agreed = len(checkers) == voices and set(checkers.values()) == {wanted}
            if wanted is None or verdict["healthy"] is not wanted or not agreed:
                what = {True: "healthy", False: "unhealthy", None: "for sure"}[wanted]
                unsure.append(f"{each['region']} does not find {verdict['name']} of {verdict['region']} {what}")
    return Standing(waiting, unsure, tuple(seen))
