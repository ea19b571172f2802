"""Real workers: what handlers see, how they fail, and that each failure hurts only its own request."""

import asyncio
import base64
import json
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from terrella.kernel import AwsError
from terrella.services.functions import (
    RUNTIMES,
    Functions,
    FunctionSpec,
    InvocationResult,
    access_key_of_function,
    function_of_access_key,
)
from terrella.services.functions.environment import DEFAULT_VARIABLES, RESERVED_VARIABLES

Until = Callable[[Callable[[], bool]], Awaitable[None]]

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def call(region: Functions, event: Any, name: str = "act", **options: Any) -> tuple[Any, InvocationResult]:
    result = await region.invoke(name, json.dumps(event).encode(), **options)
    return json.loads(result.payload), result


async def test_a_handler_sees_what_it_would_see_on_lambda(region: Functions, code_directory: Path) -> None:
    os.environ["SECRET_OF_THE_HOST"] = "x"
    environment, result = await call(region, {"environment": 1})
    del os.environ["SECRET_OF_THE_HOST"]
    assert result.function_error is None
    assert result.az in ("eu-west-1a", "eu-west-1b")
    assert "SECRET_OF_THE_HOST" not in environment
    assert environment.keys() >= {*RESERVED_VARIABLES, *DEFAULT_VARIABLES}
    assert (await call(region, {"modules": 1}))[0] == [], "a worker imports nothing of terrella"
    assert environment["AWS_REGION"] == environment["AWS_DEFAULT_REGION"] == "eu-west-1"
    assert environment["AWS_ENDPOINT_URL"] == "http://127.0.3.1:4566"
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "act"
    assert environment["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "128"
    assert environment["_HANDLER"] == "app.act"
    assert Path(environment["LAMBDA_TASK_ROOT"]) != code_directory
    assert environment["HOME"] == environment["TMPDIR"]
    assert environment["AWS_ACCESS_KEY_ID"] == access_key_of_function("act")
    assert function_of_access_key(environment["AWS_ACCESS_KEY_ID"]) == "act"
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    context, result = await call(region, {"context": 1}, trace_id=trace, client_context='{"custom":{"a":"b"}}')
    assert context.pop("remaining") <= 1000
    assert context == {
        "id": result.request_id,
        "arn": "arn:aws:lambda:eu-west-1:000000000000:function:act",
        "name": "act",
        "memory": "128",
        "trace": trace,
        "group": "/aws/lambda/act",
        "client": {"a": "b"},
    }


async def test_logs_have_start_end_and_report_around_the_handlers_own_lines(region: Functions) -> None:
    _, result = await call(region, {"say": "good morning"}, wants_log_tail=True)
    assert result.log_tail is not None
    lines = base64.b64decode(result.log_tail).decode().splitlines()
    assert lines[0] == f"START RequestId: {result.request_id} Version: $LATEST"
    assert lines[1:3] == ["good morning", "to stderr"]
    assert lines[3] == f"END RequestId: {result.request_id}"
    assert lines[4].startswith(f"REPORT RequestId: {result.request_id}\tDuration: ")
    kept = [line async for line in region.logs("Act", lines=5)]
    assert [line.message for line in kept] == lines
    assert {(line.az, line.request_id) for line in kept} == {(result.az, result.request_id)}
    following = region.logs("act", lines=1, follow=True)
    assert (await anext(following)).message == lines[-1]
    await call(region, {})
    assert (await anext(following)).message.startswith("START")


async def test_a_handler_that_raises_is_described(region: Functions) -> None:
    error, result = await call(region, {"raise": "no such customer"})
    assert (result.status, result.function_error) == (200, "Unhandled")
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "no such customer")
    assert "in act" in error["stackTrace"][0]


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"exit": 1}, "Runtime exited with error: exit status 1"),
        ({"exit": 0}, "Runtime exited without providing a reason"),
        ({"kill": 9}, "Runtime exited with error: signal: killed"),
    ],
)
async def test_a_handler_that_ends_its_process_hurts_only_its_own_request(
    region: Functions, event: dict[str, int], said: str
) -> None:
    (error, result), (other, _) = await asyncio.gather(call(region, event), call(region, {"a": 1}, "echo"))
    assert result.function_error == "Unhandled"
    assert error == {"errorType": "Runtime.ExitError", "errorMessage": f"RequestId: {result.request_id} Error: {said}"}
    assert other == {"a": 1}
    assert (await call(region, {}))[1].function_error is None


