"""Everything that is known to be wrong with a template in a world, before anything starts."""

from collections.abc import Mapping
from typing import Any

from terrella.check.cfn_lint import run_cfn_lint
from terrella.check.findings import Finding, Severity
from terrella.check.rules import RULES
from terrella.check.view import WorldView
from terrella.stack import Stack, Template, TemplateError, Verdict, coverage, evaluate

_ORDER = [Severity.ERROR, Severity.WARNING]


def check_world(
    template: Template,
    regions: Mapping[str, Mapping[str, Any]],
    *,
    world: str,
    stack_name: str,
    account: str,
    addresses: Mapping[str, str] | None = None,
    lint: bool = True,
) -> list[Finding]:
    """The findings on a template in a world, errors first, then by line.

    ``regions`` are the world's regions in order, each with its parameters; ``addresses`` the regions' IP addresses, so
    that a record or health check that names one can be understood. ``lint`` also runs cfn-lint (over 2 s, cached).
    """
    found: list[Finding] = []
    stacks: dict[str, Stack] = {}
    for region, parameters in regions.items():
        try:
            stacks[region] = evaluate(
                template, region=region, parameters=parameters, stack_name=stack_name, account=account, world=world
            )
        except TemplateError as error:
            fix = "Mend the template, or the region's parameters in world.yaml."
            finding = Finding("template", Severity.ERROR, error.file, error.line, error.message, fix)
            found += [] if finding in found else [finding]
    found += _refusals(template, stacks)
    view = WorldView(template, stacks, addresses or {})
    for rule in RULES:
        found += rule.findings(view)
    if lint:
        found += run_cfn_lint(template, list(regions))
    return sorted(found, key=lambda one: (_ORDER.index(one.severity), one.line, one.rule))


def _refusals(template: Template, stacks: Mapping[str, Stack]) -> list[Finding]:
    """What is refused in any region, once."""
    rows = {}
    for stack in stacks.values() or [None]:
        try:
            covered = coverage(template, stack)
        except TemplateError:
            continue  # it is reported as such
        for row in covered:
            if row.verdict in (Verdict.REFUSED, Verdict.DELEGATED):
                rows[row.logical_id, row.property] = row
    return [
        Finding(
            rule="refused-property" if row.property else "refused-resource",
            severity=Severity.ERROR,
            file=template.path,
            line=row.line,
            message=f"{row.logical_id} ({row.type}){f': {row.property}' if row.property else ''}: {row.reason}",
            fix="Remove it, or leave it out here: terrella up --skip-unsupported.",
        )
        for row in rows.values()
    ]
