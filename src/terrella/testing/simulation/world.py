"""The simulated world: three regions under a load of writes and a rain of faults, then healed, then checked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from terrella.journal import (
    Apply,
    DataSet,
    Effect,
    JournalError,
    Lane,
    Message,
    ProtocolError,
    Puller,
    PullServer,
    Records,
    Send,
    data_set_id,
)
from terrella.testing.simulation.checkers import Checker, ConflictLog, Convergence, Dots, Durability
from terrella.testing.simulation.history import History
from terrella.testing.simulation.network import SimulatedConnection
from terrella.testing.simulation.region import SimulatedRegion
from terrella.testing.simulation.schedule import Schedule, SkewedClock

REGIONS = ("eu-west-1", "us-east-1", "us-west-2")
WORLD = "simulation"
CHECKERS: tuple[Checker, ...] = (Durability(), Convergence(), ConflictLog(), Dots())
_HEALING_S = 60.0
_TICK_S = 0.5


class SimulationFailure(AssertionError):  # noqa: N818 - it is a finding, not an error of the simulator
    """A rule was broken; the message says which, and how to see it again."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much happens: writes, over how many seconds, to how many keys, and the chances of faults."""

    writes: int = 60
    duration_s: float = 6.0
    keys: int = 5
    crashes: int = 3
    cuts: int = 4
    disk_full: float = 0.03
    crash_in_batch: float = 0.01


