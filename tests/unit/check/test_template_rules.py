"""Rules on the template alone, each with what breaks it and what does not."""

from typing import Any

import pytest
from tests.unit.check.conftest import REGIONS, Judge

from terrella.check import Objective, Severity

TABLE = "T: {Type: AWS::Serverless::SimpleTable}"
DOMAIN = """
D:
  Type: AWS::ApiGateway::DomainName
  Properties: {DomainName: a.example.com, RegionalCertificateArn: ARN, EndpointConfiguration: {Types: [REGIONAL]}}
"""
SCHEDULED = """
F:
  Type: AWS::Serverless::Function
  Properties:
    Handler: a.b
    Runtime: java21
    InlineCode: "-"
    Events: {Nightly: {Type: Schedule, Properties: {Schedule: rate(1 day)MORE}}}
"""
RECORD = """
R:
  Type: AWS::Route53::RecordSet
  Properties:
    {HostedZoneName: example.com., Name: a.example.com, Type: CNAME, TTL: 5, ResourceRecords: [x.example.org]MORE}
"""
GLOBAL = """
T:
  Type: AWS::DynamoDB::GlobalTable
  Condition: Never
  Properties:
    AttributeDefinitions: [{AttributeName: id, AttributeType: S}]
    KeySchema: [{AttributeName: id, KeyType: HASH}]
    Replicas: REPLICASMORE
"""
OPEN = "{Region: us-east-1}"
SAFE = "{Region: eu-west-1, PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}}"

BROKEN = [
    ("table-not-replicated", TABLE),
    ("table-not-replicated", "T: {Type: AWS::DynamoDB::Table, Properties: {TableName: t}}"),
    ("regional-state", "P: {Type: AWS::Cognito::UserPool}"),
    ("regional-state", "S: {Type: AWS::SecretsManager::Secret, Properties: {GenerateSecretString: {}}}"),
    ("regional-state", "Uploads: {Type: AWS::S3::Bucket}"),
    ("messages-stay-in-region", "Jobs: {Type: AWS::SQS::Queue}"),
    ("global-name-taken", "B: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub 'up-${AWS::AccountId}'}}"),
    ("global-name-taken", "R: {Type: AWS::IAM::Role, Properties: {RoleName: app, AssumeRolePolicyDocument: {}}}"),
    ("hard-coded-region", "S: {Type: AWS::SNS::Topic, Properties: {KmsMasterKeyId: 'arn:aws:kms:us-east-1:9:key/k'}}"),
    ("hard-coded-region", "N: {Type: AWS::EC2::Subnet, Properties: {VpcId: v, AvailabilityZone: us-east-1a}}"),
    ("hard-coded-region", "N: {Type: AWS::EC2::VPC, Properties: {CidrBlock: sqs.eu-west-1.amazonaws.com}}"),
    ("schedule-in-every-region", SCHEDULED.replace("MORE", "")),
    ("schedule-in-every-region", "S: {Type: AWS::Scheduler::Schedule, Properties: {ScheduleExpression: rate(1 day)}}"),
    ("record-made-twice", RECORD.replace("MORE", "")),
    ("certificate-of-other-region", DOMAIN.replace("ARN", "arn:aws:acm:us-east-1:987654321098:certificate/c")),
    ("edge-domain-made-twice", "D: {Type: AWS::ApiGateway::DomainName, Properties: {DomainName: a.example.com}}"),
    ("no-default-location", RECORD.replace("MORE", ", SetIdentifier: a, GeoLocation: {CountryCode: DE}")),
    ("uneven-replicas", GLOBAL.replace("REPLICAS", f"[{OPEN}, {SAFE}]").replace("MORE", "")),
    (
        "strong-table-regions",
        GLOBAL.replace("REPLICAS", f"[{OPEN}]").replace("MORE", "\n    MultiRegionConsistency: STRONG"),
    ),
]
SOUND = [
    ("table-not-replicated", "ConnectionsTable: {Type: AWS::DynamoDB::Table}"),
    (
        "regional-state",
        "Site: {Type: AWS::S3::Bucket}\nD: {Type: AWS::CloudFront::Distribution, Properties: {O: !GetAtt Site.Arn}}",
    ),
    ("regional-state", "S: {Type: AWS::SecretsManager::Secret, Properties: {ReplicaRegions: [{Region: us-west-2}]}}"),
    ("regional-state", "AccessLogs: {Type: AWS::S3::Bucket}"),
    ("messages-stay-in-region", "DeadLetterQueue: {Type: AWS::SQS::Queue}"),
    ("global-name-taken", "B: {Type: AWS::S3::Bucket, Properties: {BucketName: !Sub 'up-${AWS::Region}'}}"),
    ("global-name-taken", "R: {Type: AWS::IAM::Role, Properties: {RoleName: !Ref AWS::StackName}}"),
    (
        "hard-coded-region",
        "S: {Type: AWS::SNS::Topic, Properties: {KmsMasterKeyId: !Sub 'arn:aws:kms:${AWS::Region}:9:key/k'}}",
    ),
    (
        "hard-coded-region",
        "S: {Type: AWS::SNS::Topic, Properties: {KmsMasterKeyId: 'arn:aws:kms:us-east-1:123456789012:key/k'}}",
    ),
    ("hard-coded-region", "H: {Type: AWS::EC2::VPC, Properties: {CidrBlock: 1, Tags: [{Key: a, Value: us-east-1}]}}"),
    ("hard-coded-region", GLOBAL.replace("REPLICAS", f"[{OPEN}]").replace("MORE", "")),
    ("schedule-in-every-region", SCHEDULED.replace("MORE", ", Enabled: !If [A, true, false]")),
    ("record-made-twice", RECORD.replace("MORE", ", SetIdentifier: !Ref AWS::Region, Weight: 1")),
    ("certificate-of-other-region", DOMAIN.replace("ARN", "!Sub 'arn:aws:acm:${AWS::Region}:9:certificate/c'")),
    ("edge-domain-made-twice", DOMAIN.replace("ARN", "a")),
    ("no-default-location", RECORD.replace("MORE", ', SetIdentifier: a, GeoLocation: {CountryCode: "*"}')),
    ("uneven-replicas", GLOBAL.replace("REPLICAS", f"[{SAFE}]").replace("MORE", "")),
]


