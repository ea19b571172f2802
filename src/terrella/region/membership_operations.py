"""What operators and other regions ask about membership: ``/_terrella/membership`` and ``/_terrella/table``."""

from typing import TYPE_CHECKING, Any

import msgspec

from terrella.kernel import TerrellaError
from terrella.region.control import Call
from terrella.region.membership import (
    AddRegion,
    Command,
    EvictRegion,
    FlatVector,
    MembershipError,
    NoMajorityError,
    OutcomeUndecidedError,
    RemoveRegion,
    Standing,
    answer_of,
    flat,
    standing,
    told_to,
)

if TYPE_CHECKING:
    from terrella.region.process import Region


class MembershipOperations:
    """The actions of one region."""

    def __init__(self, region: "Region") -> None:
        self._region = region
        self._keeper = region.membership

    async def read(self, _call: Call) -> Any:
        """The version of control state that is held here, whole."""
        state = self._keeper.current
        return {
            "region": self._region.configuration.region,
            "state": msgspec.to_builtins(state),
            "majority_reachable": self._keeper.majority_reachable,
            "problem": self._keeper.problem,
            "alone": self._alone(),
        }

    def _alone(self) -> list[str]:
        """The tables with items that are not replicated at all."""
        tables = self._region.tables.status()
        return [f"{one.name} ({one.items:,} items)" for one in tables if one.lane == "local" and one.items]

    async def table(self, call: Call) -> Any:
        """Whether there is a table of this ``name`` here."""
        name = call.query.get("name", "")
        return {"exists": any(one.name == name for one in self._region.tables.status())}

    async def change(self, call: Call) -> Any:
        """``membership/raft`` and ``propose`` for other regions; ``add``, ``remove`` and ``evict`` for operators."""
        match call.words[1:]:
            case ("raft",):
                self._region.participation.receive(*told_to(call.body), call.proven)
                return {}
            case ("propose",):
                return await self._propose(call.body)
            case ("add",):
                command = _read(call.body, AddRegion)
                await self._keeper.decide(command)
                return {"standing": standing(self._keeper.current, command.name)}
            case ("remove",):
                return await self._remove(str(call.body.get("name", "")), bool(call.body.get("force")))
            case ("evict",):
                return await self._evict(str(call.body.get("name", "")), bool(call.body.get("force")))
        raise TerrellaError("expected membership/add, membership/remove, membership/evict or membership/propose")

    async def _propose(self, body: dict[str, Any]) -> Any:
        try:
            command = msgspec.convert(body.get("command"), Command)
        except msgspec.ValidationError as error:
            raise TerrellaError(f"found a command that is none ({error})") from error
        try:
            state = await self._keeper.decide(command, here=True)
        except MembershipError as error:
            return answer_of(error)
        return {"state": msgspec.to_builtins(state)}

    async def _remove(self, name: str, force: bool) -> Any:
        """A region that is there hands on what it holds. What no other region could ever have is not lost silently."""
        if standing(self._keeper.current, name) is Standing.ACTIVE and not force:
            alone = await self._held_alone(name)
            if alone:
                raise TerrellaError(
                    f"{name} alone has {', '.join(alone)}; with --force it is removed all the same, its file is kept"
                )
        await self._keeper.decide(RemoveRegion(name))
        return {"standing": standing(self._keeper.current, name)}

    async def _held_alone(self, name: str) -> list[str]:
        """What a region has that no other could ever have."""
        if name == self._region.configuration.region:
            return self._alone()
        try:
            return list((await self._region.asking.get(name, "membership"))["alone"])
        except OSError as error:
            raise TerrellaError(
                f"{name} does not answer ({error or type(error).__name__}): a region that is gone for good is evicted:"
                f" terrella region evict {name}"
            ) from error

    async def _evict(self, name: str, force: bool) -> Any:
        region = self._region
        if name == region.configuration.region:
            raise TerrellaError(f"{name} cannot evict itself; ask another region")
        peer = region.replicator.status().get(name)
        if peer is not None and peer.connected and not force:
            raise TerrellaError(f"{name} is there: terrella region remove {name} hands on what it holds before it goes")
        command = EvictRegion(name, self._floors(name), discard=force)
        forced = force and standing(self._keeper.current, name) is Standing.EVICTED
        try:
            if forced:  # it has decided for itself as well, and this side is to prevail
                await self._keeper.force(command)
            else:
                await self._keeper.decide(command)
        except (NoMajorityError, OutcomeUndecidedError) as error:
            if not force and isinstance(error, OutcomeUndecidedError):
                raise
            if not force:
                raise TerrellaError(
                    f"{error}. With --force {region.configuration.region} decides alone. Should the others be cut off"
                    " and not gone, they may decide otherwise meanwhile: that is lost when they are heard again, and"
                    " what both sides have written is merged as ever"
                ) from error
            await self._keeper.force(command)
            forced = True
        held = {id_: sum(sequence for _, _, sequence in floor) for id_, floor in command.floors.items()}
        return {"standing": standing(self._keeper.current, name), "forced": forced, "records_held": sum(held.values())}

    def _floors(self, name: str) -> dict[str, FlatVector]:
        """What is held here of the region's own records, by data set."""
        return {
            one.id: flat({origin: last for origin, last in one.vector.items() if origin[0] == name})
            for one in self._region.journal.status().data_sets
            if one.id in self._keeper.current.groups
        }


def _read(body: dict[str, Any], kind: type[AddRegion]) -> AddRegion:
    try:
        return msgspec.convert(body, kind)
    except msgspec.ValidationError as error:
        raise TerrellaError(f"found a body that does not fit ({error})") from error
