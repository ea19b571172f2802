"""A customer of the application: looks its name up by DNS, connects to the address it got, and feels the distance."""

import http.client
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Network
from typing import Any, Protocol

import dns.edns
import dns.exception
import dns.message
import dns.query
import dns.rdatatype
import msgspec

from terrella.kernel import Clock
from terrella.testing.plugin.errors import WorldError

DNS_PATIENCE_S = 2.0
Headers = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Response:
    """What a customer got. ``region`` is the region that served it, or was tried; empty if none was found.

    ``status`` is 0 if no response came, and ``error`` says why. ``headers`` have names in lower case. ``took_s`` is
    what the customer waited, the distance included.
    """

    status: int
    region: str
    headers: Headers = field(default_factory=dict)
    body: bytes = b""
    took_s: float = 0.0
    error: str = ""

    @property
    def ok(self) -> bool:
        """Whether the status is 2xx or 3xx."""
        return 200 <= self.status < 400

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON. Raises ``WorldError`` if it is none."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError as error:
            raise WorldError(f"expected JSON, found {self!r} ({error})") from error

    def __repr__(self) -> str:
        what = self.error or self.text.strip()[:120]
        return f"<{self.status or 'no response'} from {self.region or 'nowhere'}: {what}>"


class Directory(Protocol):
    """What a client needs to know of a world."""

    @property
    def application_port(self) -> int:
        """Where regions and the front door serve the application."""
        ...

    @property
    def edge(self) -> str:
        """The front door's address."""
        ...

    @property
    def subnet(self) -> IPv6Network | None:
        """What resolvers say of where this client is (EDNS client subnet, RFC 7871)."""
        ...

    def region_at(self, address: str) -> str:
        """The region that has an address; empty for none."""
        ...

    def address_of(self, region: str) -> str:
        """A region's address."""
        ...

    def name_servers(self) -> list[tuple[str, int]]:
        """Name servers' addresses and ports, in the order in which this client asks them."""
        ...

    def one_way_s(self, region: str) -> float:
        """How far it is from the client to a region."""
        ...


class HttpClient:
    """Requests from one place. ``name`` is the application's global name (None: it has none, and the edge is asked).

    ``fixed`` is a region that is asked whatever DNS says; ``because`` says why, where no answer comes. Answers of DNS
    are kept for their TTL, as resolvers do (profile ``fast`` has TTLs of 0). Each request opens a connection of its own
    and is sent once: a test sees what happened, not what a retry made of it.
    """

    def __init__(
        self, directory: Directory, name: str | None, clock: Clock, fixed: str | None = None, because: str = ""
    ) -> None:
        self._directory = directory
        self._name = name
        self._clock = clock
        self._fixed = fixed
        self._because = f" ({because})" if because else ""
        self._kept: tuple[list[str], float] = ([], float("-inf"))

    def get(self, path: str, *, headers: Headers | None = None, timeout_s: float = 15.0) -> Response:
        """GET."""
        return self.request("GET", path, headers=headers, timeout_s=timeout_s)

    def post(self, path: str, json: Any = None, *, headers: Headers | None = None, timeout_s: float = 15.0) -> Response:
        """POST ``json``."""
        return self.request("POST", path, json=json, headers=headers, timeout_s=timeout_s)

    def put(self, path: str, json: Any = None, *, headers: Headers | None = None, timeout_s: float = 15.0) -> Response:
        """PUT ``json``."""
        return self.request("PUT", path, json=json, headers=headers, timeout_s=timeout_s)

    def patch(
        self, path: str, json: Any = None, *, headers: Headers | None = None, timeout_s: float = 15.0
    ) -> Response:
        """PATCH ``json``."""
        return self.request("PATCH", path, json=json, headers=headers, timeout_s=timeout_s)

    def delete(self, path: str, *, headers: Headers | None = None, timeout_s: float = 15.0) -> Response:
        """DELETE."""
        return self.request("DELETE", path, headers=headers, timeout_s=timeout_s)

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        body: bytes | str = b"",
        headers: Headers | None = None,
        timeout_s: float = 15.0,
    ) -> Response:
        """One request. What goes wrong on the way is told (status 0), not raised."""
        sent = {"content-type": "application/json"} if json is not None else {}
        content = msgspec.json.encode(json) if json is not None else body.encode() if isinstance(body, str) else body
        if self._name is not None:
            sent["host"] = self._name
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        begun_s = self._clock.monotonic()
        response = Response(0, "", error="no address")
        try:
            addresses = self.resolve()
        except WorldError as error:
            return Response(0, "", took_s=self._clock.monotonic() - begun_s, error=str(error))
        for address in addresses:
            response = self._send(address, method, path, content, sent, timeout_s, begun_s)
            if response.status or "refused" not in response.error:
                break  # the next address of an answer is for when nobody listens at this one
        return response

    def resolve(self) -> list[str]:
        """The addresses that this client would try now, first one first. Raises ``WorldError`` if DNS has none."""
        if self._fixed is not None:
            return [self._directory.address_of(self._fixed)]
        if self._name is None:
            return [self._directory.edge]
        addresses, until_s = self._kept
        if self._clock.monotonic() < until_s:
            return addresses
        addresses, ttl_s = self._ask(self._name)
        self._kept = (addresses, self._clock.monotonic() + ttl_s)
        return addresses

    def _ask(self, name: str) -> tuple[list[str], float]:
        reasons = []
        subnet = self._directory.subnet
        options: list[dns.edns.Option] = []
        if subnet is not None:
            options.append(dns.edns.ECSOption(str(subnet.network_address), subnet.prefixlen))
        query = dns.message.make_query(name, dns.rdatatype.A, use_edns=0, options=options)
        for host, port in self._directory.name_servers():
            try:
                answer = dns.query.udp(query, host, port=port, timeout=DNS_PATIENCE_S)
            except (OSError, dns.exception.DNSException) as error:
                reasons.append(f"{host}: {error}")
                continue
            sets = [rrset for rrset in answer.answer if rrset.rdtype == dns.rdatatype.A]
            if sets:
                return [str(each.address) for rrset in sets for each in rrset], float(min(one.ttl for one in sets))
            reasons.append(f"{host}: {name} has no address")
        raise WorldError(f"DNS gave no address for {name} ({'; '.join(reasons) or 'no name server answers'})")

    def _send(
        self,
        address: str,
        method: str,
        path: str,
        body: bytes,
        headers: dict[str, str],
        timeout_s: float,
        begun_s: float,
    ) -> Response:
        region = self._directory.region_at(address)
        one_way_s = self._directory.one_way_s(region)
        connection = http.client.HTTPConnection(address, self._directory.application_port, timeout=timeout_s)
        try:
            time.sleep(2 * one_way_s)  # the handshake of TCP
            connection.connect()
            time.sleep(one_way_s)
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            time.sleep(one_way_s)
        except (OSError, http.client.HTTPException) as error:
            took_s = self._clock.monotonic() - begun_s
            return Response(0, region, took_s=took_s, error=f"{type(error).__name__}: {error}{self._because}")
        finally:
            connection.close()
        got = {name.lower(): value for name, value in answer.getheaders()}
        served = got.get("x-terrella-region", region)
        return Response(answer.status, served, got, content, self._clock.monotonic() - begun_s)
