"""One region as a process: what it is made of, in the order in which it starts."""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from functools import partial
from typing import Any

from terrella.journal import Journal, Replicator
from terrella.kernel import Clock, Ids, SystemClock, SystemIds, TerrellaError, keep_pauses_short
from terrella.region.access import Access
from terrella.region.admission import SERVING, Admission, PeerView
from terrella.region.asking import Asking
from terrella.region.bulletin import BulletinBoard, BulletinReader
from terrella.region.calls import CrossRegionCalls
from terrella.region.configuration import HTTP, JOURNAL, RegionConfiguration, RegionSettings
from terrella.region.control import Control
from terrella.region.deployment import Deployed, Deployment
from terrella.region.desk import TrafficDesk, check_traffic_resources, contribution_of
from terrella.region.door import make_door, through_the_door
from terrella.region.endpoint import AwsEndpoint
from terrella.region.faults import RegionFaults
from terrella.region.faults.clock import AdjustableClock
from terrella.region.faults.mechanisms import mechanisms_of
from terrella.region.latencies import Latencies
from terrella.region.membership import MembershipKeeper, RegionStatus
from terrella.region.operations import RegionOperations
from terrella.region.participation import Participation
from terrella.region.roster import first_membership, roster, whole
from terrella.region.table_replication import TableReplication
from terrella.services.functions import Functions, function_of_access_key, token_of_access_key
from terrella.services.gateway import Gateway
from terrella.services.monitoring import Monitoring
from terrella.services.tables import Tables
from terrella.stack import Stack, Template, Verdict, coverage, evaluate, load_template
from terrella.traffic import CheckerRunner, NameServer, Observation
from terrella.wire.http import HttpServer
from terrella.wire.links import Links

_log = logging.getLogger(__name__)

_ADMISSION_INTERVAL_S = 0.05
_EXPIRY_INTERVAL_S = 0.25
_BULLETIN_CONNECT_TIMEOUT_S = 5.0
_ASKING_AROUND_S = 1.0


