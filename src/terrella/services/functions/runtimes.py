"""Runtimes: how a worker process for a function's ``Runtime`` is started. A port: Python is the first to dock.

Every ``python3.x`` runs on the interpreter that runs terrella; a handler that needs another one's syntax fails as an
import error does. A runtime that is missing is refused by name.
"""

import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from terrella.kernel import TerrellaError

_WORKER = Path(__file__).with_name("worker.py")
_FAMILIES = re.compile(r"(nodejs|java|dotnet|dotnetcore|ruby|go|provided|python)")


class Runtime(Protocol):
    """What runs handlers of one kind."""

    @property
    def name(self) -> str:
        """As in a function's ``Runtime``: ``python3.12``."""
        ...

    def command(self, parent: int) -> list[str]:
        """The worker's command line; the worker must die with the process ``parent``."""
        ...

    def describe(self) -> str:
        """What it really is, for the log's INIT_START line."""
        ...


@dataclass(frozen=True, slots=True)
class PythonRuntime:
    """Handlers in a Python process of their own, under ``awslambdaric``."""

    name: str

    def command(self, parent: int) -> list[str]:
        """By the worker's file, not by its module: that would import the package and all that it imports."""
        return [sys.executable, "-P", "-s", str(_WORKER), str(parent)]

    def describe(self) -> str:
        """The interpreter that really runs it."""
        return f"{self.name} (on CPython {sys.version.split()[0]})"


RUNTIMES: dict[str, Runtime] = {name: PythonRuntime(name) for name in (f"python3.{minor}" for minor in range(9, 15))}


def find_runtime(name: str, where: str) -> Runtime:
    """The runtime of that name; raises ``TerrellaError`` naming what there is."""
    runtime = RUNTIMES.get(name)
    if runtime is not None:
        return runtime
    known = ", ".join(RUNTIMES)
    if not name:
        raise TerrellaError(f"{where} has no Runtime; expected one of {known}")
    kind = _FAMILIES.match(name)
    what = "is not supported yet" if kind else "is no Lambda runtime"
    raise TerrellaError(f"{where}: the runtime {name} {what}; expected one of {known}")
