"""Templates to stacks: names, order, conditions, code, and mistakes with their lines."""

from pathlib import Path

import pytest
from tests.unit.stack.conftest import Evaluate, in_region

from terrella.stack import Template, TemplateError, load_template
from terrella.wire.hostnames import region_of_hostname

REGIONS = ("us-east-1", "us-west-2", "eu-west-1")


def test_the_items_in_a_region(items: Template) -> None:
    """A golden evaluation: what the other rooms are handed."""
    stack = in_region(items)
    api = stack.of_type("AWS::ApiGateway::RestApi")[0]
    health = stack.resources["HealthFunction"]
    assert dict(health.properties) == {
        "Handler": "items.health",
        "Role": f"arn:aws:iam::000000000000:role/{stack.resources['HealthFunctionRole'].physical_id}",
        "Runtime": "python3.11",
        "Timeout": 10,
        "Environment": {"Variables": {"TABLE": "items", "STATUS": "200"}},
        "Tags": [{"Key": "lambda:createdBy", "Value": "SAM"}],
    }
    assert health.code_path == items.path.parent / "src"
    assert health.line == 69
    assert api.properties["Body"]["paths"]["/health"]["get"]["x-amazon-apigateway-integration"]["uri"] == (
        "arn:aws:apigateway:us-west-2:lambda:path/2015-03-31/functions/"
        f"arn:aws:lambda:us-west-2:000000000000:function:{health.physical_id}/invocations"
    )
    assert stack.resources["HealthCheck"].properties["HealthCheckConfig"] == {
        "Type": "HTTPS",
        "FullyQualifiedDomainName": f"{api.physical_id}.execute-api.us-west-2.amazonaws.com",
        "ResourcePath": "/prod/health",
        "RequestInterval": 10,
        "FailureThreshold": 3,
    }
    record = stack.resources["Record"].properties
    assert record["Weight"] == 1
    assert record["HealthCheckId"] == stack.resources["HealthCheck"].physical_id
    assert region_of_hostname(record["AliasTarget"]["DNSName"]) == "us-west-2"
    assert stack.outputs == {"Url": f"https://{api.physical_id}.execute-api.us-west-2.amazonaws.com/prod"}


def test_a_condition_makes_the_table_in_one_region(items: Template) -> None:
    assert [region for region in REGIONS if "ItemsTable" in in_region(items, region).resources] == ["us-east-1"]


def test_parameters_differ_by_region(items: Template) -> None:
    assert in_region(items, Weight=200).resources["Record"].properties["Weight"] == 200


def test_physical_ids_are_the_same_each_time_and_different_in_each_region(items: Template) -> None:
    first, again, elsewhere = in_region(items), in_region(items), in_region(items, "eu-west-1")
    assert first == again
    for name in ("Api", "HealthFunction", "HealthCheck"):
        assert first.resources[name].physical_id != elsewhere.resources[name].physical_id
    assert len(first.resources["Api"].physical_id) == 10
    assert first.resources["HealthFunction"].physical_id.startswith("items-HealthFunction-")
    assert [len(part) for part in first.resources["HealthCheck"].physical_id.split("-")] == [8, 4, 4, 4, 12]


def test_resources_come_after_what_they_depend_on(items: Template) -> None:
    stack = in_region(items, "us-east-1")
    seen: set[str] = set()
    for name, resource in stack.resources.items():
        assert set(resource.depends_on) <= seen
        seen.add(name)
    assert "Domain" in stack.resources["Record"].depends_on


def test_the_version_is_the_same_in_every_region_and_follows_the_code(items: Template) -> None:
    before = [in_region(items, region) for region in REGIONS]
    assert len({stack.version for stack in before}) == 1
    assert len({stack.fingerprint for stack in before}) == 3
    code = items.path.parent / "src" / "items.py"
    (code.parent / "__pycache__").mkdir()
    (code.parent / "__pycache__" / "items.pyc").write_bytes(b"compiled")
    assert in_region(load_template(items.path, items.cache.directory)).version == before[0].version
    code.write_text(code.read_text() + "\n# changed\n")
    after = in_region(load_template(items.path, items.cache.directory))
    assert after.version != before[0].version
    assert after.resources["GetFunction"].code_hash != before[1].resources["GetFunction"].code_hash


def test_a_comment_does_not_make_a_new_version(items: Template) -> None:
    before = in_region(items).version
    items.path.write_text("# a comment\n" + items.path.read_text())
    again = load_template(items.path, items.cache.directory)
    assert in_region(again).version == before
    assert in_region(again).resources["HealthFunction"].line == 70


def test_inline_code_needs_no_directory(stack_of: Evaluate) -> None:
    text = """
    Resources:
      F:
        Type: AWS::Lambda::Function
        Properties: {Handler: index.handler, Runtime: python3.12, Role: r, Code: {ZipFile: "x = 1"}}
    """
    function = stack_of(text).resources["F"]
    assert function.code_path is None
    assert function.code_hash
    assert function.properties["Code"] == {"ZipFile": "x = 1"}


