"""HTTP APIs as SAM makes them: addressing, both payload formats, CORS, failures."""

import asyncio
from typing import Any

import msgspec
import pytest

from terrella.wire.http import Response

from .conftest import Result, World

HTTP, STAGED = "http.execute-api.us-east-1.amazonaws.com", "staged.execute-api.us-east-1.amazonaws.com"


def message(response: Response) -> Any:
    assert isinstance(response.body, bytes)
    return msgspec.json.decode(response.body)["message"]


async def test_a_request_becomes_an_event_of_format_2_0(http: World) -> None:
    http.function.result = Result(b'{"hello":"world"}')
    response = await http.ask("GET /items/a%20b?x=1&x=2", HTTP + ":8080", [("cookie", "a=1; b=2"), ("x-h", "v")])
    assert (response.status, response.body) == (200, b'{"hello":"world"}')
    event = http.function.event
    assert (event["version"], event["routeKey"], event["rawPath"]) == ("2.0", "GET /items/{id}", "/items/a b")
    assert event["pathParameters"] == {"id": "a b"}
    assert event["queryStringParameters"] == {"x": "1,2"}
    assert event["cookies"] == ["a=1", "b=2"]
    assert event["headers"]["x-forwarded-port"] == "8080"
    assert event["requestContext"]["stage"] == "$default"
    assert response.header("apigw-requestid") == event["requestContext"]["requestId"]


@pytest.mark.parametrize(
    ("line", "host", "version", "path"),
    [
        ("GET /items/7", HTTP, "2.0", "/items/7"),
        ("GET /_api/http/$default/items/7", "127.0.1.1", "2.0", "/items/7"),
        ("GET /_api/http/%24default/items/7", "127.0.1.1", "2.0", "/items/7"),
        ("GET /old/x", HTTP, "1.0", "/old/x"),
        ("GET /prod/any/thing", STAGED, "2.0", "/prod/any/thing"),
        ("GET /prod/old/x", STAGED, "1.0", "/prod/old/x"),
        ("GET /_api/staged/prod/any", "localhost", "2.0", "/prod/any"),
        # Format 2.0 does not show the mapping's key, format 1.0 does.
        ("GET /orders/items/7", "http.example.com", "2.0", "/items/7"),
        ("GET /orders/v1/any", "http.example.com", "2.0", "/prod/any"),
        ("GET /orders/v1/old/x", "http.example.com", "1.0", "/orders/v1/old/x"),
    ],
)
async def test_addresses(http: World, line: str, host: str, version: str, path: str) -> None:
    assert (await http.ask(line, host)).status == 200
    event = http.function.event
    assert event["version"] == version
    assert (event["rawPath"] if version == "2.0" else event["path"]) == path


@pytest.mark.parametrize(
    ("line", "host", "status", "text"),
    [
        ("GET /nowhere", HTTP, 404, "Not Found"),
        ("GET /dev/any", STAGED, 404, "Not Found"),
        ("GET /other", "http.example.com", 403, "Forbidden"),
    ],
)
async def test_what_is_not_there(http: World, line: str, host: str, status: int, text: str) -> None:
    response = await http.ask(line, host)
    assert (response.status, message(response)) == (status, text)


@pytest.mark.parametrize(
    ("result", "status", "text"),
    [
        (Result(b"{}", function_error="Unhandled"), 500, "Internal Server Error"),
        (Result(b'{"statusCode":"x"}'), 500, "Internal Server Error"),
        (Result(b"{}", status=429), 503, "Service Unavailable"),
    ],
)
async def test_failures(http: World, result: Result, status: int, text: str) -> None:
    http.function.result = result
    response = await http.ask("GET /items/7", HTTP)
    assert (response.status, message(response)) == (status, text)


async def test_a_function_that_takes_too_long(http: World) -> None:
    """The route's own time-out is 50 ms; the function goes on."""
    go_on, finished = asyncio.Event(), asyncio.Event()

    async def slow(_: dict[str, Any]) -> Result:
        await go_on.wait()
        finished.set()
        return Result()

    http.function.answer = slow
    response = await http.ask("GET /old/x", HTTP)
    assert (response.status, message(response)) == (503, "Service Unavailable")
    go_on.set()
    await asyncio.wait_for(finished.wait(), 5)


async def test_a_gateway_that_closes_gives_up_what_is_under_way(http: World) -> None:
    gone = asyncio.Event()

    async def never(_: dict[str, Any]) -> Result:
        try:
            return await asyncio.Future()
        finally:
            gone.set()

    http.function.answer = never
    request = asyncio.ensure_future(http.ask("GET /items/7", HTTP))
    await asyncio.wait_for(http.function.called.wait(), 5)
    request.cancel()
    await asyncio.sleep(0)
    await http.gateway.close()
    assert gone.is_set()


ORIGIN = ("origin", "https://example.com")


async def test_cors_preflight(http: World) -> None:
    response = await http.ask("OPTIONS /items", HTTP, [ORIGIN, ("access-control-request-method", "POST")])
    assert response.status == 204
    assert [pair for pair in response.headers if pair[0].startswith("access-control")] == [
        ("access-control-allow-origin", "https://example.com"),
        ("access-control-allow-methods", "GET,POST"),
        ("access-control-allow-headers", "content-type"),
        ("access-control-max-age", "600"),
        ("access-control-expose-headers", "x-a"),
        ("access-control-allow-credentials", "true"),
    ]
    other = [("origin", "https://evil.example"), ("access-control-request-method", "POST")]
    response = await http.ask("OPTIONS /items", HTTP, other)
    assert (response.status, response.header("access-control-allow-origin")) == (204, "")


async def test_cors_headers_come_from_the_configuration(http: World) -> None:
    http.function.result = Result(b'{"statusCode":200,"headers":{"Access-Control-Allow-Origin":"*"}}')
    response = await http.ask("GET /items/7", HTTP, [ORIGIN])
    assert response.header("access-control-allow-origin") == "https://example.com"
    assert (await http.ask("GET /items/7", HTTP)).header("access-control-allow-origin") == ""
    response = await http.ask("GET /prod/any", STAGED, [ORIGIN])
    assert response.header("access-control-allow-origin") == "*"
