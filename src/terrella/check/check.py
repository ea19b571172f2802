"""Everything that is known to be wrong with a template in a world, or alone, before anything starts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from terrella.check.bare import assumed_regions, shows_several_regions, with_values
from terrella.check.cfn_lint import run_cfn_lint
from terrella.check.code import files_of
from terrella.check.exceptions import apply_exceptions
from terrella.check.findings import Finding, Severity
from terrella.check.objective import Objective
from terrella.check.rules import ALL_RULES, RULES
from terrella.check.view import WorldView
from terrella.stack import Stack, Template, TemplateError, Verdict, coverage, evaluate

_ORDER = [Severity.ERROR, Severity.WARNING, Severity.NOTE]
_ACCOUNT = "000000000000"


@dataclass(slots=True)
class _Stacks:
    """What a template comes to in each region, and what kept it from it."""

    stacks: dict[str, Stack] = field(default_factory=dict)
    mistakes: list[TemplateError] = field(default_factory=list)


def check_world(
    template: Template,
    regions: Mapping[str, Mapping[str, Any]],
    *,
    world: str,
    stack_name: str,
    account: str,
    addresses: Mapping[str, str] | None = None,
    lanes: Mapping[str, str] | None = None,
    objective: Objective | None = None,
    lint: bool = True,
) -> list[Finding]:
    """The findings on a template in a world, errors first, then by line; excepted ones among them.

    ``regions`` are the world's regions in order, each with its parameters; ``addresses`` the regions' IP addresses, so
    that a record or health check that names one can be understood; ``lanes`` the modes that ``world.yaml`` gives
    tables. ``lint`` also runs cfn-lint (over 2 s, cached).
    """
    evaluated = _evaluate(template, regions, world=world, stack_name=stack_name, account=account)
    found: list[Finding] = []
    for error in evaluated.mistakes:
        fix = "Mend the template, or the region's parameters in world.yaml."
        finding = Finding("template", Severity.ERROR, error.file, error.line, error.message, fix)
        found += [] if finding in found else [finding]
    found += _refusals(template, evaluated.stacks)
    view = WorldView(
        template,
        evaluated.stacks,
        addresses or {},
        regions=tuple(regions),
        lanes=lanes or {},
        objective_s=objective.seconds if objective else None,
        objective_source=objective.source if objective else "",
    )
    return _judged(view, found, lint=lint)


def check_template(
    template: Template, regions: Sequence[str] = (), *, objective: Objective | None = None, lint: bool = True
) -> list[Finding]:
    """The findings on a template without a world: what would go wrong if it were run in several regions.

    ``regions`` are assumed to be those of its table's replicas, or three that are far apart. Parameters without a
    default are made up. What is not served here is no finding: nobody has asked for it to be.
    """
    assumed = tuple(regions) or assumed_regions(template)
    filled = with_values(template)
    nothing_given: dict[str, Mapping[str, Any]] = {region: {} for region in assumed}
    name = _stack_name(template.path)
    evaluated = _evaluate(filled, nothing_given, world="alone", stack_name=name, account=_ACCOUNT)
    found = []
    if evaluated.mistakes:
        error = evaluated.mistakes[0]
        message = f"rules on what the template comes to are left out, as it could not be evaluated: {error.message}"
        fix = "Put it in a world, with the parameters of each region: docs/world.md."
        found.append(Finding("not-evaluated", Severity.NOTE, error.file, error.line, message, fix))
    view = WorldView(
        template,
        evaluated.stacks,
        regions=assumed,
        is_assumed=True,
        is_multi_region=shows_several_regions(template),
        objective_s=objective.seconds if objective else None,
        objective_source=objective.source if objective else "",
    )
    return _judged(view, found, lint=lint)


def _stack_name(path: Path) -> str:
    return "".join(letter for letter in path.parent.absolute().name if letter.isalnum() or letter == "-") or "stack"


def _evaluate(
    template: Template, regions: Mapping[str, Mapping[str, Any]], *, world: str, stack_name: str, account: str
) -> _Stacks:
    evaluated = _Stacks()
    for region, parameters in regions.items():
        try:
            evaluated.stacks[region] = evaluate(
                template, region=region, parameters=parameters, stack_name=stack_name, account=account, world=world
            )
        except TemplateError as error:
            evaluated.mistakes.append(error)
    return evaluated


def _judged(view: WorldView, found: list[Finding], *, lint: bool) -> list[Finding]:
    """What the rules find, and cfn-lint; less what is excepted; in order."""
    for rule in RULES:
        found += rule.findings(view)
    if lint:
        found += run_cfn_lint(view.template, list(view.regions))
    files = files_of(view)
    found = apply_exceptions(found, view.template, files, ALL_RULES, is_alone=view.is_assumed)
    return sorted(found, key=lambda one: (_ORDER.index(one.severity), one.file != view.template.path, one.line))


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
