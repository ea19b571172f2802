"""DNS answers a second of one region's name server, for the application's weighted, health-checked name."""

import re
import shutil
import subprocess

import psutil

from benchmarks.context import Context
from benchmarks.figures import Figure, skipped
from benchmarks.worlds import DNS_PORT, NAME, BenchWorld, cpu_seconds, pinned

BUDGET_PER_SECOND = 30_000.0
REGION = "us-west-2"
_SECONDS = 2


def run(context: Context) -> list[Figure]:
    """By ``dnsperf``, over UDP."""
    if not shutil.which("dnsperf"):
        return [skipped("DNS answers a second", "dnsperf is not installed")]
    world = context.world()
    queries = context.scratch / "queries"
    queries.write_text(f"{NAME} A\n")
    rates: list[float] = []
    server_us: list[float] = []
    with pinned(world.pid_of(REGION), 0):
        for number in range(context.repeats):
            context.say(f"DNS, {number + 1} of {context.repeats}")
            process = psutil.Process(world.pid_of(REGION))
            before_s = cpu_seconds(process)
            completed, per_second = _dnsperf(world, str(queries))
            rates.append(per_second)
            server_us.append((cpu_seconds(process) - before_s) * 1e6 / completed)
    return [
        Figure(
            "DNS answers a second",
            "/s",
            rates,
            f"dnsperf over UDP, {_SECONDS} s, a region's own name server on one core, the load on the other; "
            "weighted records with health checks",
            BUDGET_PER_SECOND,
            more_is_better=True,
        ),
        Figure("  processor time of the region for one", "µs", server_us, ""),
    ]


def _dnsperf(world: BenchWorld, queries: str) -> tuple[int, float]:
    command = ["dnsperf", "-s", world.address(REGION), "-p", str(DNS_PORT), "-d", queries]
    done = subprocess.run(
        [*command, "-l", str(_SECONDS), "-c", "8", "-T", "1", "-q", "200"], capture_output=True, text=True, check=True
    )
    completed = re.search(r"Queries completed:\s+(\d+)", done.stdout)
    rate = re.search(r"Queries per second:\s+([\d.]+)", done.stdout)
    wrong = re.search(r"Response codes:\s+NOERROR \d+ \(100\.00%\)", done.stdout) is None
    if completed is None or rate is None or wrong:
        raise RuntimeError(f"dnsperf says: {done.stdout.strip()}")
    return int(completed[1]), float(rate[1])
