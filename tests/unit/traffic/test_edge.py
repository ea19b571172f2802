"""The edge in front of real servers: routing, what is passed on, and what happens when a region is killed."""

import asyncio
import json
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from terrella.kernel import Connection
from terrella.testing import SeededIds
from terrella.traffic import Edge, RecordSet, Resolver, build_zones
from terrella.wire.http import HttpServer, Request, Response, SocketConnection, json_response

ADDRESSES = {"us-east-1": "127.0.1.1", "us-west-2": "127.0.2.1", "eu-west-1": "127.0.3.1"}


def weighted(name: str, regions: list[str], zone: str = "example.com") -> list[RecordSet]:
    return [
        RecordSet.from_cloudformation(
            logical_id="Record",
            physical_id=name,
            region=region,
            properties={
                "Name": name,
                "Type": "A",
                "HostedZoneName": zone,
                "SetIdentifier": region,
                "Weight": 1,
                "HealthCheckId": region,
                "AliasTarget": {"DNSName": f"d-1.execute-api.{region}.amazonaws.com", "EvaluateTargetHealth": True},
            },
        )
        for region in regions
    ]


class World:
    """Three regions on this machine behind an edge; each can be killed, made to hang, or be given another handler."""

    def __init__(self, records: list[RecordSet] | None = None) -> None:
        self.down: set[str] = set()
        zones = build_zones(weighted("items.example.com", list(ADDRESSES)) if records is None else records, ADDRESSES)
        self.resolver = Resolver(zones, lambda check: check not in self.down, SeededIds(5))
        self.handlers: dict[str, Callable[[Request], Awaitable[Response]]] = {}
        self.requests: list[tuple[str, Request]] = []
        self.opened: Counter[str] = Counter()
        self._servers: dict[str, HttpServer] = {}
        self._ports: dict[str, int] = {}
        self.edge = Edge(
            self.resolver,
            application_port=8080,
            open_connection=self._open,
            region_of_api={"api9": "eu-west-1", "lost": "ap-south-1"}.get,
            timeout_s=2.0,
            connect_timeout_s=0.2,
        )

    async def __aenter__(self) -> "World":
        for region, address in ADDRESSES.items():
            self._servers[region] = HttpServer(self._handler(region))
            self._ports[address] = await self._servers[region].listen("127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.edge.close()
        for server in self._servers.values():
            await server.close()

    async def kill(self, region: str) -> None:
        await self._servers[region].close()

    async def ask(
        self, method: str = "GET", target: str = "/items/1", host: str = "items.example.com", **more: Any
    ) -> Response:
        headers = [("host", host), *more.get("headers", [])]
        return await self.edge.handle(Request(method, target, headers, more.get("body", b""), "192.0.2.50"))

    def _handler(self, region: str) -> Callable[[Request], Awaitable[Response]]:
        async def handle(request: Request) -> Response:
            self.requests.append((region, request))
            if region in self.handlers:
                return await self.handlers[region](request)
            return json_response({"region": region, "body": request.body.decode()})

        return handle

    async def _open(self, address: str, port: int) -> Connection:
        assert port == 8080
        self.opened[address] += 1
        if address not in self._ports:
            await asyncio.Event().wait()
        return await SocketConnection.open("127.0.0.1", self._ports[address])

    def unreachable(self, region: str) -> None:
        """Connections to it hang."""
        del self._ports[ADDRESSES[region]]


def body(response: Response) -> dict[str, Any]:
    assert isinstance(response.body, bytes)
    found: dict[str, Any] = json.loads(response.body)
    return found


async def test_requests_follow_the_policy_and_say_where_they_went() -> None:
    async with World() as world:
        seen = Counter([(await world.ask()).header("x-terrella-region") for _ in range(90)])
        assert set(seen) == set(ADDRESSES)
        assert min(seen.values()) > 15
        assert sum(world.opened.values()) == 3, "connections are kept"
        world.down.add("us-east-1")
        world.resolver.invalidate()
        assert "us-east-1" not in {(await world.ask()).header("x-terrella-region") for _ in range(30)}


@pytest.mark.parametrize("host", ["items.example.com", "ITEMS.example.com.", "items.example.com:8080"])
async def test_a_host_of_the_world_is_kept(host: str) -> None:
    async with World() as world:
        assert (await world.ask(host=host)).status == 200
        assert world.requests[0][1].header("host") == host


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "[::1]:8080", ""])
async def test_any_other_host_means_the_one_application(host: str) -> None:
    async with World() as world:
        assert (await world.ask(host=host)).status == 200
        assert world.requests[0][1].header("host") == "items.example.com"
        assert world.requests[0][1].header("x-forwarded-host") == host


async def test_with_several_applications_or_none_the_host_must_tell() -> None:
    two = [*weighted("items.example.com", ["us-east-1"]), *weighted("shop.example.org", ["us-west-2"], "example.org")]
    async with World(two) as world:
        response = await world.ask(host="localhost")
        assert response.status == 404
        assert "send one of these as Host: items.example.com, shop.example.org" in body(response)["message"]
        assert (await world.ask(host="shop.example.org")).header("x-terrella-region") == "us-west-2"
    async with World([]) as world:
        response = await world.ask(host="shop.example.org")
        assert (response.status, "no record that leads to a region" in body(response)["message"]) == (404, True)


async def test_without_records_a_bare_address_means_any_region() -> None:
    async with World([]) as world:
        served = {(await world.ask(host="localhost")).header("x-terrella-region") for _ in range(40)}
        assert len(served) > 1


