"""A world for end-to-end tests: real processes at loopback addresses of its own, driven as a user would drive it."""

import atexit
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

import boto3
import psutil
from botocore.config import Config

from terrella.world import Base, claim_base

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
PATIENCE_S = 60.0
REGIONS = ("us-east-1", "us-west-2", "eu-west-1")
TRANSLATED = Path(tempfile.mkdtemp(prefix="terrella-translated-"))
"""What earlier worlds' translators made of their templates: most worlds run the same one, and it takes a second."""
BASES = range(1, 16)
"""127.1 and so on: neither game days nor the worlds of pytest's plugin look for addresses there."""
_CLAIMED: dict[str, Base] = {}
atexit.register(shutil.rmtree, TRANSLATED, ignore_errors=True)

T = TypeVar("T")


def until(question: Callable[[], T | bool | None], what: str = "the condition", patience_s: float = PATIENCE_S) -> T:
    """Ask until the answer is true; answers it."""
    deadline_s = time.monotonic() + patience_s
    while True:
        answer = question()
        if answer:
            return answer  # type: ignore[return-value]  # True is a T where T is bool
        assert time.monotonic() < deadline_s, f"{what} did not come true in {patience_s:.0f} s"
        time.sleep(0.02)


def cache_of(directory: Path) -> Path:
    """Where a world keeps what its translator has made, by what it was made of."""
    return directory / ".terrella" / "cache"


def give_translations(directory: Path) -> None:
    """A world need not make again what an earlier one has made."""
    shutil.copytree(TRANSLATED, cache_of(directory), dirs_exist_ok=True)


def free_base() -> str:
    """The first half of addresses that are ours until ``give_back``: several suites may run on one machine."""
    claimed = claim_base((4566, 4567, 8080, 10053), numbers=BASES)
    _CLAIMED[claimed.text] = claimed
    return claimed.text


def give_back(base: str) -> None:
    """Let others have it; without effect if it is nobody's."""
    claimed = _CLAIMED.pop(base, None)
    if claimed is not None:
        claimed.release()


