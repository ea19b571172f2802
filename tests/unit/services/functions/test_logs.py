"""The log's ring, file and followers, and cutting output into lines."""

from pathlib import Path

from terrella.services.functions.logs import FunctionLog
from terrella.services.functions.report import LineSplitter, report
from terrella.testing import ManualClock


async def test_lines_are_kept_in_memory_and_over_a_restart(tmp_path: Path) -> None:
    clock = ManualClock(5)
    log = FunctionLog(tmp_path / "logs" / "f.log", clock)
    for number in range(5):
        log.append("a", "r", f"line {number}")
    assert [line.message for line in log.tail(2)] == ["line 3", "line 4"]
    assert log.tail(0) == []
    log.close()
    with (tmp_path / "logs" / "f.log").open("ab") as file:
        file.write(b'{"time_ms":6,"az":"cut o')
    again = FunctionLog(tmp_path / "logs" / "f.log", clock)
    assert [(line.time_ms, line.message) for line in again.tail(1)] == [(5, "line 4")]
    follower = again.follow(1)
    assert (await anext(follower)).message == "line 4"
    again.append("b", "", "new")
    again.close()
    assert [line.message async for line in follower] == ["new"]


def test_output_is_cut_into_lines() -> None:
    lines = LineSplitter()
    assert lines.feed(b"one\ntwo\rthree\n\nfo") == ["one", "two\nthree"]
    assert lines.feed(b"ur\n") == ["four"]
    assert lines.feed(b"\xffive") == []
    assert lines.rest() == "\ufffdive"
    assert lines.rest() == ""


def test_the_report_line() -> None:
    assert report("r", 1.234, 128, 30, 50.5, "", "") == (
        "REPORT RequestId: r\tDuration: 1.23 ms\tBilled Duration: 52 ms\tMemory Size: 128 MB\tMax Memory Used: 30 MB\t"
        "Init Duration: 50.50 ms"
    )
    assert report("r", 1.0, 128, 0, 0.0, "timeout", "").endswith("Memory Size: 128 MB\tStatus: timeout")
