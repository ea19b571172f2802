"""A few SIGKILLs, pauses and cuts under load, with the simulator's promises checked; ``make chaos`` does a hundred."""

import asyncio
from pathlib import Path

import pytest
from tests.chaos.run import Chaos


# Its auditor reads logs before they are cut, which is every two seconds: nothing must keep it waiting.
@pytest.mark.alone
def test_nothing_is_lost_when_processes_are_killed_and_links_cut(tmp_path: Path) -> None:
    story: list[str] = []
    chaos = Chaos(tmp_path / "things", 11, 30, 60, story.append)
    finding = asyncio.run(chaos.run(5))
    assert finding.violations == [], story
    assert chaos.faults.kills >= 5
    assert len(chaos.told.acknowledged) > 50
    assert finding.conflicts > 0
