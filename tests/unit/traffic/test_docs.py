"""The support tables in the documentation are those that records and health checks are refused by."""

from pathlib import Path

from terrella.kernel import PROFILES
from terrella.traffic import SUPPORT

PAGE = Path(__file__).parents[3] / "docs" / "services" / "traffic.md"
MARK = "<!-- the tables below are terrella.traffic.SUPPORT; tests/unit/traffic/test_docs.py keeps them so -->\n"


def tables() -> str:
    """The tables as Markdown; ``PYTHONPATH=src python tests/unit/traffic/test_docs.py`` writes them into the page."""
    lines: list[str] = []
    for title, rows in SUPPORT.items():
        lines += ["", f"### {title}", "", "| | verdict | |", "| --- | --- | --- |"]
        lines += [f"| {row.name} | {row.verdict} | {row.note} |" for row in rows]
    return "\n".join(lines) + "\n"


def test_the_support_tables_are_current() -> None:
    shown = PAGE.read_text().partition(MARK)[2]
    assert shown == tables(), "run: PYTHONPATH=src python tests/unit/traffic/test_docs.py"


def test_the_table_of_timings_is_current() -> None:
    aws, fast = PROFILES["aws"], PROFILES["fast"]
    columns = [
        " / ".join(f"{seconds * profile.health_check_interval_scale:g} s" for seconds in (10, 30))
        for profile in (aws, fast)
    ]
    assert f"| interval (`RequestInterval` 10 / 30) | {columns[0]} | {columns[1]} |" in PAGE.read_text()
    answers = ["; ".join(f"{s * p.health_check_timeout_scale:g} s" for s in (4, 2, 2)) for p in (aws, fast)]
    assert f"| {answers[0]} | {answers[1]} |" in PAGE.read_text()


if __name__ == "__main__":
    PAGE.write_text(PAGE.read_text().partition(MARK)[0] + MARK + tables())
