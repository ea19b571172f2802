"""The gateway behind a real HTTP server, asked over a socket."""

import asyncio
import json
from dataclasses import dataclass

from terrella.kernel import SystemClock, SystemIds
from terrella.services.gateway import Gateway, HttpApi, RestApi, Stage
from terrella.wire.http import HttpServer, fetch

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:echo"
URI = f"arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/{FUNCTION}/invocations"


@dataclass
class Answer:
    """An invocation's result."""

    payload: bytes
    status: int = 200
    function_error: str | None = None
    request_id: str = "r"


class Echo:
    """A function that answers with what it was asked."""

    async def invoke(self, name_or_arn: str, payload: bytes, /) -> Answer:
        """Answer a proxy response whose body is the event."""
        await asyncio.sleep(0)
        return Answer(json.dumps({"statusCode": 200, "body": payload.decode()}).encode())


async def test_requests_over_a_socket() -> None:
    gateway = Gateway("us-east-1", "000000000000", Echo(), SystemClock(), SystemIds())
    operation = {"x-amazon-apigateway-integration": {"type": "aws_proxy", "httpMethod": "POST", "uri": URI}}
    body = {"paths": {"/items/{id}": {"x-amazon-apigateway-any-method": operation}}}
    gateway.put_api(RestApi.from_cloudformation("rest", {"Body": body}))
    gateway.put_stage(Stage("rest", "prod"))
    gateway.put_api(HttpApi.from_cloudformation("http", {"Target": FUNCTION}))
    server = HttpServer(gateway.handle)
    port = await server.listen("127.0.0.1", 0)

    host = [("host", f"rest.execute-api.us-east-1.amazonaws.com:{port}"), ("user-agent", "test")]
    response = await fetch("PUT", "127.0.0.1", port, "/prod/items/7?a=b", host, "ä".encode())
    assert response.status == 200
    assert isinstance(response.body, bytes)
    event = json.loads(response.body)
    assert (event["httpMethod"], event["path"], event["body"]) == ("PUT", "/items/7", "ä")
    assert event["headers"]["User-Agent"] == "test"
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"

    response = await fetch("GET", "127.0.0.1", port, "/_api/http/$default/x")
    assert isinstance(response.body, bytes)
    assert json.loads(response.body)["rawPath"] == "/x"

    response = await fetch("HEAD", "127.0.0.1", port, "/prod/items/7", host)
    assert (response.status, response.body) == (200, b"")
    assert (await fetch("GET", "127.0.0.1", port, "/prod/other", host)).status == 403
    await server.close()
