"""The pytest plugin as a team uses it: a run of its own, in which the documentation's examples are tests."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.e2e.worlds import ROOT, environment

DOCUMENT = (ROOT / "docs" / "pytest.md").read_text()
EXAMPLES = [text for text in re.findall(r"```python\n(.*?)```", DOCUMENT, re.DOTALL) if text.startswith("def test_")]
pytestmark = pytest.mark.timeout(300)
INNER = ROOT / "tests" / "fixtures" / "plugin" / "inner.py"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """One run, in a process of pytest-xdist, with one world: its directory and what pytest said."""
    directory = tmp_path_factory.mktemp("team") / "items"
    shutil.copytree(ROOT / "examples" / "items", directory, ignore=shutil.ignore_patterns(".terrella", "__pycache__"))
    (ini,) = re.findall(r"```ini\n(.*?)```", DOCUMENT, re.DOTALL)
    (directory / "pytest.ini").write_text(ini)
    (directory / "test_documented.py").write_text("\n\n".join(EXAMPLES))
    (directory / "test_inner.py").write_text(INNER.read_text())
    plugins = ("terrella.testing.plugin", "xdist.plugin", "no:cacheprovider")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "1", "--basetemp", "tmp"]
        + [word for name in plugins for word in ("-p", name)],
        cwd=directory,
        env={**environment(), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "TERRELLA_TEST_NOTES": str(directory / "notes")},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    return directory, done.stdout + done.stderr


def test_the_documented_examples_pass_and_so_does_all_that_should(run: tuple[Path, str]) -> None:
    assert len(EXAMPLES) == 3
    assert re.search(r"1 failed, 7 passed", run[1]), run[1]
    assert "FAILED test_inner.py::test_this_one_fails" in run[1]


def test_a_failing_assertion_says_which_keys_differ_and_the_report_what_the_world_was_like(
    run: tuple[Path, str],
) -> None:
    said = run[1]
    assert "assert <not converged: table items, {id='7'}: us-east-1 has nothing, us-west-2 has nothing" in said
    assert re.search(r"eu-west-1 +serving +items 1 items; 1 writes at risk", said)
    assert "link us-west-2 -> eu-west-1: cut" in said
    assert "eu-west-1: {'id': '7', 'message': 'lost?'}" in said
    assert "terrella: last lines of us-west-2" in said


def test_one_world_serves_them_all(run: tuple[Path, str]) -> None:
    notes = [json.loads(line) for line in (run[0] / "notes").read_text().splitlines()]
    assert [(how, why) for _, how, why, _ in notes] == [("reset", "")] * 5, notes


def test_nothing_of_it_is_left(run: tuple[Path, str]) -> None:
    left = [one.pid for one in psutil.process_iter(["cmdline"]) if str(run[0]) in " ".join(one.info["cmdline"] or [])]
    assert [pid for pid in left if pid != os.getpid()] == []
