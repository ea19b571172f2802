"""The support tables are sound, and the documentation says what they say."""

import os
from pathlib import Path

import pytest

from terrella.stack.support import FAMILIES, RESOURCE_TYPES, Property, ResourceType, Verdict, resource_type
from terrella.stack.support.document import support_tables

DOCUMENT = Path(__file__).parents[3] / "docs" / "template.md"
MARK = "how. -->\n\n"


def test_the_document_holds_the_tables() -> None:
    """``UPDATE_DOCS=1 python -m pytest tests/unit/stack/test_support.py`` writes them."""
    text = DOCUMENT.read_text()
    head, _, tables = text.partition(MARK)
    if os.environ.get("UPDATE_DOCS"):
        DOCUMENT.write_text(head + MARK + support_tables())
        return
    assert tables == support_tables(), "docs/template.md is behind the tables: run this test with UPDATE_DOCS=1"


def test_a_type_stands_in_one_table_only() -> None:
    names = [known.name for family in FAMILIES.values() for known in family.TYPES]
    assert len(names) == len(set(names)) == len(RESOURCE_TYPES)


def test_what_is_not_honoured_says_why() -> None:
    def check(name: str, what: Property) -> None:
        assert what.reason or what.verdict is Verdict.HONOURED, name
        assert bool(what.allowed) == bool(what.otherwise), name
        for member, inner in (what.members or {}).items():
            check(f"{name}.{member}", inner)

    for known in RESOURCE_TYPES.values():
        assert known.reason or known.verdict is Verdict.HONOURED, known.name
        for name, what in known.properties.items():
            check(f"{known.name} {name}", what)


@pytest.mark.parametrize("known", RESOURCE_TYPES.values(), ids=lambda known: known.name)
def test_a_type_names_only_properties_that_it_has(known: ResourceType) -> None:
    if known.verdict is Verdict.HONOURED:
        assert known.properties
        assert known.named_by is None or known.named_by in known.properties
        assert known.replaced_by <= set(known.properties)


def test_unknown_types_are_refused_by_name() -> None:
    assert resource_type("AWS::Quantum::Computer").verdict is Verdict.REFUSED
    assert "custom" in resource_type("Custom::Thing").reason
