"""A client as real ones are: it resolves the one global name, then connects to the address that it got."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import dns.asyncquery
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

from terrella.kernel import Clock
from terrella.wire.http import Response, fetch


class NoAnswerError(ConnectionError):
    """The name server gave no address."""


@dataclass(frozen=True, slots=True)
class Served:
    """One request's fate: ``status`` 0 if no response came, ``address`` of the region that was asked."""

    method: str
    address: str
    status: int
    started_s: float
    took_s: float
    body: bytes = b""
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether the application answered as asked."""
        return 200 <= self.status < 300


class Client:
    """Looks the name up before every request (a TTL of nothing) and opens a new connection each time."""

    def __init__(self, name: str, dns_address: tuple[str, int], application_port: int, clock: Clock) -> None:
        self._name = name
        self._dns_address = dns_address
        self._application_port = application_port
        self._clock = clock

    async def resolve(self) -> str:
        """One IPv4 address for the name; raises ``NoAnswerError``."""
        query = dns.message.make_query(self._name, dns.rdatatype.A)
        host, port = self._dns_address
        try:
            answer = await dns.asyncquery.udp(query, host, port=port, timeout=2.0)
        except (OSError, dns.exception.DNSException) as error:
            raise NoAnswerError(f"{host}:{port} does not answer: {error}") from error
        for rrset in answer.answer:
            if rrset.rdtype == dns.rdatatype.A:
                return str(rrset[0].address)
        raise NoAnswerError(f"{self._name} has no address ({dns.rcode.to_text(answer.rcode())})")

    async def send(self, method: str, target: str, body: bytes = b"", timeout_s: float = 5.0) -> Served:
        """Resolve, connect, ask; never raises for what goes wrong on the way, but tells it."""
        started_s = self._clock.monotonic()
        try:
            address = await self.resolve()
        except NoAnswerError as error:
            return Served(method, "", 0, started_s, self._clock.monotonic() - started_s, error=str(error))
        return await self.send_to(address, method, target, body, timeout_s)

    async def send_to(
        self, address: str, method: str, target: str, body: bytes = b"", timeout_s: float = 5.0
    ) -> Served:
        """Ask one region by its address, under the global name."""
        started_s = self._clock.monotonic()
        headers = [("host", self._name), ("content-type", "application/json")]
        try:
            response: Response = await fetch(
                method, address, self._application_port, target, headers, body, timeout_s=timeout_s
            )
        except (TimeoutError, OSError) as error:
            took_s = self._clock.monotonic() - started_s
            return Served(method, address, 0, started_s, took_s, error=str(error) or type(error).__name__)
        assert isinstance(response.body, bytes)
        return Served(method, address, response.status, started_s, self._clock.monotonic() - started_s, response.body)


@dataclass(slots=True)
class Load:
    """Requests at a steady rate whatever the answers take (an open loop), until stopped.

    ``make`` sends the n-th request. What came of each is kept in ``served``, in the order in which they ended.
    """

    make: Callable[[int], Awaitable[Served]]
    rate_per_s: float
    served: list[Served] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _runner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Load":
        self._runner = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._runner is not None
        self._runner.cancel()
        await asyncio.gather(self._runner, *self._tasks, return_exceptions=True)

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        start_s = loop.time()
        number = 0
        while True:
            task = asyncio.create_task(self._one(number))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            number += 1
            await asyncio.sleep(max(0.0, start_s + number / self.rate_per_s - loop.time()))

    async def _one(self, number: int) -> None:
        self.served.append(await self.make(number))

    def split(self, names: dict[str, str]) -> Counter[str]:
        """Successful requests by region; ``names`` maps addresses to regions."""
        return Counter(names.get(one.address, one.address or "nowhere") for one in self.served if one.ok)
