"""The rules as rules of cfn-lint: ``cfn-lint --append-rules terrella.check.cfn_lint_rules template.yaml``.

cfn-lint, and every editor and pipeline that runs it, then shows what would go wrong if the template were run in several
regions. It judges the template alone; ``terrella check`` judges it in its world.
"""

import tempfile
from pathlib import Path
from typing import Any

from cfnlint.rules import CloudFormationLintRule, RuleMatch

from terrella.check.check import check_template
from terrella.check.exceptions import WITHOUT_REASON
from terrella.check.findings import Finding, Rule
from terrella.check.rules import ALL_RULES
from terrella.kernel import TerrellaError
from terrella.stack import load_template

_SOURCE = "docs/check.md"
_found: dict[tuple[str, bytes], list[Finding]] = {}


def _findings(file: Path) -> list[Finding]:
    """What is found in a file, judged once for all rules."""
    key = str(file), file.read_bytes()
    if key not in _found:
        _found.clear()
        with tempfile.TemporaryDirectory() as cache:
            try:
                _found[key] = check_template(load_template(file, Path(cache)), lint=False)
            except TerrellaError:
                _found[key] = []  # not a template that can be read here: cfn-lint says what is wrong with it
    return _found[key]


def _match(rule: CloudFormationLintRule, cfn: Any) -> list[RuleMatch]:
    """The findings of one rule, where they stand; those in a handler's file at the template's beginning."""
    file = Path(cfn.filename)
    if not file.is_file():
        return []  # it was piped in
    matches = []
    for one in _findings(file):
        if one.rule != rule.shortdesc or one.excepted is not None:
            continue
        inside = one.file == file
        line = one.line - 1 if inside else 0
        message = one.message if inside else f"{one.file.name}:{one.line}: {one.message}"
        matches.append(RuleMatch([], f"{message}. {one.fix}", location=(line, 0, line, 0)))
    return matches


def _class_of(rule: Rule) -> type[CloudFormationLintRule]:
    name = "".join(word.capitalize() for word in rule.id.split("-"))
    members = {
        "__module__": __name__,
        "id": rule.code,
        "shortdesc": rule.id,
        "description": f"{rule.explanation} {rule.fix}",
        "source_url": _SOURCE,
        "tags": ["terrella", "multi-region"],
        "match": _match,
    }
    return type(name, (CloudFormationLintRule,), members)


for _rule in ALL_RULES:
    if _rule.alone is not None or _rule is WITHOUT_REASON:
        globals()[_class_of(_rule).__name__] = _class_of(_rule)
