"""Looking names up: real questions to the world's name servers, and answers kept as a resolver keeps them."""

import asyncio
import contextlib
import socket
from collections.abc import Callable
from ipaddress import IPv6Network

import dns.edns
import dns.exception
import dns.message
import dns.rcode
import dns.rdatatype

from terrella.gameday.load.plan import ResolverPlan
from terrella.kernel import Clock

_PAYLOAD_BYTES = 1232
_ROUNDS = 2
_BATCH = 256
_RECEIVE_BYTES = 4096


class NoAddressError(ConnectionError):
    """No name server gave an address."""


class NameServers:
    """One UDP socket on which questions are asked; answers find their question by its id."""

    def __init__(self, addresses: tuple[tuple[str, int], ...]) -> None:
        self._addresses = addresses
        self._socket: socket.socket | None = None
        self._waiting: dict[int, asyncio.Future[bytes]] = {}
        self._last_id = 0
        self._queries: dict[tuple[str, IPv6Network], bytes] = {}

    async def ask(self, name: str, subnet: IPv6Network, patience_s: float = 2.0) -> tuple[tuple[str, ...], float]:
        """The IPv4 addresses of a name in their order, and the lowest TTL in seconds. Raises ``NoAddressError``.

        ``subnet`` says where the client is (EDNS client subnet, RFC 7871).
        """
        query = self._queries.get((name, subnet))
        if query is None:
            query = self._queries[name, subnet] = _query(name, subnet)
        for _ in range(_ROUNDS):
            for server in self._addresses:
                response = await self._exchange(query, server, patience_s)
                if response is not None:
                    return _addresses_of(name, response)
        asked = ", ".join(f"{host}:{port}" for host, port in self._addresses)
        raise NoAddressError(f"no name server answers ({asked})")

    async def _exchange(self, query: bytes, server: tuple[str, int], patience_s: float) -> bytes | None:
        number = self._last_id = self._last_id % 65535 + 1
        waiting = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            # A question that the network does not take is lost on it, like any other that gets no answer.
            with contextlib.suppress(OSError):
                self._open().sendto(number.to_bytes(2, "big") + query[2:], server)
            async with asyncio.timeout(patience_s):
                response: bytes = await waiting
                return response
        except TimeoutError:
            return None
        finally:
            self._waiting.pop(number, None)

    def _open(self) -> socket.socket:
        if self._socket is None:
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self._socket.setblocking(False)
            asyncio.get_running_loop().add_reader(self._socket, self._receive, self._socket)
        return self._socket

    def _receive(self, opened: socket.socket) -> None:
        """All answers that are there: one in each turn of a busy loop would let those behind it grow old."""
        for _ in range(_BATCH):
            try:
                data, _ = opened.recvfrom(_RECEIVE_BYTES)
            except OSError:
                return
            waiting = self._waiting.get(int.from_bytes(data[:2], "big"))
            if waiting is not None and not waiting.done():
                waiting.set_result(data)

    def close(self) -> None:
        """Give up the socket."""
        if self._socket is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            self._socket = None


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
        addresses, ttl_s = await self._servers.ask(name, self._subnet, plan.patience_s)
        asked_s = self._clock.monotonic()
        if kept is None and plan.aged:
            kept_s = plan.kept_s(ttl_s)
            asked_s -= 0.0 if kept_s == float("inf") else self._fraction() * kept_s
        self._kept[name] = (addresses, asked_s, ttl_s)
        return addresses[0]


class OneAddress:
    """What a client of an application without a name has instead of a resolver: the address that it was given."""

    def __init__(self, address: str) -> None:
        self._address = address

    async def address(self, name: str) -> str:
        """That address, whatever is asked for."""
        return self._address


def _query(name: str, subnet: IPv6Network) -> bytes:
    place = dns.edns.ECSOption(str(subnet.network_address), subnet.prefixlen)
    return dns.message.make_query(name, dns.rdatatype.A, use_edns=0, payload=_PAYLOAD_BYTES, options=[place]).to_wire()


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
