"""The supervisor over regions that only pretend: real processes, real sockets, no clock asserted."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import psutil
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from terrella.kernel import SystemClock, SystemIds, TerrellaError
from terrella.wire.http import Handler, HttpServer, Request, Response, fetch, json_response
from terrella.world import ControlClient, Event, EventLog, NameServer, Options, Supervisor, load_world
from terrella.world.control_api import ControlApi
from terrella.world.control_state import ControlState

FAKE = Path(__file__).with_name("fake_region.py")
PATIENCE_S = 60
DYING_S = 5.0
WriteWorld = Callable[..., Path]


class Story:
    """A supervisor, what it has told so far, and how to wait for more."""

    def __init__(self, supervisor: Supervisor, events: EventLog) -> None:
        self.supervisor = supervisor
        self.told: list[str] = []
        self.ready = asyncio.Event()
        self._news = asyncio.Event()
        events.subscribe(self._note)

    def _note(self, event: Event) -> None:
        self.told.append(f"{event.region} {event.text}".strip())
        self._news.set()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until it holds; it is asked again whenever something is told."""
        async with asyncio.timeout(PATIENCE_S):
            while not condition():
                self._news.clear()
                await self._news.wait()

    async def until_told(self, words: str) -> None:
        await self.until(lambda: any(words in line for line in self.told))

    def state(self, region: str) -> str:
        return self.supervisor.views[region].state

    def pid(self, region: str) -> int:
        pid = self.supervisor.views[region].keeper.pid
        assert pid is not None
        return pid

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        world = self.supervisor.world
        client = ControlClient("the supervisor", world.front_door, world.ports.aws)
        if method == "GET":
            return await client.get(path)
        return await client.post(path, body)


