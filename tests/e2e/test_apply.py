"""``terrella apply`` on a running world: code, template, mistakes, one region at a time, under load."""

import re
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.worlds import ROOT, Terrella, change, drop_block, put, until

REGIONS = ("us-east-1", "eu-west-1")


def two_regions(template: str) -> str:
    return re.sub(r"        - Region: us-west-2\n.*\n", "", template)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terrella]:
    directory = tmp_path_factory.mktemp("apply") / "items"
    made = Terrella.of(ROOT / "examples" / "items", directory, regions=REGIONS, edit=two_regions)
    made.up()
    yield made
    made.down()


@pytest.fixture(autouse=True)
def as_it_was(world: Terrella) -> Iterator[None]:
    """Whatever a test edits is put back, and applied if what it had edited was."""
    files = [world.directory / "template.yaml", *(world.directory / "handlers").glob("*.py")]
    kept = {path: path.read_bytes() for path in files}
    applied = versions(world)
    yield
    for path, content in kept.items():
        path.write_bytes(content)
    if versions(world) != applied:
        world.control("POST", "apply", {"region": None})


def versions(world: Terrella) -> set[str]:
    return {each["code_version"] for each in world.status()["regions"]}


def health(world: Terrella, region: str) -> object:
    return world.application(region, "GET", "/health")[1]


def test_code_goes_live_region_by_region(world: Terrella) -> None:
    before = versions(world)
    assert len(before) == 1
    change(world.directory / "handlers" / "health.py", '"status": status', '"status": status, "edition": 2')
    assert "edition" not in health(world, "us-east-1")  # type: ignore[operator]  # what is not applied is not live
    world.run("apply", "--region", "eu-west-1")
    assert health(world, "eu-west-1")["edition"] == 2  # type: ignore[index]
    assert "edition" not in health(world, "us-east-1")  # type: ignore[operator]
    assert len(versions(world)) == 2
    world.run("apply", "--region", "us-east-1")
    assert health(world, "us-east-1")["edition"] == 2  # type: ignore[index]
    assert len(versions(world)) == 1
    assert versions(world) != before


def test_requests_during_an_apply_do_not_fail_and_those_under_way_end_on_the_old_code(world: Terrella) -> None:
    handler = world.directory / "handlers" / "health.py"
    change(handler, "    status = int", "    import time; time.sleep(0.3)\n    status = int")
    world.run("apply")
    answers: list[tuple[int, object]] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            answers.append(world.application("us-east-1", "GET", "/health"))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    until(lambda: len(answers) > 4)
    change(handler, '"status": status', '"status": status, "edition": 3')
    change(world.directory / "template.yaml", "Timeout: 10", "Timeout: 11")  # so that the template is translated anew
    world.run("apply")
    count = len(answers)
    until(lambda: len(answers) > count + 8)
    stop.set()
    for thread in threads:
        thread.join()
    assert {status for status, _ in answers} == {200}
    assert answers[0][1] != answers[-1][1]


def test_a_new_function_with_a_new_route_comes_and_goes(world: Terrella) -> None:
    template = world.directory / "template.yaml"
    kept = template.read_text()
    assert world.application("eu-west-1", "GET", "/hello")[0] == 403
    template.write_text(
        kept.replace(
            "  # Set STATUS",
            """  Hello:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: hello
      InlineCode: "def handler(event, context): return {'statusCode': 200, 'body': 'hello'}"
      CodeUri: !Ref AWS::NoValue
      Handler: index.handler
      Events:
        Hello:
          Type: Api
          Properties: {RestApiId: !Ref Api, Path: /hello, Method: GET}

  # Set STATUS""",
        )
    )
    world.run("apply")
    assert world.application("eu-west-1", "GET", "/hello") == (200, b"hello")
    change(template, "FunctionName: hello", "FunctionName: greeter")
    world.run("apply")
    assert world.application("eu-west-1", "GET", "/hello") == (200, b"hello")
    names = [each["FunctionName"] for each in world.client("lambda", "eu-west-1").list_functions()["Functions"]]
    assert "greeter" in names
    assert "hello" not in names
    template.write_text(kept)
    # A function that left the template while its world was down is gone as well.
    world.run("down")
    world.up()
    assert world.application("eu-west-1", "GET", "/hello")[0] == 403
    names = [each["FunctionName"] for each in world.client("lambda", "eu-west-1").list_functions()["Functions"]]
    assert sorted(names) == ["items-create", "items-get", "items-health"]


def test_a_weight_changed_in_one_region_counts_everywhere_for_that_region_alone(world: Terrella) -> None:
    change(world.directory / "template.yaml", "Default: 100\n", "Default: 0\n")
    world.run("apply", "--region", "us-east-1")

    def shares() -> list[dict[str, float]]:
        return [
            world.control("GET", "records?name=items.example.com", address=address)
            for address in world.addresses.values()
        ]

    until(lambda: all({name for name, share in each.items() if share} == {"eu-west-1"} for each in shares()), "weight")
    world.run("apply")
    # All weights are 0 now: Route 53 then treats them as equal.
    until(lambda: all(len([share for share in each.values() if share]) == 2 for each in shares()), "both weights 0")


