"""Real worlds, started and stopped by the real command line, in a temporary copy of ``examples/items``."""

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks.wire import Wire, ask, ask_json, encode

ROOT = Path(__file__).parents[1]
EXAMPLE = ROOT / "examples" / "items"
NAME = "items.example.com"
AWS_PORT, APPLICATION_PORT, DNS_PORT, REPLICATION_PORT = 4566, 8080, 10053, 4567
_BASES = range(88, 120)
_POLL_S = 0.01
UP_TIMEOUT_S = 60.0


def free_base() -> str:
    """A loopback network that no other world uses."""
    for number in _BASES:
        base = f"127.{number}"
        try:
            for host in (f"{base}.0.1", f"{base}.1.1"):
                with socket.socket() as probe:
                    probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    probe.bind((host, AWS_PORT))
        except OSError:
            continue
        return base
    raise RuntimeError("every loopback network that a benchmark may use is in use")


def wait_for(what: str, ready: Callable[[], bool], timeout_s: float = 30.0, poll_s: float = _POLL_S) -> None:
    """Poll; raises ``RuntimeError`` naming what did not come."""
    deadline = time.monotonic() + timeout_s
    while not ready():
        if time.monotonic() > deadline:
            raise RuntimeError(f"waited {timeout_s:g} s in vain: {what}")
        time.sleep(poll_s)


class BenchWorld:
    """One world in a directory of its own; ``start`` as often as ``stop``. The state stays between the two."""

    def __init__(self, directory: Path, base: str) -> None:
        self.directory = directory
        self.base = base
        self.front = f"{base}.0.1"
        self._process: subprocess.Popen[bytes] | None = None
        shutil.copytree(EXAMPLE, directory, ignore=shutil.ignore_patterns(".terrella", "__pycache__"))
        path = directory / "world.yaml"
        path.write_text(path.read_text() + f'addresses: {{base: "{base}"}}\n')
        self.environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
        self.regions: tuple[str, ...] = ("us-east-1", "us-west-2", "eu-west-1")

    def address(self, region: str) -> str:
        """A region's own address."""
        return f"{self.base}.{self.regions.index(region) + 1}.1"

    # life

    def spawn(self) -> subprocess.Popen[bytes]:
        """``terrella up``, without waiting for anything."""
        log = (self.directory / "up.log").open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "terrella", "up", "world.yaml"],
            cwd=self.directory,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        log.close()
        return self._process

    def start(self) -> None:
        """Up, every region serving, and the workers of the health function warm in every AZ."""
        self.spawn()
        wait_for("the world is up", self.ready, UP_TIMEOUT_S)
        wait_for("the edge serves", self.edge_serves, UP_TIMEOUT_S)

    def stop(self) -> None:
        """Ctrl-C; raises ``subprocess.TimeoutExpired`` if it does not end."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                for process in self.processes():
                    with contextlib.suppress(psutil.NoSuchProcess):
                        process.kill()
                raise
            finally:
                self._process = None

    def forget(self) -> None:
        """Remove the state: the next start is cold."""
        shutil.rmtree(self.directory / ".terrella", ignore_errors=True)

    def _check_alive(self) -> None:
        if self._process is not None and self._process.poll() is not None:
            said = (self.directory / "up.log").read_text(errors="replace").strip().splitlines()
            raise RuntimeError(f"terrella up ended: {said[-1] if said else 'it said nothing'}")

    def ready(self) -> bool:
        """Whether ``terrella up`` says that the world is up."""
        self._check_alive()
        try:
            return bool(json.loads((self.directory / ".terrella" / "world.pid").read_bytes())["ready"])
        except (OSError, ValueError, KeyError):
            return False

    def edge_serves(self) -> bool:
        """Whether an application request through the edge is answered 200."""
        self._check_alive()
        try:
            return ask(self.front, APPLICATION_PORT, encode("GET", NAME, "/health"))[0] == 200
        except OSError:
            return False

    def listens(self, host: str, port: int) -> bool:
        """Whether a port can be connected to."""
        with contextlib.suppress(OSError), socket.create_connection((host, port), 1.0):
            return True
        return False

    # asking

    def status(self) -> dict[str, Any]:
        """What the front door says of everything."""
        answer: dict[str, Any] = ask_json(self.front, AWS_PORT, "GET", "/_terrella/status")
        return answer

    def region_status(self, region: str) -> dict[str, Any]:
        """What a region says of itself."""
        answer: dict[str, Any] = ask_json(self.address(region), AWS_PORT, "GET", "/_terrella/status")
        return answer

    def post(self, target: str, body: object) -> Any:
        """A change, told to the front door."""
        return ask_json(self.front, AWS_PORT, "POST", f"/_terrella/{target}", body)

    def command(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Any ``terrella`` command, in the world's directory."""
        return subprocess.Popen(
            [sys.executable, "-m", "terrella", *arguments],
            cwd=self.directory,
            env=self.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.STDOUT,
        )

    def dynamodb(self, region: str) -> Wire:
        """A connection to a region's AWS endpoint."""
        return Wire(self.address(region), AWS_PORT)

    # processes

    def processes(self) -> list[psutil.Process]:
        """The supervisor and all that it has started."""
        if self._process is None:
            return []
        top = psutil.Process(self._process.pid)
        return [top, *top.children(recursive=True)]

    def by_kind(self) -> dict[str, list[psutil.Process]]:
        """Its processes as ``supervisor``, ``region`` and ``worker``."""
        kinds: dict[str, list[psutil.Process]] = {"supervisor": [], "region": [], "worker": []}
        for process in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                words = process.cmdline()
                kind = "supervisor" if "up" in words[:5] else "region" if "region" in words[:5] else "worker"
                kinds[kind].append(process)
        return kinds

    def pid_of(self, region: str) -> int:
        """A region's process."""
        pid: int = json.loads((self.directory / ".terrella" / f"{region}.pid").read_bytes())["pid"]
        return pid


def pss_bytes(process: psutil.Process) -> int:
    """Memory with shared pages counted by share."""
    for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def cpu_seconds(process: psutil.Process) -> float:
    """What a process has used of the processor so far."""
    times = process.cpu_times()
    return times.user + times.system


@contextlib.contextmanager
def pinned(pid: int, core: int) -> Iterator[None]:
    """One process on one core, this one on the others; as before afterwards. With a single core: nothing."""
    everywhere = os.sched_getaffinity(0)
    if len(everywhere) < 2:
        yield
        return
    chosen = sorted(everywhere)[core % len(everywhere)]
    _bind(pid, {chosen})
    os.sched_setaffinity(0, everywhere - {chosen})
    try:
        yield
    finally:
        os.sched_setaffinity(0, everywhere)
        _bind(pid, everywhere)


def _bind(pid: int, cores: set[int]) -> None:
    for thread in Path(f"/proc/{pid}/task").iterdir():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(int(thread.name), cores)


def share_of_a_core(seconds: float = 0.3) -> float:
    """How much of a core a process that only computes is given now: 1.0 on a machine that has nothing else to do."""
    started, used = time.perf_counter(), time.process_time()
    while time.perf_counter() - started < seconds:
        sum(range(1000))
    return (time.process_time() - used) / (time.perf_counter() - started)
