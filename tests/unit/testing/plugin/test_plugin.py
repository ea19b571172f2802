"""The plugin as pytest finds it."""

import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from terrella.testing import plugin

ROOT = Path(__file__).parents[4]


def test_it_is_installed_with_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert import_module(project["entry-points"]["pytest11"]["terrella"]) is plugin


def test_a_run_that_does_not_use_it_loads_nothing_of_it() -> None:
    program = (
        "import sys, pytest; before = set(sys.modules); import terrella.testing.plugin;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["terrella", "terrella.testing", "terrella.testing.plugin"]


@pytest.mark.parametrize("name", sorted(set(plugin.__all__) - {"world"}))
def test_its_classes_can_be_named_for_annotations(name: str) -> None:
    assert getattr(plugin, name).__name__ == name


def test_it_has_nothing_else() -> None:
    with pytest.raises(AttributeError):
        plugin.Nothing  # noqa: B018 - the attribute access is what is tested
