"""Looking names up: real questions to the world's name servers, and answers kept as a resolver keeps them."""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import IPv6Network
from typing import cast

import dns.edns
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

from terrella.gameday.load.plan import ResolverPlan
from terrella.kernel import Clock

_PATIENCE_S = 1.0
_PAYLOAD_BYTES = 1232
_ROUNDS = 2


class NoAddressError(ConnectionError):
    """No name server gave an address."""


class NameServers(asyncio.DatagramProtocol):
    """One UDP socket on which questions are asked; answers find their question by its id."""

    def __init__(self, addresses: tuple[tuple[str, int], ...]) -> None:
        self._addresses = addresses
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._last_id = 0
        self._opening = asyncio.Lock()

    async def ask(self, name: str, subnet: IPv6Network) -> tuple[tuple[str, ...], float]:
        """The IPv4 addresses of a name in their order, and the lowest TTL in seconds. Raises ``NoAddressError``.

        ``subnet`` says where the client is (EDNS client subnet, RFC 7871).
        """
        place = dns.edns.ECSOption(str(subnet.network_address), subnet.prefixlen)
        query = dns.message.make_query(name, dns.rdatatype.A, use_edns=0, payload=_PAYLOAD_BYTES, options=[place])
        for _ in range(_ROUNDS):
            for server in self._addresses:
                response = await self._exchange(query, server)
                if response is not None:
                    return _addresses_of(name, response)
        asked = ", ".join(f"{host}:{port}" for host, port in self._addresses)
        raise NoAddressError(f"no name server answers ({asked})")

    async def _exchange(self, query: dns.message.Message, server: tuple[str, int]) -> bytes | None:
        async with self._opening:
            if self._transport is None or self._transport.is_closing():
                self._transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                    lambda: self, family=socket.AF_INET
                )
        number = self._last_id = self._last_id % 65535 + 1
        query.id = number
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            self._transport.sendto(query.to_wire(), server)
            async with asyncio.timeout(_PATIENCE_S):
                response: bytes = await waiting
                return response
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(number, None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: object) -> None:
        """An answer; one that nobody waits for any more is dropped."""
        waiting = self._waiting.get(int.from_bytes(data[:2], "big"))
        if waiting is not None and not waiting.done():
            waiting.set_result(data)

    def error_received(self, exc: Exception) -> None:
        """Nobody listens there: the question's time runs out, as it would on a network."""

    def close(self) -> None:
        """Give up the socket."""
        if self._transport is not None:
            self._transport.close()


class Resolver:
    """What one client asks, from ``subnet``: keeps an answer for as long as ``plan`` says and then asks again."""

    def __init__(
        self,
        servers: NameServers,
        subnet: IPv6Network,
        plan: Callable[[], ResolverPlan],
        clock: Clock,
        fraction: Callable[[], float],
    ) -> None:
        self._servers = servers
        self._subnet = subnet
        self._plan = plan
        self._clock = clock
        self._fraction = fraction
        self._kept: dict[str, tuple[tuple[str, ...], float, float]] = {}

    async def address(self, name: str) -> str:
        """The address that this client connects to now: the first of the answer. Raises ``NoAddressError``."""
        plan = self._plan()
        kept = self._kept.get(name)
        if kept is not None:
            addresses, asked_s, ttl_s = kept
            if self._clock.monotonic() < asked_s + plan.kept_s(ttl_s):
                return addresses[0]
        if plan.look_up_s:
            await asyncio.sleep(plan.look_up_s)
        addresses, ttl_s = await self._servers.ask(name, self._subnet)
        asked_s = self._clock.monotonic()
        if kept is None and plan.aged:
            kept_s = plan.kept_s(ttl_s)
            asked_s -= 0.0 if kept_s == float("inf") else self._fraction() * kept_s
        self._kept[name] = (addresses, asked_s, ttl_s)
        return addresses[0]


def _addresses_of(name: str, response: bytes) -> tuple[tuple[str, ...], float]:
    try:
        message = dns.message.from_wire(response)
    except dns.exception.DNSException as error:
        raise NoAddressError(f"the answer for {name} is malformed: {error}") from error
    ttl_s = min((rrset.ttl for rrset in message.answer), default=0)
    found = tuple(str(line) for rrset in message.answer if rrset.rdtype == dns.rdatatype.A for line in rrset)
    if not found:
        raise NoAddressError(f"{name} has no address ({dns.rcode.to_text(message.rcode())})")
    return found, float(ttl_s)
