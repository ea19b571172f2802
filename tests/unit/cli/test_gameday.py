"""``terrella gameday --new``: a first game day, from the template's routes."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from terrella.cli.commands import terrella
from terrella.gameday import load_game_day

API = """\
Resources:
  Rest:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Body: {openapi: 3.0.1, paths: {/things: {x-amazon-apigateway-any-method: {}, get: {}, parameters: []}}}
  Http: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: http, ProtocolType: HTTP}}
  Route: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Http, RouteKey: GET /hello}}
  Default: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Http, RouteKey: $default}}
"""


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "template.yaml").write_text(API)
    (tmp_path / "world.yaml").write_text("template: template.yaml\nregions: {us-east-1: , eu-west-1: }\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_knows_the_routes(application: Path) -> None:
    done = CliRunner().invoke(terrella, ["gameday", "--new", "gamedays/first.yaml"])
    assert done.exit_code == 0, done.output
    path = application / "gamedays" / "first.yaml"
    assert f"terrella gameday {path.relative_to(application)}" in done.output
    assert yaml.safe_load(path.read_text())["load"]["mix"] == {"get-hello": 1, "get-things": 1}
    assert "# ANY /things" in path.read_text()
    assert load_game_day(path).load is not None


def test_it_overwrites_nothing(application: Path) -> None:
    (application / "mine.yaml").write_text("name: mine\n")
    done = CliRunner().invoke(terrella, ["gameday", "--new", "mine.yaml"])
    assert done.exit_code == 1
    assert "found mine.yaml, expected a file that is not there yet" in done.output
    assert (application / "mine.yaml").read_text() == "name: mine\n"


def test_a_file_that_is_not_there_can_be_made(application: Path) -> None:
    done = CliRunner().invoke(terrella, ["gameday", "nowhere.yaml"])
    assert "terrella gameday --new nowhere.yaml makes one" in done.output


def test_a_report_that_cannot_be_written_is_told_before_anything_starts(application: Path) -> None:
    (application / "taken").write_text("a file, where a directory is needed")
    made = CliRunner().invoke(terrella, ["gameday", "--new", "first.yaml"])
    assert made.exit_code == 0, made.output
    done = CliRunner().invoke(terrella, ["gameday", "first.yaml", "--junit", "taken/report.xml"])
    assert done.exit_code == 1
    assert done.output == "terrella: could not write taken/report.xml: File exists\n"


def test_a_directory_is_no_game_day(application: Path) -> None:
    done = CliRunner().invoke(terrella, ["gameday", str(application)])
    assert done.exit_code == 1
    assert "found the directory" in done.output
