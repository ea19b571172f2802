"""The recovery time that somebody asks for: on the command line, or in a game day beside ``world.yaml``."""

import re
from dataclasses import dataclass
from pathlib import Path

_EXPECTED = re.compile(r"^\s+failover:\s*[\"']?\s*<=?\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>ms|s|m)\b")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0}


@dataclass(frozen=True, slots=True)
class Objective:
    """How many seconds recovery may take, and who says so."""

    seconds: float
    source: str


def objective_of(directory: Path) -> Objective | None:
    """The shortest ``failover: "<= 40s"`` that the game days in ``gamedays/`` expect under AWS's own timings."""
    found = [one for path in sorted((directory / "gamedays").glob("*.y*ml")) for one in _expected(path)]
    return min(found, key=lambda one: one.seconds, default=None)


def _expected(path: Path) -> list[Objective]:
    lines = path.read_text(errors="replace").splitlines()
    if not any(re.match(r"profile:\s*[\"']?aws\b", line) for line in lines):
        return []  # the profile fast is a hundred times faster than any objective that anybody has
    return [
        Objective(float(match["number"]) * _SECONDS[match["unit"]], f"gamedays/{path.name}:{number}")
        for number, line in enumerate(lines, 1)
        if (match := _EXPECTED.match(line))
    ]
