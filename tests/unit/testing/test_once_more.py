"""End-to-end tests that failed run once more: in a fresh world, and never in silence."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[2] / "e2e" / "conftest.py"
TESTS = """\
import pytest

worlds = []

@pytest.fixture(scope="module")
def world():
    worlds.append("world")
    yield len(worlds)
    assert len(worlds) != 2, "it does not go down"

def test_that_holds(world):
    assert world == 1

def test_that_is_flaky(world):
    assert world == 2, "the first world"

def test_that_fails(world):
    assert world == 9, "never"

def test_afterwards(world):
    assert world == 3
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A run of four tests, of which one fails once and one twice."""
    directory = tmp_path_factory.mktemp("once-more")
    shutil.copy(CONFTEST, directory / "conftest.py")
    (directory / "test_some.py").write_text(TESTS)
    (directory / "pytest.ini").write_text("[pytest]\n")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "pytest_timeout", "-p", "no:cacheprovider", "--once-more"],
        cwd=directory,
        env={**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    return done.stdout


def test_what_fails_twice_has_failed_and_the_others_have_not(said: str) -> None:
    assert "1 failed, 3 passed, 3 flaky" in said
    assert "FAILED test_some.py::test_that_fails" in said


def test_what_failed_first_is_told_in_full_and_so_is_a_world_that_does_not_end(said: str) -> None:
    told = said.partition("FLAKY: 3 failed at first, and ran once more")[2]
    assert "AssertionError: the first world" in told
    assert "AssertionError: it does not go down" in told
    for line in ("is_flaky (call)", "fails (call)", "fails (teardown)"):
        assert f"FLAKY test_some.py::test_that_{line}" in told
