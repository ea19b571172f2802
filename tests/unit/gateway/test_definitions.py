"""Reading CloudFormation: SAM's output, plain resources, what is refused and how it is said; changes are atomic."""

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from terrella.kernel import TerrellaError
from terrella.services.gateway import (
    SUPPORT,
    ApiMapping,
    DomainName,
    GatewayResource,
    HttpApi,
    RestApi,
    Stage,
    Verdict,
    verdict_of,
)

from .conftest import FUNCTION_ARN, Result, World

Read = Callable[[str], list[GatewayResource]]
Sam = Callable[[str, str], list[GatewayResource]]
URI = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION_ARN}/invocations"


def body(path: str = "/a", method: str = "get", operation: Any = None, top: Any = None, **integration: Any) -> Any:
    definition = {"type": "aws_proxy", "httpMethod": "POST", "uri": URI, **integration}
    item = {"x-amazon-apigateway-integration": definition, **(operation or {})}
    return {"Body": {"swagger": "2.0", "paths": {path: {method: item}}, **(top or {})}}


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        (body(operation={"security": [{"Cognito": []}]}), "GET /a: it requires Cognito"),
        (body(top={"security": [{"api_key": []}]}), "it requires api_key"),
        (body(operation={"x-amazon-apigateway-auth": {"type": "AWS_IAM"}}), "x-amazon-apigateway-auth AWS_IAM"),
        (body(operation={"x-amazon-apigateway-request-validator": "all"}), "validators are not built"),
        (body(top={"x-amazon-apigateway-policy": {"Statement": []}}), "would stand open"),
        (body(top={"x-amazon-apigateway-gateway-responses": {"DEFAULT_4XX": {}}}), "gateway-responses"),
        (body(type="http_proxy"), "the integration type http_proxy is refused"),
        (body(type="aws"), "the integration type aws is refused"),
        (body(httpMethod="GET"), "only works with POST"),
        (body(uri="arn:aws:apigateway:us-east-1:states:action/StartExecution"), "the integration's URI is"),
        (body(requestTemplates={"application/json": "$input"}), "requestTemplates of the integration are refused"),
        (body(timeoutInMillis="soon"), "timeoutInMillis is 'soon'"),
        (body(type="mock"), "a mock integration needs requestTemplates"),
        (
            body(type="mock", requestTemplates={"application/json": '{"statusCode": 200}'}, responses={}),
            "has no response for status 200",
        ),
        ({"Body": {"paths": {"/a": {"get": {}}}}}, "has no x-amazon-apigateway-integration"),
        ({"Body": "text"}, "Body is str, expected a mapping"),
        ({"Body": {"paths": {"/a": {"$ref": "#/nowhere"}}}}, "#/nowhere is not found"),
        ({"Policy": {"Statement": []}}, "Policy is refused"),
        ({"BodyS3Location": {"Bucket": "b"}}, "BodyS3Location is refused"),
        ({"EndpointConfiguration": {"Types": ["PRIVATE"]}}, "PRIVATE is refused"),
        ({"Invented": 1}, "Invented is refused: it is not built"),
    ],
)
def test_what_a_rest_api_is_refused_for(properties: Any, said: str) -> None:
    """Each message names the resource, and what in it."""
    with pytest.raises(TerrellaError) as error:
        RestApi.from_cloudformation("abc123", properties, logical_id="MyApi")
    assert said in str(error.value)
    assert "MyApi (AWS::ApiGateway::RestApi)" in str(error.value)


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"ProtocolType": "WEBSOCKET"}, "WEBSOCKET is refused"),
        (body(operation={"security": [{"jwt": []}]}), "it requires jwt"),
        (body(integrationSubtype="SQS-SendMessage"), "SQS-SendMessage is refused"),
        (body(payloadFormatVersion="3.0"), "expected 1.0 or 2.0"),
        ({"CorsConfiguration": {"AllowOrigins": ["*"], "AllowCredentials": True}}, "takes no wildcard"),
        ({"Target": FUNCTION_ARN, "RouteKey": "items"}, "the route key is 'items'"),
    ],
)
def test_what_an_http_api_is_refused_for(properties: Any, said: str) -> None:
    with pytest.raises(TerrellaError, match=said):
        HttpApi.from_cloudformation("abc123", properties)


