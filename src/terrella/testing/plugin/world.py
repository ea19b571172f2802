"""What a test holds in its hands: the ``world`` fixture's value."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from terrella.kernel import VantagePoint, known_regions, region_place
from terrella.testing.plugin.convergence import Convergence
from terrella.testing.plugin.directory import WorldDirectory
from terrella.testing.plugin.errors import WorldError
from terrella.testing.plugin.faults import LASTING, Fault
from terrella.testing.plugin.http import HttpClient
from terrella.testing.plugin.reset import Baseline
from terrella.testing.plugin.running import Running
from terrella.testing.plugin.settling import HELD_DOWN, PATIENCE_S, TAKEN_DOWN
from terrella.testing.plugin.waiting import converge, settle, until_serving
from terrella.world import World as WorldDescription
from terrella.world import duration_ms

RESTORE_S = 60.0
_LOG_LINES = 2000


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a function wrote, since the test began."""

    time_ms: int
    region: str
    az: str
    request_id: str
    message: str


class Region:
    """One region of the world: the handle that tests break and mend it by."""

    def __init__(self, world: "World", name: str) -> None:
        self._world = world
        self.name = name

    @property
    def state(self) -> str:
        """What it is: ``serving``, ``held-down``, ``paused``, ``catching-up`` and so on."""
        return self._world.states()[self.name]

    @property
    def address(self) -> str:
        """Its address, where every port of it is."""
        return self._world.running.world.regions[self.name].address

    def kill(self) -> None:
        """Kill it at once, as a power cut would, and hold it down until ``restore``; its disk stays."""
        self._world.kill(self.name)

    def pause(self) -> None:
        """Stop all its processes where they are, until ``restore``: connections stay open, and nobody answers."""
        self._world.pause(self.name)

    def restore(self, within_s: float = RESTORE_S) -> None:
        """Let it live again after ``kill`` or ``pause``, and wait until it serves. Does nothing to one that serves."""
        self._world.restore([self.name], within_s)

    def http(self) -> HttpClient:
        """A client beside this region that asks this region whatever DNS says."""
        return self._world.client_of(self.name)

    def boto3(self, service: str) -> Any:
        """A boto3 client of a service in this region."""
        return self._world.boto3(service, self.name)

    def __repr__(self) -> str:
        return f"<region {self.name}>"


class Link:
    """The network between two regions, both ways, or only from ``a`` to ``b``."""

    def __init__(self, running: Running, a: str, b: str, *, one_way: bool) -> None:
        self._running = running
        self.a, self.b, self.one_way = running.require(a), running.require(b), one_way

    def cut(self) -> None:
        """Nothing gets through."""
        self._change(cut=True)

    def heal(self) -> None:
        """It is as ``world.yaml`` has it."""
        self._change(heal=True)

    def slow(self, delay: str | float = "500ms", *, jitter: str | float = 0.0) -> None:
        """It takes this long, one way: ``"400ms"``, ``"1.5s"``, or a number of milliseconds."""
        self._change(delay_ms=_milliseconds(delay), jitter_ms=_milliseconds(jitter))

    def lose(self, share: float) -> None:
        """This share of segments (0 to 1) is lost; each costs a retransmission."""
        self._change(loss=share)

    def _change(self, **changes: Any) -> None:
        body = {"a": self.a, "b": self.b, "one_way": self.one_way, **changes}
        self._running.supervisor.post("links", body)

    def __repr__(self) -> str:
        return f"<link {self.a} {'->' if self.one_way else '<->'} {self.b}>"


