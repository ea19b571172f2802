"""The example application: its template lints, holds nothing of ours, and its handlers do what its README says."""

import ast
import base64
import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from botocore.stub import ANY, Stubber

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "items"
HTTP_API = ROOT / "tests" / "fixtures" / "items-http-api" / "template.yaml"
ITEM = {"id": {"S": "7"}, "message": {"S": "hello"}, "written_in": {"S": "eu-west-1"}, "written_at": {"S": "then"}}
Load = Callable[[str], ModuleType]


def test_the_templates_lint() -> None:
    """cfn-lint runs the SAM translator first."""
    command = [str(Path(sys.executable).with_name("cfn-lint")), "-t", str(EXAMPLE / "template.yaml"), str(HTTP_API)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_template_and_handlers_hold_nothing_of_ours() -> None:
    for path in [EXAMPLE / "template.yaml", *(EXAMPLE / "handlers").glob("*.py")]:
        text = path.read_text().lower()
        for word in ("terrella", "localhost", "127.0", "4566", "endpoint_url"):
            assert word not in text, f"{path} says {word}"


def test_the_health_handler_loads_nothing_that_could_break() -> None:
    tree = ast.parse((EXAMPLE / "handlers" / "health.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported == {"json", "os"}
    assert not any(isinstance(node, ast.ImportFrom) for node in ast.walk(tree))


def test_the_world_has_three_regions_in_order() -> None:
    world = yaml.safe_load((EXAMPLE / "world.yaml").read_text())
    assert list(world["regions"]) == ["us-east-1", "us-west-2", "eu-west-1"]
    assert (world["name"], world["template"], world["profile"]) == ("items", "template.yaml", "fast")
    assert all(region == {"azs": 2} for region in world["regions"].values())


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Load:
    """Load a handler as Lambda does, with its environment."""
    for name, value in {
        "AWS_REGION": "us-west-2",
        "AWS_DEFAULT_REGION": "us-west-2",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        "TABLE_NAME": "items",
    }.items():
        monkeypatch.setenv(name, value)

    def module(name: str) -> ModuleType:
        spec = importlib.util.spec_from_file_location(name, EXAMPLE / "handlers" / f"{name}.py")
        assert spec is not None
        assert spec.loader is not None
        made = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(made)
        return made

    return module


def call(module: ModuleType, event: dict[str, Any]) -> tuple[int, Any]:
    response = module.handler(event, None)
    return response["statusCode"], json.loads(response["body"])


@pytest.mark.parametrize(
    ("event", "item_id"),
    [
        ({"body": '{"id": "7", "message": "hello"}'}, "7"),
        ({"body": '{"message": "hello"}', "headers": {"Idempotency-Key": "k"}}, "k"),
        ({"body": base64.b64encode(b'{"message": "hello"}').decode(), "isBase64Encoded": True, "headers": None}, ANY),
    ],
)
def test_create_writes_an_item(load: Load, event: dict[str, Any], item_id: Any) -> None:
    create = load("create")
    with Stubber(create.dynamodb) as stubber:
        item = {"id": {"S": item_id}, "message": {"S": "hello"}, "written_in": {"S": "us-west-2"}}
        expected = {
            "TableName": "items",
            "Item": {**item, "written_at": {"S": ANY}},
            "ConditionExpression": "attribute_not_exists(id)",
        }
        stubber.add_response("put_item", {}, expected)
        status, answer = call(create, event)
    assert status == 201
    assert answer["written_in"] == answer["served_by"] == "us-west-2"
    assert item_id in (answer["id"], ANY)
    assert answer["written_at"].endswith("+00:00")


@pytest.mark.parametrize(("message", "status"), [("hello", 200), ("other", 409)])
def test_a_repeated_request_finds_the_first_ones_item(load: Load, message: str, status: int) -> None:
    create = load("create")
    with Stubber(create.dynamodb) as stubber:
        stubber.add_client_error("put_item", "ConditionalCheckFailedException", http_status_code=400)
        stubber.add_response("get_item", {"Item": ITEM}, {"TableName": "items", "Key": ANY, "ConsistentRead": True})
        answered, content = call(create, {"body": json.dumps({"id": "7", "message": message})})
    assert answered == status
    if status == 200:
        assert content["written_in"] == "eu-west-1"


@pytest.mark.parametrize(
    "body", [None, "", "text", "[]", '{"id": 7}', '{"message": null}', json.dumps({"id": "x" * 201})]
)
def test_what_is_no_item_is_refused(load: Load, body: str | None) -> None:
    status, content = call(load("create"), {"body": body})
    assert status == 400
    assert content["error"]


def test_other_errors_of_the_table_are_not_hidden(load: Load) -> None:
    create = load("create")
    with Stubber(create.dynamodb) as stubber:
        stubber.add_client_error("put_item", "ProvisionedThroughputExceededException")
        with pytest.raises(create.ClientError):
            create.handler({"body": '{"id": "7"}'}, None)


def test_get_tells_who_wrote_and_who_served(load: Load) -> None:
    get = load("get")
    with Stubber(get.dynamodb) as stubber:
        stubber.add_response("get_item", {"Item": ITEM}, {"TableName": "items", "Key": {"id": {"S": "a b"}}})
        stubber.add_response("get_item", {}, {"TableName": "items", "Key": {"id": {"S": "7"}}})
        status, content = call(get, {"pathParameters": {"id": "a%20b"}})
        assert (status, content["written_in"], content["served_by"]) == (200, "eu-west-1", "us-west-2")
        assert call(get, {"pathParameters": {"id": "7"}})[0] == 404


def test_health_answers_its_status(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    health = load("health")
    assert call(health, {}) == (200, {"region": "us-west-2", "status": 200})
    monkeypatch.setenv("STATUS", "400")
    assert call(health, {}) == (400, {"region": "us-west-2", "status": 400})
