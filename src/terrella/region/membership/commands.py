"""What can be asked of control state, and what comes of it: ``apply`` answers the next version, or refuses.

Every command may be asked for again, because nobody can tell a lost answer from a lost question: what is so already
answers the state as it is. Nothing here waits, draws or looks at a clock, so every region comes to the same.
"""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from terrella.region.membership.errors import RefusedError
from terrella.region.membership.state import (
    Eviction,
    FlatVector,
    Former,
    LinkSettings,
    MembershipState,
    RegionStatus,
    ReplicaGroup,
    Standing,
    WorldRegion,
)

D = TypeVar("D")

EPOCHS_OF_A_GENERATION = 1 << 32
_FIXED = "the regions of a strongly consistent table are the ones that it was made with"


class AddRegion(msgspec.Struct, frozen=True, tag=True):
    """A region becomes part of the world, or part of it again. It decides, and serves, once it has joined."""

    name: str
    ordinal: int
    address: str
    azs: tuple[str, ...]
    parameters: dict[str, str] = {}
    links: dict[str, LinkSettings] = {}


class RegionJoined(msgspec.Struct, frozen=True, tag=True):
    """A region that was joining has all that it is to hold, and serves."""

    name: str


class RemoveRegion(msgspec.Struct, frozen=True, tag=True):
    """A region is to leave: it is no longer sent clients, then gives up what it holds, and is gone."""

    name: str


class RegionLeft(msgspec.Struct, frozen=True, tag=True):
    """A leaving region holds nothing any more that the others lack."""

    name: str


class EvictRegion(msgspec.Struct, frozen=True, tag=True):
    """A region that is gone stops counting for anything.

    ``floors`` holds by data set what the others have of its records. ``discard`` gives up what it holds alone.
    """

    name: str
    floors: dict[str, FlatVector] = {}
    discard: bool = False


class Register(msgspec.Struct, frozen=True, tag=True):
    """A data set that is new: who holds it from the beginning."""

    id: str
    name: str
    members: tuple[str, ...]
    identity: str = ""
    definition: bytes = b""
    fixed: bool = False


class Forget(msgspec.Struct, frozen=True, tag=True):
    """A data set's last member deletes it."""

    id: str
    region: str


class AddReplica(msgspec.Struct, frozen=True, tag=True):
    """A region is to hold a data set. ``source`` is the member whose snapshot it takes; "" leaves the choice open."""

    id: str
    region: str
    source: str = ""
    definition: bytes = b""


class Joined(msgspec.Struct, frozen=True, tag=True):
    """A joining region has its snapshot, and what was written since its start."""

    id: str
    region: str


class RemoveReplica(msgspec.Struct, frozen=True, tag=True):
    """A region is to give up a data set, or does not join it after all."""

    id: str
    region: str


class Drained(msgspec.Struct, frozen=True, tag=True):
    """The other members hold all that a leaving region has written."""

    id: str
    region: str


Command = (
    AddRegion
    | RegionJoined
    | RemoveRegion
    | RegionLeft
    | EvictRegion
    | Register
    | Forget
    | AddReplica
    | Joined
    | RemoveReplica
    | Drained
)

encode_command = msgspec.json.Encoder(order="deterministic").encode
decode_command = msgspec.json.Decoder(Command).decode


def apply(state: MembershipState, command: Command) -> MembershipState:
    """The state after a command: the next version, or this very one if it is so already. Raises ``RefusedError``."""
    after = _DECIDERS[type(command)](state, command)
    return after if after is state else replace(after, version=state.version + 1)


def force(state: MembershipState, command: EvictRegion, fork: str) -> MembershipState:
    """An eviction that no majority has agreed to: the beginning of another generation. Raises ``RefusedError``.

    What the old generation decides from now on, or has decided where this region could not hear it, is lost. Of two
    sides that were both forced, the one that is forced once more prevails.
    """
    after = apply(state, command)
    if after is state:
        after = replace(state, version=state.version + 1)
    # What the other side may decide meanwhile in its own generation must not have an epoch that is decided here.
    groups = {id_: replace(group, epoch=group.epoch + EPOCHS_OF_A_GENERATION) for id_, group in after.groups.items()}
    return replace(after, groups=groups, generation=state.generation + 1, fork=fork, born=after.version)


# regions of the world


def _add_region(state: MembershipState, command: AddRegion) -> MembershipState:
    known = state.regions.get(command.name)
    if known is not None:
        if known.status is RegionStatus.LEAVING:
            raise RefusedError(f"{command.name} is leaving: it can be added again when it is gone")
        return state
    for other in state.regions.values():
        if other.address == command.address or other.ordinal == command.ordinal:
            raise RefusedError(f"{command.name} cannot be at {command.address}: {other.name} is there")
    fresh = WorldRegion(
        command.name,
        command.ordinal,
        command.address,
        command.azs,
        command.parameters,
        command.links,
        RegionStatus.JOINING,
    )
    former = {name: one for name, one in state.former.items() if name != command.name}
    return replace(state, regions={**state.regions, command.name: fresh}, former=former)


