"""What the linter answers, and what a rule is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from terrella.check.view import WorldView


class Severity(StrEnum):
    """An ``ERROR`` is certain to go wrong, or is refused; a ``WARNING`` is likely to hurt in a failure."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: by which rule, where, what, and what to do about it. ``line`` is 1-based."""

    rule: str
    severity: Severity
    file: Path
    line: int
    message: str
    fix: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity} [{self.rule}] {self.message}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One multi-region rule; ``find`` yields the line and message of each place that breaks it."""

    id: str
    severity: Severity
    explanation: str
    fix: str
    find: Callable[[WorldView], Iterable[tuple[int, str]]]

    def findings(self, view: WorldView) -> list[Finding]:
        """What the rule finds, each place once."""
        places = dict.fromkeys(self.find(view))
        return [
            Finding(self.id, self.severity, view.template.path, line, message, self.fix) for line, message in places
        ]
