"""What an operator does to a running world, over HTTP like anyone else: look, break, mend."""

import asyncio
from typing import Any
from urllib.parse import quote

import boto3
import msgspec
from botocore.config import Config

from terrella.gameday.faults import ClientConditions, Order
from terrella.kernel import TerrellaError
from terrella.wire.http import fetch

_CONTROL = [("x-terrella-control", "1")]


class Operator:
    """Talks to the front door at ``host:port`` and to the regions at their own ``addresses``.

    With ``lease_s``, a fault that it injects ends by itself so long after it was injected or last renewed
    (``renew_faults``): then nothing stays broken when the operator dies. ``clients`` is what the load goes by.
    """

    def __init__(self, host: str, port: int, addresses: dict[str, str], *, lease_s: float | None = None) -> None:
        self._host = host
        self._port = port
        self.addresses = addresses
        self._clients: dict[tuple[str, str], Any] = {}
        self._lease_s = lease_s
        self._injected: dict[str, None] = {}
        self.clients = ClientConditions()

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

    async def inject_fault(self, fault_id: str, order: Order) -> Any:
        """Have the supervisor break something; answers it as ``terrella status`` shows it. Raises ``TerrellaError``."""
        body = {
            "id": fault_id,
            "kind": order.kind,
            "parameters": order.parameters,
            "regions": list(order.regions),
            "lease_s": self._lease_s,
        }
        self._injected[fault_id] = None  # before it is asked for: the answer may be lost
        answer = await self._call("POST", self._host, "faults", body)
        if "done" in answer:  # a worker that is killed: over at once
            self._injected.pop(fault_id)
        return answer

    async def end_fault(self, fault_id: str) -> Any:
        """Have it mended; without effect if there is no such fault. Raises ``TerrellaError``."""
        self._injected.pop(fault_id, None)
        return await self._call("DELETE", self._host, f"faults/{quote(fault_id, safe='')}")

    async def renew_faults(self) -> list[str]:
        """What this operator has injected and not ended goes on for another lease. Raises ``TerrellaError``.

        Answers those that had ended by themselves.
        """
        if self._lease_s is None or not self._injected:
            return []
        asked = list(self._injected)
        answer = await self._call("POST", self._host, "faults/renew", {"ids": asked, "lease_s": self._lease_s})
        return [fault_id for fault_id in answer["unknown"] if fault_id in self._injected]

    async def end_faults(self) -> None:
        """Mend everything that this operator has injected and not ended. Raises ``TerrellaError``."""
        for fault_id in list(self._injected):
            await self.end_fault(fault_id)

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
