"""A number in a global table that two regions count up at once."""

import re
from collections.abc import Iterator

from terrella.check.code import functions
from terrella.check.findings import Place, Rule, Severity
from terrella.check.view import WorldView

_COUNTS = re.compile(
    r"""["'`](?:SET\s[^"'`]*?(?P<name>[#\w.]+)\s*=\s*(?:if_not_exists\([^)]*\)|(?P=name))\s*[+-]\s*:\w+|ADD\s+[#\w.]+\s+:\w+)"""
)


def _find(view: WorldView) -> Iterator[Place]:
    if not any(True for _ in view.declared("AWS::DynamoDB::GlobalTable")) or len(view.regions) < 2:
        return
    if any(
        one.properties.get("MultiRegionConsistency") == "STRONG" for one in view.declared("AWS::DynamoDB::GlobalTable")
    ):
        return
    for function in functions(view):
        for source in function.sources:
            for match in _COUNTS.finditer(source.text):
                line = source.text.count("\n", 0, match.start()) + 1 + source.offset
                yield Place(line, f"{match[0].strip(chr(34))} counts in the region's own copy of the item", source.path)


RULE = Rule(
    id="counter-on-global-table",
    number=9126,
    severity=Severity.WARNING,
    alone=Severity.WARNING,
    explanation="Replication copies the whole item, and the last writer wins: of two regions that add to a "
    "number at once, one's addition is lost without an error.",
    fix="Keep a number for each region in an item of its own (`id#eu-west-1`) and add them up when "
    "reading; or write events, not sums; or use a strongly consistent table.",
    find=_find,
)
