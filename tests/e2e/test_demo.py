"""The talk's scenario, word for word as ``make demo`` plays it, on addresses of its own."""

import subprocess
import sys

import pytest
from tests.e2e.worlds import environment, free_base, give_back


@pytest.mark.alone
@pytest.mark.timeout(300)
def test_the_demo_plays_through_and_every_expectation_holds() -> None:
    base = free_base()
    done = subprocess.run(
        [sys.executable, "-m", "terrella", "demo", "--base", base],
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
        env=environment(),
    )
    give_back(base)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "✗" not in done.stdout
    assert done.stdout.count("✓") >= 2 * 20, "each finding is told once in its scene and once in the table"
