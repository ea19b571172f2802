"""A region keeps in step with what is decided: whom it speaks to, what it holds, whether it takes clients.

Three tasks: one takes part in deciding, one follows (each new version of control state is acted on), one proposes (what
``next_commands`` finds). None of them stands between a request and its answer.
"""

import asyncio
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from terrella.journal import Event as StandingEvent
from terrella.journal import JournalError, StandingChange
from terrella.kernel import AwsError, Ids, TerrellaError
from terrella.region.admission import SERVING, Away
from terrella.region.membership import (
    ControlGroup,
    Facts,
    Holding,
    MembershipError,
    MembershipKeeper,
    MembershipState,
    ReplicaChange,
    Standing,
    next_commands,
    settled,
    standing,
)
from terrella.region.roster import links_of, roster, whole

if TYPE_CHECKING:
    from terrella.region.process import Region

_log = logging.getLogger(__name__)

_INTERVAL_S = 0.25
_PAUSE_S = 1.0
_QUIET_LEAST_S = 1.0
_PENDING = b"pending"
_INSIDE = (Standing.ACTIVE, Standing.JOINING, Standing.LEAVING)
_HOLLOW = ("draining", "discarding", "copying", "catching up")


class Participation:
    """One region's part in the membership. ``refusals`` says by command why it was not decided when last proposed."""

    def __init__(self, region: "Region", keeper: MembershipKeeper, ids: Ids) -> None:
        self._region = region
        self._ids = ids
        self._keeper = keeper
        self._name = region.configuration.region
        self._wake = asyncio.Event()
        self._propose_now = asyncio.Event()
        self._joined: dict[str, int] = {}
        self._drained: dict[str, int] = {}
        self._draining: set[tuple[str, str, int]] = set()
        self._pending: list[ReplicaChange] = []
        self._taken_in: list[str] = []
        self._look_at = 0.0
        self._followed: MembershipState | None = None
        self._leaving_since: float | None = None
        self._started = region.clock.monotonic()
        self._group: ControlGroup | None = None
        self._other_fork = asyncio.Event()
        self.refusals: dict[str, str] = {}

    async def start(self) -> None:
        """Be told of what is decided and of what the journal has done; take up what was pending."""
        stored = self._keeper.recall(_PENDING)
        if stored is not None:
            self._pending = msgspec.json.decode(stored, type=list[ReplicaChange])
        self._keeper.on_change(self.changed)
        self._region.journal.on_standing(self._standing_changed)

    def changed(self) -> None:
        """Something was decided."""
        self._wake.set()
        self._propose_now.set()
        if self._fork_to_join() != (self._group.fork if self._group is not None else ""):
            self._other_fork.set()

    @property
    def standing(self) -> Standing:
        """What this region is to the world."""
        return standing(self._keeper.current, self._name)

    @property
    def outside(self) -> bool:
        """Whether it is no part of the world (yet, or any more)."""
        return self.standing not in _INSIDE

    async def ask_for(self, changes: Iterable[ReplicaChange]) -> None:
        """The template that was applied has other replicas than the one before it."""
        fresh = [change for change in changes if change.region in self._keeper.current.regions]
        touched = {(change.id, change.region) for change in fresh}
        self._pending = [one for one in self._pending if (one.id, one.region) not in touched] + fresh
        await self._remember_pending()
        self._propose_now.set()

    # what clients find

    def away(self) -> Away | None:
        """Why this region takes no clients now, however well it has caught up; None if nothing of this kind."""
        state, name = self._keeper.current, self._name
        version = f"control version {state.version}"
        match self.standing:
            case Standing.EVICTED:
                return Away("evicted", f"was evicted ({version}); terrella region add {name} brings it back")
            case Standing.REMOVED:
                return Away("removed", f"was removed ({version}); terrella region add {name} brings it back")
            case Standing.STRANGER:
                return Away(
                    "outside", f"is no region of the world ({version}); terrella region add {name} makes it one"
                )
            case Standing.LEAVING if self._quiet():
                return Away("leaving", "hands on what it holds, and is about to go")
            case Standing.JOINING if self._region.applied_without_tables or self._missing() or self._joining():
                return Away("joining", ", ".join(map(self.progress, self._joining())) or "is about to join")
        lost = [id_ for id_ in self._hollow() if id_ in state.groups and name in state.groups[id_].members]
        return Away("recovering", ", ".join(map(self.progress, lost))) if lost else None

    def _hollow(self) -> list[str]:
        """Data sets that are just being taken in; looked up now and then, for it is asked again and again."""
        now = self._region.clock.monotonic()
        if now >= self._look_at:
            self._look_at = now + _INTERVAL_S
            statuses = self._region.journal.status().data_sets
            self._taken_in = [one.id for one in statuses if one.standing in _HOLLOW]
        return self._taken_in

    def progress(self, data_set_id: str) -> str:
        """How far this region is in taking in a data set, in words."""
        group = self._keeper.current.groups.get(data_set_id)
        one = next((each for each in self._region.journal.status().data_sets if each.id == data_set_id), None)
        if group is None:
            return ""
        if one is None:
            return f"is about to join {group.name}"
        behind = [peer.records_behind for peer in self._region.replicator.status().values() if peer.connected]
        known = [count for count in behind if count is not None]
        records = f", {max(known):,} records behind" if known else ""
        return f"joins {group.name} ({one.standing}): {one.items:,} items so far{records}"

    def _missing(self) -> list[str]:
        """What the template gives this region, and what the others have not given it yet."""
        groups = self._keeper.current.groups
        return [
            id_ for id_ in self._region.deployment.waiting if id_ in groups and self._name not in groups[id_].holders
        ]

    def _joining(self) -> list[str]:
        return [group.id for group in self._keeper.current.groups.values() if self._name in group.joining]

    def _quiet(self) -> bool:
        """Whether names have had the time to lead clients elsewhere."""
        if self._leaving_since is None:
            return False
        waited_s = self._region.clock.monotonic() - self._leaving_since
        return waited_s >= _QUIET_LEAST_S + self._region.desk.longest_ttl_s()

    # following

    async def follow(self) -> None:
        """Until cancelled: act on each version."""
        while True:
            self._wake.clear()
            if self._followed is not self._keeper.current:
                try:
                    await self._follow(self._keeper.current)
                except (TerrellaError, JournalError, AwsError) as error:
                    _log.warning("control version %d is acted on later: %s", self._keeper.current.version, error)
            await _wait(self._wake, None if self._followed is self._keeper.current else 4 * _INTERVAL_S)

    async def _follow(self, state: MembershipState) -> None:
        region = self._region
        at = standing(state, self._name)
        self._set_roster(state)
        if at is not Standing.LEAVING:
            self._leaving_since = None
        elif self._leaving_since is None:
            self._leaving_since = region.clock.monotonic()
        if at not in _INSIDE:
            region.applied_without_tables = True  # what was made here is to be asked for again
        elif at is not Standing.LEAVING and region.applied_without_tables:
            await region.apply()
        await region.tables.membership_changed()
        await self._hold_and_leave(state)
        region.share_contribution()
        self._followed = state
        region.bulletins.changed()

    def _set_roster(self, state: MembershipState) -> None:
        region = self._region
        regions = roster(region.configuration, state)
        for one in state.regions.values():
            for pair, link in links_of(one).items():
                if not region.links.knows(*pair):
                    region.links.set(*pair, link)
        region.set_regions(regions, whole(state))

    async def _hold_and_leave(self, state: MembershipState) -> None:
        """Make the tables that this region is to hold and lacks, begin to leave those that it is to give up.

        Take over what a region that joins (again) has and nobody else, where that is this region's part.
        """
        tables, journal = self._region.tables, self._region.journal
        held = {group.id for group in state.groups.values() if self._name in group.holders}
        if held & self._region.deployment.waiting.keys():
            await self._region.deployment.make_waiting()
        here = {one.data_set_id for one in tables.replicated()}
        standings = {one.id: one.standing for one in journal.status().data_sets}
        for group in state.groups.values():
            if self._name in group.joining and group.id not in here:
                await tables.adopt(group.id)
            if self._name in group.leaving and standings.get(group.id) == "member":
                await journal.leave(group.id)
            for returner in group.joining:
                order = (group.id, returner, group.epoch)
                if group.sources.get(returner) == self._name and order not in self._draining:
                    self._draining.add(order)
                    await journal.drain(group.id, returner)

    def _standing_changed(self, change: StandingChange) -> None:
        if change.event is StandingEvent.JOINED:
            self._joined[change.data_set_id] = change.epoch
        elif change.event is StandingEvent.LEFT:
            self._drained[change.data_set_id] = change.epoch
        self._propose_now.set()

    # deciding

    async def take_part(self) -> None:
        """Until cancelled: be a member of the group that decides, as long as this region is one of the world's."""
        region = self._region
        while True:
            self._other_fork.clear()
            self._group = None
            self._keeper.attach(None)
            if not self._fork_to_join():
                await self._other_fork.wait()
                continue
            group = ControlGroup(self._name, self._keeper, self._tell, region.clock, self._ids)
            self._group = group
            self._keeper.attach(group)
            running = asyncio.create_task(group.run())
            other = asyncio.create_task(self._other_fork.wait())
            try:
                await asyncio.wait([running, other], return_when=asyncio.FIRST_COMPLETED)
                if running.done():
                    running.result()
            except JournalError as error:
                _log.warning("this region takes no part in deciding for a moment: %s", error)
                await asyncio.sleep(_PAUSE_S)
            finally:
                running.cancel()
                other.cancel()
                await asyncio.gather(running, other, return_exceptions=True)

    def receive(self, fork: str, data: str, proven: str = "") -> None:
        """Another region's part in deciding says something: ``proven``'s, if that had to be shown."""
        if self._group is not None:
            self._group.receive(fork, data, proven)

    async def _tell(self, peer: str, body: dict[str, str]) -> None:
        await self._region.asking.tell(peer, "membership/raft", body)

    def _fork_to_join(self) -> str:
        return self._keeper.current.fork if self._name in self._keeper.current.regions else ""

    # proposing

    async def propose(self) -> None:
        """Until cancelled: propose what is due, and again what was refused."""
        while True:
            self._propose_now.clear()
            commands = next_commands(self._keeper.current, self._name, self._facts())
            refused: dict[str, str] = {}
            for command in commands:
                try:
                    await self._keeper.decide(command)
                except (MembershipError, JournalError) as error:
                    kind = type(command).__name__
                    if self.refusals.get(kind) != str(error):
                        _log.info("%s: %s", kind, error)
                    refused[kind] = str(error)
            self.refusals = refused
            await self._forget_settled()
            await _wait(self._propose_now, _INTERVAL_S if commands else 4 * _INTERVAL_S)

    def _facts(self) -> Facts:
        region, groups = self._region, self._keeper.current.groups
        told = {change.id for change in self._pending}
        return Facts(
            holdings={
                one.data_set_id: Holding(
                    one.data_set_id,
                    one.name,
                    one.identity,
                    one.members,
                    self._definition(one.data_set_id, told),
                    one.strong,
                )
                for one in region.tables.replicated()
            },
            wanted=set(region.deployment.waiting),
            joined=[id_ for id_, epoch in self._joined.items() if id_ in groups and groups[id_].epoch == epoch],
            drained=[id_ for id_, epoch in self._drained.items() if id_ in groups and groups[id_].epoch == epoch],
            pending=self._pending,
            ready=region.admission.current.state == SERVING and not region.applied_without_tables,
            quiet=self._quiet(),
            up_s=region.clock.monotonic() - self._started,
        )

    def _definition(self, data_set_id: str, told: set[str]) -> bytes:
        """Only where somebody is about to be told: it is longer than all the rest."""
        if data_set_id in self._keeper.current.groups and data_set_id not in told:
            return b""
        return self._region.tables.told_definition(data_set_id)

    async def _forget_settled(self) -> None:
        state = self._keeper.current
        left = [change for change in self._pending if not settled(state, change)]
        if len(left) != len(self._pending):
            self._pending = left
            try:
                await self._remember_pending()
            except JournalError as error:
                _log.warning("what is settled is looked at again after the next start: %s", error)

    async def _remember_pending(self) -> None:
        await self._keeper.remember(_PENDING, msgspec.json.encode(self._pending))

    # what is told of it

    def told(self) -> dict[str, Any]:
        """For the bulletin: which version this region acts on, and what it is to the world."""
        state = self._followed or self._keeper.current
        return {
            "standing": self.standing,
            "control": {"fork": state.fork, "generation": state.generation, "version": state.version},
        }

    def status(self) -> dict[str, Any]:
        """For people."""
        state = self._keeper.current
        return {
            "standing": self.standing,
            "control_version": state.version,
            "control_generation": state.generation,
            "majority_reachable": self._keeper.majority_reachable,
            "world_regions": {name: one.status for name, one in state.regions.items()},
            "former_regions": {name: one.how for name, one in state.former.items()},
            "joining": [self.progress(id_) for id_ in self._joining()],
            "refused_changes": self.refusals,
            "control_problem": self._keeper.problem,
        }


async def _wait(event: asyncio.Event, timeout_s: float | None) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await event.wait()
    except TimeoutError:
        pass
