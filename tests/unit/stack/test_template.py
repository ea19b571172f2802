"""SAM translation, its cache, local code and definitions."""

from pathlib import Path
from textwrap import dedent

import pytest
from tests.unit.stack.conftest import Evaluate, Load, in_region

from terrella.stack import Template, TemplateError, load_template
from terrella.stack.code import code_digest
from terrella.stack.template import run_translator
from terrella.stack.translation_job import Job

SAM_FUNCTION = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Owner: {Type: String, Default: me}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties: {Handler: a.b, Runtime: python3.12, InlineCode: "x = 1", Environment: {Variables: {O: !Ref Owner}}}
"""


def test_the_translator_runs_in_a_process_of_its_own() -> None:
    source = {"Resources": {"F": {"Type": "AWS::Serverless::SimpleTable"}}}
    outcome = run_translator(Path("template.yaml"), Job(source, {"AWS::Region": "us-west-2"}))
    assert outcome.document["Resources"]["F"]["Type"] == "AWS::DynamoDB::Table"


def test_a_translator_that_fails_is_no_traceback() -> None:
    with pytest.raises(TemplateError, match=r"template\.yaml:1: SAM's translator failed on this template: KeyError"):
        run_translator(Path("template.yaml"), Job({"Resources": {}}, {}))


def test_one_translation_serves_all_regions_and_is_kept(tmp_path: Path, translations: list[Job]) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(SAM_FUNCTION.lstrip())
    for _ in range(2):
        loaded = load_template(path, tmp_path / "cache")
        for region in ("us-east-1", "eu-west-1"):
            function = in_region(loaded, region, Owner=region).resources["F"]
            assert function.properties["Environment"] == {"Variables": {"O": region}}
    assert len(translations) == 1


def test_a_changed_template_is_translated_anew(tmp_path: Path, translations: list[Job]) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(SAM_FUNCTION.lstrip())
    in_region(load_template(path, tmp_path / "cache"))
    path.write_text(SAM_FUNCTION.lstrip().replace("python3.12", "python3.13"))
    stack = in_region(load_template(path, tmp_path / "cache"))
    assert stack.resources["F"].properties["Runtime"] == "python3.13"
    assert len(translations) == 2


def test_what_the_translator_reads_of_the_parameters_counts(tmp_path: Path, translations: list[Job]) -> None:
    """A domain name makes it resolve parameters itself: then each region needs its own translation."""
    path = tmp_path / "template.yaml"
    text = """
    Transform: AWS::Serverless-2016-10-31
    Parameters:
      Unread: {Type: String, Default: a}
      Name: {Type: String, Default: x.example.com}
    Resources:
      Api:
        Type: AWS::Serverless::Api
        Properties:
          StageName: prod
          Domain: {DomainName: !Ref Name, CertificateArn: arn, EndpointConfiguration: REGIONAL}
      F:
        Type: AWS::Serverless::Function
        Properties:
          Handler: a.b
          Runtime: python3.12
          InlineCode: x
          Events: {Get: {Type: Api, Properties: {RestApiId: !Ref Api, Path: /, Method: get}}}
    """
    path.write_text(dedent(text).lstrip())
    loaded = load_template(path, tmp_path / "cache")

    def domain(**parameters: str) -> str:
        return in_region(loaded, **parameters).of_type("AWS::ApiGateway::DomainName")[0].physical_id

    assert [domain(), domain(Name="y.example.com"), domain(Unread="b")] == [
        "x.example.com",
        "y.example.com",
        "x.example.com",
    ]
    assert len(translations) == 2
    domains = in_region(loaded).of_type("AWS::ApiGateway::DomainName")
    assert domains[0].line == 6, "what SAM makes under a name of its own stands where its domain is asked for"


def test_a_cut_off_cache_file_is_made_again(tmp_path: Path) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(SAM_FUNCTION.lstrip())
    before = in_region(load_template(path, tmp_path / "cache"))
    for file in (tmp_path / "cache").iterdir():
        file.write_bytes(file.read_bytes()[:40])
    assert in_region(load_template(path, tmp_path / "cache")) == before


def test_local_code(load: Load, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "other").mkdir()
    text = """
    Transform: AWS::Serverless-2016-10-31
    Globals: {Function: {Handler: a.b, Runtime: python3.12, CodeUri: src/}}
    Resources:
      ByDefault: {Type: AWS::Serverless::Function}
      Own: {Type: AWS::Serverless::Function, Properties: {CodeUri: ./other}}
      Inline: {Type: AWS::Serverless::Function, Properties: {InlineCode: x}}
      Plain: {Type: AWS::Lambda::Function, Properties: {Handler: a.b, Runtime: python3.12, Role: r, Code: src}}
    """
    text_without = text.replace(", CodeUri: src/", "").replace("src}", "other}")
    stack = in_region(load(text.replace("InlineCode: x", 'CodeUri: "", InlineCode: x')))
    assert stack.resources["ByDefault"].code_path == tmp_path / "src"
    assert stack.resources["Own"].code_path == tmp_path / "other"
    assert stack.resources["Plain"].code_path == tmp_path / "src"
    assert "Code" not in stack.resources["Plain"].properties
    stack = in_region(load(text_without))
    assert stack.resources["ByDefault"].code_path == tmp_path, "a missing CodeUri is the template's directory"
    assert stack.resources["Inline"].code_path is None


def test_a_local_definition_is_part_of_the_template(load: Load, tmp_path: Path) -> None:
    definition = tmp_path / "api.yaml"
    definition.write_text("openapi: 3.0.1\ninfo: {title: !Ref AWS::Region, version: '1'}\npaths: {}\n")
    text = """
    Transform: AWS::Serverless-2016-10-31
    Resources:
      One: {Type: AWS::Serverless::HttpApi, Properties: {DefinitionUri: api.yaml}}
      Two:
        Type: AWS::Serverless::HttpApi
        Properties:
          DefinitionBody: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: ./api.yaml}}}
    """
    stack = in_region(load(text))
    titles = [api.properties["Body"]["info"]["title"] for api in stack.of_type("AWS::ApiGatewayV2::Api")]
    assert titles == ["us-west-2", "us-west-2"]
    definition.write_text(definition.read_text().replace("!Ref AWS::Region", "new"))
    again = in_region(load(text))
    assert again.of_type("AWS::ApiGatewayV2::Api")[0].properties["Body"]["info"]["title"] == "new"
    assert again.version != stack.version


@pytest.mark.parametrize(
    ("properties", "line", "message"),
    [
        ("{Handler: a.b, InlineCode: x}", 4, "SAM refuses this: Resource with id [F] is invalid"),
        ("{Runtime: python3.12, CodeUri: 3}", 4, "SAM refuses this: Resource with id [F] is invalid"),
        ("{Events: {E: {Type: Nonsense}}, Handler: a, Runtime: python3.12, InlineCode: x}", 4, "SAM refuses this"),
    ],
)
def test_what_sam_refuses(stack_of: Evaluate, properties: str, line: int, message: str) -> None:
    head = "Transform: AWS::Serverless-2016-10-31\nResources:\n  A: {Type: AWS::Logs::LogGroup}\n  F:\n"
    with pytest.raises(TemplateError) as raised:
        stack_of(f"{head}    Type: AWS::Serverless::Function\n    Properties: {properties}")
    assert message in raised.value.message
    assert raised.value.line == line


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("DefinitionUri: nowhere.yaml", "nowhere.yaml cannot be read"),
        ("DefinitionBody: {Fn::Transform: {Name: Mine}}", "Fn::Transform names 'Mine'"),
        (
            "DefinitionBody: {Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://a/b}}}",
            "only a local file can be included here",
        ),
    ],
)
def test_definitions_that_cannot_be_had(load: Load, body: str, message: str) -> None:
    text = "Transform: AWS::Serverless-2016-10-31\nResources:\n  A:\n    Type: AWS::Serverless::Api\n    Properties:\n"
    with pytest.raises(TemplateError) as raised:
        load(f"{text}      {body}")
    assert message in raised.value.message
    assert raised.value.line == 6


def test_types_that_sam_need_not_see_keep_their_names(stack_of: Evaluate) -> None:
    text = """
    Transform: AWS::Serverless-2016-10-31
    Resources:
      Machine: {Type: AWS::Serverless::StateMachine, Properties: {DefinitionUri: machine.asl.json}}
    """
    assert stack_of(text).resources["Machine"].type == "AWS::Serverless::StateMachine"


def test_lines_of_what_sam_made(items: Template) -> None:
    assert items.line_of(("Resources", "GetFunctionRole")) == 62, "the function that it was made for"
    assert items.line_of(("Resources", "HealthFunction", "Properties", "Runtime")) == 24, "from Globals"
    status = ("Resources", "HealthFunction", "Properties", "Environment", "Variables", "STATUS")
    assert items.line_of(status) == 75
    assert items.line_of((*status[:-1], "TABLE")) == 29, "from Globals, below a mapping that the function has too"


def test_the_hash_of_code(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("1")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c.py").write_text("2")
    before = code_digest(tmp_path)
    for ignored in ("__pycache__/a.pyc", ".git/HEAD", ".terrella/x", "b/d.pyc"):
        (tmp_path / ignored).parent.mkdir(exist_ok=True)
        (tmp_path / ignored).write_text("x")
    assert code_digest(tmp_path) == before
    (tmp_path / "b" / "c.py").rename(tmp_path / "c.py")
    assert code_digest(tmp_path) != before
