"""What a customer at a vantage point does, against a name server and regions that are sockets of this test."""

import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, HTTPServer
from ipaddress import IPv6Network
from socket import AF_INET, SOCK_DGRAM, socket

import dns.message
import dns.rrset
import pytest

from terrella.kernel import CITIES, VantagePoint
from terrella.testing import ManualClock
from terrella.testing.plugin.errors import WorldError
from terrella.testing.plugin.http import HttpClient, Response

ADDRESSES = {"127.0.0.1": "us-east-1", "127.0.0.2": "eu-west-1"}


class _Echo(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.send_response(201)
        self.send_header("X-Host", str(self.headers["host"]))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the overridden method's own name
        """Be quiet."""


class _World:
    """One region answers, at the first address; the name server gives ``answers`` with a TTL of a minute."""

    def __init__(self, application_port: int, dns_socket: socket) -> None:
        self.application_port = application_port
        self.edge = "127.0.0.1"
        self.answers = ["127.0.0.1"]
        self.asked = 0
        self.place: VantagePoint | None = None
        self.places: list[str] = []
        self._dns = dns_socket

    def serve_dns(self) -> None:
        while True:
            try:
                packet, whence = self._dns.recvfrom(4096)
            except OSError:
                return
            if packet == b"stop":
                return
            self.asked += 1
            query = dns.message.from_wire(packet)
            self.places += [option.to_text() for option in query.options]
            answer = dns.message.make_response(query)
            if self.answers:
                answer.answer.append(dns.rrset.from_text(query.question[0].name, 60, "IN", "A", *self.answers))
            self._dns.sendto(answer.to_wire(), whence)

    def stop(self) -> None:
        self._dns.sendto(b"stop", self._dns.getsockname())

    @property
    def subnet(self) -> IPv6Network | None:
        return self.place.subnet if self.place is not None else None

    def region_at(self, address: str) -> str:
        return ADDRESSES.get(address, "")

    def address_of(self, region: str) -> str:
        return next(address for address, name in ADDRESSES.items() if name == region)

    def name_servers(self) -> list[tuple[str, int]]:
        return [self._dns.getsockname()]

    def one_way_s(self, region: str) -> float:
        return 0.0


@pytest.fixture
def world() -> Iterator[_World]:
    server = HTTPServer(("127.0.0.1", 0), _Echo)
    with closing(socket(AF_INET, SOCK_DGRAM)) as names, server:
        names.bind(("127.0.0.1", 0))
        found = _World(server.server_address[1], names)
        threads = [threading.Thread(target=server.serve_forever), threading.Thread(target=found.serve_dns)]
        for thread in threads:
            thread.start()
        yield found
        server.shutdown()
        found.stop()
        for thread in threads:
            thread.join()


def test_a_request_goes_where_dns_leads_under_the_applications_name(world: _World) -> None:
    response = HttpClient(world, "shop.example.com", ManualClock()).post("/", {"a": 1})
    assert (response.status, response.region, response.json()) == (201, "us-east-1", {"a": 1})
    assert response.headers["x-host"] == "shop.example.com"


def test_a_name_server_is_told_where_the_client_is(world: _World) -> None:
    world.place = CITIES["frankfurt"]
    HttpClient(world, "shop.example.com", ManualClock()).resolve()
    (told,) = world.places
    assert str(CITIES["frankfurt"].subnet.network_address) in told


def test_an_address_is_kept_for_its_ttl(world: _World) -> None:
    clock = ManualClock()
    client = HttpClient(world, "shop.example.com", clock)
    assert [client.post("/", {}).ok for _ in range(2)] == [True, True]
    assert world.asked == 1
    clock.advance(61)
    assert client.post("/", {}).ok
    assert world.asked == 2


def test_the_next_address_is_tried_where_nobody_listens_at_the_first(world: _World) -> None:
    world.answers = ["127.0.0.2", "127.0.0.1"]
    assert HttpClient(world, "shop.example.com", ManualClock()).post("/", {}).region == "us-east-1"


def test_what_goes_wrong_is_told_and_not_raised(world: _World) -> None:
    response = HttpClient(world, None, ManualClock(), "eu-west-1").post("/", {})
    assert (response.status, response.ok, response.region) == (0, False, "eu-west-1")
    assert "refused" in repr(response)
    with pytest.raises(WorldError, match="expected JSON"):
        response.json()
    world.answers = []
    response = HttpClient(world, "shop.example.com", ManualClock()).get("/")
    assert (response.status, response.region) == (0, "")
    assert "has no address" in response.error


def test_a_response_shows_what_it_was() -> None:
    assert repr(Response(503, "eu-west-1", body=b"catching up")) == "<503 from eu-west-1: catching up>"
