"""What the README tells a newcomer to type works as it says."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from tests.e2e.worlds import ROOT, Terrella, environment, free_base

from terrella.cli.commands import COMMANDS, terrella
from terrella.gameday import load_game_day

README = (ROOT / "README.md").read_text()


def block(language: str, containing: str) -> str:
    """The README's code block in a language that contains some words."""
    found: list[str] = [
        text for text in re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL) if containing in text
    ]
    assert len(found) == 1, f"{len(found)} blocks of {language} contain {containing!r}"
    return found[0]


def test_the_first_application_of_ones_own(tmp_path: Path) -> None:
    """The template as it stands there, and the commands that follow (at addresses of their own)."""
    directory, base = tmp_path / "own", free_base()
    directory.mkdir()
    (directory / "template.yaml").write_text(block("yaml", "Transform"))
    begun = CliRunner().invoke(terrella, ["init", str(directory / "template.yaml")])
    written = [line.removeprefix("Wrote ") for line in block("console", "terrella init").splitlines()[1:]]
    assert [f"Wrote {directory / name}" for name in written] == begun.output.splitlines()[:3]
    drafted = (directory / "world.yaml").read_text()
    assert yaml.safe_load(drafted) == yaml.safe_load(block("yaml", "regions:"))
    (directory / "world.yaml").write_text(drafted + f'addresses: {{base: "{base}"}}\n')
    console = block("console", "terrella check")
    world = Terrella(directory, base, ("us-east-1", "eu-west-1"))
    checked = world.run("check")
    assert checked.stdout.strip() in console
    world.up()
    try:
        status, _, answer = world.http("GET", world.addresses["eu-west-1"], 8080, "/hello")
        assert (status, answer.decode()) == (200, "hello from eu-west-1\n")
        assert answer.decode() in console
        status, headers, answer = world.http("GET", world.door, 8080, "/hello")
        assert (status, answer.decode()) == (200, f"hello from {headers['x-terrella-region']}\n")
    finally:
        world.down()
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "terrella.testing.plugin", "tests"]
    alone = {**environment(), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    tested = subprocess.run(tests, cwd=directory, env=alone, capture_output=True, text=True, timeout=120, check=False)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_the_first_game_day_of_that_application(tmp_path: Path) -> None:
    """What ``terrella gameday --new`` drafts, a little shorter; it can be read beside those two files."""
    (tmp_path / "template.yaml").write_text(block("yaml", "Transform"))
    (tmp_path / "world.yaml").write_text(block("yaml", "regions:"))
    (tmp_path / "first.yaml").write_text(block("yaml", "faults:"))
    shown = load_game_day(tmp_path / "first.yaml")
    done = CliRunner().invoke(terrella, ["gameday", "--new", str(tmp_path / "drafted.yaml")])
    assert done.exit_code == 0, done.output
    drafted = load_game_day(tmp_path / "drafted.yaml")
    assert shown.load == drafted.load
    assert (shown.name, shown.faults) == (drafted.name, drafted.faults)


@pytest.mark.parametrize("command", sorted(set(re.findall(r"(?m)^\$ (?:\S*/)?terrella (\w+)", README))))
def test_every_command_that_the_readme_types_is_there(command: str) -> None:
    assert command in COMMANDS


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\]\(([^)#]+)\)", README))))
def test_every_link_leads_somewhere(target: str) -> None:
    assert (ROOT / target).exists(), target


def test_the_test_that_it_shows_is_the_one_that_is_run() -> None:
    """The plugin's documentation is run by its own tests."""
    assert block("python", "world.http") in (ROOT / "docs" / "pytest.md").read_text()
