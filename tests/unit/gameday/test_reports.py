"""The reports, of a run that never was."""

import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pytest
from tests.unit.gameday.evidences import lost_region, sample

from terrella.gameday import GameDay, Outcome, Result, Run, html_report, json_report, junit_report, load_game_day
from terrella.gameday.aws_clock import AwsClock
from terrella.gameday.evidence import Evidence, WritesChecked
from terrella.gameday.judging import judge
from terrella.gameday.machine import MachineLook
from terrella.gameday.report.series import series_of
from terrella.gameday.verdict import Verdict

LIBRARY = Path(__file__).parents[3] / "examples" / "items" / "gamedays"


class Tags(HTMLParser):
    """Checks that what opens closes."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def outcome(runs: int = 1, evidence: Evidence | None = None, without: str = "") -> Outcome:
    gameday: GameDay = replace(load_game_day(LIBRARY / "lose-a-region.yaml"), name="lose <a> region & more")
    gameday = replace(gameday, expectations=tuple(one for one in gameday.expectations if one.keyword != without))
    told = Outcome(gameday)
    for number in range(1, runs + 1):
        seen = evidence if evidence is not None else lost_region()
        run = Run(number, number, 1_700_000_000_000, seen, AwsClock(10, 3, 60), Verdict())
        seen.aws = run.aws
        judge(gameday, run)
        told.runs.append(run)
    return told


@pytest.mark.parametrize("runs", [1, 3])
def test_the_page_is_whole_and_needs_nothing_else(runs: int) -> None:
    page = html_report(outcome(runs))
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert "script" not in tags.seen
    assert not re.search(r'(src|href)="', page), "nothing is fetched"
    assert "lose &lt;a&gt; region &amp; more" in page
    for words in (
        "Traffic by region",
        "Latency",
        "Errors",
        "Health",
        "Replication lag",
        "Writes at risk",
        "up to 90 s",
    ):
        assert words in page
    assert page.count("<svg") == 7 * runs


def test_a_page_without_load_shows_what_there_is() -> None:
    evidence = lost_region()
    evidence.samples, evidence.loaded = [], False
    page = html_report(outcome(evidence=evidence))
    assert "not judged" in page
    assert page.count("<svg") == 3


def test_junit_tells_each_finding_of_each_run() -> None:
    told = outcome(2)
    told.runs[1].aborted = "broken off after 3.0 s: only 1 regions served"
    root = ET.fromstring(junit_report(told))
    suites = root.findall("testsuite")
    assert len(suites) == 2
    findings = told.runs[0].verdict.findings
    assert int(suites[0].attrib["tests"]) == len(findings) == len(suites[0].findall("testcase"))
    failed = [one for one in findings if one.judged and not one.held]
    assert int(suites[0].attrib["failures"]) == len(failed) == len(suites[0].findall("testcase/failure")) > 0
    assert suites[1].findall("testcase/error")[0].attrib["message"].startswith("broken off")


def doubtful() -> Outcome:
    """A run in which requests failed while the machine was too busy, and one that could not begin for it."""
    evidence = lost_region()
    evidence.writes = WritesChecked(acknowledged=90)
    evidence.samples += [sample(25.0 + at / 10, ok=False) for at in range(20)]
    evidence.busy = [(25.0, 27.0)]
    evidence.machine = [MachineLook(26.0, 0.0, 0.9), MachineLook(27.0, 0.0, None)]
    told = outcome(evidence=evidence, without="rpo")
    late = Run(2, 2, 0, Evidence(busy=[(0.0, 120.0)]), AwsClock(), aborted="could not begin: …", begun=False)
    judge(told.gameday, late)
    told.runs.append(late)
    return told


def test_what_is_in_doubt_is_told_as_that() -> None:
    told = doubtful()
    assert told.result is Result.IN_DOUBT
    page = html_report(told)
    tags = Tags()
    tags.feed(page)
    assert tags.open == []
    assert "1 are in doubt" not in page
    assert "0 of 2 runs held, 2 are in doubt: this machine was too busy." in page
    assert "? in doubt" in page
    assert page.count("<svg") == 8, "how busy the machine was is drawn, of the run that there was"
    first, second = ET.fromstring(junit_report(told)).findall("testsuite")
    assert (first.attrib["failures"], first.attrib["errors"]) == ("0", "1")
    assert len(first.findall("testcase/error")) == 1
    assert (second.attrib["failures"], second.attrib["errors"]) == ("0", "1")
    said = msgspec.json.decode(json_report(told))
    assert said["result"] == "in doubt"
    assert said["runs"][0]["too_busy"] == [{"from_s": 25.0, "until_s": 27.0}]


def test_json_holds_the_verdict_and_the_series() -> None:
    told = msgspec.json.decode(json_report(outcome()))
    assert told["held"] is False
    (run,) = told["runs"]
    assert run["failovers"][0]["aws_s"] == 90
    assert sum(map(sum, run["series"]["answered_by_region"].values())) == 290
    assert sum(map(sum, run["series"]["failed_by_vantage_point"].values())) == 10
    assert run["faults"][0]["until_s"] == 15.0


def test_every_request_is_in_exactly_one_bin() -> None:
    evidence = Evidence(regions=("us-east-1",), load_until_s=10.0)
    evidence.samples = [sample(at / 7) for at in range(70)] + [sample(11.0)]
    series = series_of(evidence)
    assert sum(sum(each.answered.values()) for each in series.bins) == 71