class World:
    """A running world that is this test's alone. ``regions`` are the names of its regions, as in ``world.yaml``."""

    def __init__(self, running: Running, baseline: Baseline, since_ms: int) -> None:
        self.running = running
        self.damage: str | None = None
        self._baseline = baseline
        self.since_ms = since_ms
        self.judged: list[Convergence] = []

    @property
    def name(self) -> str:
        """The world's and the stack's name."""
        return self.running.world.name

    @property
    def regions(self) -> tuple[str, ...]:
        """The regions' names."""
        return self.running.regions

    @property
    def path(self) -> Path:
        """The ``world.yaml`` that runs: for ``terrella status --world PATH``."""
        return self.running.world.path

    @property
    def endpoint_url(self) -> str:
        """The one AWS endpoint for all regions: for clients that are not ``boto3``."""
        return f"http://{self.running.world.front_door}:{self.running.world.ports.aws}"

    def region(self, name: str) -> Region:
        """One region; raises ``WorldError`` if there is none of this name."""
        return Region(self, self.running.require(name))

    def link(self, a: str, b: str, *, one_way: bool = False) -> Link:
        """The link between two regions."""
        return Link(self.running, a, b, one_way=one_way)

    def fault(self, fault: str | Mapping[str, Any]) -> Fault:
        """Break something else, as a game day's file says it: ``"errors: {table: items}, rate: 30%"``.

        It is mended by ``restore()`` on the answer, at the end of a ``with`` block, or with the test. Raises
        ``TerrellaError`` saying what was found and what was expected.
        """
        injected = Fault(self.running, fault)
        for order in injected.orders:
            if self.damage is None:
                self.damage = LASTING.get(order.kind)
        return injected

    def status(self) -> dict[str, Any]:
        """Everything, as ``terrella status --json`` has it."""
        return self.running.status()

    def states(self) -> dict[str, str]:
        """Each region's state."""
        return {each["region"]: str(each["state"]) for each in self.status()["regions"]}

    def settle(self, within_s: float | None = None) -> None:
        """Wait until the world has come to rest.

        Then every region serves that is not down or paused, health checks and so DNS have found what there is to find,
        and all replicas that can reach each other are equal; where nobody is away, it is confirmed that no region holds
        a write alone (that is waited for up to 3 s). Raises ``WorldError`` saying what is still to come after
        ``within_s`` (60 s; 300 s in profile ``aws``).
        """
        __tracebackhide__ = True
        settle(self.running, PATIENCE_S[self.running.world.profile.name] if within_s is None else within_s)

    def converged(self, within_s: float = 10.0) -> Convergence:
        """Whether all replicas of all tables are equal in every region: wait for it where it can still come.

        A region that is down or paused, or a cut that parts the world, makes it false at once; then, or after
        ``within_s``, the answer tells which tables and keys differ.
        """
        found = converge(self.running, within_s)
        self.judged.append(found)
        return found

    def boto3(self, service: str, region: str) -> Any:
        """A boto3 client of a service in a region; calls are made once (no retries)."""
        return self.running.boto3(service, region)

    def http(self, vantage_point: str | None = None, *, host: str | None = None) -> HttpClient:
        """A customer of the application: it looks the name up, and asks the region that DNS leads it to.

        ``vantage_point`` is where the customer lives: a city, a vantage point of ``world.yaml``, or an AWS region. DNS
        answers for there, and each request takes as long as the way is. Without one, the customer is at no distance
        from any region. ``host`` chooses among several names of the application. An application without a name (it
        has no Route 53 record) is asked at the edge, or by a customer who lives somewhere, in the nearest region.
        """
        place = _place(self.running.world, vantage_point) if vantage_point is not None else None
        names = self.status()["front_door"].get("names", [])
        name = host or (names[0] if names else None)
        fixed, because = None, ""
        if name is None and place is not None:
            fixed = min(self.regions, key=place.delay_to)
            because = "the application has no Route 53 record: from there, the nearest region is asked, alive or not"
        return HttpClient(WorldDirectory(self.running, place), name, self.running.clock, fixed, because)

    def client_of(self, region: str) -> HttpClient:
        """A client that asks one region only."""
        names = self.status()["front_door"].get("names", [])
        return HttpClient(WorldDirectory(self.running, None), names[0] if names else None, self.running.clock, region)

    def logs(self, function: str, region: str | None = None) -> list[LogLine]:
        """What a function (by name or logical id) has written since the test began, in the order of time.

        Of all regions that answer, or of one.
        """
        absent = self.running.absent(self.status())
        asked = (
            [self.running.require(region)] if region is not None else [one for one in self.regions if one not in absent]
        )
        lines = [
            LogLine(line["time_ms"], name, line["az"], line["request_id"], line["message"].rstrip("\n"))
            for name in asked
            for line in self.running.control(name).lines("logs", function=function, lines=_LOG_LINES)
        ]
        return sorted((line for line in lines if line.time_ms >= self.since_ms), key=lambda line: line.time_ms)

    # what Region does

    def kill(self, region: str) -> None:
        """Kill a region."""
        told = next(each for each in self.status()["regions"] if each["region"] == region)
        if self.damage is None and told["state"] == "serving":
            self.damage = self._baseline.damage(told)
        self.running.supervisor.post("kill", {"region": region})
        self.running.silenced.add(region)

    def pause(self, region: str) -> None:
        """Stop a region's processes."""
        self.fault({"pause": region})

    def restore(self, regions: Iterable[str], within_s: float = RESTORE_S) -> None:
        """Undo ``kill`` or ``pause`` of several regions at once, and wait until they serve."""
        states = {name: state for name, state in self.states().items() if name in regions and state in TAKEN_DOWN}
        for name in states:
            self.running.supervisor.post("restore", {"region": name})
            self.running.silenced.discard(name)
        for name, state in states.items():
            told = until_serving(self.running, name, within_s)
            if state == HELD_DOWN:
                self._baseline.take_over(told, name)

    def __repr__(self) -> str:
        return f"<world {self.name}: {', '.join(self.regions)}>"


def _place(world: WorldDescription, name: str) -> VantagePoint:
    """A vantage point by its name; raises ``WorldError``. A region's links are as far as ``world.yaml`` has them."""
    if name in world.vantage_points:
        return world.vantage_points[name]
    if name not in known_regions():
        cities = ", ".join(world.vantage_points)
        raise WorldError(f"found the vantage point {name!r}, expected an AWS region or one of {cities}")
    at = region_place(name)
    delays_ms = {to: link.delay_ms for (start, to), link in world.links.items() if start == name}
    return VantagePoint(name, at.latitude, at.longitude, at.continent, at.country, {name: 0.0, **delays_ms})


def _milliseconds(value: str | float) -> float:
    return duration_ms(value) if isinstance(value, str) else float(value)
