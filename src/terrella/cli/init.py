"""``terrella init``."""

from pathlib import Path

import click

from terrella.cli.drafting import application_of, save
from terrella.gameday import draft_game_day, draft_test
from terrella.kernel import TerrellaError, known_regions
from terrella.stack import Template, load_template, unset_parameters
from terrella.world import load_world

_TEMPLATES = ("template.yaml", "template.yml", "template.json")
_REGIONS = "us-east-1,eu-west-1"


def _regions(_: click.Context, __: click.Parameter, value: str) -> list[str]:
    names = list(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
    unknown = [name for name in names if name not in known_regions()]
    if unknown or not names:
        raise click.BadParameter(
            f"found {unknown[0] if unknown else value!r}, expected AWS region codes, as {_REGIONS}"
        )
    return names


@click.command("init")
@click.argument("template", type=click.Path(path_type=Path, dir_okay=False), required=False, metavar="[TEMPLATE]")
@click.option("--regions", callback=_regions, default=_REGIONS, show_default=True, metavar="A,B")
def command(template: Path | None, regions: list[str]) -> None:
    """Write a first world.yaml, game day and test for a template.

    The template is the SAM or CloudFormation template that you have: template.yaml here, unless another is named. It is
    not changed. Beside it come world.yaml, gamedays/first.yaml and tests/test_regions.py; a file that is there already
    is left alone.
    """
    template = template or next((path for name in _TEMPLATES if (path := Path(name)).is_file()), None)
    if template is None or not template.is_file():
        raise TerrellaError(f"found no {template or _TEMPLATES[0]}, expected a SAM or CloudFormation template there")
    directory = template.parent
    path = directory / "world.yaml"
    loaded = load_template(template, directory / ".terrella" / "cache")
    unset = unset_parameters(loaded.source)
    written = _save_new(path, _world(loaded, regions, unset))
    if written and unset:
        click.echo(f"Fill in what {template.name} has no default for ({', '.join(unset)}), then: terrella init")
        return
    world = load_world(path)
    application = application_of(world)
    gameday, test = directory / "gamedays" / "first.yaml", directory / "tests" / "test_regions.py"
    _save_new(gameday, draft_game_day(world, application.routes, named=application.named))
    _save_new(test, draft_test(world, application.routes, named=application.named))
    if not application.named:
        click.echo("The template has no Route 53 record: nobody leads clients away from a lost region.")
    click.echo(f"Try them: terrella gameday {gameday}; pytest {test}")


def _save_new(path: Path, text: str) -> bool:
    if path.exists():
        click.echo(f"{path} is there already")
        return False
    save(path, text)
    return True


def _world(template: Template, regions: list[str], unset: list[str]) -> str:
    values = f", parameters: {{{', '.join(f'{name}: ' for name in unset)}}}" if unset else ""
    return "\n".join(
        [
            "# Every key: docs/world.md",
            f"template: {template.path.name}",
            "regions:",
            *(f"  {region}: {{azs: 2{values}}}" for region in regions),
            "",
        ]
    )
