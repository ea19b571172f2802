"""Links of a simulated world: they delay, hold what is sent while they are cut, break connections, and worse.

Each way of a link is cut on its own. What TCP would retransmit is held and arrives after the link is mended, also
when the process that sent it is long gone. ``hostile`` connections repeat and swap what was written, as no TCP would.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from terrella.testing.simulation.loop import VirtualLoop
from terrella.testing.simulation.schedule import Schedule

_SYN_RETRY_S = 0.5
_END, _RESET = b"", None

# Told of everything that a server writes: its region, its peer, the bytes.
Tap = Callable[[str, bytes], None]


@dataclass(slots=True)
class Weather:
    """How the links behave: chances that a write is cut in two, and of a new connection to be hostile."""

    split: float = 0.1
    hostile: float = 0.0
    hostility: float = 0.05


class Network:
    """Knows who listens, which links are cut, and everything that is under way."""

    def __init__(self, schedule: Schedule, weather: Weather, tap: Tap) -> None:
        self.schedule = schedule
        self.weather = weather
        self.tap = tap
        self._loops: dict[str, VirtualLoop] = {}
        self._cut: set[tuple[str, str]] = set()
        self._pairs: list[_Pair] = []

    def is_up(self, region: str, loop: VirtualLoop) -> None:
        """A region's process has started."""
        self._loops[region] = loop

    def is_down(self, region: str, silently: bool) -> None:
        """A region's process is gone; its peers are told, unless it was its whole machine, or a link is cut."""
        loop = self._loops.pop(region)
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            if loop in pair.loops:
                pair.abandoned_by(loop, silently)
            if any(loop.alive for loop in pair.loops):
                self._pairs.append(pair)

    def is_cut(self, sender: str, receiver: str) -> bool:
        """Whether nothing passes from one region to another."""
        return (sender, receiver) in self._cut

    def cut(self, sender: str, receiver: str) -> None:
        """Nothing passes one way any more."""
        self._cut.add((sender, receiver))

    def mend(self, sender: str, receiver: str) -> None:
        """All passes again, what was held too."""
        self._cut.discard((sender, receiver))
        for pair in list(self._pairs):
            for way in pair.ways:
                if way.route == (sender, receiver):
                    way.release()

    def mend_all(self) -> None:
        """Every link is whole, and behaves."""
        self.weather = Weather(split=self.weather.split)
        for route in sorted(self._cut):
            self.mend(*route)
        for pair in self._pairs:
            for way in pair.ways:
                way.hostility = 0.0

    def reset(self, chance: float) -> str | None:
        """Break one connection in the middle of what it carries; answers which, None if there is none."""
        alive = [pair for pair in self._pairs if pair.alive]
        if not alive:
            return None
        pair = alive[int(chance * len(alive))]
        pair.reset()
        return f"{pair.ways[0].route[0]} > {pair.ways[0].route[1]}"

    def connector(self, region: str, loop: VirtualLoop) -> "SimulatedConnector":
        """What a region connects with."""
        return SimulatedConnector(self, region, loop)

    async def connect(self, client: str, loop: VirtualLoop, server: str, port: int, timeout_s: float) -> "_ClientEnd":
        """A connection, when the handshake has passed both ways; raises as a socket would."""
        schedule = self.schedule
        give_up_at = schedule.now + timeout_s
        delay_s = 0.002 + 0.04 * schedule.random.random()
        while self.is_cut(client, server) or self.is_cut(server, client):
            await asyncio.sleep(_SYN_RETRY_S)
            if schedule.now >= give_up_at:
                raise TimeoutError(f"{server} does not answer")
        await asyncio.sleep(2 * delay_s)
        other = self._loops.get(server)
        if other is None or not other.alive or port not in other.listening:
            raise ConnectionRefusedError(f"{server} does not listen")
        pair = _Pair(self, (client, loop), (server, other), delay_s)
        self._pairs = [known for known in self._pairs if known.alive or known.under_way]
        self._pairs.append(pair)
        schedule.soon(pair.accept, other.listening[port], owner=other)
        return pair.client


