"""A game day from its file to its report, as it is typed; and what is left when it is killed half-way."""

import json
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import psutil
import pytest
from tests.e2e.worlds import ROOT, environment, until

EXAMPLE = ROOT / "examples" / "items"
FILE = """\
name: one region less
about: What a test can wait for.
world: WORLD
load: {rate: 10/s, mix: {create: 1, get: 1}, from: [new-york, frankfurt], clients: 3}
requests: REQUESTS
faults:
  - {at: 1s, kill: eu-west-1, for: 3s}
duration: 6s
expect:
  availability: ">= 1%"
  lost_writes: 0
  duplicated_writes: 0
  at_risk: ">= 0"
"""


def written(directory: Path, text: str = FILE) -> Path:
    """The game day's file, beside nothing: it names its world."""
    path = directory / "gameday.yaml"
    requests = os.path.relpath(EXAMPLE / "gamedays" / "requests.yaml", directory)
    path.write_text(text.replace("WORLD", str(EXAMPLE)).replace("REQUESTS", requests))
    return path


def started(path: Path, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "terrella", "gameday", str(path), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**environment(), "TMPDIR": str(path.parent), "COLUMNS": "160"},
        # Whoever runs the tests in the background has them ignore it, and all that they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler) and None,  # noqa: PLW1509
    )


def processes(directory: Path) -> list[psutil.Process]:
    """Everything that lives of worlds in a directory."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        command = " ".join(process.info["cmdline"] or [])
        if process.info["status"] != psutil.STATUS_ZOMBIE and f"{directory}/terrella-gameday-" in command:
            found.append(process)
    return found


@pytest.mark.timeout(280)
def test_from_the_file_to_the_reports(tmp_path: Path) -> None:
    page, junit, told = tmp_path / "report.html", tmp_path / "junit.xml", tmp_path / "report.json"
    running = started(written(tmp_path), "--report", str(page), "--junit", str(junit), "--json", str(told))
    said, _ = running.communicate(timeout=270)
    assert running.returncode == 0, said
    assert "kill eu-west-1" in said
    assert "one region less: held" in said
    (run,) = json.loads(told.read_text())["runs"]
    assert run["held"]
    assert [fault["subject"] for fault in run["faults"]] == ["eu-west-1"]
    assert run["writes"]["acknowledged"] > 0
    states = {look["regions"]["eu-west-1"]["state"] for look in run["series"]["looks"]}
    assert {"held-down", "serving"} <= states
    assert {one["aws_s"] for one in run["failovers"]} == {90}
    assert not ET.fromstring(junit.read_text()).findall(".//failure")
    assert page.read_text().count("<svg") >= 6
    assert processes(tmp_path) == []
    assert not list(tmp_path.glob("terrella-gameday-*")), "its world is gone with it"


@pytest.mark.timeout(280)
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_a_game_day_that_is_killed(how: signal.Signals, tmp_path: Path) -> None:
    running = started(written(tmp_path, FILE.replace("duration: 6s", "duration: 300s").replace(", for: 3s", "")))
    assert running.stdout is not None
    while "kill eu-west-1" not in (line := running.stdout.readline()):
        assert line, "it ended before it had broken anything"
    assert processes(tmp_path)
    running.send_signal(how)
    running.communicate(timeout=120)
    assert running.returncode == (130 if how is signal.SIGINT else -signal.SIGKILL)
    until(lambda: not processes(tmp_path), "no process left", 60)