@asynccontextmanager
async def running(path: Path, command: Callable[[str], list[str]] | None = None) -> AsyncIterator[Story]:
    world = load_world(path)
    events = EventLog(SystemClock(), world.state_directory / "logs" / "world.log")
    supervisor = Supervisor(
        world,
        Options(),
        events,
        SystemClock(),
        SystemIds(),
        command=command or (lambda region: [sys.executable, str(FAKE), region, str(path)]),
    )
    story = Story(supervisor, events)
    task = asyncio.create_task(supervisor.run(ControlApi(supervisor).handle, story.ready.set))
    ready = asyncio.create_task(story.ready.wait())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait([task, ready], return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            task.result()
        yield story
    finally:
        ready.cancel()
        supervisor.stop()
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.gather(task, return_exceptions=True)
        events.close()
        assert strays(path.parent) == []


def strays(directory: Path) -> list[int]:
    """Processes of this test's regions, and of their workers, that live on; what was just killed may take a moment."""
    workers = {int(each.read_text()) for each in directory.glob("*.worker")}
    mine = (each for each in psutil.process_iter(["cmdline"]) if each.pid != os.getpid())
    found = [each for each in mine if each.pid in workers or str(directory) in " ".join(each.info["cmdline"] or [])]
    _, alive = psutil.wait_procs(found, timeout=DYING_S)
    return [each.pid for each in alive if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]


async def until_dead(pid: int) -> None:
    process = psutil.Process(pid) if psutil.pid_exists(pid) else None
    if process is not None:
        await asyncio.to_thread(psutil.wait_procs, [process], PATIENCE_S)


async def test_a_world_comes_up_and_goes_down_without_a_trace(write_world: WriteWorld) -> None:
    path = write_world("us-east-1", "us-west-2")
    async with running(path) as story:
        status = await story.ask("GET", "/_terrella/status")
        assert [(each["region"], each["state"], each["code_version"]) for each in status["regions"]] == [
            ("us-east-1", "serving", "v1"),
            ("us-west-2", "serving", "v1"),
        ]
        assert status["world"] == "items"
        assert status["front_door"]["aws"] == f"http://{story.supervisor.world.front_door}:4566"
        assert sorted(each.name for each in (path.parent / ".terrella").glob("*.pid")) == [
            "us-east-1.pid",
            "us-west-2.pid",
        ]
    assert [each.name for each in (path.parent / ".terrella").iterdir()] == ["logs"]


async def test_a_region_that_crashes_is_started_again(write_world: WriteWorld) -> None:
    path = write_world("us-east-1")
    async with running(path) as story:
        first, worker = story.pid("us-east-1"), int((path.parent / "us-east-1.worker").read_text())
        os.kill(first, 9)
        await story.until_told("was killed by SIGKILL and is started again")
        await story.until(lambda: story.told[-1].startswith("us-east-1 is serving"))
        assert story.pid("us-east-1") != first
        await until_dead(worker)
        again = (await story.ask("GET", "/_terrella/status"))["regions"][0]
        assert (again["restarts"], again["reason"]) == (1, "resumed")


async def test_a_restored_region_is_as_it_was_unless_something_was_applied_meanwhile(write_world: WriteWorld) -> None:
    path = write_world("us-east-1", "eu-west-1")
    async with running(path) as story:

        async def killed_and_restored(meanwhile: Callable[[], Awaitable[object]] | None) -> str:
            await story.ask("POST", "/_terrella/kill", {"region": "eu-west-1"})
            if meanwhile is not None:
                await meanwhile()
            await story.ask("POST", "/_terrella/restore", {"region": "eu-west-1"})
            await story.until(lambda: story.state("eu-west-1") == "serving")
            return str((await story.ask("GET", "/_terrella/status"))["regions"][1]["reason"])

        assert await killed_and_restored(None) == "resumed"
        assert await killed_and_restored(lambda: story.ask("POST", "/_terrella/apply", {})) == "as told"
        assert await killed_and_restored(None) == "resumed"


async def test_a_killed_region_is_held_down_with_its_workers_until_it_is_restored(write_world: WriteWorld) -> None:
    path = write_world("us-east-1", "eu-west-1")
    async with running(path) as story:
        worker = int((path.parent / "eu-west-1.worker").read_text())
        answer = await story.ask("POST", "/_terrella/kill", {"region": "eu-west-1"})
        assert (answer["state"], answer["at_risk"]) == ("held-down", 3)
        await until_dead(worker)
        status = (await story.ask("GET", "/_terrella/status"))["regions"][1]
        assert (status["state"], status["pid"], status["at_risk"]) == ("held-down", None, 3)
        assert status["heard_s_ago"] >= 0
        assert ControlState.load(path.parent / ".terrella").held_down == {"eu-west-1"}
        with pytest.raises(TerrellaError, match="eu-west-1 is held down already"):
            await story.ask("POST", "/_terrella/kill", {"region": "eu-west-1"})
        await story.ask("POST", "/_terrella/restore", {"region": "eu-west-1"})
        await story.until(lambda: story.state("eu-west-1") == "serving")
        with pytest.raises(TerrellaError, match="eu-west-1 is not held down; it is serving"):
            await story.ask("POST", "/_terrella/restore", {"region": "eu-west-1"})


async def test_a_region_that_does_not_start_stops_everything_and_says_why(write_world: WriteWorld) -> None:
    path = write_world("us-east-1", "eu-west-1")
    (path.parent / "eu-west-1.behaviour").write_text("fail")
    with pytest.raises(
        TerrellaError, match="eu-west-1 exited with 1 while it started: found no table in eu-west-1, expected one"
    ):
        async with running(path):
            pass


async def test_a_region_that_will_not_stop_is_killed(write_world: WriteWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("terrella.world.supervisor.STOP_GRACE_S", 0.05)
    path = write_world("us-east-1")
    (path.parent / "us-east-1.behaviour").write_text("stubborn")
    async with running(path) as story:
        assert story.state("us-east-1") == "serving"


async def test_a_link_is_changed_in_both_regions_and_remembered_for_those_that_are_down(
    write_world: WriteWorld,
) -> None:
    path = write_world("us-east-1", "eu-west-1", "us-west-2")

    async with running(path) as story:

        async def link_in(region: str, pair: str) -> dict[str, Any]:
            world = story.supervisor.world
            status = await ControlClient(region, world.regions[region].address, 4566).get("/_terrella/status")
            found: dict[str, Any] = status["links"][pair]
            return found

        await story.ask("POST", "/_terrella/kill", {"region": "eu-west-1"})
        body = {"a": "us-east-1", "b": "eu-west-1", "cut": True, "delay_ms": 200}
        answer = await story.ask("POST", "/_terrella/links", body)
        assert [(each["from"], each["cut"], each["delay_ms"]) for each in answer["links"]] == [
            ("us-east-1", True, 200),
            ("eu-west-1", True, 200),
        ]
        assert (await link_in("us-east-1", "us-east-1 -> eu-west-1"))["cut"]
        await story.ask("POST", "/_terrella/restore", {"region": "eu-west-1"})
        await story.until(lambda: story.state("eu-west-1") == "serving")
        assert (await link_in("eu-west-1", "us-east-1 -> eu-west-1"))["cut"]
        assert not (await link_in("us-west-2", "us-east-1 -> eu-west-1"))["cut"]
        one_way = {"a": "us-east-1", "b": "eu-west-1", "heal": True, "one_way": True}
        await story.ask("POST", "/_terrella/links", one_way)
        assert await link_in("us-east-1", "us-east-1 -> eu-west-1") == {
            "delay_ms": 34.0,
            "jitter_ms": 0.0,
            "loss": 0.0,
            "bandwidth_bytes_per_s": None,
            "cut": False,
        }
        assert (await link_in("us-east-1", "eu-west-1 -> us-east-1"))["cut"]
        changed = [each for each in (await story.ask("GET", "/_terrella/status"))["links"] if each["changed"]]
        assert [each["from"] for each in changed] == ["eu-west-1"]
    assert not (path.parent / ".terrella" / "control.json").exists()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"a": "us-east-1", "b": "mars"}, "has no region or availability zone mars"),
        ({"a": "us-east-1", "b": "us-east-1"}, "expected two different regions"),
        ({"a": "us-east-1", "b": "eu-west-1", "loss": 2}, "found loss 2, expected 0 to 1"),
        ({"a": "us-east-1", "b": "eu-west-1", "delay_ms": -1}, "found delay_ms -1, expected at least 0"),
        ({"a": "us-east-1", "colour": "red"}, "found a body that does not fit"),
    ],
)
async def test_nonsense_is_refused(write_world: WriteWorld, body: dict[str, Any], message: str) -> None:
    path = write_world("us-east-1", "eu-west-1")
    world = load_world(path)
    events = EventLog(SystemClock(), world.state_directory / "logs" / "world.log")
    supervisor = Supervisor(world, Options(), events, SystemClock(), SystemIds())
    request = Request("POST", "/_terrella/links", [("x-terrella-control", "1")], msgspec.json.encode(body))
    response = await ControlApi(supervisor).handle(request)
    events.close()
    assert response.status == 400
    assert isinstance(response.body, bytes)
    assert message in msgspec.json.decode(response.body)["error"]
    assert not (world.state_directory / "control.json").exists()