async def test_a_handler_that_takes_too_long_is_killed(region: Functions) -> None:
    hung = asyncio.create_task(call(region, {"sleep": 30}))
    others = [(await call(region, {}))[1].function_error for _ in range(3)]
    error, result = await hung
    assert others == [None, None, None]
    assert result.function_error == "Unhandled"
    assert error.keys() == {"errorMessage"}
    assert error["errorMessage"].endswith(f"Z {result.request_id} Task timed out after 1.00 seconds")


async def test_too_much_either_way_is_refused(region: Functions) -> None:
    with pytest.raises(AwsError) as caught:
        await region.invoke("echo", b'"' + b"x" * 6 * 1024 * 1024 + b'"')
    assert (caught.value.code, caught.value.status) == ("RequestTooLargeException", 413)
    error, result = await call(region, {"size": 7_000_000})
    assert (error["errorType"], result.function_error) == ("Function.ResponseSizeTooLarge", "Unhandled")
    assert len((await call(region, {"size": 6_000_000}))[0]) == 6_000_000


@pytest.mark.parametrize(
    ("handler", "error_type", "words"),
    [
        ("broken.act", "Runtime.ImportModuleError", "Unable to import module 'broken': No module named 'nowhere_to_be"),
        ("app.missing", "Runtime.HandlerNotFound", "Handler 'missing' missing on module 'app'"),
        ("unlucky.act", "Runtime.ExitError", "Runtime exited with error: exit status 3"),
    ],
)
async def test_code_that_cannot_be_loaded_is_described_to_everyone_who_waits(
    region: Functions, code_directory: Path, handler: str, error_type: str, words: str
) -> None:
    await region.ensure_function(FunctionSpec("bad", handler, "python3.12", code_directory))
    for error, result in await asyncio.gather(*(call(region, {}, "bad") for _ in range(3))):
        assert (error["errorType"], result.function_error) == (error_type, "Unhandled")
        assert words in error["errorMessage"]
    await region.remove_function("bad")


async def test_what_a_handler_started_ends_with_its_worker(region: Functions) -> None:
    pid, _ = await call(region, {"spawn": 1})
    assert psutil.pid_exists(pid)
    await call(region, {"exit": 1})
    while True:
        # Its worker may be the other one: each call ends one of them.
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            break
        await call(region, {"exit": 1})


async def test_the_pool_grows_to_its_limit_then_throttles(region: Functions, tmp_path: Path, until: Until) -> None:
    gate = tmp_path / "open"
    held = [asyncio.create_task(call(region, {"wait_for": str(gate)})) for _ in range(4)]
    await until(lambda: sum(az.busy for az in status_of(region).azs) == 4)
    throttles = status_of(region).throttles
    with pytest.raises(AwsError) as caught:
        await region.invoke("act", b"{}")
    assert (caught.value.code, caught.value.status) == ("TooManyRequestsException", 429)
    assert status_of(region).throttles == throttles + 1
    gate.touch()
    results = [result for _, result in await asyncio.gather(*held)]
    assert sorted(result.az for result in results) == ["eu-west-1a"] * 2 + ["eu-west-1b"] * 2


def status_of(region: Functions, name: str = "act") -> Any:
    return next(status for status in region.status() if status.name == name)


async def test_an_az_that_is_killed_fails_what_it_did_and_the_other_serves_on(
    region: Functions, tmp_path: Path, until: Until
) -> None:
    gate = tmp_path / "open"
    held = [asyncio.create_task(call(region, {"wait_for": str(gate)})) for _ in range(4)]
    await until(lambda: sum(az.busy for az in status_of(region).azs) == 4)
    assert region.hold_az_down("eu-west-1a") >= 2
    gate.touch()
    outcomes = sorted((result.az, result.function_error) for _, result in await asyncio.gather(*held))
    assert outcomes == [("eu-west-1a", "Unhandled")] * 2 + [("eu-west-1b", None)] * 2
    assert {(await call(region, {}))[1].az for _ in range(4)} == {"eu-west-1b"}
    region.hold_az_down("eu-west-1b")
    with pytest.raises(AwsError, match="every availability zone of eu-west-1 is down"):
        await region.invoke("act", b"{}")
    region.restore_az("eu-west-1a")
    assert (await call(region, {}))[1].az == "eu-west-1a"
    region.restore_az("eu-west-1b")