async def test_region_host_names_and_api_paths_go_to_their_region_alone() -> None:
    async with World() as world:
        host = "abc.execute-api.us-west-2.amazonaws.com"
        assert (await world.ask(host=host)).header("x-terrella-region") == "us-west-2"
        for _ in range(5):
            response = await world.ask(target="/_api/api9/prod/items?x=1", host="localhost:8080")
            assert response.header("x-terrella-region") == "eu-west-1"
        assert world.requests[-1][1].target == "/_api/api9/prod/items?x=1"
        for unknown in ("nosuch", "lost"):
            assert (await world.ask(target=f"/_api/{unknown}/prod")).status == 404
        await world.kill("eu-west-1")
        response = await world.ask(target="/_api/api9/prod/items")
        assert (response.status, body(response)["region"]) == (502, "eu-west-1")
        assert "eu-west-1 cannot be reached (connection refused)" in body(response)["message"]


async def test_headers_passed_on_and_left_out() -> None:
    async with World() as world:

        async def answer(_: Request) -> Response:
            headers = [("connection", "x-secret"), ("x-secret", "1"), ("keep-alive", "9")]
            return Response(
                201, [*headers, ("set-cookie", "a=1"), ("set-cookie", "b=2"), ("via", "1.1 inner")], b"made"
            )

        world.handlers = dict.fromkeys(ADDRESSES, answer)
        sent = [("x-forwarded-for", "198.51.100.7"), ("connection", "close, x-hop"), ("x-hop", "1"), ("accept", "*/*")]
        response = await world.ask("POST", "/items?a=%20b", body=b"{}", headers=sent)
        arrived = world.requests[0][1]
        assert (arrived.method, arrived.target, arrived.body) == ("POST", "/items?a=%20b", b"{}")
        assert arrived.header("x-forwarded-for") == "198.51.100.7, 192.0.2.50"
        assert arrived.header("x-forwarded-host") == "items.example.com"
        assert arrived.header("x-forwarded-proto") == "http"
        assert arrived.header("via") == "1.1 terrella"
        assert arrived.header("accept") == "*/*"
        assert arrived.header("x-hop", "gone") == "gone"
        assert (response.status, response.body) == (201, b"made")
        assert [value for name, value in response.headers if name == "set-cookie"] == ["a=1", "b=2"]
        assert response.header("via") == "1.1 inner, 1.1 terrella"
        assert response.header("x-secret", "gone") == "gone"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_when_a_region_is_killed_no_repeatable_request_fails(method: str) -> None:
    """DNS has not noticed: the verdicts stay as they were throughout."""
    async with World() as world:
        for _ in range(20):
            assert (await world.ask(method)).status == 200
        await world.kill("us-east-1")
        for _ in range(40):
            assert (await world.ask(method)).status == 200
        await world.kill("eu-west-1")
        assert {(await world.ask(method)).header("x-terrella-region") for _ in range(20)} == {"us-west-2"}
        await world.kill("us-west-2")
        response = await world.ask(method)
        assert response.status == 502
        assert body(response)["message"].count("cannot be reached") == 3


async def test_a_post_is_repeated_only_if_nothing_of_it_was_sent() -> None:
    async with World() as world:
        for _ in range(20):
            await world.ask()
        await world.kill("us-east-1")
        world.unreachable("us-west-2")
        world.requests.clear()
        for number in range(30):
            response = await world.ask("POST", body=b"%d" % number)
            assert (response.status, response.header("x-terrella-region")) == (200, "eu-west-1")
        assert [request.body for _, request in world.requests] == [b"%d" % number for number in range(30)]


async def test_a_region_that_dies_while_it_answers() -> None:
    """It has the request and breaks off: a GET is asked elsewhere, a POST is not."""
    async with World() as world:

        async def die(_: Request) -> Response:
            await world.kill("us-east-1")
            return Response()

        world.handlers["us-east-1"] = die
        world.down |= {"us-west-2", "eu-west-1"}
        world.resolver.invalidate()
        response = await world.ask("POST", body=b"once")
        assert response.status == 502
        assert "us-east-1 broke off" in body(response)["message"]
        assert "it may have been done" in body(response)["message"]
        assert len(world.requests) == 1

    async with World() as world:
        world.handlers["us-east-1"] = die
        world.down |= {"us-west-2", "eu-west-1"}
        world.resolver.invalidate()
        assert (await world.ask()).status == 200


async def test_a_region_that_hangs_answers_504() -> None:
    async with World() as world:

        async def hang(_: Request) -> Response:
            await asyncio.Event().wait()
            return Response()

        world.handlers = dict.fromkeys(ADDRESSES, hang)
        world.edge = Edge(world.resolver, application_port=8080, open_connection=world._open, timeout_s=0.05)
        for method in ("GET", "POST"):
            response = await world.ask(method, "/slow")
            assert response.status == 504
            assert f"{body(response)['region']} did not answer within 0.05 s" in body(response)["message"]
            assert ("may have been done" in body(response)["message"]) == (method == "POST")


async def test_a_region_that_is_catching_up_is_passed_over() -> None:
    async with World() as world:

        async def gate(_: Request) -> Response:
            return Response(503, [("retry-after", "1")], b"catching up")

        async def overloaded(_: Request) -> Response:
            return Response(503, [], b"application's own")

        world.handlers["us-east-1"] = gate
        assert {(await world.ask()).status for _ in range(20)} == {200}
        assert {(await world.ask("POST")).status for _ in range(30)} == {200, 503}, "who knows what it has done"
        world.handlers = dict.fromkeys(ADDRESSES, gate)
        response = await world.ask()
        assert (response.status, response.body) == (503, b"catching up")
        world.handlers = dict.fromkeys(ADDRESSES, overloaded)
        world.requests.clear()
        assert (await world.ask()).body == b"application's own"
        assert len(world.requests) == 1