async def test_what_changes_anything_needs_the_header(write_world: WriteWorld) -> None:
    path = write_world("us-east-1")
    async with running(path) as story:
        address = story.supervisor.world.front_door
        refused = await fetch("POST", address, 4566, "/_terrella/kill", body=b'{"region": "us-east-1"}')
        assert refused.status == 403
        assert story.state("us-east-1") == "serving"
        assert (await fetch("GET", address, 4566, "/_terrella/nothing")).status == 404


async def test_apply_goes_to_one_region_after_another_and_skips_those_that_are_down(write_world: WriteWorld) -> None:
    path = write_world("us-east-1", "eu-west-1")
    async with running(path) as story:
        await story.ask("POST", "/_terrella/kill", {"region": "eu-west-1"})
        answer = await story.ask("POST", "/_terrella/apply", {})
        assert answer["regions"] == [
            {"region": "us-east-1", "code_version": "v2", "changes": ["changed f"]},
            {"region": "eu-west-1", "skipped": "is held-down; gets it when it starts"},
        ]


async def test_a_zone_is_killed_by_its_region(write_world: WriteWorld) -> None:
    path = write_world("us-east-1")
    async with running(path) as story:
        assert await story.ask("POST", "/_terrella/kill", {"region": "us-east-1b"}) == {"az": "us-east-1b", "killed": 2}
        with pytest.raises(TerrellaError, match="us-east-1b needs no restoring"):
            await story.ask("POST", "/_terrella/restore", {"region": "us-east-1b"})


async def test_calls_that_leave_a_region_are_told_once(write_world: WriteWorld) -> None:
    path = write_world("us-east-1")
    (path.parent / "us-east-1.behaviour").write_text("calls")
    async with running(path) as story:
        await story.until_told("us-east-1 f called dynamodb PutItem in x: it crosses the link")
        assert sum("called dynamodb" in line for line in story.told) == 1


async def test_the_held_down_stay_down_when_a_killed_supervisor_is_followed_by_another(write_world: WriteWorld) -> None:
    path = write_world("us-east-1", "eu-west-1")
    state = ControlState.load(path.parent / ".terrella")
    state.held_down.add("eu-west-1")
    state.save()
    async with running(path) as story:
        assert (story.state("us-east-1"), story.state("eu-west-1")) == ("serving", "held-down")


