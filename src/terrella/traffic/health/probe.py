"""One probe of one endpoint, over whatever connects the checker's region with the endpoint's."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from terrella.kernel import Connection, Connector
from terrella.traffic.health.board import ANSWER_TIMEOUT_S, CONNECT_TIMEOUT_S
from terrella.traffic.health.checks import CheckKind, HealthCheck
from terrella.traffic.health.states import ProbeResult
from terrella.wire.http import HttpClient, HttpError, Request

TCP_TIMEOUT_S = 10.0
SEARCHED_BYTES = 5120
_WEB_PORTS = (80, 443)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a check's probes go: a region and a port there, and the Host header that is sent."""

    region: str
    port: int
    host: str


def endpoint_of(check: HealthCheck, region: str, application_port: int) -> Endpoint:
    """The endpoint of a check in a region. The web's own ports (80, 443) are the world's application port."""
    asked = check.port or (443 if check.kind.value.startswith("HTTPS") else 80)
    host = check.name or check.address or ""
    is_default = asked == (443 if check.kind.value.startswith("HTTPS") else 80)
    return Endpoint(
        region, application_port if asked in _WEB_PORTS else asked, host if is_default else f"{host}:{asked}"
    )


async def probe(
    check: HealthCheck, endpoint: Endpoint, connector: Connector, checker: str, timeout_scale: float
) -> ProbeResult:
    """Probe once, on a new connection; never raises for what the network or the endpoint does."""
    limit_s = (TCP_TIMEOUT_S if check.kind is CheckKind.TCP else CONNECT_TIMEOUT_S) * timeout_scale
    try:
        connection = await connector.connect(endpoint.region, endpoint.port, limit_s)
    except TimeoutError:
        return ProbeResult(ok=False, reason=f"no connection within {limit_s:g} s")
    except ConnectionRefusedError:
        return ProbeResult(ok=False, reason="connection refused")
    except OSError as error:
        return ProbeResult(ok=False, reason=f"no connection: {error}")
    try:
        if check.kind is CheckKind.TCP:
            return ProbeResult(ok=True, reason="connected")
        return await _ask(check, endpoint, connection, checker, ANSWER_TIMEOUT_S * timeout_scale)
    except TimeoutError:
        return ProbeResult(ok=False, reason=f"no answer within {ANSWER_TIMEOUT_S * timeout_scale:g} s")
    except HttpError as error:
        return ProbeResult(ok=False, reason=str(error))
    except OSError as error:
        return ProbeResult(ok=False, reason=f"connection broken: {error}")
    finally:
        connection.close()


async def _ask(
    check: HealthCheck, endpoint: Endpoint, connection: Connection, checker: str, limit_s: float
) -> ProbeResult:
    async def opened() -> Connection:
        return connection

    headers = [
        ("host", endpoint.host),
        ("user-agent", f"Amazon-Route53-Health-Check-Service (ref {check.id}; terrella in {checker})"),
        ("accept", "*/*"),
        ("accept-encoding", "*"),
        ("connection", "close"),
    ]
    response, body = await HttpClient(opened, max_idle=0).stream(Request("GET", check.path, headers), limit_s)
    if not 200 <= response.status <= 399:
        return ProbeResult(ok=False, reason=f"HTTP {response.status} instead of 2xx/3xx")
    if not check.search:
        return ProbeResult(ok=True, reason=f"HTTP {response.status}")
    async with asyncio.timeout(limit_s):
        found = check.search.encode() in await _beginning(body)
    if not found:
        return ProbeResult(ok=False, reason=f"the body's first {SEARCHED_BYTES} bytes lack {check.search!r}")
    return ProbeResult(ok=True, reason=f"HTTP {response.status} with {check.search!r}")


async def _beginning(body: AsyncIterator[bytes]) -> bytes:
    beginning = b""
    async for chunk in body:
        beginning += chunk
        if len(beginning) >= SEARCHED_BYTES:
            break
    return beginning[:SEARCHED_BYTES]
