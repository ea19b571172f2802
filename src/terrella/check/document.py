"""The rules as the Markdown that stands in ``docs/check.md``."""

from terrella.check.rules import ALL_RULES


def rules_table() -> str:
    """One row a rule."""
    rows = [
        f"| `{rule.id}`<br>{rule.code} | {rule.severity} | {rule.alone or 'not judged'}"
        f" | {rule.explanation} | {rule.fix} |"
        for rule in ALL_RULES
    ]
    head = [
        "| rule, in cfn-lint | in a world | a template alone | why | what to do |",
        "| --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*head, *rows, ""])
