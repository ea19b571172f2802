"""What an operator does to a running world, over HTTP like anyone else: look, break, mend."""

import asyncio
from typing import Any

import boto3
import msgspec
from botocore.config import Config

from terrella.kernel import TerrellaError
from terrella.wire.http import fetch

_CONTROL = [("x-terrella-control", "1")]


class Operator:
    """Talks to the front door at ``host:port`` and to the regions at their own ``addresses``."""

    def __init__(self, host: str, port: int, addresses: dict[str, str]) -> None:
        self._host = host
        self._port = port
        self.addresses = addresses
        self._clients: dict[tuple[str, str], Any] = {}

    def boto3(self, service: str, region: str) -> Any:
        """A boto3 client for one region, through the front door's endpoint, as a user's own would be."""
        key = (service, region)
        if key not in self._clients:
            self._clients[key] = boto3.client(
                service,
                region_name=region,
                endpoint_url=f"http://{self._host}:{self._port}",
                aws_access_key_id="operator",
                aws_secret_access_key="operator",  # noqa: S106 - loopback takes any credentials
                config=Config(retries={"mode": "standard", "total_max_attempts": 2}, read_timeout=10),
            )
        return self._clients[key]

    async def aws(self, service: str, region: str, operation: str, **parameters: Any) -> Any:
        """One boto3 call, off the event loop."""
        return await asyncio.to_thread(getattr(self.boto3(service, region), operation), **parameters)

    async def status(self) -> Any:
        """The front door's view of the whole world."""
        return await self._call("GET", self._host, "status")

    async def region(self, region: str, target: str) -> Any:
        """Ask one region itself."""
        return await self._call("GET", self.addresses[region], target)

    async def kill(self, region: str) -> Any:
        """SIGKILL the region and hold it down."""
        return await self._call("POST", self._host, "kill", {"region": region})

    async def restore(self, region: str) -> Any:
        """Start it again."""
        return await self._call("POST", self._host, "restore", {"region": region})

    async def link(self, a: str, b: str, **changes: Any) -> Any:
        """Change the link between two regions, both ways: ``cut=True``, ``delay_ms=200``, ``heal=True``."""
        return await self._call("POST", self._host, "links", {"a": a, "b": b, **changes})

    async def _call(self, method: str, host: str, target: str, body: Any = None) -> Any:
        response = await fetch(
            method,
            host,
            self._port,
            f"/_terrella/{target}",
            [*_CONTROL, ("content-type", "application/json")],
            msgspec.json.encode(body) if body is not None else b"",
        )
        assert isinstance(response.body, bytes)
        if response.status >= 300:
            raise TerrellaError(f"{method} {target} at {host}: {response.status} {response.body.decode()[:300]}")
        return msgspec.json.decode(response.body)