class Region:
    """Everything that one region runs. ``start`` in order, ``close`` in reverse."""

    def __init__(self, configuration: RegionConfiguration, clock: Clock, ids: Ids) -> None:
        self.configuration = configuration
        self.clock = clock = AdjustableClock(clock)
        self._ids = ids
        addresses = {name: settings.address for name, settings in configuration.regions.items()}
        self.regions: Mapping[str, RegionSettings] = dict(configuration.regions)
        self._whole = frozenset(configuration.regions)
        self.links = Links(configuration.region, addresses, configuration.links, ids)
        self.desk = TrafficDesk(addresses, configuration.profile, clock, ids, configuration.region)
        self.access = Access(configuration.security.access_keys, clock, token_of_access_key)
        self.calls = CrossRegionCalls(configuration.region, clock)
        self.latencies = Latencies(configuration.region, clock)
        self.bulletins = BulletinBoard(self._bulletin)
        self._tasks: set[asyncio.Task[None]] = set()
        self._applying = asyncio.Lock()
        self._serving = False
        self.applied_without_tables = False
        self._catching_up = False
        self._readers: dict[str, tuple[BulletinReader, asyncio.Task[None]]] = {}
        self._observations: dict[str, Observation] = {}
        self._closing = contextlib.AsyncExitStack()
        self.checker = CheckerRunner(
            configuration.region,
            self.links,
            configuration.profile,
            configuration.ports.application,
            locate=self.desk.resolver.locate,
            report=self._observed,
            clock=clock,
            ids=ids,
        )
        self.fatal: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def start(self, *, resume: bool) -> None:
        """Open the store, deploy the stack, listen, and begin to catch up. Raises ``TerrellaError``, ``OSError``."""
        own, ports = self.configuration.own, self.configuration.ports
        await self._open_store_and_services()
        await self.apply(resume=resume)
        self.replicator = Replicator(
            self.journal,
            through_the_door(self.configuration, self.links.streams, JOURNAL),
            self.peers,
            ports.replication,
            self.clock,
            self._ids,
            world=self.configuration.world,
            hold_s=self.configuration.profile.replication_lag_s,
        )
        self._closing.push_async_callback(self.replicator.stop)
        self.latencies.report = self.replicator.report
        self.name_server = NameServer(self.desk.resolver)
        self._closing.push_async_callback(self.name_server.close)
        await self.name_server.listen(own.address, ports.dns)
        self.operations = RegionOperations(self)
        self.endpoint = AwsEndpoint(
            self.configuration.region,
            tuple(self.regions),
            {
                "dynamodb": self.tables.handle,
                "lambda": self.functions.handle,
                "monitoring": self.monitoring.handle,
            },
            Control(*self.operations.tables(), self.operations.pages()).handle,
            through_the_door(self.configuration, self.links, HTTP),
            ports.replication,
            self.calls,
            function_of_access_key,
            self.access,
        )
        self._closing.callback(self.endpoint.close)
        self.faults = RegionFaults(mechanisms_of(self, self._ids), self.clock)
        self._closing.callback(self.faults.close)
        self.faults.set_all(self.configuration.faults)
        await self._open_door(self.endpoint)
        await self._listen(HttpServer(self.endpoint.handle), ports.aws)
        await self._listen(HttpServer(self.gateway.handle), ports.application)
        self._watch_peers()
        self._closing.push_async_callback(self.checker.close)
        self.checker.set_checks(self.desk.checks.values())
        self._serving = True
        self.desk.board.on_change(self.bulletins.changed)
        self._run(self._admit(), "admission")
        await self.participation.start()
        self._run(self.participation.take_part(), "taking part in deciding")
        self._run(self.participation.follow(), "following control state")
        self._run(self.participation.propose(), "proposing changes of membership")
        self._run(self.monitoring.run(), "monitoring")

    async def _open_door(self, endpoint: AwsEndpoint) -> None:
        """Let the others in, and begin to pull from them: in this order, for whoever is asked asks back at once."""
        server = HttpServer(endpoint.handle)
        self._closing.push_async_callback(server.close)
        door = make_door(self.configuration, self.replicator, server)
        self._closing.push_async_callback(door.close)
        await door.listen(self.configuration.own.address, self.configuration.ports.replication)
        self.replicator.pull()

    async def _open_store_and_services(self) -> None:
        c = self.configuration
        c.state_directory.mkdir(parents=True, exist_ok=True)
        self.journal = await Journal.open(
            c.state_directory / f"{c.region}.sqlite", c.region, self.clock, self._ids, on_fatal=self._on_fatal
        )
        self._closing.push_async_callback(self.journal.close)
        await self._learn_membership()
        replication = TableReplication(self.membership, self.participation.progress, self.asking.get)
        self.tables = Tables(self.journal, c.region, c.account, c.world, self.clock, self._ids, replication)
        self._closing.push_async_callback(self.tables.stop)
        await self.tables.start()
        self.monitoring = Monitoring(self.journal, c.region, self.latencies, self.clock, self._ids)
        self._closing.push_async_callback(self.monitoring.close)
        await self.monitoring.start()
        self.functions = Functions(
            c.region,
            c.account,
            c.own.azs,
            f"http://{c.own.address}:{c.ports.aws}",
            self.journal,
            c.state_directory,
            self.clock,
            self._ids,
            secret_of=self.access.secret_of,
        )
        self._closing.push_async_callback(self.functions.close)
        await self.functions.start()
        self.gateway = Gateway(c.region, c.account, self.functions, self.clock, self._ids)
        self.gateway.close_gate(f"{c.region} has just started")
        self.deployment = Deployment(
            c, self.journal, self.tables, self.functions, self.gateway, self.clock, self._holding_regions
        )
        await self.deployment.start()
        self.admission = Admission(
            self.clock.monotonic(), c.profile.readmission_bound_s, c.profile.readmission_timeout_s
        )

    async def _learn_membership(self) -> None:
        """The version that was held last; one that never held any asks the others whether there is one."""
        c = self.configuration
        self.asking = Asking(through_the_door(c, self.links, HTTP), c.ports.replication)
        self.membership = MembershipKeeper(c.region, first_membership(c), self.journal, self._ids, self.asking.ask)
        self._closing.callback(self.asking.close)
        self.participation = Participation(self, self.membership, self._ids)
        await self.membership.start()
        if not self.membership.stored:
            await self.membership.catch_up(c.peers, _ASKING_AROUND_S)
            await self.membership.settle()
        state = self.membership.current
        self.set_regions(roster(c, state), whole(state))

    def _holding_regions(self) -> list[str]:
        """Those that a new table's template can give it to."""
        world = self.membership.current.regions
        return [name for name in self.regions if name in world and world[name].status is not RegionStatus.LEAVING]

    @property
    def peers(self) -> tuple[str, ...]:
        """The other regions, as they are now."""
        return tuple(name for name in self.regions if name != self.configuration.region)

    def set_regions(self, regions: Mapping[str, RegionSettings], whole: frozenset[str]) -> None:
        """The world has these regions now, and clients are sent to those that are ``whole``."""
        gone = self.regions.keys() - regions.keys()
        fresh = regions.keys() - self.regions.keys()
        self.regions, self._whole = dict(regions), whole
        for name in fresh:
            self.links.add_region(name, regions[name].address)
        for name in gone:
            self.links.remove_region(name)
        withdrawn = [name for name in self.desk.contributors - whole if self.desk.withdraw(name)]
        if fresh or gone:
            self.desk.set_regions({name: settings.address for name, settings in regions.items()})
        if not self._serving:
            return
        if withdrawn:
            self.checker.set_checks(self.desk.checks.values())
        for name in fresh:
            self.replicator.add_peer(name)
        for name in gone:
            self.replicator.remove_peer(name)
            _, task = self._readers.pop(name)
            task.cancel()
            self.desk.board.forget(name)
        self.endpoint.set_regions(tuple(regions))
        self._watch_peers()

    async def _listen(self, server: HttpServer, port: int) -> None:
        self._closing.push_async_callback(server.close)
        await server.listen(self.configuration.own.address, port)

    async def apply(self, *, resume: bool = False) -> Deployed:
        """Read the template and bring this region to it; with ``resume``, what was deployed last stays.

        Raises ``TerrellaError``; what is wrong with a template is found before anything is changed.
        """
        async with self._applying:  # two at a time could end with half of each
            stacks: Mapping[str, Stack] | None = self.deployment.remembered() if resume else None
            resumed = stacks is not None
            if stacks is None:
                # In a thread: translating takes seconds, and the region goes on serving.
                stacks = await asyncio.to_thread(self._evaluate)
            # What another region has said of itself stays in force: it may not have been given this template yet.
            told = {
                name: contribution_of(stack)
                for name, stack in stacks.items()
                if name in self._whole and (name == self.configuration.region or name not in self.desk.heard)
            }
            for stack in stacks.values():
                check_traffic_resources(stack, self.configuration.template)
            self.desk.check(told)
            self.applied_without_tables = self.configuration.region not in self._holding_regions()
            deployed = await self.deployment.apply(stacks, resumed=resumed)
            self.desk.contribute(told)
            if self._serving:
                self.checker.set_checks(self.desk.checks.values())
            self.bulletins.changed()
            await self.participation.ask_for(deployed.replicas)
            return deployed

    def _evaluate(self) -> Mapping[str, Stack]:
        c = self.configuration
        template = load_template(c.template, c.state_directory / "cache")
        if not c.skip_unsupported:
            refuse_unsupported(template)
        return {
            name: evaluate(
                template,
                region=name,
                parameters=settings.parameters,
                stack_name=c.stack_name,
                account=c.account,
                world=c.world,
            )
            for name, settings in self.regions.items()
        }

    def share_contribution(self) -> None:
        """A region that is whole is found by name, also here; one that was not yet is from now on."""
        own = self.configuration.region
        if own in self._whole and own not in self.desk.contributors:
            self.desk.contribute({own: self.deployment.contribution()})
            self.checker.set_checks(self.desk.checks.values())

    def _watch_peers(self) -> None:
        doors = through_the_door(self.configuration, self.links.streams, HTTP)
        for peer in self.peers:
            if peer in self._readers:
                continue
            port = self.configuration.ports.replication
            reader = BulletinReader(
                partial(doors.connect, peer, port, _BULLETIN_CONNECT_TIMEOUT_S),
                partial(self._hear, peer),
                partial(self._lost, peer),
                self._ids,
            )
            self._readers[peer] = (reader, self._run(reader.run(), f"bulletins of {peer}"))

    def _lost(self, peer: str, _why: str) -> None:
        """The peer's bulletins stopped: what its checker saw is no longer counted on."""
        self.desk.board.forget(peer)

    def poke_peers(self) -> None:
        """A link has changed: try to reach the others now."""
        for reader, _ in self._readers.values():
            reader.poke()
        self.replicator.poke()

    def _hear(self, peer: str, bulletin: Mapping[str, Any]) -> None:
        self.latencies.hear(peer, bulletin)
        if peer in self._whole and self.desk.hear(peer, bulletin):
            self.checker.set_checks(self.desk.checks.values())
        if self.membership.is_news(bulletin.get("control", {})) and not self._catching_up:
            self._catching_up = True
            self._run(self._catch_up(peer), f"control state of {peer}")

    async def _catch_up(self, peer: str) -> None:
        try:
            await self.membership.catch_up([peer], _ASKING_AROUND_S)
        finally:
            self._catching_up = False

    def _observed(self, observation: Observation) -> None:
        """Own observations count here at once; the others hear of changes soon, of the rest with the next bulletin."""
        before = self._observations.get(observation.check_id)
        self._observations[observation.check_id] = observation
        self.desk.board.hear(self.configuration.region, [observation])
        if before is None or before.healthy != observation.healthy:
            self.bulletins.changed()

    async def _admit(self) -> None:
        """Until the region serves, look whether it has caught up; all along, drop what checkers saw too long ago."""
        while True:
            self.desk.board.expire()
            self._judge_admission()
            waiting = self.admission.current.state != SERVING
            await asyncio.sleep(_ADMISSION_INTERVAL_S if waiting else _EXPIRY_INTERVAL_S)

    def _judge_admission(self) -> None:
        before = self.admission.current
        away = self.participation.away()
        if away is None and before.state == SERVING:
            return
        state = self.admission.step(self.clock.monotonic(), self._peer_views(), away)
        if state.state == SERVING:
            _log.info("%s serves: %s", self.configuration.region, state.reason)
            self.gateway.open_gate()
        elif state.reason != before.reason:
            self.gateway.close_gate(f"{self.configuration.region} is {state.state}: it {state.reason}")
        if state.state != before.state:
            self.bulletins.changed()

    def _peer_views(self) -> dict[str, PeerView]:
        return {
            name: PeerView(peer.connected, None if peer.lag_ms is None else peer.lag_ms / 1000)
            for name, peer in self.replicator.status().items()
        }

    def _bulletin(self, full: bool) -> dict[str, Any]:
        more = {"status": self.operations.status()} if full else {}
        return {
            "region": self.configuration.region,
            "state": self.admission.current.state,
            "code_version": self.deployment.version,
            "observations": [(o.check_id, o.healthy, o.reason) for o in self.checker.observations()],
            "contribution": self.deployment.contribution() if self.configuration.region in self._whole else {},
            "lags_ms": self.latencies.told(),
            **self.participation.told(),
            **more,
        }

    def _run(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """A task of a region's own never ends by itself: if one does, the region has a bug and must not limp on."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None and not self.fatal.done():
            self.fatal.set_exception(error)

    def _on_fatal(self, error: BaseException) -> None:
        if not self.fatal.done():
            self.fatal.set_exception(error)

    async def close(self) -> None:
        """Stop in the reverse order of starting."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._closing.aclose()
        self.links.close()


def refuse_unsupported(template: Template) -> None:
    """Raises ``TerrellaError`` naming everything in the template that is refused."""
    refused = [one for one in coverage(template) if one.verdict is Verdict.REFUSED]
    if refused:
        listed = "\n".join(
            f"  {template.path.name}:{one.line}: {one.logical_id} ({one.type}"
            f"{'.' + one.property if one.property else ''}): {one.reason}"
            for one in refused
        )
        raise TerrellaError(
            "the template asks for what terrella does not serve yet"
            f" (terrella up --skip-unsupported leaves it out):\n{listed}"
        )


@contextlib.asynccontextmanager
async def running_region(
    configuration: RegionConfiguration, *, resume: bool = False, clock: Clock | None = None, ids: Ids | None = None
) -> AsyncIterator[Region]:
    """A region that runs within the block."""
    region = Region(configuration, clock or SystemClock(), ids or SystemIds())
    try:
        await region.start(resume=resume)
        yield region
    finally:
        await region.close()


async def run_until_stopped(
    configuration: RegionConfiguration, on_ready: Callable[[], None], *, resume: bool = False
) -> None:
    """Run until SIGTERM, SIGINT or a fatal error of the store (which is raised)."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with running_region(configuration, resume=resume) as region:
        _log.info("%s listens at %s, process %d", configuration.region, configuration.own.address, os.getpid())
        on_ready()
        keep_pauses_short()
        stopping = asyncio.create_task(stop.wait())
        both: list[asyncio.Future[Any]] = [stopping, region.fatal]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if region.fatal.done():
            region.fatal.result()
