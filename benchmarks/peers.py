"""PutItem and GetItem of peers that install here, in the same run, beside ours: what counts is the ratio."""

import contextlib
import itertools
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from benchmarks.context import Context
from benchmarks.figures import Figure, skipped
from benchmarks.load import run_load
from benchmarks.tables import CONNECTIONS, SECONDS, create_body, get_body, put_body
from benchmarks.wire import ask, dynamodb
from benchmarks.worlds import AWS_PORT, pinned, wait_for

RATIO_BUDGET = 1.2
REGION = "us-east-1"
_TABLE = "bench-peers"
_INSTALL_TIMEOUT_S = 300.0

Install = Callable[[Path, int], Sequence[str]]


def run(context: Context) -> list[Figure]:
    """Only with ``--peers``: they are installed from PyPI and npm into a temporary directory."""
    if not context.peers:
        return [skipped("peers", "asked for with --peers: installs moto and dynalite into a temporary directory")]
    installers: dict[str, Install] = {"moto": _moto, "dynalite": _dynalite}
    world = context.world()
    figures: list[Figure] = []
    rates: dict[str, tuple[list[float], list[float]]] = {name: ([], []) for name in ("terrella", *installers)}
    commands: dict[str, Sequence[str]] = {}
    for name, install in installers.items():
        context.say(f"installing {name}")
        try:
            commands[name] = install(context.scratch / name, _free_port())
        except (OSError, subprocess.SubprocessError, RuntimeError) as error:
            figures.append(skipped(name, f"could not be installed: {error}"))
    for number in range(context.repeats):
        context.say(f"terrella beside its peers, {number + 1} of {context.repeats}")
        _add(rates["terrella"], _measure(context, world.address(REGION), AWS_PORT, world.pid_of(REGION), number))
        for name, command in commands.items():
            context.say(f"{name}, {number + 1} of {context.repeats}")
            with _running(command, context.scratch / name) as (port, pid):
                _add(rates[name], _measure(context, "127.0.0.1", port, pid, number))
    return figures + _figures({name: rates[name] for name in ("terrella", *commands)})


def _figures(rates: dict[str, tuple[list[float], list[float]]]) -> list[Figure]:
    figures = []
    for index, operation in enumerate(("PutItem", "GetItem")):
        how = f"as {operation} above, a table of one region; the peers in turn, each on one core, no disk flushes there"
        figures += [Figure(f"{operation}, {name}", "/s", both[index], how) for name, both in rates.items()]
        others = [both[index] for name, both in rates.items() if name != "terrella"]
        if others:
            fastest = [max(one) for one in zip(*others, strict=True)]
            ratios = [ours / theirs for ours, theirs in zip(rates["terrella"][index], fastest, strict=True)]
            how = "ours divided by the fastest peer's, run by run"
            figures.append(Figure(f"  {operation}, ratio", "x", ratios, how, RATIO_BUDGET, more_is_better=True))
    return figures


def _add(rates: tuple[list[float], list[float]], measured: tuple[float, float]) -> None:
    for taken, value in zip(rates, measured, strict=True):
        taken.append(value)


def _measure(context: Context, host: str, port: int, pid: int, number: int) -> tuple[float, float]:
    name = f"{host}:{port}"
    ask(host, port, dynamodb(name, REGION, "CreateTable", create_body(_TABLE)))
    put, get = (dynamodb(name, REGION, operation, body(_TABLE)) for operation, body in _OPERATIONS)
    first = 1_000_000 * number
    with pinned(pid, 0):
        time.sleep(0.5)
        load = {"connections": CONNECTIONS, "seconds": SECONDS, "scratch": context.scratch, "first": first}
        puts = run_load(host, port, put, **load)  # type: ignore[arg-type]  # the values' types differ
        gets = run_load(host, port, get, **load, last=first + puts.requests)  # type: ignore[arg-type]  # the same
    if puts.errors or gets.errors:
        raise RuntimeError(f"{puts.errors + gets.errors} requests to {name} failed")
    return puts.per_second, gets.per_second


_OPERATIONS = (("PutItem", put_body), ("GetItem", get_body))


def _moto(directory: Path, port: int) -> Sequence[str]:
    _install([sys.executable, "-m", "venv", str(directory)])
    _install([str(directory / "bin" / "pip"), "install", "--quiet", "moto[server,dynamodb]"])
    return [str(directory / "bin" / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]


def _dynalite(directory: Path, port: int) -> Sequence[str]:
    npm = shutil.which("npm")
    if npm is None:
        raise RuntimeError("there is no npm")
    directory.mkdir()
    _install([npm, "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(directory), "dynalite"])
    script = directory / "node_modules" / "dynalite" / "cli.js"
    return ["node", str(script), "--host", "127.0.0.1", "--port", str(port), "--createTableMs", "0"]


def _install(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT_S, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip().splitlines()
        raise RuntimeError(said[-1] if said else f"{command[0]} failed")


@contextlib.contextmanager
def _running(command: Sequence[str], directory: Path) -> Iterator[tuple[int, int]]:
    port = int(next(word for option, word in itertools.pairwise(command) if option in ("-p", "--port")))
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(command, cwd=directory, stdout=log, stderr=log)
    try:
        wait_for(f"{Path(command[0]).name} listens", lambda: _listens(port), 30)
        yield port, process.pid
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
