"""What the linter answers, and what a rule is."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from terrella.check.view import WorldView


class Severity(StrEnum):
    """An ``ERROR`` is certain to go wrong, or is refused; a ``WARNING`` is likely to hurt in a failure.

    A ``NOTE`` is to be known: it would matter if the template were run in several regions, or is a choice with a price.
    """

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


class Place(NamedTuple):
    """One place that breaks a rule; ``file`` is the template unless it says otherwise. ``line`` is 1-based."""

    line: int
    message: str
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing found: by which rule, where, what, and what to do about it. ``line`` is 1-based.

    ``excepted`` is the reason why it is to be as it is, if one is given in the file; such a finding counts no more.
    """

    rule: str
    severity: Severity
    file: Path
    line: int
    message: str
    fix: str
    excepted: str | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.severity} [{self.rule}] {self.message}"


@dataclass(frozen=True, slots=True)
class Rule:
    """One multi-region rule; ``find`` yields the place, or line and message, of each thing that breaks it.

    ``number`` is the rule's among cfn-lint's. ``alone`` is the severity where there is no world: what would go wrong if
    the template were run in several regions (a template that is plainly made for several is warned); None says that
    without a world the rule cannot judge.
    """

    id: str
    number: int
    severity: Severity
    alone: Severity | None
    explanation: str
    fix: str
    find: Callable[[WorldView], Iterable[Place | tuple[int, str]]]

    @property
    def code(self) -> str:
        """The rule's id in cfn-lint, which judges a template alone: ``W9107``."""
        letters = {Severity.ERROR: "E", Severity.WARNING: "W", Severity.NOTE: "I"}
        return f"{letters[self.alone or self.severity]}{self.number}"

    def severity_in(self, view: WorldView) -> Severity | None:
        """How much it matters there; None if it cannot be judged."""
        if not view.is_assumed:
            return self.severity
        is_more = view.is_multi_region and self.alone is Severity.NOTE and self.severity is not Severity.NOTE
        return Severity.WARNING if is_more else self.alone

    def findings(self, view: WorldView) -> list[Finding]:
        """What the rule finds, each place once."""
        severity = self.severity_in(view)
        if severity is None:
            return []
        places = dict.fromkeys(Place(*place) for place in self.find(view))
        return [
            Finding(self.id, severity, place.file or view.template.path, place.line, place.message, self.fix)
            for place in places
        ]