class SimulatedConnector:
    """Connects from one region."""

    def __init__(self, network: Network, region: str, loop: VirtualLoop) -> None:
        self._network = network
        self._region = region
        self._loop = loop

    async def connect(self, region: str, port: int, timeout_s: float) -> "_ClientEnd":
        """Connect to a port of a region."""
        return await self._network.connect(self._region, self._loop, region, port, timeout_s)


class _Pair:
    """One connection: two ends, two ways."""

    def __init__(
        self, network: Network, client: tuple[str, VirtualLoop], server: tuple[str, VirtualLoop], delay_s: float
    ) -> None:
        chance = network.schedule.random
        hostility = network.weather.hostility if chance.random() < network.weather.hostile else 0.0
        self.loops = (client[1], server[1])
        there = _Way(network, (client[0], server[0]), server[1], delay_s, hostility)
        back = _Way(network, (server[0], client[0]), client[1], delay_s, hostility)
        self.ways = (there, back)
        self.client = _ClientEnd(there, client[1])
        self.server = _ServerEnd(back, server[1], network.tap)
        there.receive, back.receive = self.server.receive, self.client.receive
        self._network = network

    @property
    def alive(self) -> bool:
        """Whether either end still uses it."""
        return not (self.client.closed and self.server.closed)

    @property
    def under_way(self) -> bool:
        """Whether anything is still to arrive."""
        return any(way.pending for way in self.ways)

    def accept(self, factory: Callable[[], Any]) -> None:
        """The server takes it."""
        self.server.open(factory())

    def abandoned_by(self, loop: VirtualLoop, silently: bool) -> None:
        """One end's process is gone."""
        for end, way in ((self.client, self.ways[0]), (self.server, self.ways[1])):
            if end.loop is loop:
                end.closed = True
                if not silently:
                    way.send(_RESET)

    def reset(self) -> None:
        """Both ends are told that it broke, each in its time; of what was under way a part still arrives."""
        for way in self.ways:
            way.tear()


@dataclass(slots=True)
class _Way:
    """One direction: bytes (or the end, or a reset) in order, each with its time of arrival."""

    network: Network
    route: tuple[str, str]
    receiver: VirtualLoop
    delay_s: float
    hostility: float
    pending: deque[bytes | None] = field(default_factory=deque)
    held: int = 0
    arrival: float = 0.0
    receive: Callable[[bytes | None], None] = lambda _: None

    def send(self, data: bytes | None) -> None:
        """Put something on its way."""
        chance = self.network.schedule.random
        if not data:
            self._queue(data)
            return
        roll = chance.random()
        self._queue(data)
        if self.hostility and roll > 1 - self.hostility:
            self._queue(data)
        elif self.hostility and len(self.pending) > 1 and roll > 1 - 2 * self.hostility:
            self.pending[-1], self.pending[-2] = self.pending[-2], self.pending[-1]

    def _queue(self, data: bytes | None) -> None:
        schedule = self.network.schedule
        self.pending.append(data)
        self.arrival = max(self.arrival, schedule.now + self.delay_s * (1 + schedule.random.random()))
        schedule.at(self.arrival, self._arrive, owner=self.receiver)

    def _arrive(self) -> None:
        if self.held or self.network.is_cut(*self.route):
            self.held += 1
            return
        if not self.pending:
            return
        data = self.pending.popleft()
        chance = self.network.schedule.random
        if data and len(data) > 1 and chance.random() < self.network.weather.split:
            middle = 1 + chance.randrange(len(data) - 1)
            self.pending.appendleft(data[middle:])
            self.network.schedule.after(0.002 * chance.random(), self._arrive, owner=self.receiver)
            data = data[:middle]
        self.receive(data)

    def release(self) -> None:
        """The link is mended: what was held arrives."""
        held, self.held = self.held, 0
        for _ in range(held):
            self.network.schedule.after(self.delay_s, self._arrive, owner=self.receiver)
        self.arrival = max(self.arrival, self.network.schedule.now + self.delay_s)

    def tear(self) -> None:
        """What is under way ends somewhere in its middle, and then comes a reset."""
        chance = self.network.schedule.random
        kept = chance.randrange(len(self.pending) + 1)
        torn = list(self.pending)[: kept + 1]
        if len(torn) > kept and torn[kept]:
            torn[kept] = (torn[kept] or b"")[: 1 + chance.randrange(len(torn[kept] or b""))]
        self.pending.clear()
        self.pending.extend(torn)
        self.send(_RESET)


