"""What a world costs that does nothing: memory, and processor time."""

import time

from benchmarks.context import Context
from benchmarks.figures import Figure
from benchmarks.worlds import cpu_seconds, pss_bytes

MEMORY_BUDGET_MB = 500.0
_SETTLE_S = 3.0
_WINDOW_S = 4.0
_KINDS = ("supervisor", "region", "worker")


def run(context: Context) -> list[Figure]:
    """After the health checks have warmed the workers in every AZ."""
    world = context.world()
    context.say("letting the health checks warm the workers")
    time.sleep(_SETTLE_S)
    memory: list[dict[str, float]] = []
    cpu: list[dict[str, float]] = []
    counts: dict[str, int] = {}
    for number in range(context.repeats):
        context.say(f"idle world, {number + 1} of {context.repeats}")
        kinds = world.by_kind()
        before = {process: cpu_seconds(process) for kind in _KINDS for process in kinds[kind]}
        started = time.perf_counter()
        time.sleep(_WINDOW_S)
        window_s = time.perf_counter() - started
        used = {kind: sum(cpu_seconds(one) - before[one] for one in kinds[kind]) for kind in _KINDS}
        cpu.append({kind: 100 * used[kind] / window_s for kind in _KINDS})
        memory.append({kind: sum(pss_bytes(one) for one in kinds[kind]) / 1e6 for kind in _KINDS})
        counts = {kind: len(kinds[kind]) for kind in _KINDS}
    return [*_memory(memory, counts), *_cpu(cpu, counts)]


def _memory(taken: list[dict[str, float]], counts: dict[str, int]) -> list[Figure]:
    how = "sum of PSS (smaps_rollup) over all its processes, after health checks have warmed a worker in every AZ"
    whole = Figure("memory of the idle world", "MB", [sum(one.values()) for one in taken], how, MEMORY_BUDGET_MB)
    return [whole, *_by_kind("memory", "MB", taken, counts)]


def _cpu(taken: list[dict[str, float]], counts: dict[str, int]) -> list[Figure]:
    how = f"user and system time of all its processes over {_WINDOW_S:g} s; 100 % is one core; health checks go on"
    whole = Figure("processor use of the idle world", "%", [sum(one.values()) for one in taken], how)
    return [whole, *_by_kind("processor", "%", taken, counts)]


def _by_kind(what: str, unit: str, taken: list[dict[str, float]], counts: dict[str, int]) -> list[Figure]:
    return [
        Figure(f"  {what}: {counts[kind]} {kind}{'s' * (counts[kind] > 1)}", unit, [one[kind] for one in taken], "")
        for kind in _KINDS
    ]
