"""A world in miniature: a real name server and a real HTTP server for each region, on loopback, in this process."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from terrella.gameday.load import LoadGenerator, LoadPlan, Sample, WorldAddresses
from terrella.kernel import SystemClock
from terrella.testing import SeededIds
from terrella.traffic import NameServer, RecordSet, Resolver, build_zones
from terrella.wire.http import HttpServer, Request, Response, json_response

ADDRESSES = {"us-east-1": "127.0.1.1", "eu-west-1": "127.0.2.1"}
NAME = "items.example.com"


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition that the load brings about."""
    deadline_s = asyncio.get_running_loop().time() + 30
    while not holds():
        assert asyncio.get_running_loop().time() < deadline_s, "waited 30 s in vain"
        await asyncio.sleep(0.005)


def latency_record(region: str) -> RecordSet:
    return RecordSet.from_cloudformation(
        logical_id="Record",
        physical_id=region,
        region=region,
        properties={
            "Name": NAME,
            "Type": "A",
            "HostedZoneName": "example.com",
            "SetIdentifier": region,
            "Region": region,
            "HealthCheckId": region,
            "AliasTarget": {
                "DNSName": f"d-1.execute-api.{region}.amazonaws.com",
                "EvaluateTargetHealth": False,
            },
        },
    )


@dataclass
class Miniature:
    """Regions that store items by id. ``forgets`` are ids that a region does not show."""

    addresses: WorldAddresses
    resolver: Resolver
    servers: dict[str, HttpServer] = field(default_factory=dict)
    items: dict[str, str] = field(default_factory=dict)
    forgets: dict[str, set[str]] = field(default_factory=dict)
    unhealthy: set[str] = field(default_factory=set)
    forgets_everything: bool = False
    waiting: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def answer(self, region: str, request: Request) -> Response:
        self.waiting += 1
        await self.gate.wait()
        assert request.header("host") == self.addresses.host_of(ADDRESSES[region])
        if request.method == "POST":
            item = json.loads(request.body)
            self.items[item["id"]] = item["message"]
            return json_response({**item, "served_by": region}, 201)
        item_id = request.path.removeprefix("/items/")
        if self.forgets_everything or item_id not in self.items or item_id in self.forgets.get(region, ()):
            return json_response({"error": "no such item"}, 404)
        return json_response({"id": item_id, "message": self.items[item_id], "served_by": region})

    async def kill(self, region: str) -> None:
        """Nobody listens there any more, and the health check has noticed."""
        await self.servers[region].close()
        self.unhealthy.add(region)
        self.resolver.invalidate()

    async def play(self, generator: LoadGenerator) -> None:
        try:
            await generator.run()
        finally:
            await generator.close()

    def generator(self, plan: LoadPlan, seed: int = 1) -> tuple[LoadGenerator, list[Sample]]:
        samples: list[Sample] = []
        return LoadGenerator(plan, self.addresses, SystemClock(), seed, samples.append), samples


@contextlib.asynccontextmanager
async def miniature() -> AsyncIterator[Miniature]:
    unhealthy: set[str] = set()
    zones = build_zones([latency_record(region) for region in ADDRESSES], ADDRESSES)
    resolver = Resolver(zones, lambda check: check not in unhealthy, SeededIds(3))
    name_server = NameServer(resolver)
    dns_port = await name_server.listen("127.0.0.1", 0)
    world = Miniature(WorldAddresses(NAME, ADDRESSES, 0, (), frozenset(ADDRESSES)), resolver, unhealthy=unhealthy)
    world.gate.set()
    port = 0
    for region, address in ADDRESSES.items():

        async def handler(request: Request, region: str = region) -> Response:
            return await world.answer(region, request)

        server = world.servers[region] = HttpServer(handler, region)
        port = await server.listen(address, port)
    world.addresses = WorldAddresses(NAME, ADDRESSES, port, (("127.0.0.1", dns_port),), frozenset(ADDRESSES))
    try:
        yield world
    finally:
        world.gate.set()
        for server in world.servers.values():
            await server.close()
        await name_server.close()
