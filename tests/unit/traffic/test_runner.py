"""The checker against real servers: what it sends, what it makes of the answers, and how it bears slow ones."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from terrella.kernel import PROFILES, Connection, SystemClock
from terrella.testing import SeededIds
from terrella.traffic import CheckerRunner, CheckKind, HealthCheck, Observation, ProbeResult
from terrella.wire.hostnames import region_of_hostname
from terrella.wire.http import HttpServer, Request, Response, SocketConnection

APPLICATION_PORT = 8080
PROFILE = replace(PROFILES["fast"], health_check_interval_scale=0.001, health_check_timeout_scale=0.05)


class Endpoints:
    """Stands in for the links: region and port to a port on this machine."""

    def __init__(self) -> None:
        self.ports: dict[tuple[str, int], int] = {}
        self.opened = 0

    async def connect(self, region: str, port: int, timeout_s: float) -> Connection:
        self.opened += 1
        if (region, port) not in self.ports:
            async with asyncio.timeout(timeout_s):
                await asyncio.Event().wait()
        return await SocketConnection.open("127.0.0.1", self.ports[region, port], timeout_s)


def check(**config: Any) -> HealthCheck:
    base = {"Type": "HTTP", "FullyQualifiedDomainName": "a.execute-api.us-east-1.amazonaws.com", "RequestInterval": 10}
    return HealthCheck.from_cloudformation(
        logical_id="Check", physical_id="c", region="us-east-1", properties={"HealthCheckConfig": {**base, **config}}
    )


class Checker:
    """A runner whose observations can be awaited."""

    def __init__(self, endpoints: Endpoints, locate: Callable[[str], str | None] = region_of_hostname) -> None:
        self.heard: asyncio.Queue[Observation] = asyncio.Queue()
        self.runner = CheckerRunner(
            "eu-west-1",
            endpoints,
            PROFILE,
            APPLICATION_PORT,
            locate=locate,
            report=self.heard.put_nowait,
            clock=SystemClock(),
            ids=SeededIds(),
        )

    async def until(self, healthy: bool) -> str:
        """Wait for an observation; its reason."""
        async with asyncio.timeout(60):
            while (observation := await self.heard.get()).healthy != healthy:
                pass
            return observation.reason


async def serve(
    endpoints: Endpoints, handler: Callable[[Request], Response], port: int = APPLICATION_PORT
) -> HttpServer:
    async def handle(request: Request) -> Response:
        return handler(request)

    server = HttpServer(handle)
    endpoints.ports["us-east-1", port] = await server.listen("127.0.0.1", 0)
    return server


async def test_status_decides_and_probes_look_like_route_53_s() -> None:
    endpoints, status, seen = Endpoints(), 200, list[Request]()

    def answer(request: Request) -> Response:
        seen.append(request)
        return Response(status)

    server = await serve(endpoints, answer)
    checker = Checker(endpoints)
    checker.runner.set_checks([check(Type="HTTPS", ResourcePath="/prod/health?deep=1")])
    assert await checker.until(healthy=True) == "HTTP 200"
    assert seen[0].target == "/prod/health?deep=1"
    assert seen[0].header("host") == "a.execute-api.us-east-1.amazonaws.com"
    assert "Amazon-Route53-Health-Check-Service" in seen[0].header("user-agent")
    assert "terrella" in seen[0].header("user-agent")
    assert endpoints.opened >= len(seen), "a new connection for each probe"
    status = 400
    assert await checker.until(healthy=False) == "HTTP 400 instead of 2xx/3xx"
    assert checker.runner.observations() == [Observation("c", False, "HTTP 400 instead of 2xx/3xx")]
    status = 302
    assert await checker.until(healthy=True) == "HTTP 302"
    await server.close()
    assert await checker.until(healthy=False) == "connection refused"
    await checker.runner.close()


@pytest.mark.parametrize(
    ("config", "body", "reason"),
    [
        ({"Type": "HTTP_STR_MATCH", "SearchString": "all well"}, b"all well here", "HTTP 200 with 'all well'"),
        ({"Type": "HTTP_STR_MATCH", "SearchString": "end"}, b"x" * 5117 + b"end", "HTTP 200 with 'end'"),
        (
            {"Type": "HTTPS_STR_MATCH", "SearchString": "end"},
            b"x" * 5118 + b"end",
            "the body's first 5120 bytes lack 'end'",
        ),
        ({"Type": "HTTP_STR_MATCH", "SearchString": "OK"}, b"ok", "the body's first 5120 bytes lack 'OK'"),
        ({"Type": "TCP", "Port": 443}, b"", "connected"),
    ],
)
async def test_bodies_and_bare_connections(config: dict[str, Any], body: bytes, reason: str) -> None:
    endpoints = Endpoints()
    server = await serve(endpoints, lambda _: Response(200, body=body))
    checker = Checker(endpoints)
    checker.runner.set_checks([check(**config)])
    assert await checker.until(healthy="lack" not in reason) == reason
    await checker.runner.close()
    await server.close()


async def test_ports_of_their_own_names_and_addresses() -> None:
    endpoints, hosts = Endpoints(), list[str]()

    def answer(request: Request) -> Response:
        hosts.append(request.header("host"))
        return Response()

    server = await serve(endpoints, answer, port=9000)
    checker = Checker(endpoints, locate={"127.0.1.1": "us-east-1"}.get)
    checker.runner.set_checks([check(IPAddress="127.0.1.1", FullyQualifiedDomainName="items.example.com", Port=9000)])
    await checker.until(healthy=True)
    assert hosts[0] == "items.example.com:9000"
    checker.runner.set_checks([check(FullyQualifiedDomainName="elsewhere.example.org")])
    assert "elsewhere.example.org leads to no region of this world" in await checker.until(healthy=False)
    await checker.runner.close()
    await server.close()


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (b"", "the connection closed before the response was complete"),
        (b"220 mail.example.com ESMTP\r\n", "not an HTTP response"),
    ],
)
async def test_what_is_no_http(said: bytes, reason: str) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(said)
        writer.close()

    endpoints = Endpoints()
    server = await asyncio.start_server(speak, "127.0.0.1", 0)
    endpoints.ports["us-east-1", APPLICATION_PORT] = server.sockets[0].getsockname()[1]
    checker = Checker(endpoints)
    checker.runner.set_checks([check(FailureThreshold=1)])
    while reason not in (found := await checker.until(healthy=False)):
        assert "within" in found, "a busy machine may be too slow for a probe"
    await checker.runner.close()
    server.close()


async def test_an_endpoint_that_hangs_is_unhealthy_and_its_probes_are_bounded() -> None:
    """First while connecting (a cut link), then with the connection open."""
    endpoints = Endpoints()
    checker = Checker(endpoints)
    checker.runner.set_checks([check()])
    assert await checker.until(healthy=False) == "no connection within 0.2 s"
    assert 3 <= endpoints.opened <= 20, "probes overlap, but only so many"

    async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(hang, "127.0.0.1", 0)
    endpoints.ports["us-east-1", APPLICATION_PORT] = server.sockets[0].getsockname()[1]
    async with asyncio.timeout(60):
        while (await checker.heard.get()).reason != "no connection within 0.2 s":
            pass
        while (await checker.heard.get()).reason != "no answer within 0.1 s":
            pass
    await checker.runner.close()
    server.close()


async def test_a_disabled_or_calculated_check_is_not_probed() -> None:
    endpoints = Endpoints()
    checker = Checker(endpoints)
    calculated = replace(check(), id="sum", kind=CheckKind.CALCULATED, children=("c",))
    checker.runner.set_checks([check(Disabled=True), calculated])
    await asyncio.sleep(0)
    assert checker.runner.observations() == []
    assert endpoints.opened == 0
    await checker.runner.close()


async def test_a_checker_that_is_told_what_to_find_does_not_look() -> None:
    endpoints = Endpoints()
    checker = Checker(endpoints)
    asked: list[str] = []

    def told(_check: HealthCheck, region: str) -> ProbeResult:
        asked.append(region)
        return ProbeResult(ok=False, reason="on purpose")

    checker.runner.interference = told
    checker.runner.set_checks([check()])
    assert await checker.until(healthy=False) == "on purpose"
    assert (set(asked), endpoints.opened) == ({"us-east-1"}, 0)
    await checker.runner.close()