class Terrella:
    """One world in ``directory``, at ``base``."""

    def __init__(self, directory: Path, base: str, regions: tuple[str, ...] = REGIONS) -> None:
        self.directory = directory
        self.base = base
        self.regions = regions
        self.door = f"{base}.0.1"
        self.addresses = {name: f"{base}.{number}.1" for number, name in enumerate(regions, start=1)}

    @classmethod
    def of(
        cls,
        source: Path,
        directory: Path,
        *,
        base: str = "",
        regions: tuple[str, ...] = REGIONS,
        edit: Callable[[str], str] = lambda template: template,
        more: str = "",
    ) -> "Terrella":
        """A copy of an application, in a world of its own."""
        base = base or free_base()
        shutil.copytree(source, directory, ignore=shutil.ignore_patterns(".terrella", "__pycache__", "world.yaml"))
        template = directory / "template.yaml"
        template.write_text(edit(template.read_text()))
        listed = "".join(f"  {name}: {{azs: 2}}\n" for name in regions)
        world = f'name: {directory.name}\ntemplate: template.yaml\nregions:\n{listed}addresses: {{base: "{base}"}}\n'
        (directory / "world.yaml").write_text(world + more)
        return cls(directory, base, regions)

    # the command line

    def run(self, *arguments: str, check: bool = True, timeout_s: float = 120) -> subprocess.CompletedProcess[str]:
        """One command, as a user types it."""
        done = subprocess.run(
            [sys.executable, "-m", "terrella", *arguments],
            cwd=self.directory,
            env=environment(),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        if check:
            assert done.returncode == 0, f"terrella {' '.join(arguments)}: {done.stdout}{done.stderr}"
        return done

    def up(self) -> None:
        """Bring it up."""
        give_translations(self.directory)
        self.run("up", "--detach")
        shutil.copytree(cache_of(self.directory), TRANSLATED, dirs_exist_ok=True)

    def down(self) -> None:
        """Stop it, however it was left, and make sure that nothing of it lives."""
        self.run("down", check=False)
        until(lambda: self.processes() == [], "no process left", 30)  # the kernel may still be burying them
        give_back(self.base)

    def status(self) -> dict[str, Any]:
        """``terrella status --json``, without the cost of a process."""
        answer: dict[str, Any] = self.control("GET", "status")
        return answer

    def region(self, name: str) -> dict[str, Any]:
        """One region's part of the status."""
        return next(each for each in self.status()["regions"] if each["region"] == name)

    def states(self) -> dict[str, str]:
        """Each region's state."""
        return {each["region"]: each["state"] for each in self.status()["regions"]}

    def until_serving(self) -> None:
        """Wait until every region serves."""
        until(lambda: set(self.states().values()) == {"serving"}, "every region serving")

    def log(self, region: str | None = None) -> str:
        """A region's log, or the world's."""
        logs = self.directory / ".terrella" / "logs"
        return (logs / "world.log" if region is None else logs / region / "region.log").read_text()

    # requests

    def control(self, method: str, path: str, body: object = None, *, address: str = "") -> Any:
        """The control API of the supervisor, or of a region by its address."""
        status, _, answer = self.http(
            method,
            address or self.door,
            4566,
            f"/_terrella/{path}",
            b"" if body is None else json.dumps(body).encode(),
            {"x-terrella-control": "1"},
        )
        assert status == 200, answer
        return json.loads(answer)

    def http(
        self,
        method: str,
        address: str,
        port: int,
        target: str,
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        timeout_s: float = 20,
    ) -> tuple[int, dict[str, str], bytes]:
        """One request on a connection of its own: status, headers (lower case), body."""
        import http.client

        connection = http.client.HTTPConnection(address, port, timeout=timeout_s)
        try:
            connection.request(method, target, body, headers or {})
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()

    def application(
        self, region: str, method: str, path: str, body: bytes = b"", host: str = "items.example.com", **headers: str
    ) -> tuple[int, Any]:
        """One request to the application in a region: status, and the body, decoded if it is JSON."""
        status, _, answer = self.http(
            method, self.addresses[region], 8080, path, body, {"host": host, **headers}, timeout_s=30
        )
        with suppress(ValueError):
            return status, json.loads(answer)
        return status, answer

    def client(self, service: str, region: str, *, address: str = "", **config: Any) -> Any:
        """A boto3 client, through the front door unless an address is given."""
        return boto3.client(
            service,
            region_name=region,
            endpoint_url=f"http://{address or self.door}:4566",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=30, **config),
        )

    def digests(self, table: str) -> set[str]:
        """The digests of a table's replicas: one of them, once all are equal."""
        return {
            self.control("GET", f"digest?table={table}", address=address)["digest"]
            for address in self.addresses.values()
        }

    def until_equal(self, table: str) -> None:
        """Wait until all replicas are equal."""
        until(lambda: len(self.digests(table)) == 1, f"all replicas of {table} equal")

    # processes

    def processes(self) -> list[psutil.Process]:
        """Everything of this world that lives: found by its arguments and by its environment."""
        found = []
        for process in psutil.process_iter(["pid", "cmdline", "status"]):
            if process.info["status"] == psutil.STATUS_ZOMBIE or process.pid == os.getpid():
                continue
            command = " ".join(process.info["cmdline"] or [])
            with suppress(psutil.Error):
                mine = str(self.directory) in command or (
                    "terrella" in command and str(self.directory) in process.environ().get("LAMBDA_TASK_ROOT", "")
                )
                if mine:
                    found.append(process)
        return found

    def pid(self, region: str) -> int:
        """A region's process."""
        return int(self.region(region)["pid"])

    def kill_supervisor(self) -> None:
        """SIGKILL the supervisor alone."""
        supervisor = psutil.Process(self.status()["pid"])
        supervisor.kill()
        psutil.wait_procs([supervisor], timeout=10)

    def kill_everything(self) -> None:
        """SIGKILL every process of this world at once."""
        processes = self.processes()
        for process in processes:
            with suppress(psutil.Error):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(processes, timeout=10)


def environment() -> dict[str, str]:
    """Without the user's AWS settings; and what Python has compiled is kept, or every process would compile it all."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_") and name != "PYTHONDONTWRITEBYTECODE"
    }
    return {**kept, "PYTHONPATH": str(SOURCE), "AWS_CONFIG_FILE": os.devnull, "COLUMNS": "120"}


def put(world: Terrella, region: str, item_id: str, message: str = "hello") -> tuple[int, Any]:
    """POST /items of examples/items."""
    return world.application(region, "POST", "/items", json.dumps({"id": item_id, "message": message}).encode())


def change(path: Path, before: str, after: str) -> None:
    """Edit a file; what is replaced must be there."""
    text = path.read_text()
    assert before in text, f"{before!r} is not in {path}"
    path.write_text(text.replace(before, after))


def drop_block(template: str, logical_id: str) -> str:
    """A template without one resource."""
    without, found = re.subn(rf"(?m)^  {logical_id}:\n(?:(?:    .*)?\n)+", "", template)
    assert found, logical_id
    return without
