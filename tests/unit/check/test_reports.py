"""SARIF and JUnit: the structure that the formats ask for, and what stands in it."""

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pytest

from terrella.check import ALL_RULES, Finding, Severity, to_junit, to_sarif
from terrella.check.cfn_lint_rules import _class_of, _match

ROOT = Path("/home/me/app")
FOUND = [
    Finding("hasty-health-check", Severity.WARNING, ROOT / "template.yaml", 12, "H turns", "Set 3."),
    Finding("table-made-twice", Severity.ERROR, ROOT / "template.yaml", 3, "T is <made> & twice", "One."),
    Finding("missing-replica", Severity.WARNING, Path("/else/t.yaml"), 1, "no replica", "Add.", "one is enough"),
    Finding("cfn-lint E3012", Severity.ERROR, ROOT / "template.yaml", 7, "no text", ""),
    Finding("messages-stay-in-region", Severity.NOTE, ROOT / "src" / "a.py", 1, "Q waits", "Accept."),
]


@pytest.fixture
def run() -> dict[str, Any]:
    log = msgspec.json.decode(to_sarif(FOUND, ALL_RULES, root=ROOT, version="1.2.3"))
    assert log["version"] == "2.1.0"
    assert log["$schema"].endswith("sarif-schema-2.1.0.json")
    (run,) = log["runs"]
    found: dict[str, Any] = run
    return found


def test_sarif_describes_each_rule_once(run: dict[str, Any]) -> None:
    driver = run["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("terrella check", "1.2.3")
    ids = [rule["id"] for rule in driver["rules"]]
    assert len(ids) == len(set(ids)) == len(ALL_RULES) + 1
    for rule in driver["rules"][:-1]:
        assert rule["name"].isalnum()
        assert rule["shortDescription"]["text"]
        assert rule["fullDescription"]["text"]
        assert rule["help"]["text"]
        assert rule["defaultConfiguration"]["level"] in ("none", "note", "warning", "error")


def test_sarif_places_each_result(run: dict[str, Any]) -> None:
    rules = run["tool"]["driver"]["rules"]
    assert len(run["results"]) == len(FOUND)
    for result, one in zip(run["results"], FOUND, strict=True):
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"] == one.rule
        assert result["level"] == one.severity
        assert result["message"]["text"].startswith(one.message)
        ((place,),) = (list(location.values()) for location in result["locations"])
        assert place["region"]["startLine"] == one.line
        assert ("suppressions" in result) is (one.excepted is not None)
    assert run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"] == {
        "uri": "template.yaml",
        "uriBaseId": "SRCROOT",
    }
    assert run["originalUriBaseIds"]["SRCROOT"]["uri"] == "file:///home/me/app/"
    assert run["results"][2]["locations"][0]["physicalLocation"]["artifactLocation"] == {"uri": "file:///else/t.yaml"}
    assert run["results"][2]["suppressions"] == [{"kind": "inSource", "justification": "one is enough"}]
    prints = [result["partialFingerprints"]["terrellaFinding/v1"] for result in run["results"]]
    assert len(set(prints)) == len(FOUND)


@pytest.mark.parametrize(
    ("failing", "failed"),
    [
        ({Severity.ERROR}, {"table-made-twice", "cfn-lint E3012"}),
        ({Severity.ERROR, Severity.WARNING}, {"table-made-twice", "cfn-lint E3012", "hasty-health-check"}),
    ],
)
def test_junit_has_a_case_for_each_rule(failing: set[Severity], failed: set[str]) -> None:
    root = ET.fromstring(to_junit(FOUND, ALL_RULES, root=ROOT, failing=failing))
    (suite,) = root.findall("testsuite")
    cases = {case.get("name"): case for case in suite.findall("testcase")}
    assert suite.get("tests") == str(len(cases)) == str(len(ALL_RULES) + 1)
    assert {name for name, case in cases.items() if case.find("failure") is not None} == failed
    assert suite.get("failures") == str(len(failed))
    failure = cases["table-made-twice"].find("failure")
    assert failure is not None
    assert failure.text == "template.yaml:3: error: T is <made> & twice\nOne."
    skipped = cases["missing-replica"].find("skipped")
    assert skipped is not None
    assert skipped.get("message") == "one is enough"
    assert "Q waits" in str(cases["messages-stay-in-region"].findtext("system-out"))


def test_rules_are_cfn_lints_rules(tmp_path: Path) -> None:
    """cfn-lint is handed each finding by the rule that makes it, on its line."""

    class Template:
        filename = str(tmp_path / "template.yaml")

    (tmp_path / "template.yaml").write_text("Resources:\n\n  B: {Type: AWS::S3::Bucket, Properties: {BucketName: b}}\n")
    matches = {}
    for rule in ALL_RULES:
        made = _class_of(rule)()
        assert made.id == rule.code
        matches[rule.id] = _match(made, Template())
    (match,) = matches["global-name-taken"]
    assert match.location == (2, 0, 2, 0)
    assert match.message.startswith("B is named b in ")
    assert {rule for rule, found in matches.items() if found} == {"global-name-taken", "regional-state"}
