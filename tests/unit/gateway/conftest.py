"""Templates as users write them, through the SAM translator; a function that is a real coroutine; a gateway."""

import asyncio
import os
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from terrella.services.gateway import Gateway, GatewayResource
from terrella.testing import ManualClock, SeededIds
from terrella.wire.http import Headers, Request, Response

REGION, ACCOUNT = "us-east-1", "000000000000"
FUNCTION_ARN = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:F"


@dataclass
class Result:
    """An invocation's result."""

    payload: bytes = b'{"statusCode":200,"body":"ok"}'
    status: int = 200
    function_error: str | None = None
    request_id: str = "r"


@dataclass
class Function:
    """Answers what it is told to, and remembers what it was asked; ``answer`` may wait, raise, or answer a result."""

    answer: Callable[[dict[str, Any]], Awaitable[Result]] | None = None
    called: asyncio.Event = field(default_factory=asyncio.Event)
    result: Result = field(default_factory=Result)
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    async def invoke(self, name_or_arn: str, payload: bytes, /) -> Result:
        """As Lambda's Invoke."""
        event = msgspec.json.decode(payload)
        self.asked.append((name_or_arn, event))
        self.called.set()
        await asyncio.sleep(0)
        return await self.answer(event) if self.answer else self.result

    @property
    def event(self) -> dict[str, Any]:
        """The last event."""
        return self.asked[-1][1]


@dataclass
class World:
    """A gateway, the function behind it, and the clock before it."""

    gateway: Gateway
    function: Function
    clock: ManualClock

    async def ask(
        self, line: str, host: str = "", headers: Headers | None = None, body: bytes = b"", peer: str = "192.0.2.1"
    ) -> Response:
        """One request: ``GET /items`` with a Host header."""
        method, target = line.split(" ", 1)
        return await self.gateway.handle(Request(method, target, [("host", host), *(headers or [])], body, peer))


@pytest.fixture
def world() -> World:
    function, clock = Function(), ManualClock()
    return World(Gateway(REGION, ACCOUNT, function, clock, SeededIds()), function, clock)


class _NoManagedPolicies:
    def load(self) -> dict[str, str]:
        return {}


def _resolve(value: Any, refs: dict[str, str]) -> Any:
    """As the stack room does, as far as these templates need it."""
    if isinstance(value, dict):
        if "Ref" in value:
            return refs.get(value["Ref"], value["Ref"].lower())
        if "Fn::Sub" in value:
            pseudo = {"AWS::Region": REGION, "AWS::Partition": "aws", "AWS::AccountId": ACCOUNT}
            text = re.sub(r"\$\{(AWS::\w+)\}", lambda match: pseudo[match.group(1)], value["Fn::Sub"])
            return re.sub(r"\$\{\w+\.Arn\}", FUNCTION_ARN, text)
        if "Fn::GetAtt" in value:
            return FUNCTION_ARN if value["Fn::GetAtt"][1] == "Arn" else f"{value['Fn::GetAtt'][0].lower()}-root"
        if "Fn::Join" in value:
            return value["Fn::Join"][0].join(_resolve(value["Fn::Join"][1], refs))
        return {key: _resolve(inner, refs) for key, inner in value.items()}
    return [_resolve(inner, refs) for inner in value] if isinstance(value, list) else value


def _refs(resources: dict[str, Any]) -> dict[str, str]:
    """What ``Ref`` gives: a stage's and a domain's name; of all else the logical id in lower case."""
    refs = {"AWS::Region": REGION, "AWS::StackName": "test"}
    for name, resource in resources.items():
        properties = resource.get("Properties", {})
        if resource["Type"].endswith("::Stage"):
            refs[name] = properties["StageName"]
        elif resource["Type"].endswith("::DomainName"):
            refs[name] = properties["DomainName"]
    return refs


def resources_of(template: str) -> list[GatewayResource]:
    """A SAM or CloudFormation template's API Gateway resources, resolved."""
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    from samtranslator.translator.transform import transform
    from samtranslator.yaml_helper import yaml_parse

    source = yaml_parse(template)
    made = transform(source, {}, _NoManagedPolicies()) if "Transform" in source else source
    refs = _refs(made["Resources"])
    return [
        GatewayResource(resource["Type"], name.lower(), _resolve(resource.get("Properties", {}), refs), name)
        for name, resource in made["Resources"].items()
        if resource["Type"].startswith("AWS::ApiGateway")
    ]


