"""Replication under load: how much later than the link's own delay a write is visible in another region.

Swept over rates of writing, each an open loop: so it is seen where the machine, which carries three regions, the load
and the probes, has no time left, and what replication takes as long as it has.
"""

import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

import msgspec
import psutil

from benchmarks.context import Context
from benchmarks.figures import Figure, percentile
from benchmarks.open_loop import Outcome, Plan, Server
from benchmarks.tables import put_body
from benchmarks.wire import dynamodb
from benchmarks.worlds import AWS_PORT, ROOT, BenchWorld, cpu_seconds

BUDGET_MS = 15.0
WANTED_PER_SECOND = 1_000
RATES = (100, 300, 600, WANTED_PER_SECOND)
SECONDS = 5.0
TABLE = "items"
_SETTLE_S = 1.0
_POLL_S = 0.001
_EARLY_S = 0.002
_PROBE_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Run:
    """One rate, once. ``busy`` is the share of all cores that was in use, ``regions`` what the regions took of it."""

    outcome: Outcome
    lags_ms: list[float]
    busy: float
    regions: float


def run(context: Context) -> list[Figure]:
    """So many writes a second in each region, and probes in each of the six directions among them."""
    world = context.world()
    delays = {(one["from"], one["to"]): float(one["delay_ms"]) for one in world.status()["links"]}
    runs: dict[int, list[Run]] = {rate: [] for rate in RATES}
    first = 10_000_000
    for number in range(context.repeats):
        for rate in RATES:
            context.say(f"replication lag at {rate} writes a second in each region, {number + 1} of {context.repeats}")
            runs[rate].append(_under_load(world, delays, rate, first))
            first += 100_000
            time.sleep(_SETTLE_S)  # what is left of one is no part of the next
    return [figure for rate in RATES for figure in _figures(rate, runs[rate])]


def _figures(rate: int, runs: list[Run]) -> list[Figure]:
    wanted = rate == WANTED_PER_SECOND
    probes = sum(len(one.lags_ms) for one in runs) // len(runs)
    name = f"lag beyond the link's, 3 x {rate:,} writes/s"
    how = (
        f"open loop, {SECONDS:g} s; a write is probed for in another region by GetItem every 1 ms, from its "
        f"acknowledgement until it is seen; all 6 directions at once, {probes} probes a run, less the link's delay"
    )
    figures = [
        Figure(f"{name}, p50", "ms", [percentile(one.lags_ms, 0.5) for one in runs], how),
        Figure(
            f"{name}, p99", "ms", [percentile(one.lags_ms, 0.99) for one in runs], "", BUDGET_MS if wanted else None
        ),
        Figure("  processor in use meanwhile", "%", [100 * one.busy for one in runs], "of all cores, by everything"),
        Figure("  of it by the three regions", "%", [100 * one.regions for one in runs], ""),
        Figure("  the writes' own latency, p50", "ms", [one.outcome.p50_ms for one in runs], "from when each was due"),
        Figure("  the same, p99", "ms", [one.outcome.p99_ms for one in runs], ""),
    ]
    if wanted:
        figures.append(
            Figure(
                "  writes a second, in each region",
                "/s",
                [one.outcome.per_second for one in runs],
                "the slowest region's answers; load, probes and all three regions share the machine's cores",
                0.99 * WANTED_PER_SECOND,
                more_is_better=True,
            )
        )
    return figures


def _under_load(world: BenchWorld, delays: dict[tuple[str, str], float], rate: int, first: int) -> Run:
    lags_ms: list[float] = []
    errors: list[Exception] = []
    stop = threading.Event()

    def probe(pair: tuple[str, str]) -> None:
        try:
            lags_ms.extend(_probe(world, pair, delays[pair], stop))
        except (OSError, RuntimeError) as error:
            errors.append(error)

    regions = [psutil.Process(world.pid_of(region)) for region in world.regions]
    load = _start_load(world, rate, first)
    time.sleep(0.5)  # the load has begun
    probers = [threading.Thread(target=probe, args=(pair,)) for pair in delays]
    for prober in probers:
        prober.start()
    before, used_s, started = psutil.cpu_times(), sum(map(cpu_seconds, regions)), time.perf_counter()
    time.sleep(SECONDS - 1.0)
    after, took_s = psutil.cpu_times(), time.perf_counter() - started
    used_s = sum(map(cpu_seconds, regions)) - used_s
    stop.set()
    for prober in probers:
        prober.join()
    told, _ = load.communicate()
    if errors:
        raise RuntimeError(str(errors[0]))
    outcome = msgspec.json.decode(told, type=Outcome)
    if load.returncode or outcome.errors:
        raise RuntimeError(f"{outcome.errors} writes failed")
    cores = psutil.cpu_count() or 1
    idle = (after.idle - before.idle + after.iowait - before.iowait) / (took_s * cores)
    return Run(outcome, lags_ms, min(1.0, max(0.0, 1 - idle)), used_s / (took_s * cores))


def _start_load(world: BenchWorld, rate: int, first: int) -> subprocess.Popen[bytes]:
    servers = []
    for index, region in enumerate(world.regions):
        host = world.address(region)
        request = dynamodb(f"{host}:{AWS_PORT}", region, "PutItem", put_body(TABLE))
        servers.append(Server(host, AWS_PORT, request, 20_000_000 * index + first))
    load = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.open_loop"],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert load.stdin is not None
    load.stdin.write(msgspec.json.encode(Plan(servers, rate, SECONDS)))
    load.stdin.close()
    load.stdin = None
    return load


def _probe(world: BenchWorld, pair: tuple[str, str], delay_ms: float, stop: threading.Event) -> list[float]:
    """Milliseconds beyond the link's delay, probe after probe."""
    here, there = (world.dynamodb(region) for region in pair)
    hosts = [world.address(region) for region in pair]
    lags = []
    while not stop.is_set():
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
                break  # counted as if it had been seen then: the machine is full, and that is to be shown
            time.sleep(_POLL_S)
        lags.append((time.perf_counter() - written) * 1000 - delay_ms)
    here.close()
    there.close()
    return lags