def test_an_event_that_takes_itself_out_of_the_authorizer_is_open() -> None:
    api = RestApi.from_cloudformation("a", body(operation={"security": [{"NONE": []}]}, top={"security": [{"X": []}]}))
    assert len(api.methods) == 1


@pytest.mark.parametrize(
    ("resource_type", "properties", "said"),
    [
        ("AWS::ApiGateway::Authorizer", {}, "authorizers are not built yet"),
        ("AWS::ApiGateway::UsagePlan", {}, "usage plans are not built yet"),
        ("AWS::ApiGateway::Invented", {}, "it is not built"),
        ("AWS::ApiGateway::DomainName", {"MutualTlsAuthentication": {"TruststoreUri": "s3://x"}}, "mutual TLS"),
        ("AWS::ApiGateway::Stage", {"StageName": "s", "CanarySetting": {"PercentTraffic": 5}}, "canary"),
        ("AWS::ApiGateway::Method", {"ApiKeyRequired": True}, "would stand open"),
    ],
)
def test_refused_resources(world: World, resource_type: str, properties: Any, said: str) -> None:
    with pytest.raises(TerrellaError, match=said):
        world.gateway.load([GatewayResource(resource_type, "x", properties)])


async def test_sams_deployment_makes_its_own_stage_as_on_aws(world: World, sam: Sam) -> None:
    """SAM's deployments name a stage ``Stage``; users meet it on AWS, too."""
    world.gateway.load(sam("", "{A: {Type: Api, Properties: {Path: /a, Method: get}}}"))
    api = world.gateway.status().apis[0]
    assert sorted(api.stages) == ["Prod", "Stage"]


PLAIN_REST = """
Resources:
  Api: {Type: AWS::ApiGateway::RestApi, Properties: {Name: plain}}
  Items: {Type: AWS::ApiGateway::Resource,
          Properties: {RestApiId: !Ref Api, ParentId: !GetAtt Api.RootResourceId, PathPart: items}}
  Item: {Type: AWS::ApiGateway::Resource, Properties: {RestApiId: !Ref Api, ParentId: !Ref Items, PathPart: '{id}'}}
  Get:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !Ref Item
      HttpMethod: GET
      AuthorizationType: NONE
      Integration: {Type: AWS_PROXY, IntegrationHttpMethod: POST, Uri: !Sub 'arn:aws:apigateway:${AWS::Region}:lambda:\
path/2015-03-31/functions/${F.Arn}/invocations'}
  Root:
    Type: AWS::ApiGateway::Method
    Properties:
      RestApiId: !Ref Api
      ResourceId: !GetAtt Api.RootResourceId
      HttpMethod: GET
      AuthorizationType: NONE
      Integration:
        Type: MOCK
        RequestTemplates: {application/json: '{"statusCode": 404}'}
        IntegrationResponses:
          - {StatusCode: 200, ResponseTemplates: {application/json: 'fine'}}
          - {StatusCode: 404, SelectionPattern: '4..', ResponseParameters: {method.response.header.X-A: "'b'"}}
  Deployment: {Type: AWS::ApiGateway::Deployment, Properties: {RestApiId: !Ref Api, StageName: dev,
               StageDescription: {Variables: {colour: red}}}}
"""


async def test_a_rest_api_of_plain_resources(world: World, read: Read) -> None:
    world.gateway.load(read(PLAIN_REST.replace("\\\n", "")))
    host = "api.execute-api.us-east-1.amazonaws.com"
    assert (await world.ask("GET /dev/items/7", host)).status == 200
    assert world.function.event["resource"] == "/items/{id}"
    assert world.function.event["stageVariables"] == {"colour": "red"}
    response = await world.ask("GET /dev", host)
    assert (response.status, response.header("x-a")) == (404, "b")


