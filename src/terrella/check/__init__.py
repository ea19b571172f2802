"""The linter: multi-region rules on a template and its world, with nothing running.

``check_world`` answers what is wrong: what the template itself gets wrong, what is refused here, what cfn-lint says,
and what the rules on several regions at once say, which stand in ``rules/``, one file each. ``check_template`` judges a
template without a world. Findings are shown as text, as SARIF, or as JUnit.
"""

from terrella.check.check import check_template, check_world
from terrella.check.findings import Finding, Rule, Severity
from terrella.check.junit import to_junit
from terrella.check.objective import Objective, objective_of
from terrella.check.rules import ALL_RULES, RULES
from terrella.check.sarif import to_sarif

__all__ = [
    "ALL_RULES",
    "RULES",
    "Finding",
    "Objective",
    "Rule",
    "Severity",
    "check_template",
    "check_world",
    "objective_of",
    "to_junit",
    "to_sarif",
]