def whole(resources: str) -> str:
    """The resources, and the conditions and values that some of them name."""
    conditions = "Conditions: {Never: !Equals [a, b], A: !Equals [a, a]}\nResources:\n"
    return conditions + "\n".join(f"  {line}" for line in resources.strip().splitlines())


@pytest.mark.parametrize(("rule", "resources"), BROKEN)
def test_what_breaks_a_rule(judge: Judge, rule: str, resources: str) -> None:
    assert rule in {finding.rule for finding in judge(whole(resources))}


@pytest.mark.parametrize(("rule", "resources"), SOUND)
def test_what_does_not(judge: Judge, rule: str, resources: str) -> None:
    assert rule not in {finding.rule for finding in judge(whole(resources))}


def test_without_a_world_most_are_notes_and_nothing_is_an_error(judge: Judge) -> None:
    found = judge(f"{TABLE}\nJobs: {{Type: AWS::SQS::Queue}}")
    assert {finding.severity for finding in found} == {Severity.NOTE}


def test_in_a_world_a_table_without_replicas_is_a_warning_unless_the_world_says_so(judge: Judge) -> None:
    found = judge(TABLE, regions=REGIONS)
    assert [finding.severity for finding in found if finding.rule == "table-not-replicated"] == [Severity.WARNING]
    found = judge(TABLE, regions=REGIONS, lanes={"T": "local"})
    assert "table-not-replicated" not in {finding.rule for finding in found}


def test_one_region_needs_no_other(judge: Judge) -> None:
    resources = (
        f"{TABLE}\nP: {{Type: AWS::Cognito::UserPool}}\nB: {{Type: AWS::S3::Bucket, Properties: {{BucketName: b}}}}"
    )
    found = judge(resources, regions={"us-east-1": {}})
    assert {finding.rule for finding in found} == {"refused-resource"}


def test_a_resource_of_one_regions_stack_is_none_of_the_others(judge: Judge) -> None:
    resources = """
    Conditions: {First: !Equals [!Ref AWS::Region, us-east-1]}
    Resources:
      R: {Type: AWS::IAM::Role, Condition: First, Properties: {RoleName: app, AssumeRolePolicyDocument: {}}}
    """
    assert judge(resources, regions=REGIONS) == []


def test_parameters_and_code_that_are_not_there_keep_nobody_from_judging(judge: Judge) -> None:
    resources = """
    Parameters: {Zone: {Type: 'AWS::Route53::HostedZone::Id'}, Size: {Type: Number, MinValue: 5}}
    Resources:
      F: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: java21, CodeUri: target/not-built.zip}}
      T: {Type: AWS::DynamoDB::Table, Properties: {TableName: !ImportValue other}}
    """
    assert [finding.rule for finding in judge(resources)] == ["table-not-replicated"]


