"""State that a function keeps in its process or on its disk."""

from collections.abc import Iterator

from terrella.check.code import PYTHON, functions, kept_files, kept_in_script, kept_state
from terrella.check.findings import Place, Rule, Severity
from terrella.check.view import WorldView


def _find(view: WorldView) -> Iterator[Place]:
    for function in functions(view):
        for source in function.sources:
            if source.language == PYTHON:
                tree = source.tree
                found = [*kept_state(tree), *kept_files(tree)] if tree else []
            else:
                found = list(kept_in_script(source.text))
            for line, message in found:
                yield Place(line + source.offset, message, source.path)


RULE = Rule(
    id="state-in-function",
    number=9124,
    severity=Severity.WARNING,
    alone=Severity.WARNING,
    explanation="Each instance of a function has its own memory and disk, in every zone of every region, and "
    "loses them without notice; what one call leaves there another call may or may not see.",
    fix="Keep it in a (global) table, or make it anew in each call.",
    find=_find,
)
