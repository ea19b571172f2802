"""The Lambda API as boto3 speaks it, over HTTP, to real functions."""

import asyncio
import base64
import io
import json
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import boto3
import pytest
import pytest_asyncio
from botocore.config import Config
from botocore.exceptions import ClientError

from terrella.services.functions import Functions
from terrella.wire.http import HttpServer

pytestmark = pytest.mark.asyncio(loop_scope="module")

Api = Callable[..., Any]
Until = Callable[[Callable[[], bool]], Awaitable[None]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api(region: Functions) -> AsyncIterator[Api]:
    """Calls an operation of a boto3 client in a thread; the answer's metadata is dropped."""
    server = HttpServer(region.handle)
    port = await server.listen("127.0.0.1", 0)
    client = boto3.client(
        "lambda",
        "eu-west-1",
        endpoint_url=f"http://127.0.0.1:{port}",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )

    async def call(operation: str, **parameters: Any) -> Any:
        answer = await asyncio.to_thread(getattr(client, operation), **parameters)
        answer.pop("ResponseMetadata")
        return answer

    yield call
    client.close()
    await server.close()


def package(text: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("main.py", text)
    return buffer.getvalue()


async def error_of(awaitable: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        await awaitable
    response: Any = caught.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


async def test_invoke(api: Api) -> None:
    answer = await api("invoke", FunctionName="echo", Payload=b'{"a": 1}', LogType="Tail")
    assert json.loads(answer["Payload"].read()) == {"a": 1}
    assert (answer["StatusCode"], answer["ExecutedVersion"], "FunctionError" in answer) == (200, "$LATEST", False)
    assert b"START RequestId" in base64.b64decode(answer["LogResult"])
    context = base64.b64encode(b'{"custom":{"k":"v"}}').decode()
    arn = "arn:aws:lambda:eu-west-1:000000000000:function:act"
    answer = await api("invoke", FunctionName=arn, Payload=b'{"context":1}', ClientContext=context)
    assert json.loads(answer["Payload"].read())["client"] == {"k": "v"}
    answer = await api("invoke", FunctionName="act", Payload=b'{"raise":"x"}')
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert json.loads(answer["Payload"].read())["errorType"] == "ValueError"
    assert (await api("invoke", FunctionName="echo", InvocationType="DryRun"))["StatusCode"] == 204


async def test_invoke_errors(api: Api) -> None:
    arn = "arn:aws:lambda:eu-west-1:000000000000:function:nobody"
    assert await error_of(api("invoke", FunctionName="nobody")) == (
        "ResourceNotFoundException",
        f"Function not found: {arn}",
        404,
    )
    assert (await error_of(api("invoke", FunctionName="echo", Qualifier="7")))[0] == "ResourceNotFoundException"
    code, message, status = await error_of(api("invoke", FunctionName="echo", Payload=b"{no"))
    assert (code, status) == ("InvalidRequestContentException", 400)
    assert message.startswith("Could not parse request body into json")
    too_large = b'"' + b"x" * (6 * 1024 * 1024) + b'"'
    assert (await error_of(api("invoke", FunctionName="echo", Payload=too_large)))[::2] == (
        "RequestTooLargeException",
        413,
    )


async def test_events_are_run_later_and_tried_three_times(api: Api, region: Functions, until: Until) -> None:
    answer = await api("invoke", FunctionName="act", InvocationType="Event", Payload=b'{"say":"once"}')
    assert answer["StatusCode"] == 202
    await api("invoke", FunctionName="act", InvocationType="Event", Payload=b'{"say":"thrice","raise":"x"}')
    await until(lambda: not status(region)["events_pending"])
    said = [line.message async for line in region.logs("act", lines=200)]
    assert (said.count("once"), said.count("thrice")) == (1, 3)
    assert status(region)["events_discarded"] == 1
    assert any("is discarded: it failed 3 times" in line for line in said)


def status(region: Functions) -> dict[str, int]:
    found = next(entry for entry in region.status() if entry.name == "act")
    return {"events_pending": found.events_pending, "events_discarded": found.events_discarded}


async def test_the_life_of_a_function_of_the_apis_own(api: Api) -> None:
    parameters = {
        "FunctionName": "own",
        "Runtime": "python3.13",
        "Role": "arn:aws:iam::000000000000:role/x",
        "Handler": "main.main",
        "Code": {"ZipFile": package("def main(event, context): return 1")},
        "Tags": {"team": "blue"},
    }
    made = await api("create_function", **parameters)
    assert (made["State"], made["Timeout"], made["MemorySize"], made["Version"]) == ("Active", 3, 128, "$LATEST")
    assert (await api("invoke", FunctionName="own"))["Payload"].read() == b"1"
    again = api("create_function", **parameters)
    assert (await error_of(again))[::2] == ("ResourceConflictException", 409)
    second = package("import os\ndef main(event, context): return os.environ.get('COLOUR', '')")
    updated = await api("update_function_code", FunctionName="own", ZipFile=second)
    assert updated["CodeSha256"] != made["CodeSha256"]
    assert (await api("invoke", FunctionName="own"))["Payload"].read() == b'""'
    updated = await api(
        "update_function_configuration",
        FunctionName="own",
        Environment={"Variables": {"COLOUR": "red"}},
        Timeout=9,
        Description="d",
    )
    assert (updated["Timeout"], updated["Environment"]) == (9, {"Variables": {"COLOUR": "red"}})
    assert (await api("invoke", FunctionName="own"))["Payload"].read() == b'"red"'
    stale = api("update_function_configuration", FunctionName="own", Timeout=5, RevisionId=made["RevisionId"])
    assert (await error_of(stale))[0] == "PreconditionFailedException"
    got = await api("get_function", FunctionName="own")
    assert got["Configuration"] == await api("get_function_configuration", FunctionName="own") == updated
    assert got["Tags"] == (await api("list_tags", Resource=made["FunctionArn"]))["Tags"] == {"team": "blue"}
    names = [entry["FunctionName"] for entry in (await api("list_functions"))["Functions"]]
    assert names == ["act", "echo", "own"]
    page = await api("list_functions", MaxItems=1, Marker="act")
    assert ([entry["FunctionName"] for entry in page["Functions"]], page["NextMarker"]) == (["echo"], "echo")
    await api("delete_function", FunctionName="own")
    assert (await error_of(api("get_function", FunctionName="own")))[0] == "ResourceNotFoundException"


async def test_reserved_concurrency(api: Api) -> None:
    assert await api("get_function_concurrency", FunctionName="echo") == {}
    await api("put_function_concurrency", FunctionName="echo", ReservedConcurrentExecutions=0)
    code, _, http_status = await error_of(api("invoke", FunctionName="echo"))
    assert (code, http_status) == ("TooManyRequestsException", 429)
    assert (await api("get_function", FunctionName="echo"))["Concurrency"] == {"ReservedConcurrentExecutions": 0}
    await api("delete_function_concurrency", FunctionName="echo")
    assert (await api("invoke", FunctionName="echo"))["StatusCode"] == 200


async def test_what_is_wrong_or_not_built_is_said(api: Api) -> None:
    async def update(**parameters: Any) -> tuple[str, str, int]:
        return await error_of(api("update_function_configuration", FunctionName="echo", **parameters))

    code, message, _ = await update(Environment={"Variables": {"AWS_REGION": "x"}})
    assert code == "InvalidParameterValueException"
    assert message.endswith("Reserved keys used in this request: AWS_REGION")
    code, message, _ = await update(Runtime="nodejs22.x")
    assert code == "InvalidParameterValueException"
    assert "the runtime nodejs22.x is not supported yet; expected one of python3.9" in message
    code, message, _ = await update(MemorySize=12000)
    assert (code, "at 'memorySize'" in message) == ("ValidationException", True)
    code, message, _ = await update(Layers=["arn:aws:lambda:eu-west-1:000000000000:layer:x:1"])
    assert message == "terrella does not implement Layers of lambda:UpdateFunctionConfiguration yet"
    code, message, _ = await error_of(api("publish_version", FunctionName="echo"))
    assert (code, message) == ("UnknownOperationException", "terrella does not implement lambda:PublishVersion yet")
    assert (await error_of(api("get_policy", FunctionName="echo")))[0] == "ResourceNotFoundException"
    code, message, _ = await error_of(api("update_function_code", FunctionName="echo", ZipFile=b"no zip"))
    assert (code, message[:21]) == ("InvalidParameterValueException", "Could not unzip uploa")