def signed(region: str, service: str = "dynamodb", content_type: str = "application/x-amz-json-1.0") -> Request:
    request = AWSRequest("POST", "http://127.0.0.1/", headers={"content-type": content_type}, data=b"{}")
    SigV4Auth(Credentials("test", "test"), service, region).add_auth(request)
    return Request("POST", "/", [(name.lower(), value) for name, value in request.headers.items()], b"{}")


async def test_the_aws_endpoint_dispatches_by_the_signed_region(write_world: WriteWorld) -> None:
    path = write_world("us-east-1", "eu-west-1")
    async with running(path) as story:
        address = story.supervisor.world.front_door

        async def send(request: Request) -> Response:
            return await fetch("POST", address, 4566, request.target, request.headers, request.body)

        def content(response: Response) -> Any:
            assert isinstance(response.body, bytes)
            return msgspec.json.decode(response.body)

        for region in ("us-east-1", "eu-west-1"):
            assert content(await send(signed(region))) == {"region": region, "target": "/", "body": "{}"}
        unknown = await send(signed("ap-south-1"))
        assert (unknown.status, unknown.header("x-amzn-errortype")) == (400, "UnrecognizedClientException")
        assert content(unknown)["message"] == ("The world items has no region ap-south-1; it has us-east-1, eu-west-1.")
        assert (await send(Request("POST", "/", [], b"{}"))).status == 403
        await story.ask("POST", "/_terrella/kill", {"region": "eu-west-1"})
        down = await send(signed("eu-west-1"))
        assert down.status == 503
        assert content(down)["message"] == (
            "The region eu-west-1 is held down (terrella restore eu-west-1 brings it back)."
        )
        queried = await send(signed("eu-west-1", "sns", "application/x-www-form-urlencoded"))
        assert isinstance(queried.body, bytes)
        assert queried.body.startswith(b"<ErrorResponse><Error><Type>Receiver</Type><Code>ServiceUnavailable</Code>")
        stored = await send(signed("eu-west-1", "s3"))
        assert isinstance(stored.body, bytes)
        assert stored.body.startswith(b"<Error><Code>ServiceUnavailable</Code>")


class FakeTraffic:
    """Notes what the supervisor tells it."""

    def __init__(self) -> None:
        self.names: Sequence[str] = ["items.example.com"]
        self.name_server: NameServer = self
        self.edge_handler: Handler = self._edge
        self.notes: list[str] = []
        self.listening: list[tuple[str, int]] = []

    async def _edge(self, request: Request) -> Response:
        return json_response({"edge": request.path})

    async def listen(self, host: str, port: int) -> None:
        self.listening.append((host, port))

    def heard(self, region: str, bulletin: Mapping[str, Any]) -> None:
        if f"heard {region}" not in self.notes[-1:]:
            self.notes.append(f"heard {region}")

    def lost(self, region: str, why: str) -> None:
        self.notes.append(f"lost {region}")

    def set_regions(self, addresses: Mapping[str, str]) -> None:
        self.notes.append(f"regions {', '.join(addresses)}")

    def set_whole(self, regions: frozenset[str]) -> None:
        self.notes.append(f"whole {', '.join(sorted(regions))}")

    async def reload(self) -> None:
        self.notes.append("reload")

    async def close(self) -> None:
        self.notes.append("close")


async def test_the_front_door_has_an_edge_and_dns_once_there_is_a_traffic_policy(write_world: WriteWorld) -> None:
    path = write_world("us-east-1")
    world = load_world(path)
    traffic = FakeTraffic()
    events = EventLog(SystemClock(), world.state_directory / "logs" / "world.log")
    supervisor = Supervisor(
        world,
        Options(),
        events,
        SystemClock(),
        SystemIds(),
        traffic=traffic,
        command=lambda region: [sys.executable, str(FAKE), region, str(path)],
    )
    story = Story(supervisor, events)
    run: Awaitable[None] = asyncio.create_task(supervisor.run(ControlApi(supervisor).handle, story.ready.set))
    try:
        async with asyncio.timeout(PATIENCE_S):
            await story.ready.wait()
        assert (await fetch("GET", world.front_door, 8080, "/x")).body == b'{"edge":"/x"}'
        assert traffic.listening == [(world.front_door, 10053)]
        status = await story.ask("GET", "/_terrella/status")
        assert status["front_door"]["names"] == ["items.example.com"]
        await story.ask("POST", "/_terrella/apply", {})
        await story.ask("POST", "/_terrella/kill", {"region": "us-east-1"})
        assert [note for note in traffic.notes if note != "heard us-east-1"] == ["reload", "lost us-east-1"]
    finally:
        supervisor.stop()
        await run
        events.close()
    assert traffic.notes[-1] == "close"
    assert strays(path.parent) == []