async def test_every_az_gets_its_share(region: Functions, until: Until) -> None:
    served = [(await call(region, {}, "echo"))[1].az for _ in range(25)]
    while not all(az.warm for az in status_of(region, "echo").azs):
        served.append((await call(region, {}, "echo"))[1].az)
    for _ in range(4):
        served.append((await call(region, {}, "echo"))[1].az)
        await until(lambda: not sum(az.busy for az in status_of(region, "echo").azs))
    assert set(served) == {"eu-west-1a", "eu-west-1b"}


async def test_a_new_deployment_serves_the_next_invocation_and_the_old_one_finishes(
    region: Functions, code_directory: Path, tmp_path: Path, until: Until
) -> None:
    def spec(flavour: str) -> FunctionSpec:
        return FunctionSpec("sweet", "app.act", "python3.12", code_directory, environment={"FLAVOUR": flavour})

    await region.ensure_function(spec("mint"))
    gate = tmp_path / "open"
    under_way = asyncio.create_task(call(region, {"wait_for": str(gate)}, "sweet"))
    await until(lambda: any(az.busy for az in status_of(region, "sweet").azs))
    await region.ensure_function(spec("lime"))
    assert (await call(region, {}, "sweet"))[0]["flavour"] == "lime"
    gate.touch()
    assert (await under_way)[0]["flavour"] == "mint"
    # An edit alone changes nothing: functions run a snapshot.
    before = region.code_sha256("sweet")
    source = code_directory / "app.py"
    text = source.read_text()
    source.write_text(text.replace('os.environ.get("FLAVOUR")', '"edited"'))
    assert (await call(region, {}, "sweet"))[0]["flavour"] == "lime"
    await region.ensure_function(spec("lime"))
    assert (await call(region, {}, "sweet"))[0]["flavour"] == "edited"
    assert region.code_sha256("sweet") != before
    source.write_text(text)
    await region.remove_function("sweet")
    with pytest.raises(AwsError, match="Function not found"):
        await region.invoke("sweet", b"{}")


PARENT = """
import os, subprocess, sys, time
print(subprocess.Popen([*sys.argv[1:], str(os.getpid())]).pid, flush=True)
time.sleep(600)
"""


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


async def test_a_worker_dies_with_its_region_however_that_ends(code_directory: Path, until: Until) -> None:
    asked = asyncio.Event()

    async def never_answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        asked.set()
        await reader.read()
        writer.close()

    api = await asyncio.start_server(never_answer, "127.0.0.1", 0)
    port = api.sockets[0].getsockname()[1]
    environment = {
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
        "LAMBDA_TASK_ROOT": str(code_directory),
        "_HANDLER": "app.echo",
        "AWS_LAMBDA_FUNCTION_NAME": "echo",
    }
    command = RUNTIMES["python3.12"].command(0)[:-1]
    stranger = await asyncio.create_subprocess_exec(*command, "1", env=environment)
    assert await stranger.wait() == 1, "a worker whose parent has gone does not begin"
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, *command, env=environment, stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    worker = int(await parent.stdout.readline())
    await asked.wait()
    assert not gone(worker)
    parent.kill()
    await parent.wait()
    await until(lambda: gone(worker))
    api.close()
    await api.wait_closed()


async def test_names_arns_and_qualifiers(region: Functions) -> None:
    for reference in (
        "echo",
        "echo:$LATEST",
        "000000000000:function:echo",
        "arn:aws:lambda:eu-west-1:000000000000:function:echo",
        "arn:aws:lambda:eu-west-1:000000000000:function:echo:$LATEST",
    ):
        assert (await call(region, 1, reference))[0] == 1
    for reference, words in (
        ("nobody", "Function not found: arn:aws:lambda:eu-west-1:000000000000:function:nobody"),
        ("echo:live", "Function not found: arn:aws:lambda:eu-west-1:000000000000:function:echo:live"),
        ("arn:aws:lambda:us-east-1:000000000000:function:echo", "Functions from 'us-east-1' are not reachable"),
    ):
        with pytest.raises(AwsError, match=words):
            await region.invoke(reference, b"{}")
