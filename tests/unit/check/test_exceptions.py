"""What is to be as it is, and says why."""

from pathlib import Path

import pytest
from tests.unit.check.conftest import Judge

from terrella.check import Finding, Severity

BUCKET = "B: {Type: AWS::S3::Bucket, Properties: {BucketName: b}}"
RULE = "global-name-taken"


def named(found: list[Finding], rule: str = RULE) -> Finding:
    (finding,) = [finding for finding in found if finding.rule == rule]
    return finding


@pytest.mark.parametrize(
    "resources",
    [
        f"{BUCKET} # terrella: ignore[{RULE}] made once, by hand",
        f"# terrella: ignore[{RULE}] made once, by hand\n# and more about it\n{BUCKET}",
        f"# terrella: ignore[regional-state, {RULE}]: made once, by hand\n{BUCKET}",
        f"{BUCKET} # terrella: ignore[I9121] made once, by hand",
        f"{BUCKET[:-1]}, Metadata: {{terrella: {{ignore_checks: {{{RULE}: 'made once, by hand'}}}}}}}}",
        BUCKET.replace("Properties", "Metadata: {cfn-lint: {config: {ignore_checks: [I9121]}}}, Properties")
        + " # made once, by hand",
    ],
)
def test_an_exception_with_its_reason(judge: Judge, resources: str) -> None:
    assert named(judge(resources)).excepted == "made once, by hand"


def test_for_the_whole_template(judge: Judge) -> None:
    metadata = f"Metadata: {{terrella: {{ignore_checks: {{{RULE}: made by hand, regional-state: so be it}}}}}}\n"
    found = judge(f"{metadata}Resources:\n  {BUCKET}\n  C{BUCKET}")
    assert {finding.excepted for finding in found} == {"made by hand", "so be it"}


def test_another_line_or_another_rule_is_not_excepted(judge: Judge) -> None:
    found = judge(f"{BUCKET} # terrella: ignore[hasty-health-check] so be it\nC{BUCKET}")
    assert [finding.excepted for finding in found if finding.rule == RULE] == [None, None]
    assert "hasty-health-check finds nothing here" in named(found, "idle-exception").message


@pytest.mark.parametrize(
    "resources",
    [
        f"{BUCKET} # terrella: ignore[{RULE}]",
        f"{BUCKET[:-1]}, Metadata: {{terrella: {{ignore_checks: [{RULE}]}}}}}}",
        f"{BUCKET[:-1]}, Metadata: {{cfn-lint: {{config: {{ignore_checks: [I9121]}}}}}}}}",
    ],
)
def test_without_a_reason_it_is_none(judge: Judge, resources: str) -> None:
    found = judge(resources)
    assert named(found).excepted is None
    assert named(found, "exception-without-reason").severity is Severity.ERROR


def test_a_rule_that_there_is_not(judge: Judge) -> None:
    found = judge(f"{BUCKET} # terrella: ignore[globl-name] so be it")
    assert named(found, "idle-exception").message.startswith("there is no rule globl-name")


def test_in_a_handler(judge: Judge) -> None:
    resources = "F: {Type: AWS::Lambda::Function, Properties: {Handler: a.b, Runtime: python3.12, Code: src}}"
    code = "REGION = 'us-east-1'  # terrella: ignore[hard-coded-region-in-code] the provider is only there\n"
    finding = named(judge(resources, files={"src/a.py": code}), "hard-coded-region-in-code")
    assert finding.excepted == "the provider is only there"


def test_the_documents_example(judge: Judge) -> None:
    document = (Path(__file__).parents[3] / "docs" / "check.md").read_text()
    example = document.partition("```yaml\n")[2].partition("```")[0]
    found = judge(example)
    rules = ["messages-stay-in-region", "global-name-taken", "regional-state", "table-not-replicated"]
    assert sorted(finding.rule for finding in found) == sorted(rules)
    assert all(finding.excepted for finding in found)
