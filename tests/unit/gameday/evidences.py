"""Evidence of runs that never were, for tests of what is made of it."""

from terrella.gameday.evidence import Evidence, FaultWindow, Look, RegionLook
from terrella.gameday.load import Sample

REGIONS = ("us-east-1", "eu-west-1")


def sample(
    at_s: float, region: str = "us-east-1", place: str = "tokyo", took_s: float = 0.1, ok: bool = True
) -> Sample:
    """One request, meant to start at a moment."""
    status = 200 if ok else 0
    return Sample("get", place, at_s, at_s + took_s, region, status, 1, "" if ok else "connection refused")


def kill(from_s: float, until_s: float, region: str = "eu-west-1") -> FaultWindow:
    """A region that was killed, and restored."""
    return FaultWindow("kill", region, f"kill {region}", from_s, until_s, regions=(region,))


def look(at_s: float, lag_s: float | None = 0.02, **regions: RegionLook) -> Look:
    """All serve and are behind by ``lag_s``, but for what is given (``eu_west_1=…``)."""
    usual = {
        name: RegionLook("serving", True, dict.fromkeys(set(REGIONS) - {name}, lag_s), at_risk=0) for name in REGIONS
    }
    return Look(at_s, {**usual, **{name.replace("_", "-"): one for name, one in regions.items()}})


def lost_region() -> Evidence:
    """eu-west-1 is killed at 5 s and restored at 15 s; its clients fail for two seconds; 10 requests a second."""
    evidence = Evidence(regions=REGIONS, load_until_s=30.0, equal_after_s=0.4)
    evidence.windows.append(kill(5.0, 15.0))
    for tick in range(300):
        at_s = tick / 10
        place = ("tokyo", "frankfurt")[tick % 2]
        alive = at_s < 5 or at_s >= 18
        if place == "frankfurt" and 5 <= at_s < 7:
            evidence.samples.append(sample(at_s, "eu-west-1", place, ok=False))
        else:
            evidence.samples.append(sample(at_s, "eu-west-1" if place == "frankfurt" and alive else "us-east-1", place))
    dead = RegionLook("held-down", False, {}, at_risk=7)
    for quarter in range(124):
        at_s = quarter / 4
        if 5 <= at_s < 15:
            evidence.looks.append(look(at_s, None, eu_west_1=dead))
        else:
            evidence.looks.append(look(at_s, 30.0 if 15 <= at_s < 17 else 0.02))
    return evidence
