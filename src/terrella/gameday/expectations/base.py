"""What all expectations have in common."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, Protocol, Self

from terrella.gameday.bounds import Bound, Scope, Unit, read_bound, read_exactly, read_scope
from terrella.gameday.evidence import Evidence
from terrella.gameday.verdict import Finding


@dataclass(frozen=True, slots=True)
class Known:
    """The names that an expectation may speak of."""

    regions: Collection[str]
    vantage_points: Collection[str]


class Expectation(Protocol):
    """One line of ``expect``. ``keyword`` is its key, ``grammar`` what may stand there, by example."""

    keyword: ClassVar[str]
    grammar: ClassVar[str]
    needs_load: ClassVar[bool]

    @property
    def expected(self) -> str:
        """What is expected, for people."""
        ...

    @classmethod
    def parse(cls, text: str, known: Known) -> Self:
        """Raises ``ValueError`` for what is none; its text says which name is not known, if that is it."""
        ...

    def judge(self, evidence: Evidence) -> Sequence[Finding]:
        """What was found."""
        ...


@dataclass(frozen=True, slots=True)
class Bounded:
    """An expectation that is a bound and nothing else."""

    bound: Bound
    unit: ClassVar[Unit] = Unit.COUNT

    @property
    def expected(self) -> str:
        """The bound."""
        return str(self.bound)

    @classmethod
    def parse(cls, text: str, known: Known) -> Self:
        """A bound, and nothing after it."""
        return cls(read_exactly(text, cls.unit))


@dataclass(frozen=True, slots=True)
class Since:
    """An expectation that is a duration, and perhaps the words that say from when; the first of them are its own."""

    bound: Bound
    words: ClassVar[Sequence[str]]

    @property
    def expected(self) -> str:
        """The bound, and from when."""
        return f"{self.bound} {self.words[0]}"

    @classmethod
    def parse(cls, text: str, known: Known) -> Self:
        """A duration, and perhaps the words."""
        bound, rest = read_bound(text, Unit.SECONDS)
        if rest and rest not in cls.words:
            raise ValueError(text)
        return cls(bound)


def known_scope(text: str, known: Known) -> Scope:
    """A scope whose vantage point there is; raises ``ValueError``."""
    scope = read_scope(text)
    if scope.vantage_point is not None and scope.vantage_point not in known.vantage_points:
        raise ValueError(text)
    return scope
