"""``terrella check``."""

from pathlib import Path

import click
import msgspec

from terrella.check import Finding, Severity, check_world
from terrella.region import ACCOUNT
from terrella.stack import load_template
from terrella.world import find_world, load_world

_COLOURS = {Severity.ERROR: "red", Severity.WARNING: "yellow"}


@click.command("check")
@click.argument("world", type=click.Path(path_type=Path), required=False, metavar="[WORLD.YAML]")
@click.option("--no-lint", is_flag=True, help="Leave out cfn-lint, which takes seconds the first time.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def command(world: Path | None, no_lint: bool, as_json: bool) -> None:
    """Find what is wrong with the template in this world.

    What would go wrong in several regions at once, what is not supported here, and what cfn-lint says; nothing is
    started. The exit code is 1 if there is an error, 0 if there are only warnings.
    """
    loaded = load_world(find_world(world))
    found = check_world(
        load_template(loaded.template, loaded.state_directory / "cache"),
        {name: settings.parameters for name, settings in loaded.regions.items()},
        world=loaded.name,
        stack_name=loaded.name,
        account=ACCOUNT,
        addresses={name: settings.address for name, settings in loaded.regions.items()},
        lint=not no_lint,
    )
    if as_json:
        click.echo(msgspec.json.format(msgspec.json.encode([_row(one) for one in found]), indent=2).decode())
    else:
        for one in found:
            _show(one)
        click.echo(_summary(found))
    if any(one.severity is Severity.ERROR for one in found):
        raise click.exceptions.Exit(1)


def _show(one: Finding) -> None:
    severity = click.style(one.severity, fg=_COLOURS[one.severity])
    click.echo(f"{_place(one)}: {severity} {one.message} {click.style(f'[{one.rule}]', dim=True)}")
    click.echo(f"    {click.style(one.fix, dim=True)}")


def _place(one: Finding) -> str:
    here = Path.cwd()
    return f"{one.file.relative_to(here) if one.file.is_relative_to(here) else one.file}:{one.line}"


def _summary(found: list[Finding]) -> str:
    errors = sum(one.severity is Severity.ERROR for one in found)
    if not found:
        return click.style("Nothing found.", fg="green")
    warnings = len(found) - errors
    return f"{_count(errors, 'error')}, {_count(warnings, 'warning')}."


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
    }
