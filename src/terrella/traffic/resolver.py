"""The zones together with the verdicts and the place they are asked from: what name server and edge hold on to."""

from collections.abc import Callable

from terrella.kernel import Ids
from terrella.traffic.answers import Answer, Healthy, Outcome, outcomes, pick
from terrella.traffic.records import Location
from terrella.traffic.zone import Zones

_CACHED_MAX = 4096


class Resolver:
    """Answers questions by the zones and verdicts of this moment; ``generation`` changes whenever answers may.

    Call ``invalidate`` when a verdict has changed, ``replace`` when the stacks have. ``location`` is where a client is
    taken to be that does not say where it is: addresses on one machine tell nothing about geography.
    """

    def __init__(self, zones: Zones, healthy: Healthy, ids: Ids, location: Location | None = None) -> None:
        self.zones = zones
        self.location = location
        self.generation = 0
        self._healthy = healthy
        self._fraction: Callable[[], float] = ids.fraction
        self._outcomes: dict[tuple[str, str, Location | None], tuple[Outcome, ...]] = {}

    @property
    def fraction(self) -> Callable[[], float]:
        """The source of randomness that picks are drawn by."""
        return self._fraction

    def invalidate(self) -> None:
        """Forget every prepared answer: a verdict has changed."""
        self.generation += 1
        self._outcomes.clear()

    def replace(self, zones: Zones) -> None:
        """Go over to other zones."""
        self.zones = zones
        self.invalidate()

    def outcomes(self, name: str, record_type: str = "A", location: Location | None = None) -> tuple[Outcome, ...]:
        """Every answer that may be given now to a client at ``location``, with its share."""
        at = location if location is not None else self.location
        key = (name, record_type, at)
        found = self._outcomes.get(key)
        if found is None:
            found = outcomes(self.zones, name, record_type, healthy=self._healthy, location=at)
            if len(self._outcomes) >= _CACHED_MAX:
                self._outcomes.clear()
            self._outcomes[key] = found
        return found

    def answer(self, name: str, record_type: str = "A") -> Answer:
        """Draw one answer."""
        return pick(self.outcomes(name, record_type), self._fraction)

    def region_shares(self, name: str) -> dict[str, float]:
        """The regions that a name leads to now, and the share of the answers that each gets (its first address)."""
        shares: dict[str, float] = {}
        for outcome in self.outcomes(name, "A"):
            region = self._region_of(outcome.answer)
            if region is not None:
                shares[region] = shares.get(region, 0.0) + outcome.share
        return shares

    def locate(self, name_or_address: str) -> str | None:
        """The region that a name leads to (drawn anew each time), or that has an address; None outside the world."""
        at = self.zones.region_at(name_or_address)
        return at if at is not None else self._region_of(self.answer(name_or_address, "A"))

    def _region_of(self, given: Answer) -> str | None:
        values = (record.value for record in given.records if record.type in ("A", "AAAA"))
        return next((region for value in values if (region := self.zones.region_at(value))), None)
