"""Runs a world: one process a region, the front door, and whatever is done to them while they run."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from terrella.kernel import Clock, Connection, Ids, Profile, TerrellaError
from terrella.region import FRONT_DOOR, HTTP, Access, BulletinReader
from terrella.wire.http import Handler, HttpClient, SocketConnection
from terrella.wire.links import Link
from terrella.wire.tls import Identity, client_context, secure
from terrella.world.aws_door import AwsDoor
from terrella.world.client import ControlClient
from terrella.world.control_state import ControlState
from terrella.world.events import EventLog, Mood
from terrella.world.front_door import FrontDoor, Traffic
from terrella.world.keeper import Keeper, Launch, Phase, describe_exit
from terrella.world.model import World
from terrella.world.region_view import HELD_DOWN, SERVING, RegionView
from terrella.world.units import show_bandwidth, show_duration

STOP_GRACE_S = 5.0
_STARTING_POKE_S = 0.05
_STATUS_TIMEOUT_S = 1.0
_LOG_TAIL_BYTES = 4096

CommandFactory = Callable[[str], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Options:
    """How the world is run this time, over what ``world.yaml`` says."""

    profile: Profile | None = None
    skip_unsupported: bool = False


def region_command(world: World, options: Options) -> CommandFactory:
    """The command that runs one region."""

    def command(region: str) -> Sequence[str]:
        arguments = [sys.executable, "-m", "terrella", "region", region, "--world", str(world.path)]
        if options.profile is not None:
            arguments += ["--profile", options.profile.name]
        if options.skip_unsupported:
            arguments.append("--skip-unsupported")
        return arguments

    return command


class Supervisor:
    """``traffic`` is the front door's traffic policy; without one, the front door has its AWS endpoint only."""

    def __init__(
        self,
        world: World,
        options: Options,
        events: EventLog,
        clock: Clock,
        ids: Ids,
        *,
        traffic: Traffic | None = None,
        command: CommandFactory | None = None,
    ) -> None:
        self.world = world
        self.profile = options.profile or world.profile
        self._events = events
        self._clock = clock
        self._ids = ids
        self.traffic = traffic
        self._command = command or region_command(world, options)
        self._state = ControlState.load(world.state_directory)
        self._state.held_down &= set(world.regions)
        self._untold: dict[str, set[tuple[str, str]]] = {name: set() for name in world.regions}
        self._calls_told: set[tuple[str, ...]] = set()
        self._failed: tuple[str, int] | None = None
        self._up = False
        self._news = asyncio.Event()
        self._stop = asyncio.Event()
        self.access = Access(world.security.access_keys if world.exposed else (), clock)
        self._tls = client_context(world.tls_files(FRONT_DOOR), HTTP) if world.exposed else None
        self._clients = {name: self._http_client(name) for name in world.regions}
        self.views = {name: self._view(name) for name in world.regions}
        self._readers = {name: self._reader(name) for name in world.regions}

    # the life of the world

    async def run(self, handle_control: Handler, on_ready: Callable[[], None]) -> None:
        """Bring the world up, call ``on_ready``, and run it until ``stop`` is called or the task is cancelled.

        Raises ``TerrellaError`` if a region does not come up. However it ends, no process is left.
        """
        aws = AwsDoor(
            self.world.name, self._clients, lambda name: self.views[name].unavailable(), handle_control, self._ids
        )
        traffic = self.traffic
        door = FrontDoor(
            self.world.front_door,
            self.world.ports,
            aws.handle,
            traffic.edge_handler if traffic is not None else None,
            traffic.name_server if traffic is not None else None,
        )
        await door.open()
        keepers = [asyncio.create_task(view.keeper.run(), name=f"keeper {name}") for name, view in self.views.items()]
        tasks: list[asyncio.Task[Any]] = list(keepers)
        tasks += [asyncio.create_task(reader.run(), name=f"reader {name}") for name, reader in self._readers.items()]
        tasks.append(asyncio.create_task(self._poke_starting(), name="poke"))
        try:
            await self._until_up(keepers)
            if not self._stop.is_set():
                self._up = True
                on_ready()
            stopping = asyncio.create_task(self._stop.wait())
            tasks.append(stopping)
            await asyncio.wait([stopping, *keepers], return_when=asyncio.FIRST_COMPLETED)
            _raise_from(keepers)
        finally:
            await self._bring_down(door, keepers, tasks)

    def stop(self) -> None:
        """Have ``run`` end: every region is asked to stop, and killed if it does not."""
        self._stop.set()
        self._news.set()

    async def _until_up(self, keepers: list[asyncio.Task[None]]) -> None:
        """Wait until every region that is not held down serves."""
        while not self._stop.is_set():
            if self._failed is not None:
                raise TerrellaError(self._did_not_start(*self._failed))
            _raise_from(keepers)
            if all(view.state in (SERVING, HELD_DOWN) for view in self.views.values()):
                return
            self._news.clear()
            await self._news.wait()

    async def _poke_starting(self) -> None:
        """A region that has just been started is asked again and again until it speaks."""
        while True:
            waiting = [view for view in self.views.values() if view.starting]
            for view in waiting:
                self._readers[view.name].poke()
            if waiting:
                await asyncio.sleep(_STARTING_POKE_S)
            else:
                self._news.clear()
                await self._news.wait()

    async def _bring_down(
        self, door: FrontDoor, keepers: list[asyncio.Task[None]], tasks: list[asyncio.Task[Any]]
    ) -> None:
        self._stop.set()
        self._up = False
        await asyncio.gather(*(view.keeper.stop(STOP_GRACE_S) for view in self.views.values()))
        for task in tasks:
            if task not in keepers:
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await door.close()
        for client in self._clients.values():
            client.close()
        if self.traffic is not None:
            await self.traffic.close()
        self._state.forget()

    def kill_now(self) -> None:
        """Do not wait for regions to stop: a second Ctrl-C."""
        for view in self.views.values():
            view.keeper.kill_now()

    def _did_not_start(self, name: str, code: int) -> str:
        log = self.log_of(name)
        try:
            tail = log.read_bytes()[-_LOG_TAIL_BYTES:].decode("utf-8", "replace").splitlines()
        except OSError:
            tail = []
        ours = [number for number, line in enumerate(tail) if line.startswith("terrella: ")]
        told = tail[ours[-1] :] if ours else [line.strip() for line in tail if line.strip()][-1:]
        said = ": " + "\n".join(told).removeprefix("terrella: ") if told else ""
        return f"{name} {describe_exit(code)} while it started{said} (its log: {log})"

    # what is done to it

    async def kill(self, name: str) -> dict[str, Any]:
        """Kill a region (it is held down) or the workers of an availability zone."""
        region = self.world.region_of_az(name)
        if region is not None:
            self._require_up(region)
            answer = await self.control(region).post(f"/_terrella/azs/{name}/kill", {})
            self._events.tell(Mood.BAD, region, f"the workers of {name} were killed ({answer.get('killed', '?')})")
            return {"az": name, **answer}
        view = self._region(name)
        last = view.last_known()
        self._state.held_down.add(name)
        self._state.save()
        if not await view.keeper.kill():
            raise TerrellaError(f"{name} is held down already; terrella restore {name} brings it back")
        risk = last.get("at_risk")
        at_risk = f"; {risk} acknowledged writes were held by it alone" if risk else ""
        self._events.tell(Mood.BAD, name, f"killed, and held down until terrella restore {name}{at_risk}")
        return {"region": name, "state": view.state, "at_risk": risk, "heard_s_ago": last["heard_s_ago"]}

    async def restore(self, name: str) -> dict[str, Any]:
        """Let a region that is held down live again."""
        if self.world.region_of_az(name) is not None:
            raise TerrellaError(f"{name} needs no restoring: the workers of a zone start again with its next request")
        view = self._region(name)
        self._state.held_down.discard(name)
        self._state.save()
        if not view.keeper.restore():
            raise TerrellaError(f"{name} is not held down; it is {view.state}")
        self._events.tell(Mood.NEWS, name, "restored; is starting")
        return {"region": name, "state": view.state}

    async def change_link(self, from_region: str, to_region: str, changes: dict[str, Any] | None) -> Link:
        """Change one direction; None makes it as ``world.yaml`` has it. Answers what it is now."""
        for name in (from_region, to_region):
            self._region(name)
        pair = (from_region, to_region)
        if from_region == to_region:
            raise TerrellaError(f"found the link {from_region} -> {to_region}, expected two different regions")
        link = self.world.links[pair] if changes is None else replace(self.link(pair), **changes)
        self._state.set_link(from_region, to_region, link, self.world.links)
        self._state.save()
        mood = Mood.BAD if link.cut else Mood.GOOD if changes is None else Mood.NEWS
        self._events.tell(mood, from_region, f"link to {to_region}: {describe_link(link)}")
        for name in pair:
            self._untold[name].add(pair)
        await asyncio.gather(*(self._tell_links(name) for name in pair if self.views[name].reachable))
        return link

    def link(self, pair: tuple[str, str]) -> Link:
        """One direction as it is now."""
        return self._state.links.get(pair, self.world.links[pair])

    async def apply(self, only: str | None) -> list[dict[str, Any]]:
        """Apply the template as it is now, one region after another; those that do not run get it when they start."""
        if only is not None:
            self._region(only)
        results: list[dict[str, Any]] = []
        for name in [only] if only is not None else list(self.world.regions):
            if not self.views[name].reachable:
                self.views[name].keeper.start_as_the_template_is()
                results.append({"region": name, "skipped": f"is {self.views[name].state}; gets it when it starts"})
                continue
            results.append({"region": name, **await self.control(name).post("/_terrella/apply", {})})
        if self.traffic is not None:
            await self.traffic.reload()
        return results

    async def status(self) -> dict[str, Any]:
        """Everything: the regions (asked now; those that do not answer as last known), links, the front door."""
        regions = await asyncio.gather(*(self._status_of(view) for view in self.views.values()))
        ports, address = self.world.ports, self.world.front_door
        door: dict[str, Any] = {"address": address, "aws": f"http://{address}:{ports.aws}"}
        if self.traffic is not None:
            door["application"] = f"http://{address}:{ports.application}"
            door["dns"] = f"{address}:{ports.dns}"
            door["names"] = list(self.traffic.names)
        return {
            "world": self.world.name,
            "path": str(self.world.path),
            "template": str(self.world.template),
            "pid": os.getpid(),
            "profile": self.profile.name,
            "ready": self._up,
            "front_door": door,
            "regions": regions,
            "links": self.links(),
        }

    def links(self) -> list[dict[str, Any]]:
        """Every link as it is now, and whether that differs from ``world.yaml``."""
        return [
            {
                "from": pair[0],
                "to": pair[1],
                **link_fields(self.link(pair)),
                "changed": pair in self._state.links,
            }
            for pair in self.world.links
        ]

    async def _status_of(self, view: RegionView) -> dict[str, Any]:
        known = view.last_known()
        if not view.reachable:
            return known
        try:
            answer = await self.control(view.name).get("/_terrella/status", _STATUS_TIMEOUT_S)
        except TerrellaError:
            return known
        said = {"heard_s_ago": 0.0, "restarts": view.keeper.restarts, "pid": view.keeper.pid}
        return {**known, **answer, **said}

    # what the regions say

    def _heard(self, name: str, bulletin: dict[str, Any]) -> None:
        view = self.views[name]
        if view.keeper.phase is not Phase.RUNNING:
            return  # what a process that has died had still sent
        before = view.state
        if view.heard(bulletin) and self._untold[name]:
            asyncio.get_running_loop().create_task(self._tell_links(name))
        if self.traffic is not None:
            self.traffic.heard(name, bulletin)
        if view.state != before:
            self._state_changed(view)
        for call in (bulletin.get("status") or {}).get("cross_region_calls", ()):
            self._tell_call(name, call)

    def _state_changed(self, view: RegionView) -> None:
        self._news.set()
        said = str(view.last_known()["reason"])
        mood = Mood.GOOD if view.state == SERVING else Mood.NEWS
        self._events.tell(mood, view.name, f"is {view.state}" + (f": {said}" if said else ""))

    def _lost(self, name: str, why: str) -> None:
        if self.views[name].lost() and self.traffic is not None:
            self.traffic.lost(name, why)

    def _tell_call(self, name: str, call: dict[str, Any]) -> None:
        key = (name, str(call.get("function")), str(call.get("to")), str(call.get("service")), str(call["operation"]))
        if key not in self._calls_told:
            self._calls_told.add(key)
            self._events.tell(Mood.BAD, name, f"{key[1]} called {key[3]} {key[4]} in {key[2]}: it crosses the link")

    def _exited(self, name: str, code: int) -> None:
        self._lost(name, "its process ended")
        self.views[name].exited()
        self._clients[name].close()
        self._clients[name] = self._http_client(name)
        self._news.set()
        if self._stop.is_set() or name in self._state.held_down:
            return
        if self._up:
            again = f"{describe_exit(code)} and is started again (its log: {self.log_of(name)})"
            self._events.tell(Mood.BAD, name, again)
        else:
            self._failed = self._failed or (name, code)

    async def _tell_links(self, name: str) -> None:
        """Tell a region of the links that changed; what it does not hear it is told when it speaks again."""
        untold = self._untold[name]
        while untold:
            pair = untold.pop()
            body = {"from": pair[0], "to": pair[1], **link_fields(self.link(pair))}
            try:
                await self.control(name).post("/_terrella/links", body, _STATUS_TIMEOUT_S)
            except TerrellaError as error:
                untold.add(pair)
                self._events.tell(Mood.BAD, name, f"could not be told of a changed link ({error}); is told later")
                return

    # parts

    def control(self, name: str) -> ControlClient:
        """A region's control API."""
        address = self.world.regions[name].address
        return ControlClient(name, address, self.world.ports.aws, open_connection=self._way_to(name))

    def log_of(self, name: str) -> Path:
        """Where a region's process writes."""
        return self.world.state_directory / "logs" / name / "region.log"

    def _region(self, name: str) -> RegionView:
        view = self.views.get(name)
        if view is None:
            known = ", ".join(self.views)
            raise TerrellaError(
                f"the world {self.world.name} has no region or availability zone {name}; it has {known}"
            )
        return view

    def _require_up(self, name: str) -> None:
        if not self.views[name].reachable:
            raise TerrellaError(f"{name} is {self.views[name].state}")

    def _http_client(self, name: str) -> HttpClient:
        return HttpClient(self._way_to(name), max_idle=64)

    def _way_to(self, name: str) -> Callable[[], Awaitable[Connection]]:
        """On loopback a bare socket; else through the region's door, with the front door's certificate."""
        address, ports = self.world.regions[name].address, self.world.ports
        context = self._tls
        if context is None:
            return lambda: SocketConnection.open(address, ports.aws)

        async def through_the_door() -> Connection:
            below = await SocketConnection.open(address, ports.replication)
            return await secure(below, context, Identity(self.world.name, name))

        return through_the_door

    def _view(self, name: str) -> RegionView:
        state = self.world.state_directory
        launch = Launch(
            command=self._command(name),
            again=[*self._command(name), "--resume"],
            environment={**os.environ, "PYTHONUNBUFFERED": "1"},
            directory=self.world.path.parent,
            log=self.log_of(name),
            pid_file=state / f"{name}.pid",
        )
        keeper = Keeper(
            launch,
            self._clock,
            held_down=name in self._state.held_down,
            on_phase=self._news.set,
            on_exit=lambda code: self._exited(name, code),
        )
        return RegionView(name, self.world.regions[name], keeper, self._clock)

    def _reader(self, name: str) -> BulletinReader:
        return BulletinReader(
            self._way_to(name),
            lambda line: self._heard(name, line),
            lambda why: self._lost(name, why),
            self._ids,
            full=True,
        )


def _raise_from(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        if task.done():
            task.result()


def describe_link(link: Link) -> str:
    """A link in a few words."""
    if link.cut:
        return "cut"
    parts = [show_duration(link.delay_ms)]
    if link.jitter_ms:
        parts.append(f"± {show_duration(link.jitter_ms)}")
    if link.loss:
        parts.append(f"{link.loss:.3g} lost")
    if link.bandwidth_bytes_per_s is not None:
        parts.append(show_bandwidth(link.bandwidth_bytes_per_s))
    return ", ".join(parts)


def link_fields(link: Link) -> dict[str, Any]:
    """A link as the control API has it."""
    return {
        "delay_ms": link.delay_ms,
        "jitter_ms": link.jitter_ms,
        "loss": link.loss,
        "bandwidth_bytes_per_s": link.bandwidth_bytes_per_s,
        "cut": link.cut,
    }
