"""The rules as the Markdown that stands in ``docs/check.md``."""

from terrella.check.rules import RULES


def rules_table() -> str:
    """One row a rule."""
    rows = [f"| `{rule.id}` | {rule.severity} | {rule.explanation} | {rule.fix} |" for rule in RULES]
    return "\n".join(["| rule | | why | what to do |", "| --- | --- | --- | --- |", *rows, ""])
