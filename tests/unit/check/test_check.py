"""The linter on the example, and on the example with one thing wrong."""

from collections.abc import Callable

import msgspec
import pytest
from tests.unit.check.conftest import REGIONS, Check

from terrella.check import Finding, Severity, cfn_lint

LineOf = Callable[[str], int]
HOST = 'FullyQualifiedDomainName: !Sub "${Api}.execute-api.${AWS::Region}.amazonaws.com"'
RULE = "health-check-watches-other-region"
COPIED = "FullyQualifiedDomainName: a1b2c3d4e5.execute-api.us-east-1.amazonaws.com"


def only(findings: list[Finding], rule: str) -> Finding:
    (found,) = [finding for finding in findings if finding.rule == rule]
    return found


def test_nothing_is_wrong_with_the_example(check: Check) -> None:
    assert check() == []


def test_the_bug_on_stage(check: Check, line_of: LineOf) -> None:
    """A health check's host, copied from a console: it watches us-east-1 wherever it stands."""
    finding = only(check(HOST, COPIED), RULE)
    assert finding.severity is Severity.ERROR
    assert finding.line == line_of(COPIED)
    assert finding.message == (
        "HealthCheck watches us-east-1 (a1b2c3d4e5.execute-api.us-east-1.amazonaws.com), but the record Record, which"
        " it guards, leads elsewhere: in the stack of us-west-2 it leads to us-west-2;"
        " in the stack of eu-west-1 it leads to eu-west-1"
    )
    assert str(finding).startswith(f"{finding.file}:{finding.line}: error [health-check-watches-other-region] ")


def test_the_copied_host_belongs_to_no_api(check: Check, line_of: LineOf) -> None:
    finding = only(check(HOST, COPIED), "unknown-endpoint")
    assert finding.line == line_of(COPIED)
    assert "no stack of this world makes such an API in us-east-1" in finding.message


def test_a_host_that_is_wrong_by_a_parameter(check: Check, line_of: LineOf) -> None:
    """Nothing is written out by hand, and yet every region watches the one that makes the table."""
    wrong = HOST.replace("${AWS::Region}", "${TableRegion}")
    finding = only(check(HOST, wrong), RULE)
    assert finding.line == line_of("${TableRegion}")
    assert RULE not in {one.rule for one in check(HOST, wrong, regions={"us-east-1": {}})}


@pytest.mark.parametrize(
    ("target", "count"),
    [
        ("IPAddress: 127.0.1.1", 1),
        ("FullyQualifiedDomainName: dynamodb.us-east-1.amazonaws.com.", 1),
        ("FullyQualifiedDomainName: us-east-1.items.example.org", 0),
        ("IPAddress: 192.0.2.1", 0),
    ],
)
def test_other_ways_to_name_another_region(check: Check, target: str, count: int) -> None:
    """Where a name or address leads nowhere that is known, nothing is claimed."""
    findings = check(HOST, target, addresses={"us-east-1": "127.0.1.1", "us-west-2": "127.0.2.1"})
    found = [finding for finding in findings if finding.rule == RULE]
    assert len(found) == count
    assert all("watches us-east-1" in finding.message for finding in found)


def test_names_are_followed_through_records(check: Check, line_of: LineOf) -> None:
    """The health check watches a name of the template's own, whose record leads to us-east-1."""
    record = """
  Primary:
    Type: AWS::Route53::RecordSet
    Properties:
      HostedZoneName: example.com.
      Name: first.example.com.
      Type: CNAME
      TTL: 5
      ResourceRecords: [x.execute-api.us-east-1.amazonaws.com]

Outputs:"""
    finding = only(check(HOST, "FullyQualifiedDomainName: FIRST.example.com", "\nOutputs:", record), RULE)
    assert finding.line == line_of("FIRST.example.com")


def test_a_calculated_check_is_judged_by_its_children(check: Check, line_of: LineOf) -> None:
    calculated = """
  Calculated:
    Type: AWS::Route53::HealthCheck
    Properties:
      HealthCheckConfig: {Type: CALCULATED, HealthThreshold: 1, ChildHealthChecks: [!Ref HealthCheck]}

Outputs:"""
    changes = ("HealthCheckId: !Ref HealthCheck", "HealthCheckId: !Ref Calculated", "\nOutputs:", calculated)
    assert RULE not in {finding.rule for finding in check(*changes)}
    finding = only(check(*changes, HOST, COPIED), RULE)
    assert "Calculated watches us-east-1 (through its children)" in finding.message


