"""The rules are explained, in the code and in the documentation."""

import os
from pathlib import Path

from terrella.check import RULES
from terrella.check.document import rules_table

DOCUMENT = Path(__file__).parents[3] / "docs" / "check.md"
MARK = "how. -->\n\n"


def test_the_document_holds_the_rules() -> None:
    """``UPDATE_DOCS=1 python -m pytest tests/unit/check/test_rules.py`` writes them."""
    head, _, table = DOCUMENT.read_text().partition(MARK)
    if os.environ.get("UPDATE_DOCS"):
        DOCUMENT.write_text(head + MARK + rules_table())
        return
    assert table == rules_table(), "docs/check.md is behind the rules: run this test with UPDATE_DOCS=1"


def test_rules_explain_themselves() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    assert all(rule.explanation.endswith(".") and rule.fix.endswith(".") for rule in RULES)
