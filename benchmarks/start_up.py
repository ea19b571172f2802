"""Start-up, cold and warm: from ``terrella up`` until the edge has served the first application request."""

import time

from benchmarks.context import Context
from benchmarks.figures import Figure
from benchmarks.worlds import AWS_PORT, UP_TIMEOUT_S, BenchWorld

COLD_BUDGET_S = 5.0
WARM_BUDGET_S = 3.0
_POLL_S = 0.01


def run(context: Context) -> list[Figure]:
    """Cold: no ``.terrella``. Warm: the same world again, template unchanged. They take turns."""
    world = context.new_world()
    cold: list[dict[str, float]] = []
    warm: list[dict[str, float]] = []
    for number in range(context.repeats):
        for kind, taken in (("cold", cold), ("warm", warm)):
            context.say(f"start-up, {kind}, {number + 1} of {context.repeats}")
            if kind == "cold":
                world.forget()
            taken.append(_start(world))
            world.stop()
    how = "`terrella up` (3 regions, 2 AZs each) until GET /health through the edge answers 200; polled every 10 ms"
    return [
        *_figures("cold", cold, COLD_BUDGET_S, f"{how}; no .terrella"),
        *_figures("warm", warm, WARM_BUDGET_S, f"{how}; restart, template unchanged"),
    ]


def _figures(kind: str, taken: list[dict[str, float]], budget_s: float, how: str) -> list[Figure]:
    whole = Figure(f"start-up, {kind}", "s", [one["served"] for one in taken], how, budget_s, details={"runs": taken})
    phases = {
        "door": "  front door listens",
        "regions": "  all regions' processes listen",
        "ready": "  every region serves: ready",
    }
    return [
        whole,
        *(Figure(f"{name} ({kind})", "s", [one[key] for one in taken], "") for key, name in phases.items()),
    ]


def _start(world: BenchWorld) -> dict[str, float]:
    """Seconds since the start at which each phase was reached. One thing is looked for at a time, to cost little."""
    reached: dict[str, float] = {}
    waiting = [world.address(region) for region in world.regions]
    started = time.perf_counter()
    world.spawn()
    while "served" not in reached:
        now = time.perf_counter() - started
        if now > UP_TIMEOUT_S:
            raise RuntimeError(f"the world did not serve within {UP_TIMEOUT_S:g} s")
        if "door" not in reached:
            if world.listens(world.front, AWS_PORT):
                reached["door"] = now
        elif waiting:
            if world.listens(waiting[0], AWS_PORT):
                waiting.pop(0)
                reached["regions"] = now
                continue
        elif world.edge_serves():
            reached["served"] = time.perf_counter() - started
        if waiting == [] and "ready" not in reached and world.ready():
            reached["ready"] = now
        time.sleep(_POLL_S)
    while "ready" not in reached:
        if world.ready():
            reached["ready"] = time.perf_counter() - started
        time.sleep(_POLL_S)
    return reached