async def test_an_http_api_of_plain_resources(world: World, read: Read) -> None:
    world.gateway.load(
        read(
            """
Resources:
  Api: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: plain, ProtocolType: HTTP}}
  Call: {Type: AWS::ApiGatewayV2::Integration, Properties: {ApiId: !Ref Api, IntegrationType: AWS_PROXY,
         IntegrationUri: !GetAtt F.Arn, PayloadFormatVersion: '2.0'}}
  Get: {Type: AWS::ApiGatewayV2::Route, Properties: {ApiId: !Ref Api, RouteKey: 'GET /items/{id}',
        Target: !Join [/, [integrations, !Ref Call]]}}
  Stage: {Type: AWS::ApiGatewayV2::Stage, Properties: {ApiId: !Ref Api, StageName: $default, AutoDeploy: true}}
  Quick: {Type: AWS::ApiGatewayV2::Api, Properties: {Name: quick, ProtocolType: HTTP, Target: !GetAtt F.Arn}}
"""
        )
    )
    assert (await world.ask("GET /items/7", "api.execute-api.us-east-1.amazonaws.com")).status == 200
    assert world.function.event["routeKey"] == "GET /items/{id}"
    assert (await world.ask("POST /anything", "quick.execute-api.us-east-1.amazonaws.com")).status == 200
    assert world.function.event["routeKey"] == "$default"


async def test_stage_variables_name_the_function(world: World) -> None:
    uri = URI.replace("function:F", "function:${stageVariables.name}")
    world.gateway.put_api(RestApi.from_cloudformation("api", body(uri=uri, timeoutInMillis=50)))
    world.gateway.put_stage(Stage("api", "blue", {"name": "B"}))
    with pytest.raises(TerrellaError, match="stage variable name, which the stage lacks"):
        world.gateway.put_stage(Stage("api", "red"))
    assert (await world.ask("GET /_api/api/blue/a")).status == 200
    assert world.function.asked[0][0] == FUNCTION_ARN[:-1] + "B"

    async def never(_: dict[str, Any]) -> Result:
        return await asyncio.Future()

    world.function.answer = never
    response = await world.ask("GET /_api/api/blue/a")
    assert (response.status, response.body) == (504, b'{"message":"Endpoint request timed out"}')


def test_a_function_of_another_region_is_refused(world: World) -> None:
    elsewhere = URI.replace("lambda:us-east-1", "lambda:eu-west-1")
    world.gateway.put_api(RestApi.from_cloudformation("api", body(uri=elsewhere)))
    with pytest.raises(TerrellaError, match="is in eu-west-1"):
        world.gateway.put_stage(Stage("api", "prod"))


async def test_changes_are_atomic_and_may_be_repeated(world: World) -> None:
    gateway = world.gateway
    api = RestApi.from_cloudformation("api", body())
    for _ in range(2):
        gateway.put_api(api)
        gateway.put_stage(Stage("api", "prod"))
        gateway.put_domain(DomainName("a.example"))
        gateway.put_mapping(ApiMapping("a.example", "", "api", "prod"))
    assert (await world.ask("GET /a", "a.example")).status == 200
    with pytest.raises(TerrellaError, match="leads to api, which has no stage dev"):
        gateway.put_mapping(ApiMapping("a.example", "", "api", "dev"))
    with pytest.raises(TerrellaError, match="not deployed in this region"):
        gateway.put_mapping(ApiMapping("b.example", "", "api", "prod"))
    with pytest.raises(TerrellaError, match="not deployed in this region"):
        gateway.put_stage(Stage("other", "prod"))
    with pytest.raises(TerrellaError, match="refused"):
        gateway.load([GatewayResource("AWS::ApiGateway::Authorizer", "x")])
    assert (await world.ask("GET /a", "a.example")).status == 200
    gateway.put_api(RestApi.from_cloudformation("api", body(path="/b")))
    assert (await world.ask("GET /b", "a.example")).status == 200
    assert (await world.ask("GET /a", "a.example")).status == 403
    for _ in range(2):
        gateway.remove_mapping("a.example", "")
        gateway.remove_stage("api", "prod")
        gateway.remove_domain("a.example")
        gateway.remove_api("api")
    assert gateway.status().apis == []
    assert gateway.status().domains == {}