class World:
    """One run. Everything that happens follows from the seed."""

    def __init__(self, seed: int, plan: Plan | None = None, tell: Callable[[str], None] | None = None) -> None:
        self.seed = seed
        self.plan = plan or Plan()
        self.history = History()
        self.schedule = Schedule(seed)
        self._tell = tell
        self._cuts: set[frozenset[str]] = set()
        self._faults = True
        self._connections: list[SimulatedConnection] = []
        data_set = DataSet(data_set_id(WORLD, "app", "Items", 1), "items", Lane.ASYNC, REGIONS)
        self.regions: dict[str, SimulatedRegion] = {}
        for name in REGIONS:
            clock = SkewedClock(self.schedule, self.schedule.random.randrange(-300, 300))
            self.regions[name] = SimulatedRegion(self.schedule, name, data_set, clock)

    def run(self, checkers: Sequence[Checker] = CHECKERS) -> None:
        """Load and faults, then healing, then the checks; raises ``SimulationFailure``."""
        self.start()
        self._plan_load()
        self._plan_faults()
        self.schedule.run_until(self.plan.duration_s)
        self._heal()
        self.settle()
        replicas = list(self.regions.values())
        found = [violation for checker in checkers for violation in checker.violations(self.history, [*replicas])]
        if found:
            raise SimulationFailure(
                f"seed {self.seed}: {len(found)} violations of {', '.join(sorted({text[:2] for text in found}))}; "
                f"the first: {found[0]}\n"
                f"replay it with: python -m terrella.testing.simulation {self.seed}"
            )

    # a story, step by step

    def start(self) -> None:
        """All regions come up."""
        for region in self.regions.values():
            self._boot(region)

    def write(self, region: str, key: bytes, value: bytes | None) -> None:
        """A client puts an item in a region, or deletes it (None), and waits for the answer."""
        self._submit(self.regions[region], key, value)
        self.schedule.run_until(self.schedule.now + _HEALING_S, lambda: not self.regions[region].busy)

    def cut(self, one: str, other: str) -> None:
        """Nothing passes between two regions any more."""
        self._cut(frozenset((one, other)))

    def mend(self, one: str, other: str) -> None:
        """All passes again, what was held too."""
        self._mend(frozenset((one, other)))

    def crash(self, region: str) -> None:
        """A region loses what is not on its disk; it comes up again within two seconds."""
        self._crash(self.regions[region])

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.schedule.run_until(self.schedule.now + seconds)

    def settle(self) -> None:
        """Let time pass until all regions have applied the same, or a minute is over."""
        self.schedule.run_until(self.schedule.now + _HEALING_S, self._settled)

    def tell(self, text: str) -> None:
        """Note what happens, for whoever replays the seed."""
        if self._tell is not None:
            self._tell(f"{self.schedule.now:8.3f} {text}")

    # load and faults

    def _plan_load(self) -> None:
        chance = self.schedule.random
        for number in range(self.plan.writes):
            region = self.regions[chance.choice(REGIONS)]
            key = b"key-%d" % chance.randrange(self.plan.keys)
            value = None if chance.random() < 0.25 else f"{region.name} {number}".encode()
            moment = self.plan.duration_s * chance.random()
            if chance.random() < 0.3:  # several at once, for batches of more than one
                moment = round(moment, 1)
            self.schedule.at(moment, partial(self._submit, region, key, value))

    def _plan_faults(self) -> None:
        chance = self.schedule.random
        for _ in range(chance.randrange(self.plan.crashes + 1)):
            region = self.regions[chance.choice(REGIONS)]
            self.schedule.at(self.plan.duration_s * chance.random(), partial(self._crash, region))
        for _ in range(chance.randrange(self.plan.cuts + 1)):
            pair = frozenset(chance.sample(REGIONS, 2))
            begin = self.plan.duration_s * chance.random()
            self.schedule.at(begin, partial(self._cut, pair))
            self.schedule.at(begin + 4 * chance.random(), partial(self._mend, pair))

    def _submit(self, region: SimulatedRegion, key: bytes, value: bytes | None) -> None:
        if region.up:
            self.tell(f"{region.name}: {'delete' if value is None else 'put'} {key.decode()}")
            region.submit(key, value)
            self._work(region)

    def _cut(self, pair: frozenset[str]) -> None:
        self.tell(f"cut {' | '.join(sorted(pair))}")
        self._cuts.add(pair)

    def _mend(self, pair: frozenset[str]) -> None:
        self.tell(f"heal {' - '.join(sorted(pair))}")
        self._cuts.discard(pair)

    def _crash(self, region: SimulatedRegion) -> None:
        if not region.up:
            return
        self.tell(f"{region.name}: crash")
        region.crash()
        for connection in self._connections:
            if region.name in (connection.client, connection.server):
                self._close(connection)
        self.schedule.after(2 * self.schedule.random.random(), lambda: self._boot(region))

    def _boot(self, region: SimulatedRegion) -> None:
        if region.up:
            return
        region.boot()
        self.tell(f"{region.name}: up as {region.store.incarnation[:4]}, {_vector(region)}")
        for peer in REGIONS:
            if peer != region.name:
                self._connect_later(region.name, peer)

    def _heal(self) -> None:
        self._faults = False
        self._cuts.clear()
        for region in self.regions.values():
            self._boot(region)
        self.tell("all is healed")

    def _settled(self) -> bool:
        regions = list(self.regions.values())
        if any(region.busy or region.waiting for region in regions):
            return False
        return all(region.vector() == regions[0].vector() for region in regions[1:])

    # batches

    def _work(self, region: SimulatedRegion) -> None:
        if region.up and region.waiting and not region.busy:
            region.open_batch()
            incarnation = region.store.incarnation
            self.schedule.after(
                0.001 + 0.005 * self.schedule.random.random(), lambda: self._finish_batch(region, incarnation)
            )

    def _finish_batch(self, region: SimulatedRegion, incarnation: str) -> None:
        if not region.up or region.store.incarnation != incarnation:
            return
        chance = self.schedule.random.random()
        if self._faults and chance < self.plan.disk_full:
            self.tell(f"{region.name}: disk full")
            for connection in region.fail_batch():
                # Whoever waits for the records hears of it a little later; until then more may come, and must not pass.
                self.schedule.after(self.schedule.random.random(), partial(self._close, connection))
            self._work(region)
            return
        if self._faults and chance > 1 - self.plan.crash_in_batch:
            self._crash(region)
            return
        refused = region.refused()
        writes = region.commit()
        for write in writes:
            self.history.committed(write)
        if self._faults and chance > 1 - 2 * self.plan.crash_in_batch:
            self._crash(region)  # committed, but nobody was told
            return
        for write in writes:
            write.acknowledged = True
        self.tell(f"{region.name}: committed {len(writes)} own, {_vector(region)}")
        for connection, reason in refused:
            self.tell(f"{region.name}: refused from {connection.server}: {reason}")
            self._close(connection)
        for connection in self._connections:
            if connection.alive and connection.client == region.name:
                self._effects(connection, connection.puller.changed(self.schedule.now))
            elif connection.alive and connection.server == region.name:
                self._serve(connection)
        self._work(region)

    # connections

    def _connect_later(self, client: str, server: str) -> None:
        delay_s = 0.05 + 0.5 * self.schedule.random.random()
        self.schedule.after(delay_s, lambda: self._connect(client, server))

    def _connect(self, client: str, server: str) -> None:
        ends = self.regions[client], self.regions[server]
        if not ends[0].up or any(c.alive and (c.client, c.server) == (client, server) for c in self._connections):
            return
        if not ends[1].up or frozenset((client, server)) in self._cuts:
            self._connect_later(client, server)
            return
        pair = frozenset((client, server))
        connection = SimulatedConnection(self.schedule, client, server, lambda: pair in self._cuts)
        connection.puller = Puller(ends[0].state, WORLD, server)
        connection.pull_server = PullServer(ends[1].state, WORLD, frozenset(REGIONS) - {server})
        self._connections = [other for other in self._connections if other.alive]
        self._connections.append(connection)
        self._effects(connection, connection.puller.start(self.schedule.now))
        self._tick(connection)

    def _close(self, connection: SimulatedConnection) -> None:
        if connection.alive:
            connection.alive = False
            self._connect_later(connection.client, connection.server)

    def _tick(self, connection: SimulatedConnection) -> None:
        if not connection.alive:
            return
        try:
            self._effects(connection, connection.puller.tick(self.schedule.now))
        except ProtocolError as error:
            self.tell(f"{connection.client}: {error}")
            self._close(connection)
            return
        self._serve(connection)
        self.schedule.after(_TICK_S, lambda: self._tick(connection))

    def _effects(self, connection: SimulatedConnection, effects: Sequence[Effect]) -> None:
        region = self.regions[connection.client]
        for effect in effects:
            if isinstance(effect, Apply):
                region.apply(connection, effect)
                self._work(region)
            elif isinstance(effect, Send):
                connection.send(True, effect.message, lambda message: self._server_hears(connection, message))

    def _server_hears(self, connection: SimulatedConnection, message: Message) -> None:
        connection.pull_server.receive(message, self.schedule.now)
        self._serve(connection)

    def _puller_hears(self, connection: SimulatedConnection, message: Message) -> None:
        self._effects(connection, connection.puller.receive(message, self.schedule.now))

    def _serve(self, connection: SimulatedConnection) -> None:
        while (message := self._next(connection)) is not None:
            if isinstance(message, Records):
                for offset, record in enumerate(message.records):
                    self.history.sent((message.region, message.incarnation), message.first + offset, record)
            connection.send(False, message, lambda message: self._puller_hears(connection, message))

    def _next(self, connection: SimulatedConnection) -> Message | None:
        try:
            return connection.pull_server.next(self.schedule.now)
        except JournalError as error:  # a log with a hole, or an absurd acknowledgement
            self.history.contradictions.append(f"I3: {connection.server} cannot serve {connection.client}: {error}")
            self._close(connection)
            return None


def simulate(seed: int, plan: Plan | None = None, tell: Callable[[str], None] | None = None) -> World:
    """Run a seed; raises ``SimulationFailure`` if a rule was broken."""
    world = World(seed, plan, tell)
    world.run()
    return world


def _vector(region: SimulatedRegion) -> str:
    parts = [f"{origin[0]}/{origin[1][:4]}:{sequence}" for origin, sequence in sorted(region.vector().items())]
    return " ".join(parts) or "empty"
