"""A world under test as a process: started, waited for, stopped, and cleaned up after."""

import contextlib
import os
import selectors
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec

from terrella.kernel import Clock
from terrella.testing.plugin.application import Application
from terrella.testing.plugin.errors import WorldError
from terrella.world import Base, claim_base, region_records

START_PATIENCE_S = 120.0
STOP_PATIENCE_S = 15.0
_SOURCE = Path(__file__).parents[3]
_TAIL_BYTES = 4096


class WorldProcess:
    """One ``host`` process and its regions, in ``directory``; ``started_s`` is how long it took to be ready."""

    def __init__(self, application: Application, directory: Path, cache: Path | None, clock: Clock) -> None:
        self.application = application
        self.directory = directory
        self._clock = clock
        ports = application.load().ports
        self._base: Base = claim_base((ports.aws, ports.application, ports.dns, ports.replication))
        self._process: subprocess.Popen[bytes] | None = None
        self.started_s = 0.0
        try:
            self.world = application.copy_to(directory, self._base.text)
            if cache is not None:
                _share(cache, self.world.state_directory / "cache")
            self.status = self._start()
        except BaseException:
            self.stop()
            raise

    @property
    def running(self) -> bool:
        """Its supervisor lives."""
        return self._process is not None and self._process.poll() is None

    def _start(self) -> dict[str, Any]:
        begun_s = self._clock.monotonic()
        logs = self.world.state_directory / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / "host.log").open("wb") as errors:
            self._process = subprocess.Popen(  # noqa: S603 - our own command
                [
                    *(sys.executable, "-m", "terrella.testing.plugin.host", str(self.world.path)),
                    *(["--skip-unsupported"] if self.application.skip_unsupported else []),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,
                env=_environment(),
            )
        said = self._first_line(begun_s + START_PATIENCE_S)
        if "ready" not in said:
            raise WorldError(f"the world of {self.application.path} did not start: {said['failed']}")
        self.started_s = self._clock.monotonic() - begun_s
        status: dict[str, Any] = said["ready"]
        return status

    def _first_line(self, deadline_s: float) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        said = b""
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            while not said.endswith(b"\n"):
                if not selector.select(max(0.0, deadline_s - self._clock.monotonic())):
                    return {"failed": f"it was not ready within {START_PATIENCE_S:.0f} s; see {self.directory}"}
                part = os.read(self._process.stdout.fileno(), 1 << 16)
                if not part:
                    return {"failed": f"it ended without a word\n{self._last_words()}"}
                said += part
        answer: dict[str, Any] = msgspec.json.decode(said)
        return answer

    def _last_words(self) -> str:
        log = self.world.state_directory / "logs" / "host.log"
        return log.read_bytes()[-_TAIL_BYTES:].decode("utf-8", "replace")

    def stop(self) -> None:
        """As a clean ``terrella down``; whatever is left of it after a while is killed."""
        process, self._process = self._process, None
        if process is not None:
            assert process.stdin is not None
            assert process.stdout is not None
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(STOP_PATIENCE_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
            self._sweep()
        if self._base.descriptor >= 0:
            self._base.release()
            self._base = Base(self._base.text, -1)

    def _sweep(self) -> None:
        """Regions that a supervisor which had to be killed has left behind."""
        for _, _, record in region_records(self.world.state_directory):
            if record.alive:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(record.pid, signal.SIGKILL)


def _share(cache: Path, place: Path) -> None:
    """Translating a template takes seconds: it is done once for all worlds of all test runs."""
    cache.mkdir(parents=True, exist_ok=True)
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.exists():
        place.symlink_to(cache.resolve(), target_is_directory=True)


def _environment() -> dict[str, str]:
    """Ours, with terrella on the path (pytest may have found it by a setting of its own), without the user's AWS."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PYTEST_", "COV_"))}
    if str(_SOURCE) in sys.path and _SOURCE.name != "site-packages":
        kept["PYTHONPATH"] = os.pathsep.join([str(_SOURCE), *filter(None, [kept.get("PYTHONPATH")])])
    return kept
