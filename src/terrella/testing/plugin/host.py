"""``python -m terrella.testing.plugin.host WORLD.YAML``: a world that lives no longer than its tests.

It is ``terrella up`` with two differences: how the start went is told as a JSON line on standard output (``{"ready":
status}`` or ``{"failed": sentence}``), and the end of standard input stops the world. The kernel closes that pipe
however the other side ends, so a test run that is killed leaves no world behind.
"""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import msgspec

from terrella.kernel import TerrellaError
from terrella.world import Event, Options, Supervisor, front_traffic, load_world, run_world


class PipeReporter:
    """Tells whoever started this process; events are in ``logs/world.log`` already."""

    def swept(self, regions: list[str]) -> None:
        """A fresh directory has no earlier supervisor."""

    def starting(self, supervisor: Supervisor) -> None:
        """The other side knows: it asked for it."""

    def ready(self, status: dict[str, Any]) -> None:
        """Every region serves."""
        _tell({"ready": status})

    def event(self, event: Event) -> None:
        """Written to the world's log by the supervisor."""

    def stopping(self) -> None:
        """The other side asked for it, or is gone."""


def main(path: Path, *, skip_unsupported: bool) -> int:
    """Run until standard input ends; answers the exit code."""
    threading.Thread(target=_stop_at_the_end_of_input, daemon=True).start()
    try:
        run_world(
            load_world(path), Options(skip_unsupported=skip_unsupported), PipeReporter(), make_traffic=front_traffic
        )
    except TerrellaError as error:
        _tell({"failed": str(error)})
        return 1
    return 0


def _stop_at_the_end_of_input() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def _tell(what: dict[str, Any]) -> None:
    try:
        os.write(1, msgspec.json.encode(what) + b"\n")
    except BrokenPipeError:
        return  # nobody listens any more: the end of input stops the world


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), skip_unsupported="--skip-unsupported" in sys.argv[2:]))
