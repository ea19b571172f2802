"""The linter: multi-region rules on a template and its world, with nothing running.

``check_world`` answers what is wrong: what the template itself gets wrong, what is refused here, what cfn-lint says,
and what the rules on several regions at once say, which stand in ``rules/``, one file each.
"""

from terrella.check.check import check_world
from terrella.check.findings import Finding, Rule, Severity
from terrella.check.rules import RULES

__all__ = ["RULES", "Finding", "Rule", "Severity", "check_world"]
