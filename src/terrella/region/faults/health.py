"""Health checks that report something else than what is there."""

from collections.abc import Collection, Sequence
from functools import partial

from terrella.kernel import Clock, Profile, TerrellaError
from terrella.region.faults.model import ActiveFault
from terrella.region.faults.parameters import Health
from terrella.traffic import CheckerRunner, HealthCheck, ProbeResult

_REPORTS = ("unhealthy", "healthy", "flapping")
_MINDS_A_TURN = 2  # a turn of flapping is so many times as long as a check takes to change its mind


class FalseHealth:
    """This region's checker tells a lie of the checks whose endpoint is in the region that the fault names."""

    def __init__(self, checker: CheckerRunner, regions: Collection[str], profile: Profile, clock: Clock) -> None:
        self._checker = checker
        self._regions = regions
        self._profile = profile
        self._clock = clock

    def check(self, fault: ActiveFault[Health]) -> None:
        """The region must be of the world, and the report one that there is."""
        if fault.parameters.region not in self._regions:
            raise TerrellaError(f"there is no region {fault.parameters.region}; there are {', '.join(self._regions)}")
        if fault.parameters.reports not in _REPORTS:
            raise TerrellaError(f"found the report {fault.parameters.reports!r}, expected {', '.join(_REPORTS)}")

    def apply(self, faults: Sequence[ActiveFault[Health]]) -> None:
        """Of two that name the same region, the later one is told."""
        by_region = {fault.parameters.region: fault for fault in faults}
        self._checker.interference = partial(self._told, by_region) if by_region else None

    def _told(self, faults: dict[str, ActiveFault[Health]], check: HealthCheck, region: str) -> ProbeResult | None:
        fault = faults.get(region)
        if fault is None:
            return None
        fault.hits += 1
        reports = fault.parameters.reports
        well = reports == "healthy" or (reports == "flapping" and not self._down_now(fault, check))
        return ProbeResult(well, f"told so on purpose: {fault.id}")

    def _down_now(self, fault: ActiveFault[Health], check: HealthCheck) -> bool:
        """Flapping begins with being down; the regions' clocks keep the turns together."""
        mind_s = check.interval_s * self._profile.health_check_interval_scale * check.threshold
        turn_s = fault.parameters.every_s or _MINDS_A_TURN * mind_s
        return int((self._clock.now_ms() - fault.since_ms) / 1000 / turn_s) % 2 == 0
