"""What can be killed and paused: a region, an availability zone of one, a worker in one."""

from dataclasses import dataclass

from terrella.gameday.faults import reading
from terrella.gameday.faults.fault import Entry, FaultError, Order
from terrella.world import World


@dataclass(frozen=True, slots=True)
class Target:
    """``az`` is empty for a whole region or for a worker in any zone, ``function`` for a worker of any function."""

    region: str
    az: str = ""
    worker: bool = False
    function: str = ""

    @property
    def subject(self) -> str:
        """``eu-west-1``, ``eu-west-1/eu-west-1a``, ``eu-west-1/worker``."""
        if self.worker:
            return f"{self.region}/worker"
        return f"{self.region}/{self.az}" if self.az else self.region

    @property
    def told(self) -> str:
        """``eu-west-1``, ``eu-west-1a``, ``a worker of F in eu-west-1a``."""
        place = self.az or self.region
        if not self.worker:
            return place
        return f"a worker of {self.function} in {place}" if self.function else f"a worker in {place}"

    def order(self, verb: str) -> Order:
        """To kill it or to pause it: a region's process is the supervisor's, its workers are the region's own."""
        if self.worker:
            parameters = {"az": self.az, "function": self.function}
            return Order(f"{verb}-worker", {k: v for k, v in parameters.items() if v}, (self.region,))
        if self.az:
            return Order(f"{verb}-az", {"az": self.az}, (self.region,))
        return Order(verb, {"region": self.region})


def read_target(entry: Entry, keyword: str, world: World) -> Target:
    """``eu-west-1``, ``eu-west-1a``, ``{az: eu-west-1a}``, ``{worker: eu-west-1a, function: F}``."""
    reading.only(entry, keyword)
    value = entry[keyword]
    if isinstance(value, str):
        region = world.region_of_az(value)
        if region is not None:
            return Target(region, value)
        return Target(reading.region(entry, keyword, world))
    given = reading.fields(value, keyword, "region", "az", "worker", "function")
    what = [each for each in ("region", "az", "worker") if each in given]
    if len(what) != 1:
        raise FaultError(" and ".join(what) or "none of them", "one of region, az and worker", keyword)
    if "function" in given and "worker" not in given:
        raise FaultError("a function without worker", "{worker: REGION or ZONE, function: NAME}", "function")
    if "region" in given:
        return Target(reading.region(given, "region", world))
    if "az" in given:
        zone = reading.zone(given, "az", world)
        return Target(world.region_of_az(zone) or "", zone)
    function = reading.text(given, "function", "a function's name or logical id") if "function" in given else ""
    place = reading.text(given, "worker", "the region or availability zone that the worker runs in")
    of_zone = world.region_of_az(place)
    if of_zone is not None:
        return Target(of_zone, place, worker=True, function=function)
    return Target(reading.region(given, "worker", world), worker=True, function=function)
