"""A REST API as SAM makes it: addressing, events, answers, failures."""

import asyncio
from typing import Any

import msgspec
import pytest

from terrella.kernel import AwsError
from terrella.services.gateway import RestApi
from terrella.wire.http import Response

from .conftest import ACCOUNT, FUNCTION_ARN, Result, World

HOST = "rest.execute-api.us-east-1.amazonaws.com"


def message(response: Response) -> Any:
    assert isinstance(response.body, bytes)
    return msgspec.json.decode(response.body)["message"]


async def test_a_request_becomes_an_event_and_its_answer_a_response(rest: World) -> None:
    rest.function.result = Result(b'{"statusCode":201,"headers":{"X-Region":"r"},"body":"{}"}')
    response = await rest.ask("GET /prod/items/7?a=1&a=2", HOST, [("user-agent", "curl"), ("x-b", "c")])
    assert (response.status, response.body) == (201, b"{}")
    assert response.header("content-type") == "application/json"
    assert response.header("x-region") == "r"
    arn, event = rest.function.asked[0]
    assert arn == FUNCTION_ARN
    assert (event["resource"], event["path"], event["httpMethod"]) == ("/items/{id}", "/items/7", "GET")
    assert event["pathParameters"] == {"id": "7"}
    assert event["multiValueQueryStringParameters"] == {"a": ["1", "2"]}
    assert event["stageVariables"] == {"colour": "blue"}
    assert event["headers"]["X-Forwarded-For"] == "192.0.2.1"
    assert event["headers"]["Host"] == HOST
    context = event["requestContext"]
    assert (context["accountId"], context["apiId"], context["stage"]) == (ACCOUNT, "rest", "prod")
    assert (context["path"], context["domainName"], context["domainPrefix"]) == ("/prod/items/7", HOST, "rest")
    assert context["identity"]["sourceIp"] == "192.0.2.1"
    assert context["identity"]["userAgent"] == "curl"
    assert context["requestTimeEpoch"] == rest.clock.now_ms()
    assert context["deploymentId"].startswith("restdeployment")
    assert response.header("x-amzn-requestid") == context["requestId"]
    assert response.header("x-amz-apigw-id") == context["extendedRequestId"]
    assert response.header("x-amzn-trace-id") == event["headers"]["X-Amzn-Trace-Id"]
    assert response.header("x-amzn-trace-id").startswith("Root=1-6553f100-")


@pytest.mark.parametrize(
    ("line", "host", "path", "context_path"),
    [
        ("GET /prod/items/7", HOST, "/items/7", "/prod/items/7"),
        ("GET /prod/items/7", HOST.upper() + ":8080", "/items/7", "/prod/items/7"),
        ("GET /_api/rest/prod/items/7", "127.0.1.1:8080", "/items/7", "/prod/items/7"),
        ("GET /items/7", "items.example.com", "/items/7", "/items/7"),
        ("GET /v1/items/7", "items.example.com:8080", "/v1/items/7", "/v1/items/7"),
        ("GET /any/prod/items/7", "items.example.com", "/any/prod/items/7", "/any/prod/items/7"),
    ],
)
async def test_addresses(rest: World, line: str, host: str, path: str, context_path: str) -> None:
    response = await rest.ask(line, host)
    assert response.status == 200
    event = rest.function.event
    assert (event["resource"], event["path"]) == ("/items/{id}", path)
    assert event["requestContext"]["path"] == context_path
    shown = "items.example.com" if host.startswith("items") else HOST
    assert event["requestContext"]["domainName"] == shown


@pytest.mark.parametrize(
    ("line", "host", "status", "text"),
    [
        ("GET /prod/nowhere", HOST, 403, "Missing Authentication Token"),
        ("DELETE /prod/items", HOST, 403, "Missing Authentication Token"),
        ("GET /other/items/7", HOST, 403, "Forbidden"),
        ("GET /", HOST, 403, "Forbidden"),
        ("GET /prod/items/7", "rest.execute-api.us-west-2.amazonaws.com", 403, "Forbidden"),
        ("GET /prod/items/7", "other.execute-api.us-east-1.amazonaws.com", 403, "Forbidden"),
        ("GET /_api/other/prod/items/7", HOST, 403, "Forbidden"),
        ("GET /any/dev/items/7", "items.example.com", 403, "Forbidden"),
        ("GET /v2/items/7", "items.example.com", 403, "Missing Authentication Token"),
    ],
)
async def test_what_is_not_there(rest: World, line: str, host: str, status: int, text: str) -> None:
    response = await rest.ask(line, host)
    assert (response.status, message(response)) == (status, text)
    assert not rest.function.asked


async def test_a_bare_address_means_the_one_api_of_the_region(rest: World) -> None:
    for host in ("127.0.0.1:8080", "localhost", "", "[::1]:8080"):
        assert (await rest.ask("GET /prod/items/7", host)).status == 200


