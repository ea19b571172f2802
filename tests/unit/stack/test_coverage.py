"""What becomes of each resource and property."""

from tests.unit.stack.conftest import Load, in_region

from terrella.stack import Coverage, Template, Verdict, coverage

MIXED = """
Rules:
  R: {Assertions: []}
Resources:
  F:
    Type: AWS::Lambda::Function
    Properties:
      Handler: a.b
      Runtime: nodejs22.x
      Role: r
      Code: {ZipFile: x}
      Layers: [a]
      Colour: red
  Q:
    Type: AWS::SQS::Queue
    Properties: {Whatever: 1}
  U:
    Type: AWS::Quantum::Computer
  H:
    Type: AWS::Route53::HealthCheck
    Properties:
      HealthCheckConfig:
        Type: !If [C, TCP, CLOUDWATCH_METRIC]
        FullyQualifiedDomainName: a.example.com
        Regions: [us-east-1]
        AlarmIdentifier: {Name: a, Region: b}
  G:
    Type: AWS::Route53::RecordSetGroup
    Properties:
      HostedZoneName: example.com.
      RecordSets:
        - {Name: a.example.com, Type: A, TTL: 1, ResourceRecords: [127.0.0.1]}
        - Name: b.example.com
          CidrRoutingConfig: {}
  S3:
    Type: AWS::Lambda::Function
    Condition: C
    Properties:
      Runtime: python3.12
      Code: {S3Bucket: b, S3Key: k}
  N:
    Type: AWS::Lambda::Function
    Properties: {Runtime: python3.12}
Conditions:
  C: !Equals [a, b]
"""


def refused(rows: list[Coverage]) -> list[tuple[str, str | None, int, str]]:
    return [(row.logical_id, row.property, row.line, row.reason) for row in rows if row.verdict is Verdict.REFUSED]


def test_all_of_the_items_is_covered(items: Template) -> None:
    rows = coverage(items)
    assert not refused(rows)
    assert {row.type: row.verdict for row in rows if row.property is None} == {
        "AWS::DynamoDB::GlobalTable": "honoured",
        "AWS::ApiGateway::RestApi": "honoured",
        "AWS::ApiGateway::Deployment": "honoured",
        "AWS::ApiGateway::Stage": "honoured",
        "AWS::ApiGateway::DomainName": "honoured",
        "AWS::ApiGateway::BasePathMapping": "honoured",
        "AWS::Lambda::Function": "honoured",
        "AWS::Lambda::Permission": "inert",
        "AWS::IAM::Role": "inert",
        "AWS::CertificateManager::Certificate": "inert",
        "AWS::Route53::HealthCheck": "honoured",
        "AWS::Route53::RecordSet": "honoured",
    }


def test_what_is_refused_and_where(load: Load) -> None:
    assert refused(coverage(load(MIXED))) == [
        ("F", "Runtime", 8, "nodejs22.x: only Python 3.9 to 3.14 are there yet"),
        ("F", "Layers", 11, "layers are not built yet: put the packages into the code directory"),
        ("F", "Colour", 12, "terrella does not know this property of AWS::Lambda::Function"),
        ("Q", None, 13, "SQS is not built yet"),
        ("U", None, 16, "terrella does not know this resource type"),
        ("H", "HealthCheckConfig.AlarmIdentifier", 25, "checks on alarms are not built yet"),
        ("G", "RecordSets.1.CidrRoutingConfig", 33, "IP-based routing is not built yet"),
        (
            "S3",
            "Code.S3Bucket",
            39,
            "code cannot be had from S3 here: name a local directory, as `sam package` takes it",
        ),
        ("S3", "Code.S3Key", 39, "code cannot be had from S3 here: name a local directory, as `sam package` takes it"),
        ("N", "Code", 42, "the function has no code that can be found here: name a local directory"),
    ]


def test_a_stack_is_judged_by_its_resolved_properties(load: Load) -> None:
    template = load(MIXED)
    rows = refused(coverage(template, in_region(template)))
    assert ("H", "HealthCheckConfig.Type", 22) in [row[:3] for row in rows], "Fn::If chose what is refused"
    assert "S3" not in [row[0] for row in rows], "its condition does not hold"


def test_what_is_inert_says_why(load: Load) -> None:
    rows = [row for row in coverage(load(MIXED)) if row.verdict is Verdict.INERT]
    assert all(row.reason for row in rows)
    assert ("Rules", 1) in [(row.logical_id, row.line) for row in rows]
    assert ("H", "HealthCheckConfig.Regions") in [(row.logical_id, row.property) for row in rows]


def test_parameters_without_defaults_do_not_hinder(load: Load) -> None:
    text = """
    Transform: AWS::Serverless-2016-10-31
    Parameters: {Name: {Type: String}}
    Resources:
      F:
        Type: AWS::Serverless::Function
        Properties: {FunctionName: !Ref Name, Handler: a.b, Runtime: python3.12, InlineCode: x, AutoPublishAlias: live}
    """
    assert {row[3] for row in refused(coverage(load(text)))} == {
        "versions are not built yet",
        "aliases are not built yet: remove AutoPublishAlias",
    }


def test_values_that_are_refused(load: Load) -> None:
    text = """
    Resources:
      A: {Type: AWS::ApiGateway::RestApi, Properties: {EndpointConfiguration: {Types: [REGIONAL]}}}
      B: {Type: AWS::ApiGateway::RestApi, Properties: {EndpointConfiguration: {Types: [PRIVATE]}}}
      C: {Type: AWS::ApiGateway::Method, Properties: {ApiKeyRequired: false, AuthorizationType: NONE}}
      D: {Type: AWS::ApiGateway::Method, Properties: {ApiKeyRequired: true, AuthorizationType: AWS_IAM}}
    """
    assert [(row[0], row[1]) for row in refused(coverage(load(text)))] == [
        ("B", "EndpointConfiguration.Types"),
        ("D", "ApiKeyRequired"),
        ("D", "AuthorizationType"),
    ]
