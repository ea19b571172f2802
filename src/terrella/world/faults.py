"""Faults of a running world: injected, kept for as long as they are wanted, and mended again.

What is broken is always derived from the faults that are active: two that overlap do not mend each other. The
supervisor kills, pauses and changes links itself; all else is done by the regions, which are told, and told again when
they start or speak again. A fault with a lease ends by itself unless it is renewed.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from terrella.kernel import Clock, TerrellaError
from terrella.region import MOMENTARY_FAULTS, check_fault
from terrella.wire.links import Link
from terrella.world.client import UnansweredError
from terrella.world.control_state import KILL, LINK, PAUSE, ControlState, FaultRecord, named_in
from terrella.world.events import Mood

if TYPE_CHECKING:
    from terrella.world.supervisor import Supervisor

_TELL_TIMEOUT_S = 2.0
_LINK_FIELDS = {"delay_ms", "jitter_ms", "loss", "bandwidth_bytes_per_s", "cut"}


class FaultRequest(msgspec.Struct, forbid_unknown_fields=True):
    """What ``POST /_terrella/faults`` takes. The same id again, with the same content, renews its lease."""

    id: str
    kind: str
    parameters: dict[str, Any] = {}
    regions: list[str] = []
    lease_s: float | None = None


class WorldFaults:
    """The faults of the world that ``supervisor`` runs; ``state`` keeps them."""

    def __init__(self, supervisor: "Supervisor", state: ControlState, clock: Clock) -> None:
        self._supervisor = supervisor
        self._state = state
        self._clock = clock
        self._changing = asyncio.Lock()
        self._leases = asyncio.Event()
        self._untold: set[str] = set()
        self._telling: dict[str, asyncio.Task[None]] = {}
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)  # a region hears one thing at a time
        state.keep_faults(supervisor.world.regions, clock.now_ms())

    # what can be asked

    def report(self) -> list[dict[str, Any]]:
        """Every active fault, in the order in which they came."""
        now_ms = self._clock.now_ms()
        return [
            {
                "id": fault.id,
                "kind": fault.kind,
                "parameters": fault.parameters,
                "regions": sorted(named_in(fault)) or list(self._supervisor.world.regions),
                "since_ms": fault.since_ms,
                "ends_in_s": None if fault.expires_ms is None else max(0, fault.expires_ms - now_ms) / 1000,
            }
            for fault in self._state.faults
        ]

    def killed(self, region: str) -> bool:
        """Whether a fault holds a region down."""
        return self._state.done_to(KILL, region)

    def paused(self, region: str) -> bool:
        """Whether a fault has paused a region."""
        return self._state.done_to(PAUSE, region)

    # what is done

    async def inject(self, asked: FaultRequest) -> dict[str, Any]:
        """Break something. Raises ``TerrellaError``, and then nothing is broken."""
        self._check(asked)
        async with self._changing:
            known = self._find(asked.id)
            same = known is not None and (known.kind, known.parameters, known.regions) == (
                asked.kind,
                asked.parameters,
                asked.regions,
            )
            if known is not None and same:
                self._renew(known, asked.lease_s)
                return {"id": known.id}
            if known is not None:
                await self._end(known, "")
            now_ms = self._clock.now_ms()
            expires_ms = None if asked.lease_s is None else now_ms + round(asked.lease_s * 1000)
            fault = FaultRecord(asked.id, asked.kind, now_ms, asked.parameters, asked.regions, expires_ms)
            self._state.faults.append(fault)
            self._state.save()
            try:
                answer = await self._begin(fault)
            except TerrellaError:
                self._drop(fault)
                await self._undo(fault)
                raise
            if fault.kind in MOMENTARY_FAULTS:
                self._drop(fault)
            self._leases.set()
            self._supervisor.tell(Mood.BAD, self._whose(fault), f"fault: {fault.id}")
            return {"id": fault.id, **answer}

    async def end(self, fault_id: str, why: str = "") -> dict[str, Any]:
        """Mend it; ``ended`` is False if there was no such fault."""
        async with self._changing:
            fault = self._find(fault_id)
            if fault is not None:
                await self._end(fault, why)
            return {"id": fault_id, "ended": fault is not None}

    async def end_all(self) -> dict[str, Any]:
        """Mend everything that faults have broken."""
        async with self._changing:
            ended = [fault.id for fault in self._state.faults]
            for fault in reversed(list(self._state.faults)):
                await self._end(fault, "")
            return {"ended": ended}

    async def renew(self, ids: list[str], lease_s: float) -> dict[str, Any]:
        """These go on for so long; answers those that had ended already."""
        found = {fault_id: self._find(fault_id) for fault_id in ids}
        for fault in found.values():
            if fault is not None:
                self._renew(fault, lease_s)
        return {"unknown": [fault_id for fault_id, fault in found.items() if fault is None]}

    def let_live(self, region: str) -> bool:
        """A region was restored by hand: the faults that had killed or paused it are over. True if there were any."""
        over = [each for each in self._state.faults if each.kind in (KILL, PAUSE) and each.region == region]
        for fault in over:
            self._drop(fault)
        return bool(over)

    def heal(self, pair: tuple[str, str]) -> None:
        """A link was healed by hand: no fault changes this direction any more."""
        self._leave_out(lambda each: each == pair)

    def forget_region(self, region: str) -> None:
        """A region has left the world, and what was done to it with it."""
        self._state.faults = [fault for fault in self._state.faults if not fault.concerns(region)]
        self._leave_out(lambda each: region in each)
        self._untold.discard(region)

    def _leave_out(self, gone: Callable[[tuple[str, str]], bool]) -> None:
        """Some directions of links are no fault's any more; a fault that is left with none is over."""
        kept = []
        for fault in self._state.faults:
            if fault.kind == LINK:
                pairs = [list(pair) for pair in fault.pairs if not gone(pair)]
                if not pairs:
                    continue
                fault = msgspec.structs.replace(fault, parameters={**fault.parameters, "pairs": pairs})
            kept.append(fault)
        self._state.faults = kept
        self._state.save()

    # leases

    async def run(self) -> None:
        """Until cancelled: end what is not renewed."""
        while True:
            self._leases.clear()
            now_ms = self._clock.now_ms()
            ends_ms = [fault.expires_ms for fault in self._state.faults if fault.expires_ms is not None]
            for fault in list(self._state.faults):
                if fault.expires_ms is not None and fault.expires_ms <= now_ms:
                    await self.end(fault.id, " (its lease was not renewed)")
            if any(each <= now_ms for each in ends_ms):
                continue
            try:
                async with asyncio.timeout((min(ends_ms) - now_ms) / 1000 if ends_ms else None):
                    await self._leases.wait()
            except TimeoutError:
                pass

    def _renew(self, fault: FaultRecord, lease_s: float | None) -> None:
        expires_ms = None if lease_s is None else self._clock.now_ms() + round(lease_s * 1000)
        fresh = msgspec.structs.replace(fault, expires_ms=expires_ms)
        self._state.faults = [fresh if each.id == fault.id else each for each in self._state.faults]
        self._state.save()
        self._leases.set()

    # what the regions do

    def heard(self, region: str) -> None:
        """A region speaks: tell it what it has not been told."""
        if region in self._untold and region not in self._telling:
            task = asyncio.get_running_loop().create_task(self._tell_all(region), name=f"faults of {region}")
            self._telling[region] = task
            task.add_done_callback(lambda _: self._telling.pop(region, None))

    async def _tell_all(self, region: str) -> None:
        async with self._turns[region]:
            body = {"faults": [_order(fault) for fault in self._state.faults if fault.is_for(region)]}
            self._untold.discard(region)
            try:
                await self._supervisor.control(region).post("/_terrella/faults/all", body, _TELL_TIMEOUT_S)
            except TerrellaError:
                self._untold.add(region)  # with its next bulletin, again

    async def _tell_one(self, region: str, fault: FaultRecord) -> int:
        """How often it was done at once. Raises ``TerrellaError`` if the region refuses."""
        if not self._supervisor.views[region].reachable:
            self._untold.add(region)
            return 0
        async with self._turns[region]:
            try:
                answer = await self._supervisor.control(region).post(
                    "/_terrella/faults", _order(fault), _TELL_TIMEOUT_S
                )
            except UnansweredError:
                self._untold.add(region)
                return 0
            return int(answer.get("done", 0))

    def _regions_of(self, fault: FaultRecord) -> list[str]:
        return [name for name in self._supervisor.views if fault.is_for(name)]

    # one fault

    def _check(self, asked: FaultRequest) -> None:
        world = self._supervisor.world
        if not asked.id or (asked.lease_s is not None and asked.lease_s <= 0):
            raise TerrellaError("found no id, or a lease of no time, expected a fault with an id and lease_s above 0")
        if asked.kind in (KILL, PAUSE):
            named = {str(asked.parameters.get("region"))}
        elif asked.kind == LINK:
            pairs, changes = asked.parameters.get("pairs"), asked.parameters.get("changes")
            if not isinstance(pairs, list) or not isinstance(changes, dict) or not set(changes) <= _LINK_FIELDS:
                raise TerrellaError(f"found the link fault {asked.id} without pairs or fitting changes, expected both")
            named = {name for pair in pairs for name in pair}
            self._check_links(pairs, changes)
        else:
            check_fault(asked.kind, asked.parameters)
            named = set(asked.regions)
        for name in sorted(named - set(world.regions)):
            raise TerrellaError(f"the world {world.name} has no region {name}; it has {', '.join(world.regions)}")

    def _check_links(self, pairs: list[list[str]], changes: dict[str, Any]) -> None:
        usual = self._supervisor.world.links
        for pair in pairs:
            if tuple(pair) not in usual:
                raise TerrellaError(f"found the link {' -> '.join(pair)}, expected two different regions of the world")
            try:
                msgspec.convert({**msgspec.to_builtins(usual[pair[0], pair[1]]), **changes}, Link)
            except msgspec.ValidationError as error:
                raise TerrellaError(f"the link {' -> '.join(pair)}: {error}") from error

    async def _begin(self, fault: FaultRecord) -> dict[str, Any]:
        supervisor = self._supervisor
        if fault.kind == KILL:
            view = supervisor.views[fault.region]
            last = view.last_known()
            await view.keeper.kill()
            return {"at_risk": last.get("at_risk"), "heard_s_ago": last["heard_s_ago"]}
        if fault.kind == PAUSE:
            supervisor.views[fault.region].keeper.pause()
            return {}
        if fault.kind == LINK:
            await supervisor.tell_links(fault.pairs)
            return {}
        done = await asyncio.gather(*(self._tell_one(name, fault) for name in self._regions_of(fault)))
        return {"done": sum(done)} if fault.kind in MOMENTARY_FAULTS else {}

    async def _undo(self, fault: FaultRecord) -> None:
        """The fault is no longer among the active ones: make everything as those say."""
        supervisor = self._supervisor
        if fault.kind in (KILL, PAUSE):
            supervisor.bring_to_life(fault.region)
        elif fault.kind == LINK:
            await supervisor.tell_links(fault.pairs)
        else:
            regions = self._regions_of(fault)
            self._untold.update(regions)
            await asyncio.gather(*(self._tell_all(name) for name in regions if supervisor.views[name].reachable))

    async def _end(self, fault: FaultRecord, why: str) -> None:
        self._drop(fault)
        await self._undo(fault)
        self._supervisor.tell(Mood.GOOD, self._whose(fault), f"no longer: {fault.id}{why}")

    def _drop(self, fault: FaultRecord) -> None:
        self._state.faults = [each for each in self._state.faults if each.id != fault.id]
        self._state.save()

    def _find(self, fault_id: str) -> FaultRecord | None:
        return next((fault for fault in self._state.faults if fault.id == fault_id), None)

    def _whose(self, fault: FaultRecord) -> str:
        named = sorted(named_in(fault))
        return named[0] if len(named) == 1 else ""


def _order(fault: FaultRecord) -> dict[str, Any]:
    """As a region takes it."""
    return {"id": fault.id, "kind": fault.kind, "parameters": fault.parameters, "since_ms": fault.since_ms}
