"""How fast a region takes in what it missed while it was cut off."""

import functools
import time

from benchmarks.context import Context
from benchmarks.figures import Figure
from benchmarks.load import run_load
from benchmarks.tables import CONNECTIONS, put_body
from benchmarks.wire import dynamodb
from benchmarks.worlds import AWS_PORT, BenchWorld, wait_for

BUDGET_PER_SECOND = 20_000.0
TABLE = "items"
WRITER, AWAY = "us-east-1", "eu-west-1"
_RECORDS = 20_000
_POLL_S = 0.02


def run(context: Context) -> list[Figure]:
    """Cut off from both others, then healed."""
    world = context.world()
    others = [region for region in world.regions if region != AWAY]
    rates, missed, began_s = [], [], []
    for number in range(context.repeats):
        context.say(f"catch-up after a cut, {number + 1} of {context.repeats}")
        _same_everywhere(world)
        before = _items(world, AWAY)
        for region in others:
            world.post("links", {"a": AWAY, "b": region, "cut": True})
        _write(context, world, 50_000_000 + 1_000_000 * number, before + _RECORDS)
        wait_for("the others agree", lambda: len({_items(world, region) for region in others}) == 1)
        wanted = _items(world, WRITER)
        started = time.perf_counter()
        for region in others:
            world.post("links", {"a": AWAY, "b": region, "heal": True})
        wait_for("the first of them is there", functools.partial(_has_more, world, before), 60, _POLL_S)
        began_s.append(time.perf_counter() - started)
        wait_for("the region has caught up", functools.partial(_holds, world, wanted), 60, _POLL_S)
        missed.append(float(wanted - before))
        rates.append((wanted - before) / (time.perf_counter() - started))
    how = (
        f"{AWAY} is cut off, about {_RECORDS:,} new items are written in {WRITER}, the links are healed; items missed, "
        "divided by the time from the first heal command until it has them all (looked at every 20 ms)"
    )
    return [
        Figure(
            "catch-up after a cut",
            "records/s",
            rates,
            how,
            BUDGET_PER_SECOND,
            more_is_better=True,
            details={"missed": missed},
        ),
        Figure("  of it, until the first of them is there", "s", began_s, "connections over the links, and handshakes"),
    ]


def _write(context: Context, world: BenchWorld, first: int, wanted: int) -> None:
    host = world.address(WRITER)
    request = dynamodb(f"{host}:{AWS_PORT}", WRITER, "PutItem", put_body(TABLE))
    while _items(world, WRITER) < wanted:
        done = run_load(
            host, AWS_PORT, request, connections=CONNECTIONS, seconds=1, scratch=context.scratch, first=first
        )
        first += done.requests + CONNECTIONS


def _items(world: BenchWorld, region: str) -> int:
    return next(int(one["items"]) for one in world.region_status(region)["tables"] if one["name"] == TABLE)


def _has_more(world: BenchWorld, before: int) -> bool:
    return _items(world, AWAY) > before


def _holds(world: BenchWorld, wanted: int) -> bool:
    return _items(world, AWAY) == wanted


def _same_everywhere(world: BenchWorld) -> None:
    wait_for("all regions hold the same", lambda: len({_items(world, region) for region in world.regions}) == 1)
