"""One client at a vantage point: its resolver, its connections, its patience."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import dataclass

from terrella.gameday.load.addresses import WorldAddresses
from terrella.gameday.load.names import NoAddressError, OneAddress, Resolver
from terrella.gameday.load.paths import Paths
from terrella.gameday.load.plan import LoadPlan
from terrella.gameday.load.visit import Answer, Call
from terrella.kernel import Connection
from terrella.wire.http import HttpClient, Request, SocketConnection
from terrella.wire.links import LinkConnection


@dataclass(frozen=True, slots=True)
class Attempt:
    """What one attempt came to. ``unsure``: it was sent and may have been carried out, but nobody said so."""

    status: int
    region: str
    body: bytes = b""
    error: str = ""
    unsure: bool = False


class Client:
    """Sends calls: looks the name up, connects over the real distance or uses a kept connection, retries."""

    def __init__(
        self,
        name: str,
        paths: Paths,
        resolver: Resolver | OneAddress,
        world: WorldAddresses,
        plan: LoadPlan,
        fraction: Callable[[], float],
    ) -> None:
        self.name = name
        self.paths = paths
        self._resolver = resolver
        self._world = world
        self._plan = plan
        self._fraction = fraction
        self._pools: dict[str, HttpClient] = {}

    async def send(self, call: Call) -> Answer:
        """The whole request with its retries; what goes wrong on the way is told, not raised."""
        retries = self._plan.retries
        unsure = False
        region = ""
        attempts = 0
        while True:
            attempts += 1
            attempt = await self._attempt(call)
            unsure = unsure or attempt.unsure
            region = attempt.region or region
            failed = attempt.status == 0 or attempt.status in retries.statuses
            expected = call.expects is not None and attempt.status in call.expects
            if not failed or expected or not call.retry or attempts > retries.retries:
                return Answer(attempt.status, attempt.body, region, attempts, attempt.error, unsure)
            await asyncio.sleep(retries.wait_s(attempts, self._fraction()))

    async def _attempt(self, call: Call) -> Attempt:
        timeout_s = self._plan.timeout_s
        region = ""
        try:
            async with asyncio.timeout(timeout_s):
                address = await self._resolver.address(self._world.name)
                region = self._world.region_at(address) or address
                headers = [("host", self._world.host_of(address)), *call.headers]
                request = Request(call.method, call.path, headers, call.body)
                response = await self._pool(address).send(request, timeout_s)
        except NoAddressError as error:
            return Attempt(0, "", error=str(error))
        except TimeoutError:
            return Attempt(0, region, error=f"no answer within {timeout_s:g} s", unsure=bool(region))
        except OSError as error:
            refused = isinstance(error, ConnectionRefusedError)
            return Attempt(0, region, error=_reason(error), unsure=not refused)
        assert isinstance(response.body, bytes)
        return Attempt(response.status, region, response.body, unsure=response.status >= 500)

    def _pool(self, address: str) -> HttpClient:
        if not self._plan.keep_alive:
            return HttpClient(lambda: self._connect(address), max_idle=0)
        pool = self._pools.get(address)
        if pool is None:
            pool = self._pools[address] = HttpClient(lambda: self._connect(address), ended=_ended)
        return pool

    async def _connect(self, address: str) -> Connection:
        return await self.paths.connect(address, self._world.application_port)

    def close(self) -> None:
        """Close what is kept open."""
        for pool in self._pools.values():
            pool.close()


def _ended(connection: Connection) -> bool:
    return isinstance(connection, LinkConnection | SocketConnection) and connection.ended


def _reason(error: OSError) -> str:
    """Few words for many ways: a report counts failures by them."""
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionError):
        return "the connection broke"
    return os.strerror(error.errno) if error.errno else str(error) or type(error).__name__