SHARED = """
  Parameters: {Check: {Type: String, Default: 0a1b2c3d-shared}}
  Resources:
    R:
      Type: AWS::Route53::RecordSet
      Properties:
        HostedZoneName: example.com.
        Name: a.example.com
        Type: CNAME
        TTL: TTL_S
        SetIdentifier: !Ref AWS::Region
        Weight: 1
        HealthCheckId: !Ref Check
        ResourceRecords: [!Sub 'x.execute-api.${AWS::Region}.amazonaws.com']
    Own:
      Type: AWS::Route53::HealthCheck
      Properties: {HealthCheckConfig: {Type: HTTPS, FullyQualifiedDomainName: HOST, ResourcePath: /health}}
"""


def rules_of(judge: Judge, text: str, **more: Any) -> dict[str, str]:
    return {finding.rule: finding.message for finding in judge(text, regions=REGIONS, **more)}


def test_one_health_check_for_all_regions(judge: Judge) -> None:
    found = rules_of(judge, SHARED.replace("TTL_S", "5").replace("HOST", "x.example.org"))
    assert "it takes all of them out, or none" in found["shared-health-check"]


def test_a_health_check_that_asks_the_name_that_it_guards(judge: Judge) -> None:
    text = SHARED.replace("!Ref Check", "!Ref Own").replace("TTL_S", "5")
    found = rules_of(judge, text.replace("HOST", "a.example.com"))
    assert found["shared-health-check"].startswith("Own asks what leads to eu-west-1, us-east-1 and us-west-2")
    found = rules_of(judge, text.replace("HOST", "!Sub 'x.execute-api.${AWS::Region}.amazonaws.com'"))
    assert "shared-health-check" not in found


def test_a_name_that_no_regions_gateway_answers_to(judge: Judge) -> None:
    found = rules_of(judge, SHARED.replace("TTL_S", "5").replace("HOST", "x.example.org"))
    assert "where no custom domain has that name" in found["region-without-domain"]


def test_a_failover_that_takes_longer_than_is_asked_for(judge: Judge) -> None:
    text = SHARED.replace("!Ref Check", "!Ref Own").replace("TTL_S", "30").replace("HOST", "x.example.org")
    assert "slow-failover" not in rules_of(judge, text)
    found = rules_of(judge, text, objective=Objective(60, "gamedays/a.yaml:3"))
    assert "90 s until its health check has failed + TTL 30 s" in found["slow-failover"]
    assert "60 s are asked for (gamedays/a.yaml:3)" in found["slow-failover"]
    assert "slow-failover" not in rules_of(judge, text, objective=Objective(120, "me"))


def test_latency_and_failover_records_that_lead_elsewhere(judge: Judge) -> None:
    text = SHARED.replace("Weight: 1", "Region: us-east-1").replace("TTL_S", "5").replace("HOST", "x.example.org")
    assert "is handed out to clients near us-east-1, and leads to" in rules_of(judge, text)["latency-of-other-region"]
    text = SHARED.replace("Weight: 1", "Failover: PRIMARY").replace("TTL_S", "5").replace("HOST", "x.example.org")
    assert "SECONDARY" in rules_of(judge, text)["incomplete-failover"]


SAM_DOMAIN = """
A:
  Type: AWS::Serverless::HttpApi
  Properties:
    Domain:
      DomainName: a.example.com
      CertificateArn: !Sub arn:aws:acm:${AWS::Region}:123456789012:certificate/c
      EndpointConfiguration: REGIONAL
      Route53: {HostedZoneName: example.com., SetIdentifier: !Ref AWS::Region, Region: !Ref AWS::Region,
        EvaluateTargetHealth: true}
F:
  Type: AWS::Serverless::Function
  Properties:
    {Runtime: python3.12, Handler: index.handler, InlineCode: "def handler(e, c): pass",
     Events: {E: {Type: HttpApi, Properties: {ApiId: !Ref A, Path: /, Method: GET}}}}
"""


def test_evaluating_the_health_of_an_api_guards_nothing(judge: Judge) -> None:
    """Route 53 counts an API's host name as healthy, so clients stay with a region that is down."""
    assert "unguarded-record" in {finding.rule for finding in judge(SAM_DOMAIN, regions=REGIONS)}
