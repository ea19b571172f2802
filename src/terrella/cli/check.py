"""``terrella check``."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from terrella import __version__
from terrella.check import (
    ALL_RULES,
    Finding,
    Objective,
    Severity,
    check_template,
    check_world,
    objective_of,
    to_junit,
    to_sarif,
)
from terrella.kernel import TerrellaError, known_regions
from terrella.region import ACCOUNT
from terrella.stack import load_template
from terrella.world import duration_ms, find_world, load_world

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}
_RESOURCES = re.compile(r"^\s*[\"']?Resources[\"']?\s*:", re.MULTILINE)
_FILE = click.Path(path_type=Path, dir_okay=False, allow_dash=True)


def _regions(_: click.Context, __: click.Parameter, value: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in value.split(",") if name.strip())
    for name in names:
        if name not in known_regions():
            raise click.BadParameter(f"{name} is no AWS region that is known here")
    return names


def _seconds(_: click.Context, __: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    try:
        return duration_ms(value) / 1000
    except ValueError:
        raise click.BadParameter(f"{value!r} is no duration; expected one as 60s or 1m") from None


@click.command("check")
@click.argument("path", type=click.Path(path_type=Path), required=False, metavar="[WORLD.YAML | TEMPLATE]")
@click.option("--strict", is_flag=True, help="Exit code 1 for warnings too.")
@click.option("--explain", metavar="RULE", help="Say what a rule is about and what to do, and nothing else.")
@click.option("--no-lint", is_flag=True, help="Leave out cfn-lint, which takes seconds the first time.")
@click.option("--notes", is_flag=True, help="Every note; without it, the first one of each rule, and their number.")
@click.option("--regions", callback=_regions, default="", metavar="A,B", help="For a template: the regions to assume.")
@click.option("--objective", callback=_seconds, metavar="TIME", help="How long a failover may take, as 60s.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
@click.option("--sarif", type=_FILE, metavar="FILE", help="Write SARIF 2.1.0; - is the standard output.")
@click.option("--junit", type=_FILE, metavar="FILE", help="Write JUnit XML; - is the standard output.")
def command(
    path: Path | None,
    strict: bool,
    explain: str | None,
    no_lint: bool,
    notes: bool,
    regions: tuple[str, ...],
    objective: float | None,
    as_json: bool,
    sarif: Path | None,
    junit: Path | None,
) -> None:
    """Find what is wrong with the template in this world.

    What would go wrong in several regions at once, what is not supported here, and what cfn-lint says; nothing is
    started. Given a template instead of a world.yaml: what would go wrong if it were run in several regions. The exit
    code is 1 if there is an error, 0 if there are only warnings and notes.
    """
    if explain is not None:
        _explain(explain)
        return
    asked = None if objective is None else Objective(objective, "--objective")
    if path is not None and _is_template(path):
        template = load_template(path, _cache())
        found = check_template(template, regions, objective=asked, lint=not no_lint)
    else:
        found = _in_world(find_world(path), regions, asked, lint=not no_lint)
    failing = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
    if sarif is not None:
        _write(sarif, to_sarif(found, ALL_RULES, root=Path.cwd(), version=__version__))
    if junit is not None:
        _write(junit, to_junit(found, ALL_RULES, root=Path.cwd(), failing=failing))
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode([_row(one) for one in found]), indent=2).decode())
    elif "-" not in map(str, (sarif, junit)):
        _show_all(found, every_note=notes)
    if any(one.severity in failing and one.excepted is None for one in found):
        raise click.exceptions.Exit(1)


def _in_world(path: Path, regions: Sequence[str], objective: Objective | None, *, lint: bool) -> list[Finding]:
    if regions:
        raise click.UsageError("--regions is for a template alone: the regions of a world stand in its world.yaml.")
    loaded = load_world(path)
    return check_world(
        load_template(loaded.template, loaded.state_directory / "cache"),
        {name: settings.parameters for name, settings in loaded.regions.items()},
        world=loaded.name,
        stack_name=loaded.name,
        account=ACCOUNT,
        addresses={name: settings.address for name, settings in loaded.regions.items()},
        lanes={name: lane.mode for name, lane in loaded.lanes.items()},
        objective=objective or objective_of(loaded.path.parent),
        lint=lint,
    )


def _is_template(path: Path) -> bool:
    """Whether a file is a template: it has Resources, which no world.yaml has."""
    return path.is_file() and _RESOURCES.search(path.read_text(errors="replace")) is not None


def _cache() -> Path:
    """Where what was made of templates without a world is kept, so that their directories stay as they are."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "terrella"


def _write(path: Path, content: bytes) -> None:
    if str(path) == "-":
        click.echo(content.decode(), nl=False)
    else:
        path.write_bytes(content)


def _explain(name: str) -> None:
    rule = next((rule for rule in ALL_RULES if name in (rule.id, rule.code, str(rule.number))), None)
    if rule is None:
        raise TerrellaError(f"there is no rule {name}; the rules are {', '.join(rule.id for rule in ALL_RULES)}")
    click.echo(f"{click.style(rule.id, bold=True)} ({rule.code} in cfn-lint)")
    alone = "not judged" if rule.alone is None else f"{rule.alone}"
    click.echo(f"In a world: {rule.severity}. A template alone: {alone}.\n")
    click.echo(click.wrap_text(rule.explanation, 100))
    click.echo(f"\n{click.wrap_text(f'What to do: {rule.fix}', 100)}\n")
    click.echo(f"If it is to be so: # terrella: ignore[{rule.id}] the reason")


def _show_all(found: Sequence[Finding], *, every_note: bool) -> None:
    counting = [one for one in found if one.excepted is None]
    shown: dict[str, int] = {}
    for one in counting:
        if one.severity is Severity.NOTE and not every_note:
            shown[one.rule] = shown.get(one.rule, 0) + 1
            if shown[one.rule] > 1:
                continue
        _show(one)
    held_back = sum(number - 1 for number in shown.values())
    if held_back:
        click.echo(f"{_count(held_back, 'more note')} of the same {'kinds' if len(shown) > 1 else 'kind'}: --notes")
    click.echo(_summary(counting, len(found) - len(counting)))


def _show(one: Finding) -> None:
    severity = click.style(one.severity, fg=_COLOURS[one.severity])
    click.echo(f"{_place(one)}: {severity} {one.message} {click.style(f'[{one.rule}]', dim=True)}")
    click.echo(f"    {click.style(one.fix, dim=True)}")


def _place(one: Finding) -> str:
    here = Path.cwd()
    return f"{one.file.relative_to(here) if one.file.is_relative_to(here) else one.file}:{one.line}"


def _summary(counting: Sequence[Finding], excepted: int) -> str:
    tail = f" {_count(excepted, 'finding')} excepted." if excepted else ""
    if not counting:
        return click.style("Nothing found.", fg="green") + tail
    numbers = {severity: sum(one.severity is severity for one in counting) for severity in Severity}
    parts = [_count(numbers[Severity.ERROR], "error"), _count(numbers[Severity.WARNING], "warning")]
    parts += [_count(numbers[Severity.NOTE], "note")] if numbers[Severity.NOTE] else []
    return f"{', '.join(parts)}.{tail}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _row(one: Finding) -> dict[str, object]:
    return {
        "rule": one.rule,
        "severity": one.severity,
        "file": str(one.file),
        "line": one.line,
        "message": one.message,
        "fix": one.fix,
        "excepted": one.excepted,
    }
