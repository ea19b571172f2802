"""A region that joins: how long a snapshot of a million items takes, and what its source's writers feel of it."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.context import Context
from benchmarks.figures import Figure, percentile
from benchmarks.worlds import ROOT

ITEMS = 1_000_000
BUDGET_S = 60.0
BUDGET_P99_MORE_MS = 10.0
_QUIET_S = 5.0


class _Child:
    """A region's process, and the lines that it and we exchange."""

    def __init__(self, role: str, folder: Path, items: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.snapshot_region", role, str(folder), str(items)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def order(self, text: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(text + "\n")
        self._process.stdin.flush()

    def wait_for(self, event: str) -> dict[str, Any]:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told: dict[str, Any] = json.loads(line)
            if told["event"] == event:
                return told
        raise RuntimeError(f"a region ended before it said {event!r}")

    def ask(self, order: str) -> dict[str, Any]:
        self.order(order)
        return self.wait_for(order)

    def stop(self) -> None:
        self.order("stop")
        self._process.wait(30)

    def kill(self) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def run(context: Context, items: int = ITEMS) -> list[Figure]:
    """Two processes on loopback: one holds the items and goes on writing, the other joins."""
    seconds, before, during = [], [], []
    for number in range(context.repeats):
        context.say(f"snapshot of {items:,} items, {number + 1} of {context.repeats}")
        folder = context.scratch / f"snapshot{number}"
        folder.mkdir()
        taken = _once(folder, items)
        seconds.append(taken[0])
        before.append(percentile(taken[1], 0.99))
        during.append(percentile(taken[2], 0.99))
    rates = [items / one for one in seconds]
    how = (
        f"two processes on loopback; one holds {items:,} items of 100 bytes and goes on writing (4 writers, a write "
        "every 10 ms each), the other joins; from when it hears where the source is until it has caught up"
    )
    return [
        Figure(f"snapshot of {items:,} items", "s", seconds, how, BUDGET_S if items == ITEMS else None),
        Figure("  the same", "items/s", rates, ""),
        Figure("  the source's writes meanwhile, p99", "ms", during, "each on disk (fsync) before its answer"),
        Figure("  the same before", "ms", before, f"during the {_QUIET_S:g} s before"),
        Figure(
            "  so p99 grows by",
            "ms",
            [max(0.0, after - quiet) for after, quiet in zip(during, before, strict=True)],
            "",
            BUDGET_P99_MORE_MS,
        ),
    ]


def _once(folder: Path, items: int) -> tuple[float, list[float], list[float]]:
    """Seconds that it took, and the source's write latencies in milliseconds: before, and meanwhile."""
    children: list[_Child] = []
    try:
        source = _Child("source", folder, items)
        children.append(source)
        source_port = source.wait_for("listens")["port"]
        joiner = _Child("joiner", folder, items)
        children.append(joiner)
        joiner_port = joiner.wait_for("listens")["port"]
        source.ask("latencies")
        time.sleep(_QUIET_S)
        before = source.ask("latencies")["latencies"]
        started = time.perf_counter()
        source.order(f"port {joiner_port}")
        joiner.order(f"port {source_port}")
        joiner.wait_for("joined")
        seconds = time.perf_counter() - started
        during = source.ask("latencies")["latencies"]
        held = joiner.ask("count")["items"]
        if held < items:
            raise RuntimeError(f"the joiner holds {held} of {items} items")
        for child in children:
            child.stop()
    finally:
        for child in children:
            child.kill()
    return seconds, before, during
