"""The edge sends each request to a region, and a request that is safe to repeat to another if the first fails.

What is never done: to send a request that may change something a second time, once a byte of it may have arrived.
"""

import asyncio
from collections.abc import Awaitable, Callable

from terrella.kernel import Connection
from terrella.traffic.edge.headers import REGION_HEADER, forwarded, returned
from terrella.traffic.edge.routing import NoRoute, route
from terrella.traffic.resolver import Resolver
from terrella.wire.http import HttpClient, Request, Response, SocketConnection, json_response

OpenConnection = Callable[[str, int], Awaitable[Connection]]
_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
_NOT_YET = 503


class _NotConnectedError(ConnectionError):
    """No connection could be opened: nothing of the request was sent."""


class Edge:
    """``handle`` answers every request at the front door's application port.

    ``open_connection(address, port)`` reaches a region; ``region_of_api`` tells the region that has an API id;
    ``timeout_s`` is for a whole answer (API Gateway's own limit is 29 s), ``connect_timeout_s`` for a connection.
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        application_port: int,
        open_connection: OpenConnection = SocketConnection.open,
        region_of_api: Callable[[str], str | None] = lambda _: None,
        timeout_s: float = 30.0,
        connect_timeout_s: float = 2.0,
    ) -> None:
        self._resolver = resolver
        self._port = application_port
        self._open = open_connection
        self._region_of_api = region_of_api
        self._timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._pools: dict[str, HttpClient] = {}

    async def handle(self, request: Request) -> Response:
        """Pass a request on to a region that may answer it, and its answer back."""
        found = route(self._resolver, request.header("host"), request.path, self._region_of_api)
        if isinstance(found, NoRoute):
            return json_response({"message": found.message}, found.status)
        outgoing = forwarded(request, found.host)
        failed: list[str] = []
        not_yet: Response | None = None
        for region in found.regions:
            try:
                response = await self._send(region, outgoing)
            except TimeoutError:
                return self._failure(
                    504, region, outgoing, f"{region} did not answer within {self._timeout_s:g} s", sent=True
                )
            except _NotConnectedError as error:
                failed.append(f"{region} cannot be reached ({error})")
            except ConnectionError as error:
                failed.append(f"{region} broke off ({error})")
                if outgoing.method not in _REPEATABLE:
                    return self._failure(502, region, outgoing, "; ".join(failed), sent=True)
            else:
                if not _is_gate(response) or outgoing.method not in _REPEATABLE:
                    return returned(response, region)
                not_yet = returned(response, region)
        if not_yet is not None:
            return not_yet
        return self._failure(502, found.regions[-1], outgoing, "; ".join(failed), sent=False)

    def close(self) -> None:
        """Close the kept connections."""
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()

    async def _send(self, region: str, request: Request) -> Response:
        address = self._resolver.zones.addresses[region]
        if request.method not in _REPEATABLE:
            # Always on a connection of its own: that a kept one is dead shows only after the request was sent on it.
            return await HttpClient(lambda: self._connect(address), max_idle=0).send(request, self._timeout_s)
        pool = self._pools.get(address)
        if pool is None:
            pool = self._pools[address] = HttpClient(lambda: self._connect(address))
        return await pool.send(request, self._timeout_s)

    async def _connect(self, address: str) -> Connection:
        try:
            async with asyncio.timeout(self._connect_timeout_s):
                return await self._open(address, self._port)
        except TimeoutError as error:
            raise _NotConnectedError(f"no connection within {self._connect_timeout_s:g} s") from error
        except ConnectionRefusedError as error:
            raise _NotConnectedError("connection refused") from error
        except OSError as error:
            raise _NotConnectedError(str(error)) from error

    def _failure(self, status: int, region: str, request: Request, why: str, *, sent: bool) -> Response:
        unsure = "; it may have been done" if sent and request.method not in _REPEATABLE else ""
        response = json_response(
            {"message": f"{request.method} {request.path}: {why}{unsure}", "region": region}, status
        )
        response.headers.append((REGION_HEADER, region))
        return response


def _is_gate(response: Response) -> bool:
    """Whether a region says that it does not take traffic yet, as one does that is still catching up."""
    return response.status == _NOT_YET and bool(response.header("retry-after"))
