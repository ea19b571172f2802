"""docs/services/functions.md says what the code has."""

import re
from dataclasses import fields
from pathlib import Path

from terrella.services.functions import RUNTIMES, Limits
from terrella.services.functions.environment import DEFAULT_VARIABLES, RESERVED_VARIABLES
from terrella.services.functions.operations import OPERATIONS

PAGE = (Path(__file__).parents[4] / "docs" / "services" / "functions.md").read_text()


def table(first_heading: str) -> dict[str, str]:
    """The rows of the table that begins so: first cell to second, without backquotes."""
    _, found, rest = PAGE.partition(f"| {first_heading} |")
    assert found, f"the page has no table of {first_heading}"
    lines = rest.splitlines()[2:]
    rows = [line.strip("| ").split("|") for line in lines[: next((i for i, x in enumerate(lines) if not x), None)]]
    return {row[0].strip(" `"): row[1].strip() if len(row) > 1 else "" for row in rows}


def test_operations() -> None:
    assert list(table("operation")) == sorted(OPERATIONS)


def test_variables() -> None:
    assert tuple(table("reserved variable")) == RESERVED_VARIABLES
    assert tuple(table("default variable")) == DEFAULT_VARIABLES


def test_limits() -> None:
    defaults = {
        field.name: ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
        for field, value in ((field, getattr(Limits(), field.name)) for field in fields(Limits))
    }
    assert table("limit") == defaults


def test_runtimes() -> None:
    first, last = re.findall(r"`(python3\.\d+)`", PAGE)[:2]
    assert (first, last) == (next(iter(RUNTIMES)), next(reversed(RUNTIMES)))
