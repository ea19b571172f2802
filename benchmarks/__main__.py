"""``python -m benchmarks``: every benchmark in turn, one table, and ``bench.json``."""

import compileall
import os
import platform
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import psutil
from rich.console import Console

from benchmarks import (
    catch_up,
    dns_answers,
    failover,
    gateway,
    idle,
    lag,
    peers,
    snapshot,
    start_up,
    sync_lane,
    tables,
    through_a_cut,
)
from benchmarks.context import Context
from benchmarks.figures import OVER, UNDER, Figure, notes_of, skipped, table_of, write_json
from benchmarks.worlds import ROOT, share_of_a_core

BENCHMARKS: dict[str, Callable[[Context], list[Figure]]] = {
    "start-up": start_up.run,
    "idle": idle.run,
    "gateway": gateway.run,
    "dns": dns_answers.run,
    "failover": failover.run,
    "lag": lag.run,
    "through-a-cut": through_a_cut.run,
    "sync-lane": sync_lane.run,
    "catch-up": catch_up.run,
    "snapshot": snapshot.run,
    "tables": tables.run,
    "peers": peers.run,
}
"""In the order in which they run: what fills the shared world's tables comes after what looks at an empty one."""


@click.command()
@click.option("--only", multiple=True, type=click.Choice(list(BENCHMARKS)), help="Only this one; may be repeated.")
@click.option("--repeats", type=click.IntRange(1), default=3, show_default=True, help="How often each figure is taken.")
@click.option("--peers", is_flag=True, help="Also install and measure moto and dynalite.")
@click.option(
    "--json", "json_path", type=click.Path(path_type=Path), default=ROOT / "bench.json", help="[default: bench.json]"
)
def main(only: tuple[str, ...], repeats: int, peers: bool, json_path: Path) -> None:
    """Measure terrella on this machine against its budgets; takes a few minutes."""
    console = Console()
    # As an installation leaves it: where PYTHONDONTWRITEBYTECODE is set, each process would compile everything again.
    compileall.compile_dir(ROOT / "src", quiet=1)
    chosen = [name for name in BENCHMARKS if not only or name in only]
    started = time.monotonic()
    shares: list[float] = []
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="terrella-bench-") as scratch, console.status("") as status:
        context = Context(Path(scratch), repeats, status.update, peers)
        try:
            for name in chosen:
                shares.append(share_of_a_core())
                figures += _run(console, context, name)
        finally:
            context.close()
    shares.append(share_of_a_core())
    machine = _machine(shares)
    console.print(table_of(figures))
    console.print(notes_of(figures))
    console.print(
        f"\n{machine['cores']} cores ({machine['processor']}), Python {machine['python']}; "
        f"took {time.monotonic() - started:.0f} s; between benchmarks, a process that only computes was given "
        f"{min(shares):.0%} to {max(shares):.0%} of a core"
    )
    missed = [one.name.strip() for one in figures if one.verdict in (OVER, UNDER)]
    if missed:
        console.print(f"[red]missed: {', '.join(missed)}[/red]")
    write_json(json_path, machine, figures)


def _run(console: Console, context: Context, name: str) -> list[Figure]:
    """One benchmark; one that breaks is shown as such, and the others go on."""
    try:
        return BENCHMARKS[name](context)
    except (RuntimeError, OSError, subprocess.SubprocessError, psutil.Error) as error:
        console.print(f"[red]{name}: {error}[/red]")
        return [skipped(name, f"broke off: {error}")]


def _machine(shares: list[float]) -> dict[str, Any]:
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "memory_mb": psutil.virtual_memory().total // 1_000_000,
        "python": platform.python_version(),
        "kernel": platform.release(),
        "share_of_a_core": [round(one, 3) for one in shares],
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


if __name__ == "__main__":
    main()