def _region_joined(state: MembershipState, command: RegionJoined) -> MembershipState:
    region = _region(state, command.name)
    if region.status is RegionStatus.ACTIVE:
        return state
    if region.status is RegionStatus.LEAVING:
        raise RefusedError(f"{command.name} is leaving")
    waiting = sorted(group.name for group in state.groups.values() if command.name in group.joining)
    if waiting:
        raise RefusedError(f"{command.name} is not ready: it is still joining {', '.join(waiting)}")
    return _with_status(state, region, RegionStatus.ACTIVE)


def _remove_region(state: MembershipState, command: RemoveRegion) -> MembershipState:
    region = _region(state, command.name)
    if region.status is RegionStatus.LEAVING:
        return state
    _need_another_region(state, command.name)
    alone = sorted(group.name for group in state.groups.values() if group.members == (command.name,))
    if alone:
        raise RefusedError(f"{command.name} alone holds {', '.join(alone)}: add another replica, or delete it, before")
    fixed = sorted(group.name for group in state.groups.values() if group.fixed and command.name in group.holders)
    if fixed:
        raise RefusedError(f"{command.name} holds {', '.join(fixed)}: {_FIXED}")
    return _with_status(state, region, RegionStatus.LEAVING)


def _region_left(state: MembershipState, command: RegionLeft) -> MembershipState:
    if command.name not in state.regions and state.former.get(command.name, None) is not None:
        return state
    region = _region(state, command.name)
    if region.status is not RegionStatus.LEAVING:
        raise RefusedError(f"{command.name} is not leaving")
    holding = sorted(group.name for group in state.groups.values() if command.name in group.holders)
    if holding:
        raise RefusedError(f"{command.name} is not drained: it still holds {', '.join(holding)}")
    return _without_region(state, region, Standing.REMOVED)


def _evict_region(state: MembershipState, command: EvictRegion) -> MembershipState:
    if command.name not in state.regions and state.former.get(command.name, None) is not None:
        return state
    region = _region(state, command.name)
    _need_another_region(state, command.name)
    groups: dict[str, ReplicaGroup] = {}
    alone = []
    for group in state.groups.values():
        if group.members == (command.name,):
            alone.append(group.name)
        elif command.name in group.holders:
            groups[group.id] = _evicted(group, command.name, command.floors.get(group.id, ()))
        else:
            groups[group.id] = group
    if alone and not command.discard:
        raise RefusedError(f"{command.name} alone holds {', '.join(sorted(alone))}: without it that would be lost")
    return _without_region(replace(state, groups=groups), region, Standing.EVICTED)


# data sets


def _register(state: MembershipState, command: Register) -> MembershipState:
    if command.id in state.groups:
        return state
    if not command.members:
        raise RefusedError(f"{command.name} needs a region that holds it")
    for name in command.members:
        _region(state, name)
    members = tuple(sorted(set(command.members)))
    group = ReplicaGroup(
        command.id, command.name, command.identity, 1, members, definition=command.definition, fixed=command.fixed
    )
    return _with_group(state, group)


def _forget(state: MembershipState, command: Forget) -> MembershipState:
    group = state.groups.get(command.id)
    if group is None:
        return state
    others = [name for name in group.holders if name != command.region]
    if others:
        raise RefusedError(f"{group.name} is held by {', '.join(others)} as well")
    return replace(state, groups={id_: one for id_, one in state.groups.items() if id_ != command.id})


def _add_replica(state: MembershipState, command: AddReplica) -> MembershipState:
    group = _group(state, command.id)
    region = _region(state, command.region)
    if region.status is RegionStatus.LEAVING or command.region in group.leaving:
        raise RefusedError(f"{command.region} is leaving")
    if command.region in group.holders:
        return state
    if group.fixed and command.region not in group.evicted:
        raise RefusedError(f"{command.region} cannot join {group.name}: {_FIXED}")
    _need_rest(group)
    source = command.source or group.members[0]
    if source not in group.members:
        raise RefusedError(f"{source} holds no {group.name}: it has no snapshot to give")
    return _with_group(
        state,
        replace(
            group,
            epoch=group.epoch + 1,
            joining=(command.region,),
            sources={command.region: source},
            definition=command.definition or group.definition,
        ),
    )


def _joined(state: MembershipState, command: Joined) -> MembershipState:
    group = _group(state, command.id)
    if command.region in group.members:
        return state
    if command.region not in group.joining:
        raise RefusedError(f"{command.region} is not joining {group.name}")
    return _with_group(
        state,
        replace(
            group,
            epoch=group.epoch + 1,
            members=tuple(sorted((*group.members, command.region))),
            joining=_less(group.joining, command.region),
            evicted=_dropped(group.evicted, command.region),
            sources=_dropped(group.sources, command.region),
        ),
    )


