"""What a fault has broken, how long it stays so, and what mends it: a supervisor over regions that only pretend."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
from tests.unit.world.test_supervisor import Story, running

from terrella.kernel import TerrellaError
from terrella.world import ControlClient
from terrella.world.control_state import ControlState, FaultRecord

WriteWorld = Callable[..., Path]
A, B, C = "us-east-1", "eu-west-1", "us-west-2"
CUT = {"pairs": [[A, B], [B, A]], "changes": {"cut": True}}


async def inject(story: Story, fault_id: str, kind: str, parameters: dict[str, Any] | None = None, **more: Any) -> Any:
    body = {"id": fault_id, "kind": kind, "parameters": parameters or {}, **more}
    return await story.ask("POST", "/_terrella/faults", body)


async def end(story: Story, fault_id: str = "") -> Any:
    world = story.supervisor.world
    client = ControlClient("the supervisor", world.front_door, world.ports.aws)
    return await client.delete(f"/_terrella/faults/{fault_id}".rstrip("/"))


async def active(story: Story) -> list[str]:
    return [each["id"] for each in (await story.ask("GET", "/_terrella/faults"))["faults"]]


async def of_region(story: Story, region: str) -> dict[str, Any]:
    address = story.supervisor.world.regions[region].address
    status: dict[str, Any] = await ControlClient(region, address, 4566).get("/_terrella/status")
    return status


async def test_a_region_that_two_faults_have_killed_lives_when_both_are_over(write_world: WriteWorld) -> None:
    path = write_world(A, B)
    async with running(path) as story:
        assert (await inject(story, "one", "kill", {"region": B}))["at_risk"] == 3
        await inject(story, "two", "kill", {"region": B})
        assert story.state(B) == "held-down"
        assert await end(story, "one") == {"id": "one", "ended": True}
        assert story.state(B) == "held-down"
        await end(story, "two")
        await story.until(lambda: story.state(B) == "serving")
        assert await end(story, "two") == {"id": "two", "ended": False}
        assert story.told.count(f"{B} fault: one") == 1


async def test_what_is_restored_or_healed_by_hand_is_no_fault_any_more(write_world: WriteWorld) -> None:
    path = write_world(A, B)
    async with running(path) as story:
        await inject(story, "dead", "kill", {"region": B})
        await inject(story, "cut", "link", CUT)
        await story.ask("POST", "/_terrella/restore", {"region": B})
        await story.until(lambda: story.state(B) == "serving")
        assert (await of_region(story, B))["links"][f"{A} -> {B}"]["cut"], "it finds the links as they are"
        await story.ask("POST", "/_terrella/links", {"a": A, "b": B, "heal": True, "one_way": True})
        assert await active(story) == ["cut"]
        links = {each["from"]: each["cut"] for each in (await story.ask("GET", "/_terrella/status"))["links"]}
        assert links == {A: False, B: True}
        await story.ask("POST", "/_terrella/links", {"a": A, "b": B, "heal": True})
        assert await active(story) == []


async def test_a_fault_lies_over_what_was_changed_by_hand(write_world: WriteWorld) -> None:
    path = write_world(A, B)
    async with running(path) as story:
        await story.ask("POST", "/_terrella/links", {"a": A, "b": B, "delay_ms": 5})
        await inject(story, "slow", "link", {"pairs": [[A, B]], "changes": {"delay_ms": 400.0}})
        await inject(story, "cut", "link", CUT)
        await story.ask("POST", "/_terrella/links", {"a": A, "b": B, "jitter_ms": 1})
        link = (await of_region(story, A))["links"][f"{A} -> {B}"]
        assert (link["cut"], link["delay_ms"], link["jitter_ms"]) == (True, 400.0, 1.0)
        await end(story, "slow")
        await end(story, "cut")
        link = (await of_region(story, B))["links"][f"{A} -> {B}"]
        assert (link["cut"], link["delay_ms"], link["jitter_ms"]) == (False, 5.0, 1.0)


async def test_a_paused_region_goes_on_where_it_was(write_world: WriteWorld) -> None:
    path = write_world(A, B)
    async with running(path) as story:
        process, worker = psutil.Process(story.pid(B)), psutil.Process(int((path.parent / f"{B}.worker").read_text()))
        await inject(story, "hang", "pause", {"region": B})
        assert story.state(B) == "paused"
        stopped = psutil.STATUS_STOPPED
        assert (process.status(), worker.status()) == (stopped, stopped)
        told = (await story.ask("GET", "/_terrella/status"))["regions"][1]
        assert (told["state"], told["pid"]) == ("paused", process.pid)
        await inject(story, "cut", "link", CUT)
        await end(story, "hang")
        assert process.status() != stopped
        await story.until(lambda: story.state(B) == "serving")
        async with asyncio.timeout(60):
            while not (await of_region(story, B))["links"][f"{A} -> {B}"]["cut"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await inject(story, "hang", "pause", {"region": B})
    # and a world stops although a region hangs: ``running`` looks for what is left


async def test_a_lease_ends_unless_it_is_renewed(write_world: WriteWorld) -> None:
    path = write_world(A, B)
    async with running(path) as story:
        await inject(story, "kept", "kill", {"region": B}, lease_s=600)
        await inject(story, "gone", "link", CUT, lease_s=0.05)
        await story.until_told("no longer: gone (its lease was not renewed)")
        assert await active(story) == ["kept"]
        renewal = {"ids": ["kept", "gone"], "lease_s": 0.05}
        assert await story.ask("POST", "/_terrella/faults/renew", renewal) == {"unknown": ["gone"]}
        await story.until_told("no longer: kept (its lease was not renewed)")
        await story.until(lambda: story.state(B) == "serving")
        assert await active(story) == []


async def test_regions_are_told_and_told_again(write_world: WriteWorld) -> None:
    """While they run, when they start, and when they were down while it ended."""
    path = write_world(A, B)
    async with running(path) as story:
        await inject(story, "disk", "disk", regions=[B])
        await inject(story, "calls", "calls")
        assert (await of_region(story, A))["faults"] == ["calls"]
        assert (await of_region(story, B))["faults"] == ["disk", "calls"]
        await story.ask("POST", "/_terrella/kill", {"region": B})
        await end(story, "calls")
        await inject(story, "clock", "clock", {"skew_ms": 1}, regions=[B])
        assert (await of_region(story, A))["faults"] == []
        await story.ask("POST", "/_terrella/restore", {"region": B})
        await story.until(lambda: story.state(B) == "serving")
        assert (await of_region(story, B))["faults"] == ["disk", "clock"]
        assert await end(story) == {"ended": ["disk", "clock"]}
        assert (await of_region(story, B))["faults"] == []


async def test_what_a_region_refuses_is_broken_nowhere(write_world: WriteWorld) -> None:
    path = write_world(A, B)
    (path.parent / f"{B}.behaviour").write_text("refuses")
    async with running(path) as story:
        with pytest.raises(TerrellaError, match=f"{B}: there is no such thing in {B}"):
            await inject(story, "bad", "deploy", {"function": "F", "rate": 1.0})
        assert await active(story) == []
        assert (await of_region(story, A))["faults"] == []


async def test_what_is_over_at_once_is_not_kept(write_world: WriteWorld) -> None:
    path = write_world(A, B)
    async with running(path) as story:
        assert await inject(story, "worker", "kill-worker", regions=[A]) == {"id": "worker", "done": 1}
        assert await active(story) == []


async def test_nonsense_breaks_nothing(write_world: WriteWorld) -> None:
    path = write_world(A, B)
    async with running(path) as story:
        for kind, parameters, regions, message in (
            ("burn", {}, [], "found the kind of fault 'burn', expected one of kill-az"),
            ("kill", {"region": "mars"}, [], "has no region mars"),
            ("disk", {}, ["mars"], "has no region mars"),
            ("clock", {"skew": 1}, [], "with parameters that do not fit"),
            ("link", {"pairs": [[A, B]], "changes": {"colour": 1}}, [], "found colour of a link, expected delay_ms"),
            ("link", {"pairs": [1]}, [], "found a link fault whose parameters do not fit"),
            ("link", {"pairs": [[A, A]], "changes": {"cut": True}}, [], "expected two different regions"),
            ("link", {"pairs": [[A, B]], "changes": {"loss": 2}}, [], "found loss 2, expected 0 to 1"),
        ):
            with pytest.raises(TerrellaError, match=message):
                await inject(story, "bad", kind, parameters, regions=regions)
        assert await active(story) == []


async def test_faults_outlive_a_supervisor_that_was_killed_but_not_their_lease(write_world: WriteWorld) -> None:
    path = write_world(A, B, C)
    state = ControlState.load(path.parent / ".terrella")
    state.faults = [
        FaultRecord("over", "kill", 1000, {"region": A}, expires_ms=2000),
        FaultRecord("dead", "kill", 1000, {"region": B}),
        FaultRecord("hang", "pause", 1000, {"region": C}),
        FaultRecord("left", "kill", 1000, {"region": "ap-south-1"}),
        FaultRecord("clock", "clock", 1000, {"skew_ms": 1}, [A]),
    ]
    state.save()
    async with running(path) as story:
        assert (story.state(A), story.state(B), story.state(C)) == ("serving", "held-down", "paused")
        assert await active(story) == ["dead", "hang", "clock"]
        assert (await of_region(story, A))["faults"] == ["clock"]
        await end(story)
        await story.until(lambda: story.state(B) == story.state(C) == "serving")
    assert not (path.parent / ".terrella" / "control.json").exists()
