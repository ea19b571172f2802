"""Runs a world: one process a region, the front door, and whatever is done to them while they run."""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from terrella.kernel import Clock, Connection, Ids, Profile, TerrellaError
from terrella.region import FRONT_DOOR, HTTP, Access, BulletinReader, RegionSettings, Sample
from terrella.wire.http import Handler, HttpClient, SocketConnection
from terrella.wire.links import Link
from terrella.wire.tls import Identity, client_context, secure
from terrella.world.aws_door import AwsDoor
from terrella.world.client import ControlClient
from terrella.world.control_state import ControlState
from terrella.world.events import EventLog, Mood
from terrella.world.faults import WorldFaults
from terrella.world.front_door import FrontDoor, Traffic
from terrella.world.keeper import Keeper, Launch, Phase, describe_exit
from terrella.world.membership import WorldMembership
from terrella.world.model import World
from terrella.world.region_view import SERVING, SETTLED, RegionView
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
        self.faults = WorldFaults(self, self._state, clock)
        self._untold: dict[str, set[tuple[str, str]]] = {name: set() for name in world.regions}
        self._calls_told: set[tuple[str, ...]] = set()
        self._failed: tuple[str, int] | None = None
        self._up = False
        self._news = asyncio.Event()
        self._stop = asyncio.Event()
        self._control_order = (0, -1)
        self._keepers: dict[str, asyncio.Task[None]] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}
        self._broken: asyncio.Future[None] | None = None
        self.access = Access(world.security.access_keys if world.exposed else (), clock)
        self._tls = client_context(world.tls_files(FRONT_DOOR), HTTP) if world.exposed else None
        self._clients = {name: self._http_client(name) for name in world.regions}
        self.views = {name: self._view(name) for name in world.regions}
        self._readers = {name: self._reader(name) for name in world.regions}
        self.membership = WorldMembership(self)

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
        self._broken = asyncio.get_running_loop().create_future()
        for name in self.views:
            self._start(name)
        tasks: list[asyncio.Task[Any]] = [
            asyncio.create_task(self._poke_starting(), name="poke"),
            asyncio.create_task(self.faults.run(), name="leases of faults"),
        ]
        try:
            await self._until_up()
            if not self._stop.is_set():
                self._up = True
                on_ready()
                tasks.append(asyncio.create_task(self.membership.add_outsiders(), name="outsiders"))
            stopping = asyncio.create_task(self._stop.wait())
            tasks.append(stopping)
            both: list[asyncio.Future[Any]] = [stopping, self._broken]
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            if self._broken.done():
                self._broken.result()
        finally:
            await self._bring_down(door, tasks)

    def _start(self, name: str) -> None:
        """Keep a region's process alive, and listen to it."""
        keeper = asyncio.create_task(self.views[name].keeper.run(), name=f"keeper {name}")
        keeper.add_done_callback(self._keeper_ended)
        self._keepers[name] = keeper
        self._reading[name] = asyncio.create_task(self._readers[name].run(), name=f"reader {name}")

    def _keeper_ended(self, task: asyncio.Task[None]) -> None:
        broken = self._broken
        if not task.cancelled() and (error := task.exception()) is not None and broken and not broken.done():
            broken.set_exception(error)
            self._news.set()

    def take_in(self, name: str, settings: RegionSettings, links: Mapping[tuple[str, str], Link]) -> None:
        """A region has been added to the world: start it, and give it its part of everything here."""
        world = self.world
        self.world = replace(world, regions={**world.regions, name: settings}, links={**world.links, **links})
        self._state.addresses[name] = settings.address
        self._state.save()
        self._untold[name] = set()
        self._clients[name] = self._http_client(name)
        self.views[name] = self._view(name)
        self._readers[name] = self._reader(name)
        if self.traffic is not None:
            self.traffic.set_regions({each: one.address for each, one in self.world.regions.items()})
        self._start(name)
        self._news.set()

    async def let_go(self, name: str) -> None:
        """A region has left the world: stop it, and forget it."""
        view = self.views[name]
        await view.keeper.stop(STOP_GRACE_S)
        self._reading.pop(name).cancel()
        await asyncio.gather(self._keepers.pop(name), return_exceptions=True)
        self._lost(name, "it has left the world")
        del self.views[name], self._readers[name], self._untold[name]
        self._clients.pop(name).close()
        self._state.held_down.discard(name)
        self._state.addresses.pop(name, None)
        self._state.links = {pair: link for pair, link in self._state.links.items() if name not in pair}
        self.faults.forget_region(name)
        self._state.save()
        world = self.world
        self.world = replace(
            world,
            regions={each: one for each, one in world.regions.items() if each != name},
            links={pair: link for pair, link in world.links.items() if name not in pair},
        )
        if self.traffic is not None:
            self.traffic.set_regions({each: one.address for each, one in self.world.regions.items()})
        self._news.set()

    def tell(self, mood: Mood, region: str, text: str) -> None:
        """Something happened."""
        self._events.tell(mood, region, text)

    def stop(self) -> None:
        """Have ``run`` end: every region is asked to stop, and killed if it does not."""
        self._stop.set()
        self._news.set()

    async def _until_up(self) -> None:
        """Wait until every region serves, or says why it does not and is not about to."""
        while not self._stop.is_set():
            if self._failed is not None:
                raise TerrellaError(self._did_not_start(*self._failed))
            if self._broken is not None and self._broken.done():
                self._broken.result()
            if all(view.state in SETTLED for view in self.views.values()):
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

    async def _bring_down(self, door: FrontDoor, tasks: list[asyncio.Task[Any]]) -> None:
        self._stop.set()
        self._up = False
        await self.membership.close()
        await asyncio.gather(*(view.keeper.stop(STOP_GRACE_S) for view in self.views.values()))
        for task in (*tasks, *self._reading.values()):
            task.cancel()
        await asyncio.gather(*tasks, *self._reading.values(), *self._keepers.values(), return_exceptions=True)
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
        at_risk = f"; of its writes, {risk:,} had not been confirmed by another region" if risk else ""
        self._events.tell(Mood.BAD, name, f"killed, and held down until terrella restore {name}{at_risk}")
        return {"region": name, "state": view.state, "at_risk": risk, "heard_s_ago": last["heard_s_ago"]}

    async def restore(self, name: str) -> dict[str, Any]:
        """Let a region that is held down live again."""
        if self.world.region_of_az(name) is not None:
            raise TerrellaError(f"{name} needs no restoring: the workers of a zone start again with its next request")
        view = self._region(name)
        was_paused = view.keeper.paused
        self._state.held_down.discard(name)
        self._state.save()
        self.faults.let_live(name)
        if not self.bring_to_life(name):
            raise TerrellaError(f"{name} is not held down; it is {view.state}")
        self._events.tell(Mood.NEWS, name, "goes on" if was_paused else "restored; is starting")
        return {"region": name, "state": view.state}

    def bring_to_life(self, name: str) -> bool:
        """Start a region, or let it go on, if nothing holds it any more; False if it lived all along."""
        keeper = self.views[name].keeper
        resumed = keeper.paused and not self.faults.paused(name)
        if resumed:
            keeper.resume()
            self._readers[name].poke()
            if self._untold[name]:
                asyncio.get_running_loop().create_task(self._tell_links(name))
        free = name not in self._state.held_down and not self.faults.killed(name)
        return (free and keeper.restore()) or resumed

    async def change_link(self, from_region: str, to_region: str, changes: dict[str, Any] | None) -> Link:
        """Change one direction; None makes it as ``world.yaml`` has it. Answers what it is now."""
        for name in (from_region, to_region):
            self._region(name)
        pair = (from_region, to_region)
        if from_region == to_region:
            raise TerrellaError(f"found the link {from_region} -> {to_region}, expected two different regions")
        usual = self.world.links[pair]
        by_hand = usual if changes is None else replace(self._state.links.get(pair, usual), **changes)
        self._state.set_link(from_region, to_region, by_hand, self.world.links)
        self._state.save()
        if changes is None:
            self.faults.heal(pair)
        link = self.link(pair)
        mood = Mood.BAD if link.cut else Mood.GOOD if changes is None else Mood.NEWS
        self._events.tell(mood, from_region, f"link to {to_region}: {describe_link(link)}")
        await self.tell_links([pair])
        return link

    async def tell_links(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Tell both ends of each how it is now; a region that does not speak is told when it does."""
        ends = dict.fromkeys(name for pair in pairs for name in pair)
        for pair in pairs:
            for name in pair:
                self._untold[name].add(pair)
        await asyncio.gather(*(self._tell_links(name) for name in ends if self.views[name].reachable))

    def link(self, pair: tuple[str, str]) -> Link:
        """One direction as it is now."""
        return self._state.link(pair, self.world.links[pair])

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
            "faults": self.faults.report(),
        }

    async def metrics(self) -> list[Sample]:
        """The samples of every region that answers, and which of them do."""

        async def of(view: RegionView) -> list[Sample]:
            samples: list[Sample] = []
            if view.reachable:
                try:
                    answer = await self.control(view.name).get("/_terrella/metrics?format=json", _STATUS_TIMEOUT_S)
                    samples = msgspec.convert(answer, list[Sample])
                except (TerrellaError, msgspec.ValidationError):
                    samples = []
            return [Sample("terrella_region_up", (view.name,), float(bool(samples))), *samples]

        return [sample for each in await asyncio.gather(*map(of, self.views.values())) for sample in each]

    def links(self) -> list[dict[str, Any]]:
        """Every link as it is now, and whether that differs from ``world.yaml``."""
        return [
            {
                "from": pair[0],
                "to": pair[1],
                **link_fields(self.link(pair)),
                "changed": self.link(pair) != self.world.links[pair],
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
        self.faults.heard(name)
        self._heard_membership(bulletin)
        if self.traffic is not None:
            self.traffic.heard(name, bulletin)
        if view.state != before:
            self._state_changed(view)
        for call in (bulletin.get("status") or {}).get("cross_region_calls", ()):
            self._tell_call(name, call)

    def _heard_membership(self, bulletin: Mapping[str, Any]) -> None:
        """Clients are sent to the regions that are whole, as the latest version says that any region has told of."""
        control, regions = bulletin.get("control", {}), (bulletin.get("status") or {}).get("world_regions")
        order = (control.get("generation", 0), control.get("version", -1))
        if regions is None or order <= self._control_order:
            return
        self._control_order = order
        if self.traffic is not None:
            self.traffic.set_whole(frozenset(name for name, status in regions.items() if status == "active"))

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
        held = name in self._state.held_down or self.faults.killed(name)
        if self._stop.is_set() or held or self.membership.expects_the_end_of(name):
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
            held_down=name in self._state.held_down or self.faults.killed(name),
            paused=self.faults.paused(name),
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
