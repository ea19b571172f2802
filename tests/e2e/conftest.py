"""With ``--once-more``, end-to-end tests that fail run a second time, in a fresh world.

A machine that stands still for a while can fail a test of real processes that nothing is wrong with. What failed the
first time is told in full, under a heading of its own, so that nobody takes such a run for a clean one.
"""

import pytest
from _pytest.runner import runtestprotocol

FLAKY = "flaky"
FAILED_ONCE = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--once-more", action="store_true", help="run a failed end-to-end test again, in a fresh world")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    """As pytest does it; a failure is told as such only if it comes twice."""
    if not item.config.getoption("--once-more") or FAILED_ONCE in item.stash:
        return None
    item.ihook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
    reports = runtestprotocol(item, nextitem=nextitem, log=False)
    failed = [report for report in reports if report.failed]
    if failed:
        reports = failed + end_its_world(item)
        for report in reports:
            report.outcome = FLAKY  # type: ignore[assignment]  # what pytest_report_teststatus below knows
    for report in reports:
        item.ihook.pytest_runtest_logreport(report=report)
    item.ihook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
    if failed:
        item.stash[FAILED_ONCE] = True
        item.ihook.pytest_runtest_protocol(item=item, nextitem=nextitem)  # from the start: with a time-out of its own
    return True


def end_its_world(item: pytest.Item) -> list[pytest.TestReport]:
    """End everything that the test has used; answers what went wrong with that."""
    ended = pytest.CallInfo.from_call(
        lambda: item.session._setupstate.teardown_exact(None),
        when="teardown",
        reraise=(KeyboardInterrupt, pytest.exit.Exception),
    )
    return [] if ended.excinfo is None else [pytest.TestReport.from_item_and_call(item, ended)]


def pytest_report_teststatus(report: pytest.TestReport) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    if report.outcome != FLAKY:
        return None
    return FLAKY, "!", ("FAILED, RUNS ONCE MORE", {"red": True})


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Whatever became of it the second time: the first is worth looking into."""
    told: list[pytest.TestReport] = terminalreporter.getreports(FLAKY)
    if not told:
        return
    terminalreporter.section(f"FLAKY: {len(told)} failed at first, and ran once more", red=True, bold=True)
    for report in told:
        terminalreporter.write_sep("_", f"{report.nodeid} ({report.when})", red=True)
        report.toterminal(terminalreporter._tw)
    for report in told:
        terminalreporter.write_line(f"FLAKY {report.nodeid} ({report.when})", red=True, bold=True)
