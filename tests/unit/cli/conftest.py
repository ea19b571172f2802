"""A world that runs in processes of its own, for the commands to speak to."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.e2e.worlds import free_base, give_back

from terrella.world import stop_world

SOURCE = Path(__file__).parents[3] / "src"
DRIVER = Path(__file__).parents[1] / "world" / "driver.py"

StartWorld = Callable[[], "subprocess.Popen[str]"]


@pytest.fixture(autouse=True)
def processes_find_terrella(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever directory they are started in, and whether or not it is installed."""
    monkeypatch.setenv("PYTHONPATH", str(SOURCE))


@pytest.fixture
def world_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A world of two regions, in the current directory."""
    monkeypatch.chdir(tmp_path)
    base = free_base()
    (tmp_path / "template.yaml").write_text("Resources: {}\n")
    path = tmp_path / "world.yaml"
    path.write_text(
        "name: items\ntemplate: template.yaml\nregions:\n  us-east-1:\n  eu-west-1: {azs: 1}\n"
        f'addresses: {{base: "{base}"}}\n'
    )
    yield path
    give_back(base)


@pytest.fixture
def start_world(world_path: Path) -> Iterator[StartWorld]:
    """Start it with regions that only pretend; answers once it is up."""
    started: list[subprocess.Popen[str]] = []

    def start() -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [sys.executable, str(DRIVER), str(world_path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        started.append(process)
        assert process.stdout is not None
        for line in process.stdout:
            if "Ctrl-C stops everything" in line:
                return process
        raise AssertionError(f"the world did not come up: exit code {process.wait()}")

    yield start
    stop_world(world_path.parent / ".terrella")
    for process in started:
        process.wait()
        assert process.stdout is not None
        process.stdout.close()
