"""Whether a world has come to rest: from what its regions say of themselves to what is still to come. Pure.

A region that serves is expected to be found healthy by the checkers of every region, one that is down unhealthy. An
application may say otherwise of itself, and a cut link keeps regions from seeing each other; then nothing is expected,
and health is at rest once it has not changed for ``calm_s``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from terrella.kernel import PROFILES

_INTERVALS_S = 100.0
"""Three intervals of 30 s, the longest that Route 53 offers, with what a probe takes."""
_COLD_START_S = 1.0

PATIENCE_S = {"fast": 30.0, "aws": 300.0}
"""How long coming to rest may take, by profile."""

Status = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Standing:
    """``waiting`` is what has to come; ``unsure`` what may never come; ``seen`` changes whenever any health does."""

    waiting: Sequence[str]
    unsure: Sequence[str]
    seen: tuple[Any, ...]


def calm_s(profile: str) -> float:
    """How long health has to stay as it is before it counts as the application's own word."""
    return _COLD_START_S + _INTERVALS_S * PROFILES[profile].health_check_interval_scale


def standing_of(status: Status, paused: frozenset[str]) -> Standing:
    """What a world's status says of its rest; ``paused`` regions do not answer, and their status is old."""
    regions = {each["region"]: each for each in status["regions"]}
    down = {name for name, each in regions.items() if each["state"] == "held-down"} | paused
    waiting = [
        f"{name} is {each['state']}" + (f" ({each['reason']})" if each.get("reason") else "")
        for name, each in regions.items()
        if name not in down and each["state"] != "serving"
    ]
    cut = any(link["cut"] for link in status["links"])
    unsure: list[str] = ["links are cut"] if cut else []
    seen: list[Any] = []
    for viewer, each in regions.items():
        if viewer in down or each["state"] != "serving":
            continue
        if "health" not in each:
            waiting.append(f"{viewer} has not told how it is")
        for check_id, verdict in sorted(each.get("health", {}).items()):
            checkers = {name: one for name, one in verdict["checkers"].items() if name not in down}
            seen.append((viewer, check_id, verdict["healthy"], tuple(sorted(checkers.items()))))
            expected = verdict["region"] not in down
            whole = not expected or cut or (len(checkers) == len(regions) - len(down) and all(checkers.values()))
            if verdict["healthy"] != expected or not whole:
                wanted = "healthy" if expected else "unhealthy"
                unsure.append(f"{viewer} does not find {verdict['name']} of {verdict['region']} {wanted} as a whole")
    return Standing(waiting, unsure, tuple(seen))