async def test_with_several_apis_a_bare_address_is_told_how_to_address_one(rest: World) -> None:
    rest.gateway.put_api(RestApi("other", "other", ()))
    response = await rest.ask("GET /items/7", "127.0.0.1:8080")
    assert response.status == 403
    assert "/_api/ID/STAGE/" in message(response)
    assert b'"path":"/_api/rest/prod/"' in response.body  # type: ignore[operator] # it is bytes, as message() saw


async def _too_many(_: dict[str, Any]) -> Result:
    raise AwsError("TooManyRequestsException", "Rate exceeded", 429)


async def _missing(_: dict[str, Any]) -> Result:
    raise AwsError("ResourceNotFoundException", "Function not found", 404)


@pytest.mark.parametrize(
    ("result", "status", "text"),
    [
        (Result(b'{"errorMessage":"x"}', function_error="Unhandled"), 502, "Internal server error"),
        (Result(b'"no response"'), 502, "Internal server error"),
        (Result(b"{}", status=429), 500, "Internal server error"),
        (Result(b"{}", status=413), 413, "Request Too Long"),
        (Result(b"{}", status=500), 502, "Internal server error"),
        (_too_many, 500, "Internal server error"),
        (_missing, 500, "Internal server error"),
    ],
)
async def test_failures(rest: World, result: Any, status: int, text: str) -> None:
    if isinstance(result, Result):
        rest.function.result = result
    else:
        rest.function.answer = result
    response = await rest.ask("GET /prod/items/7", HOST)
    assert (response.status, message(response)) == (status, text)
    assert response.header("x-amzn-requestid")
    route = next(route for route in rest.gateway.status().apis[0].routes if route.requests)
    assert route.statuses == {status: 1}
    assert route.last_error


async def test_large_bodies(rest: World) -> None:
    response = await rest.ask("POST /prod/items", HOST, body=b"x" * (10 * 1024 * 1024 + 1))
    assert (response.status, message(response)) == (413, "Request Too Long")
    assert (await rest.ask("POST /prod/items", HOST, body=b"x" * (10 * 1024 * 1024))).status == 200


async def test_a_preflight_request_is_answered_by_sams_mock(rest: World) -> None:
    response = await rest.ask("OPTIONS /prod/items", HOST)
    assert response.status == 200
    assert response.header("access-control-allow-origin") == "*"
    assert response.header("access-control-allow-methods") == "OPTIONS,POST"
    assert response.body == b"{}\n"
    assert not rest.function.asked


async def test_binary_both_ways(rest: World) -> None:
    rest.function.result = Result(b'{"statusCode":200,"body":"iVBORw==","isBase64Encoded":true}')
    headers = [("content-type", "image/png"), ("accept", "image/png, */*")]
    response = await rest.ask("PUT /prod/files/a.png", HOST, headers, b"\x89PNG")
    assert (rest.function.event["body"], rest.function.event["isBase64Encoded"]) == ("iVBORw==", True)
    assert response.body == b"\x89PNG"
    assert (await rest.ask("GET /prod/files/a.png", HOST, [("accept", "*/*")])).body == b"iVBORw=="


async def test_a_trace_is_passed_on(rest: World) -> None:
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    headers = [("x-amzn-trace-id", trace), ("x-forwarded-for", "198.51.100.7")]
    response = await rest.ask("GET /prod/items/7", HOST, headers)
    assert response.header("x-amzn-trace-id") == trace
    assert rest.function.event["headers"]["X-Amzn-Trace-Id"] == trace
    assert rest.function.event["headers"]["X-Forwarded-For"] == "198.51.100.7, 192.0.2.1"


async def test_a_client_that_leaves_does_not_stop_the_function(rest: World) -> None:
    go_on, finished = asyncio.Event(), asyncio.Event()

    async def slow(_: dict[str, Any]) -> Result:
        await go_on.wait()
        finished.set()
        return Result()

    rest.function.answer = slow
    request = asyncio.ensure_future(rest.ask("GET /prod/items/7", HOST))
    await asyncio.wait_for(rest.function.called.wait(), 5)
    request.cancel()
    await asyncio.gather(request, return_exceptions=True)
    go_on.set()
    await asyncio.wait_for(finished.wait(), 5)


async def test_the_gate(rest: World) -> None:
    rest.gateway.close_gate("catching up", retry_after_s=2)
    response = await rest.ask("GET /prod/items/7", HOST)
    assert (response.status, response.header("retry-after")) == (503, "2")
    assert "us-east-1 is catching up" in message(response)
    assert rest.gateway.status().gate == "catching up"
    rest.gateway.open_gate()
    assert (await rest.ask("GET /prod/items/7", HOST)).status == 200
    assert rest.gateway.status().unrouted == {503: 1}
