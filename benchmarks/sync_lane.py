"""The lane sync: what a write and a strong read cost at the leader and elsewhere, beside what the links make of it."""

import json
import time
import urllib.request
from collections.abc import Callable

from benchmarks.context import Context
from benchmarks.figures import Figure, percentile
from benchmarks.wire import dynamodb
from benchmarks.worlds import AWS_PORT, BenchWorld, wait_for

TABLE = "items"
_SAMPLES = 40


def run(context: Context) -> list[Figure]:
    """A world of its own, in which the table is in the lane sync."""
    world = context.new_world()
    path = world.directory / "world.yaml"
    path.write_text(path.read_text() + "lanes: {items: sync}\n")
    context.say("the lane sync")
    world.start()
    try:
        wait_for("a leader", lambda: _leader(world) is not None)
        leader = _leader(world)
        assert leader is not None
        delays = {(one["from"], one["to"]): float(one["delay_ms"]) for one in world.status()["links"]}
        return [figure for region in world.regions for figure in _figures(context, world, region, leader, delays)]
    finally:
        world.stop()


def _figures(
    context: Context, world: BenchWorld, region: str, leader: str, delays: dict[tuple[str, str], float]
) -> list[Figure]:
    """One region's: a round trip to the leader, and one from there to its nearest other member, are the least."""
    trips = {pair: delays[pair] + delays[pair[1], pair[0]] for pair in delays}
    nearest = min(trips[leader, other] for other in world.regions if other != leader)
    least_ms = nearest + (trips[region, leader] if region != leader else 0.0)
    role = "leader" if region == leader else "follower"
    host = world.address(region)
    wire = world.dynamodb(region)

    def write(number: int) -> None:
        body = f'{{"TableName":"{TABLE}","Item":{{"id":{{"S":"sync-{region}-{number}"}}}}}}'.encode()
        if wire.exchange(dynamodb(host, region, "PutItem", body))[0] != 200:
            raise RuntimeError(f"a write in {region} failed")

    def read(number: int) -> None:
        body = (
            f'{{"TableName":"{TABLE}","Key":{{"id":{{"S":"sync-{region}-{number}"}}}},"ConsistentRead":true}}'.encode()
        )
        if wire.exchange(dynamodb(host, region, "GetItem", body))[1] == b"{}":
            raise RuntimeError(f"a strong read in {region} missed what had been written")

    written, found = _timed(context, write), _timed(context, read)
    wire.close()
    how = f"one after the other, {_SAMPLES} in each run; leader {leader}; the links alone take {least_ms:.0f} ms"
    return [
        Figure(f"sync write in {region}, the {role}, p50", "ms", [percentile(one, 0.5) for one in written], how),
        Figure("  beyond what the links take", "ms", [percentile(one, 0.5) - least_ms for one in written], how),
        Figure(f"strong read in {region}, the {role}, p50", "ms", [percentile(one, 0.5) for one in found], how),
    ]


def _timed(context: Context, operation: Callable[[int], None]) -> list[list[float]]:
    runs = []
    for _ in range(context.repeats):
        times = []
        for number in range(_SAMPLES):
            started = time.perf_counter()
            operation(number)
            times.append((time.perf_counter() - started) * 1000)
        runs.append(times)
    return runs


def _leader(world: BenchWorld) -> str | None:
    """The region that leads the table's group, as any region knows it."""
    for region in world.regions:
        url = f"http://{world.address(region)}:{AWS_PORT}/_terrella/replication"
        with urllib.request.urlopen(url, timeout=5) as answer:
            for group in json.loads(answer.read())["groups"]:
                if group["leader"] is not None:
                    return str(group["leader"])
    return None