def by_message(dynamodb: Any) -> list[str]:
    found = dynamodb.query(
        TableName="items",
        IndexName="by_message",
        KeyConditionExpression="message = :m",
        ExpressionAttributeValues={":m": {"S": "indexed"}},
    )
    return [each["id"]["S"] for each in found["Items"]]


def test_tables_and_indexes_are_added_to_a_running_world(world: Terrella) -> None:
    put(world, "us-east-1", "before-the-index", "indexed")
    template = world.directory / "template.yaml"
    change(
        template,
        "        - {AttributeName: id, AttributeType: S}\n",
        "        - {AttributeName: id, AttributeType: S}\n        - {AttributeName: message, AttributeType: S}\n",
    )
    change(
        template,
        "      StreamSpecification:",
        "      GlobalSecondaryIndexes:\n        - IndexName: by_message\n          KeySchema:\n"
        "            - {AttributeName: message, KeyType: HASH}\n          Projection: {ProjectionType: ALL}\n"
        "      StreamSpecification:",
    )
    change(
        template,
        "  Api:\n    Type",
        "  Second:\n    Type: AWS::DynamoDB::Table\n    Properties:\n      TableName: second\n"
        "      BillingMode: PAY_PER_REQUEST\n      AttributeDefinitions: [{AttributeName: k, AttributeType: S}]\n"
        "      KeySchema: [{AttributeName: k, KeyType: HASH}]\n  Api:\n    Type",
    )
    world.run("apply")
    for region in REGIONS:
        dynamodb = world.client("dynamodb", region)
        assert dynamodb.list_tables()["TableNames"] == ["items", "second"]
        until(lambda dynamodb=dynamodb: by_message(dynamodb) == ["before-the-index"], f"the index of {region}")  # type: ignore[misc]  # mypy cannot type a default in a lambda
    world.client("dynamodb", "us-east-1").put_item(TableName="second", Item={"k": {"S": "here"}})
    assert world.client("dynamodb", "us-east-1").scan(TableName="second")["Count"] == 1
    assert world.client("dynamodb", "eu-west-1").scan(TableName="second")["Count"] == 0  # not a global table


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("  CreateFunction:\n", "  CreateFunction: [\n", r"template\.yaml:\d+: "),
        ("!Ref TableName}", "!Ref TabelName}", r"template\.yaml:\d+: .*TabelName"),
        ("Type: AWS::Serverless::Function", "Type: AWS::Serverless::Fnction", r"template\.yaml:\d+: .*Fnction"),
        ("CodeUri: handlers/", "CodeUri: handler/", r"template\.yaml:\d+: .*handler"),
        ("RequestInterval: 10", "RequestInterval: 11", r"template\.yaml:\d+: .*RequestInterval"),
        ("Weight: !Ref Weight", "Weight: 300", r"template\.yaml:\d+: .*300"),
        ("{AttributeName: id, KeyType: HASH}", "{AttributeName: di, KeyType: HASH}", r"template\.yaml:\d+: .*di"),
        (
            "{AttributeName: id, AttributeType: S}",
            "{AttributeName: id, AttributeType: N}",
            r"template\.yaml:\d+: .*key",
        ),
        ("Runtime: python3.12", "Runtime: cobol85", r"template\.yaml:\d+: .*cobol85"),
        ("Timeout: 10", "Timeout: 1000", r"template\.yaml:\d+: .*1000"),
    ],
)
def test_a_template_with_a_mistake_is_refused_with_its_line_and_changes_nothing(
    world: Terrella, before: str, after: str, said: str
) -> None:
    version = versions(world)
    change(world.directory / "template.yaml", before, after)
    change(world.directory / "handlers" / "health.py", '"status": status', '"status": status, "edition": 4')
    done = world.run("apply", check=False)
    assert done.returncode == 1, done.stdout
    assert re.search(said, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert versions(world) == version
    for region in REGIONS:
        assert "edition" not in health(world, region)  # type: ignore[operator]


def test_watch_applies_what_is_saved_and_survives_a_mistake(world: Terrella) -> None:
    import subprocess
    import sys

    from tests.e2e.worlds import environment

    handler = world.directory / "handlers" / "health.py"
    watching = subprocess.Popen(
        [sys.executable, "-m", "terrella", "apply", "--watch"],
        cwd=world.directory,
        env={**environment(), "PYTHONUNBUFFERED": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert watching.stdout is not None
        for line in watching.stdout:
            if line.startswith("Watching"):
                break
        template = world.directory / "template.yaml"
        kept = template.read_text()
        template.write_text("Resources: [")
        for line in watching.stdout:
            if "template.yaml:1" in line:
                break
        template.write_text(kept)
        change(handler, '"status": status', '"status": status, "edition": 5')
        until(lambda: all("edition" in health(world, region) for region in REGIONS), "edition 5")  # type: ignore[operator]
    finally:
        watching.terminate()
        watching.communicate(timeout=10)


def test_a_function_that_left_the_template(world: Terrella) -> None:
    template = world.directory / "template.yaml"
    template.write_text(drop_block(template.read_text(), "GetFunction"))
    world.run("apply")
    assert world.application("us-east-1", "GET", "/items/x")[0] == 403
    names = [each["FunctionName"] for each in world.client("lambda", "us-east-1").list_functions()["Functions"]]
    assert names == ["items-create", "items-health"]
