"""An application of one's own in plain CloudFormation, the HTTP API variant of the example, and the AWS CLI."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.e2e.worlds import ROOT, Terrella, environment, until

REGIONS = ("us-east-1", "eu-west-1")
TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Resources:
  Orders:
    Type: AWS::DynamoDB::GlobalTable
    Condition: Owner
    Properties:
      TableName: orders
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions:
        - {AttributeName: customer, AttributeType: S}
        - {AttributeName: number, AttributeType: N}
        - {AttributeName: state, AttributeType: S}
      KeySchema: [{AttributeName: customer, KeyType: HASH}, {AttributeName: number, KeyType: RANGE}]
      GlobalSecondaryIndexes:
        - IndexName: by_state
          KeySchema: [{AttributeName: state, KeyType: HASH}, {AttributeName: number, KeyType: RANGE}]
          Projection: {ProjectionType: KEYS_ONLY}
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
      Replicas: [{Region: us-east-1}, {Region: eu-west-1}]
  Regional:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: k, AttributeType: B}]
      KeySchema: [{AttributeName: k, KeyType: HASH}]
  Role:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {}}
  Echo:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: echo
      Runtime: python3.12
      Handler: index.handler
      Role: !GetAtt Role.Arn
      Environment: {Variables: {REGIONAL: !Ref Regional}}
      Code:
        ZipFile: |
          import boto3, json, os
          def handler(event, context):
              if event.get("queryStringParameters", {}) and "far" in event["queryStringParameters"]:
                  boto3.client("dynamodb", region_name=event["queryStringParameters"]["far"]).list_tables()
              if event["path"].endswith("/image"):
                  return {"statusCode": 200, "headers": {"Content-Type": "image/png"}, "isBase64Encoded": True,
                          "body": event["body"]}
              return {"statusCode": 200, "body": json.dumps({"path": event["pathParameters"],
                      "query": event["multiValueQueryStringParameters"], "table": os.environ["REGIONAL"]})}
  Api:
    Type: AWS::ApiGateway::RestApi
    Properties:
      Name: own
      BinaryMediaTypes: ["image/*"]
      Body:
        openapi: 3.0.1
        paths:
          /things/{thing+}:
            x-amazon-apigateway-any-method:
              x-amazon-apigateway-integration:
                type: aws_proxy
                httpMethod: POST
                uri: !Sub arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${Echo.Arn}/invocations
  Deployment: {Type: AWS::ApiGateway::Deployment, Properties: {RestApiId: !Ref Api}}
  Stage: {Type: AWS::ApiGateway::Stage, Properties: {RestApiId: !Ref Api, DeploymentId: !Ref Deployment, StageName: v1}}
  Allowed:
    Type: AWS::Lambda::Permission
    Properties: {FunctionName: !Ref Echo, Action: lambda:InvokeFunction, Principal: apigateway.amazonaws.com}
Conditions:
  Owner: !Equals [!Ref AWS::Region, us-east-1]
"""


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Terrella]:
    source = tmp_path_factory.mktemp("source")
    (source / "template.yaml").write_text(TEMPLATE)
    made = Terrella.of(source, tmp_path_factory.mktemp("own") / "own", regions=REGIONS)
    made.up()
    yield made
    made.down()


def api_id(world: Terrella, region: str) -> str:
    return str(world.region(region)["gateway"]["apis"][0]["api_id"])


def test_paths_queries_and_binary_bodies(world: Terrella) -> None:
    root = f"/_api/{api_id(world, 'eu-west-1')}/v1/things"
    status, answer = world.application("eu-west-1", "GET", f"{root}/a%20b/c?x=1&x=2&y=%C3%A4&empty=", host="x")
    assert status == 200
    assert answer["path"] == {"thing": "a%20b/c"}
    assert answer["query"] == {"x": ["1", "2"], "y": ["ä"], "empty": [""]}
    image = bytes(range(256))
    answered = world.http(
        "POST",
        world.addresses["eu-west-1"],
        8080,
        f"{root}/image",
        image,
        {"content-type": "image/png", "accept": "image/png"},
    )
    assert (answered[0], answered[1]["content-type"], answered[2]) == (200, "image/png", image)


def test_a_global_table_with_an_index_and_a_table_of_one_region_alone(world: Terrella) -> None:
    here, there = (world.client("dynamodb", region) for region in REGIONS)
    for number in range(5):
        state = "open" if number % 2 else "shut"
        here.put_item(
            TableName="orders", Item={"customer": {"S": "c"}, "number": {"N": str(number)}, "state": {"S": state}}
        )

    def opened(dynamodb: Any) -> list[str]:
        found = dynamodb.query(
            TableName="orders",
            IndexName="by_state",
            KeyConditionExpression="#s = :s",
            ExpressionAttributeNames={"#s": "state"},
            ExpressionAttributeValues={":s": {"S": "open"}},
            ScanIndexForward=False,
        )
        return [item["number"]["N"] for item in found["Items"]]

    assert opened(here) == ["3", "1"]
    until(lambda: opened(there) == ["3", "1"], "the index in the other region")
    names = [dynamodb.list_tables()["TableNames"] for dynamodb in (here, there)]
    regional = [next(name for name in each if name != "orders") for each in names]
    here.put_item(TableName=regional[0], Item={"k": {"B": b"\x00\xff"}})
    assert here.get_item(TableName=regional[0], Key={"k": {"B": b"\x00\xff"}})["Item"] == {"k": {"B": b"\x00\xff"}}
    assert there.scan(TableName=regional[1])["Count"] == 0