class _ClientEnd:
    """The end that connected: the kernel's ``Connection``."""

    def __init__(self, way: _Way, loop: VirtualLoop) -> None:
        self.loop = loop
        self.closed = False
        self._way = way
        self._received: deque[bytes | None] = deque()
        self._waiter: asyncio.Future[None] | None = None

    def receive(self, data: bytes | None) -> None:
        """Bytes, the end (empty) or a reset (None) arrive."""
        if self.closed or not self.loop.alive:
            return
        self._received.append(data)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def read(self, max_bytes: int = 65536) -> bytes:
        """The next bytes."""
        while not self._received and not self.closed:
            self._waiter = self.loop.create_future()
            await self._waiter
        if self.closed:
            raise ConnectionResetError("closed here")
        data = self._received[0]
        if data is _RESET:
            raise ConnectionResetError("reset by the peer")
        if data == _END:
            return b""
        self._received.popleft()
        if len(data) > max_bytes:
            self._received.appendleft(data[max_bytes:])
        return data[:max_bytes]

    async def write(self, data: bytes) -> None:
        """Send; never waits."""
        if self.closed or not self.loop.alive:
            raise ConnectionResetError("closed here")
        if self._received and self._received[-1] is _RESET:
            raise BrokenPipeError("reset by the peer")
        self._way.send(data)

    def close(self) -> None:
        """Close at once; what was written before still arrives."""
        if not self.closed and self.loop.alive:
            self.closed = True
            self._way.send(_END)
            if self._waiter is not None and not self._waiter.done():
                self._waiter.set_result(None)


class _ServerEnd(asyncio.Transport):
    """The end that was connected to: a transport of ``asyncio``'s streams."""

    def __init__(self, way: _Way, loop: VirtualLoop, tap: Tap) -> None:
        super().__init__()
        self.loop = loop
        self.closed = False
        self._way = way
        self._tap = tap
        self._protocol: Any = None

    def open(self, protocol: Any) -> None:
        """Hand the connection to whoever listens."""
        self._protocol = protocol
        protocol.connection_made(self)

    def receive(self, data: bytes | None) -> None:
        """Bytes, the end (empty) or a reset (None) arrive."""
        if self.closed or not self.loop.alive or self._protocol is None:
            return
        if data is _RESET:
            self.closed = True
            self._protocol.connection_lost(ConnectionResetError("reset by the peer"))
        elif data == _END:
            if not self._protocol.eof_received():
                self.close()
        else:
            self._protocol.data_received(data)

    def write(self, data: Any) -> None:
        """Send; never waits."""
        if not self.closed and self.loop.alive:
            sent = bytes(data)
            self._tap(self._way.route[0], sent)
            self._way.send(sent)

    def close(self) -> None:
        """Close; what was written before still arrives."""
        if not self.closed and self.loop.alive:
            self.closed = True
            self._way.send(_END)
            self.loop.call_soon(self._protocol.connection_lost, None)

    def abort(self) -> None:
        """Close."""
        self.close()

    def is_closing(self) -> bool:
        """Whether it is closed."""
        return self.closed

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Nothing but who it is."""
        return self._way.route[1] if name == "peername" else default

    def pause_reading(self) -> None:
        """What arrives is taken all the same."""

    def resume_reading(self) -> None:
        """It was never paused."""

    def is_reading(self) -> bool:
        """Always."""
        return True
