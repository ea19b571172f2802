"""What a failing test is told of its world, to be read by a person."""

import re
from pathlib import Path

import pytest

from terrella.kernel import SystemClock
from terrella.testing.plugin import sections
from terrella.world import EventLog, Mood


def test_what_happened_is_what_happened_in_this_test(tmp_path: Path) -> None:
    clock, path = SystemClock(), tmp_path / "world.log"
    log = EventLog(clock, path)
    log.tell(Mood.GOOD, "", "is up")
    (line,) = sections._events(path, 0)
    assert re.fullmatch(r"\d\d:\d\d:\d\d  the world  is up", line)
    assert not list(sections._events(path, clock.now_ms() + 1000))
    path.write_bytes(b'"news","region":"","text":"half a line"}\n' + path.read_bytes())
    assert list(sections._events(path, 0)) == [line]
    log.close()


@pytest.mark.parametrize(("waited_s", "told"), [(9.0, True), (3.0, False), (0.5, False)])
def test_a_region_that_waited_longer_than_it_worked_is_told(
    monkeypatch: pytest.MonkeyPatch, waited_s: float, told: bool
) -> None:
    monkeypatch.setattr(sections, "ran_and_waited_s", lambda pid: (4.0, waited_s) if pid == 7 else None)
    expected = [f"this machine was too busy: it worked 4 s, and waited {waited_s:.0f} s for a core"]
    assert list(sections._busy(7)) == (expected if told else [])
    assert not list(sections._busy(8))
    assert not list(sections._busy(None))
