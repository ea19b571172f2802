"""Zones and workers that hang, invocations that raise without their handler, calls that are stopped on their way."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Collection

import psutil
import pytest

from terrella.kernel import AwsError
from terrella.services.functions import Configuration, Functions
from terrella.wire.http import Request

Until = Callable[[Callable[[], bool]], Awaitable[None]]

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_workers_of_a_frozen_zone_hang_and_go_on(region: Functions, until: Until) -> None:
    first = json.loads((await region.invoke("act", b"{}")).payload)["pid"]
    for az in ("eu-west-1a", "eu-west-1b"):
        region.freeze_az(az)
    await until(lambda: psutil.Process(first).status() == psutil.STATUS_STOPPED)
    hangs = asyncio.ensure_future(region.invoke("act", b"{}"))
    cold = asyncio.ensure_future(region.invoke("echo", b"{}"))
    await until(lambda: len(region.workers(function="Echo")) == 1)
    started = region.workers(function="echo")[0]
    await until(lambda: psutil.Process(started.pid).status() == psutil.STATUS_STOPPED)
    assert not hangs.done()
    for az in ("eu-west-1a", "eu-west-1b"):
        region.thaw_az(az)
    assert json.loads((await hangs).payload)["pid"] == first
    assert (await cold).function_error is None


async def test_a_cold_start_that_is_frozen_does_not_hold_up_those_of_other_zones(
    region: Functions, until: Until
) -> None:
    for worker in region.workers(function="echo"):
        worker.kill()
    await until(lambda: not region.workers(function="echo"))
    cold = asyncio.ensure_future(region.invoke("echo", b"{}"))
    await until(lambda: region._cold_starts.under_way == 1)
    for az in ("eu-west-1a", "eu-west-1b"):
        region.freeze_az(az)
    assert region._cold_starts.under_way == 0
    for az in ("eu-west-1a", "eu-west-1b"):
        region.thaw_az(az)
    assert (await cold).function_error is None
    assert region._cold_starts.under_way == 0


async def test_a_worker_that_is_frozen_times_out_and_another_one_follows(region: Functions, until: Until) -> None:
    region.hold_az_down("eu-west-1b")  # a worker there could answer instead
    try:
        first = json.loads((await region.invoke("act", b"{}")).payload)["pid"]
        # One that has not asked for its next invocation yet is given none: another would be started.
        await until(lambda: all(worker.state.name == "IDLE" for worker in region.workers(function="act")))
        for worker in region.workers(function="act"):
            worker.freeze()
        result = await region.invoke("act", b"{}")
        assert "Task timed out after 1.00 seconds" in json.loads(result.payload)["errorMessage"]
        for worker in region.workers(function="act"):
            worker.thaw()
        assert json.loads((await region.invoke("act", b"{}")).payload)["pid"] != first
    finally:
        region.restore_az("eu-west-1b")


async def test_a_sabotaged_invocation_ends_as_if_the_handler_had_raised(region: Functions) -> None:
    def sabotage(called: Configuration) -> tuple[str, str] | None:
        return ("InjectedError", "on purpose") if called.logical_id == "Act" else None

    errors = sum(az.errors for az in region.status()[0].azs)
    region.sabotage = sabotage
    try:
        result = await region.invoke("act", b"{}", request_id="r-1")
        assert (result.status, result.function_error, result.request_id) == (200, "Unhandled", "r-1")
        told = json.loads(result.payload)
        assert (told["errorType"], told["errorMessage"]) == ("InjectedError", "on purpose")
        assert (await region.invoke("echo", b"{}")).function_error is None
    finally:
        region.sabotage = None
    assert sum(az.errors for az in region.status()[0].azs) == errors + 1
    assert [line.message async for line in region.logs("act", 1)] == ["[ERROR] InjectedError: on purpose"]
    assert (await region.invoke("act", b"{}")).function_error is None


async def test_calls_are_stopped_on_their_way(region: Functions) -> None:
    seen: list[tuple[str, tuple[str, ...]]] = []

    async def interfere(operation: str, resources: Collection[str]) -> None:
        seen.append((operation, tuple(resources)))
        if operation == "Invoke":
            raise AwsError("TooManyRequestsException", "on purpose", 429)

    region.interference = interfere
    try:
        arn = region.arn("act")
        invoked = await region.handle(Request("POST", f"/2015-03-31/functions/{arn}/invocations", [], b"{}"))
        listed = await region.handle(Request("GET", "/2015-03-31/functions/", []))
        unknown = await region.handle(Request("GET", "/2015-03-31/functions/nobody", []))
    finally:
        region.interference = None
    assert (invoked.status, invoked.header("x-amzn-errortype")) == (429, "TooManyRequestsException")
    assert (listed.status, unknown.status) == (200, 404)
    assert seen == [("Invoke", ("act", "Act")), ("ListFunctions", ()), ("GetFunction", ())]