def serverless(resources: str, events: str) -> list[GatewayResource]:
    """The API resources of a SAM template with these resources and these events of one function."""
    return resources_of(
        f"""
Transform: AWS::Serverless-2016-10-31
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.12
      Handler: a.handler
      CodeUri: s3://bucket/key
      Events: {events}
{resources}
"""
    )


@pytest.fixture
def read() -> Callable[[str], list[GatewayResource]]:
    return resources_of


@pytest.fixture
def sam() -> Callable[[str, str], list[GatewayResource]]:
    return serverless


@pytest.fixture
def rest(world: World) -> World:
    """A REST API ``rest`` with a stage ``prod``, and a custom domain with base paths."""
    world.gateway.load(
        serverless(
            """
  Rest:
    Type: AWS::Serverless::Api
    Properties:
      StageName: prod
      EndpointConfiguration: {Type: REGIONAL}
      Variables: {colour: blue}
      Cors: "'*'"
      BinaryMediaTypes: [image~1png]
  Domain:
    Type: AWS::ApiGateway::DomainName
    Properties:
      DomainName: Items.Example.com
      RegionalCertificateArn: arn:aws:acm:us-east-1:000000000000:certificate/x
      EndpointConfiguration: {Types: [REGIONAL]}
  Root: {Type: AWS::ApiGateway::BasePathMapping,
         Properties: {DomainName: Items.example.com, RestApiId: !Ref Rest, Stage: prod}}
  Base: {Type: AWS::ApiGateway::BasePathMapping,
         Properties: {DomainName: items.example.com, BasePath: v1, RestApiId: !Ref Rest, Stage: prod}}
  Open: {Type: AWS::ApiGateway::BasePathMapping,
         Properties: {DomainName: items.example.com, BasePath: any, RestApiId: !Ref Rest}}
""",
            "{A: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: /items, Method: post}},"
            "B: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: '/items/{id}', Method: get}},"
            "C: {Type: Api, Properties: {RestApiId: !Ref Rest, Path: '/files/{proxy+}', Method: any}}}",
        )
    )
    return world


@pytest.fixture
def http(world: World) -> World:
    """HTTP APIs: ``http`` with CORS and ``$default``, ``staged`` with a stage ``prod``, and a custom domain."""
    world.gateway.load(
        serverless(
            """
  Http:
    Type: AWS::Serverless::HttpApi
    Properties:
      CorsConfiguration:
        AllowOrigins: ['https://example.com']
        AllowMethods: [GET, POST]
        AllowHeaders: [Content-Type]
        ExposeHeaders: [x-a]
        AllowCredentials: true
        MaxAge: 600
  Staged:
    Type: AWS::Serverless::HttpApi
    Properties: {StageName: prod, StageVariables: {colour: blue}}
  Domain: {Type: AWS::ApiGatewayV2::DomainName, Properties: {DomainName: http.example.com}}
  Deep: {Type: AWS::ApiGatewayV2::ApiMapping,
         Properties: {DomainName: http.example.com, ApiMappingKey: orders/v1, ApiId: !Ref Staged, Stage: prod}}
  Shallow: {Type: AWS::ApiGatewayV2::ApiMapping,
            Properties: {DomainName: http.example.com, ApiMappingKey: orders, ApiId: !Ref Http, Stage: $default}}
""",
            "{A: {Type: HttpApi, Properties: {ApiId: !Ref Http, Path: /items, Method: post}},"
            "B: {Type: HttpApi, Properties: {ApiId: !Ref Http, Path: '/items/{id}', Method: get}},"
            "C: {Type: HttpApi, Properties: {ApiId: !Ref Http, Path: '/old/{proxy+}', Method: any,"
            " PayloadFormatVersion: '1.0', TimeoutInMillis: 50}},"
            "D: {Type: HttpApi, Properties: {ApiId: !Ref Staged}},"
            "E: {Type: HttpApi, Properties: {ApiId: !Ref Staged, Path: '/old/{proxy+}', Method: any,"
            " PayloadFormatVersion: '1.0'}}}",
        )
    )
    return world
