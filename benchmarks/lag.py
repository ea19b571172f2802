"""Replication under load: how much later than the link's own delay a write is visible in another region."""

import os
import threading
import time

from benchmarks.context import Context
from benchmarks.figures import Figure, percentile
from benchmarks.load import Load, run_load
from benchmarks.tables import put_body
from benchmarks.wire import dynamodb
from benchmarks.worlds import AWS_PORT, BenchWorld

BUDGET_MS = 15.0
WANTED_PER_SECOND = 1_000
SECONDS = 4
TABLE = "items"
_CONNECTIONS = 40
_PAUSE_MS = 32  # 40 connections that write every 32 ms, and take up to 8 ms for it: at least 1,000 a second
_POLL_S = 0.001
_EARLY_S = 0.002
_PROBE_TIMEOUT_S = 5.0


def run(context: Context) -> list[Figure]:
    """1,000 writes a second in each region, and probes in each of the six directions among them."""
    world = context.world()
    delays = {(one["from"], one["to"]): float(one["delay_ms"]) for one in world.status()["links"]}
    rates: list[float] = []
    probed: list[list[float]] = []
    told: list[float] = []
    for number in range(context.repeats):
        context.say(f"replication lag, {number + 1} of {context.repeats}")
        loads, lags = _under_load(context, world, delays, number)
        rates.append(min(load.per_second for load in loads))
        probed.append(lags)
        told.append(_own_figures(world, delays))
    how = (
        "a write is probed for in another region by GetItem every 1 ms, from its acknowledgement until it is seen; "
        f"all 6 directions at once, {sum(map(len, probed)) // len(probed)} probes a run, less the link's delay"
    )
    return [
        Figure("replication lag beyond the link's delay, p50", "ms", [percentile(one, 0.5) for one in probed], how),
        Figure(
            "replication lag beyond the link's delay, p99",
            "ms",
            [percentile(one, 0.99) for one in probed],
            how,
            BUDGET_MS,
        ),
        Figure(
            "  the same by the regions' own figures, p99",
            "ms",
            told,
            "`lag_p99_ms` of status (commit there to commit here), less the link's delay; the worst direction",
        ),
        Figure(
            "  writes a second meanwhile, in each region",
            "/s",
            rates,
            "the slowest region's; load, probes and all three regions share the machine's cores",
            float(WANTED_PER_SECOND),
            more_is_better=True,
        ),
    ]


def _under_load(
    context: Context, world: BenchWorld, delays: dict[tuple[str, str], float], number: int
) -> tuple[list[Load], list[float]]:
    loads: list[Load] = []
    lags: list[float] = []
    errors: list[Exception] = []
    stop = threading.Event()

    def guarded(work: threading.Thread) -> threading.Thread:
        work.start()
        return work

    def write(region: str, index: int) -> None:
        host = world.address(region)
        scratch = context.scratch / region
        scratch.mkdir(exist_ok=True)
        request = dynamodb(f"{host}:{AWS_PORT}", region, "PutItem", put_body(TABLE))
        first = 10_000_000 * (index + 1) + 1_000_000 * number
        loads.append(
            run_load(
                host,
                AWS_PORT,
                request,
                connections=_CONNECTIONS,
                seconds=SECONDS,
                scratch=scratch,
                first=first,
                pause_ms=_PAUSE_MS,
            )
        )

    def probe(pair: tuple[str, str]) -> None:
        try:
            lags.extend(_probe(world, pair, delays[pair], stop))
        except (OSError, RuntimeError) as error:
            errors.append(error)

    writers = [
        guarded(threading.Thread(target=write, args=(region, index))) for index, region in enumerate(world.regions)
    ]
    time.sleep(0.5)  # the load has begun
    probers = [guarded(threading.Thread(target=probe, args=(pair,))) for pair in delays]
    for writer in writers:
        writer.join()
    stop.set()
    for prober in probers:
        prober.join()
    if errors:
        raise RuntimeError(str(errors[0]))
    failed = sum(load.errors for load in loads)
    if failed or len(loads) < len(world.regions):
        raise RuntimeError(f"{failed} writes failed")
    return loads, lags


def _probe(world: BenchWorld, pair: tuple[str, str], delay_ms: float, stop: threading.Event) -> list[float]:
    """Milliseconds beyond the link's delay, probe after probe."""
    here, there = (world.dynamodb(region) for region in pair)
    hosts = [world.address(region) for region in pair]
    lags = []
    number = 0
    while not stop.is_set():
        number += 1
        key = f"probe-{os.getpid()}-{pair[0]}-{pair[1]}-{time.monotonic_ns()}"
        item = f'{{"TableName":"{TABLE}","Item":{{"id":{{"S":"{key}"}}}}}}'.encode()
        wanted = f'{{"TableName":"{TABLE}","Key":{{"id":{{"S":"{key}"}}}}}}'.encode()
        if here.exchange(dynamodb(hosts[0], pair[0], "PutItem", item))[0] != 200:
            raise RuntimeError("a probe's write failed")
        written = time.perf_counter()
        read = dynamodb(hosts[1], pair[1], "GetItem", wanted)
        time.sleep(max(0.0, delay_ms / 1000 - _EARLY_S))
        while there.exchange(read)[1] == b"{}":
            if time.perf_counter() - written > _PROBE_TIMEOUT_S:
                raise RuntimeError(f"a write in {pair[0]} was not seen in {pair[1]} within {_PROBE_TIMEOUT_S:g} s")
            time.sleep(_POLL_S)
        lags.append((time.perf_counter() - written) * 1000 - delay_ms)
    here.close()
    there.close()
    return lags


def _own_figures(world: BenchWorld, delays: dict[tuple[str, str], float]) -> float:
    worst: list[float] = []
    for region in world.regions:
        for peer, told in world.region_status(region)["replication"].items():
            if told["lag_p99_ms"] is not None:
                worst.append(told["lag_p99_ms"] - delays[peer, region])
    return max(worst)
