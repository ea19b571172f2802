"""The support tables in the documentation are those that the gateway refuses by."""

from pathlib import Path

from terrella.services.gateway import SUPPORT

PAGE = Path(__file__).parents[3] / "docs" / "services" / "gateway.md"
MARK = "<!-- the tables below are terrella.services.gateway.SUPPORT; tests/unit/gateway/test_docs.py keeps them so -->"


def tables() -> str:
    """The tables as Markdown; ``python tests/unit/gateway/test_docs.py`` writes them into the page."""
    lines: list[str] = []
    whole = [one for one in SUPPORT if not one.property]
    detailed = [one for one in whole if sum(other.resource_type == one.resource_type for other in SUPPORT) > 1]
    for head in detailed:
        lines += ["", f"### {head.resource_type}", ""]
        if head.note:
            lines += [f"{head.verdict.capitalize()}: {head.note}.", ""]
        lines += ["| property | verdict | |", "| --- | --- | --- |"]
        rows = [one for one in SUPPORT if one.resource_type == head.resource_type and one.property]
        lines += [f"| {one.property} | {one.verdict} | {one.note} |" for one in rows]
    lines += ["", "### Other types", "", "| type | verdict | |", "| --- | --- | --- |"]
    lines += [f"| {one.resource_type} | {one.verdict} | {one.note} |" for one in whole if one not in detailed]
    return "\n".join(lines) + "\n"


def test_the_support_tables_are_current() -> None:
    shown = PAGE.read_text().partition(MARK + "\n")[2]
    assert shown == tables(), "run: PYTHONPATH=src python tests/unit/gateway/test_docs.py"


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text().partition(MARK)[0] + MARK + "\n" + tables())
