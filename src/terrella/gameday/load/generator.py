"""The open loop: requests start when they are due, whatever became of those before them."""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import accumulate
from random import Random

from terrella.gameday.load.addresses import WorldAddresses
from terrella.gameday.load.client import Client
from terrella.gameday.load.errors import LoadError
from terrella.gameday.load.names import NameServers, OneAddress, Resolver
from terrella.gameday.load.paths import Paths
from terrella.gameday.load.plan import LoadPlan, ResolverPlan
from terrella.gameday.load.requests import RequestKind
from terrella.gameday.load.sample import Sample
from terrella.gameday.load.seeded import SeededIds
from terrella.gameday.load.visit import Answer, Call, Visit
from terrella.gameday.load.writes import Known, Write, Writes
from terrella.kernel import Clock, VantagePoint
from terrella.wire.links import Link

UNDER_WAY_MAX = 10_000


class LoadGenerator:
    """Plays ``plan`` against a world; ``on_sample`` is told what came of each request, in the order in which they end.

    ``run`` returns when the duration is over or ``stop`` was called, and everything under way has ended. The same
    ``seed`` draws the same arrivals, clients and kinds. ``paths`` and ``set_resolver`` break the way of the clients
    while it runs, ``rate_per_s`` may be changed. ``writes`` is what was written, for ``check_writes``.
    """

    def __init__(
        self,
        plan: LoadPlan,
        world: WorldAddresses,
        clock: Clock,
        seed: int,
        on_sample: Callable[[Sample], None],
    ) -> None:
        self.plan = plan
        self.rate_per_s = plan.rate_per_s
        self.lag_behind_s = 0.0
        """How late this generator itself started a request, at worst: it counts as latency, and is to be told."""
        self.writes = Writes()
        self.sent = 0
        self._world = world
        self._clock = clock
        self._on_sample = on_sample
        self._draws = Random(f"{seed} arrivals")
        self._ids = SeededIds(f"{seed} ids")
        self._resolvers: dict[str, ResolverPlan] = dict.fromkeys((at.name for at in plan.vantage_points), plan.resolver)
        self._servers = NameServers(world.name_servers)
        self.paths: Mapping[str, Paths] = {
            at.name: Paths(at, world, SeededIds(f"{seed} link {at.name}")) for at in plan.vantage_points
        }
        self._clients = [self._client(at, number, seed) for at in plan.vantage_points for number in range(plan.clients)]
        self._kinds = [(kind, weight) for kind, weight in plan.mix.items() if weight > 0]
        self._bounds = list(accumulate(weight for _, weight in self._kinds))
        self._zero_s = 0.0
        self._stopped = asyncio.Event()
        self._under_way: set[asyncio.Task[None]] = set()
        self._failure: BaseException | None = None

    def _client(self, at: VantagePoint, number: int, seed: int) -> tuple[str, Client]:
        draws = Random(f"{seed} client {at.name} {number}")
        name, paths = f"{at.name}-{number}", self.paths[at.name]
        resolver: Resolver | OneAddress = OneAddress(self._world.regions[paths.nearest()])
        if self._world.name:
            resolver = Resolver(self._servers, at.subnet, lambda: self._resolvers[at.name], self._clock, draws.random)
        return at.name, Client(name, paths, resolver, self._world, self.plan, draws.random)

    @property
    def now_s(self) -> float:
        """Seconds since the load's start; 0 before it."""
        return self._clock.monotonic() - self._zero_s if self._zero_s else 0.0

    @property
    def under_way(self) -> int:
        """How many requests have started and not ended."""
        return len(self._under_way)

    def set_resolver(self, plan: ResolverPlan | None, vantage_point: str | None = None) -> None:
        """Other resolvers from now on, everywhere or at one vantage point; None: as the plan says."""
        for name in self._resolvers if vantage_point is None else (vantage_point,):
            self._resolvers[name] = plan if plan is not None else self.plan.resolver

    def set_conditions(self, ttl: str | float | None, links: Mapping[tuple[str, str], Link]) -> None:
        """Everything that is wrong on the clients' way, at once; what is not named is as usual.

        ``ttl`` is how all resolvers treat it (None: as planned), ``links`` by vantage point and region.
        """
        planned = self.plan.resolver
        self.set_resolver(
            None
            if ttl is None
            else replace(planned, ttl=ttl if isinstance(ttl, float | int) else ResolverPlan.parse(ttl).ttl)
        )
        for name, paths in self.paths.items():
            for region in self._world.regions:
                link = links.get((name, region), paths.natural(region))
                if paths.get(region) != link:
                    paths.set(region, link)

    def stop(self) -> None:
        """Start no further request; ``run`` returns when those under way have ended."""
        self._stopped.set()

    async def run(self, zero_s: float | None = None) -> None:
        """Play. ``zero_s`` is what counts as the start, on the clock. Cancelling it drops what is under way.

        Raises ``LoadError`` where a Python file's own code fails.
        """
        self._zero_s = self._clock.monotonic() if zero_s is None else zero_s
        try:
            await self._arrive()
            while self._under_way and self._failure is None:
                await asyncio.wait(self._under_way, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(*self._under_way, return_exceptions=True)
        if self._failure is not None:
            raise self._failure

    async def close(self) -> None:
        """Close every connection. Writes can still be checked."""
        for _, client in self._clients:
            client.close()
        for paths in self.paths.values():
            paths.close()
        self._servers.close()

    async def _arrive(self) -> None:
        due_s = 0.0
        while not self._stopped.is_set():
            due_s += self._gap_s()
            if self.plan.duration_s is not None and due_s > self.plan.duration_s:
                return
            wait_s = due_s - self.now_s
            if wait_s > 0:
                try:
                    async with asyncio.timeout(wait_s):
                        await self._stopped.wait()
                        return
                except TimeoutError:
                    pass
            elif self.sent % 64 == 0:
                await asyncio.sleep(0)  # far behind: let what was started be sent
            self._start(due_s)

    def _gap_s(self) -> float:
        mean_s = 1 / self.rate_per_s
        return self._draws.expovariate(1 / mean_s) if self.plan.arrivals == "random" else mean_s

    def _start(self, due_s: float) -> None:
        at, client = self._clients[int(self._draws.random() * len(self._clients))]
        kind = self._kind()
        number = self.sent
        self.sent += 1
        if len(self._under_way) >= UNDER_WAY_MAX:
            why = f"not sent: {UNDER_WAY_MAX} requests are under way already"
            self._on_sample(Sample(kind.name, at, due_s, self.now_s, "", 0, 0, why))
            return
        visit = Visit(_Sender(self, client), kind.name, at, client.name, number, due_s)
        task = asyncio.create_task(self._play(kind, visit))
        self._under_way.add(task)
        task.add_done_callback(self._ended)

    def _kind(self) -> RequestKind:
        """One of the mix. As long as nothing is written, what reads it is drawn again among those that write."""
        drawn = self._draws.random()
        name = self._kinds[bisect_right(self._bounds, drawn * self._bounds[-1], hi=len(self._bounds) - 1)][0]
        kind = self.plan.requests[name]
        if kind.needs_known and not self.writes.acknowledged:
            first = (self.plan.requests[other] for other, _ in self._kinds)
            return next((other for other in first if other.writes_something and not other.needs_known), kind)
        return kind

    async def _play(self, kind: RequestKind, visit: Visit) -> None:
        assert visit.intended_s is not None
        self.lag_behind_s = max(self.lag_behind_s, self.now_s - visit.intended_s)
        await kind.play(visit)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and self._failure is None:
            self._failure = LoadError(f"{type(error).__name__} in a request ({error})", "code that handles it")
            self._failure.__cause__ = error
            self.stop()

    def new_id(self) -> str:
        """An id that no other request of this run has."""
        return self._ids.token(20)

    def draw(self, known: Known, client: str) -> Write | None:
        """Something that was written."""
        return self.writes.draw(known, client, self._ids.fraction())

    async def send(self, client: Client, visit: Visit, call: Call) -> Answer:
        """Send a call and tell its sample."""
        intended_s, visit.intended_s = visit.intended_s, None
        if intended_s is None:
            intended_s = self.now_s
        if call.deletes is not None:
            self.writes.withdraw(call.deletes)
        answer = await client.send(call)
        ended_s = self.now_s
        answered = 200 <= answer.status < 400 if call.expects is None else answer.status in call.expects
        stale = _stale(call, answer, answered)
        if call.deletes is not None and not answered and (stale or not answer.unsure):
            self.writes.acknowledge(call.deletes)
        elif call.deletes is None and call.reads is not None and call.reads.token not in self.writes.acknowledged:
            stale = None  # somebody has begun to delete it meanwhile
        token = self._note(call, answer, answered, ended_s)
        sample = Sample(
            kind=visit.kind,
            vantage_point=visit.vantage_point,
            intended_s=intended_s,
            ended_s=ended_s,
            region=answer.region,
            status=answer.status,
            attempts=answer.attempts,
            error=answer.error,
            writes=token,
            stale=stale,
            answered=answered or bool(stale),
        )
        self._on_sample(sample)
        return answer

    def _note(self, call: Call, answer: Answer, answered: bool, ended_s: float) -> str | None:
        """Remember what was written, or may have been; answers its token."""
        if call.write is None:
            return None
        token = call.write.token
        if call.token_from is not None:
            token = _found_in(answer, call.token_from) if answered else ""
        if not token:
            return None
        values = call.write.values if call.token_from is None else {**call.write.values, "id": token}
        write = replace(call.write, token=token, values=values, region=answer.region, ended_s=ended_s)
        if answered:
            self.writes.acknowledge(write)
        elif answer.unsure:
            self.writes.doubt(write)
        else:
            return None
        return token


class _Sender:
    """A visit's way to the generator, as one of its clients."""

    def __init__(self, generator: LoadGenerator, client: Client) -> None:
        self._generator = generator
        self._client = client

    async def send(self, visit: Visit, call: Call) -> Answer:
        return await self._generator.send(self._client, visit, call)

    def new_id(self) -> str:
        return self._generator.new_id()

    def draw(self, known: Known, client: str) -> Write | None:
        return self._generator.draw(known, client)


def _stale(call: Call, answer: Answer, answered: bool) -> bool | None:
    """Whether a read lacked what had been acknowledged before it was sent; None where nothing can be said."""
    if call.reads is None:
        return None
    if answer.status in call.absent:
        return True
    if not answered:
        return None
    return call.shows is not None and call.shows.encode() not in answer.body


def _found_in(answer: Answer, path: str) -> str:
    """The token that an answer tells. Raises ``TerrellaError`` if it has no such field."""
    found = answer.json()
    for step in path.split("."):
        found = found.get(step) if isinstance(found, dict) else None
    if not isinstance(found, str | int) or isinstance(found, bool):
        raise LoadError(f"an answer without {path}", f"writes: {{response.{path}}} to be in it")
    return str(found)
