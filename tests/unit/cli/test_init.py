"""``terrella init``: first files for a template, which load as they stand."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from terrella.cli import terrella
from terrella.gameday import load_game_day
from terrella.world import load_world

API = """\
Resources:
  Http: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: http, ProtocolType: HTTP}}
  Route: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Http, RouteKey: GET /hello}}
"""
RECORD = "  Record: {Type: AWS::Route53::RecordSet, Properties: {Name: a.example, Type: A, HostedZoneName: example.}}\n"
FILES = ("world.yaml", "gamedays/first.yaml", "tests/test_regions.py")


def init(*arguments: str) -> Result:
    return CliRunner().invoke(terrella, ["init", *arguments], prog_name="terrella")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "template.yaml").write_text(API)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_writes_what_can_be_tried_at_once() -> None:
    done = init()
    assert done.exit_code == 0, done.output
    assert [f"Wrote {name}" for name in FILES] == done.output.splitlines()[:3]
    assert list(load_world(Path("world.yaml")).regions) == ["us-east-1", "eu-west-1"]
    gameday = load_game_day(Path("gamedays/first.yaml"))
    assert gameday.load is not None
    assert gameday.load.mix == {"get-hello": 1}
    assert "Try them: terrella gameday gamedays/first.yaml; pytest tests/test_regions.py" in done.output


@pytest.mark.parametrize(
    ("records", "regions", "told"),
    [
        ("", "us-east-1,eu-west-1", 'world.region("us-east-1").http().get(PATH).status == 200'),
        (RECORD, "us-east-1,eu-west-1", 'customer = world.http("london")'),
        (RECORD, "ap-northeast-1", 'world.region("ap-northeast-1").restore()'),
    ],
)
def test_the_first_test_asks_what_the_application_can_answer(records: str, regions: str, told: str) -> None:
    Path("template.yaml").write_text(API + records)
    assert init("--regions", regions).exit_code == 0
    text = Path("tests/test_regions.py").read_text()
    compile(text, "test_regions.py", "exec")
    assert 'PATH = "/hello"' in text
    assert told in text


def test_what_is_there_is_left_alone() -> None:
    for name in FILES[1:]:
        Path(name).parent.mkdir()
        Path(name).write_text("mine")
    done = init()
    assert [Path(name).read_text() for name in FILES[1:]] == ["mine", "mine"]
    assert "tests/test_regions.py is there already" in done.output


def test_parameters_without_a_default_are_asked_for() -> None:
    Path("template.yaml").write_text("Parameters: {Stage: {Type: String}, Size: {Type: Number, Default: 1}}\n" + API)
    done = init()
    assert "Fill in what template.yaml has no default for (Stage), then: terrella init" in done.output
    assert not Path("gamedays").exists()
    assert init().exit_code == 1
    world = Path("world.yaml")
    world.write_text(world.read_text().replace("Stage: ", "Stage: dev"))
    assert init().exit_code == 0
    assert Path("tests/test_regions.py").exists()


def test_without_a_template_it_says_what_it_looked_for(here: Path) -> None:
    (here / "template.yaml").unlink()
    assert "found no template.yaml, expected a SAM or CloudFormation template there" in init().output
    assert "found 'moon-1', expected AWS region codes" in init("--regions", "moon-1").output
    assert not (here / "world.yaml").exists()