def test_a_table_made_by_every_region(check: Check, line_of: LineOf) -> None:
    finding = only(check("    Condition: MakesTable\n", ""), "table-made-twice")
    assert finding.severity is Severity.ERROR
    assert finding.line == line_of("  ItemsTable:")
    assert "eu-west-1, us-east-1 and us-west-2" in finding.message


def test_a_region_without_a_replica(check: Check, line_of: LineOf) -> None:
    finding = only(check("        - Region: us-west-2\n", ""), "missing-replica")
    assert finding.line == line_of("Replicas:")
    assert "no replica in us-west-2" in finding.message


def test_a_record_without_a_health_check(check: Check, line_of: LineOf) -> None:
    finding = only(check("      HealthCheckId: !Ref HealthCheck\n", ""), "unguarded-record")
    assert finding.line == line_of("      Name: !Ref DomainName")
    assert "in eu-west-1, us-east-1 and us-west-2" in finding.message


def test_a_record_alone_needs_no_health_check(check: Check) -> None:
    findings = check("      HealthCheckId: !Ref HealthCheck\n", "", regions={"us-east-1": {}})
    assert "unguarded-record" not in {finding.rule for finding in findings}


def test_a_health_check_that_nobody_makes(check: Check, line_of: LineOf) -> None:
    finding = only(check("HealthCheckId: !Ref HealthCheck", "HealthCheckId: abc"), "unknown-health-check")
    assert finding.line == line_of("HealthCheckId: abc")


def test_a_threshold_of_one(check: Check, line_of: LineOf) -> None:
    finding = only(check("FailureThreshold: 3", "FailureThreshold: 1"), "hasty-health-check")
    assert finding.line == line_of("FailureThreshold: 1")


def test_a_long_time_to_live(check: Check, line_of: LineOf) -> None:
    alias = "TTL: 300\n      ResourceRecords: [192.0.2.1]\n      AliasTargets:"
    findings = check("AliasTarget:", alias)
    finding = only(findings, "slow-failover")
    assert finding.line == line_of("TTL: 300")
    assert "cached for 300 s" in finding.message


def test_what_is_refused_is_an_error(check: Check, line_of: LineOf) -> None:
    findings = check("Timeout: 10", "Timeout: 10\n    Layers: [a]")
    refused = [finding for finding in findings if finding.rule == "refused-property"]
    assert {finding.line for finding in refused} == {line_of("Layers: [a]")}
    assert all(finding.severity is Severity.ERROR for finding in refused)


def test_a_mistake_is_a_finding_once(check: Check, line_of: LineOf) -> None:
    finding = only(check("!Ref Certificate", "!Ref Certificat"), "template")
    assert "did you mean Certificate?" in finding.message
    assert finding.line == line_of("!Ref Certificat")


def test_a_mistake_in_one_regions_parameters(check: Check) -> None:
    findings = check(regions={**REGIONS, "us-west-2": {"Weight": 300}})
    assert "expected at most 255" in only(findings, "template").message


def test_cfn_lint_speaks_and_is_remembered(check: Check, line_of: LineOf, monkeypatch: pytest.MonkeyPatch) -> None:
    findings = check("BillingMode: PAY_PER_REQUEST", "BillingMode: PAY_PER_GUESS", lint=True)
    said = [finding for finding in findings if finding.rule.startswith("cfn-lint E")]
    assert line_of("PAY_PER_GUESS") in {finding.line for finding in said}
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    assert check("BillingMode: PAY_PER_REQUEST", "BillingMode: PAY_PER_GUESS", lint=True) == findings


def test_what_cfn_lint_fails_on_is_no_mistake_of_the_template(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """It does not know a domain name that SAM generates, and says so as if it were an error."""
    failed = "Exception \"'ApiGatewayDomainNameV26b390559da'\" raised while validating 'fn_getatt'"
    matches = [
        {"Level": "Error", "Message": message, "Rule": {"Id": "E1010"}, "Location": {"Start": {"LineNumber": 3}}}
        for message in (failed, "'Tabel.Arn' is not one of ['Table']")
    ]
    monkeypatch.setattr(cfn_lint, "_run", lambda *_: msgspec.convert(matches, list[cfn_lint._Match]))
    mistake, note = [one for one in check("Resources:\n", "Resources: # anew\n", lint=True) if one.line == 3]
    assert (mistake.severity, mistake.message) == (Severity.ERROR, "'Tabel.Arn' is not one of ['Table']")
    assert note.severity is Severity.NOTE
    assert note.message.startswith("cfn-lint failed on this, and says nothing about it: Exception")
