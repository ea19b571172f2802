"""The talk's scenario, word for word as ``make demo`` plays it, on addresses of its own."""

import os
import subprocess
import sys

import pytest
from tests.e2e.worlds import environment


@pytest.mark.timeout(300)
def test_the_demo_plays_through_and_every_expectation_holds() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "terrella", "demo", "--base", f"127.{100 + os.getpid() % 100}"],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env=environment(),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✗" not in done.stdout
    assert done.stdout.count("✓") >= 2 * 20, "each finding is told once in its scene and once in the table"