def test_numbers_and_booleans_may_be_written_as_text(stack_of: Evaluate) -> None:
    text = """
    Parameters:
      Seconds: {Type: Number, Default: 12}
    Resources:
      F:
        Type: AWS::Lambda::Function
        Properties:
          {Handler: a.b, Runtime: python3.12, Role: r, Code: {ZipFile: ""}, Timeout: !Ref Seconds, MemorySize: "256"}
      R:
        Type: AWS::Route53::RecordSet
        Properties: {Name: a.example.com, Type: A, TTL: "5", ResourceRecords: 127.0.0.1, MultiValueAnswer: "true"}
    """
    stack = stack_of(text)
    assert stack.resources["F"].properties["Timeout"] == 12
    assert stack.resources["F"].properties["MemorySize"] == 256
    assert stack.resources["R"].properties["TTL"] == 5
    assert stack.resources["R"].properties["ResourceRecords"] == ["127.0.0.1"]
    assert stack.resources["R"].properties["MultiValueAnswer"] is True


def test_names_that_depend_on_names(stack_of: Evaluate) -> None:
    text = """
    Resources:
      Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub "/aws/lambda/${F}"}}
      F:
        Type: AWS::Lambda::Function
        DependsOn: Table
        Properties: {FunctionName: !Sub "${Table}-reader", Handler: a.b, Runtime: python3.12, Code: {ZipFile: ""}}
      Table: {Type: AWS::DynamoDB::Table, DeletionPolicy: Retain, Properties: {TableName: !Sub "t-${AWS::Region}"}}
    """
    stack = stack_of(text)
    assert stack.resources["Log"].physical_id == "/aws/lambda/t-us-west-2-reader"
    assert stack.resources["Log"].depends_on == ("F",)
    assert list(stack.resources) == ["Table", "F", "Log"]
    assert stack.resources["Table"].retained


def test_a_refused_resource_does_not_stop_the_others(stack_of: Evaluate) -> None:
    """For ``--skip-unsupported``: it has a name to refer to, and its own properties do not matter."""
    text = """
    Resources:
      Cluster: {Type: AWS::ECS::Cluster, Properties: {X: !Ref Nonsense}}
      Log: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !GetAtt Cluster.Arn}}
    """
    stack = stack_of(text)
    assert stack.resources["Log"].physical_id == "Cluster.Arn"
    assert stack.resources["Cluster"].verdict == "refused"


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("Resources:\n  A: {Type: AWS::Logs::LogGroup}\n  B:\n    Typ: x", 3, "the resource B has no Type"),
        ("Resources:\n  A-B: {Type: AWS::Logs::LogGroup}", 2, "the logical id 'A-B' has characters other than"),
        ("Resources: []", 1, "Resources must be a mapping; found a list"),
        ("Description: nothing", 1, "the template has no Resources"),
        ("Resource:\n  A: {Type: X}", 1, "there is no section Resource"),
        ("- a", 1, "a template is a mapping"),
        (
            "Resources:\n  A:\n    Type: X\n    Properties: 3",
            4,
            "the Properties of A must be a mapping; found a number",
        ),
        ("Transform: My::Macro\nResources:\n  A: {Type: X}", 1, "the transform 'My::Macro' cannot be run here"),
        ("Resources:\n  A:\n    Type: AWS::Serverless::Function", 3, "needs the line Transform: AWS::Serverless-2016"),
        ("Resources:\n  Fn::ForEach::X: [a, [b], {}]", 2, "Fn::ForEach is not built yet"),
        ("Resources:\n  A:\n    Type: AWS::Logs::LogGroup\n    Propertys: {}", 4, "a resource has no Propertys"),
        (
            "Resources:\n  A:\n    Type: AWS::Logs::LogGroup\n    DependsOn: C",
            4,
            "DependsOn names C, which is no resource",
        ),
        ("Resources:\n  A:\n    Type: AWS::Logs::LogGroup\n    Condition: C", 4, "there is no condition C"),
        ("Conditions:\n  C: {Condition: D}\n  D: !Not [{Condition: C}]\nResources:\n  A: {Type: X}", 3, "C → D → C"),
        ("Conditions:\n  C: yes\nResources:\n  A: {Type: X}", 2, "a condition is one of Fn::And"),
        (
            (
                "Resources:\n  A:\n    Type: AWS::Logs::LogGroup\n    DependsOn: B\n"
                "  B:\n    Type: AWS::Logs::LogGroup\n    Properties: {LogGroupName: !Ref A}"
            ),
            2,
            "resources depend on each other in a circle: A → B → A",
        ),
        (
            "Resources:\n  A:\n    Type: AWS::Logs::LogGroup\n    Properties: {KmsKeyId: !Ref A}",
            2,
            "A refers to itself",
        ),
        (
            "Resources:\n  A:\n    Type: AWS::Logs::LogGroup\n    Properties: {LogGroupName: !Sub '${A}-x'}",
            4,
            "the name of A depends on itself",
        ),
        (
            "Resources:\n  A:\n    Type: AWS::Lambda::Function\n    Properties:\n      Timeout: soon",
            5,
            "a number is needed here; found 'soon'",
        ),
        (
            (
                "Resources:\n  A:\n    Type: AWS::Lambda::Function\n    Properties:\n      Environment:\n"
                "        Variables:\n          LIST: [1]"
            ),
            7,
            "text is needed here; found a list",
        ),
        (
            "Resources:\n  A:\n    Type: AWS::Lambda::Function\n    Properties:\n      Code: ./src",
            5,
            "the code of A should be at ./src; there is no ",
        ),
    ],
)
def test_a_mistake_says_its_line(stack_of: Evaluate, text: str, line: int, message: str) -> None:
    with pytest.raises(TemplateError) as raised:
        stack_of(text)
    assert message in raised.value.message
    assert raised.value.line == line


def test_a_template_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match=r"nowhere\.yaml:1: the template cannot be read: No such file"):
        load_template(tmp_path / "nowhere.yaml", tmp_path)