def test_a_call_to_another_region_is_slow_fails_when_cut_and_is_told(world: Terrella) -> None:
    path = f"/_api/{api_id(world, 'eu-west-1')}/v1/things/far?far=us-east-1"
    assert world.application("eu-west-1", "GET", path, host="x")[0] == 200
    calls = world.region("eu-west-1")["cross_region_calls"]
    assert [(each["function"], each["from"], each["to"], each["operation"]) for each in calls] == [
        ("echo", "eu-west-1", "us-east-1", "ListTables")
    ]
    until(lambda: "echo called dynamodb ListTables in us-east-1" in world.log(), "the event")
    world.run("link", "us-east-1", "eu-west-1", "--cut")
    assert world.application("eu-west-1", "GET", path, host="x")[0] == 502  # the function's time is up
    assert world.application("eu-west-1", "GET", path.partition("?")[0], host="x")[0] == 200
    world.run("link", "us-east-1", "eu-west-1", "--heal")
    until(lambda: world.application("eu-west-1", "GET", path, host="x")[0] == 200, "the call after the link healed")


@pytest.mark.parametrize("service", ["sqs", "s3", "sts", "route53"])
def test_a_service_that_is_not_there_answers_an_error_of_that_services_form(world: Terrella, service: str) -> None:
    operation = {"sqs": "list_queues", "s3": "list_buckets", "sts": "get_caller_identity"}.get(
        service, "list_hosted_zones"
    )
    for address in (world.door, world.addresses["us-east-1"]):
        with pytest.raises(ClientError, match=rf"NotImplemented.*terrella does not serve '{service}' yet"):
            getattr(world.client(service, "us-east-1", address=address), operation)()


def test_a_region_that_is_not_there_and_a_request_without_a_signature(world: Terrella) -> None:
    for address in (world.door, world.addresses["us-east-1"]):
        with pytest.raises(ClientError, match=r"UnrecognizedClientException.*us-east-1, eu-west-1"):
            world.client("dynamodb", "sa-east-1", address=address).list_tables()
    status, headers, _ = world.http(
        "POST", world.door, 4566, "/", b"{}", {"x-amz-target": "DynamoDB_20120810.ListTables"}
    )
    assert (status, headers["x-amzn-errortype"]) == (403, "MissingAuthenticationToken")


def aws(world: Terrella, region: str, *arguments: str) -> Any:
    """The AWS CLI, as a user types it."""
    credentials = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}
    done = subprocess.run(
        ["aws", "--endpoint-url", f"http://{world.door}:4566", "--region", region, *arguments],
        env={**environment(), **credentials},
        cwd=world.directory,
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout) if done.stdout else None


def test_the_aws_cli(world: Terrella) -> None:
    if shutil.which("aws") is None:
        pytest.skip("the AWS CLI is not installed")
    item = '{"customer": {"S": "cli"}, "number": {"N": "1"}}'
    aws(world, "us-east-1", "dynamodb", "put-item", "--table-name", "orders", "--item", item)
    assert "orders" in aws(world, "eu-west-1", "dynamodb", "list-tables")["TableNames"]
    got = until(lambda: aws(world, "eu-west-1", "dynamodb", "get-item", "--table-name", "orders", "--key", item))
    assert got["Item"] == json.loads(item)
    invoked = aws(world, "eu-west-1", "lambda", "invoke", "--function-name", "echo", os.devnull)
    assert invoked["StatusCode"] == 200


def test_the_front_door_may_die(world: Terrella) -> None:
    """Last: it leaves the world without a supervisor."""
    root = f"/_api/{api_id(world, 'us-east-1')}/v1/things/x"
    world.kill_supervisor()
    for region, address in world.addresses.items():
        if region == "us-east-1":
            assert world.application(region, "GET", root, host="x")[0] == 200
        assert "orders" in world.client("dynamodb", region, address=address).list_tables()["TableNames"]


def at_home(template: str) -> str:
    return template.replace("../../../examples/items/handlers/", f"{ROOT}/examples/items/handlers/")


def test_the_http_api_variant_of_the_example(tmp_path: Path) -> None:
    world = Terrella.of(
        ROOT / "tests" / "fixtures" / "items-http-api", tmp_path / "http", regions=REGIONS[:1], edit=at_home
    )
    try:
        world.up()
        status, item = world.application("us-east-1", "POST", "/items", b'{"id": "7", "message": "h"}')
        assert (status, item["written_in"]) == (201, "us-east-1")
        assert world.application("us-east-1", "GET", "/items/7")[1]["message"] == "h"
    finally:
        world.down()
