"""A region that is written out in a handler."""

from collections.abc import Iterator

from terrella.check.code import PYTHON, functions, pinned_in_python, pinned_in_script
from terrella.check.findings import Place, Rule, Severity
from terrella.check.view import WorldView


def _find(view: WorldView) -> Iterator[Place]:
    for function in functions(view):
        for source in function.sources:
            if source.language == PYTHON:
                tree = source.tree
                found = pinned_in_python(tree, function.environment) if tree else iter(())
            else:
                found = pinned_in_script(source.text, function.environment)
            for line, message in found:
                yield Place(line + source.offset, message, source.path)


RULE = Rule(
    id="hard-coded-region-in-code",
    number=9123,
    severity=Severity.WARNING,
    alone=Severity.WARNING,
    explanation="In every region the function asks this one: it is slow from far away, and down when that region is.",
    fix='Leave the region out (`boto3.client("sqs")` takes the function\'s own), or read AWS_REGION from '
    "the environment.",
    find=_find,
)
