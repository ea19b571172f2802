"""``terrella check`` as a user types it."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from terrella.cli import terrella

QUEUES = "Resources:\n  A:\n    Type: AWS::SQS::Queue\n  B:\n    Type: AWS::SQS::Queue\n"
PINNED = "Resources:\n  N: {Type: AWS::EC2::Subnet, Properties: {VpcId: v, AvailabilityZone: us-east-1a}}\n"


def check(*arguments: str) -> Result:
    return CliRunner().invoke(terrella, ["check", "--no-lint", *arguments], prog_name="terrella")


@pytest.fixture(autouse=True)
def template(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A template without a world, in the current directory."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "template.yaml"


def test_notes_of_a_kind_are_shown_once_and_fail_nothing(template: Path) -> None:
    template.write_text(QUEUES)
    result = check("template.yaml", "--strict")
    assert result.exit_code == 0
    assert result.stdout.startswith("template.yaml:2: note A is a queue of one region")
    assert result.stdout.endswith("1 more note of the same kind: --notes\n0 errors, 0 warnings, 2 notes.\n")
    assert check("template.yaml", "--notes").stdout.count(": note ") == 2


def test_warnings_fail_where_it_is_strict(template: Path) -> None:
    template.write_text(PINNED)
    assert check("template.yaml").exit_code == 0
    assert check("template.yaml", "--strict").exit_code == 1
    template.write_text(PINNED.rstrip() + " # terrella: ignore[hard-coded-region] the line ends there\n")
    result = check("template.yaml", "--strict")
    assert (result.exit_code, result.stdout) == (0, "Nothing found. 1 finding excepted.\n")


def test_reports_go_to_files_or_to_the_standard_output(template: Path) -> None:
    template.write_text(PINNED)
    result = check("template.yaml", "--sarif", "-", "--junit", "check.xml")
    (run,) = msgspec.json.decode(result.stdout)["runs"]
    assert [one["ruleId"] for one in run["results"]] == ["hard-coded-region"]
    assert 'name="hard-coded-region"' in Path("check.xml").read_text()


def test_the_regions_may_be_given(template: Path) -> None:
    template.write_text("Resources: {B: {Type: AWS::S3::Bucket, Properties: {BucketName: b}}}\n")
    assert (
        "in eu-north-1 and sa-east-1, but"
        in check("template.yaml", "--regions", "eu-north-1,sa-east-1", "--notes").stdout
    )
    assert "is no AWS region" in check("template.yaml", "--regions", "eu-nowhere-1").stderr


@pytest.mark.parametrize("name", ["hasty-health-check", "W9107", "9107"])
def test_a_rule_is_explained_by_any_of_its_names(name: str) -> None:
    shown = check("--explain", name).stdout
    assert shown.startswith("hasty-health-check (W9107 in cfn-lint)\nIn a world: warning.")
    assert "What to do: Set FailureThreshold to 2 or 3" in shown


def test_no_such_rule() -> None:
    result = check("--explain", "hasty")
    assert result.exit_code == 1
    assert "there is no rule hasty; the rules are" in result.stderr