def _remove_replica(state: MembershipState, command: RemoveReplica) -> MembershipState:
    group = _group(state, command.id)
    if command.region in group.joining:
        return _with_group(state, _stop_joining(group, command.region))
    if command.region not in group.members or command.region in group.leaving:
        return state
    if group.fixed:
        raise RefusedError(f"{command.region} cannot leave {group.name}: {_FIXED}")
    return _with_group(state, _leaving(group, command.region))


def _drained(state: MembershipState, command: Drained) -> MembershipState:
    group = _group(state, command.id)
    if command.region not in group.members:
        return state
    if command.region not in group.leaving:
        raise RefusedError(f"{command.region} is not leaving {group.name}")
    assert len(group.members) > 1, f"the last member of {group.name} was leaving it"
    return _with_group(
        state,
        replace(
            group,
            epoch=group.epoch + 1,
            members=_less(group.members, command.region),
            leaving=_less(group.leaving, command.region),
        ),
    )


# one group


def _leaving(group: ReplicaGroup, region: str) -> ReplicaGroup:
    if region in group.leaving:
        return group
    if group.members == (region,):
        raise RefusedError(f"{region} alone holds {group.name}: add another replica, or delete it, before")
    _need_rest(group)
    return replace(group, epoch=group.epoch + 1, leaving=(region,))


def _stop_joining(group: ReplicaGroup, region: str) -> ReplicaGroup:
    return replace(
        group,
        epoch=group.epoch + 1,
        joining=_less(group.joining, region),
        sources=_dropped(group.sources, region),
    )


def _evicted(group: ReplicaGroup, region: str, floor: FlatVector) -> ReplicaGroup:
    """Without a region. If another one was taking its snapshot from it, that one goes on with the next member."""
    members = _less(group.members, region)
    leaving = _less(group.leaving, region)
    if members == leaving:
        leaving = ()  # the last one stays, whatever it was about to do
    epoch = group.epoch + 1
    before = group.evicted.get(region)
    evicted = {**group.evicted, region: Eviction(epoch, before.floor if before is not None else floor)}
    sources = _dropped(group.sources, region)
    for joiner, source in list(sources.items()):
        if source == region:
            sources[joiner] = members[0]
    return replace(
        group,
        epoch=epoch,
        members=members,
        joining=_less(group.joining, region),
        leaving=leaving,
        evicted=evicted,
        sources=sources,
    )


def _need_rest(group: ReplicaGroup) -> None:
    if group.changing:
        raise RefusedError(f"{group.changing}: one change of it at a time")


# parts


def _region(state: MembershipState, name: str) -> WorldRegion:
    region = state.regions.get(name)
    if region is None:
        former = state.former.get(name)
        was = f" (it was {former.how} in version {former.version})" if former is not None else ""
        raise RefusedError(f"{name} is no region of this world{was}; there are {', '.join(state.regions)}")
    return region


def _group(state: MembershipState, group_id: str) -> ReplicaGroup:
    group = state.groups.get(group_id)
    if group is None:
        raise RefusedError(f"nothing is known of a data set {group_id}")
    return group


def _need_another_region(state: MembershipState, name: str) -> None:
    others = [one for one in state.regions.values() if one.status is RegionStatus.ACTIVE and one.name != name]
    if not others:
        raise RefusedError(f"{name} is the last region that is whole")


def _with_group(state: MembershipState, group: ReplicaGroup) -> MembershipState:
    return replace(state, groups={**state.groups, group.id: group})


def _with_status(state: MembershipState, region: WorldRegion, status: RegionStatus) -> MembershipState:
    return replace(state, regions={**state.regions, region.name: replace(region, status=status)})


def _without_region(state: MembershipState, region: WorldRegion, how: Standing) -> MembershipState:
    gone = Former(how, state.version + 1, region.ordinal, region.address)
    return replace(state, regions=_dropped(state.regions, region.name), former={**state.former, region.name: gone})


def _less(regions: tuple[str, ...], region: str) -> tuple[str, ...]:
    return tuple(name for name in regions if name != region)


def _dropped(mapping: Mapping[str, D], key: str) -> dict[str, D]:
    return {name: one for name, one in mapping.items() if name != key}


_DECIDERS: dict[type, Callable[[MembershipState, Any], MembershipState]] = {
    AddRegion: _add_region,
    RegionJoined: _region_joined,
    RemoveRegion: _remove_region,
    RegionLeft: _region_left,
    EvictRegion: _evict_region,
    Register: _register,
    Forget: _forget,
    AddReplica: _add_replica,
    Joined: _joined,
    RemoveReplica: _remove_replica,
    Drained: _drained,
}
