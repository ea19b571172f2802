"""The errors of this room: one family, and one way to say where.

``TemplateError``    what a person sees: ``template.yaml:12: what was found; what was expected``
``Mistake``          the same before the place is known: it collects its path on the way up through the tree
"""

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from terrella.kernel import TerrellaError

PathStep = str | int


class TemplateError(TerrellaError):
    """A mistake in a template, with its file and line (1-based)."""

    def __init__(self, file: Path, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")
        self.file = file
        self.line = line
        self.message = message


class Mistake(Exception):  # noqa: N818 - it never leaves the room: it becomes a TemplateError once its place is known
    """Something wrong at a path of the template's tree; the innermost step is added first."""

    def __init__(self, message: str, path: Sequence[PathStep] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.steps: list[PathStep] = list(reversed(path))

    @property
    def path(self) -> tuple[PathStep, ...]:
        """From the outermost step to the innermost."""
        return tuple(reversed(self.steps))


class at:  # noqa: N801 - it reads as a word where it is used: ``with at("Properties"):``
    """A mistake that is raised inside happened at these steps from here."""

    def __init__(self, *steps: PathStep) -> None:
        self._steps = steps

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Mistake):
            error.steps.extend(reversed(self._steps))
