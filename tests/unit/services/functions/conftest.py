"""A region's functions with real workers, shared by the tests of a module; none is left over when it ends."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import psutil
import pytest
import pytest_asyncio

from terrella.journal import Journal
from terrella.kernel import SystemClock, SystemIds
from terrella.services.functions import Functions, FunctionSpec, Limits

HANDLERS = """
import os, subprocess, sys, time

print("loading")
CALLS = 0

def echo(event, context):
    return event

def act(event, context):
    global CALLS
    CALLS += 1
    if "say" in event:
        print(event["say"])
        print("to stderr", file=sys.stderr)
    if "raise" in event:
        raise ValueError(event["raise"])
    if "exit" in event:
        sys.exit(event["exit"])
    if "kill" in event:
        os.kill(os.getpid(), 9)
    if "spawn" in event:
        return subprocess.Popen(["sleep", "600"]).pid
    if "sleep" in event:
        time.sleep(event["sleep"])
    if "size" in event:
        return "x" * event["size"]
    if "wait_for" in event:
        while not os.path.exists(event["wait_for"]):
            time.sleep(0.005)
    if "modules" in event:
        return [name for name in sys.modules if name.startswith("terrella")]
    if "environment" in event:
        return dict(os.environ)
    if "context" in event:
        return {
            "id": context.aws_request_id, "arn": context.invoked_function_arn, "name": context.function_name,
            "memory": context.memory_limit_in_mb, "remaining": context.get_remaining_time_in_millis(),
            "trace": os.environ.get("_X_AMZN_TRACE_ID"), "group": context.log_group_name,
            "client": context.client_context.custom if context.client_context else None,
        }
    return {"pid": os.getpid(), "calls": CALLS, "flavour": os.environ.get("FLAVOUR")}
"""


def own_workers() -> list[psutil.Process]:
    """Every process below this one that is not another test's."""
    return [child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]


@pytest.fixture(scope="module")
def code_directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("code")
    (folder / "app.py").write_text(HANDLERS)
    (folder / "broken.py").write_text("import nowhere_to_be_found\n")
    (folder / "unlucky.py").write_text("import os\nos._exit(3)\n")
    return folder


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def region(tmp_path_factory: pytest.TempPathFactory, code_directory: Path) -> AsyncIterator[Functions]:
    """``act`` and ``echo``, one second each; a limit of two workers an AZ."""
    state = tmp_path_factory.mktemp("state")
    journal = await Journal.open(state / "r.sqlite", "eu-west-1", SystemClock(), SystemIds())
    azs = ["eu-west-1a", "eu-west-1b"]
    limits = Limits(workers_per_az_max=2, queue_wait_s=0.05, event_retry_delays_s=(0.0, 0.0))
    functions = Functions(
        "eu-west-1", "000000000000", azs, "http://127.0.3.1:4566", journal, state, SystemClock(), SystemIds(), limits
    )
    await functions.start()
    for name in ("act", "echo"):
        await functions.ensure_function(
            FunctionSpec(name, f"app.{name}", "python3.12", code_directory, timeout_s=1, logical_id=name.title())
        )
    yield functions
    await functions.close()
    await journal.close()
    assert own_workers() == []
    assert not list((state / "tmp" / "eu-west-1").glob("*"))


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], Awaitable[None]]:
    """Waits for what other processes do: there is nothing here that could tell of it."""

    async def wait(condition: Callable[[], bool]) -> None:
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.001)

    return wait