async def test_the_execute_api_endpoint_can_be_disabled(world: World) -> None:
    world.gateway.put_api(RestApi.from_cloudformation("api", {**body(), "DisableExecuteApiEndpoint": True}))
    world.gateway.put_stage(Stage("api", "prod"))
    world.gateway.put_domain(DomainName("a.example"))
    world.gateway.put_mapping(ApiMapping("a.example", "", "api", "prod"))
    assert (await world.ask("GET /prod/a", "api.execute-api.us-east-1.amazonaws.com")).status == 403
    assert (await world.ask("GET /a", "a.example")).status == 200


async def test_status_tells_what_each_route_answered(rest: World) -> None:
    host = "rest.execute-api.us-east-1.amazonaws.com"

    async def slow(_: dict[str, Any]) -> Result:
        rest.clock.advance(0.1)
        return Result()

    await rest.ask("GET /prod/items/1", host)
    rest.function.answer = slow
    await rest.ask("GET /prod/items/2", host)
    status = rest.gateway.status()
    assert status.domains == {"items.example.com": {"/": "rest/prod", "/v1": "rest/prod", "/any": "rest"}}
    api = status.apis[0]
    assert (api.kind, api.host) == ("REST", host)
    route = next(one for one in api.routes if (one.stage, one.route) == ("prod", "GET /items/{id}"))
    assert (route.requests, route.statuses, route.target) == (2, {200: 2}, FUNCTION_ARN)
    assert (route.p50_ms, route.p99_ms, route.max_ms) == (0.05, 100.0, 100.0)
    rest.gateway.put_stage(Stage("rest", "prod", {"colour": "red"}))
    route = next(
        one for one in rest.gateway.status().apis[0].routes if one.route == route.route and one.stage == "prod"
    )
    assert route.requests == 2, "a change does not lose the counts"


def _schemas() -> dict[str, Any]:
    """The properties of each API Gateway resource type, as AWS publishes them (cfn-lint carries them)."""
    from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

    types = [name for name in PROVIDER_SCHEMA_MANAGER.get_resource_types("us-east-1") if "ApiGateway" in name]
    return {name: PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", name).schema for name in types}


def test_every_property_that_aws_knows_has_a_verdict() -> None:
    """A property that is in no table is refused; those of the types that we take are all looked at."""
    known = {(one.resource_type, one.property) for one in SUPPORT}
    for resource_type, schema in _schemas().items():
        if len([one for one in SUPPORT if one.resource_type == resource_type]) < 2:
            continue
        computed = {path.rpartition("/")[2] for path in schema.get("readOnlyProperties", [])}
        missing = [name for name in schema["properties"] if name not in computed and (resource_type, name) not in known]
        assert not missing, f"{resource_type}: {missing} in no table"
        named = {one.property for one in SUPPORT if one.resource_type == resource_type and one.property}
        assert named <= schema["properties"].keys(), f"{resource_type}: {json.dumps(sorted(named))}"


def test_what_is_in_no_table_is_refused() -> None:
    assert verdict_of("AWS::ApiGateway::RestApi", "Invented").verdict is Verdict.REFUSED


ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize(
    ("template", "stage"),
    [("examples/items/template.yaml", "prod"), ("tests/fixtures/items-http-api/template.yaml", "$default")],
)
async def test_the_example_application(world: World, read: Read, template: str, stage: str) -> None:
    """The same routes, and the global name, on either kind of API."""
    text = re.sub(r"CodeUri: \S+", "CodeUri: s3://bucket/key", (ROOT / template).read_text())
    text = text.replace("!Ref DomainName", "items.example.com")
    world.gateway.load(read(text))
    api = world.gateway.status().apis[0]
    assert api.stages == [stage]
    assert {route.route for route in api.routes} == {"POST /items", "GET /items/{id}", "GET /health"}
    assert (await world.ask("GET /items/7", "items.example.com:8080")).status == 200