async def test_a_front_door_that_cannot_listen_says_so(write_world: WriteWorld) -> None:
    path = write_world("us-east-1")
    taken = HttpServer(FakeTraffic().edge_handler)
    await taken.listen(load_world(path).front_door, 4566)
    try:
        with pytest.raises(TerrellaError, match="the front door could not listen at"):
            async with running(path):
                pass
    finally:
        await taken.close()


def write_region(path: Path, *lines: str, instead_of: str = "") -> None:
    """Edit world.yaml while the world runs."""
    text = path.read_text()
    if instead_of:
        assert f"  {instead_of}:\n" in text
        text = text.replace(f"  {instead_of}:\n", "")
    path.write_text(text.replace("regions:\n", "regions:\n" + "".join(f"  {line}\n" for line in lines)))


async def test_a_region_is_added_to_a_running_world_and_removed(write_world: WriteWorld) -> None:
    path = write_world("us-east-1", "us-west-2")
    async with running(path) as story:
        with pytest.raises(TerrellaError, match=r"  eu-west-1: \{azs: 2\}"):
            await story.ask("POST", "/_terrella/add", {"region": "eu-west-1"})
        path.write_text(path.read_text().replace("  us-west-2:\n", "  us-west-2:\n  eu-west-1: {azs: 1}\n"))
        answer = await story.ask("POST", "/_terrella/add", {"region": "eu-west-1"})
        address = story.supervisor.world.regions["eu-west-1"].address
        assert answer["address"] == address
        assert address.endswith(".3.1")
        await story.until_told("eu-west-1 is serving")
        status = await story.ask("GET", "/_terrella/status")
        assert [each["region"] for each in status["regions"]] == ["us-east-1", "us-west-2", "eu-west-1"]
        assert {"eu-west-1"} <= {link["from"] for link in status["links"]}
        members = await story.ask("GET", "/_terrella/members")
        assert members["state"]["regions"]["eu-west-1"]["azs"] == ["eu-west-1a"]
        pid = story.pid("eu-west-1")

        await story.ask("POST", "/_terrella/remove", {"region": "eu-west-1"})
        await story.until_told("eu-west-1 has left the world")
        await until_dead(pid)
        assert list(story.supervisor.views) == ["us-east-1", "us-west-2"]
        assert not any("is started again" in line for line in story.told)
        with pytest.raises(TerrellaError, match="has no region"):
            await story.ask("POST", "/_terrella/kill", {"region": "eu-west-1"})


async def test_an_added_region_takes_nobody_s_address(write_world: WriteWorld) -> None:
    path = write_world("us-east-1", "us-west-2")
    async with running(path) as story:
        taken = {one.address for one in story.supervisor.world.regions.values()}
        write_region(path, "eu-west-1:", instead_of="us-east-1")  # the others now stand elsewhere in the file
        answer = await story.ask("POST", "/_terrella/add", {"region": "eu-west-1"})
        assert answer["address"] not in taken
        await story.until_told("eu-west-1 is serving")
        story.supervisor.views["eu-west-1"].keeper.start_as_the_template_is()
        assert load_world(path).region_configuration("eu-west-1").own.address == answer["address"]


async def test_a_region_that_does_not_answer_cannot_hand_on_what_it_holds(write_world: WriteWorld) -> None:
    path = write_world("us-east-1", "us-west-2")
    async with running(path) as story:
        await story.ask("POST", "/_terrella/kill", {"region": "us-west-2"})
        with pytest.raises(TerrellaError, match="terrella region evict us-west-2"):
            await story.ask("POST", "/_terrella/remove", {"region": "us-west-2"})
        answer = await story.ask("POST", "/_terrella/evict", {"region": "us-west-2"})
        assert (answer["forced"], answer["records_held"]) == (False, 1234)
        await story.until_told("us-west-2 was evicted by a majority")
        await story.ask("POST", "/_terrella/add", {"region": "us-west-2"})
        await story.until_told("us-west-2 is serving")
